"""Shared objects: headers, and every event."""

import pytest

from rtmpscope.limits import AMF_ITEMS
from rtmpscope.rtmp.shared_objects import EVENTS, NAMES, amf0_body, amf3_body
from tests import bodies, wire
from tests.fields import walk

HEAD = bytes.fromhex("0004 726f6f6d 00000001 00000002 00000000")
COUNT = "0005 636f756e74"  # the key "count"
SEVEN = "00 401c000000000000"

CASES = {
    1: ("", {"event": "use"}),
    2: ("", {"event": "release"}),
    3: (COUNT + SEVEN, {"event": "request_change", "properties": {"count": 7.0}}),
    4: (COUNT + SEVEN + "0001 61 05", {"event": "change", "properties": {"count": 7.0, "a": None}}),
    5: (COUNT, {"event": "success", "keys": ["count"]}),
    6: (
        "02 0005 68656c6c6f 00 3ff0000000000000 02 0002 6869",
        {"event": "send_message", "handler": "hello", "arguments": [1.0, "hi"]},
    ),
    7: (
        "0019" + b"SharedObject.NoReadAccess".hex() + "0005" + b"error".hex(),
        {"event": "status", "code": "SharedObject.NoReadAccess", "level": "error"},
    ),
    8: ("", {"event": "clear"}),
    9: (COUNT, {"event": "remove", "keys": ["count"]}),
    10: (COUNT, {"event": "request_remove", "keys": ["count"]}),
    11: ("", {"event": "use_success"}),
    12: (COUNT + "00000003", {"event": "lock", "key": "count", "number": 3}),
    13: (COUNT + SEVEN, {"event": "change_echo", "properties": {"count": 7.0}}),
    14: ("", {"event": "request_clear"}),
}


def one(type_id: int, data: bytes) -> bytes:
    return HEAD + wire.so_event(type_id, data)


def events(payload: bytes) -> object:
    return bodies.plain(bodies.at(amf0_body(payload, len(payload)), "events"))


def test_every_event_has_a_case() -> None:
    assert CASES.keys() == EVENTS.keys()


@pytest.mark.parametrize("type_id", CASES)
def test_event_says_what_it_carries(type_id: int) -> None:
    data, expected = CASES[type_id]
    payload = one(type_id, bytes.fromhex(data))
    assert events(payload) == [expected]
    event = bodies.at(amf0_body(payload, len(payload)), "events.[0].event")
    assert event.text == f"event {type_id}, {NAMES[str(event.value)]}: {EVENTS[type_id].meaning}"
    assert (event.start, event.end) == (len(HEAD), len(HEAD) + 1)
    bodies.check_all_ways(amf0_body, payload)


@pytest.mark.parametrize(("type_id", "size"), [(3, 39), (5, 30), (6, 45), (7, 57)])
def test_bodies_have_the_sizes_that_real_ones_have(type_id: int, size: int) -> None:
    assert len(one(type_id, bytes.fromhex(CASES[type_id][0]))) == size


def test_use_of_a_persistent_object() -> None:
    payload = bytes.fromhex("0004 726f6f6d 00000000 00000002 00000000 01 00000000")
    body = amf0_body(payload, len(payload))
    assert len(payload) == 23 and body.name == "shared_object"
    assert bodies.plain(body) == {
        "name": "room",
        "version": 0,
        "persistent": True,
        "flags": 2,
        "events": [{"event": "use"}],
    }
    assert bodies.at(body, "flags").text == "persistent"


def test_temporary_object_is_not_persistent() -> None:
    payload = wire.shared_object("room", 0, 0, wire.so_event(1))
    assert bodies.plain(bodies.at(amf0_body(payload, len(payload)), "persistent")) is False


def test_first_answer_of_a_server_carries_three_events() -> None:
    payload = bytes.fromhex(
        "0004 726f6f6d 00000001 00000002 00000000 0b 00000000 08 00000000 04 00000010" + COUNT + SEVEN
    )
    assert len(payload) == 49
    assert events(payload) == [
        {"event": "use_success"},
        {"event": "clear"},
        {"event": "change", "properties": {"count": 7.0}},
    ]
    bodies.check_all_ways(amf0_body, payload)


def test_amf3_object_has_a_selector_and_amf3_values() -> None:
    payload = b"\x00" + one(4, bytes.fromhex(COUNT + "11 04 07"))
    body = amf3_body(payload, len(payload))
    assert len(payload) == 34
    assert bodies.plain(bodies.at(body, "events")) == [{"event": "change", "properties": {"count": 7}}]
    assert bodies.at(body, "format_selector").kind == "display"
    bodies.check_all_ways(amf3_body, payload)


def test_amf3_strings_are_shared_by_the_events_of_a_message() -> None:
    first = wire.so_event(4, bytes.fromhex("0001 61 11 06 05 6869"))
    second = wire.so_event(4, bytes.fromhex("0001 62 11 06 00"))
    payload = b"\x00" + HEAD + first + second
    both = bodies.plain(bodies.at(amf3_body(payload, len(payload)), "events"))
    assert both == [{"event": "change", "properties": {"a": "hi"}}, {"event": "change", "properties": {"b": "hi"}}]


def test_property_stands_where_its_value_is() -> None:
    payload = one(3, bytes.fromhex(COUNT + SEVEN))
    value = bodies.at(amf0_body(payload, len(payload)), "events.[0].properties.count")
    assert payload[value.start : value.end] == bytes.fromhex(SEVEN)


def test_code_of_a_status_is_explained() -> None:
    payload = one(7, wire.amf0_key("SharedObject.NoReadAccess") + wire.amf0_key("error"))
    assert bodies.at(amf0_body(payload, len(payload)), "events.[0].code").text == "the client may not read the object"


def test_unknown_event_is_skipped_by_its_length() -> None:
    payload = HEAD + wire.so_event(77, b"\x0b\x00\x00") + wire.so_event(8)
    assert events(payload) == [{"event": "unknown_77", "undecoded": b"\x0b\x00\x00"}, {"event": "clear"}]


def test_event_whose_data_is_damaged_costs_only_itself() -> None:
    payload = HEAD + wire.so_event(4, bytes.fromhex(COUNT + "ff 00 00")) + wire.so_event(4, b"\x00\x01a\x05")
    assert events(payload) == [
        {"event": "change", "properties": {"count": {"undecoded": b"\xff\x00\x00"}}},
        {"event": "change", "properties": {"a": None}},
    ]


def test_event_without_data_that_brings_some_shows_it() -> None:
    assert events(one(8, b"\x01")) == [{"event": "clear", "undecoded": b"\x01"}]


def test_event_longer_than_the_message_is_said_to_be_so() -> None:
    payload = HEAD + b"\x05" + wire.u32(0x7FFFFFFF) + wire.amf0_key("count")
    body = amf0_body(payload, len(payload))
    assert bodies.plain(bodies.at(body, "events.[0].keys")) == ["count"]
    assert bodies.undecoded(body) == ["the event goes 2,147,483,640 bytes beyond the end of the message"]


def test_event_cut_by_the_capture_blames_the_capture() -> None:
    payload = one(4, bytes.fromhex(COUNT + SEVEN))
    reasons = bodies.undecoded(amf0_body(payload[:-3], len(payload)))
    assert reasons == ["the bytes end inside this number", "3 bytes were not captured", "3 bytes were not captured"]


def test_name_that_is_not_utf8_is_flagged() -> None:
    payload = b"\x00\x02\xff\xfe" + bytes(12)
    name = bodies.at(amf0_body(payload, len(payload)), "name")
    assert (name.value, name.text) == ("\\xff\\xfe", "not valid UTF-8")


def test_header_that_ends_early_says_before_what() -> None:
    assert bodies.undecoded(amf0_body(HEAD[:12], 12)) == ["ends before flags"]
    assert bodies.undecoded(amf0_body(b"\x00\x09ro", 4)) == ["ends before name"]


def test_events_are_bounded() -> None:
    payload = HEAD + wire.so_event(8) * (AMF_ITEMS + 1)
    body = amf0_body(payload, len(payload))
    assert len(bodies.at(body, "events").children) == AMF_ITEMS
    assert bodies.undecoded(body) == [f"more than {AMF_ITEMS:,} values"]


def test_keys_are_bounded_for_the_whole_message() -> None:
    payload = HEAD + wire.so_event(9, bytes(AMF_ITEMS)) * 3
    body = amf0_body(payload, len(payload))
    assert sum(1 for _ in walk(body)) < 1.1 * AMF_ITEMS
    assert f"more than {AMF_ITEMS:,} values" in bodies.undecoded(body)


def test_any_bytes_decode() -> None:
    bodies.fuzz(amf0_body)
    bodies.fuzz(amf3_body)
    bodies.fuzz(amf0_body, HEAD)
