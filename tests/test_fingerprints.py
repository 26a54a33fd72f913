"""Which software each client and server is taken for."""

import pytest

from rtmpscope.analysis.fingerprints import CLIENTS, SERVERS, Fingerprints, named
from rtmpscope.model import C2S, S2C, Severity
from tests import wire
from tests.talk import CONNECT, SUCCESS, Talk

FMLE = "FMLE/3.0 (compatible; FMSc/1.0)"


def names(talk: Talk) -> Fingerprints:
    found = talk.connection.analysis["fingerprints"]
    assert isinstance(found, Fingerprints)
    return found


def client(properties: dict[str, object], c1: bytes = wire.simple_block(), chunk_size: int = 0) -> str:
    talk = Talk()
    talk.part("C1", c1)
    if chunk_size:
        talk.control(C2S, 1, chunk_size)
    talk.command(C2S, "connect", 1, {**CONNECT, **properties})
    return names(talk).client


def server(
    properties: dict[str, object],
    version: bytes = bytes(4),
    *,
    window: int = 0,
    limit_type: int = 2,
    chunk_size: int = 0,
    data: dict[str, object] | None = None,
) -> str:
    talk = Talk()
    talk.part("S1", wire.digest_block(8, wire.FMS_TEXT, version))
    talk.command(C2S, "connect", 1, CONNECT)
    if window:
        talk.control(S2C, 5, window)
        talk.message(S2C, 6, wire.set_peer_bandwidth(window, limit_type))
    if chunk_size:
        talk.control(S2C, 1, chunk_size)
    info = {**SUCCESS, "data": wire.Ecma(data)} if data else SUCCESS
    talk.command(S2C, "_result", 1, properties, info)
    return names(talk).server


@pytest.mark.parametrize(
    ("expected", "properties", "more"),
    [
        ("FFmpeg", {"flashVer": "FMLE/3.0 (compatible; Lavf60.3.100)"}, {}),
        ("FFmpeg", {"flashVer": "LNX 9,0,124,2"}, {"c1": wire.digest_block(8, wire.FP_TEXT)}),
        ("gortmplib (MediaMTX)", {"flashVer": "LNX 9,0,124,2"}, {"chunk_size": 65536}),
        ("go2rtc", {"flashVer": FMLE}, {"c1": bytes(1536)}),
        ("OBS Studio", {"flashVer": FMLE, "swfUrl": CONNECT["tcUrl"]}, {"chunk_size": 4096}),
        ("librtmp, or GStreamer's rtmp2", {"flashVer": "LNX 10,0,32,18"}, {}),
        ("flvstreamer", {"flashVer": "LNX 10,0,22,87"}, {}),
        ("nginx with its rtmp module, relaying", {"flashVer": "ngx-local-relay"}, {}),
        (
            "nginx with its rtmp module, relaying",
            {"flashVer": "LNX.11,1,102,55"},
            {"c1": wire.digest_block(772, wire.FP_TEXT, b"\x0c\x00\x0d\x0e")},
        ),
        ("SRS", {"flashVer": None}, {"c1": wire.digest_block(8, wire.FP_TEXT, b"\x80\x00\x07\x02")}),
        ("Flash Player", {"flashVer": "WIN 32,0,0,465"}, {}),
        ("Flash Player", {"flashVer": "MAC 32,0,0,465"}, {}),
        ("Flash Media Live Encoder, or an encoder that says so", {"flashVer": FMLE}, {}),
        ("", {"flashVer": "something new"}, {}),
    ],
)
def test_clients(expected, properties, more):
    assert client(properties, **more) == expected


FMS = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31.0}
NGINX = b"\x0d\x0e\x0a\x0d"


@pytest.mark.parametrize(
    ("expected", "properties", "more"),
    [
        ("SRS", {"fmsVer": "FMS/3,5,3,888"}, {"data": {"srs_sig": "SRS"}}),
        ("SRS", FMS, {"version": b"\x01\x00\x05\x04"}),
        ("SRS", FMS, {"window": 2_500_000, "chunk_size": 60000}),
        ("Red5", {"fmsVer": "RED5/2,0,40,0"}, {}),
        ("Red5", {"capabilities": 33.0}, {"version": b"\x04\x00\x00\x01"}),
        ("rtmpsrv of rtmpdump", {"fmsVer": "FMS/3,5,1,525"}, {}),
        ("rtmplite", {"fmsVer": "rtmplite/8,2"}, {}),
        ("gortmplib (MediaMTX)", {"fmsVer": "LNX 9,0,124,2"}, {}),
        ("livego", FMS, {"version": NGINX, "window": 2_500_000}),
        ("node-media-server", FMS, {"window": 5_000_000, "chunk_size": 65535}),
        ("node-media-server", FMS, {"window": 5_000_000, "chunk_size": 60000}),
        ("FFmpeg, listening", FMS, {"window": 2_500_000, "chunk_size": 128}),
        ("pyrtmp", {"fmsVer": "FMS/3,0,123"}, {"window": 5_000_000, "chunk_size": 8192}),
        ("nginx with its rtmp module", FMS, {"version": NGINX, "window": 5_000_000, "chunk_size": 4096}),
        ("nginx with its rtmp module", FMS, {"window": 5_000_000, "chunk_size": 4096}),
        ("MonaServer", {}, {"window": 2_500_000, "limit_type": 0, "chunk_size": 0x3EFFEE}),
        ("Adobe Media Server", {"fmsVer": "FMS/3,5,5,2004", "capabilities": 31.0, "mode": 1.0}, {}),
        ("", {"fmsVer": "something new"}, {}),
    ],
)
def test_servers(expected, properties, more):
    assert server(properties, **more) == expected


@pytest.mark.parametrize("row", [*CLIENTS, *SERVERS], ids=str)
def test_software_is_named_by_all_of_its_traits_and_by_no_fewer(row):
    name, traits = row
    assert named((row,), traits) == name
    for trait in traits:
        assert named((row,), {**traits, trait: "another"}) == ""


def test_a_name_is_a_comment_and_nothing_is_said_without_one():
    talk = Talk()
    talk.connect()
    assert [(n.code, n.severity) for n in talk.notes] == [("client-software", Severity.COMMENT)]
    assert talk.notes[0].text == "probably FFmpeg"
    assert "client-software" not in Talk().connect(flashVer="something new").codes


def test_what_comes_after_connect_does_not_count():
    talk = Talk()
    talk.connect(flashVer=FMLE)
    talk.control(C2S, 1, 4096)
    talk.command(C2S, "connect", 1, {**CONNECT, "flashVer": "LNX 10,0,32,18"})
    assert names(talk).client == "Flash Media Live Encoder, or an encoder that says so"


def test_server_that_names_itself_beside_the_status_is_named():
    talk = Talk()
    talk.command(C2S, "connect", 1, CONNECT)
    talk.command(S2C, "_result", 1, None, {**SUCCESS, "fmsVer": "rtmplite/8,2"})
    assert names(talk).server == "rtmplite"


def test_connect_without_an_object_is_survived():
    talk = Talk()
    talk.command(C2S, "connect", 1)
    talk.command(S2C, "_result", 1, None, {"code": "NetConnection.Connect.Success"})
    assert (names(talk).client, names(talk).server) == ("", "")
