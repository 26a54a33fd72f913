"""A copy of a capture without secrets: packets of the same lengths, another text of the same kind for every secret.

Three readings.  The first learns: every secret that the redactor finds by its place, and on request every address
and host.  The second finds: in each message, put together from its chunks, the places of what its redacted body has
otherwise and of whatever was learned.  Places are stream offsets, so that they hold for every retransmission.  The
third writes the packets, with right checksums.

Only what was read stays, which is the handshakes and messages of connections that carry RTMP in the clear; secrets in
them keep their form (see redact.ALIKE), so the copy decodes as the capture did.  All else may hold a secret that
nobody recognised.  Of a connection that carries RTMP, what stands behind a hole, in a message that was never finished
and in bytes that are no RTMP has other letters; everything else is 0: what other connections carry, packets that are
not TCP, fragments whose datagram is not whole, retransmissions that differ from what was sent first, options, padding.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from hashlib import shake_256
from itertools import accumulate
from operator import attrgetter, itemgetter
from os import urandom
from typing import BinaryIO, Final

from rtmpscope.capture.files import CaptureReader
from rtmpscope.capture.writer import PcapngWriter
from rtmpscope.conversation import Conversation
from rtmpscope.engine import Engine
from rtmpscope.known import Known
from rtmpscope.limits import EDITS_BYTES, RECENT_BYTES
from rtmpscope.model import (
    AGGREGATE,
    AMF_TYPES,
    C2S,
    SYN,
    ChunkHeader,
    Connection,
    End,
    Event,
    Field,
    Handshake,
    Message,
    Note,
    Packet,
    Segment,
    Severity,
)
from rtmpscope.net.decode import Decoder, Fragments
from rtmpscope.net.rewrite import Addresses, Draft, Drafts, Layers, clear_options, rewritten, unfragmented
from rtmpscope.plugins import Registry
from rtmpscope.redact import ALIKE, Redactor, another
from rtmpscope.rtmp import aggregate, messages
from rtmpscope.rtmp.reader import PART_ENDS

Edit = tuple[int, bytes]  # from this offset on these bytes

_HOST: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,15}://(?:[^/?#\s]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#:\s\"'<>]+)")
_TEXT: Final = re.compile(rb"[\x20-\x7e]{4,}")
_WRAP: Final = 1 << 32
CHECK_BYTES: Final = 4  # at the end of a frame they are its checksum, if anything
_HEADER: Final = 8  # bytes that tell of a string in AMF before it begins, at most
_PAD: Final = 256  # bytes of a stream that are scrambled with one hash
_RECENT: Final = 131_072  # bytes of a stream in which a retransmission is known again
_EDIT: Final = 1024  # bytes of the longest edit
_EDIT_COST: Final = 140  # bytes of memory that an edit takes besides its own
_RANGE_COST: Final = 80
_FEW: Final = 16  # ranges are put in one by one where there are so many times as many behind them

# By how many bytes a connection tells what else it carries (see conversation.carried).
_TELLING: Final = {"http": 4, "ssh": 4, "tls": 3, "policy_file": 7}

# How numbers stand in AMF: where in the field, counted from its end, and as what.
_NUMBERS: Final = {
    "number": (8, ">d"),
    "double": (8, ">d"),
    "date": (10, ">d"),
    "amf3_date": (8, ">d"),
    "int64": (8, ">q"),
}

_start: Final = itemgetter(0)
_payload_start: Final = attrgetter("payload_start")
_cost: Final = attrgetter("cost")


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
    base   the sequence number of the first byte
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
                data[where] = _scrambled(data[where], first, self.key) if self.key else bytes(last - first)
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


class Sides:
    """The two streams of a connection that carries RTMP, or might, by the sides of its flow.

    first and last are packets: between them all with these keys belong to it.
    """

    __slots__ = ("streams", "keys", "first", "last", "client")

    def __init__(self, conversation: Conversation) -> None:
        self.streams: Final = (Stream(), Stream())
        self.keys: Final = tuple([side.key for side in conversation.flow.sides])
        self.first: Final = int(conversation.flow.packet)
        self.client: Final = int(conversation.client_side)
        self.last = self.first

    def reach(self, conversation: Conversation) -> None:
        """Take in how far the flow has come."""
        self.last = int(conversation.flow.last_packet)
        for stream, side in zip(self.streams, conversation.flow.sides, strict=True):
            stream.base = int(side.expected - side.offset) % _WRAP


class Sanitizer:
    """Makes the copy.

    changed   packets that are not as they were
    blanked   those among them of which only headers are left
    problems  limits that were reached
    """

    def __init__(self, reader: CaptureReader, ports: frozenset[int], addresses: bool = False) -> None:
        key = urandom(32)
        self._key: Final = key
        self.packets = 0
        self.changed = 0
        self.blanked = 0
        self.problems: list[Note] = []
        self._reader: Final = reader
        self._ports: Final = ports
        self._redactor: Final = Redactor(key, ALIKE)
        self._addresses: Final = Addresses(key) if addresses else None
        self._sides: Final[dict[int, Sides]] = {}  # by connection
        self._cost = 0
        self._remembered = 0

    def write(self, file: BinaryIO) -> None:
        self._learn()
        self._find()
        writer = PcapngWriter(file)
        for packet in self._packets():
            writer.write(packet)

    def _fed(self, engine: Engine) -> Iterator[list[Event]]:
        """What each batch makes certain, and what the end does."""
        for batch in self._reader.batches():
            yield engine.feed(batch.packets)
        yield engine.finish()

    # First reading

    def _learn(self) -> None:
        engine = Engine(Registry(), ports=self._ports)
        for events in self._fed(engine):
            for event in events:
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
        registry = Registry()
        engine = Engine(registry, ports=self._ports, whole_payloads=True, in_detail=True)
        for events in self._fed(engine):
            for conversation in engine.touched:
                sides = self._sides.get(conversation.id)
                if sides is None:
                    sides = self._sides[conversation.id] = Sides(conversation)
                sides.reach(conversation)
            for event in events:
                self._find_in(event)
        self.problems = registry.problems
        for connection in engine.connections:
            sides = self._sides[connection.id]
            for index, stream in enumerate(sides.streams):
                stream.settle()
                stream.read.add(0, _TELLING.get(connection.carries, 0))
                if connection.carries == "rtmp" and not stream.given_up:
                    stream.key = b"%b %d %d" % (self._key, sides.first, index)
        if any([stream.given_up for sides in self._sides.values() for stream in sides.streams]):
            text = f"more than {EDITS_BYTES >> 20} MiB are to be replaced: the streams with most of it are blanked"
            self.problems.append(Note("limit-edits", Severity.WARNING, text))

    def _find_in(self, event: Event) -> None:
        if isinstance(event, Message) and event.aggregate:
            return  # it was found in the aggregate
        sides = self._sides[event.connection]
        stream = sides.streams[sides.client if event.direction == C2S else 1 - sides.client]
        if isinstance(event, Message):
            self._cost += stream.add(in_stream(event, self._edits(event)), _places(event))
        elif isinstance(event, Handshake):
            end = PART_ENDS[int(event.part[1])]
            start = end - len(event.data)  # what was captured behind a hole
            edits = occurrences(event.data, self._redactor.known)
            self._cost += stream.add([(start + at, new) for at, new in edits], [(start, end)])
        elif isinstance(event, End):
            self._cost += stream.add((), ((chunk.offset, chunk.offset + chunk.size) for chunk in event.chunk_headers))
        if self._cost > EDITS_BYTES:
            self._give_up()

    def _give_up(self) -> None:
        """Too much is to be replaced: of the streams that need most of it nothing stays."""
        streams = [stream for sides in self._sides.values() for stream in sides.streams]
        for stream in sorted(streams, key=_cost, reverse=True):
            if self._cost <= EDITS_BYTES * 3 // 4:
                break
            self._cost -= stream.cost
            stream.give_up()

    def _edits(self, message: Message) -> list[Edit]:
        """What is to be replaced in a message's captured payload."""
        known = occurrences(message.payload, self._redactor.known)
        if not known and message.type_id != AGGREGATE and message.type_id not in AMF_TYPES:
            return []
        described = message.body
        if described is None:
            described = messages.decode(message.type_id, message.prefix, message.length)
        found = list(self._of_body(described, self._redactor.body(message, described), message.payload))
        if message.type_id == AGGREGATE:
            for part in aggregate.parts(message.prefix, message.length, 0):
                inner = Message(
                    0, 0, 0, 0, 0, 0, part.type_id, 0, 0, part.length, message.payload[part.start : part.end]
                )
                inner.captured = part.end - part.start
                found += [(part.start + at, new) for at, new in self._edits(inner)]
        if message.holes and (message.type_id == AGGREGATE or message.type_id in AMF_TYPES):
            at = len(message.prefix)
            found.append((at, self._blurred(message.payload[at:])))
        return found + known

    def _of_body(self, old: Field, new: Field, payload: bytes) -> Iterator[Edit]:
        """The bytes of what redaction changed."""
        if old is new:
            return
        if old.value != new.value or old.kind != new.kind:
            yield self._of_value(old, new, payload)
        behind = old.start
        for before, after in zip(old.children, new.children, strict=False):
            if before.name != after.name:  # a key stands right before its value
                yield self._of_key(before, after.name, payload, behind)
            yield from self._of_body(before, after, payload)
            behind = before.end

    def _of_key(self, field: Field, name: str, payload: bytes, behind: int) -> Edit:
        text, other = field.name.encode(), name.encode()
        at = field.start - len(text)
        if payload[at : field.start] == text and len(text) == len(other):
            return at, other
        return behind, self._unlike(payload[behind : field.start])  # not UTF-8, so it may begin anywhere

    def _of_value(self, old: Field, new: Field, payload: bytes) -> Edit:
        if isinstance(old.value, str):
            text, other = old.value.encode(), str(new.value).encode()
            at = payload.find(text, old.start, old.end)
            if at >= 0 and len(text) == len(other):
                return at, other
            for at in range(old.start, min(old.start + _HEADER, old.end)):
                raw = payload[at : old.end]
                if raw.decode("utf-8", "backslashreplace") == old.value:
                    return at, self._unlike(raw)
            return old.start, b""  # a reference to a string that stands, and is replaced, elsewhere
        place, layout = _NUMBERS.get(old.kind, (0, ""))
        if layout:
            return old.end - place, _number(str(new.value), layout)
        if isinstance(old.value, bytes):
            return old.start, self._blurred(payload[old.start : old.end])
        head = old.start + 1  # AMF3's integer: seven bits a byte, and whether more follow
        return head, bytes([byte & 0x80 | (byte * 5 + 3) & 0x7F for byte in payload[head : old.end]])

    def _unlike(self, data: bytes) -> bytes:
        """Other letters, the same for the same bytes."""
        return _scrambled(data, 0, self._key)

    def _blurred(self, data: bytes) -> bytes:
        """Bytes that nobody decoded: every text in them becomes another."""
        return _TEXT.sub(lambda match: self._redactor.another(match[0].decode()).encode(), data)

    # Third reading

    def _packets(self) -> Iterator[Packet]:
        opening = {sides.first: sides for sides in self._sides.values()}
        current: dict[bytes, Sides] = {}
        decoder, fragments, drafts = Decoder(), Fragments(), Drafts()
        for batch in self._reader.batches():
            segments = {segment.packet: segment for segment in decoder.decode(batch.packets)}
            for packet in batch.packets:
                opened = opening.pop(packet.number, None)
                if opened is not None:
                    current.update(dict.fromkeys(opened.keys, opened))
                draft = Draft(packet, Layers(packet, fragments))
                segment = segments.get(packet.number)
                drafts.add(draft)
                if draft.layers.is_piece:
                    draft.clear(draft.layers.rest)
                    self._fill(drafts, draft, segment, current)
                else:
                    self._replace(draft, segment, current)
                yield from map(self._written, drafts.ready())
        yield from map(self._written, drafts.ready(all=True))

    def _fill(self, drafts: Drafts, draft: Draft, segment: Segment | None, current: dict[bytes, Sides]) -> None:
        """Rewrite the datagram that a fragment completed, if it did."""
        datagram = draft.layers.whole
        if datagram is None:
            return
        packet = unfragmented(draft.packet, draft.layers, datagram)
        whole = Draft(packet, Layers(packet))
        self._replace(whole, segment, current)
        drafts.fill(datagram, self._finished(whole).data[draft.layers.rest :], whole.blank)

    def _replace(self, draft: Draft, segment: Segment | None, current: dict[bytes, Sides]) -> None:
        """Replace what is to be replaced in a packet, in which the decoder found a segment, or none."""
        layers, data = draft.layers, draft.data
        sides = None if segment is None else current.get(segment.key)
        if segment is not None and sides is not None:
            self._apply(draft, segment, sides, current)
        if sides is None or layers.payload < 0:
            # Where addresses matter, not the headers of a packet that another one quotes.
            draft.clear(layers.rest - (layers.quoted if self._addresses is not None else 0))
        if len(data) - layers.end > CHECK_BYTES:  # memory that pads a frame
            data[layers.end :] = bytes(len(data) - layers.end)

    def _apply(self, draft: Draft, segment: Segment, sides: Sides, current: dict[bytes, Sides]) -> None:
        stream = sides.streams[1 if segment.key == sides.keys[1] else 0]
        if draft.layers.payload >= 0:
            self._remembered += stream.apply(draft.data, draft.layers.payload, segment)
        else:  # in fragments of fragments: nothing of it stays, but it was sent
            self._remembered += stream.apply(bytearray(segment.payload), 0, segment)
        if self._remembered > RECENT_BYTES:
            self._forget(current)
        if segment.packet == sides.last:
            self._remembered -= sum([stream.forget() for stream in sides.streams])
            for key in sides.keys:
                current.pop(key, None)

    def _written(self, draft: Draft) -> Packet:
        written = self._finished(draft)
        self.packets += 1
        self.changed += written.data != draft.packet.data
        self.blanked += draft.blank
        return written

    def _finished(self, draft: Draft) -> Packet:
        """The packet of a draft, with what has nothing to do with streams replaced too."""
        clear_options(draft.layers, draft.data)
        if self._addresses is not None:
            self._addresses.replace(draft.layers, draft.data)
        return rewritten(draft.packet, draft.layers, draft.data)

    def _forget(self, current: dict[bytes, Sides]) -> None:
        """Too much is remembered of streams to know retransmissions by."""
        for sides in current.values():
            for stream in sides.streams:
                stream.forget()
        self._remembered = 0


def occurrences(data: bytes, known: Known) -> list[Edit]:
    """Where what is known stands in the data, and what is to stand there; the longest first where they overlap."""
    return [(at, new) for at, old, new in known.in_bytes(data) if new != old]


def in_stream(message: Message, edits: list[Edit]) -> Iterator[Edit]:
    """Edits of a message's captured payload as edits of its stream, cut where chunks end and bytes are missing."""
    chunks = [chunk for chunk in message.chunk_headers or () if chunk.payload_size]
    holes = message.holes or []
    missing = list(accumulate([length for _, length in holes], initial=0))
    borders = [start - before for (start, _), before in zip(holes, missing, strict=False)]
    for edit in edits:
        for place, new in _around_holes(borders, missing, edit):
            yield from _cut(chunks, place, new)


def _places(message: Message) -> Iterator[tuple[int, int]]:
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
