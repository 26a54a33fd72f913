"""Messages that are out of line, each beside one of its kind that is not."""

import pytest

from rtmpscope.model import C2S, S2C, Message, Severity
from tests import wire
from tests.talk import CONNECT, SUCCESS, Talk

NOTHING: list[tuple[str, Severity]] = []


def said(message: Message) -> list[tuple[str, Severity]]:
    return [(n.code, n.severity) for n in message.notes or () if not n.code.endswith("-software")]


def connected() -> Talk:
    return Talk().connect()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (64, [("chunk-size-unusual", Severity.NOTE)]),
        (128, NOTHING),
        (65_536, NOTHING),
        (0x3EFFEE, [("chunk-size-unusual", Severity.NOTE)]),
    ],
)
def test_chunk_sizes(size, expected):
    assert said(connected().control(C2S, 1, size)) == expected


def test_peer_bandwidth_without_its_limit_type():
    short = ("peer-bandwidth-short", Severity.CHAT)
    assert said(connected().message(S2C, 6, wire.u32(5000))) == [short]
    assert said(connected().message(S2C, 6, wire.set_peer_bandwidth(5000, 2))) == NOTHING


@pytest.mark.parametrize("type_id", [1, 2, 3, 4, 5])
def test_control_message_of_the_wrong_length(type_id):
    malformed = ("control-malformed", Severity.NOTE)
    assert malformed in said(connected().message(S2C, type_id, b"\x00"))
    good = wire.user_control(0, 1) if type_id == 4 else wire.u32(4096)
    assert said(connected().message(S2C, type_id, good)) == NOTHING
    assert malformed in said(connected().message(S2C, type_id, good + b"\x00"))


def test_control_message_cut_by_the_capture_is_not_malformed():
    assert said(connected().message(S2C, 3, b"\x00", length=4)) == NOTHING


def test_message_that_nobody_would_send():
    assert said(connected().message(C2S, 7, b"", length=11 << 20)) == [("message-huge", Severity.WARNING)]
    assert said(connected().message(C2S, 7, b"", length=1 << 20)) == NOTHING


def test_format_selector_where_it_belongs_and_where_not():
    body = wire.amf0("ping", 0.0, None)
    assert said(connected().message(C2S, 17, b"\x00" + body)) == NOTHING
    assert said(connected().message(C2S, 17, body)) == [("format-selector-missing", Severity.NOTE)]
    assert said(connected().message(C2S, 20, b"\x00" + body)) == [("format-selector-stray", Severity.NOTE)]


def test_amf_that_stops_in_the_middle():
    broken = wire.amf0("onMetaData") + b"\x03\x00\x01a\x99"
    assert said(connected().message(C2S, 18, broken, 1)) == [("amf-undecoded", Severity.WARNING)]
    assert said(connected().message(C2S, 18, broken, 1, length=900)) == NOTHING
    assert said(connected().message(C2S, 18, b"\x00\x00\x00\x2a", 1)) == [("amf-undecoded", Severity.WARNING)]


def test_property_called_undecoded_is_just_a_property():
    assert said(connected().message(C2S, 18, wire.amf0("onMetaData", {"undecoded": 1.0}), 1)) == NOTHING


def test_array_without_an_end():
    body = wire.amf0("onMetaData", wire.Ecma({"width": 640.0}))
    assert said(connected().message(C2S, 18, body, 1)) == NOTHING
    assert said(connected().message(C2S, 18, body[:-3], 1)) == [("amf-unterminated", Severity.NOTE)]


def test_data_before_the_handshake_is_complete():
    talk = Talk()
    client, server = wire.handshake()
    for name, data in {"C0": client[:1], "C1": client[1:1537], "S0": server[:1], "S1": server[1:1537]}.items():
        talk.part(name, data)
    talk.command(C2S, "connect", 1, CONNECT)
    s2 = talk.part("S2", server[1537:])
    assert [(n.code, n.severity) for n in s2.notes] == [("data-before-handshake", Severity.WARNING)]
    talk.control(S2C, 5, 5_000_000)
    c2 = talk.part("C2", client[1537:])
    assert [(n.code, n.severity) for n in c2.notes] == [("data-before-handshake", Severity.NOTE)]


def test_high_csid_matters_only_to_nginx():
    talk = Talk()
    talk.handshake(server_version=b"\x0d\x0e\x0a\x0d")
    talk.command(C2S, "connect", 1, CONNECT)
    talk.control(S2C, 5, 5_000_000)
    talk.command(S2C, "_result", 1, {}, SUCCESS)
    assert said(talk.message(C2S, 18, wire.amf0("x"), 1, csid=32)) == [("csid-high", Severity.WARNING)]
    assert said(talk.message(C2S, 18, wire.amf0("x"), 1, csid=31)) == NOTHING
    assert said(connected().message(C2S, 18, wire.amf0("x"), 1, csid=32)) == NOTHING


def test_second_connect():
    talk = connected()
    assert said(talk.command(C2S, "connect", 2, CONNECT)) == [("connect-repeated", Severity.NOTE)]


def test_publish_without_a_stream():
    missing = ("stream-not-created", Severity.NOTE)
    assert said(connected().command(C2S, "publish", 2, None, "x", "live")) == [missing]
    assert said(connected().create().command(C2S, "publish", 2, None, "x", "live", msid=1)) == NOTHING
    late = Talk()
    assert said(late.command(C2S, "play", 2, None, "x", msid=1)) == NOTHING
    holed = connected()
    holed.gap(C2S)
    assert said(holed.command(C2S, "play", 2, None, "x", msid=1)) == NOTHING


@pytest.mark.parametrize(
    ("name", "info", "expected"),
    [
        ("_result", SUCCESS, NOTHING),
        ("_result", {"code": "NetConnection.Connect.Success"}, NOTHING),
        (
            "_result",
            {"level": "error", "code": "NetConnection.Connect.Rejected"},
            [("connect-rejected", Severity.ERROR)],
        ),
        ("_result", {"code": "Something.Else"}, [("connect-rejected", Severity.ERROR)]),
        (
            "_error",
            {"level": "error", "code": "NetConnection.Connect.InvalidApp"},
            [("connect-rejected", Severity.ERROR)],
        ),
        (
            "_error",
            {"code": "NetConnection.Connect.Rejected", "description": "code=403 need auth; authmod=adobe"},
            [("authentication-wanted", Severity.NOTE)],
        ),
        (
            "_error",
            {"code": "NetConnection.Connect.Rejected", "ex": {"code": 302, "redirect": "rtmp://elsewhere/live"}},
            [("connect-redirected", Severity.NOTE)],
        ),
        ("_result", {**SUCCESS, "objectEncoding": 3.0}, [("object-encoding-differs", Severity.NOTE)]),
        ("_result", {**SUCCESS, "objectEncoding": "3"}, NOTHING),
    ],
)
def test_answers_to_connect(name, info, expected):
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, CONNECT)
    assert said(talk.command(S2C, name, 1, None, info)) == expected


@pytest.mark.parametrize(
    ("command", "severity"),
    [("releaseStream", Severity.NOTE), ("_checkbw", Severity.NOTE), ("getUser", Severity.WARNING)],
)
def test_calls_that_fail(command, severity):
    talk = connected()
    talk.command(C2S, command, 2, None)
    answer = talk.command(S2C, "_error", 2, None, {"level": "error", "code": "NetConnection.Call.Failed"})
    assert said(answer) == [("call-failed", severity)]


def test_levels_of_status():
    talk = connected().create()
    assert said(talk.status("NetStream.Play.Reset")) == NOTHING
    assert said(talk.status("NetStream.Play.InsufficientBW", "warning")) == [("status-warning", Severity.WARNING)]
    assert said(talk.status("NetStream.Play.StreamNotFound", "error")) == [("status-error", Severity.ERROR)]
    reconnect = talk.status("NetConnection.Connect.ReconnectRequest", msid=0, tcUrl="rtmp://b/live")
    assert said(reconnect) == [("reconnect-request", Severity.NOTE)]


def test_metadata_on_stream_0():
    body = wire.amf0("@setDataFrame", "onMetaData", wire.Ecma({"width": 640.0}))
    assert said(connected().message(C2S, 18, body, 0)) == [("metadata-on-stream-0", Severity.NOTE)]
    assert said(connected().message(C2S, 18, body, 1)) == NOTHING


def test_text_of_the_peer_is_never_repeated():
    talk = connected()
    for code in ("NetStream.Publish.BadName", "s3cr3t-key is in use"):
        status = talk.status(code, "error", description="s3cr3t-key is in use")
        assert all("s3cr3t" not in note.text for note in status.notes)


def test_part_of_a_damaged_handshake_is_not_called_late():
    talk = Talk()
    client, server = wire.handshake()
    talk.part("C0", client[:1])
    talk.command(C2S, "connect", 1, None)
    talk.gap(S2C)
    talk.part("S2", server[1537:])
    assert "data-before-handshake" not in talk.codes


def test_error_to_a_request_that_was_not_seen_is_a_note_at_most():
    talk = Talk()
    talk.command(S2C, "_error", 9, None, {"level": "error", "code": "NetConnection.Call.Failed"})
    assert [note.severity for note in talk.notes if note.code == "call-failed"] == [Severity.NOTE]


def test_handshake_part_that_comes_to_light_late_is_not_late():
    talk = Talk()
    for name in ("C0", "C1", "S0", "S1"):
        talk.part(name, b"\x03" if name[1] == "0" else wire.simple_block())
    talk.wait(1).command(C2S, "connect", 1, CONNECT)
    talk.wait(-0.5).part("S2", wire.simple_block())
    assert "data-before-handshake" not in talk.codes
