"""The times of messages: absolute ones, deltas, and the extended field in every dialect."""

from __future__ import annotations

import pytest

from rtmpscope.rtmp.trust import DOUBT
from tests import wire
from tests.chunk_feed import Feed, Read, codes, known, read
from tests.wire import AUDIO, USER_CONTROL, VIDEO, ChunkWriter, chunk, u32


def test_time_wraps_at_32_bits() -> None:
    data = chunk(0, 4, 2**32 - 10, type_id=AUDIO, msid=1, payload=b"a") + chunk(2, 4, 15, payload=b"b")
    assert [one.timestamp for one in read(data)] == [2**32 - 10, 5]


def test_first_chunk_with_fmt_1_counts_from_zero() -> None:
    first = Feed()(chunk(1, 2, 300, type_id=USER_CONTROL, payload=wire.user_control(3, 1, 3000)))
    assert (first.parser.trouble, first.messages) == (DOUBT, [])
    first.parser.exempt = True
    first(b"")
    assert known(first.messages) == [Read(2, USER_CONTROL, 300, 0, wire.user_control(3, 1, 3000))]
    assert codes(first.messages) == [["fmt-without-history"]]


# --- extended timestamps (RTMP 5.3.1.3 and its dialects) ---------------------------------------------

FAR = 0x1000010


@pytest.mark.parametrize("repeat", ["same", "absolute", "never"])
@pytest.mark.parametrize("time", [0xFFFFFE, 0xFFFFFF, 0x1000000, 2**31, 2**32 - 1])
def test_absolute_times_around_24_bits_are_read_in_every_dialect(time: int, repeat: str) -> None:
    payload = wire.filler(300)
    messages = read(ChunkWriter(repeat=repeat).message(6, VIDEO, payload, time, 1, 0))
    assert known(messages) == [Read(6, VIDEO, time, 1, payload)]


@pytest.mark.parametrize("repeat", ["same", "absolute", "never"])
@pytest.mark.parametrize("fmt", [1, 2])
def test_extended_delta_is_a_delta(fmt: int, repeat: str) -> None:
    writer = ChunkWriter(repeat=repeat)
    payload = wire.filler(300)
    data = writer.message(6, VIDEO, payload, 100, 1, 0) + writer.message(6, VIDEO, payload, 100 + FAR, 1, fmt)
    assert [one.timestamp for one in read(data)] == [100, 100 + FAR]


@pytest.mark.parametrize("repeat", ["same", "absolute", "never"])
def test_fmt_3_after_an_extended_delta_counts_it_again(repeat: str) -> None:
    writer = ChunkWriter(repeat=repeat)
    payload = wire.filler(300)
    data = b"".join(
        writer.message(6, VIDEO, payload, time, 1, fmt) for time, fmt in ((0, 0), (FAR, 1), (2 * FAR, 3), (3 * FAR, 3))
    )
    assert known(read(data)) == [Read(6, VIDEO, count * FAR, 1, payload) for count in range(4)]


def test_fmt_3_that_begins_a_message_reads_its_extended_timestamp() -> None:
    payload = b"\x27" + wire.filler(50)
    start = chunk(0, 6, FAR, type_id=VIDEO, msid=1, payload=payload)
    again = chunk(3, 6, payload=payload, extended=FAR)
    messages = read(start + again)
    assert known(messages) == [Read(6, VIDEO, FAR, 1, payload)] * 2
    assert codes(messages) == [[], ["ambiguous-fmt3", "extended-timestamp-repeated"]]


def test_that_extended_timestamps_are_repeated_is_said_once() -> None:
    writer = ChunkWriter(repeat="same")
    data = b"".join(writer.message(6, VIDEO, wire.filler(300), FAR + 40 * count, 1, 0) for count in range(3))
    assert codes(read(data)) == [["extended-timestamp-repeated"], [], []]


def test_fmt_3_with_a_new_absolute_time_is_taken_at_its_word() -> None:
    payload = b"\x27" + wire.filler(200)
    first = list(ChunkWriter().chunks(6, VIDEO, payload, FAR, 1))
    again = chunk(3, 6, payload=payload[:128], extended=FAR + 40) + chunk(
        3, 6, payload=payload[128:], extended=FAR + 40
    )
    assert [one.timestamp for one in read(b"".join(first) + again)] == [FAR, FAR + 40]


def test_payload_that_equals_the_timestamp_is_read_as_timestamp_by_those_who_repeat_it() -> None:
    payload = bytes(128) + u32(FAR) + b"rest"
    assert known(read(ChunkWriter(repeat="same").message(6, VIDEO, payload, FAR, 1))) == [
        Read(6, VIDEO, FAR, 1, payload)
    ]


def test_short_times_leave_no_trace_of_a_long_one() -> None:
    writer = ChunkWriter()
    payload = wire.filler(300)
    data = writer.message(6, VIDEO, payload, FAR, 1, 0) + writer.message(6, VIDEO, payload, FAR + 40, 1, 2)
    assert [one.timestamp for one in read(data)] == [FAR, FAR + 40]


def test_last_bytes_of_a_message_that_are_no_repeated_time_need_not_wait() -> None:
    payload = wire.filler(128) + b"\x01\x22"
    feed = Feed()(ChunkWriter(repeat="never").message(6, VIDEO, payload, FAR, 1))
    assert known(feed.messages) == [Read(6, VIDEO, FAR, 1, payload)] and feed.tail == b""


@pytest.mark.parametrize("last", [u32(FAR)[:1], u32(FAR)[:2], u32(FAR)[:3]])
def test_last_bytes_of_a_message_that_a_repeated_time_begins_with_wait_for_what_follows(last: bytes) -> None:
    writer = ChunkWriter(repeat="never")
    payload = wire.filler(128) + last
    feed = Feed()(writer.message(6, VIDEO, payload, FAR, 1))
    assert feed.messages == [] and feed.tail == b"\xc6" + last
    feed(writer.message(4, AUDIO, b"\xaf\x01", 0, 1))
    assert known(feed.messages) == [Read(6, VIDEO, FAR, 1, payload), Read(4, AUDIO, 0, 1, b"\xaf\x01")]
    assert feed.messages[0].packet == 1 and feed.messages[0].ready == 2


def test_what_the_bytes_end_with_is_read_as_earlier_ones_were() -> None:
    writer = ChunkWriter(repeat="never")
    payload = wire.filler(128) + u32(FAR)[:2]
    feed = Feed()(writer.message(6, VIDEO, wire.filler(300), FAR, 1) + writer.message(6, VIDEO, payload, FAR, 1, 0))
    assert len(feed.messages) == 1
    feed(b"", final=True)
    assert known(feed.messages)[1:] == [Read(6, VIDEO, FAR, 1, payload)]


# --- fmt 3 that begins messages (5.3.1.2.4) --------------------------------------------------------------


@pytest.mark.parametrize("fmt", [1, 2])
def test_fmt_3_after_a_delta_counts_it_again(fmt: int) -> None:
    data = chunk(0, 4, 1000, type_id=AUDIO, msid=1, payload=b"aa") + chunk(fmt, 4, 23, 2, AUDIO, payload=b"bb")
    messages = read(data + chunk(3, 4, payload=b"cc") + chunk(3, 4, payload=b"dd"))
    assert [one.timestamp for one in messages] == [1000, 1023, 1046, 1069]
    assert codes(messages) == [[]] * 4


def test_fmt_3_after_a_timestamp_of_zero_is_not_ambiguous() -> None:
    messages = read(chunk(0, 4, 0, type_id=AUDIO, msid=1, payload=b"aa") + chunk(3, 4, payload=b"bb"))
    assert [one.timestamp for one in messages] == [0, 0]
    assert codes(messages) == [[], []]


def test_continuation_changes_no_time() -> None:
    writer = ChunkWriter()
    data = writer.message(6, VIDEO, wire.filler(500), 40, 1) + writer.message(6, VIDEO, wire.filler(500), 80, 1, 2)
    assert [one.timestamp for one in read(data)] == [40, 80]
