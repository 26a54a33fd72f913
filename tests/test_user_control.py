"""User control messages, event by event."""

import pytest

from rtmpscope.rtmp.user_control import EVENTS, NAMES, decode
from tests import bodies, wire

CASES = {
    0: ("0000 00000001", {"event": "stream_begin", "message_stream_id": 1}),
    1: ("0001 00000001", {"event": "stream_eof", "message_stream_id": 1}),
    2: ("0002 00000001", {"event": "stream_dry", "message_stream_id": 1}),
    3: ("0003 00000001 00000bb8", {"event": "set_buffer_length", "message_stream_id": 1, "buffer_length": 3000}),
    4: ("0004 00000001", {"event": "stream_is_recorded", "message_stream_id": 1}),
    5: ("0005", {"event": "unknown_5"}),
    6: ("0006 0001e240", {"event": "ping_request", "timestamp": 123456}),
    7: ("0007 0001e240", {"event": "ping_response", "timestamp": 123456}),
    8: ("0008", {"event": "unknown_8"}),
    26: ("001a 01", {"event": "swf_verification_request", "verification_type": 1}),
    27: (
        "001b 0101 0000c350 0000c350" + "ab" * 32,
        {"event": "swf_verification_response", "swf_size": 50000, "swf_size_again": 50000, "hash": b"\xab" * 32},
    ),
    31: ("001f 00000001", {"event": "buffer_empty", "message_stream_id": 1}),
    32: ("0020 00000001", {"event": "buffer_ready", "message_stream_id": 1}),
}


def test_every_event_has_a_case() -> None:
    assert CASES.keys() == EVENTS.keys()


@pytest.mark.parametrize("type_id", CASES)
def test_event_carries_its_parameters_by_name(type_id: int) -> None:
    data, expected = CASES[type_id]
    payload = bytes.fromhex(data)
    body = decode(payload, len(payload))
    assert body.name == "user_control"
    assert bodies.plain(body) == expected
    event = bodies.at(body, "event")
    assert (event.start, event.end) == (0, 2)
    assert event.text == f"event {type_id}, {NAMES[str(event.value)]}: {EVENTS[type_id].meaning}"
    bodies.check_all_ways(decode, payload)


def test_timestamps_and_lengths_say_their_unit() -> None:
    assert bodies.at(decode(wire.user_control(6, 123456), 6), "timestamp").text == "123,456 ms"
    assert bodies.at(decode(wire.user_control(3, 1, 3000), 10), "buffer_length").text == "3,000 ms"


def test_parameters_stand_where_they_are_on_the_wire() -> None:
    body = decode(wire.user_control(3, 1, 3000), 10)
    places = [(field.name, field.start, field.end) for field in body.children]
    assert places == [("event", 0, 2), ("message_stream_id", 2, 6), ("buffer_length", 6, 10)]


def test_event_that_nobody_knows_keeps_its_bytes() -> None:
    body = decode(bytes.fromhex("0063 0102"), 4)
    assert bodies.plain(body) == {"event": "unknown_99", "undecoded": b"\x01\x02"}
    assert "not known" in bodies.at(body, "event").text


def test_event_without_its_parameter_says_what_is_missing() -> None:
    assert bodies.undecoded(decode(bytes.fromhex("0003 00000001 0b"), 7)) == ["ends before buffer_length"]
    assert bodies.undecoded(decode(b"\x00", 1)) == ["ends before event"]
    assert bodies.undecoded(decode(b"", 0)) == ["ends before event"]


def test_bytes_behind_the_parameters_are_shown() -> None:
    body = decode(wire.user_control(0, 1) + b"\xff", 7)
    assert bodies.plain(body) == {"event": "stream_begin", "message_stream_id": 1, "undecoded": b"\xff"}


def test_any_bytes_decode() -> None:
    bodies.fuzz(decode)
