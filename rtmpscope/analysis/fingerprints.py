"""Which software this probably is: by what it says of itself and by habits on the wire.

Facts are collected up to connect (client) and its answer (server), then held against two tables.  A row matches
when all of its facts do; the first that matches names the software.  It is a hint for people, never proof, and
nothing is decided by it.

The traits are those of the implementations' sources and of what they were seen to send.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.analysis.annotator import Door
from rtmpscope.model import (
    C2S,
    COMMAND_TYPES,
    SET_CHUNK_SIZE,
    SET_PEER_BANDWIDTH,
    WINDOW_ACK_SIZE,
    Connection,
    Field,
    Handshake,
    Message,
    Severity,
)
from rtmpscope.rtmp.commands import information, status_code

Facts = dict[str, object]

# Facts of both sides: version (of C1 or S1), zero (its whole block), and what was sent before connect or its
# answer: window_ack_size, peer_bandwidth, limit_type, chunk_size.  A value that is a string stands for the
# beginning of the fact; None for a fact that was not seen.
CLIENTS: Final[tuple[tuple[str, Facts], ...]] = (
    ("FFmpeg", {"flash_ver": "FMLE/3.0 (compatible; Lavf"}),
    ("FFmpeg", {"flash_ver": "LNX 9,0,124,2", "version": "9.0.124.2"}),
    ("gortmplib (MediaMTX)", {"flash_ver": "LNX 9,0,124,2", "chunk_size": 65536}),
    ("go2rtc", {"flash_ver": "FMLE/3.0 (compatible; FMSc/1.0)", "zero": True}),
    ("OBS Studio", {"flash_ver": "FMLE/3.0 (compatible; FMSc/1.0)", "chunk_size": 4096, "swf_is_tc_url": True}),
    ("librtmp, or GStreamer's rtmp2", {"flash_ver": "LNX 10,0,32,18"}),
    ("flvstreamer", {"flash_ver": "LNX 10,0,22,87"}),
    ("nginx with its rtmp module, relaying", {"flash_ver": "ngx-local-relay"}),
    ("nginx with its rtmp module, relaying", {"version": "12.0.13.14"}),
    ("SRS", {"version": "128.0.7.2", "flash_ver": None}),
    ("Flash Player", {"flash_ver": "WIN "}),
    ("Flash Player", {"flash_ver": "MAC "}),
    ("Flash Media Live Encoder, or an encoder that says so", {"flash_ver": "FMLE/"}),
)
SERVERS: Final[tuple[tuple[str, Facts], ...]] = (
    ("SRS", {"srs": True}),
    ("SRS", {"version": "1.0.5.4"}),
    ("SRS", {"window_ack_size": 2_500_000, "peer_bandwidth": 2_500_000, "limit_type": 2, "chunk_size": 60000}),
    ("Red5", {"fms_ver": "RED5/"}),
    ("Red5", {"version": "4.0.0.1", "capabilities": 33.0}),
    ("rtmpsrv of rtmpdump", {"fms_ver": "FMS/3,5,1,525"}),
    ("rtmplite", {"fms_ver": "rtmplite"}),
    ("gortmplib (MediaMTX)", {"fms_ver": "LNX 9,0,124,2"}),
    ("livego", {"version": "13.14.10.13", "window_ack_size": 2_500_000}),
    ("node-media-server", {"window_ack_size": 5_000_000, "limit_type": 2, "chunk_size": 65535}),
    ("node-media-server", {"window_ack_size": 5_000_000, "limit_type": 2, "chunk_size": 60000}),
    ("FFmpeg, listening", {"fms_ver": "FMS/3,0,1,123", "window_ack_size": 2_500_000, "chunk_size": 128}),
    ("pyrtmp", {"fms_ver": "FMS/3,0,123", "chunk_size": 8192}),
    ("nginx with its rtmp module", {"version": "13.14.10.13"}),
    ("nginx with its rtmp module", {"fms_ver": "FMS/3,0,1,123", "window_ack_size": 5_000_000, "limit_type": 2}),
    ("MonaServer", {"chunk_size": 0x3EFFEE}),
    ("Adobe Media Server", {"fms_ver": "FMS/", "capabilities": 31.0, "mode": 1.0}),
)


class Fingerprints:
    """client and server are names of software, "" while nothing fits."""

    name: Final = "fingerprints"
    types: Final = frozenset({SET_CHUNK_SIZE, WINDOW_ACK_SIZE, SET_PEER_BANDWIDTH, *COMMAND_TYPES})

    def __init__(self, connection: Connection) -> None:
        self.client = ""
        self.server = ""
        self._facts: tuple[Facts, Facts] = ({}, {})
        self._done = [False, False]

    def on_handshake(self, part: Handshake) -> None:
        if part.part[1] == "1":
            facts = self._facts[part.direction]
            facts["version"] = part.version
            facts["zero"] = not any(part.data)

    def on_message(self, message: Message, body: Field | None) -> None:
        direction = message.direction
        if body is None or self._done[direction]:
            return
        facts = self._facts[direction]
        if message.type_id in _CONTROL:
            for fact, field in _CONTROL[message.type_id]:
                facts[fact] = body.get(field)
        elif direction == C2S and body.get("name") == "connect":
            self._done[direction] = True
            facts.update(_client_facts(body))
            self.client = named(CLIENTS, facts)
            _tell(message, "client-software", self.client)
        elif message.call is not None and message.call.name == "connect" and status_code(body):
            self._done[direction] = True
            facts.update(_server_facts(body))
            self.server = named(SERVERS, facts)
            _tell(message, "server-software", self.server)


_CONTROL: Final = {
    SET_CHUNK_SIZE: (("chunk_size", "chunk_size"),),
    WINDOW_ACK_SIZE: (("window_ack_size", "window_size"),),
    SET_PEER_BANDWIDTH: (("peer_bandwidth", "window_size"), ("limit_type", "limit_type")),
}


def _client_facts(body: Field) -> Facts:
    found = body.child("command_object") or Field("")
    swf_url = found.get("swfUrl")
    return {
        "flash_ver": found.get("flashVer") or found.get("flashver"),
        "swf_is_tc_url": swf_url is not None and swf_url == found.get("tcUrl"),
    }


def _server_facts(body: Field) -> Facts:
    found = body.child("command_object") or Field("")
    status = information(body) or Field("")
    data = status.child("data") or Field("")
    return {
        "fms_ver": found.get("fmsVer") or status.get("fmsVer"),  # rtmplite has it in the latter
        "capabilities": found.get("capabilities"),
        "mode": found.get("mode"),
        "srs": any(field.name.startswith("srs_") for field in data.children),
    }


def named(table: tuple[tuple[str, Facts], ...], facts: Facts) -> str:
    """The first software all of whose traits are there."""
    for name, traits in table:
        if all(_fits(facts.get(fact), wanted) for fact, wanted in traits.items()):
            return name
    return ""


def _fits(fact: object, wanted: object) -> bool:
    if isinstance(wanted, str):
        return isinstance(fact, str) and fact.startswith(wanted)
    return fact == wanted


def _tell(message: Message, code: str, name: str) -> None:
    if name:
        message.note(code, Severity.COMMENT, f"probably {name}")


def register(registry: Door) -> None:
    registry.annotator(Fingerprints)
