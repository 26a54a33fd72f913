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
from collections.abc import Iterator
from operator import attrgetter
from os import urandom
from typing import BinaryIO, Final

from rtmpscope.capture.files import CaptureReader
from rtmpscope.capture.writer import PcapngWriter
from rtmpscope.conversation import Conversation
from rtmpscope.edits import Edit, Stream, in_stream, places, scrambled
from rtmpscope.engine import Engine
from rtmpscope.known import Known
from rtmpscope.limits import EDITS_BYTES, RECENT_BYTES
from rtmpscope.model import (
    AGGREGATE,
    AMF_TYPES,
    C2S,
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
from rtmpscope.redact import ALIKE, Redactor
from rtmpscope.rtmp import aggregate, messages
from rtmpscope.rtmp.reader import PART_ENDS

_HOST: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,15}://(?:[^/?#\s]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#:\s\"'<>]+)")
_TEXT: Final = re.compile(rb"[\x20-\x7e]{4,}")
CHECK_BYTES: Final = 4  # at the end of a frame they are its checksum, if anything
_HEADER: Final = 8  # bytes that tell of a string in AMF before it begins, at most

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

_cost: Final = attrgetter("cost")


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
            stream.base = int(side.expected - side.offset)


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
            self._cost += stream.add(in_stream(event, self._edits(event)), places(event))
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
        return scrambled(data, 0, self._key)

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
