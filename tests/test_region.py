"""Bytes that are kept for a search: joined late, cut in front, closed at the end."""

from __future__ import annotations

from rtmpscope.model import Segment, StreamData
from rtmpscope.rtmp.region import JOINED_BYTES, JOINED_SHARE, Region


def data(offset: int, payload: bytes) -> StreamData:
    segment = Segment(offset, 0, b"", 0, 0, 0, 0, payload, 0, len(payload), 0)
    segment.offset = offset
    return StreamData(offset, payload, [segment])


def test_short_regions_are_joined_at_once_and_long_ones_by_and_by() -> None:
    region = Region(None, 0)
    region.append(data(0, bytes(JOINED_BYTES)))
    assert (len(region.data), region.waiting) == (JOINED_BYTES, 0)
    region.append(data(JOINED_BYTES, b"a"))
    assert (len(region.data), region.waiting, region.size) == (JOINED_BYTES, 1, JOINED_BYTES + 1)
    region.append(data(JOINED_BYTES + 1, bytes(JOINED_BYTES // JOINED_SHARE)))
    assert region.waiting == 0 and region.data[JOINED_BYTES : JOINED_BYTES + 2] == b"a\0"


def test_what_waits_is_joined_when_nothing_follows() -> None:
    region = Region(None, 0)
    region.append(data(0, bytes(JOINED_BYTES)))
    region.append(data(JOINED_BYTES, b"a"))
    region.close(7)
    assert region.data.endswith(b"\0a") and (region.closed, region.close_ready) == (True, 7)


def test_first_bytes_are_forgotten_and_the_beginning_is_remembered() -> None:
    region = Region(None, 100)
    for offset in (100, 110, 120):
        region.append(data(offset, b"0123456789"))
    region.drop(12)
    assert (region.base, region.origin, region.data[:3]) == (112, 100, b"234")
    assert [segment.offset for segment in region.segments] == [110, 120]
    assert region.first is not None and region.first.offset == 100


def test_cut_makes_a_new_beginning() -> None:
    region = Region(None, 100)
    for offset in (100, 110):
        region.append(data(offset, b"0123456789"))
    region.cut(10)
    assert (region.base, region.origin, region.data) == (110, 110, b"0123456789")
    assert region.first is not None and region.first.offset == 110


def test_region_holds_no_packet_for_the_sake_of_its_bytes() -> None:
    region = Region(None, 0)
    region.append(data(0, b"0123456789"))
    assert region.segments[0].block == b""
