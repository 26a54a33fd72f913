"""Which headers are believed: in the flow of reading, after a loss, and on trial."""

from __future__ import annotations

import pytest

from rtmpscope.rtmp.chunks import ChunkParser
from rtmpscope.rtmp.trust import DOUBT, LOST_SYNC, UNSEEN
from tests import wire
from tests.chunk_feed import BASE, Feed, read_on, segment
from tests.wire import ACKNOWLEDGEMENT, AUDIO, USER_CONTROL, VIDEO, ChunkWriter, chunk


@pytest.mark.parametrize("fmt", [2, 3])
def test_short_header_on_an_unknown_csid_cannot_be_read(fmt: int) -> None:
    feed = Feed()(chunk(fmt, 9, 10, payload=b"abcdef"))
    assert (feed.parser.trouble, feed.messages, feed.offset) == (UNSEEN, [], BASE)


UNLIKELY = {
    "type_there_is_none": chunk(0, 4, 0, 4, 77, 1, b"abcd"),
    "stream_id_beyond_24_bits": chunk(0, 4, 0, 4, AUDIO, 1 << 24, b"abcd"),
    "long_control_message": chunk(0, 2, 0, 65, ACKNOWLEDGEMENT, 0, b"abcd"),
}


@pytest.mark.parametrize("name", UNLIKELY)
def test_unlikely_header_is_left_to_recovery(name: str) -> None:
    feed = Feed()(UNLIKELY[name])
    assert (feed.parser.trouble, feed.messages, feed.offset) == (DOUBT, [], BASE)


def test_short_headers_after_a_loss_must_be_confirmed() -> None:
    feed = Feed()(chunk(0, 4, 100, type_id=AUDIO, msid=1, payload=b"\xaf\x01"))
    feed.parser.lose(9)
    feed(chunk(2, 4, 10, payload=b"\xaf\x01"))
    assert feed.parser.trouble == DOUBT


def test_fmt_3_after_a_loss_may_go_on_with_a_message_that_is_gone() -> None:
    feed = Feed()(ChunkWriter().message(6, VIDEO, wire.filler(300), 40, 1))
    feed.parser.lose(9)
    feed(chunk(3, 6, payload=wire.filler(44)))
    assert feed.parser.trouble == LOST_SYNC


# --- trials ----------------------------------------------------------------------------------------------


def trial(data: bytes, needed: int = 60) -> ChunkParser:
    """A fork that has weighed these bytes, the last there are."""
    fork = ChunkParser(0, 0, True).fork()
    fork.trial, fork.needed = True, needed
    read_on(fork, data, BASE)
    return fork


STREAM_BEGIN = chunk(0, 2, type_id=USER_CONTROL, payload=wire.user_control(0, 1))
FRAME = chunk(0, 4, 5, type_id=AUDIO, msid=1, payload=b"\xaf\x01ab")


def test_trial_ends_with_enough_evidence() -> None:
    first, both = trial(STREAM_BEGIN), trial(STREAM_BEGIN + FRAME)
    assert first.trial and 0 < first.bits < 60
    assert not both.trial and both.bits >= 60
    assert both.weighed_ready == 9


def test_trial_stops_at_what_no_header_holds() -> None:
    fork = trial(STREAM_BEGIN + chunk(0, 4, type_id=77, payload=bytes(20)))
    assert (fork.trial, fork.trouble, len(fork.out)) == (True, LOST_SYNC, 1)


def test_trial_stops_where_a_message_is_restarted() -> None:
    begun = chunk(0, 6, 40, 300, VIDEO, 1, b"\x22" + wire.filler(127))
    fork = trial(begun + FRAME + chunk(0, 6, 80, type_id=VIDEO, msid=1, payload=b"\x22abc"), 200)
    assert (fork.trouble, len(fork.out)) == (LOST_SYNC, 1)


def test_trial_counts_a_message_that_begins_with_a_segment_as_likelier() -> None:
    inside = ChunkParser(0, 0, True).fork()
    inside.trial, inside.needed = True, 60
    inside.parse(b"x" + STREAM_BEGIN, 1, BASE - 1, [segment(BASE - 1, 100)], True)
    assert 0 < inside.bits < trial(STREAM_BEGIN).bits
