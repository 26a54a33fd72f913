"""How a message may be cut into chunks, where the chunk size is not certain: told by the bytes alone.

After a loss the size in force may have changed within the hole.  A size is worth a try where the continuation headers
that it would put into the payload stand there.  What is answered depends only on bytes before `known_end`, so that it
does not matter how much more has come.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.amf.amf0 import Decoder
from rtmpscope.bits import u24
from rtmpscope.rtmp.chunks import EXTENDED, MESSAGE_HEADER_SIZES, ChunkParser
from rtmpscope.rtmp.evidence import (
    ANY_HEADER,
    LARGEST_SEARCHED,
    NAMED_TYPES,
    UNLIMITED,
    interleaved_sizes,
    usual_sizes,
)

# A header of full size, plus the payload bytes that are looked at.
HEADER_SPAN: Final = 32

# Sizes that are tried because a continuation header seems to stand there, at most.
SCANNED_SIZES: Final = 32

# What sizes that people choose are multiples of.
ROUND_STEPS: Final = (1, 10, 64, 100, 128, 500, 512, 1000, 1024)
HARDLY_ROUND: Final = 10  # one of ten sizes that stand there by chance is that

# Bytes of AMF that are decoded to tell chunk sizes apart.
LARGEST_DECODED: Final = 2_048


def known_end(place: i64, length: i64) -> i64:
    """Up to where the bytes decide how a message of that length is cut whose header stands at `place`."""
    return place + HEADER_SPAN + min(length, LARGEST_SEARCHED)


def length_at(parser: ChunkParser, data: bytes, place: i64) -> i64:
    """The length that the message beginning at `place` says or inherits."""
    first: i64 = data[place]
    if first < 0x80:
        return u24(data, place + _basic_size(first) + 3)
    stream = parser.streams.get(first & 63)
    return 0 if stream is None else stream.length


class Beginning:
    """A message as far as it is there, by the header at `place`: its payload stands at `payload`, cut or not.

    shown      bytes from there on that are there, no more than the payload has, and no more than are searched
    repeated   bytes of an extended timestamp in each continuation header
    known      place of the first byte that does not count (see known_end)
    named      the payload is AMF0 and short enough to be decoded
    """

    __slots__ = ("data", "first", "length", "payload", "shown", "repeated", "continuation", "known", "named")

    def __init__(self, data: bytes, place: i64, length: i64) -> None:
        self.data = data
        self.first: i64 = data[place]
        self.length = length
        header = place + _basic_size(self.first)
        self.payload: i64 = header + MESSAGE_HEADER_SIZES[self.first >> 6]
        self.repeated: i64 = 0
        if self.first < 0xC0 and u24(data, header) == EXTENDED:
            timestamp = data[self.payload : self.payload + 4]
            stop = self.payload + min(length, LARGEST_SEARCHED)
            self.repeated = 4 if data.find(timestamp, self.payload + 4, stop) >= 0 else 0
            self.payload += 4
        self.continuation: i64 = 0xC0 | self.first & 63
        self.shown: i64 = min(length, LARGEST_SEARCHED, len(data) - self.payload)
        self.known: i64 = known_end(place, length)
        is_named = self.first < 0x80 and data[header + 6] in NAMED_TYPES
        self.named: bool = is_named and self.shown == length and length <= LARGEST_DECODED


def sizes_at(parser: ChunkParser, data: bytes, place: i64, length: i64) -> list[int] | None:
    """Chunk sizes under which the message at `place` could be cut: none needed, the usual, the evident.

    None where nothing speaks against the chunk size in force, no size where the message is cut and several would do.
    """
    message = Beginning(data, place, length)
    size = parser.chunk_size
    sizes, others = _usual_sizes(message, size)
    # A length that is inherited may be wrong by just the header that payload is taken for.
    often, once = _evident_sizes(message, parser.uncut if message.first < 0x80 else length)
    if message.named:
        window = data[message.payload : message.known]
        whole = [each for each in dict.fromkeys((*sizes, *often, *once)) if is_whole(window, 0, length, each)]
        if whole:
            return None if whole == [size] and length <= size else whole
        once = []
    if len(once) > 1 and not any(one in sizes for one in once):
        once = _told_apart(parser, once)
        if len(often) + len(once) == 0:
            return []
    often += once
    sizes += [each for each in often if each not in sizes and not any(each % (one + 1) == one for one in others)]
    if sizes == [size] and message.shown <= size and not (size == UNLIMITED and len(others) > 0):
        return None
    return sizes


def _usual_sizes(message: Beginning, size: i64) -> tuple[list[int], list[int]]:
    """The one in force, the one that cuts nothing, the usual ones; and those where another message could interrupt."""
    data, payload, shown = message.data, message.payload, message.shown
    stands = size < shown and data[payload + size] == message.continuation
    if shown <= size:
        sizes: list[int] = [size]
    elif stands or ANY_HEADER.match(data, payload + size) is not None:
        sizes = [size, UNLIMITED]
    else:
        sizes = [UNLIMITED]
    cutting = usual_sizes(data, payload, shown, message.continuation)
    sizes += [usual for usual in cutting if usual != size]
    if message.first >= 0x80 and (stands or len(cutting) > 0) and UNLIMITED in sizes:
        # A length that is inherited may be wrong by just the headers that would be taken for payload.
        sizes.remove(UNLIMITED)
    return sizes, interleaved_sizes(data, payload, shown, size)


def sizes_of_span(parser: ChunkParser, data: bytes, payload: i64, span: i64, continuation: i64) -> list[int]:
    """The chunk sizes that the bytes of one message bear out, UNLIMITED where nothing cuts them."""
    if not parser.may_be_cut(span):
        known: list[int] = [parser.chunk_size]
        return known if _cuts(data, payload, span, parser.chunk_size, continuation) else []
    usual = usual_sizes(data, payload, span, continuation)
    cutting = [size for size in usual if _cuts(data, payload, span, size, continuation)]
    return cutting if cutting else [UNLIMITED]


def _cuts(data: bytes, payload: i64, span: i64, size: i64, continuation: i64) -> bool:
    """Whether a continuation header stands behind each chunk of that size in the next `span` bytes."""
    headers = range(payload + size, payload + span, size + 1)
    return span % (size + 1) != 0 and all(data[at] == continuation for at in headers)


def _evident_sizes(message: Beginning, uncut: i64) -> tuple[list[int], list[int]]:
    """Chunk sizes for which the bytes of a message speak, of which only those that are known count.

    First those by which two continuation headers stand as far apart; then, the roundest before the others, those by
    which one cuts the message behind `uncut` bytes or more, and where the message then ends another may begin.
    """
    data, payload = message.data, message.payload
    stop = min(payload + min(message.length, LARGEST_SEARCHED), len(data))
    end = payload + message.length + 1 + message.repeated  # of a message that is cut once
    may_end = message.named or (end < message.known and ANY_HEADER.match(data, end, message.known) is not None)
    often: list[int] = []
    once: list[int] = []
    at: i64 = data.find(message.continuation, payload + 1, stop)
    while at >= 0 and len(often) + len(once) < SCANNED_SIZES:
        size = at - payload
        following = at + 1 + message.repeated + size
        if following < stop:
            if data[following] == message.continuation:
                often.append(size)
        elif may_end and size >= uncut:
            once.append(size)
        at = data.find(message.continuation, at + 1, stop)
    once.sort(key=_roundness, reverse=True)
    return often, once


def _told_apart(parser: ChunkParser, sizes: list[int]) -> list[int]:
    """Of several sizes that cut a message once, and let it end at the same place, the one that it must be, or none.

    It is a round one, for people choose those, or the only one that would have cut the messages before as well.
    """
    if _roundness(sizes[0]) > max(_roundness(sizes[1]), HARDLY_ROUND):
        return sizes[:1]
    left = [size for size in sizes if size in parser.possible_sizes]
    if len(left) == 1:
        return left
    parser.possible_sizes = left if left else sizes
    return []


def _roundness(size: int) -> int:
    return max([step for step in ROUND_STEPS if size % step == 0])


def is_whole(data: bytes, payload: i64, length: i64, size: i64) -> bool:
    """Whether a payload that a chunk size cuts is AMF0 values from the first byte to the last."""
    content = bytearray(data[payload : payload + length + (length - 1) // size])
    del content[size :: size + 1]
    decoder = Decoder(bytes(content), len(content))
    at: i64 = 0
    while at < len(content) and not decoder.failed:
        at = decoder.value(at, "").end
    return at == length and not decoder.failed


def _basic_size(first: i64) -> i64:
    """The size of a basic header by its first byte (5.3.1.1)."""
    csid = first & 63
    return 1 if csid >= 2 else csid + 2
