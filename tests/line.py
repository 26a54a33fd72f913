"""What one side sent, handed to a reader: each call is one packet or one hole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from rtmpscope.model import C2S, Event, Gap, Message, Segment, StreamData, StreamEnd, StreamGap
from rtmpscope.rtmp.reader import DirectionReader
from tests import wire
from tests.accounts import account

Item = StreamData | StreamGap | StreamEnd


class Line:
    """A reader and what it said; late: the capture began after the connection did."""

    def __init__(self, *, whole: bool = True, direction: int = C2S, late: bool = False) -> None:
        self.reader = DirectionReader(0, direction, whole)
        self.events: list[Event] = []
        self.items: list[Item] = []
        self.offset = 0
        self.packet = 0
        if late:
            self.lose(0, "mid_stream")

    def send(self, data: bytes, size: int = 0) -> Line:
        """One packet, or packets of `size` bytes."""
        for at in range(0, len(data), size or max(1, len(data))):
            piece = data[at : at + size] if size else data
            self.packet += 1
            segment = Segment(self.packet, self.packet * 1000, b"", 0, 0, 0, 0, piece, 0, len(piece), 0)
            segment.offset = self.offset
            self.offset += len(piece)
            self._feed(StreamData(segment.offset, piece, [segment]))
        return self

    def lose(self, count: int, reason: str = "capture_loss") -> Line:
        self.packet += 1
        self._feed(StreamGap(self.offset, count, reason, self.packet, self.packet * 1000))
        self.offset += count
        return self

    def end(self, how: str = "fin") -> Line:
        self.packet += 1
        self._feed(StreamEnd(self.offset, how, self.packet, self.packet * 1000, self.packet))
        return self

    def _feed(self, item: Item) -> None:
        self.items.append(item)
        self.reader.feed(item, self.events)

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]

    @property
    def messages(self) -> list[Message]:
        return self.of(Message)

    @property
    def gaps(self) -> list[Gap]:
        return self.of(Gap)

    @property
    def codes(self) -> list[str]:
        return [note.code for event in self.events for note in event.notes or ()]

    @property
    def is_accounted(self) -> bool:
        """Whether every byte is handshake, chunk, hole or skipped."""
        one = account(self.offset, self.reader, self.events)
        return not one.given_up and one.accounted == one.length


def shaken(*, whole: bool = True) -> Line:
    """A line whose handshake is done."""
    return Line(whole=whole).send(wire.handshake()[0])


def send_with_holes(line: Line, data: bytes, holes: Sequence[tuple[int, int]], size: int = 0) -> Line:
    """The data without these (start, end) of it."""
    at = 0
    for start, end in holes:
        line.send(data[at:start], size)
        line.lose(end - start)
        at = end
    return line.send(data[at:], size)


def joined(items: Iterable[Item], chance: Random) -> list[Item]:
    """The same packets in other batches: neighbouring data in one item, here and there."""
    found: list[Item] = []
    for item in items:
        last = found[-1] if found else None
        if isinstance(item, StreamData) and isinstance(last, StreamData) and chance.random() < 0.7:
            found[-1] = StreamData(last.offset, last.data + item.data, last.segments + item.segments)
        else:
            found.append(item)
    return found


def read(items: Iterable[Item]) -> list[Event]:
    events: list[Event] = []
    reader = DirectionReader(0, C2S, True)
    for item in items:
        reader.feed(item, events)
    return events
