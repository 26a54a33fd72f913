"""Parts of an aggregate: where each is, and when it is to be played."""

from rtmpscope.limits import MESSAGE_PARTS
from rtmpscope.model import UNKNOWN
from rtmpscope.rtmp.aggregate import decode, parts
from tests import bodies, wire

THREE = bytes.fromhex(
    "08 000004 0003e8 00 000000 af012110 0000000f"
    "09 00000a 0003f2 00 000000 27010000000000000109 00000015"
    "08 000004 0003ff 00 000000 af012111 0000000f"
)


def test_parts_get_the_time_of_the_aggregate():
    found = parts(THREE, len(THREE), 5000)
    assert len(THREE) == 63
    assert [(part.type_id, part.tag_timestamp, part.timestamp) for part in found] == [
        (8, 1000, 5000),
        (9, 1010, 5010),
        (8, 1023, 5023),
    ]
    payloads = [THREE[part.start : part.end].hex() for part in found]
    assert payloads == ["af012110", "27010000000000000109", "af012111"]
    assert [(part.length, part.back_pointer, part.overrun) for part in found] == [(4, 15, 0), (10, 21, 0), (4, 15, 0)]


def test_time_wraps_and_the_high_byte_comes_last():
    payload = wire.aggregate((8, 0xFFFFFFFE, b"a"), (8, 0x01000002, b"b"))
    found = parts(payload, len(payload), 10)
    assert [part.tag_timestamp for part in found] == [0xFFFFFFFE, 0x01000002]
    assert [part.timestamp for part in found] == [10, 0x0100000E]


def test_script_tag_does_not_swallow_the_tags_after_it():
    script = wire.amf0("onMetaData", {"width": 640})
    payload = wire.aggregate((8, 0, b"a"), (18, 5, script), (9, 9, b"b"), (15, 10, b"\x00" + script))
    found = parts(payload, len(payload), 100)
    assert [(part.type_id, part.timestamp) for part in found] == [(8, 100), (18, 105), (9, 109), (15, 110)]
    assert payload[found[1].start : found[1].end] == script


def test_part_earlier_than_the_first_is_moved_too():
    payload = wire.aggregate((8, 1000, b"a"), (9, 990, b"b"))
    assert [part.timestamp for part in parts(payload, len(payload), 0)] == [0, 2**32 - 10]


def test_back_pointer_may_be_missing_at_the_end():
    found = parts(THREE[:-4], len(THREE) - 4, 0)
    assert [(part.back_pointer, part.overrun) for part in found] == [(15, 0), (21, 0), (UNKNOWN, 0)]
    assert bodies.undecoded(decode(THREE[:-4], len(THREE) - 4)) == []


def test_back_pointer_without_the_header_is_right_as_well():
    payload = wire.flv_tag(8, 0, b"abcd", 15) + wire.flv_tag(8, 0, b"abcd", 4) + wire.flv_tag(8, 0, b"abcd", 99)
    body = decode(payload, len(payload))
    texts = [bodies.at(part, "back_pointer").text for part in bodies.at(body, "parts").children]
    assert texts == ["", "", "should be 15"]


def test_part_that_is_too_long_for_its_aggregate_is_flagged():
    payload = wire.flv_tag(8, 0, b"ok") + b"\x09" + wire.u24(1000) + bytes(7) + b"short"
    found = parts(payload, len(payload), 0)
    assert [(part.length, part.end - part.start, part.overrun) for part in found] == [(2, 2, 0), (1000, 5, 995)]
    length = bodies.at(decode(payload, len(payload)), "parts.[1].length")
    assert (length.value, length.text) == (1000, "goes 995 bytes beyond the end of the aggregate")


def test_part_that_was_not_captured_whole_does_not_go_beyond():
    found = parts(THREE[:34], len(THREE), 0)
    assert [(part.length, part.end - part.start, part.overrun) for part in found] == [(4, 4, 0), (10, 4, 0)]
    assert bodies.undecoded(decode(THREE[:34], len(THREE))) == ["29 bytes were not captured"]


def test_fields_describe_the_headers():
    body = decode(THREE, len(THREE))
    assert body.name == "aggregate"
    assert bodies.plain(body) == {
        "parts": [
            {"type_id": 8, "length": 4, "timestamp": 1000},
            {"type_id": 9, "length": 10, "timestamp": 1010},
            {"type_id": 8, "length": 4, "timestamp": 1023},
        ]
    }
    second = bodies.at(body, "parts.[1]")
    assert [(field.name, field.start, field.end) for field in second.children] == [
        ("type_id", 19, 20),
        ("length", 20, 23),
        ("timestamp", 23, 27),
        ("payload", 30, 40),
        ("back_pointer", 40, 44),
    ]
    assert bodies.at(second, "timestamp").text == "+10 ms from the first part"
    bodies.check_all_ways(decode, THREE)


def test_bytes_too_few_for_a_part_are_shown():
    assert bodies.undecoded(decode(b"", 0)) == []
    assert bodies.undecoded(decode(bytes(10), 10)) == ["too short for another part"]
    assert bodies.undecoded(decode(THREE + b"\x08", 64)) == ["too short for another part"]


def test_parts_are_bounded():
    payload = wire.flv_tag(8, 0, b"") * (MESSAGE_PARTS + 1)
    assert len(parts(payload, len(payload), 0)) == MESSAGE_PARTS
    assert bodies.undecoded(decode(payload, len(payload))) == [f"more than {MESSAGE_PARTS:,} parts"]


def test_any_bytes_decode():
    bodies.fuzz(decode)
    bodies.fuzz(decode, THREE[:19])
