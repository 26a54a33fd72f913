"""What is kept of one direction while it is searched: bytes without a hole, and the gap before them."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.model import Segment, StreamData, StreamGap
from rtmpscope.rtmp.segments import segments_from, without_blocks

# Regions of more bytes grow by no less than one part of so many, or a long one would be copied for every segment.
JOINED_BYTES: Final = 131_072
JOINED_SHARE: Final = 16


class Region:
    """Bytes without a hole, and the gap before them.

    They began at the stream offset `origin`, in the segment `first`.
    """

    __slots__ = ("gap", "origin", "first", "base", "data", "segments", "pending", "waiting", "closed", "close_ready")

    def __init__(self, gap: StreamGap | None, base: i64) -> None:
        self.gap = gap
        self.origin = base
        self.first: Segment | None = None
        self.base = base
        self.data = b""
        self.segments: list[Segment] = []
        self.pending: list[bytes] = []  # what came last and is not part of data yet
        self.waiting: i64 = 0  # bytes of it
        self.closed = False  # a gap or the end follows
        self.close_ready: i64 = 0

    def append(self, item: StreamData) -> None:
        """More bytes; where there are many already, they wait until it is worth while to join them."""
        self.segments.extend(without_blocks(item.segments))
        self.pending.append(item.data)
        self.waiting += len(item.data)
        if self.first is None:
            self.first = self.segments[0]
        if self.waiting * JOINED_SHARE >= len(self.data) or len(self.data) < JOINED_BYTES:
            self.join()

    @property
    def size(self) -> int:
        return len(self.data) + self.waiting

    def close(self, ready: i64) -> None:
        """Nothing follows directly, as the packet `ready` tells."""
        self.join()
        self.closed = True
        self.close_ready = ready

    def join(self) -> None:
        """Make what waits part of `data`."""
        if self.pending:
            self.data = b"".join([self.data, *self.pending])
            self.pending = []
            self.waiting = 0

    def cut(self, count: i64) -> None:
        """Make a new beginning after the first bytes, whatever came before them."""
        self.drop(count)
        self.gap = None
        self.origin = self.base
        self.first = self.segments[0]

    def drop(self, count: i64) -> None:
        """Forget the first bytes."""
        self.data = self.data[count:]
        self.base += count
        self.segments = segments_from(self.segments, self.base)
