"""The line that says what a message means."""

import random

import pytest

from rtmpscope.model import C2S, S2C, Call, Field, Message
from rtmpscope.rtmp import summary
from rtmpscope.rtmp.messages import TYPES, decode
from rtmpscope.rtmp.summary import summarize
from tests import wire

CONNECT = {"app": "live", "flashVer": "x", "tcUrl": "rtmp://10.77.0.2/live"}
SUCCESS = {"level": "status", "code": "NetConnection.Connect.Success", "description": "ok"}
BAD_NAME = {"level": "error", "code": "NetStream.Publish.BadName", "description": "Already publishing"}


def message(type_id, payload, length=None, number=53):
    made = Message(0, C2S, 61, 0, 0, 3, type_id, 0, 0, len(payload) if length is None else length, payload)
    made.number = number
    made.captured = len(payload)
    return made


def line(type_id, payload, length=None):
    made = message(type_id, payload, length)
    return summarize(made, decode(type_id, made.prefix, made.length))


def answer(payload, call, number=53, answered_ns=1_100_000):
    """The line of a command that the transactions linked to a call."""
    made = message(20, payload, number=number)
    made.call = call
    if call.answer == 0:
        call.answer, call.answer_time_ns = number, answered_ns
    return summarize(made, decode(20, payload, len(payload)))


def command(name, *values, transaction_id=4):
    return line(20, wire.command(name, transaction_id, *values))


CASES = [
    (1, wire.u32(4096), "4,096 bytes"),
    (1, wire.u32(0), "0 bytes, not allowed: a chunk must carry at least one byte"),
    (1, b"\x00", "ends before chunk_size  00"),
    (2, wire.u32(4), "csid 4"),
    (2, b"", "ends before csid"),
    (3, wire.u32(250000), "250,000 bytes received"),
    (3, b"\x01\x02", "ends before sequence_number  01 02"),
    (4, wire.user_control(0, 1), "Stream Begin, stream 1"),
    (4, wire.user_control(3, 1, 3000), "Set Buffer Length, stream 1, 3,000 ms"),
    (4, wire.user_control(6, 123456), "Ping Request, 123,456 ms"),
    (4, bytes.fromhex("001a01"), "SWF Verification Request"),
    (4, wire.user_control(31, 1), "Buffer Empty, stream 1"),
    (4, wire.user_control(99, 1), "unknown event 99"),
    (4, b"\x00", "ends before event  00"),
    (5, wire.u32(5000000), "5,000,000 bytes"),
    (5, wire.u32(0), "0 bytes"),
    (5, b"\x00", "ends before window_size  00"),
    (6, wire.set_peer_bandwidth(2500000, 2), "2,500,000 bytes, dynamic"),
    (6, wire.set_peer_bandwidth(2500000, 9), "2,500,000 bytes, limit type 9"),
    (6, wire.u32(2500000), "2,500,000 bytes, no limit type"),
    (6, b"", "ends before window_size"),
    (7, b"\x01\x02", "no description of this message type exists  01 02"),
    (99, bytes(20), "no description of this message type exists  " + " ".join(["00"] * 16) + "…"),
    (8, b"", "empty: silence begins, or the sender has nothing to say"),
    (8, bytes.fromhex("af012110"), "aac frame"),
    (8, bytes.fromhex("af001210"), "aac sequence header  LC, 44,100 Hz, 2 channels"),
    (9, bytes.fromhex("1701000028 00000002 6742 00000002 68ee 00000002 6588 00000002 6588"),
     "h264 key frame  cts 40  SPS PPS IDR"),
    (9, bytes.fromhex("2701fffff6 00000002 41e0"), "h264 inter frame  cts -10  slice"),
    (9, bytes.fromhex("1702000000"), "h264 end of sequence"),
    (9, bytes.fromhex("5700"), "command start seek"),
    (9, bytes.fromhex("960161766331 01 000000 00000002 6588"), "h264 key frame  track 1  cts 0  IDR"),
    (15, b"\x00" + wire.amf0("chat", "hi"), "chat('hi')"),
    (18, wire.amf0("@setDataFrame", "onMetaData", wire.Ecma(
        {"width": 1280, "height": 720, "framerate": 25, "videocodecid": 7, "audiocodecid": "mp4a", "encoder": "Lavf60"}
    )), "@setDataFrame onMetaData  1280x720  25 fps  h264  'mp4a'  'Lavf60'"),
    (18, wire.amf0("onMetaData", {"a": 1, "b": 2}), "onMetaData  2 properties"),
    (18, wire.amf0("@clearDataFrame", "onMetaData"), "@clearDataFrame('onMetaData')"),
    (18, wire.amf0("|RtmpSampleAccess", True, False), "|RtmpSampleAccess(true, false)"),
    (18, wire.amf0("onStatus", {"code": "NetStream.Data.Start"}), "onStatus  NetStream.Data.Start"),
    (18, wire.amf0("onPlayStatus", {"level": "warning", "code": "NetStream.Play.InsufficientBW"}),
     "onPlayStatus  NetStream.Play.InsufficientBW (warning)"),
    (18, b"\x01\x00\x00\x00", "not AMF: it does not begin with a name  01 00 00 00"),
    (19, wire.shared_object("room", 3, 2, wire.so_event(11), wire.so_event(8), wire.so_event(
        4, wire.amf0_key("count") + wire.amf0(7))), "'room'  version 3  Use Success, Clear, Change count = 7"),
    (19, wire.shared_object("room", 3, 2, wire.so_event(4, b"\x00\x01a\x05\x00\x01b\x05")),
     "'room'  version 3  Change a b"),
    (19, wire.shared_object("room", 3, 2, wire.so_event(5, wire.amf0_key("a b"))), "'room'  version 3  Success 'a b'"),
    (19, wire.shared_object("room", 3, 2, wire.so_event(6, wire.amf0("hello", 1, "hi"))),
     "'room'  version 3  Send Message hello(1, 'hi')"),
    (19, wire.shared_object("room", 3, 2, wire.so_event(7, wire.amf0_key("A.B") + wire.amf0_key("error"))),
     "'room'  version 3  Status A.B"),
    (19, wire.shared_object("room", 3, 2, wire.so_event(12, wire.amf0_key("k") + wire.u32(1))),
     "'room'  version 3  Lock k"),
    (19, wire.shared_object("room", 3, 2, wire.so_event(77)), "'room'  version 3  unknown event 77"),
    (19, wire.shared_object("room", 3, 2, *[wire.so_event(8)] * 9),
     "'room'  version 3  Clear, Clear, Clear, Clear, Clear, Clear, 3 more"),
    (19, b"\x00\x09a", "ends before name  00 09 61"),
    (22, wire.aggregate((8, 0, b"a"), (9, 1, b"b"), (8, 2, b"c")), "3 parts: 2 audio, 1 video"),
    (22, wire.aggregate((18, 0, b"a")), "1 part: 1 data_amf0"),
    (22, b"", "0 parts"),
    (20, b"{}", "not AMF: it does not begin with a name  7b 7d"),
]  # fmt: skip


@pytest.mark.parametrize(("type_id", "payload", "said"), CASES)
def test_line_says_what_the_message_means(type_id, payload, said):
    assert line(type_id, payload) == said


def test_every_type_and_root_has_a_case():
    tried = {type_id for type_id, _, _ in CASES}
    assert TYPES.keys() - tried == {16, 17}  # as 19 and 20
    roots = {decode(type_id, payload, len(payload)).name for type_id, payload, _ in CASES}
    assert summary._LINES.keys() == roots - {"unknown"}


# --- commands


def test_connect_names_the_application_and_the_address():
    assert command("connect", CONNECT) == "connect('live') tcUrl rtmp://10.77.0.2/live"
    assert command("connect", {"app": "live"}, "user") == "connect('live', 'user')"
    assert command("connect", {"tcUrl": "rtmp://a b"}) == "connect() tcUrl 'rtmp://a b'"
    assert command("connect", None) == "connect()"
    assert line(20, wire.amf0("connect")) == "connect()"


def test_command_is_written_as_a_call():
    assert command("createStream", None) == "createStream()"
    assert command("publish", None, "cam", "live") == "publish('cam', 'live')"
    assert command("play", None, "cam", -2000, 0.5, True) == "play('cam', -2000, 0.5, true)"
    assert command("my method", {"x": 1}, [1, 2], None) == "'my method'([2], null)"
    assert command("f", None, *range(9)) == "f(0, 1, 2, 3, 4, 5, …)"
    odd = [wire.Undefined(), {"a": 1, "b": 2}, b"\x11\x0c\x07abc", wire.Ecma(), float("nan"), b"\x07\x00\x00"]
    assert command("f", None, *odd) == "f(undefined, {2}, 3 bytes, {0}, nan, the object at byte 15)"
    assert command("f", None, b"\x0b\x42\x78\xbc\xfe\x56\x80\x00\x00\x00\x00") == "f(2023-11-14 22:13:20.000 UTC)"


def test_amf3_command_reads_the_same():
    assert line(17, b"\x00" + wire.command("publish", 4, None, "cam", "live")) == "publish('cam', 'live')"


def test_answer_points_at_its_request_and_says_how_long_it_took():
    payload = wire.command("_result", 1, {}, SUCCESS)
    assert answer(payload, Call("connect", 44, 0)) == "_result → 44  NetConnection.Connect.Success  +1.1 ms"
    payload = wire.command("_result", 2, None, 1)
    said = "_result → 1,046  stream 1  +0.4 ms"
    assert answer(payload, Call("createStream", 1046, 0), answered_ns=400_000) == said
    payload = wire.command("_result", 3, None, 12.5)
    said = "_result → 44  12.5  +1.23 s"
    assert answer(payload, Call("getStreamLength", 44, 0), answered_ns=1_234_000_000) == said


def test_command_that_answers_a_command_points_at_it():
    assert answer(wire.command("onFCPublish", 0, None), Call("FCPublish", 44, 0)) == "onFCPublish → 44  +1.1 ms"


def test_second_answer_has_no_latency():
    call = Call("play", 44, 0)
    call.answer = 50
    payload = wire.command("onStatus", 0, None, {"level": "status", "code": "NetStream.Play.Start"})
    assert answer(payload, call) == "onStatus → 44  NetStream.Play.Start"


def test_request_does_not_point_at_itself():
    payload = wire.command("publish", 4, None, "cam", "live")
    made = message(20, payload, number=52)
    made.call = Call("publish", 52, 0)
    made.call.answer, made.call.answer_time_ns = 53, 10**6
    assert summarize(made, decode(20, payload, len(payload))) == "publish('cam', 'live')"


def test_answer_without_its_request_names_the_transaction():
    assert command("_result", {}, SUCCESS) == "_result to transaction 4  NetConnection.Connect.Success"
    assert command("_result", None, 1) == "_result to transaction 4  1"
    assert command("onStatus", None, SUCCESS, transaction_id=0) == "onStatus  NetConnection.Connect.Success"


def test_error_can_be_told_from_success():
    payload = wire.command("onStatus", 0, None, BAD_NAME)
    said = "onStatus → 52  NetStream.Publish.BadName (error)  'Already publishing'  +0.4 ms"
    assert answer(payload, Call("publish", 52, 0), answered_ns=400_000) == said
    without_level = {"code": "NetStream.Publish.BadName"}
    assert command("onStatus", None, without_level, transaction_id=0) == "onStatus  NetStream.Publish.BadName (error)"
    assert command("_error", None, {"code": "A.B"}) == "_error to transaction 4  A.B"
    reason = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : "
    said = f"_error to transaction 4  NetConnection.Connect.Rejected  '{reason}'"
    assert command("_error", None, {"code": "NetConnection.Connect.Rejected", "description": reason}) == said
    assert command("_error", None, None) == "_error to transaction 4"


def test_code_is_taken_from_its_property_and_not_from_the_first():
    information = {"codecs": "avc1", "code": "NetStream.Play.Start", "level": "status"}
    assert command("onStatus", None, information, transaction_id=0) == "onStatus  NetStream.Play.Start"
    assert command("_result", {"code": "A.B"}, None) == "_result to transaction 4  A.B"


def test_request_to_reconnect_says_where():
    information = {"code": "NetConnection.Connect.ReconnectRequest", "level": "status", "tcUrl": "rtmp://b/live"}
    said = "onStatus  NetConnection.Connect.ReconnectRequest  tcUrl rtmp://b/live"
    assert command("onStatus", None, information, transaction_id=0) == said


# --- text of the wire


def test_text_of_the_wire_cannot_pass_for_the_line_itself():
    assert command("publish", None, "a', 'live") == "publish('a\\', \\'live')"
    assert command("x) NetStream.Publish.Start", None) == "'x) NetStream.Publish.Start'()"
    assert command("onStatus", None, {"code": "A.B  fine"}, transaction_id=0) == "onStatus  'A.B  fine'"


def test_long_text_loses_its_middle():
    said = command("publish", None, "a" * 100 + "z" * 100, "live")
    assert said == f"publish('{'a' * 32}…{'z' * 15}', 'live')"
    assert len(command("x" * 1000, None, *["y" * 1000] * 50)) < 400


def test_line_is_made_of_the_fields_and_not_of_the_payload():
    payload = wire.command("publish", 4, None, "secret", "live")
    body = decode(20, payload, len(payload))
    body.children[-1].children[0] = Field("stream_name", "••••", 0, 0, "", "redacted")
    assert summarize(message(20, payload), body) == "publish('••••', 'live')"


# --- what is missing


def test_bytes_that_were_not_captured_are_counted():
    payload = bytes.fromhex("2701000000 00000ffb 41e0") + bytes(1189)
    assert line(9, payload, 4312) == "h264 inter frame  cts 0  slice  1,200 of 4,312 bytes captured"
    assert line(3, b"\x00", 4) == "00  1 of 4 bytes captured"
    assert line(7, b"", 4) == "0 of 4 bytes captured"


def test_hole_inside_a_message_is_placed():
    made = message(7, bytes(1200), 4312)
    made.holes = [(600, 3112)]
    said = summarize(made, decode(7, made.prefix, made.length))
    assert said.endswith("1,200 of 4,312 bytes captured, 3,112 bytes missing at 600")
    made.holes = [(1200, 3112)]
    assert summarize(made, decode(7, made.prefix, made.length)).endswith("1,200 of 4,312 bytes captured")


def test_aborted_message_says_so():
    made = message(7, bytes(1200), 4312)
    made.aborted = True
    assert summarize(made, decode(7, made.prefix, made.length)).endswith("…  aborted after 1,200 of 4,312 bytes")


def test_any_message_has_a_line():
    chance = random.Random(1)
    for _ in range(3000):
        type_id = chance.choice([*TYPES, 99])
        payload = bytearray(chance.choice([case[1] for case in CASES]))
        for _ in range(chance.randrange(3)):
            if payload:
                payload[chance.randrange(len(payload))] = chance.randrange(256)
        cut = bytes(payload[: chance.randrange(len(payload) + 1)])
        made = Message(0, S2C, 1, 0, 0, 3, type_id, 0, 0, len(payload), cut)
        made.captured = len(cut)
        said = summarize(made, decode(type_id, cut, len(payload)))
        assert len(said) < 1000
