"""Message types: names, bodies, and control messages to the bit."""

import pytest

from rtmpscope.rtmp.messages import LIMIT_TYPES, TYPES, decode, type_name, type_slug
from tests import bodies, wire

# One body of each type, and what it says.
CASES = {
    1: (wire.u32(4096), {"chunk_size": 4096}),
    2: (wire.u32(6), {"csid": 6}),
    3: (wire.u32(250000), {"sequence_number": 250000}),
    4: (wire.user_control(0, 1), {"event": "stream_begin", "message_stream_id": 1}),
    5: (wire.u32(5000000), {"window_size": 5000000}),
    6: (wire.set_peer_bandwidth(2500000, 2), {"window_size": 2500000, "limit_type": 2}),
    7: (b"\x01\x02", {"undecoded": b"\x01\x02"}),
    8: (b"", None),
    9: (b"", None),
    15: (b"\x00" + wire.amf0("chat", "hi"), {"name": "chat", "arguments": ["hi"]}),
    16: (
        b"\x00" + wire.shared_object("room", 0, 0, wire.so_event(1)),
        {"name": "room", "version": 0, "persistent": False, "flags": 0, "events": [{"event": "use"}]},
    ),
    17: (
        b"\x00" + wire.command("close", 0, None),
        {"name": "close", "transaction_id": 0, "command_object": None, "arguments": []},
    ),
    18: (wire.amf0("chat", "hi"), {"name": "chat", "arguments": ["hi"]}),
    19: (
        wire.shared_object("room", 0, 2, wire.so_event(2)),
        {"name": "room", "version": 0, "persistent": True, "flags": 2, "events": [{"event": "release"}]},
    ),
    20: (
        wire.command("close", 0, None),
        {"name": "close", "transaction_id": 0, "command_object": None, "arguments": []},
    ),
    22: (wire.aggregate((8, 5, b"\xaf")), {"parts": [{"type_id": 8, "length": 1, "timestamp": 5}]}),
}
ROOTS = {
    1: "set_chunk_size", 2: "abort", 3: "acknowledgement", 4: "user_control", 5: "window_ack_size",
    6: "set_peer_bandwidth", 7: "unknown", 8: "audio", 9: "video", 15: "data", 16: "shared_object", 17: "command",
    18: "data", 19: "shared_object", 20: "command", 22: "aggregate",
}  # fmt: skip


def test_every_type_has_a_case():
    assert CASES.keys() == ROOTS.keys() == TYPES.keys()


@pytest.mark.parametrize("type_id", CASES)
def test_body_of_each_type_is_decoded(type_id):
    payload, expected = CASES[type_id]
    body = decode(type_id, payload, len(payload))
    assert body.name == ROOTS[type_id]
    assert (body.start, body.end) == (0, len(payload))
    assert bodies.plain(body) == expected


@pytest.mark.parametrize("type_id", range(1, 7))
def test_control_message_decodes_all_ways(type_id):
    bodies.check_all_ways(TYPES[type_id].decode, CASES[type_id][0])


@pytest.mark.parametrize("type_id", [*TYPES, 0, 10, 255])
def test_any_bytes_decode(type_id):
    if type_id not in (8, 9):
        bodies.fuzz(lambda payload, length: decode(type_id, payload, length), rounds=200)


@pytest.mark.parametrize(
    ("type_id", "payload", "name", "value"),
    [
        (1, "00001000", "chunk_size", 4096),
        (3, "0003d090", "sequence_number", 250000),
        (3, "ffffffff", "sequence_number", 4294967295),
        (5, "004c4b40", "window_size", 5000000),
        (6, "002625a002", "window_size", 2500000),
    ],
)
def test_numbers_of_control_messages_stand_where_they_are(type_id, payload, name, value):
    field = bodies.at(decode(type_id, bytes.fromhex(payload), len(payload) // 2), name)
    assert (field.value, field.start, field.end) == (value, 0, 4)


@pytest.mark.parametrize(
    ("size", "value", "said"),
    [
        (4096, 4096, ""),
        (128, 128, ""),
        (0xFFFFFF, 0xFFFFFF, ""),
        (0, 0, "not allowed"),
        (127, 127, "smaller than the 128 bytes"),
        (0x1000000, 0x1000000, "larger than any message"),
        (0x80001000, 4096, "the top bit is set"),
    ],
)
def test_chunk_size_that_is_odd_says_why(size, value, said):
    field = bodies.at(decode(1, wire.u32(size), 4), "chunk_size")
    assert field.value == value
    assert field.text.startswith(said) and bool(field.text) == bool(said)


@pytest.mark.parametrize("limit_type", LIMIT_TYPES)
def test_limit_type_is_named(limit_type):
    field = bodies.at(decode(6, wire.set_peer_bandwidth(1, limit_type), 5), "limit_type")
    assert (field.value, field.text) == (limit_type, ": ".join(LIMIT_TYPES[limit_type]))


def test_limit_type_of_no_specification_is_said_to_be_so():
    assert bodies.at(decode(6, wire.set_peer_bandwidth(1, 9), 5), "limit_type").text.startswith("not defined")


def test_bandwidth_without_its_limit_type_keeps_the_window():
    body = decode(6, wire.u32(2500000), 4)
    assert bodies.plain(body) == {"window_size": 2500000, "undecoded": b""}
    assert bodies.undecoded(body) == ["ends before limit_type"]


def test_bytes_behind_a_control_message_are_shown():
    body = decode(5, wire.u32(1) + b"\xff", 5)
    assert bodies.plain(body) == {"window_size": 1, "undecoded": b"\xff"}


@pytest.mark.parametrize("type_id", [0, 7, 10, 14, 21, 23, 255])
def test_unknown_type_is_shown_with_its_bytes(type_id):
    body = decode(type_id, b"abc", 3)
    assert body.name == "unknown"
    assert bodies.undecoded(body) == ["no description of this message type exists"]
    assert bodies.plain(body) == {"undecoded": b"abc"}


@pytest.mark.parametrize(
    ("type_id", "slug", "name", "full_name"),
    [
        (1, "set_chunk_size", "Set Chunk Size", "Set Chunk Size"),
        (2, "abort", "Abort", "Abort"),
        (3, "acknowledgement", "Acknowledgement", "Acknowledgement [Bytes Read]"),
        (4, "user_control", "User Control", "User Control [Ping]"),
        (5, "window_ack_size", "Window Ack Size", "Window Ack Size [Server BW]"),
        (6, "set_peer_bandwidth", "Set Peer Bandwidth", "Set Peer Bandwidth [Client BW]"),
        (7, "edge_origin", "Edge/Origin", "Edge/Origin"),
        (8, "audio", "Audio", "Audio"),
        (9, "video", "Video", "Video"),
        (15, "data_amf3", "Data (AMF3)", "Data (AMF3) [Flex Stream Send]"),
        (16, "shared_object_amf3", "Shared Object (AMF3)", "Shared Object (AMF3) [Flex Shared Object]"),
        (17, "command_amf3", "Command (AMF3)", "Command (AMF3) [Flex Message]"),
        (18, "data_amf0", "Data (AMF0)", "Data (AMF0) [Notify]"),
        (19, "shared_object_amf0", "Shared Object (AMF0)", "Shared Object (AMF0)"),
        (20, "command_amf0", "Command (AMF0)", "Command (AMF0) [Invoke]"),
        (22, "aggregate", "Aggregate", "Aggregate [FLV data]"),
    ],
)
def test_type_has_its_names(type_id, slug, name, full_name):
    assert (type_slug(type_id), type_name(type_id), TYPES[type_id].full_name) == (slug, name, full_name)


def test_type_without_a_name_is_known_by_its_number():
    assert (type_slug(99), type_name(99)) == ("unknown_99", "Type 99")
