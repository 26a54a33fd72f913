"""A copy of a capture without secrets: packets of the same lengths, another text of the same kind for every secret.

Three readings.  The first learns: every secret that the redactor finds by its place, and on request every address
and host.  The second finds: in each message, put together from its chunks, the places of what its redacted body has
otherwise and of whatever was learned; and what was learned in every TCP stream, RTMP or not, across the borders of
packets.  Places are stream offsets, so that they hold for every retransmission.  The third writes the packets, with
right checksums; in those that are not TCP what was learned is replaced too.

Secrets keep their form (see redact.ALIKE), so the copy decodes as the capture did.  What may hold a secret that
nobody recognised is made unreadable: in a fragment of an IP datagram all bytes are 0, in RTMP that is tunnelled in
HTTP every text becomes another, and so does every letter of an RTMP connection that belongs to no message: what
stands behind a hole, in a message that was never finished, in bytes that are no RTMP.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from hashlib import shake_256
from operator import itemgetter
from os import urandom
from typing import BinaryIO, Final

from rtmpscope.capture.files import CaptureReader
from rtmpscope.capture.writer import PcapngWriter
from rtmpscope.conversation import Conversation
from rtmpscope.engine import AGGREGATE, Engine
from rtmpscope.known import Known
from rtmpscope.model import (
    UNKNOWN,
    ChunkHeader,
    Connection,
    Event,
    Field,
    Handshake,
    Message,
    Packet,
    Segment,
    StreamData,
)
from rtmpscope.net.decode import Decoder
from rtmpscope.net.reassembly import Flow, Reassembler
from rtmpscope.net.rewrite import Addresses, Layers, rewritten
from rtmpscope.plugins import Registry, load_builtin
from rtmpscope.redact import ALIKE, APPLICATION, Redactor, another
from rtmpscope.rtmp import aggregate, messages
from rtmpscope.rtmp.reader import DirectionReader

Edit = tuple[int, bytes]  # from this offset on these bytes

_HOST: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,15}://(?:[^/?#\s]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#:\s\"'<>]+)")
_TEXT: Final = re.compile(rb"[\x20-\x7e]{4,}")
_TUNNEL: Final = b"application/x-fcs"
_TUNNELLED: Final = re.compile(rb"(?:POST /|HTTP/1\.)[^\0]{0,2000}?\r\n\r\n|([\x20-\x7e]{4,})")
_WRAP: Final = 1 << 32
_UNREAD: Final = ("nothing", "rtmp", "ssh", "unknown")  # carry RTMP in the clear, or might
PART: Final = 6  # bytes of a secret that are found alone where no stream is put together
CHECK_BYTES: Final = 4  # at the end of a frame they are its checksum, if anything
_PAD: Final = 256  # bytes of a stream that are scrambled with one hash

# How numbers stand in AMF: where in the field, counted from its end, and as what.
_NUMBERS: Final = {
    "number": (8, ">d"),
    "double": (8, ">d"),
    "date": (10, ">d"),
    "amf3_date": (8, ">d"),
    "int64": (8, ">q"),
}


class Ranges:
    """Ranges of offsets, joined where they touch."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._ends, strict=True)

    def between(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """What is in none of them."""
        for index in range(bisect_right(self._ends, start), len(self._starts)):
            if self._starts[index] >= end:
                break
            if start < self._starts[index]:
                yield start, self._starts[index]
            start = self._ends[index]
        if start < end:
            yield start, end


class Stream:
    """What is to be replaced in one direction of a flow, and which sequence number its first byte has.

    read    what belongs to handshakes and messages
    unread  what does not is made unreadable with this key, empty where it is no RTMP or enciphered
    """

    __slots__ = ("edits", "base", "reached", "tunnel", "read", "unread", "_starts", "_longest", "_tail", "_tail_offset")

    def __init__(self) -> None:
        self.edits: list[Edit] = []
        self.read = Ranges()
        self.unread = b""
        self.base = 0
        self.tunnel = False
        self.reached = 0
        self._starts: list[int] = []
        self._longest = 0
        self._tail = b""
        self._tail_offset = 0

    def search(self, item: StreamData, known: Known, overlap: int) -> None:
        """Look for what is known in the bytes that come next and in those right before them."""
        if self._tail_offset + len(self._tail) == item.offset:
            data, start = self._tail + item.data, self._tail_offset
        else:
            data, start = item.data, item.offset
        self.edits += [(start + at, new) for at, new in occurrences(data, known)]
        self._tail = data[-overlap:] if overlap else b""
        self._tail_offset = start + len(data) - len(self._tail)

    def settle(self) -> None:
        """No more edits will come."""
        self.edits.sort(key=itemgetter(0))
        self._starts = [start for start, _ in self.edits]
        self._longest = max([len(new) for _, new in self.edits], default=0)

    def offset(self, seq: int) -> int:
        """The stream offset of a sequence number, near the highest one seen so far."""
        distance = (seq - self.base - self.reached) % _WRAP
        return self.reached + (distance if distance < _WRAP // 2 else distance - _WRAP)

    def apply(self, data: bytearray, at: int, offset: int, length: int) -> None:
        """Replace what is to be replaced in `length` bytes of the stream, which stand in the data at a place."""
        if self.unread:
            for first, last in self.read.between(offset, offset + length):
                where = slice(at + first - offset, at + last - offset)
                data[where] = _scrambled(data[where], first, self.unread)
        self.reached = max(self.reached, offset + length)
        for index in range(bisect_left(self._starts, offset - self._longest), len(self.edits)):
            start, new = self.edits[index]
            if start >= offset + length:
                break
            first, last = max(start, offset), min(start + len(new), offset + length)
            if first < last:
                data[at + first - offset : at + last - offset] = new[first - start : last - start]


class Sanitizer:
    """Makes the copy; changed counts the packets that are not as they were, blanked the fragments among them."""

    def __init__(self, reader: CaptureReader, ports: frozenset[int], addresses: bool = False) -> None:
        key = urandom(32)
        self._key: Final = key
        self.packets = 0
        self.changed = 0
        self.blanked = 0
        self._reader: Final = reader
        self._ports: Final = ports
        self._redactor: Final = Redactor(key, ALIKE)
        self._addresses: Final = Addresses(key) if addresses else None
        self._streams: Final[dict[tuple[int, int], Stream]] = {}
        self._parts: frozenset[str] = frozenset()

    def write(self, file: BinaryIO) -> None:
        self._learn()
        self._find()
        self._parts = self._redactor.known.parts(PART)
        writer = PcapngWriter(file)
        for packet in self._packets():
            writer.write(packet)

    # First reading

    def _learn(self) -> None:
        registry = Registry()
        load_builtin(registry)
        engine = Engine(registry, ports=self._ports)
        for batch in self._reader.batches():
            for event in engine.feed(batch.packets):
                if isinstance(event, Message) and event.body is not None:
                    self._learn_message(event, event.body)
        for event in engine.finish():
            if isinstance(event, Message) and event.body is not None:
                self._learn_message(event, event.body)
        if self._addresses is not None:
            for connection in engine.connections:
                self._learn_addresses(self._addresses, connection)

    def _learn_message(self, message: Message, body: Field) -> None:
        self._redactor.body(message, body)
        if self._addresses is not None:
            for text in _strings(body):
                for host in _HOST.findall(text):
                    self._learn_host(self._addresses, host.strip("[]"))

    def _learn_host(self, addresses: Addresses, host: str) -> None:
        try:
            self._redactor.learn(host, addresses.text(host))
        except ValueError:
            self._redactor.secret(host)

    def _learn_addresses(self, addresses: Addresses, connection: Connection) -> None:
        for end in (connection.client, connection.server):
            self._redactor.learn(end.address, addresses.text(end.address))

    # Second reading

    def _find(self) -> None:
        overlap = max(1, self._redactor.known.longest) - 1
        everything, decoder = Reassembler(), Decoder()
        rtmp, other_decoder = Reassembler(), Decoder()
        conversations: dict[int, Conversation] = {}
        for batch in self._reader.batches():
            self._search(everything.feed(decoder.decode(batch.packets)), overlap)
            self._read(rtmp.feed(other_decoder.decode(batch.packets)), conversations)
        self._search(everything.finish(), overlap)
        self._read(rtmp.finish(), conversations)
        for conversation in conversations.values():
            if conversation.carries in _UNREAD and conversation.opened_ready != UNKNOWN:
                for index in (0, 1):
                    key = b"%b %d %d" % (self._key, conversation.flow.packet, index)
                    stream = self._stream(conversation.flow, index)
                    stream.unread = key
                    for chunk in _unfinished(conversation.readers[index]):
                        stream.read.add(chunk.offset, chunk.offset + chunk.size)
        for stream in self._streams.values():
            stream.settle()

    def _search(self, flows: list[Flow], overlap: int) -> None:
        for flow in flows:
            for index, side in enumerate(flow.sides):
                stream = self._stream(flow, index)
                for item in side.take():
                    if isinstance(item, StreamData):
                        first = item.segments[0]
                        stream.base = (first.seq - first.offset) % _WRAP
                        stream.search(item, self._redactor.known, overlap)
                        stream.edits += self._of_tunnel(stream, item)

    def _of_tunnel(self, stream: Stream, item: StreamData) -> list[Edit]:
        """Every text in the bodies of RTMPT; the headers around them stay."""
        stream.tunnel = stream.tunnel or _TUNNEL in item.data
        if not stream.tunnel:
            return []
        found = _TUNNELLED.finditer(item.data)
        return [(item.offset + match.start(), self._blurred(match[1])) for match in found if match[1]]

    def _read(self, flows: list[Flow], conversations: dict[int, Conversation]) -> None:
        for flow in flows:
            conversation = conversations.get(flow.id)
            if conversation is None:
                conversation = conversations[flow.id] = Conversation(flow, self._ports, True)
                conversation.in_detail()
            conversation.advance()
            if conversation.opened_ready == UNKNOWN:
                continue
            for index, events in enumerate(conversation.held):
                stream = self._stream(flow, index)
                for event in events:
                    if isinstance(event, Message):
                        stream.edits += in_stream(event, self._edits(event))
                    for start, end in _read(event):
                        stream.read.add(start, end)
            conversation.held = [[], []]

    def _stream(self, flow: Flow, index: int) -> Stream:
        return self._streams.setdefault((flow.packet, index), Stream())

    def _edits(self, message: Message) -> list[Edit]:
        """What is to be replaced in a message's captured payload."""
        described = messages.decode(message.type_id, message.prefix, message.length)
        found = list(self._of_body(described, self._redactor.body(message, described), message.payload))
        if message.type_id == AGGREGATE:
            for part in aggregate.parts(message.prefix, message.length, 0):
                inner = Message(
                    0, 0, 0, 0, 0, 0, part.type_id, 0, 0, part.length, message.payload[part.start : part.end]
                )
                inner.captured = part.end - part.start
                found += [(part.start + at, new) for at, new in self._edits(inner)]
        if message.holes and (message.type_id == AGGREGATE or message.type_id in APPLICATION):
            at = len(message.prefix)
            found.append((at, self._blurred(message.payload[at:])))
        return found + occurrences(message.payload, self._redactor.known)

    def _of_body(self, old: Field, new: Field, payload: bytes) -> Iterator[Edit]:
        """The bytes of what redaction changed."""
        if old is new:
            return
        if old.value != new.value or old.kind != new.kind:
            yield self._of_value(old, new, payload)
        for before, after in zip(old.children, new.children, strict=False):
            name = before.name.encode()
            at = before.start - len(name)  # a key stands right before its value
            if before.name != after.name and payload[at : before.start] == name:
                yield at, after.name.encode()
            yield from self._of_body(before, after, payload)

    def _of_value(self, old: Field, new: Field, payload: bytes) -> Edit:
        if isinstance(old.value, str):
            text, other = old.value.encode(), str(new.value).encode()
            at = payload.find(text, old.start, old.end)
            if at >= 0 and len(text) == len(other):
                return at, other
            return old.start, b""  # a reference to a string that stands, and is replaced, elsewhere
        place, layout = _NUMBERS.get(old.kind, (0, ""))
        if layout:
            return old.end - place, _number(str(new.value), layout)
        if isinstance(old.value, bytes):
            return old.start, self._blurred(payload[old.start : old.end])
        head = old.start + 1  # AMF3's integer: seven bits a byte, and whether more follow
        return head, bytes([byte & 0x80 | (byte * 5 + 3) & 0x7F for byte in payload[head : old.end]])

    def _blurred(self, data: bytes) -> bytes:
        """Bytes that nobody decoded: every text in them becomes another."""
        return _TEXT.sub(lambda match: self._redactor.another(match[0].decode()).encode(), data)

    # Third reading

    def _packets(self) -> Iterator[Packet]:
        reassembler, decoder = Reassembler(), Decoder()
        for batch in self._reader.batches():
            segments = {segment.packet: segment for segment in decoder.decode(batch.packets)}
            for packet in batch.packets:
                self.packets += 1
                layers = Layers(packet)
                data = bytearray(packet.data)
                segment = segments.get(packet.number)
                if layers.fragment >= 0:
                    data[layers.fragment :] = bytes(len(data) - layers.fragment)
                    self.blanked += 1
                elif segment is None:
                    self._other_packet(layers, data)
                elif segment.length:
                    self._segment(reassembler, segment, layers, data)
                else:
                    _taken(reassembler.feed([segment]))
                self._scramble_around(layers, data, segment is None)
                if self._addresses is not None:
                    self._addresses.replace(layers, data)
                written = rewritten(packet, layers, data)
                self.changed += written is not packet
                yield written

    def _segment(self, reassembler: Reassembler, segment: Segment, layers: Layers, data: bytearray) -> None:
        _taken(reassembler.feed([segment]))
        found = reassembler.flows.get(segment.key)
        if found is None:
            return
        flow, index = found
        stream = self._stream(flow, index)
        offset = stream.offset(segment.seq)
        again = offset < stream.reached
        stream.apply(data, layers.payload, offset, segment.length)
        if again:  # it may say other things than it did the first time
            for at, new in occurrences(bytes(data[layers.payload :]), self._redactor.known):
                data[layers.payload + at : layers.payload + at + len(new)] = new

    def _scramble_around(self, layers: Layers, data: bytearray, other: bool) -> None:
        """What stands around TCP: memory that pads a frame, what ICMP quotes, and in other packets parts of secrets."""
        if layers.headers and len(data) - layers.end > CHECK_BYTES:
            data[layers.end :] = _scrambled(data[layers.end :], layers.end, self._key)
        if 0 <= layers.quoted < len(data):
            data[layers.quoted :] = _scrambled(data[layers.quoted :], layers.quoted, self._key)
        elif other:
            self._scramble_parts(data)

    def _scramble_parts(self, data: bytearray) -> None:
        text = data.decode("latin-1")
        covered = Ranges()
        for at in range(len(text) - PART + 1):
            if text[at : at + PART] in self._parts:
                covered.add(at, at + PART)
        for first, last in covered:
            data[first:last] = _scrambled(data[first:last], first, self._key)

    def _other_packet(self, layers: Layers, data: bytearray) -> None:
        """Not TCP.  Where addresses matter it is blanked behind the link header, for it may carry them in any form."""
        if self._addresses is None:
            for at, new in occurrences(bytes(data), self._redactor.known):
                data[at : at + len(new)] = new
        elif len(layers.headers) > 1:
            at = layers.headers[1][1]
            data[at:] = bytes(len(data) - at)


def _taken(flows: list[Flow]) -> None:
    """Let go of what the flows have ready: here only their identity counts."""
    for flow in flows:
        for side in flow.sides:
            side.take()


def occurrences(data: bytes, known: Known) -> list[Edit]:
    """Where what is known stands in the data, and what is to stand there; the longest first where they overlap."""
    return [(at, new) for at, old, new in known.in_bytes(data) if new != old]


def in_stream(message: Message, edits: list[Edit]) -> list[Edit]:
    """Edits of a message's captured payload as edits of its stream, cut where chunks end and bytes are missing."""
    chunks = [chunk for chunk in message.chunk_headers or () if chunk.payload_size]
    placed = [part for edit in edits for part in _around_holes(message, edit)]
    return [part for place, new in placed for part in _cut(chunks, place, new)]


def _read(event: Event) -> Iterator[tuple[int, int]]:
    """The ranges of the stream that an event holds, as far as its bytes were looked at."""
    if isinstance(event, Handshake):
        yield event.offset, event.offset + len(event.data)
    elif isinstance(event, Message) and len(event.payload) == event.captured:
        for chunk in event.chunk_headers or ():
            yield chunk.offset, chunk.offset + chunk.size + chunk.payload_size


def _unfinished(reader: DirectionReader) -> Iterator[ChunkHeader]:
    """Chunks of messages that never came to an end: their headers are read, their payloads are not."""
    for stream in reader.parser.streams.values():
        yield from stream.headers or ()


def _scrambled(data: bytes | bytearray, offset: int, key: bytes) -> bytes:
    """Another letter for each letter, digit for each digit; at the same place of a stream always the same."""
    first, last = offset // _PAD, (offset + len(data) - 1) // _PAD
    pads = [shake_256(b"%b %d" % (key, number)).digest(_PAD) for number in range(first, last + 1)]
    pad = b"".join(pads)[offset - first * _PAD :]
    return bytes([_other_byte(byte, random) for byte, random in zip(data, pad, strict=False)])


def _other_byte(byte: int, random: int) -> int:
    if 0x80 <= byte < 0xC0:  # the later bytes of a character in UTF-8
        return 0x80 | (byte + 1 + random % 63) & 0x3F
    return ord(another(chr(byte), random)) if byte < 0x80 else byte


def _around_holes(message: Message, edit: Edit) -> Iterator[Edit]:
    """The edit by places in the message, where holes count too."""
    at, new = edit
    missing = 0
    for start, length in message.holes or ():
        captured = start - missing  # bytes before the hole
        if at < captured < at + len(new):
            yield at + missing, new[: captured - at]
            at, new = captured, new[captured - at :]
        if captured <= at:
            missing += length
    yield at + missing, new


def _cut(chunks: list[ChunkHeader], place: int, new: bytes) -> Iterator[Edit]:
    for chunk in chunks:
        first = max(place, chunk.payload_start)
        last = min(place + len(new), chunk.payload_start + chunk.payload_size)
        if first < last:
            yield chunk.offset + chunk.size + first - chunk.payload_start, new[first - place : last - place]


def _number(text: str, layout: str) -> bytes:
    """Another number, of as many digits; 0 where the digits make none."""
    try:
        return struct.pack(layout, float(text) if layout == ">d" else int(float(text)))
    except (ValueError, OverflowError, struct.error):
        return struct.pack(layout, 0)


def _strings(field: Field) -> Iterator[str]:
    if isinstance(field.value, str):
        yield field.value
    for child in field.children:
        yield from _strings(child)
