"""A chunk parser that is given bytes as a reader gives them, and what tests look at in its messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rtmpscope.model import Message, Segment
from rtmpscope.rtmp.chunks import ChunkParser
from rtmpscope.rtmp.trust import NO_TROUBLE

BASE = 3073  # where chunks begin in a stream
TRAILING = b"\x04\x00\x00"  # of a header that is not complete


class Feed:
    """A parser that is given bytes in pieces, each a packet of its own, as a reader gives them."""

    def __init__(self, *, whole: bool = True, detail: bool = False) -> None:
        self.parser = ChunkParser(0, 0, whole)
        self.parser.detail = detail
        self.tail = b""
        self.offset = BASE
        self.packets = 0
        self.segments: list[Segment] = []

    def __call__(self, piece: bytes, final: bool = False) -> Feed:
        self.packets += 1
        segment = Segment(self.packets, self.packets * 1000, b"", 0, 0, 0, 0, piece, 0, len(piece), 0)
        segment.offset = self.offset + len(self.tail)
        self.segments = [one for one in self.segments if one.offset + one.length > self.offset]
        self.segments.append(segment)
        data = self.tail + piece
        used = self.parser.parse(data, 0, self.offset, self.segments, final)
        self.offset += used
        self.tail = data[used:]
        return self

    @property
    def messages(self) -> list[Message]:
        return self.parser.out


class Read(NamedTuple):
    """What the tests look at in a message."""

    csid: int
    type_id: int
    timestamp: int
    message_stream_id: int
    payload: bytes


def known(messages: Iterable[Message]) -> list[Read]:
    return [Read(one.csid, one.type_id, one.timestamp, one.message_stream_id, one.payload) for one in messages]


def codes(messages: Iterable[Message]) -> list[list[str]]:
    return [[note.code for note in one.notes or ()] for one in messages]


def read(data: bytes) -> list[Message]:
    """The messages, the same whichever way the bytes come, with every byte used."""
    whole = Feed()(data)
    assert (whole.tail, whole.parser.trouble, whole.parser.framed) == (b"", NO_TROUBLE, len(data))
    single = Feed()
    for at in range(len(data)):
        single(data[at : at + 1])
        assert single.parser.trouble == NO_TROUBLE
    assert single.tail == b""
    trailing = Feed()(data + TRAILING)
    assert trailing.tail == TRAILING
    for other in (single, trailing):
        assert known(other.messages) == known(whole.messages)
        assert codes(other.messages) == codes(whole.messages)
        assert [one.chunks for one in other.messages] == [one.chunks for one in whole.messages]
        assert [one.offset for one in other.messages] == [one.offset for one in whole.messages]
    return whole.messages


def segment(offset: int, size: int, packet: int = 9) -> Segment:
    made = Segment(packet, packet * 1000, b"", 0, 0, 0, 0, b"", 0, size, 0)
    made.offset = offset
    return made


def read_on(parser: ChunkParser, data: bytes, offset: int, final: bool = True) -> list[Message]:
    parser.parse(data, 0, offset, [segment(offset, max(1, len(data)))], final)
    return parser.out
