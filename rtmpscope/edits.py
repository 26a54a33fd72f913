"""What is replaced in the streams of a connection: by offsets, so that it holds for every retransmission.

Messages give edits and the ranges that were read, whichever chunks carried them; a Stream collects both and applies
them to segments, in any order and as often as they come.  What was not read gets other letters or becomes 0, and so
does a retransmission that differs from what was sent first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from hashlib import shake_256
from itertools import accumulate
from operator import attrgetter, itemgetter
from typing import Final

from rtmpscope.limits import EDITS_BYTES
from rtmpscope.masks import another
from rtmpscope.model import SYN, ChunkHeader, Message, Segment

Edit = tuple[int, bytes]  # from this offset on these bytes

_WRAP: Final = 1 << 32
_PAD: Final = 256  # bytes of a stream that are scrambled with one hash
_RECENT: Final = 131_072  # bytes of a stream in which a retransmission is known again
_EDIT: Final = 1024  # bytes of the longest edit
_EDIT_COST: Final = 140  # bytes of memory that an edit takes besides its own
_RANGE_COST: Final = 80
_FEW: Final = 16  # ranges are put in one by one where there are so many times as many behind them

_start: Final = itemgetter(0)
_payload_start: Final = attrgetter("payload_start")


class Ranges:
    """Ranges of offsets, joined where they touch."""

    __slots__ = ("_starts", "_ends")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, start: int, end: int) -> None:
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def update(self, ranges: list[tuple[int, int]]) -> None:
        """Add many: one by one to very many, or all at once, as messages that come by turns have theirs everywhere."""
        at = bisect_left(self._ends, min(ranges, default=(0, 0))[0])
        if len(ranges) * _FEW < len(self._ends) - at:
            for start, end in ranges:
                self.add(start, end)
            return
        ranges = sorted([*zip(self._starts[at:], self._ends[at:], strict=True), *ranges])
        del self._starts[at:], self._ends[at:]
        for start, end in ranges:
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(end, self._ends[-1])
            else:
                self._starts.append(start)
                self._ends.append(end)

    def join(self) -> None:
        """All become one, with what lies between them."""
        self._starts[1:] = []
        self._ends[:-1] = []

    def split(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """The ranges between two offsets, and what is between them: the third says which it is."""
        for index in range(bisect_right(self._ends, start), len(self._starts)):
            if self._starts[index] >= end:
                break
            if start < self._starts[index]:
                yield start, self._starts[index], False
                start = self._starts[index]
            yield start, min(end, self._ends[index]), True
            start = min(end, self._ends[index])
        if start < end:
            yield start, end, False


class Stream:
    """What is to be replaced in one direction of a connection.

    key    with which what was not read is scrambled; empty where it becomes 0
    base   the sequence number of the first byte, modulo 2**32
    edits  what becomes other bytes, by its place in the stream
    read   what belongs to handshakes and messages
    cost   bytes of memory that edits and ranges take
    """

    __slots__ = ("key", "base", "edits", "read", "cost", "given_up", "reached", "seen", "recent", "_longest")

    def __init__(self) -> None:
        self.key = b""
        self.base = 0
        self.edits: list[Edit] = []
        self.read = Ranges()
        self.cost = 0
        self.given_up = False
        self.reached = 0
        self.seen = Ranges()
        self.recent = Recent()
        self._longest = 0

    # What was found

    def add(self, edits: Iterable[Edit], read: Iterable[tuple[int, int]]) -> int:
        """Take in what was found in a message; return what it costs."""
        if self.given_up:
            return 0
        before = self.cost
        for edit in edits:
            self.edits.append(edit)
            self.cost += _EDIT_COST + len(edit[1])
            if self.cost > EDITS_BYTES:
                return self.give_up() - before
        ranges = len(self.read)
        self.read.update(list(read))
        self.cost += _RANGE_COST * (len(self.read) - ranges)
        return self.cost - before

    def give_up(self) -> int:
        """Nothing of it was read; return what it costs now."""
        self.edits, self.read, self.cost = [], Ranges(), 0
        self.given_up = True
        return 0

    def settle(self) -> None:
        """No more edits will come."""
        self.edits.sort(key=_start)
        self._longest = max([len(new) for _, new in self.edits], default=0)

    # What is written

    @property
    def _remembered(self) -> int:
        """Bytes of memory by which retransmissions are known."""
        return len(self.recent) + _RANGE_COST * len(self.seen)

    def apply(self, data: bytearray, at: int, segment: Segment) -> int:
        """Replace what is to be replaced in a segment, whose payload stands in the data at a place.

        Return how many bytes more are remembered now.
        """
        before = self._remembered
        offset, length = self._offset(segment), int(segment.length)
        said = bytes(data[at : at + length])
        for first, last, again in list(self.seen.split(offset, offset + length)):
            piece = said[first - offset : last - offset]
            if again and not self.recent.holds(first, piece):
                data[at + first - offset : at + last - offset] = bytes(last - first)
                continue
            if not again:
                self.recent.keep(first, piece)
            self._edit(data, at + first - offset, first, last)
        self.seen.add(offset, offset + length)
        self.reached = max(self.reached, offset + length)
        return self._remembered - before

    def forget(self) -> int:
        """Know no retransmission any more; return how many bytes less are remembered now."""
        before = self._remembered
        self.recent = Recent()
        self.seen.join()
        return before - self._remembered

    def _offset(self, segment: Segment) -> int:
        """The place of a segment in the stream, near the highest one seen so far."""
        sequence = segment.seq + (1 if segment.flags & SYN else 0)  # data sent along with a SYN comes after it
        distance = (sequence - self.base - self.reached) % _WRAP
        return self.reached + (distance if distance < _WRAP // 2 else distance - _WRAP)

    def _edit(self, data: bytearray, at: int, start: int, end: int) -> None:
        """Replace what is to be replaced between two offsets, of which the first stands in the data at a place."""
        for first, last, read in self.read.split(start, end):
            if not read:
                where = slice(at + first - start, at + last - start)
                data[where] = scrambled(data[where], first, self.key) if self.key else bytes(last - first)
        for index in range(bisect_left(self.edits, start - self._longest, key=_start), len(self.edits)):
            place, new = self.edits[index]
            if place >= end:
                break
            first, last = max(place, start), min(place + len(new), end)
            if first < last:
                data[at + first - start : at + last - start] = new[first - place : last - place]


class Recent:
    """The last bytes of a stream as they were sent first, to know a retransmission by."""

    __slots__ = ("_start", "_data")

    def __init__(self) -> None:
        self._start = 0
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def keep(self, offset: int, data: bytes) -> None:
        """Take in new bytes; where a hole is before them it is filled later, or never asked for."""
        hole = offset - self._start - len(self._data)
        if hole > _RECENT:
            self._start, self._data = offset, bytearray()
        elif hole > 0:
            self._data += bytes(hole)
        if offset >= self._start:
            self._data[offset - self._start : offset - self._start + len(data)] = data
        if len(self._data) > 2 * _RECENT:
            self._start += len(self._data) - _RECENT
            del self._data[:-_RECENT]

    def holds(self, offset: int, data: bytes) -> bool:
        """Whether these bytes were sent there."""
        at = offset - self._start
        return at >= 0 and self._data[at : at + len(data)] == data


def in_stream(message: Message, edits: list[Edit]) -> Iterator[Edit]:
    """Edits of a message's captured payload as edits of its stream, cut where chunks end and bytes are missing."""
    chunks = [chunk for chunk in message.chunk_headers or () if chunk.payload_size]
    holes = message.holes or []
    missing = list(accumulate([length for _, length in holes], initial=0))
    borders = [start - before for (start, _), before in zip(holes, missing, strict=False)]
    for edit in edits:
        for place, new in _around_holes(borders, missing, edit):
            yield from _cut(chunks, place, new)


def places(message: Message) -> Iterator[tuple[int, int]]:
    """The ranges of the stream in which the captured bytes of a message stand, if they were looked at."""
    if len(message.payload) != message.captured:
        return
    holes = message.holes or []
    for chunk in message.chunk_headers or ():
        start, first = chunk.offset, chunk.offset + chunk.size - chunk.payload_start
        end = chunk.payload_start + chunk.payload_size
        for index in range(bisect_right(holes, chunk.payload_start, key=sum), len(holes)):
            hole, missing = holes[index]
            if hole >= end:
                break
            yield start, first + max(hole, chunk.payload_start)
            start = first + hole + missing
        if start < first + end:
            yield start, first + end


def scrambled(data: bytes | bytearray, offset: int, key: bytes) -> bytes:
    """Another letter for each letter, digit for each digit; at the same place of a stream always the same."""
    first, last = offset // _PAD, (offset + len(data) - 1) // _PAD
    pads = [shake_256(b"%b %d" % (key, number)).digest(_PAD) for number in range(first, last + 1)]
    pad = b"".join(pads)[offset - first * _PAD :]
    return bytes([_other_byte(byte, random) for byte, random in zip(data, pad, strict=False)])


def _other_byte(byte: int, random: int) -> int:
    if 0x80 <= byte < 0xC0:  # the later bytes of a character in UTF-8
        return 0x80 | (byte + 1 + random % 63) & 0x3F
    return ord(another(chr(byte), random)) if byte < 0x80 else byte


def _around_holes(borders: list[int], missing: list[int], edit: Edit) -> Iterator[Edit]:
    """The edit by places in the message, where holes count too.

    borders are the captured bytes before each hole, missing the bytes that are missing before and behind it.
    """
    at, new = edit
    index = bisect_right(borders, at)
    while index < len(borders) and borders[index] < at + len(new):
        size = borders[index] - at
        yield at + missing[index], new[:size]
        at, new = at + size, new[size:]
        index = bisect_right(borders, at)
    yield at + missing[index], new


def _cut(chunks: list[ChunkHeader], place: int, new: bytes) -> Iterator[Edit]:
    for index in range(max(0, bisect_right(chunks, place, key=_payload_start) - 1), len(chunks)):
        chunk = chunks[index]
        if chunk.payload_start >= place + len(new):
            break
        first = max(place, chunk.payload_start)
        last = min(place + len(new), chunk.payload_start + chunk.payload_size)
        at = chunk.offset + chunk.size - chunk.payload_start
        for start in range(first, last, _EDIT):
            yield at + start, new[start - place : min(start + _EDIT, last) - place]
