"""Sessions that fail, stall or limp, each for a reason that is known because we made it."""

import signal
import time

import clients
import servers
from clients import AAC, H264, KEY
from lab import HOME, IP, PEERS

from . import FFMPEG_LOG, NGINX, PLAYED, PUBLISHED, connection, keep_log, scenario
from .transports import client_socket

NODE = {"NODE_PATH": str(HOME / "node_modules")}


@scenario(
    NGINX,
    "ffmpeg",
    [
        connection(
            "publish", "publish refused by the server's callback: nginx closes the connection without an onStatus"
        )
    ],
)
def publish_refused(lab):
    """nginx asks an HTTP callback (on_publish) that answers 403."""
    servers.nginx(lab, live="on_publish http://127.0.0.1:8080/refuse;")
    with lab.capture():
        clients.ffmpeg_publish(lab, seconds=2)


@scenario(
    NGINX,
    "ffmpeg",
    [
        connection("publish", "publish granted, then denied: nginx closes the connection", "NetStream.Publish.Start"),
        connection("play", "play granted, then denied: nginx closes the connection", "NetStream.Play.Start"),
    ],
    nginx_log=False,  # it closes before it reads what ffmpeg sends on being granted
)
def denied_by_rule(lab):
    """nginx has rules (deny publish, deny play): it grants first, then closes the connection without a word."""
    servers.nginx(lab, live="deny publish all; deny play all;")
    with lab.capture():
        clients.ffmpeg_publish(lab, seconds=2)
        clients.ffmpeg_play(lab, seconds=2, level="info", patience=5)


@scenario(NGINX, "ffmpeg", [connection("play", "play refused by the server", "NetStream.Play.StreamNotFound")])
def play_not_found(lab):
    """A player asks nginx, which serves only running streams here, for one that nobody publishes."""
    servers.nginx(lab, live="idle_streams off;")
    with lab.capture():
        clients.ffmpeg_play(lab, url=f"rtmp://{IP}/live/nobody", seconds=2, level="info", patience=5)


@scenario(
    NGINX,
    "ffmpeg",
    [
        connection("publish", "dropped by the server while publishing", "NetStream.Publish.Start"),
        connection(
            "play", "played; the publisher is dropped and media stops", "NetStream.Play.Start", truth=[FFMPEG_LOG]
        ),
    ],
)
def server_drop(lab):
    """The operator drops a publisher after 3 s through nginx's control module; a player stays behind without media."""
    servers.nginx(lab, live="publish_notify on;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1)
        player = clients.ffmpeg_play(lab, seconds=8, start=True)
        time.sleep(2)
        lab.run("server", "curl", "-s", f"http://127.0.0.1:8080/control/drop/publisher?app=live&name={KEY}", seconds=5)
        publisher.wait(3)
        time.sleep(2)
        player.stop()
        keep_log(lab, player, "played.log")


@scenario(
    NGINX,
    "ffmpeg",
    [connection("publish", "the server's process dies while the client publishes", "NetStream.Publish.Start")],
)
def server_killed(lab):
    """nginx is killed (-9) after 3 s of a publish."""
    nginx = servers.nginx(lab)
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(3)
        nginx.stop(signal.SIGKILL)
        publisher.wait(8)


@scenario(
    NGINX,
    "ffmpeg",
    [
        connection(
            "publish",
            "the publisher's process dies while publishing: FIN without FCUnpublish and deleteStream",
            "NetStream.Publish.Start",
        ),
        connection("play", "played; media stops when the publisher dies", "NetStream.Play.Start", truth=[FFMPEG_LOG]),
    ],
)
def publisher_killed(lab):
    """The publisher is killed (-9) after 3 s; a player is watching."""
    servers.nginx(lab, live="publish_notify on;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1)
        player = clients.ffmpeg_play(lab, seconds=8, start=True)
        time.sleep(2)
        publisher.stop(signal.SIGKILL)
        time.sleep(2)
        player.stop()
        keep_log(lab, player, "played.log")


@scenario(
    NGINX,
    "ffmpeg",
    [connection("publish", "the publisher vanishes: silence, no FIN, no RST", "NetStream.Publish.Start")],
)
def publisher_vanished(lab):
    """After 3 s of a publish the client loses its address and is never heard again; nginx sends a ping and waits."""
    servers.nginx(lab, server="ping 2s; ping_timeout 2s;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=10, start=True)
        time.sleep(3)
        lab.run("client", "ip", "address", "flush", "dev", "veth0", seconds=2)
        time.sleep(7)
        publisher.stop(signal.SIGKILL)


@scenario(
    NGINX,
    "ffmpeg",
    [connection("publish", "published with a stall of 4 s, then ended by the client", "NetStream.Publish.Start")],
    oddities=["after the stall ffmpeg sends what is due at once"],
)
def publisher_stalled(lab):
    """The publisher is stopped (SIGSTOP) after 2 s and goes on after 4 s more."""
    servers.nginx(lab)
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=8, start=True)
        time.sleep(2)
        publisher.send(signal.SIGSTOP)
        time.sleep(4)
        publisher.send(signal.SIGCONT)
        publisher.wait(12)


@scenario(
    NGINX,
    "ffmpeg",
    [
        connection(
            "publish",
            "published slower than real time: the path carries less than the stream needs; ended by the client",
            "NetStream.Publish.Start",
        )
    ],
    lab={"path": dict(bandwidth=120, delay=20)},
)
def publisher_throttled(lab):
    """A stream of about 200 kbit/s over a path of 120 kbit/s: media comes later and later."""
    servers.nginx(lab)
    with lab.capture():
        clients.ffmpeg_publish(lab, seconds=7)
        time.sleep(5)  # ffmpeg has ended, what its kernel holds is still on its way


@scenario(
    NGINX,
    "ffmpeg",
    [
        connection(
            "publish", "published; audio timestamps drift behind video by 70 ms per second", "NetStream.Publish.Start"
        )
    ],
)
def audio_drift(lab):
    """Audio timestamps run at 93 % of the speed of video timestamps."""
    servers.nginx(lab)
    with lab.capture():
        clients.ffmpeg_publish(lab, seconds=8, after="-c copy -bsf:a setts=ts=TS*0.93")


@scenario(
    NGINX,
    "ffmpeg",
    [
        PUBLISHED,
        connection(
            "play",
            "played; the picture comes late, since nginx waits for a key frame",
            "NetStream.Play.Start",
            truth=[FFMPEG_LOG],
        ),
    ],
)
def long_gop(lab):
    """A key frame every 6 s; a player joins shortly after one and waits for the next."""
    servers.nginx(lab, live="wait_key on;")
    long = f"{H264} {AAC}".replace("-g 30", "-g 90")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=9, source=clients.media(12, long, "long-gop.flv"), start=True)
        time.sleep(1)
        keep_log(lab, clients.ffmpeg_play(lab, seconds=3), "played.log")
        publisher.wait(15)


@scenario(
    NGINX,
    "rtmp-client 1.6.3",
    [connection("publish", "publish granted, media never starts; closed by the client", "NetStream.Publish.Start")],
)
def media_never_starts(lab):
    """A client connects, creates a stream, is granted publish, and sends no media for 5 s."""
    servers.nginx(lab)
    with lab.capture():
        lab.run("client", "node", PEERS / "idle_publisher.js", f"rtmp://{IP}/live", KEY, 5, seconds=10, env=NODE)


@scenario(
    "rtmp-client 1.6.3",
    "ffmpeg",
    [connection("publish", "createStream unanswered; the client gives up", "createStream")],
)
def create_stream_unanswered(lab):
    """The server answers connect and never answers createStream; ffmpeg waits and is stopped after 6 s."""
    servers.shared_objects(lab, "silent-create-stream")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=2, start=True)
        time.sleep(6)
        publisher.stop()


@scenario(
    NGINX,
    "python",
    [
        connection("unknown", "handshake stalled: no C2 and nothing else from the client, which closes after 4 s"),
        connection("unknown", "handshake stalled: C1 is never complete; the client closes after 3 s"),
    ],
)
def handshake_stalled(lab):
    """A client sends C0 and C1, takes S0, S1 and S2 and stays silent; a second one stops in the middle of C1."""
    servers.nginx(lab)
    with lab.capture():
        client_socket(lab, b"\3" + bytes(1536), 4)
        client_socket(lab, b"\3" + bytes(700), 3)


def rounds(method):
    return [
        connection("publish", f"connect rejected: authentication wanted ({method})", "NetConnection.Connect.Rejected"),
        connection("publish", "connect rejected: here is the challenge", "NetConnection.Connect.Rejected"),
        connection("publish", "published after authentication, then ended by the client", "NetStream.Publish.Start"),
    ]


@scenario("rtmp-client 1.6.3", "ffmpeg", rounds("adobe"))
def adobe_authentication(lab):
    """ffmpeg publishes with user and password: the three rounds of Adobe authentication, over three connections."""
    servers.shared_objects(lab, "publish", "adobe")
    with lab.capture():
        clients.ffmpeg_publish(lab, url=f"rtmp://anna:s3cr3t-pass-7@{IP}/live/{KEY}", seconds=2)


@scenario("rtmp-client 1.6.3", "ffmpeg", rounds("llnw"))
def limelight_authentication(lab):
    """ffmpeg publishes with user and password: the three rounds of Limelight authentication."""
    servers.shared_objects(lab, "publish", "llnw")
    with lab.capture():
        clients.ffmpeg_publish(lab, url=f"rtmp://anna:s3cr3t-pass-7@{IP}/live/{KEY}", seconds=2)


LOSSY = dict(loss=4, double=2, reorder=3, delay=15)


@scenario(
    NGINX,
    "ffmpeg, librtmp",
    [PUBLISHED, PLAYED],
    lab={"path": LOSSY},
    oddities=[
        "after the first second 4 % of the larger frames are lost, 2 % doubled, 3 % late by 20 ms",
        "lossy-path.pcap is recorded at the server's end, lossy-path-client.pcap is the same traffic at the client's",
    ],
)
def lossy_path(lab):
    """Publish and play over a path that loses, doubles and reorders, recorded at both ends."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture(), lab.capture(side="client", name="client"):
        publisher = clients.ffmpeg_publish(lab, seconds=8, start=True)
        time.sleep(2)
        clients.librtmp_play(lab, seconds=5)
        publisher.wait(15)
