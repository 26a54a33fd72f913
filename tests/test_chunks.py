"""The chunk stream (RTMP 5.3): headers of every form, timestamps, and what control messages do to it.

Every case is read whole, byte by byte, and with the beginning of another header behind it.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rtmpscope.limits import PARTIAL_BYTES
from rtmpscope.model import UNKNOWN, Message, Segment
from rtmpscope.rtmp.chunks import GUESS, HEAD_BYTES, LOST, SURE, ChunkParser
from rtmpscope.rtmp.trust import CHUNK_SIZE_UNKNOWN
from tests import wire
from tests.chunk_feed import BASE, Feed, Read, codes, known, read, read_on, segment
from tests.wire import ABORT, AUDIO, COMMAND_AMF0, VIDEO, ChunkWriter, chunk, u32


def spaced(text: str) -> bytes:
    """Hex digits with `|` and `/` between fields and chunks."""
    return bytes.fromhex(text.replace("|", "").replace("/", ""))


# --- worked bytes ----------------------------------------------------------------------------------------

CREATE_STREAM = (
    "03 | 00 0b 68 | 00 00 19 | 14 | 00 00 00 00"
    "| 02 00 0c 63 72 65 61 74 65 53 74 72 65 61 6d | 00 40 00 00 00 00 00 00 00 | 05"
)
CREATED = (
    "03 | 00 00 00 | 00 00 1d | 14 | 00 00 00 00"
    "| 02 00 07 5f 72 65 73 75 6c 74 | 00 40 00 00 00 00 00 00 00 | 05 | 00 3f f0 00 00 00 00 00 00"
)
CONTROL = {
    "set_chunk_size": ("02 000000 000004 01 00000000 00001000", 1, "00001000"),
    "acknowledgement": ("02 000000 000004 03 00000000 0003d090", 3, "0003d090"),
    "window_ack_size": ("02 000000 000004 05 00000000 004c4b40", 5, "004c4b40"),
    "set_peer_bandwidth": ("02 000000 000005 06 00000000 002625a0 02", 6, "002625a0 02"),
    "stream_begin": ("02 000000 000006 04 00000000 0000 00000001", 4, "0000 00000001"),
    "set_buffer_length": ("02 000000 00000a 04 00000000 0003 00000001 00000bb8", 4, "0003 00000001 00000bb8"),
    "ping_request": ("02 000000 000006 04 00000000 0006 0001e240", 4, "0006 0001e240"),
    "ping_response": ("02 000000 000006 04 00000000 0007 0001e240", 4, "0007 0001e240"),
    "buffer_empty": ("02 000000 000006 04 00000000 001f 00000001", 4, "001f 00000001"),
    "swf_verification_request": ("02 000000 000003 04 00000000 001a 01", 4, "001a 01"),
}
BASIC_HEADERS = {
    2: ("02", "42", "c2"),
    63: ("3f", "7f", "ff"),
    64: ("00 00", "40 00", "c0 00"),
    319: ("00 ff", "40 ff", "c0 ff"),
    320: ("01 00 01", "41 00 01", "c1 00 01"),
    365: ("01 2d 01", "41 2d 01", "c1 2d 01"),
    65599: ("01 ff ff", "41 ff ff", "c1 ff ff"),
}


def test_create_stream_and_its_answer_are_read_from_their_worked_bytes() -> None:
    asked, answered = spaced(CREATE_STREAM), spaced(CREATED)
    assert known(read(asked)) == [Read(3, COMMAND_AMF0, 2920, 0, asked[12:])]
    assert known(read(answered)) == [Read(3, COMMAND_AMF0, 0, 0, answered[12:])]
    assert len(asked[12:]) == 25 and len(answered[12:]) == 29


@pytest.mark.parametrize("name", CONTROL)
def test_control_message_is_read_from_its_worked_bytes(name: str) -> None:
    data, type_id, payload = CONTROL[name]
    assert known(read(spaced(data))) == [Read(2, type_id, 0, 0, spaced(payload))]


@pytest.mark.parametrize("csid", BASIC_HEADERS)
def test_csid_is_read_in_every_header_form(csid: int) -> None:
    full, delta, nothing = map(spaced, BASIC_HEADERS[csid])
    first = full + spaced("0003e8 000002 08 01000000 af01")
    second = delta + spaced("000017 000003 09 270101")
    third = nothing + b"abc"
    assert known(read(first + second + third)) == [
        Read(csid, 8, 1000, 1, b"\xaf\x01"), Read(csid, 9, 1023, 1, b"'\x01\x01"), Read(csid, 9, 1046, 1, b"abc"),
    ]  # fmt: skip


def test_csid_that_two_bytes_could_hold_is_read_from_three() -> None:
    assert known(read(spaced("01 24 00 000000 000001 08 00000000 af"))) == [Read(100, 8, 0, 0, b"\xaf")]


EXTENDED_PAIR = (
    "06 | ff ff ff | 00 00 0a | 09 | 01 00 00 00 | 01 00 00 10 | a0 a1 a2 a3 a4 a5",
    "c6 | 01 00 00 10 | a6 a7 a8 a9",
    "c6 | a6 a7 a8 a9",
)


@pytest.mark.parametrize("repeated", [True, False])
def test_extended_timestamp_is_read_whether_continuations_repeat_it_or_not(repeated: bool) -> None:
    first, with_time, without = map(spaced, EXTENDED_PAIR)
    set_chunk_size = spaced("02 000000 000004 01 00000000 00000006")
    messages = read(set_chunk_size + first + (with_time if repeated else without))
    assert known(messages)[1:] == [Read(6, 9, 16777232, 1, bytes(range(0xA0, 0xAA)))]
    said = "extended-timestamp-repeated" if repeated else "extended-timestamp-not-repeated"
    assert codes(messages)[1:] == [[said]]


def test_fmt_3_that_begins_a_message_after_fmt_0_counts_its_timestamp_again() -> None:
    messages = read(spaced("06 0003e8 000004 08 01000000 61626364 / c6 65666768"))
    assert known(messages) == [Read(6, 8, 1000, 1, b"abcd"), Read(6, 8, 2000, 1, b"efgh")]
    assert codes(messages) == [[], ["ambiguous-fmt3"]]


# --- headers ---------------------------------------------------------------------------------------------


def test_each_header_inherits_what_it_does_not_say() -> None:
    data = (
        chunk(0, 4, 100, type_id=AUDIO, msid=7, payload=b"aa")
        + chunk(1, 4, 10, type_id=VIDEO, payload=b"bbb")
        + chunk(2, 4, 20, payload=b"ccc")
        + chunk(3, 4, payload=b"ddd")
    )
    assert known(read(data)) == [
        Read(4, AUDIO, 100, 7, b"aa"), Read(4, VIDEO, 110, 7, b"bbb"), Read(4, VIDEO, 130, 7, b"ccc"),
        Read(4, VIDEO, 150, 7, b"ddd"),
    ]  # fmt: skip
    assert [(one.fmt, one.chunks, one.offset - BASE) for one in read(data)] == [
        (0, 1, 0), (1, 1, 14), (2, 1, 25), (3, 1, 32),
    ]  # fmt: skip


def test_message_stream_id_is_little_endian() -> None:
    assert read(spaced("03 000000 000001 08 04030200 af"))[0].message_stream_id == 0x00020304


def test_csids_keep_their_own_history() -> None:
    data = (
        chunk(0, 4, 100, type_id=AUDIO, msid=1, payload=b"a")
        + chunk(0, 5, 900, type_id=VIDEO, msid=2, payload=b"bb")
        + chunk(2, 4, 5, payload=b"c")
        + chunk(2, 5, 7, payload=b"dd")
    )
    assert known(read(data))[2:] == [Read(4, AUDIO, 105, 1, b"c"), Read(5, VIDEO, 907, 2, b"dd")]


# --- payloads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 127, 128, 129, 255, 256, 257, 1000])
@pytest.mark.parametrize("chunk_size", [1, 2, 100, 128, 129, 4096])
def test_message_is_cut_into_chunks(size: int, chunk_size: int) -> None:
    if size > 300 and chunk_size < 100:
        size = 300
    writer = ChunkWriter()
    payload = wire.filler(size)
    messages = read(writer.set_chunk_size(chunk_size) + writer.message(6, VIDEO, payload, 40, 1))
    assert known(messages)[1:] == [Read(6, VIDEO, 40, 1, payload)]
    assert messages[1].chunks == -(-size // chunk_size)
    assert (messages[1].length, messages[1].captured, messages[1].holes) == (size, size, None)


@pytest.mark.parametrize("csid", [3, 63, 64, 319, 320, 65599])
def test_continuation_headers_are_as_long_as_their_csid(csid: int) -> None:
    payload = wire.filler(700)
    assert known(read(ChunkWriter().message(csid, VIDEO, payload, 40, 1))) == [Read(csid, VIDEO, 40, 1, payload)]


def test_payload_that_looks_like_continuation_headers_is_payload() -> None:
    payload = b"\xc6" * 1000
    assert known(read(ChunkWriter().message(6, VIDEO, payload, 40, 1))) == [Read(6, VIDEO, 40, 1, payload)]


def test_run_of_chunks_ends_where_another_csid_comes_between() -> None:
    video, audio = list(ChunkWriter().chunks(6, VIDEO, wire.filler(1280), 40, 1)), chunk(0, 4, 40, 2, AUDIO, 1, b"aa")
    messages = read(b"".join(video[:6]) + audio + b"".join(video[6:]))
    assert known(messages) == [Read(4, AUDIO, 40, 1, b"aa"), Read(6, VIDEO, 40, 1, wire.filler(1280))]
    assert messages[1].chunks == 10


def test_messages_of_many_csids_take_turns() -> None:
    writer = ChunkWriter()
    sent = [(csid, wire.filler(size, csid)) for csid, size in ((4, 300), (6, 900), (70, 500), (400, 260))]
    chunks = [list(writer.chunks(csid, VIDEO, payload, csid, 1)) for csid, payload in sent]
    order = [one[place] for place in range(8) for one in chunks if place < len(one)]
    messages = read(b"".join(order))
    assert sorted(known(messages)) == [Read(csid, VIDEO, csid, 1, payload) for csid, payload in sent]
    assert [one.csid for one in messages] == [4, 400, 70, 6]


def test_message_without_payload_is_a_header_only() -> None:
    data = (
        chunk(0, 4, 100, type_id=AUDIO, msid=1)
        + chunk(2, 4, 10)
        + chunk(3, 4)
        + chunk(1, 4, 5, type_id=AUDIO, payload=b"a")
    )
    assert known(read(data)) == [
        Read(4, AUDIO, 100, 1, b""), Read(4, AUDIO, 110, 1, b""), Read(4, AUDIO, 120, 1, b""),
        Read(4, AUDIO, 125, 1, b"a"),
    ]  # fmt: skip


def test_new_message_on_the_csid_of_an_unfinished_one_cuts_it_short() -> None:
    payload = wire.filler(400)
    first = list(ChunkWriter().chunks(6, VIDEO, payload, 40, 1))
    messages = read(first[0] + first[1] + chunk(0, 6, 80, type_id=VIDEO, msid=1, payload=b"again"))
    assert known(messages) == [Read(6, VIDEO, 40, 1, payload[:256]), Read(6, VIDEO, 80, 1, b"again")]
    assert codes(messages) == [["message-restarted"], []]
    assert (messages[0].length, messages[0].captured, messages[0].holes) == (400, 256, [(256, 144)])
    assert not messages[0].aborted


# --- who brought what ------------------------------------------------------------------------------------


def test_message_knows_its_packets() -> None:
    feed = Feed()
    chunks = list(ChunkWriter().chunks(6, VIDEO, wire.filler(300), 40, 1))
    feed(chunks[0][:5])(chunks[0][5:])(chunks[1])(chunks[2] + chunk(0, 4, type_id=AUDIO, payload=b"a"))
    video, audio = feed.messages
    assert (video.first_packet, video.first_time_ns) == (1, 1000)
    assert (video.packet, video.time_ns, video.ready) == (4, 4000, 4)
    assert (audio.first_packet, audio.packet) == (4, 4)


def test_packet_is_that_of_the_last_byte_and_ready_what_let_it_through() -> None:
    parser = ChunkParser(0, 0, True)
    data = chunk(0, 4, type_id=AUDIO, payload=b"abcdef")
    early, late = (
        Segment(packet, packet, b"", 0, 0, 0, 0, b"", 0, size, 0) for packet, size in ((9, 10), (7, len(data) - 10))
    )
    early.offset, late.offset, late.ready = BASE, BASE + 10, 9
    parser.parse(data, 0, BASE, [early, late], False)
    (message,) = parser.out
    assert (message.first_packet, message.packet, message.ready) == (9, 7, 9)


def test_message_cut_short_knows_the_packet_of_its_last_byte() -> None:
    feed = Feed()
    chunks = list(ChunkWriter().chunks(6, VIDEO, wire.filler(400), 40, 1))
    feed(chunks[0])(chunks[1][:50])(chunks[1][50:])(chunk(0, 4, type_id=AUDIO, payload=b"a"))
    feed(chunk(0, 6, 80, type_id=VIDEO, msid=1, payload=b"again"))
    _, cut, again = feed.messages
    assert (cut.first_packet, cut.packet, cut.ready) == (1, 3, 5)
    assert again.first_packet == 5


def test_chunk_headers_are_recorded_in_detail() -> None:
    writer = ChunkWriter(repeat="same")
    data = writer.message(64, VIDEO, wire.filler(300), 0x1000000, 1) + writer.message(4, AUDIO, b"", 5, 1)
    video, audio = Feed(detail=True)(data).messages
    headers = [
        (h.offset - BASE, h.size, h.fmt, h.csid, h.timestamp, h.extended, h.payload_start, h.payload_size)
        for h in video.chunk_headers or ()
    ]
    assert headers == [
        (0, 17, 0, 64, 0x1000000, True, 0, 128),
        (145, 6, 3, 64, 0x1000000, True, 128, 128),
        (279, 6, 3, 64, 0x1000000, True, 256, 44),
    ]
    assert [(h.fmt, h.timestamp, h.payload_size) for h in audio.chunk_headers or ()] == [(0, 5, 0)]
    assert Feed()(data).messages[0].chunk_headers is None


def test_chunk_headers_know_their_packets() -> None:
    feed = Feed(detail=True)
    for piece in ChunkWriter().chunks(6, VIDEO, wire.filler(300), 40, 1):
        feed(piece)
    assert [(h.packet, h.timestamp) for h in feed.messages[0].chunk_headers or ()] == [
        (1, 40), (2, UNKNOWN), (3, UNKNOWN),
    ]  # fmt: skip


# --- media heads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_size", [10, 100, 128, 4096])
@pytest.mark.parametrize("size", [HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, 300, 3000])
def test_only_the_head_of_a_coded_frame_is_kept(size: int, chunk_size: int) -> None:
    writer = ChunkWriter()
    payload = b"\x27\x01\x00\x00\x00" + wire.filler(size - 5)
    data = writer.set_chunk_size(chunk_size) + writer.message(6, VIDEO, payload, 40, 1)
    for feed in (Feed(whole=False)(data), Feed(whole=False)):
        if not feed.messages:
            for at in range(0, len(data), 7):
                feed(data[at : at + 7])
        message = feed.messages[1]
        assert (message.length, message.captured) == (size, size)
        assert message.payload == payload[: len(message.payload)]
        assert len(message.payload) >= min(size, HEAD_BYTES)
        assert message.whole == (len(message.payload) == size)
    assert Feed()(data).messages[1].payload == payload


def test_head_is_all_that_is_held_of_a_long_frame() -> None:
    writer = ChunkWriter()
    feed = Feed(whole=False)(writer.message(6, VIDEO, b"\x27\x01\x00\x00\x00" + bytes(100_000), 40, 1)[:90_000])
    assert feed.parser.kept == HEAD_BYTES


@pytest.mark.parametrize("type_id", [VIDEO, AUDIO])
def test_sequence_headers_are_kept_whole(type_id: int) -> None:
    payload = (b"\x17\x00\x00\x00\x00" if type_id == VIDEO else b"\xaf\x00") + wire.filler(400)
    (message,) = Feed(whole=False)(ChunkWriter().message(6, type_id, payload, 40, 1)).messages
    assert (message.payload, message.whole) == (payload, True)


def test_commands_are_kept_whole() -> None:
    payload = wire.command("connect", 1, {"app": "x" * 500})
    (message,) = Feed(whole=False)(ChunkWriter().message(3, COMMAND_AMF0, payload)).messages
    assert (message.payload, message.whole) == (payload, True)


# --- Set Chunk Size and Abort ----------------------------------------------------------------------------


def test_chunk_size_holds_at_once_inside_a_message() -> None:
    writer = ChunkWriter()
    payload = wire.filler(1000)
    chunks = writer.chunks(6, VIDEO, payload, 40, 1)
    data = next(chunks) + next(chunks) + writer.set_chunk_size(300) + next(chunks) + writer.set_chunk_size(50)
    messages = read(data + b"".join(chunks))
    assert known(messages)[-1] == Read(6, VIDEO, 40, 1, payload)
    assert codes(messages)[-1] == ["chunk-size-changed-in-message"] * 2
    assert messages[-1].chunks == 3 + -(-(1000 - 556) // 50)


def test_chunk_size_of_one_direction_leaves_the_other_alone() -> None:
    one, other = Feed(), Feed()
    one(ChunkWriter().set_chunk_size(4096))
    assert (one.parser.chunk_size, other.parser.chunk_size) == (4096, 128)


@pytest.mark.parametrize(("size", "read_as"), [(0, 128), (0x80000000, 128), (0x80001000, 4096)])
def test_chunk_size_that_is_not_allowed_is_an_error(size: int, read_as: int) -> None:
    writer = ChunkWriter()
    data = writer.control(1, u32(size))
    writer.chunk_size = read_as
    messages = read(data + writer.message(6, VIDEO, wire.filler(5000), 40, 1))
    assert known(messages)[1:] == [Read(6, VIDEO, 40, 1, wire.filler(5000))]
    assert codes(messages) == [["chunk-size-invalid"], []]


@pytest.mark.parametrize("size", [1, 0xFFFFFF, 0x7FFFFFFF])
def test_chunk_sizes_up_to_31_bits_are_obeyed(size: int) -> None:
    writer = ChunkWriter()
    messages = read(writer.set_chunk_size(size) + writer.message(6, VIDEO, wire.filler(400), 40, 1))
    assert known(messages)[1:] == [Read(6, VIDEO, 40, 1, wire.filler(400))]


def test_chunk_size_is_obeyed_on_any_csid() -> None:
    writer = ChunkWriter()
    data = writer.message(5, 1, u32(1000))
    writer.chunk_size = 1000
    assert len(read(data + writer.message(6, VIDEO, wire.filler(900), 40, 1))) == 2


def test_abort_drops_the_partial_message_of_its_csid() -> None:
    writer = ChunkWriter()
    first, other = writer.chunks(6, VIDEO, wire.filler(1000), 40, 1), writer.chunks(7, VIDEO, wire.filler(300), 40, 1)
    data = next(first) + next(other) + next(first) + writer.control(ABORT, u32(6)) + b"".join(other)
    messages = read(data + chunk(0, 6, 80, type_id=VIDEO, msid=1, payload=b"next"))
    assert [(one.csid, one.type_id, one.aborted, one.captured) for one in messages] == [
        (2, ABORT, False, 4), (6, VIDEO, True, 256), (7, VIDEO, False, 300), (6, VIDEO, False, 4),
    ]  # fmt: skip
    assert codes(messages)[1] == ["message-aborted"]
    assert messages[1].payload == wire.filler(1000)[:256]


def test_after_an_abort_fmt_3_begins_a_message() -> None:
    writer = ChunkWriter()
    chunks = writer.chunks(6, VIDEO, wire.filler(200), 40, 1)
    data = next(chunks) + writer.control(ABORT, u32(6))
    data += chunk(3, 6, payload=wire.filler(200)[:128]) + chunk(3, 6, payload=wire.filler(200)[128:])
    messages = read(data)
    assert known(messages)[2] == Read(6, VIDEO, 80, 1, wire.filler(200))


def test_abort_of_a_csid_with_nothing_under_way_does_nothing() -> None:
    writer = ChunkWriter()
    data = writer.control(ABORT, u32(77)) + writer.message(6, VIDEO, b"abc", 40, 1) + writer.control(ABORT, u32(6))
    assert [one.aborted for one in read(data)] == [False] * 3


@pytest.mark.parametrize("type_id", [1, ABORT])
@pytest.mark.parametrize("payload", [b"", b"\0\0\x10"])
def test_control_message_that_is_too_short_is_not_obeyed(type_id: int, payload: bytes) -> None:
    feed = Feed()(chunk(0, 2, type_id=type_id, payload=payload))
    assert (len(feed.messages), feed.parser.chunk_size) == (1, 128)


# --- limits ----------------------------------------------------------------------------------------------


def test_too_many_unfinished_bytes_cost_the_oldest_payloads_until_a_quarter_is_free() -> None:
    feed = Feed()
    size = 0xFFFFFF
    feed(chunk(0, 2, type_id=1, payload=u32(0x7FFFFFFF)))
    parser = feed.parser
    full = PARTIAL_BYTES // size + 1
    for csid in range(3, 3 + full):
        feed(chunk(0, csid, csid, size, VIDEO, 1) + bytes(size - 1))
        parser.left = 0  # as if the chunk were over
        assert parser.kept <= PARTIAL_BYTES
    for csid in range(3, 3 + full):
        feed(chunk(3, csid, payload=b"x"))
    messages = feed.messages[1:]
    left = PARTIAL_BYTES * 3 // 4 // size
    lost = full - left
    assert [one.whole for one in messages] == [False] * lost + [True] * left
    assert [len(one.payload) for one in messages] == [0] * lost + [size] * left
    assert codes(messages) == [["limit-partial-bytes"]] * lost + [[]] * left
    assert all(one.captured == size for one in messages)
    assert parser.kept == 0


def test_declared_length_allocates_nothing() -> None:
    feed = Feed()
    for csid in range(3, 3000):
        feed(chunk(0, csid, 0, 0xFFFFFF, VIDEO, 1, b"x"))
        feed.parser.left = 0
    assert feed.parser.kept == 2997


# --- holes -----------------------------------------------------------------------------------------------


def halfway(payload: bytes, seen: int, chunk_size: int = 4096) -> Feed:
    """A parser in the middle of a video message."""
    writer = ChunkWriter()
    feed = Feed()(writer.set_chunk_size(chunk_size))
    data = writer.message(6, VIDEO, payload, 40, 1)
    return feed(data[: 12 + seen])


def test_hole_inside_a_chunk_is_stepped_over_for_sure() -> None:
    payload = wire.filler(3000)
    feed = halfway(payload, 1000)
    assert feed.parser.skip(500, 9) == SURE
    feed.offset += 500
    feed(payload[1500:])
    message = feed.messages[1]
    assert (message.length, message.captured, message.holes) == (3000, 2500, [(1000, 500)])
    assert message.payload == payload[:1000] + payload[1500:]
    assert message.prefix == payload[:1000]


def test_hole_to_the_end_of_a_message_completes_it() -> None:
    feed = halfway(wire.filler(3000), 1000)
    assert feed.parser.skip(2000, 9) == SURE
    message = feed.messages[1]
    assert (message.captured, message.holes, message.packet, message.ready) == (1000, [(1000, 2000)], 2, 9)


def test_hole_over_a_continuation_header_is_a_guess() -> None:
    payload = wire.filler(6000)
    feed = halfway(payload, 4000)
    assert feed.parser.skip(97 + 200, 9) == GUESS
    feed.offset += 297
    feed(payload[4000 + 296 :])
    message = feed.messages[1]
    assert (message.captured, message.holes, message.chunks) == (6000 - 296, [(4000, 296)], 2)


def test_hole_of_nothing_but_a_continuation_header_leaves_the_message_whole() -> None:
    payload = wire.filler(6000)
    feed = halfway(payload, 4096)
    assert feed.parser.skip(1, 9) == GUESS
    feed.offset += 1
    feed(payload[4096:])
    message = feed.messages[1]
    assert (message.captured, message.holes, message.payload) == (6000, None, payload)


def test_hole_that_ends_inside_a_continuation_header_skips_the_rest_of_it() -> None:
    payload = wire.filler(300)
    feed = Feed()
    writer = ChunkWriter()
    data = writer.message(400, VIDEO, payload, 40, 1)
    feed(data[: 14 + 100])
    assert feed.parser.skip(28 + 2, 9) == GUESS
    feed.offset += 30
    feed(data[14 + 130 :])
    assert (feed.messages[0].captured, feed.messages[0].holes) == (272, [(100, 28)])


def test_hole_beyond_the_message_is_lost() -> None:
    feed = halfway(wire.filler(3000), 1000)
    assert feed.parser.skip(2001, 9) == LOST
    assert Feed()(chunk(0, 4, type_id=AUDIO, payload=b"a")).parser.skip(1, 9) == LOST


def test_control_message_with_a_hole_is_not_obeyed_and_leaves_the_size_open() -> None:
    feed = Feed()(chunk(0, 2, length=4, type_id=1, payload=b"\0\0"))
    feed.parser.skip(2, 9)
    assert (feed.parser.chunk_size, feed.parser.chunk_size_sure) == (128, False)
    feed.offset += 2
    feed(chunk(0, 6, 40, 3000, VIDEO, 1, wire.filler(100)))
    assert feed.parser.trouble == CHUNK_SIZE_UNKNOWN


def test_losing_synchronisation_reports_what_was_under_way() -> None:
    feed = halfway(wire.filler(3000), 1000)
    feed.parser.lose(9)
    message = feed.messages[1]
    assert codes([message]) == [["incomplete-message"]]
    assert (message.captured, message.holes, message.ready) == (1000, [(1000, 2000)], 9)
    assert feed.parser.incomplete == 0


# --- forks -----------------------------------------------------------------------------------------------


def test_fork_reads_on_without_touching_its_origin() -> None:
    payload = wire.filler(3000)
    feed = halfway(payload, 1000)
    for other in (feed.parser.fork(), feed.parser.fork().fork(), feed.parser.copy()):
        assert known(read_on(other, payload[1000:], feed.offset)) == [Read(6, VIDEO, 40, 1, payload)]
        assert len(feed.messages) == 1
    assert known(feed(payload[1000:]).messages)[1:] == [Read(6, VIDEO, 40, 1, payload)]


def test_copy_stands_where_its_origin_stands_after_every_byte() -> None:
    data = rich_stream()
    feed = Feed(detail=True)
    for at in range(len(data)):
        other = feed.parser.copy()
        copied, own = read_on(other, data[feed.offset - BASE :], feed.offset), len(feed.messages)
        assert everything(copied) == everything(Feed(detail=True)(data).messages[own:])
        assert other.parse(b"", 0, 0, [segment(0, 1)], True) == 0
        feed(data[at : at + 1])


def test_copy_knows_the_packet_a_message_began_with_and_the_habits_of_its_csid() -> None:
    writer = ChunkWriter()
    feed = Feed()
    for time in (0, 20, 40):
        feed(writer.message(4, AUDIO, b"\xaf\x01abc", time, 1))
    feed(next(writer.chunks(4, VIDEO, wire.filler(200), 60, 1)))
    other = feed.parser.copy()
    assert [habit.length for habit in other.streams[4].habits] == [5]
    (message,) = read_on(other, b"\xc4" + wire.filler(200)[128:], feed.offset)
    assert (message.first_packet, message.first_time_ns, message.packet) == (4, 4000, 9)


def test_fork_that_settles_takes_over_what_its_origin_held() -> None:
    writer = ChunkWriter()
    video, audio = writer.chunks(6, VIDEO, wire.filler(300), 40, 1), writer.chunks(4, AUDIO, wire.filler(200), 5, 1)
    feed = Feed()(next(video) + next(audio))
    fork = feed.parser.fork()
    middle = next(audio)
    assert len(read_on(fork, middle, feed.offset)) == 1
    settled = fork.fork().settle()
    assert settled.base is None
    (message,) = read_on(settled, b"".join(video), feed.offset + len(middle))
    assert (message.payload, message.timestamp, message.chunks) == (wire.filler(300), 40, 3)


def test_fork_with_another_chunk_size_applies_it_to_the_first_chunk_under_way() -> None:
    payload = wire.filler(200)
    feed = Feed()(chunk(0, 6, 40, 200, VIDEO, 1, payload[:50]))
    for size in (128, 150):
        rest = payload[50:size] + b"\xc6" + payload[size:]
        (message,) = read_on(feed.parser.fork_with(size), rest, feed.offset)
        assert message.payload == payload


def rich_stream() -> bytes:
    """Messages of three csids that take turns, extended timestamps, short headers, an abort, other chunk sizes."""
    writer = ChunkWriter()
    video = writer.chunks(6, VIDEO, b"\x27\x01" + wire.filler(300), 0x1000000, 1)
    audio = writer.chunks(64, AUDIO, b"\xaf\x01" + wire.filler(150), 20, 1)
    data = next(video) + next(audio) + writer.message(4, AUDIO, b"\xaf\x01abc", 10, 1) + next(video)
    data += writer.set_chunk_size(30) + b"".join(audio) + b"".join(video)
    data += b"".join(writer.message(4, AUDIO, b"\xaf\x01abc", time, 1) for time in (33, 56, 79))
    data += chunk(0, 5, 40, type_id=AUDIO, msid=1, payload=b"\xaf\x01") + chunk(3, 5, payload=b"\xaf\x02")
    lost = writer.chunks(6, VIDEO, wire.filler(70), 0x1000028, 1)
    data += next(lost) + next(lost) + writer.control(ABORT, u32(6))
    return data + writer.message(6, VIDEO, b"\x27\x01" + wire.filler(40), 0x1000050, 1)


def everything(messages: Iterable[Message]) -> list[tuple[object, ...]]:
    """All but the packets, which differ with the pieces the bytes came in."""
    return [
        (
            *Read(one.csid, one.type_id, one.timestamp, one.message_stream_id, one.payload),
            (one.fmt, one.offset, one.length, one.captured, one.chunks, one.aborted, one.holes),
            [note.code for note in one.notes or ()],
            [(header.offset, header.size, header.payload_start) for header in one.chunk_headers or ()],
        )
        for one in messages
    ]
