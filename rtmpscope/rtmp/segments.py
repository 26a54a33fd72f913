"""Which segment brought a byte: by binary search, for hostile senders cut their bytes into very many."""

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
