"""Examples of the wire format, spelled byte by byte, and what each says: read by the whole engine.

The bytes stand here as the specifications' tables give them, written by hand and not by the helpers that other tests
build their streams with, so that a mistake common to writer and reader cannot hide.
"""

from __future__ import annotations

import pytest

from rtmpscope.engine import Engine
from rtmpscope.export.values import value
from rtmpscope.model import C2S, Field, Message
from tests import bodies, wire
from tests.fields import walk
from tests.runs import built_in, run

C2S_START, S2C_START = wire.handshake()
Told = tuple[int, int, int, int, int, bytes]  # fmt, csid, timestamp, type_id, message_stream_id, payload


def read(spelled: str, *, chunk_size: str = "") -> list[Message]:
    """The messages in the client's bytes; chunk_size is the body of a Set Chunk Size before them."""
    set_size = bytes.fromhex(f"02 000000 000004 01 00000000 {chunk_size}") if chunk_size else b""
    stream = set_size + bytes.fromhex(spelled.replace("|", "").replace("/", ""))
    messages = run(wire.packets(wire.conversation(C2S_START + stream, S2C_START))).messages(direction=C2S)
    return messages[1:] if chunk_size else messages


def told(spelled: str, **options: str) -> list[Told]:
    return [
        (one.fmt, one.csid, one.timestamp, one.type_id, one.message_stream_id, one.payload)
        for one in read(spelled, **options)
    ]


def tree(message: Message) -> Field:
    body = Engine(built_in()).describe(message)
    assert bodies.undecoded(body) == []
    return body


def shown(spelled: str) -> object:
    """The body of the one message in these bytes."""
    (message,) = read(spelled)
    return bodies.plain(tree(message))


# --- commands --------------------------------------------------------------------------------------------

CREATE_STREAM = "02 000c 63726561746553747265616d | 00 4000000000000000 | 05"
RESULT = "02 0007 5f726573756c74 | 00 4000000000000000 | 05 | 00 3ff0000000000000"
ON_STATUS = (
    "02 0008 6f6e537461747573 00 0000000000000000 05 03 0005 6c6576656c 02 0006 737461747573"
    "0004 636f6465 02 0017 4e657453747265616d2e5075626c6973682e5374617274 000009"
)
PLAY = "02 0004 706c6179 00 4010000000000000 05 02 0003 63616d 00 c09f400000000000"


@pytest.mark.parametrize(
    ("header", "body", "head", "expected"),
    [
        (
            "03 | 000b68 | 000019 | 14 | 00000000",
            CREATE_STREAM,
            (0, 3, 2920, 20, 0, 25),
            {"name": "createStream", "transaction_id": 2.0, "command_object": None, "arguments": []},
        ),
        (
            "03 | 000000 | 00001d | 14 | 00000000",
            RESULT,
            (0, 3, 0, 20, 0, 29),
            {"name": "_result", "transaction_id": 2.0, "command_object": None, "arguments": [1.0]},
        ),
        (
            "05 000000 000049 14 01000000",
            ON_STATUS,
            (0, 5, 0, 20, 1, 73),
            {
                "name": "onStatus",
                "transaction_id": 0.0,
                "command_object": None,
                "arguments": [{"level": "status", "code": "NetStream.Publish.Start"}],
            },
        ),
        (
            "08 000000 000020 14 01000000",
            PLAY,
            (0, 8, 0, 20, 1, 32),
            {"name": "play", "transaction_id": 4.0, "command_object": None, "arguments": ["cam", -2000.0]},
        ),
    ],
)
def test_command(header: str, body: str, head: tuple[int, ...], expected: object) -> None:
    (message,) = read(header + body)
    fields = (message.fmt, message.csid, message.timestamp, message.type_id, message.message_stream_id, message.length)
    assert fields == head
    assert bodies.plain(tree(message)) == expected


def test_metadata_in_an_ecma_array() -> None:
    body = (
        "02 000d 40736574446174614672616d65 02 000a 6f6e4d65746144617461 08 00000002"
        "0005 7769647468 00 4094000000000000 0006 686569676874 00 4086800000000000 000009"
    )
    assert shown("04 000000 000046 12 01000000" + body) == {
        "name": "@setDataFrame",
        "arguments": ["onMetaData", {"width": 1280.0, "height": 720.0}],
    }


# --- control messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("02 000000 000004 01 00000000 00001000", {"chunk_size": 4096}),
        ("02 000000 000004 03 00000000 0003d090", {"sequence_number": 250_000}),
        ("02 000000 000004 05 00000000 004c4b40", {"window_size": 5_000_000}),
        ("02 000000 000005 06 00000000 002625a0 02", {"window_size": 2_500_000, "limit_type": 2}),
        ("02 000000 000006 04 00000000 0000 00000001", {"event": "stream_begin", "message_stream_id": 1}),
        (
            "02 000000 00000a 04 00000000 0003 00000001 00000bb8",
            {"event": "set_buffer_length", "message_stream_id": 1, "buffer_length": 3000},
        ),
        ("02 000000 000006 04 00000000 0006 0001e240", {"event": "ping_request", "timestamp": 123_456}),
        ("02 000000 000006 04 00000000 0007 0001e240", {"event": "ping_response", "timestamp": 123_456}),
        ("02 000000 000006 04 00000000 001f 00000001", {"event": "buffer_empty", "message_stream_id": 1}),
        ("02 000000 000003 04 00000000 001a 01", {"event": "swf_verification_request", "verification_type": 1}),
    ],
)
def test_control_message(spelled: str, expected: object) -> None:
    assert shown(spelled) == expected


# --- chunks ----------------------------------------------------------------------------------------------

VIDEO = bytes.fromhex("a0a1a2a3a4a5a6a7a8a9")


@pytest.mark.parametrize("continuation", ["c6 | 01000010 | a6a7a8a9", "c6 a6a7a8a9"], ids=["repeated", "not repeated"])
def test_extended_timestamp_of_a_message_in_two_chunks(continuation: str) -> None:
    first = "06 | ffffff | 00000a | 09 | 01000000 | 01000010 | a0a1a2a3a4a5 / "
    assert told(first + continuation, chunk_size="00000006") == [(0, 6, 16_777_232, 9, 1, VIDEO)]


@pytest.mark.parametrize(
    ("csid", "fmt_0", "fmt_1", "fmt_3"),
    [
        (2, "02", "42", "c2"),
        (63, "3f", "7f", "ff"),
        (64, "0000", "4000", "c000"),
        (319, "00ff", "40ff", "c0ff"),
        (320, "010001", "410001", "c10001"),
        (365, "012d01", "412d01", "c12d01"),
        (65_599, "01ffff", "41ffff", "c1ffff"),
    ],
)
def test_basic_headers_of_a_csid(csid: int, fmt_0: str, fmt_1: str, fmt_3: str) -> None:
    stream = f"{fmt_0} 000064 000002 08 01000000 af01 / {fmt_1} 000014 000002 08 af01 / {fmt_3} af01"
    audio = b"\xaf\x01"
    assert told(stream) == [(0, csid, 100, 8, 1, audio), (1, csid, 120, 8, 1, audio), (3, csid, 140, 8, 1, audio)]


def test_type_3_after_type_0_reads_as_the_specification_says_and_is_called_ambiguous() -> None:
    first, second = read("06 0003e8 000004 08 01000000 af010203 / c6 af010204")
    assert (first.timestamp, second.timestamp) == (1000, 2000)
    assert not first.notes
    assert "ambiguous-fmt3" in [note.code for note in second.notes or ()]


def test_aggregate_gives_its_parts_the_time_of_the_message() -> None:
    stream = bytes.fromhex(
        "06 001388 00003f 16 01000000"
        "08 000004 0003e8 00 000000 af012110 0000000f"
        "09 00000a 0003f2 00 000000 27010000000000000109 00000015"
        "08 000004 0003ff 00 000000 af012111 0000000f"
    )
    events = run(wire.packets(wire.conversation(C2S_START + stream, S2C_START))).events
    parts = [event for event in events if isinstance(event, Message) and event.aggregate]
    assert [(part.type_id, part.timestamp, part.payload.hex()) for part in parts] == [
        (8, 5000, "af012110"),
        (9, 5010, "27010000000000000109"),
        (8, 5023, "af012111"),
    ]


# --- shared objects --------------------------------------------------------------------------------------

COUNT = "0005 636f756e74"
SEVEN = COUNT + "00 401c000000000000"


@pytest.mark.parametrize(
    ("version", "rest", "size", "events"),
    [
        (0, "01 00000000", 23, [{"event": "use"}]),
        (
            1,
            "0b 00000000 | 08 00000000 | 04 00000010" + SEVEN,
            49,
            [{"event": "use_success"}, {"event": "clear"}, {"event": "change", "properties": {"count": 7.0}}],
        ),
        (0, "03 00000010" + SEVEN, 39, [{"event": "request_change", "properties": {"count": 7.0}}]),
        (2, "05 00000007" + COUNT, 30, [{"event": "success", "keys": ["count"]}]),
        (
            2,
            "06 00000016 02 0005 68656c6c6f 00 3ff0000000000000 02 0002 6869",
            45,
            [{"event": "send_message", "handler": "hello", "arguments": [1.0, "hi"]}],
        ),
        (
            2,
            "07 00000022 0019 5368617265644f626a6563742e4e6f52656164416363657373 0005 6572726f72",
            57,
            [{"event": "status", "code": "SharedObject.NoReadAccess", "level": "error"}],
        ),
    ],
)
def test_shared_object(version: int, rest: str, size: int, events: object) -> None:
    body = f"0004 726f6f6d | {version:08x} | 00000002 | 00000000 | {rest}"
    assert shown(f"03 000000 {size:06x} 13 00000000 | {body}") == {
        "name": "room",
        "version": version,
        "persistent": True,
        "flags": 2,
        "events": events,
    }


def test_shared_object_of_type_16_holds_amf3_values() -> None:
    body = f"00 0004 726f6f6d 00000001 00000002 00000000 | 04 0000000a {COUNT} 11 04 07"
    found = shown(f"03 000000 000022 10 00000000 | {body}")
    assert isinstance(found, dict) and found["events"] == [{"event": "change", "properties": {"count": 7}}]


# --- AMF -------------------------------------------------------------------------------------------------

COLLECTION = b"flex.messaging.io.ArrayCollection".hex()


@pytest.mark.parametrize(
    ("spelled", "json"),
    [
        (
            "11 09 05 01 | 0a 23 0b 506f696e74 03 78 03 79 04 01 04 02 | 0a 01 04 03 04 ffffffff",
            '[{"$type":"Point","value":{"x":1,"y":2}},{"$type":"Point","value":{"x":3,"y":-1}}]',
        ),
        ("11 09 07 01 06 05 6162 06 00 06 01", '["ab","ab",""]'),
        ("11 0a 0b 01 03 61 03 01", '{"a":true}'),
        (
            f"11 0a 07 43 {COLLECTION} 09 03 01 04 05",
            '{"$external":"flex.messaging.io.ArrayCollection","value":{"source":[5]}}',
        ),
        ("03 0001 61 03 000009 0001 62 07 0001 000009", '{"a":{},"b":{"$ref":1}}'),
        ("0b 4278bcfe56800000 0000", '{"$date":"2023-11-14T22:13:20.000Z","tz":0}'),
    ],
    ids=["traits reference", "string reference", "dynamic object", "array collection", "reference", "date"],
)
def test_amf_value_as_the_trace_shows_it(spelled: str, json: str) -> None:
    body = "02 0003 707574 00 3ff0000000000000 05" + spelled.replace("|", "")
    size = len(bytes.fromhex(body))
    (message,) = read(f"03 000000 {size:06x} 14 00000000 {body}")
    (argument,) = bodies.at(tree(message), "arguments").children
    assert value(argument) == json


# --- media -----------------------------------------------------------------------------------------------

SLICE = "00000002 0201"  # an HEVC NAL unit and its length
IDR = "00000002 6588"  # an H.264 one


@pytest.mark.parametrize(
    ("type_id", "spelled", "expected"),
    [
        (9, f"91 68766331 000050 {SLICE}",
         {"frame_type": "key", "packet_type": "coded_frames", "fourcc": "hvc1", "composition_time": 80}),
        (9, f"a3 68766331 {SLICE}", {"frame_type": "inter", "packet_type": "coded_frames_x", "fourcc": "hvc1"}),
        (8, "90 4f707573 4f707573486561640102380180bb0000000000",
         {"packet_type": "sequence_start", "codec": "opus", "fourcc": "Opus"}),
        (9, f"96 01 61766331 01 000000 {IDR}",
         {"multitrack": "one_track", "packet_type": "coded_frames", "fourcc": "avc1", "track_id": [1]}),
        (9, f"96 11 61766331 01 000009 000000 {IDR} 02 000009 000000 {IDR}",
         {"multitrack": "many_tracks", "packet_type": "coded_frames", "fourcc": "avc1", "track_id": [1, 2]}),
        (9, f"a7 02 07a120 01 68766331 000000 {SLICE}",
         {"frame_type": "inter", "packet_type": "coded_frames", "fourcc": "hvc1", "nanoseconds": [500_000]}),
    ],
)  # fmt: skip
def test_enhanced_media(type_id: int, spelled: str, expected: dict[str, object]) -> None:
    size = len(bytes.fromhex(spelled))
    (message,) = read(f"06 000000 {size:06x} {type_id:02x} 01000000 {spelled}")
    found: dict[str, list[object]] = {}
    for field in walk(tree(message)):
        found.setdefault(field.name, []).append(field.value)
    for name, wanted in expected.items():
        assert found[name] == (wanted if isinstance(wanted, list) else [wanted]), name


def test_enhanced_sequence_start_announces_its_codec() -> None:
    (message,) = read("06 000000 000005 09 01000000 90 68766331")
    body = Engine(built_in()).describe(message)
    assert [bodies.at(body, name).value for name in ("frame_type", "packet_type", "fourcc", "codec")] == [
        "key", "sequence_start", "hvc1", "hevc",
    ]  # fmt: skip
