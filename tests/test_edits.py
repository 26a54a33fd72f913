"""What is replaced in a stream: edits of messages by offsets of the stream, and ranges in any order."""

from __future__ import annotations

from random import Random

import pytest

from rtmpscope.edits import Ranges, in_stream
from rtmpscope.model import ChunkHeader, Message
from tests import costs


def test_edit_is_cut_where_chunks_end_and_holes_are_stepped_over() -> None:
    message = Message(0, 0, 1, 0, 0, 3, 20, 0, 0, 8, b"abcdef")
    message.holes = [(2, 2)]
    message.chunk_headers = [
        ChunkHeader(100, 12, 0, 3, 0, False, 0, 5, 1, 0),
        ChunkHeader(117, 1, 3, 3, 0, False, 5, 3, 1, 0),
    ]
    assert list(in_stream(message, [(1, b"XY")])) == [(113, b"X"), (116, b"Y")]
    assert list(in_stream(message, [(2, b"XYZ")])) == [(116, b"X"), (118, b"YZ")]
    assert list(in_stream(message, [(0, b"UVWXYZ")])) == [(112, b"UV"), (116, b"W"), (118, b"XYZ")]


def by_turns(count: int) -> Ranges:
    ranges = Ranges()
    for first in (0, 2):
        ranges.update([(4 * number + first, 4 * number + first + 1) for number in range(count)])
    return ranges


def test_ranges_of_messages_that_come_by_turns_take_time_that_follows_their_number() -> None:
    costs.assert_scales(15, lambda: costs.cpu(lambda: by_turns(20_000)), lambda: costs.cpu(lambda: by_turns(200_000)))


@pytest.mark.parametrize("seed", range(20))
def test_ranges_added_together_are_those_added_one_by_one(seed: int) -> None:
    chance = Random(seed)
    one_by_one, together = Ranges(), Ranges()
    for _ in range(40):
        starts = [chance.randrange(2000) for _ in range(chance.choice((0, 1, 30)))]
        added = [(start, start + chance.randint(1, 9)) for start in starts]
        together.update(added)
        for start, end in added:
            one_by_one.add(start, end)
        assert list(together.split(0, 2100)) == list(one_by_one.split(0, 2100))
