"""Hostile captures, made out of recorded ones by somebody who knows the formats.

A capture has layers: media tags and other message bodies, chunks, segments, frames, records, the file.  A Mutator
picks one, takes a recorded capture apart down to it, damages it there, perhaps a little below too, and puts everything
under it together again as it should be, so that the damage gets through to the code it is meant for.  What bytes mean
is asked of the project's own decoders: a field of one message can be cut out, doubled, nested or put into another.

The same seed gives the same captures.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import zstandard

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import Engine
from rtmpscope.model import ACK, C2S, FIN, RST, S2C, SYN, Field, Message
from rtmpscope.net.decode import LINKS
from rtmpscope.plugins import Registry, load_builtin
from rtmpscope.rtmp import messages
from tests import records, wire

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
NAMES = sorted(path.name for path in CAPTURES.glob("*.pcap*"))
USUAL = "nginx-publish-play.pcap"  # where another one has no session

PACKETS = 120  # of a recorded capture, from somewhere in it
SESSION_PACKETS = 240
MESSAGES = 40
BODY_BYTES = 6_000
FRAME_BYTES = 60_000  # what IP can carry, and room for headers

LAYERS = ("media", "body", "chunk", "segment", "frame", "record", "file")

EDGES = (0, 1, 2, 3, 7, 8, 9, 0x0F, 0x10, 0x3F, 0x40, 0x7F, 0x80, 0xFE, 0xFF, 0x100, 0x1FF, 0x7FFF, 0x8000, 0xFFFF,
         0x10000, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0x1FFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 2**53,
         2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
DOUBLES = (float("nan"), float("inf"), float("-inf"), -0.0, 1e308, 5e-324, 2.0**53, -1.0, 0.1)
TEXTS = ("", "\0", "\x1b]0;x\x07", "\x9b31m", "\u202e", "\ufeff", "[/x]", "[@click=app.quit]", "$ref", "…", "a" * 300)
CHUNK_SIZES = (0, 1, 2, 3, 60, 127, 128, 129, 4096, 65536, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
CSIDS = (2, 3, 4, 5, 6, 63, 64, 319, 320, 65598)
FOURCCS = (b"avc1", b"hvc1", b"vvc1", b"av01", b"vp09", b"vp08", b"mp4a", b"Opus", b"fLaC", b"ac-3", b"ec-3", b".mp3")
TIMES = (0, 1, -1, 999_999_999, -(10**9), 2**31 * 10**9, 2**32 * 10**9 - 1, 2**62, 2**63 - 1, -(2**63))
NESTS = (  # what goes before and after a value to have it inside another
    (b"\x03\0\1a", b"\0\0\x09"),
    (b"\x0a\0\0\0\1", b""),
    (b"\x08\0\0\0\1\0\1a", b"\0\0\x09"),
    (b"\x11\x09\x03\1", b""),
    (b"\x09\x03\1", b""),
    (b"\x0a\x0b\1\x03a", b"\1"),
    (b"\x11\x03\1\x06\x03a", b""),
)
WRAPPERS = (  # headers that a frame can have before its IP header, and the EtherType they stand behind
    b"\x81\0\0\1", b"\x88\xa8\0\1", b"\x91\0\0\1", b"\x88\x47\0\0\0\x40", b"\x88\x64\x11\0\0\1\0\xff\0\x21",
)  # fmt: skip


class Record(NamedTuple):
    """A packet as a capture file says it; `claimed` is the length that the file says it has."""

    time_ns: int
    link_type: int
    data: bytes
    wire_length: int
    claimed: int


class Said(NamedTuple):
    """A message as one side sent it."""

    direction: int
    csid: int
    type_id: int
    msid: int
    timestamp: int
    payload: bytes


class Case(NamedTuple):
    """A hostile capture: the layer that was damaged, the recording it was made of, and the file."""

    layer: str
    name: str
    data: bytes


@cache
def recorded(name: str) -> list[Record]:
    """Every packet of a recorded capture."""
    return [
        Record(int(packet.time_ns), int(packet.link_type), packet.data, int(packet.wire_length), int(packet.captured))
        for batch in open_capture([str(CAPTURES / name)]).batches()
        for packet in batch.packets
    ]


@cache
def session(name: str) -> list[Said]:
    """The messages at the beginning of a recorded capture, all its connections together."""
    registry = Registry()
    load_builtin(registry)
    engine = Engine(registry, whole_payloads=True)
    said: list[Said] = []
    packets = [packet for batch in open_capture([str(CAPTURES / name)]).batches() for packet in batch.packets]
    for event in engine.feed(packets[:SESSION_PACKETS]) + engine.finish():
        if isinstance(event, Message) and not event.holes and not event.aggregate and len(event.payload) <= BODY_BYTES:
            msid, timestamp = max(0, event.message_stream_id), max(0, event.timestamp)
            said.append(Said(event.direction, event.csid, event.type_id, msid, timestamp, event.payload))
    return said


@cache
def fields_of(type_id: int, payload: bytes) -> list[tuple[int, int]]:
    """The byte ranges of all fields of a body."""
    ranges: list[tuple[int, int]] = []
    waiting: list[Field] = [messages.decode(type_id, payload, len(payload))]
    while waiting:
        field = waiting.pop()
        if field.end > field.start:
            ranges.append((field.start, field.end))
        waiting += field.children
    return ranges


class Mutator:
    """Makes one case from one Random."""

    def __init__(self, chance: Random, layers: tuple[str, ...] = LAYERS) -> None:
        self._chance = chance
        self._layer = chance.choice(layers)
        self._name = chance.choice(NAMES)
        depth = LAYERS.index(self._layer)
        self._damaged = {self._layer} | {layer for layer in LAYERS[depth + 1 :] if chance.random() < 0.1}

    def case(self) -> Case:
        chance = self._chance
        if self._layer in ("segment", "frame", "record", "file") and chance.random() < 0.7:
            packets = recorded(self._name)
            start = 0 if chance.random() < 0.6 else chance.randrange(len(packets))
            found = packets[start : start + chance.randint(1, PACKETS)]
        else:
            found = self._sent(self._written(self._session()))
        for layer, damage in (("segment", self._segment), ("frame", self._frame), ("record", self._record)):
            for _ in range(self._times(layer)):
                if found:
                    damage(found)
        data = self._file(found)
        for _ in range(self._times("file")):
            data = self._damage(data)
        if chance.random() < 0.1:
            data = gzip.compress(data, 1) if chance.random() < 0.5 else zstandard.compress(data)
            if chance.random() < 0.5:
                data = self._damage(data)
        return Case(self._layer, self._name, data)

    def _times(self, layer: str) -> int:
        """How often to damage this layer: seldom often."""
        return min(12, int(self._chance.expovariate(0.4)) + 1) if layer in self._damaged else 0

    # ---------------------------------------------------------------- bytes

    def _number(self, width: int) -> bytes:
        """One that code may stumble over, in either byte order."""
        chance = self._chance
        if width == 8 and chance.random() < 0.3:
            return struct.pack(">d", chance.choice(DOUBLES))
        value = chance.choice(EDGES) + chance.choice((0, 0, 0, -1, 1))
        return (value % (1 << 8 * width)).to_bytes(width, chance.choice(("big", "big", "little")))

    def _damage(self, data: bytes, start: int = 0, end: int | None = None) -> bytes:
        """The bytes, damaged once between two places."""
        chance = self._chance
        end = len(data) if end is None else min(end, len(data))
        at = chance.randint(min(start, end), end)
        span = min(end - at, 1 << chance.randrange(12))
        match chance.randrange(9):
            case 0:
                bit = 1 << chance.randrange(8)
                return data[:at] + bytes(byte ^ bit for byte in data[at : at + 1]) + data[at + 1 :]
            case 1:
                return data[:at] + chance.randbytes(min(span, 8)) + data[at + min(span, 8) :]
            case 2 | 3:
                number = self._number(chance.choice((1, 2, 3, 4, 4, 8)))
                return data[:at] + number + data[at + len(number) :]
            case 4:
                return data[:at] + data[at + span :]
            case 5:
                return data[:at] + data[at : at + span] * chance.choice((2, 2, 3, 50)) + data[at + span :]
            case 6:
                other = chance.randrange(len(data) + 1)
                return data[:at] + data[other : other + span] + data[at + chance.choice((0, span)) :]
            case 7:
                return data[:at] + chance.choice((b"\0", b"\xff", b"\xc0", b"\xc3")) * span + data[at + span :]
            case _:
                return data[:at]

    # ---------------------------------------------------------------- messages

    def _session(self) -> list[Said]:
        """The beginning of a recorded session and some of what follows, its bodies damaged where that is wanted."""
        chance = self._chance
        said = session(self._name) or session(USUAL)
        start = chance.randint(5, MESSAGES // 2)
        rest = range(start, len(said))
        chosen = said[:start] + [said[at] for at in sorted(chance.sample(rest, min(len(rest), MESSAGES - start)))]
        for layer, is_wanted in (("media", lambda type_id: type_id in (8, 9)), ("body", lambda type_id: type_id > 9)):
            for _ in range(2 * self._times(layer)):
                at = chance.randrange(len(chosen))
                if is_wanted(chosen[at].type_id) or chance.random() < 0.1:
                    damaged = self._body(chosen[at])
                    chosen[at : at + chance.choice((1, 1, 1, 0))] = [damaged]
        return chosen

    def _body(self, said: Said) -> Said:
        """A message, one of its fields damaged."""
        chance = self._chance
        payload = said.payload
        ranges = fields_of(said.type_id, payload) or [(0, len(payload))]
        start, end = chance.choice(ranges)
        field = payload[start:end]
        match chance.randrange(11):
            case 0:
                field = b""
            case 1:
                field *= chance.choice((2, 3, 100))
            case 2 | 3:
                field = self._any_field()
            case 4:
                before, after = chance.choice(NESTS)
                depth = chance.choice((1, 2, 60, 70, 1000))
                field = before * depth + field + after * depth
            case 5:
                text = chance.choice(TEXTS).encode()
                field = field[:1] + chance.choice((wire.u16(len(text)), bytes([2 * len(text) + 1 & 0xFF]))) + text
            case 6:
                field = chance.choice(FOURCCS)
            case 7:
                return said._replace(type_id=chance.choice((*messages.TYPES, 0, 21, 23, 255)))
            case 8:
                payload = payload[: chance.randint(start, end)]
                return said._replace(payload=payload)
            case _:
                payload = self._damage(payload, start, end)
                return said._replace(payload=payload[:BODY_BYTES])
        return said._replace(payload=payload[:start] + field + payload[end:])

    def _any_field(self) -> bytes:
        """A field of any message of any recording."""
        chance = self._chance
        said = chance.choice(session(chance.choice(NAMES)) or session(USUAL))
        start, end = chance.choice(fields_of(said.type_id, said.payload) or [(0, len(said.payload))])
        return said.payload[start:end]

    # ---------------------------------------------------------------- chunks

    def _written(self, said: list[Said]) -> list[tuple[int, bytes]]:
        """What each side says in turn, the handshake first."""
        chance = self._chance
        client, server = wire.handshake(chance.choice((None, None, 8, 772)))
        turns = [(C2S, client[:1537]), (S2C, server), (C2S, client[1537:])]
        dialects = [(delta, repeat) for delta in ("delta", "absolute") for repeat in ("same", "absolute", "never")]
        writers = []
        for direction in (C2S, S2C):
            delta, repeat = chance.choice(dialects)
            writers.append(wire.ChunkWriter(128, extended_delta=delta, repeat=repeat, csid_size=chance.choice((0, 3))))
            size = chance.choice((128, 128, 1, 60, 4096, 65536))
            if size != 128:
                turns.append((direction, writers[direction].set_chunk_size(size)))
        bad = chance.uniform(0.02, 0.4) if "chunk" in self._damaged else 0
        for message in said:
            write = self._badly_written if chance.random() < bad else self._well_written
            turns += [(message.direction, data) for data in write(writers[message.direction], message)]
        return turns

    def _well_written(self, writer: wire.ChunkWriter, said: Said) -> Iterator[bytes]:
        csid, time = max(2, said.csid), said.timestamp % 2**32
        yield writer.message(csid, said.type_id, said.payload, time, said.msid)
        if said.type_id == 1 and len(said.payload) == 4:
            writer.chunk_size = (int.from_bytes(said.payload, "big") & 0x7FFFFFFF) or writer.chunk_size

    def _badly_written(self, writer: wire.ChunkWriter, said: Said) -> Iterator[bytes]:
        chance = self._chance
        match chance.randrange(9):
            case 0:
                size = chance.choice(CHUNK_SIZES)
                yield writer.control(1, wire.u32(size))
                if chance.random() < 0.7:
                    writer.chunk_size = (size & 0x7FFFFFFF) or writer.chunk_size
            case 1:
                yield writer.control(2, wire.u32(chance.choice((*CSIDS, 0, 0xFFFFFFFF))))
            case 2:  # a message that is never complete, or one of which others come in between
                chunks = list(writer.chunks(chance.choice(CSIDS), said.type_id, said.payload, said.timestamp % 2**32))
                yield from chunks[: chance.randint(0, len(chunks))]
            case 3:
                length, time = chance.choice(EDGES[:23]), chance.choice(EDGES[:29])
                fmt, csid = chance.randrange(4), chance.choice(CSIDS)
                time = time if fmt == 0 or time < 2**32 else 0
                msid = chance.choice((0, 1, 0xFFFFFFFF))
                yield wire.chunk(fmt, csid, time % 2**32, length % 2**24, said.type_id, msid, said.payload[:128])
            case 4:
                data = writer.message(
                    chance.choice(CSIDS), said.type_id, said.payload, chance.choice(EDGES[:29]), said.msid
                )
                yield from (data,) * chance.choice((1, 2))
            case 5:
                yield writer.message(max(2, said.csid), said.type_id, said.payload, 0, said.msid, chance.randrange(4))
            case 6:
                yield chance.choice((b"\xc0", b"\xc3", b"\xff", b"\0", b"\2")) * chance.choice((1, 30, 3000))
            case _:
                data = writer.message(max(2, said.csid), said.type_id, said.payload, said.timestamp % 2**32, said.msid)
                yield self._damage(data, 0, chance.choice((16, None)))

    # ---------------------------------------------------------------- packets

    def _sent(self, turns: list[tuple[int, bytes]]) -> list[Record]:
        """The packets in which each side says that."""
        chance = self._chance
        total = sum(len(data) for _, data in turns)
        sizes = [size for size in (1, 7, 100, 536, 1460, 9000) if total / size < 600]
        start = chance.choice(((1000, 5000), (2**32 - chance.randint(1, 20_000), 2**32 - 2)))
        ports = chance.choice((50000, 443)), chance.choice((1935, 1935, 8080))
        tcp = wire.Tcp(("10.0.0.1", ports[0]), ("10.0.0.2", ports[1]), seq=start, mss=chance.choice(sizes or [9000]))
        if chance.random() < 0.9:
            tcp.open()
        for direction, data in turns:
            tcp.send(direction, data, acked=chance.random() < 0.3)
        if chance.random() < 0.5:
            tcp.close()
        return [Record(time, tcp.link_type, data, len(data), len(data)) for time, data in tcp.frames]

    def _segment(self, found: list[Record]) -> None:
        """Damage order, times, or the TCP header of one packet; only the plain kind is understood."""
        chance = self._chance
        at = chance.randrange(len(found))
        record = found[at]
        match chance.randrange(8):
            case 0:
                del found[at : at + chance.choice((1, 1, 2, 10))]
                return
            case 1:
                found.insert(chance.randint(0, len(found)), record)
                return
            case 2:
                found.insert(chance.randint(0, len(found)), found.pop(at))
                return
            case 3:
                found[at : at + 8] = chance.sample(found[at : at + 8], len(found[at : at + 8]))
                return
        tcp = 14 + (record.data[14] & 15) * 4 if len(record.data) > 14 and record.link_type == wire.ETHERNET else 20
        match chance.randrange(5):
            case 0:
                place, value = tcp + 4, self._near(record.data[tcp + 4 : tcp + 8])
            case 1:
                place, value = tcp + 8, self._near(record.data[tcp + 8 : tcp + 12])
            case 2:
                place, value = (
                    tcp + 13,
                    bytes([chance.choice((0, SYN, SYN | ACK, FIN | ACK, RST, SYN | FIN | RST, 255))]),
                )
            case 3:
                place, value = tcp + 12, bytes([chance.choice((0, 0x40, 0x50, 0x60, 0xF0))])
            case _:
                place, value = tcp + 14, self._number(2)
        data = record.data[:place] + value + record.data[place + len(value) :]
        found[at] = record._replace(data=data)
        if chance.random() < 0.3:
            found.insert(at, record)  # the same once more, and otherwise

    def _near(self, number: bytes) -> bytes:
        """A sequence number near or far from this one."""
        step = self._chance.choice((1, -1, 100, -100, 1460, 70_000, 5_000_000, -(10**6), 2**31 - 1, 2**31, 2**31 + 1))
        return ((int.from_bytes(number, "big") + step) % 2**32).to_bytes(4, "big")

    def _frame(self, found: list[Record]) -> None:
        """Damage the headers of one packet, wrap it into others, cut it into fragments."""
        chance = self._chance
        at = chance.randrange(len(found))
        record = found[at]
        data = record.data
        match chance.randrange(6):
            case 0:
                wrapper = chance.choice(WRAPPERS) * chance.choice((1, 2, 100, 2000))
                data = data[:12] + wrapper[: FRAME_BYTES - len(data)] + data[12:]
            case 1:
                inner = data[14:]
                for _ in range(chance.choice((1, 3, 40))):
                    inner = wire.ipv4(
                        "10.0.0.1", "10.0.0.2", inner[: FRAME_BYTES - 1000], chance.choice((4, 47, 41, 17))
                    )
                data = data[:14] + inner
            case 2 if len(data) > 34:
                cut = 34 + max(8, (len(data) - 34) // 2 // 8 * 8)
                offset = (cut - 34) // 8
                pieces = [
                    data[:20] + struct.pack(">H", 0x2000) + data[22:cut],
                    data[:20] + struct.pack(">H", offset % 0x2000) + data[22:34] + data[cut:],
                ]
                chance.shuffle(pieces)
                found[at : at + 1] = [record._replace(data=p, wire_length=len(p), claimed=len(p)) for p in pieces]
                return
            case _:
                data = self._damage(data, 0, chance.choice((16, 40, 70)))
        found[at] = record._replace(data=data, wire_length=max(len(data), record.wire_length), claimed=len(data))

    def _record(self, found: list[Record]) -> None:
        """Damage what the file says of one packet."""
        chance = self._chance
        at = chance.randrange(len(found))
        record = found[at]
        match chance.randrange(6):
            case 0 | 1:
                time = chance.choice((*TIMES, record.time_ns + chance.choice(TIMES[:6])))
                for place in range(at, len(found) if chance.random() < 0.3 else at + 1):
                    found[place] = found[place]._replace(time_ns=time)
            case 2:
                cut = record.data[: chance.randint(0, len(record.data))]
                found[at] = record._replace(data=cut, claimed=len(cut))
            case 3:
                found[at] = record._replace(wire_length=chance.choice((0, 1, 60, 65535, 2**31, 2**32 - 1)))
            case 4:
                found[at] = record._replace(link_type=chance.choice((*LINKS, 147, 65535)))
            case _:
                found[at] = record._replace(claimed=chance.choice(EDGES[:29]))

    # ---------------------------------------------------------------- the file

    def _file(self, found: list[Record]) -> bytes:
        """The packets as a capture file of any kind."""
        order = self._chance.choice(("<", "<", "<", ">"))
        return (self._pcapng if self._chance.random() < 0.3 else self._pcap)(found, order)

    def _pcap(self, found: list[Record], order: str) -> bytes:
        magic = self._chance.choice((records.MICROSECONDS, records.NANOSECONDS, records.MODIFIED))
        unit = 1 if magic == records.NANOSECONDS else 1000
        link_type = found[0].link_type if found else 1
        out = [records.pcap_header(magic, order, link_type)]
        for record in found:
            seconds, rest = divmod(record.time_ns, 10**9)
            out.append(
                records.pcap_record(
                    record.data,
                    seconds % 2**32,
                    rest // unit,
                    order=order,
                    modified=magic == records.MODIFIED,
                    captured=record.claimed,
                    wire_length=record.wire_length,
                )
            )
        return b"".join(out)

    def _pcapng(self, found: list[Record], order: str) -> bytes:
        """Each link type is an interface; some sections have clocks that no one uses."""
        chance = self._chance
        strange = "record" in self._damaged or "file" in self._damaged
        resolution = chance.choice((0, 3, 9, 12, 20, 0x80, 0x94, 0xC0, 0xFF)) if strange else 9
        offset = chance.choice((0, -(2**31), -(2**63), 2**63 - 1, 2**33, -1)) if strange else 0
        links = sorted({record.link_type for record in found}) or [1]
        out = [records.section(order)]
        out += [records.interface(link & 0xFFFF, 0, tsresol=resolution, tsoffset=offset, order=order) for link in links]
        writers: list[Callable[[Record], bytes]] = [
            lambda record: records.enhanced(
                record.data,
                record.time_ns % 2**64,
                links.index(record.link_type),
                order=order,
                captured=record.claimed,
                wire_length=record.wire_length,
            ),
            lambda record: records.simple(record.data, record.wire_length, order),
            lambda record: records.obsolete(record.data, record.time_ns % 2**64, links.index(record.link_type), order),
        ]
        for record in found:
            out.append(writers[0 if chance.random() < 0.9 else chance.randrange(3)](record))
            if strange and chance.random() < 0.05:
                out.append(
                    chance.choice((records.statistics(0, 7, order), records.secrets(b"CLIENT_RANDOM", order=order)))
                )
        return b"".join(out)
