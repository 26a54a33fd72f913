"""Sessions that go as they should, or are refused in an orderly way: servers, clients, chunk sizes, timestamps."""

import time

import clients
import servers
import truth
from clients import KEY, URL
from lab import IP, PEERS

from . import FFMPEG_LOG, NGINX, PLAYED, PUBLISHED, RTMPDUMP_FILE, connection, keep_log, played, scenario


def without_times(path):
    """rtmpdump adds the position it asked for to every timestamp of the file."""
    return [[kind, None, *rest] for kind, _, *rest in truth.flv(path)]


REBASED_FILE = ("down", "rtmpdump file", without_times, "dumped.flv")


# --- nginx -----------------------------------------------------------------------------------------------------------


@scenario(NGINX, "ffmpeg, librtmp", [PUBLISHED, PLAYED])
def nginx_publish_play(lab):
    """ffmpeg publishes H.264 and AAC to nginx for 6 s; a player through librtmp joins late and leaves early."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1.5)
        clients.librtmp_play(lab, seconds=3)
        publisher.wait(15)


@scenario(NGINX, "ffmpeg", [PUBLISHED, played(FFMPEG_LOG)], format="nsecpcap")
def nginx_ffmpeg_play(lab):
    """ffmpeg publishes, a second ffmpeg plays for 4 s."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1)
        keep_log(lab, clients.ffmpeg_play(lab), "played.log")
        publisher.wait(15)


@scenario(NGINX, "ffmpeg, rtmpdump", [PUBLISHED, played(RTMPDUMP_FILE)])
def nginx_rtmpdump_play(lab):
    """ffmpeg publishes, rtmpdump plays the live stream and stops after 4 s. nginx has chunk size 1024."""
    servers.nginx(lab, server="chunk_size 1024;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=7, start=True)
        time.sleep(1)
        clients.rtmpdump(lab, "-v")
        publisher.wait(15)


@scenario(NGINX, "gstreamer", [PUBLISHED])
def nginx_gst_rtmp2sink(lab):
    """gstreamer's own rtmp2sink publishes for 4 s with chunk size 128; audio and video come from live sources."""
    servers.nginx(lab)
    with lab.capture():
        clients.gstreamer(lab, f"rtmp2sink location={URL}", seconds=4)


@scenario(NGINX, "gstreamer, librtmp", [PUBLISHED])
def nginx_gst_rtmpsink(lab):
    """gstreamer's rtmpsink, which is librtmp, publishes for 4 s: everything on one chunk stream."""
    servers.nginx(lab)
    with lab.capture():
        clients.gstreamer(lab, f"rtmpsink location='{URL} live=1'", seconds=4)


@scenario(
    NGINX,
    "ffmpeg",
    [
        connection(
            "publish",
            "connect unanswered: nginx closes the connection without a word, it has no such application",
            app="nosuch",
        )
    ],
)
def nginx_wrong_app(lab):
    """ffmpeg wants to publish to an application that nginx does not have."""
    servers.nginx(lab)
    with lab.capture():
        clients.ffmpeg_publish(lab, url=f"rtmp://{IP}/nosuch/{KEY}", seconds=2)


@scenario(
    NGINX,
    "ffmpeg",
    [
        PUBLISHED,
        connection("publish", "publish rejected by the server: the name is in use", "NetStream.Publish.BadName"),
    ],
)
def nginx_duplicate_publish(lab):
    """ffmpeg publishes; a second ffmpeg publishes the same name while the first goes on."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        first = clients.ffmpeg_publish(lab, seconds=5, start=True)
        time.sleep(2)
        clients.ffmpeg_publish(lab, seconds=2)
        first.wait(15)


@scenario(
    NGINX,
    "ffmpeg, rtmpdump",
    [PUBLISHED, played(RTMPDUMP_FILE)],
    oddities=["windows of 4,000 bytes: an Acknowledgement every 4,000 bytes from nginx, rtmpdump's own at its pace"],
)
def nginx_small_windows(lab):
    """nginx announces a window of 4,000 bytes, so acknowledgements are frequent; chunk size 128 both ways."""
    servers.nginx(lab, server="chunk_size 128; ack_window 4000;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=6, start=True)
        time.sleep(1)
        clients.rtmpdump(lab, "-v", seconds=3)
        publisher.wait(15)


@scenario(
    NGINX, "ffmpeg, rtmpdump, librtmp, imageio-ffmpeg", [PUBLISHED, PLAYED, PLAYED, PLAYED, PLAYED], format="pcapng"
)
def nginx_many_players(lab):
    """One publisher and four players at once: librtmp, ffmpeg, rtmpdump and the current ffmpeg."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=7, start=True)
        time.sleep(1)
        players = [clients.librtmp_play(lab, seconds=4, start=True)]
        time.sleep(0.3)
        players.append(clients.ffmpeg_play(lab, seconds=3, start=True, level="info"))
        time.sleep(0.3)
        players.append(clients.rtmpdump(lab, "-v", seconds=3, start=True))
        time.sleep(0.3)
        players.append(clients.ffmpeg_play(lab, seconds=3, start=True, level="info", ffmpeg=clients.new_ffmpeg()))
        for player in [*players, publisher]:
            player.wait(12)


@scenario(
    NGINX,
    "rtmpdump",
    [
        connection(
            "play",
            "a file played from 2 s to 5 s, then ended by the client",
            "NetStream.Play.Start",
            truth=[REBASED_FILE],
        )
    ],
)
def nginx_vod_seek(lab):
    """nginx serves a recorded file; rtmpdump asks for seconds 2 to 5 of it (play with a start, then a stop)."""
    (lab.work / "vod").mkdir()
    (lab.work / "vod" / "film.flv").write_bytes(clients.media().read_bytes())
    servers.nginx(lab, more=f"application vod {{ play {lab.work}/vod; }}")
    with lab.capture():
        clients.rtmpdump(lab, "-A", "2", "-B", "5", url=f"rtmp://{IP}/vod/film.flv", seconds=8)


@scenario(NGINX, "librtmp", [PLAYED])
def nginx_vod_pause(lab):
    """A player through librtmp plays a recorded file, pauses it after 1 s, resumes after 2.5 s, seeks to 8 s."""
    (lab.work / "vod").mkdir()
    (lab.work / "vod" / "film.flv").write_bytes(clients.media().read_bytes())
    servers.nginx(lab, more=f"application vod {{ play {lab.work}/vod; }}")
    plan = ("1:pause", "2.5:resume", "3:8000")
    with lab.capture():
        clients.librtmp_play(lab, url=f"rtmp://{IP}/vod/film.flv", options="live=0 buffer=1000", seconds=5, plan=plan)


@scenario(
    NGINX,
    "ffmpeg",
    [
        connection(
            "publish",
            "published, then ended by the client",
            "NetStream.Publish.Start",
            app="live?auth=s3cr3t-app-9",
            name=f"{KEY}?token=s3cr3t-token-8&user=anna",
        )
    ],
    oddities=["secrets in app, tcUrl, stream name (releaseStream, FCPublish, publish, FCUnpublish)"],
)
def nginx_token(lab):
    """A publish with secrets as parameters of the application and of the stream name."""
    app, name = "live?auth=s3cr3t-app-9", f"{KEY}?token=s3cr3t-token-8&user=anna"
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        clients.ffmpeg_publish(
            lab, url=f"rtmp://{IP}/{app}/{name}", seconds=2, after=f"-c copy -rtmp_app {app} -rtmp_playpath '{name}'"
        )


@scenario(
    "node-media-server 2.7.4",
    NGINX,
    [connection("publish", "relayed by nginx as a client, then ended by it", "NetStream.Publish.Start")],
    nginx_log=False,
    oddities=["the client here is nginx's relay: digest handshake with version 0c 00 0d 0e"],
)
def nginx_relay(lab):
    """nginx at the client's side takes a publish over its loopback and pushes it to node-media-server."""
    servers.node_media_server(lab, 2)
    servers.nginx(lab, server="chunk_size 4096;", live=f"push rtmp://{IP}/live;", side="client")
    with lab.capture():
        clients.ffmpeg_publish(lab, url=f"rtmp://127.0.0.1/live/{KEY}", seconds=4)


@scenario(NGINX, "gstreamer, ffmpeg", [PUBLISHED, PLAYED])
def nginx_gst_rtmp2src(lab):
    """ffmpeg publishes, gstreamer's rtmp2src plays for 3 s."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=6, start=True)
        time.sleep(1)
        lab.run("client", "gst-launch-1.0", "-e", "rtmp2src", f"location={URL}", "!", "fakesink", seconds=3)
        publisher.wait(12)


@scenario(NGINX, "ffmpeg, vlc", [PUBLISHED, PLAYED], extra="vlc")
def nginx_vlc_play(lab):
    """ffmpeg publishes, VLC plays without a screen for 4 s."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=8, start=True)
        time.sleep(1)
        clients.vlc(lab)
        publisher.wait(12)


@scenario(
    NGINX,
    "obs",
    [connection("publish", "the publisher's process dies while publishing", "NetStream.Publish.Start")],
    extra="obs",
)
def nginx_obs_publish(lab):
    """OBS publishes from a virtual screen until it is killed: simple handshake, chunk size 4096 before connect."""
    servers.nginx(lab)
    with lab.capture():
        clients.obs(lab)


# --- timestamps ------------------------------------------------------------------------------------------------------


@scenario(
    NGINX,
    "ffmpeg, librtmp",
    [PUBLISHED, PLAYED],
    oddities=["the publisher passes 0xFFFFFF after 3 s by small deltas; the player's first headers are extended"],
)
def timestamps_24_bit(lab):
    """A publish whose timestamps pass 0xFFFFFF; a player joins after that."""
    servers.nginx(lab, server="chunk_size 128;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=7, after="-c copy -output_ts_offset 16774.2", start=True)
        time.sleep(4)
        clients.librtmp_play(lab, seconds=2)
        publisher.wait(12)


@scenario(
    "node-media-server 2.7.4",
    "ffmpeg, librtmp",
    [PUBLISHED, played(FFMPEG_LOG), PLAYED],
    tshark_errs=((1, "down"), (2, "down")),
    oddities=[
        "node-media-server writes absolute extended timestamps and repeats them in every continuation",
        "tshark loses messages whose repeated timestamp is split between segments",
    ],
)
def timestamps_extended(lab):
    """Timestamps past 0xFFFFFF from the start, chunk size 128, two players: ffmpeg and librtmp."""
    servers.node_media_server(lab, 2, 128)
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=6, after="-c copy -output_ts_offset 16780", start=True)
        time.sleep(1)
        player = clients.ffmpeg_play(lab, seconds=3, start=True)
        time.sleep(0.5)
        clients.librtmp_play(lab, seconds=2)
        player.wait(8)
        keep_log(lab, player, "played.log")
        publisher.wait(12)


@scenario(
    "node-media-server 4.4.3",
    "imageio-ffmpeg, librtmp",
    [PUBLISHED, PLAYED],
    oddities=[
        "ffmpeg masks timestamps to 31 bits: after 2147483647 comes 0",
        "its H.264 end-of-sequence tag may carry a time from before the wrap",
    ],
)
def timestamps_31_bit(lab):
    """Timestamps reach 2^31 about 2 s after the start."""
    servers.node_media_server(lab, 4)
    with lab.capture():
        publisher = clients.ffmpeg_publish(
            lab, seconds=5, after="-c copy -output_ts_offset 2147481.6", start=True, ffmpeg=clients.new_ffmpeg()
        )
        time.sleep(1)
        clients.librtmp_play(lab, seconds=3)
        publisher.wait(12)


@scenario(NGINX, "librtmp, ffmpeg", [PUBLISHED, played(FFMPEG_LOG), PLAYED])
def timestamps_32_bit(lab):
    """Timestamps come near 2^32 and wrap to 0 about 3 s after the start; librtmp publishes, ffmpeg and librtmp play."""
    servers.nginx(lab, server="chunk_size 1024;")
    with lab.capture():
        publisher = lab.start(
            "client", "python3", PEERS / "librtmp_publish.py", f"{URL} live=1", clients.media(), 6, 2**32 - 3000
        )
        time.sleep(1)
        player = clients.ffmpeg_play(lab, seconds=3, start=True)
        time.sleep(0.5)
        clients.librtmp_play(lab, seconds=3)
        player.wait(5)
        keep_log(lab, player, "played.log")
        publisher.wait(12)


# --- node-media-server -----------------------------------------------------------------------------------------------


@scenario("node-media-server 2.7.4", "ffmpeg, librtmp", [PUBLISHED, PLAYED])
def nms2_publish_play(lab):
    """ffmpeg publishes to node-media-server 2, a player through librtmp joins. The server's chunk size is 60,000, which
    ffmpeg copies."""
    servers.node_media_server(lab, 2)
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1.5)
        clients.librtmp_play(lab, seconds=3)
        publisher.wait(15)


@scenario("node-media-server 4.4.3", "ffmpeg, librtmp", [PUBLISHED, PLAYED], format="gz")
def nms4_publish_play(lab):
    """ffmpeg publishes to node-media-server 4, a player through librtmp joins."""
    servers.node_media_server(lab, 4)
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1.5)
        clients.librtmp_play(lab, seconds=3)
        publisher.wait(15)


# --- other servers ---------------------------------------------------------------------------------------------------


@scenario("pyrtmp 0.3.1", "ffmpeg", [PUBLISHED], format="modlibpcap")
def pyrtmp_publish(lab):
    """ffmpeg publishes to PyPI's pyrtmp, which writes short headers on chunk streams it has not opened."""
    servers.pyrtmp(lab)
    with lab.capture():
        clients.ffmpeg_publish(lab, seconds=4)


@scenario(
    "rtmpdump",
    "rtmpdump, ffmpeg",
    [connection("play", "play granted and at once stopped by the server, no media", "NetStream.Play.Stop")],
)
def rtmpsrv_play(lab):
    """rtmpdump, then ffmpeg ask rtmpsrv for a stream: it grants play and has no media."""
    servers.rtmpsrv(lab)
    with lab.capture():
        clients.rtmpdump(lab, "-v", seconds=2)
        clients.ffmpeg_play(lab, seconds=2, level="info", patience=3)


# --- shared objects, remoting ----------------------------------------------------------------------------------------

SHARED = connection(
    "shared objects and remote calls",
    "connected, then ended by the client",
    "NetConnection.Connect.Success",
    app="room",
)


@scenario(
    "rtmp-client 1.6.3",
    "rtmp-client 1.6.3",
    [SHARED],
    oddities=[
        "the server's S0 and S1 leave before C1 has come",
        "each message is a type-0 chunk; continuations are type-3",
        "command and shared-object messages on csid 3, control on csid 2",
        "answers stand beside the client's pings, once a second",
    ],
)
def shared_objects(lab):
    """Two users of the npm package rtmp-client share the object "room" on a small server made of its own classes: use,
    six changes of six AMF0 types, changes seen by the other, a refused change (status event), a sent message, remove,
    clear, release; remote calls answered with _result and _error; pings."""
    servers.shared_objects(lab)
    with lab.capture():
        lab.run(
            "client",
            "node",
            PEERS / "so_client.js",
            f"rtmp://{IP}/room",
            seconds=15,
            env={"NODE_PATH": str(servers.HOME / "node_modules")},
        )
