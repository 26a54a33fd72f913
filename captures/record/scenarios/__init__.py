"""The scenarios: what is recorded, and what should come of it.

A scenario is a function that drives a `Lab`; its docstring says what happens on the wire, its decorator what the
connections (in the order of their SYNs) are for and how each must end. That is written from what the scenario does,
never from what rtmpscope shows. The scenarios stand in `sessions`, `transports`, `failures` and `media`.
"""

from dataclasses import dataclass, field

import truth

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
    connections: list  # in the order of the SYNs; the last one stands for all that follow
    oddities: list = field(default_factory=list)
    format: str = ""  # nsecpcap, modlibpcap, pcapng, gz, zst; otherwise what the sniffer wrote
    port: int = 1935
    tshark: bool = True  # it can say something about this capture
    tshark_errs: tuple = ()  # (connection, "up" or "down") where it is known to be wrong
    nginx_log: bool = True
    alter: object = None  # rewrites the capture file
    keep: list = field(default_factory=list)  # files of the scratch directory kept beside the capture
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


def published(outcome="published, then ended by the client", **facts):
    return connection("publish", outcome, "NetStream.Publish.Start", **facts)


def played(*witnesses):
    return Connection(PLAYED.facts, list(witnesses))


def keep_log(lab, process, name):
    process.log.rename(lab.work / name)
