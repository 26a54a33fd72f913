"""The chunk stream parser: every header form, each case whole, byte by byte and with trailing bytes."""

from __future__ import annotations

import pytest

from rtmpscope.model import C2S, UNKNOWN, Message, Segment
from rtmpscope.rtmp.chunks import GUESS, LOST, SURE, ChunkParser
from tests import wire

Chunk = wire.chunk


def segment(offset: int, data: bytes, packet: int) -> Segment:
    made = Segment(packet, packet * 1000, b"", 0, 0, 0, 0, data, 0, len(data), 0)
    made.offset = offset
    return made


def parse(stream: bytes, pieces: list[bytes] | None = None, parser: ChunkParser | None = None) -> list[Message]:
    """The messages of a stream that comes in pieces, one packet each; what a header lacks waits for the next."""
    parser = parser or ChunkParser(0, C2S, True)
    kept, kept_at, offset = b"", 0, 0
    segments: list[Segment] = []
    for packet, piece in enumerate(pieces or [stream], 1):
        segments.append(segment(offset, piece, packet))
        data = kept + piece
        segments = [one for one in segments if one.offset + one.length > kept_at]
        used = parser.parse(data, 0, kept_at, segments, False)
        assert not parser.trouble
        kept, kept_at = data[used:], kept_at + used
        offset += len(piece)
    return parser.out


def facts(message: Message) -> tuple[object, ...]:
    return (message.type_id, message.timestamp, message.message_stream_id, message.csid, message.payload)


def assert_messages(stream: bytes, *expected: tuple[object, ...]) -> list[Message]:
    """Check a stream three ways; the messages of the first."""
    whole = parse(stream)
    assert [facts(message) for message in whole] == list(expected)
    single = parse(stream, [stream[at : at + 1] for at in range(len(stream))])
    assert [facts(message) for message in single] == list(expected)
    trailed = parse(stream + b"\x05\x00")
    assert [facts(message) for message in trailed] == list(expected)
    return whole


CREATE_STREAM = bytes.fromhex("0200 0c63 7265 6174 6553 7472 6561 6d00 4000 0000 0000 0000 05")


def test_create_stream_as_in_the_worked_bytes():
    assert_messages(bytes.fromhex("03 000b68 000019 14 00000000") + CREATE_STREAM, (20, 2920, 0, 3, CREATE_STREAM))


@pytest.mark.parametrize(
    ("csid", "header"),
    [(2, "02"), (63, "3f"), (64, "0000"), (319, "00ff"), (320, "010001"), (365, "012d01"), (65599, "01ffff")],
)
def test_basic_header_in_each_size(csid: int, header: str):
    assert_messages(bytes.fromhex(header + "00000a 000001 08 01000000 af"), (8, 10, 1, csid, b"\xaf"))


def test_message_stream_id_is_little_endian():
    assert_messages(bytes.fromhex("04 000000 000001 09 01020000 27"), (9, 0, 0x201, 4, b"\x27"))


def test_each_header_type_inherits_what_it_leaves_out():
    stream = (
        Chunk(0, 4, 1000, 2, 8, 1, b"\xaf\x01")
        + Chunk(1, 4, 20, 3, 9, payload=b"\x27\x01\x00")
        + Chunk(2, 4, 30, payload=b"\x27\x01\x01")
        + Chunk(3, 4, payload=b"\x27\x01\x02")
    )
    assert_messages(
        stream,
        (8, 1000, 1, 4, b"\xaf\x01"),
        (9, 1020, 1, 4, b"\x27\x01\x00"),
        (9, 1050, 1, 4, b"\x27\x01\x01"),
        (9, 1080, 1, 4, b"\x27\x01\x02"),
    )


def test_type_3_after_type_0_counts_the_timestamp_again_and_says_so():
    stream = bytes.fromhex("06 0003e8 000004 08 01000000 af010203 c6 af010204")
    messages = assert_messages(stream, (8, 1000, 1, 6, b"\xaf\1\2\3"), (8, 2000, 1, 6, b"\xaf\1\2\4"))
    assert [note.code for note in messages[1].notes or ()] == ["ambiguous-fmt3"]


def test_message_in_several_chunks_is_put_together():
    payload = bytes(range(256)) * 2
    stream = Chunk(0, 6, 5, 512, 9, 1, payload[:128]) + b"".join(
        Chunk(3, 6, payload=payload[at : at + 128]) for at in (128, 256, 384)
    )
    messages = assert_messages(stream, (9, 5, 1, 6, payload))
    assert messages[0].chunks == 4


def test_interleaved_messages_are_kept_apart():
    stream = (
        Chunk(0, 6, 5, 200, 9, 1, b"v" * 128)
        + Chunk(0, 4, 7, 150, 8, 1, b"a" * 128)
        + Chunk(3, 6, payload=b"v" * 72)
        + Chunk(3, 4, payload=b"a" * 22)
    )
    assert_messages(stream, (9, 5, 1, 6, b"v" * 200), (8, 7, 1, 4, b"a" * 150))


def test_extended_timestamp_repeated_in_continuations():
    stream = bytes.fromhex("06 ffffff 000084 09 01000000 01000010") + b"v" * 128
    stream += bytes.fromhex("c6 01000010") + b"w" * 4
    assert_messages(stream, (9, 0x1000010, 1, 6, b"v" * 128 + b"w" * 4))


def test_extended_timestamp_not_repeated_is_noticed():
    stream = bytes.fromhex("06 ffffff 000084 09 01000000 01000010") + b"v" * 128 + b"\xc6" + b"wxyz"
    messages = assert_messages(stream, (9, 0x1000010, 1, 6, b"v" * 128 + b"wxyz"))
    assert [note.code for note in messages[0].notes or ()] == ["extended-timestamp-not-repeated"]


def test_extended_timestamp_of_type_1_is_a_delta():
    stream = Chunk(0, 6, 1000, 1, 9, 1, b"\x27") + bytes.fromhex("46 ffffff 000001 09 01000000 27")
    assert_messages(stream, (9, 1000, 1, 6, b"\x27"), (9, 0x1000000 + 1000, 1, 6, b"\x27"))


def test_timestamp_wraps_at_32_bits():
    stream = bytes.fromhex("06 ffffff 000001 09 01000000 fffffff0 27 46 000020 000001 09 27")
    assert_messages(stream, (9, 0xFFFFFFF0, 1, 6, b"\x27"), (9, 0x10, 1, 6, b"\x27"))


def test_chunk_size_holds_from_the_next_chunk_even_inside_a_message():
    stream = (
        Chunk(0, 6, 0, 1000, 9, 1, b"v" * 128)
        + bytes.fromhex("02 000000 000004 01 00000000 00001000")
        + Chunk(3, 6, payload=b"v" * 872)
    )
    messages = assert_messages(stream, (1, 0, 0, 2, b"\0\0\x10\0"), (9, 0, 1, 6, b"v" * 1000))
    assert "chunk-size-changed-in-message" in [note.code for note in messages[1].notes or ()]


def test_chunk_size_zero_is_ignored_with_an_error():
    stream = bytes.fromhex("02 000000 000004 01 00000000 00000000") + Chunk(0, 4, 0, 2, 8, 1, b"\xaf\x01")
    messages = assert_messages(stream, (1, 0, 0, 2, bytes(4)), (8, 0, 1, 4, b"\xaf\x01"))
    assert [note.code for note in messages[0].notes or ()] == ["chunk-size-invalid"]


def test_abort_ends_the_partial_message():
    stream = (
        Chunk(0, 6, 0, 200, 9, 1, b"v" * 128)
        + bytes.fromhex("02 000000 000004 02 00000000 00000006")
        + Chunk(0, 6, 9, 1, 9, 1, b"\x27")
    )
    abort, partial, after = parse(stream)
    assert (abort.type_id, partial.aborted, partial.captured, partial.length) == (2, True, 128, 200)
    assert facts(after) == (9, 9, 1, 6, b"\x27")


def test_new_header_restarts_an_unfinished_message():
    stream = Chunk(0, 6, 0, 200, 9, 1, b"v" * 128) + Chunk(0, 6, 9, 1, 9, 1, b"\x27")
    partial, after = parse(stream)
    assert [note.code for note in partial.notes or ()] == ["message-restarted"]
    assert partial.captured == 128
    assert facts(after) == (9, 9, 1, 6, b"\x27")


def test_message_without_payload_is_a_message():
    assert_messages(Chunk(0, 4, 3, 0, 8, 1), (8, 3, 1, 4, b""))


def test_head_of_a_big_message_is_all_that_is_kept():
    parser = ChunkParser(0, C2S, False)
    messages = parse(Chunk(0, 6, 0, 128, 9, 1, b"\x27\x01" + b"v" * 126), parser=parser)
    assert not messages[0].whole
    assert (len(messages[0].payload), messages[0].captured) == (64, 128)


def test_hole_inside_a_chunk_keeps_the_place():
    parser = ChunkParser(0, C2S, True)
    head = Chunk(0, 6, 0, 100, 9, 1, b"v" * 30)
    parser.parse(head, 0, 0, [segment(0, head, 1)], False)
    assert parser.skip(50, 2) == SURE
    rest = b"w" * 20 + Chunk(0, 6, 9, 1, 9, 1, b"\x27")
    parser.parse(rest, 0, len(head) + 50, [segment(len(head) + 50, rest, 3)], False)
    damaged, after = parser.out
    assert (damaged.captured, damaged.length, damaged.holes) == (50, 100, [(30, 50)])
    assert damaged.payload == b"v" * 30 + b"w" * 20
    assert damaged.prefix == b"v" * 30
    assert facts(after) == (9, 9, 1, 6, b"\x27")


def test_hole_over_a_continuation_header_is_a_guess_and_one_over_a_message_start_a_loss():
    for missing, answer in ((98, SURE), (99, GUESS), (300, LOST)):
        parser = ChunkParser(0, C2S, True)
        head = Chunk(0, 6, 0, 200, 9, 1, b"v" * 30)
        parser.parse(head, 0, 0, [segment(0, head, 1)], False)
        assert parser.skip(missing, 2) == answer


def test_loss_reports_what_was_under_way_and_forgets_the_time():
    parser = ChunkParser(0, C2S, True)
    head = Chunk(0, 6, 1000, 200, 9, 1, b"v" * 30)
    parser.parse(head, 0, 0, [segment(0, head, 1)], False)
    parser.lose(2)
    (cut,) = parser.out
    assert (cut.captured, cut.length, [note.code for note in cut.notes or ()]) == (30, 200, ["incomplete-message"])
    parser.out = []
    later = Chunk(1, 6, 20, 1, 9, payload=b"\x27")
    parser.parse(later, 0, 500, [segment(500, later, 3)], False)
    assert parser.out[0].timestamp == UNKNOWN


def test_fork_goes_its_own_way():
    parser = ChunkParser(0, C2S, True)
    head = Chunk(0, 6, 0, 200, 9, 1, b"v" * 128)
    parser.parse(head, 0, 0, [segment(0, head, 1)], False)
    fork = parser.fork()
    rest = Chunk(3, 6, payload=b"w" * 72)
    fork.parse(rest, 0, len(head), [segment(len(head), rest, 2)], False)
    assert fork.out[0].payload == b"v" * 128 + b"w" * 72
    assert not parser.out
    assert parser.incomplete == 128
