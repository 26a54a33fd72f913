"""The scenarios: what is recorded, and what should come of it.

A scenario is a function that drives a `Lab`; its docstring says what happens on the wire, its decorator what the
connections (in the order of their SYNs) are for and how each must end. That is written from what the scenario does,
never from what rtmpscope shows.
"""
import signal
import time
from dataclasses import dataclass, field

import clients
import servers
import truth
from clients import KEY, URL
from lab import IP, IP6, PEERS, PYTHON

NGINX = "nginx, nginx-rtmp-module"
SCENARIOS = {}


@dataclass
class Connection:
    """What one TCP connection is for, how it ends, and the files in which its peers wrote down what they saw."""

    facts: dict
    truth: list = field(default_factory=list)


def connection(role, outcome, decided_by="", truth=(), **facts):
    return Connection({"role": role, "outcome": outcome, "decided_by": decided_by, **facts}, list(truth))


@dataclass
class Scenario:
    name: str
    what: str
    run: object
    server: str
    client: str
    connections: list
    chunks: str = "128 up, 128 down"
    oddities: list = field(default_factory=list)
    format: str = ""
    port: int = 1935
    tshark: bool = True
    nginx_log: bool = True
    receiver: str = "librtmp"
    alter: object = None
    keep: list = field(default_factory=list)
    extra: str = ""
    lab: dict = field(default_factory=dict)


def scenario(server, client, connections, **options):
    def register(function):
        name = function.__name__.replace("_", "-")
        SCENARIOS[name] = Scenario(name, function.__doc__, function, server, client, connections, **options)
        return function

    return register


PUBLISHED = connection("publish", "published, then ended by the client", "NetStream.Publish.Start")
PLAYED = connection("play", "played, then ended by the client", "NetStream.Play.Start")
FFMPEG_LOG = ("down", "ffmpeg trace log", truth.ffmpeg_trace, "played.log")
RTMPDUMP_FILE = ("down", "rtmpdump file", truth.flv, "dumped.flv")


def played(*witnesses):
    return Connection(PLAYED.facts, list(witnesses))


def keep_log(lab, process, name):
    process.log.rename(lab.work / name)


# --- nginx -----------------------------------------------------------------------------------------------------------


@scenario(NGINX, "ffmpeg, librtmp", [PUBLISHED, PLAYED], chunks="4096 up, 4096 down")
def nginx_publish_play(lab):
    """ffmpeg publishes H.264 and AAC to nginx for 6 s; a player through librtmp joins after 1.5 s and leaves before the end."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1.5)
        clients.librtmp_play(lab, seconds=3)
        publisher.wait(15)


@scenario(NGINX, "ffmpeg", [PUBLISHED, played(FFMPEG_LOG)], chunks="4096 up, 4096 down", format="nsecpcap")
def nginx_ffmpeg_play(lab):
    """ffmpeg publishes, a second ffmpeg plays for 4 s."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1)
        keep_log(lab, clients.ffmpeg_play(lab), "played.log")
        publisher.wait(15)


@scenario(NGINX, "ffmpeg, rtmpdump", [PUBLISHED, played(RTMPDUMP_FILE)], chunks="1024 up, 1024 down")
def nginx_rtmpdump_play(lab):
    """ffmpeg publishes, rtmpdump plays the live stream and stops after 4 s. nginx has chunk size 1024."""
    servers.nginx(lab, server="chunk_size 1024;")
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, seconds=7, start=True)
        time.sleep(1)
        clients.rtmpdump(lab, "-v")
        publisher.wait(15)


@scenario(NGINX, "gstreamer", [PUBLISHED], chunks="128 up, 4096 down")
def nginx_gst_rtmp2sink(lab):
    """gstreamer's own rtmp2sink publishes for 4 s with chunk size 128; audio and video come from live sources."""
    servers.nginx(lab)
    with lab.capture():
        clients.gstreamer(lab, ["rtmp2sink", f"location={URL}"], seconds=4)


@scenario(NGINX, "gstreamer, librtmp", [PUBLISHED], chunks="128 up, 4096 down")
def nginx_gst_rtmpsink(lab):
    """gstreamer's rtmpsink, which is librtmp, publishes for 4 s: everything on one chunk stream."""
    servers.nginx(lab)
    with lab.capture():
        clients.gstreamer(lab, ["rtmpsink", f"location={URL} live=1"], seconds=4)


@scenario(NGINX, "ffmpeg", [connection("publish", "connect unanswered: nginx closes the connection without a word, it has no such application", app="nosuch")])
def nginx_wrong_app(lab):
    """ffmpeg wants to publish to an application that nginx does not have."""
    servers.nginx(lab)
    with lab.capture():
        clients.ffmpeg_publish(lab, url=f"rtmp://{IP}/nosuch/{KEY}", seconds=2)


@scenario(NGINX, "ffmpeg", [PUBLISHED, connection("publish", "publish rejected by the server: the name is in use", "NetStream.Publish.BadName")],
          chunks="4096 up, 4096 down")
def nginx_duplicate_publish(lab):
    """ffmpeg publishes; a second ffmpeg publishes the same name while the first goes on."""
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        first = clients.ffmpeg_publish(lab, seconds=5, start=True)
        time.sleep(2)
        clients.ffmpeg_publish(lab, seconds=2)
        first.wait(15)


# --- node-media-server -----------------------------------------------------------------------------------------------


@scenario("node-media-server 2.7.4", "ffmpeg, librtmp", [PUBLISHED, PLAYED], chunks="60000 up, 60000 down")
def nms2_publish_play(lab):
    """ffmpeg publishes to node-media-server 2, a player through librtmp joins; the server's chunk size is 60,000 and ffmpeg copies it."""
    servers.node_media_server(lab, 2)
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1.5)
        clients.librtmp_play(lab, seconds=3)
        publisher.wait(15)


@scenario("node-media-server 4.4.3", "ffmpeg, librtmp", [PUBLISHED, PLAYED], chunks="60000 up, 60000 down", format="gz")
def nms4_publish_play(lab):
    """ffmpeg publishes to node-media-server 4, a player through librtmp joins."""
    servers.node_media_server(lab, 4)
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, start=True)
        time.sleep(1.5)
        clients.librtmp_play(lab, seconds=3)
        publisher.wait(15)


# --- shared objects, remoting ----------------------------------------------------------------------------------------

SHARED = connection("shared objects and remote calls", "connected, then ended by the client", "NetConnection.Connect.Success", app="room")


@scenario("rtmp-client 1.6.3", "rtmp-client 1.6.3", [SHARED], oddities=[
    "the server's S0 and S1 leave before C1 has come", "each message is a type-0 chunk; continuations are type-3",
    "command and shared-object messages on csid 3, control on csid 2", "answers stand beside the client's pings, once a second"])
def shared_objects(lab):
    """Two users of the npm package rtmp-client share the object "room" on a small server made of the package's own classes:
    use, six changes of six AMF0 types, changes seen by the other, a refused change (status event), a sent message, remove,
    clear, release; remote calls answered with _result and _error; pings."""
    servers.shared_objects(lab)
    with lab.capture():
        lab.run("client", "node", PEERS / "so_client.js", f"rtmp://{IP}/room", seconds=15, env={"NODE_PATH": str(servers.HOME / "node_modules")})
