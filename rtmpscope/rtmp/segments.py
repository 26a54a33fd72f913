"""Which segment brought a byte: by binary search, for hostile senders cut their bytes into very many.

Who reads from the front asks a Window, which remembers where it was.
"""

from __future__ import annotations

from mypy_extensions import i64

from rtmpscope.model import Segment


def index_at(segments: list[Segment], offset: i64) -> i64:
    """The place among segments in stream order of the one with the byte at a stream offset, or behind it."""
    low: i64 = 0
    high: i64 = len(segments)
    while low < high:
        middle = (low + high) // 2
        segment = segments[middle]
        if segment.offset + segment.length > offset:
            high = middle
        else:
            low = middle + 1
    return low


def segments_from(segments: list[Segment], offset: i64) -> list[Segment]:
    """Those that bring the bytes from a stream offset on."""
    return segments[index_at(segments, offset) :]


def without_blocks(segments: list[Segment]) -> list[Segment]:
    """The same, whose bytes have been delivered: who keeps them must not keep all that was read along with them."""
    for segment in segments:
        segment.block = b""
    return segments


class Window:
    """The bytes in reach of a parser; places count from their first, which stands at the stream offset `origin`.

    final: nothing follows them directly.
    """

    __slots__ = ("data", "end", "origin", "final", "segments", "cursor")

    def __init__(self, data: bytes, pos: i64, origin: i64, segments: list[Segment], final: bool) -> None:
        self.data = data
        self.end: i64 = len(data)
        self.origin = origin
        self.final = final
        self.segments = segments
        self.cursor = index_at(segments, origin + pos)

    def segment(self, place: i64) -> Segment:
        """The one with the byte at a place, which must not decrease from call to call."""
        offset = self.origin + place
        segments = self.segments
        cursor = self.cursor
        segment = segments[cursor]
        while segment.offset + segment.length <= offset:
            cursor += 1
            segment = segments[cursor]
        self.cursor = cursor
        return segment

    def ready(self, place: i64) -> i64:
        """The packet with which the byte at a place, not before the last one asked for, was there."""
        offset = self.origin + place
        cursor = self.cursor
        while self.segments[cursor].offset + self.segments[cursor].length <= offset:
            cursor += 1
        return self.segments[cursor].ready

    def begins_segment(self, place: i64) -> bool:
        """Whether the byte at a place is the first of a segment."""
        offset = self.origin + place
        return self.segments[index_at(self.segments, offset)].offset == offset
