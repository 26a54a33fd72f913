"""Which segment brought a byte of a stream."""

from __future__ import annotations

import pytest

from rtmpscope.model import Segment
from rtmpscope.rtmp.segments import Window, index_at, segments_from


def segments(*pieces: tuple[int, int]) -> list[Segment]:
    """Segments of (stream offset, length)."""
    made = []
    for packet, (offset, length) in enumerate(pieces, 1):
        segment = Segment(packet, packet, b"", 0, 0, 0, 0, b"", 0, length, 0)
        segment.offset = offset
        made.append(segment)
    return made


THREE = ((10, 4), (14, 1), (15, 5))


@pytest.mark.parametrize(
    ("offset", "index"), [(0, 0), (9, 0), (10, 0), (13, 0), (14, 1), (15, 2), (19, 2), (20, 3), (1 << 40, 3)]
)
def test_byte_is_found_in_the_segment_that_brought_it(offset: int, index: int) -> None:
    assert index_at(segments(*THREE), offset) == index


def test_byte_in_a_hole_is_looked_for_behind_it() -> None:
    assert [index_at(segments((0, 2), (5, 2)), offset) for offset in range(8)] == [0, 0, 1, 1, 1, 1, 1, 2]


def test_there_is_no_byte_where_there_is_no_segment() -> None:
    assert index_at([], 5) == 0
    assert segments_from([], 5) == []


def test_search_agrees_with_a_walk_over_very_many_segments() -> None:
    many = segments(*((3 * at, 3) for at in range(1000)))
    for offset in range(3001):
        assert index_at(many, offset) == sum(one.offset + one.length <= offset for one in many[: offset // 3 + 1])


@pytest.mark.parametrize(("offset", "packets"), [(0, [1, 2, 3]), (13, [1, 2, 3]), (14, [2, 3]), (16, [3]), (20, [])])
def test_segments_from_an_offset_are_those_with_bytes_there_or_behind(offset: int, packets: list[int]) -> None:
    assert [one.packet for one in segments_from(segments(*THREE), offset)] == packets


def test_segments_given_are_left_alone() -> None:
    given = segments(*THREE)
    segments_from(given, 16)
    assert [one.packet for one in given] == [1, 2, 3]


def test_window_walks_to_the_segment_of_each_place_and_looks_ahead_for_when_one_is_there() -> None:
    three = segments(*THREE)
    for segment in three:
        segment.ready = segment.packet + 7
    window = Window(b"0123456789", 0, 10, three, False)
    assert [window.ready(place) for place in (3, 4, 5, 9)] == [8, 9, 10, 10]
    assert [window.segment(place).packet for place in (0, 3, 4, 5, 9)] == [1, 1, 2, 3, 3]


def test_window_that_begins_behind_its_first_segments_knows_where_each_begins() -> None:
    window = Window(b"0123456789", 5, 10, segments(*THREE), False)
    assert window.segment(5).packet == 3
    assert [place for place in range(10) if window.begins_segment(place)] == [0, 4, 5]
