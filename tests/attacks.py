"""Captures made to cost time or memory: each grows with a number, and each aims at one part of the program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random

from rtmpscope.model import ACK, C2S, S2C, SYN
from tests import records, segments, wire
from tests.segments import Piece

SERVER = b"\x0a\0\0\2"
COMMAND, DATA, OBJECTS, AGGREGATE, VIDEO, AMF3 = 20, 18, 19, 22, 9, 17


def key(direction: int, number: int = 0) -> bytes:
    """The ends of a connection, of which each number has its own, as one side writes them."""
    ends = (b"\x0a" + number.to_bytes(3, "big"), SERVER)
    ports = (b"\xc3\x50", b"\x07\x8f")
    return ends[direction] + ends[1 - direction] + ports[direction] + ports[1 - direction]


def capture(sent: Iterable[Piece], packet_ns: int = 1000) -> bytes:
    out = [records.pcap_header(records.NANOSECONDS, link_type=segments.RAW)]
    for number, packet in enumerate(segments.packets(list(sent))):
        time_ns = wire.START_NS + number * packet_ns
        out.append(records.pcap_record(packet.data, time_ns // 10**9, time_ns % 10**9))
    return b"".join(out)


def opening(number: int = 0) -> Iterator[Piece]:
    """SYN and handshake of a connection; what each side says next has sequence number 10,000."""
    client, server = wire.handshake()
    yield Piece(0, key(C2S, number), 10_000 - 1 - len(client), 0, SYN, 65535)
    yield Piece(0, key(S2C, number), 10_000 - 1 - len(server), 0, SYN | ACK, 65535)
    yield Piece(0, key(C2S, number), 10_000 - len(client), 0, ACK, 65535, client[:1537])
    yield Piece(0, key(S2C, number), 10_000 - len(server), 0, ACK, 65535, server)
    yield Piece(0, key(C2S, number), 10_000 - len(client) + 1537, 0, ACK, 65535, client[1537:])


def said(data: bytes, size: int = 1400, seq: int = 10_000) -> Iterator[Piece]:
    for at in range(0, len(data), size):
        yield Piece(0, key(C2S), seq + at, 0, ACK, 65535, data[at : at + size])


def stream(data: bytes, size: int = 1400) -> bytes:
    """One client that says this after its handshake."""
    return capture((*opening(), *said(data, size)))


def messages(type_id: int, payloads: Iterable[bytes]) -> bytes:
    writer = wire.ChunkWriter()
    return stream(writer.set_chunk_size(65536) + b"".join(writer.message(5, type_id, one) for one in payloads))


def bodies(type_id: int, count: int, payload: bytes) -> bytes:
    return messages(type_id, [payload] * count)


def laughs(depth: int) -> bytes:
    """Arrays that hold the one before ten times, as references (AMF3): 10**depth values where they are expanded."""
    arrays = b"".join(b"\x09\x15\x01" + bytes([0x09, 2 * max(0, at - 1)]) * 10 for at in range(depth))
    return b"\0" + wire.amf0("x", 1.0, None) + b"\x11\x09" + bytes([2 * depth + 1]) + b"\1" + arrays


def cycle() -> bytes:
    """An object that holds itself, in AMF0 and in AMF3."""
    return wire.amf0("x", 1.0) + b"\x03\0\1a\x07\0\0\0\0\x09" + b"\x11\x0a\x0b\x01\x03a\x0a\x00\x01"


def sentence(text: str) -> bytes:
    return wire.command("onStatus", 0, None, {"description": text})


def chunks_of_one_byte(count: int) -> bytes:
    message = wire.ChunkWriter(1).message(5, VIDEO, bytes(3000))
    return stream(wire.ChunkWriter().set_chunk_size(1) + message * count)


def messages_by_turns(count: int) -> bytes:
    """Two long messages of which the chunks of two bytes alternate: no run of chunks, and no part worth an object."""
    opened = [wire.chunk(0, csid, 0, 0xFFFFFF, DATA, 1, b"ab") for csid in (3, 4)]
    return stream(wire.ChunkWriter().set_chunk_size(2) + b"".join(opened) + b"\xc3ab\xc4ab" * count, 60_000)


def controls(type_id: int, values: Iterable[int]) -> bytes:
    return stream(b"".join(wire.chunk(0, 2, 0, 4, type_id, 0, wire.u32(value)) for value in values))


def partial_messages(count: int) -> bytes:
    """Messages that claim 16 MB, each on a csid of its own, and none is ever complete."""
    out = [wire.ChunkWriter().set_chunk_size(100)]
    out += [wire.chunk(0, 3 + number, 0, 0xFFFFFF, VIDEO, 1, b"\x27\1\0\0\0" + bytes(95)) for number in range(count)]
    return stream(b"".join(out))


def kept_messages(count: int) -> bytes:
    """65,597 csids, 2 KB of each: more than may be kept."""
    out = [wire.ChunkWriter().set_chunk_size(2048)]
    out += [wire.chunk(0, 3 + number % 65_597, 0, 0xFFFFFF, VIDEO, 1, bytes(2048)) for number in range(count)]
    return stream(b"".join(out), 60_000)


def gaps(count: int) -> bytes:
    """A byte, then a gigabyte that is missing, and so on."""
    sent = (Piece(0, key(C2S), 10_000 + number * 2**30, 0, ACK, 9, b"x") for number in range(count))
    return capture((*opening(), *sent), 10**10)


def connections(count: int) -> bytes:
    return capture(piece for number in range(count) for piece in opening(number))


def bare_connections(count: int) -> bytes:
    return capture(Piece(0, key(C2S, number), 1, 0, SYN, 9) for number in range(count))


def strangers(count: int) -> bytes:
    """Connections on other ports, which are read on trial."""
    pieces = (piece for number in range(count) for piece in opening(number))
    port = b"\x07\x8f", b"\x1f\x90"
    return capture(piece._replace(key=piece.key.replace(*port), payload=piece.payload[:60]) for piece in pieces)


def backwards(count: int) -> bytes:
    whole = list(said(wire.filler(count * 4), 4))
    return capture((*opening(), *reversed(whole)))


def shuffled(count: int) -> bytes:
    writer = wire.ChunkWriter()
    data = b"".join(writer.message(5, 8, b"\xaf\1" + bytes(20)) for _ in range(count))
    return capture((*opening(), *segments.shuffled(segments.cut(list(said(data)), Random(1), 9), Random(1), 2000)))


def tiny_and_long(count: int) -> bytes:
    """Every other byte waits behind a hole; then segments come that say something else over all of it."""
    tiny = [Piece(0, key(C2S), 10_002 + 2 * number % 60_000, 0, ACK, 9, b"a") for number in range(count)]
    return capture((*opening(), *tiny, *[Piece(0, key(C2S), 10_001, 0, ACK, 9, b"b" * 60_000)] * (count // 60)))


def reused(count: int) -> bytes:
    """Connections one after the other, all between the same ports."""
    sent: list[Piece] = []
    for number in range(count):
        first = number * 7919 % 2**32
        sent.append(Piece(0, key(C2S), first, 0, SYN, 9))
        sent.append(Piece(0, key(S2C), 5, first + 1, SYN | ACK, 9))
        sent.append(Piece(0, key(C2S), first + 1, 6, ACK, 9, b"\3" + bytes(40)))
    return capture(sent)


def holes(count: int) -> bytes:
    """Every third segment is lost, and every chunk has a header."""
    writer = wire.ChunkWriter()
    sent = list(said(b"".join(writer.message(5, 9, b"\x27\1\0\0\0" + wire.filler(700, n)) for n in range(count)), 300))
    return capture((*opening(), *(piece for number, piece in enumerate(sent) if number % 3)), 10**6)


def late(data: bytes) -> bytes:
    """Both the beginning and the sense of it are missing."""
    return capture(said(data))


def names(count: int) -> bytes:
    names = (f"live_{number:08}_key?t=tok{number:08}" for number in range(count))
    return messages(COMMAND, [wire.command("publish", 4, None, name, "live") for name in names])


def unanswered(count: int) -> bytes:
    return messages(COMMAND, [wire.command("call", number + 1, None) for number in range(count)])


def fragments(count: int) -> bytes:
    out = [records.pcap_header(link_type=segments.RAW)]
    for number in range(count):
        packet = bytearray(wire.ipv4("10.0.0.1", "10.0.0.2", bytes(64), identification=number % 65536))
        packet[6:8] = wire.u16(0x2000 | number % 8000)
        out.append(records.pcap_record(bytes(packet), number // 1000))
    return b"".join(out)


def encapsulated(count: int) -> bytes:
    frame = bytes(12) + b"\x81\0\0\1" * 15_000
    return records.pcap_header() + records.pcap_record(frame) * count


def extended(count: int) -> bytes:
    """IPv6 packets of nothing but extension headers."""
    packet = wire.ipv6("::1", "::2", (b"\0\0" + bytes(6)) * 8000, 0)
    return records.pcap_header(link_type=segments.RAW) + records.pcap_record(packet) * count


def blocks(count: int) -> bytes:
    return records.section() + records.block(0x999, b"") * count


def secrets(count: int) -> bytes:
    return records.section() + records.secrets(b"") * count


def interfaces(count: int) -> bytes:
    """As many as a section may have, again and again."""
    return b"".join(records.section() + records.interface() * min(16_000, count - at) for at in range(0, count, 16_000))


def sections(count: int) -> bytes:
    return (records.section() + records.interface() + records.enhanced(b"x")) * count


NESTED = wire.aggregate((22, 0, wire.aggregate((22, 0, wire.aggregate((8, 0, b"x"))))))
X3 = b"\0" + wire.amf0("x", 1.0) + b"\x11"  # a command whose next value is AMF3's

# What to send, and how many times it takes some tens of milliseconds.
ATTACKS: dict[str, tuple[Callable[[int], bytes], int]] = {
    "nested arrays": (lambda n: bodies(COMMAND, n, b"\x0a\0\0\0\1" * 3000), 40),
    "nested objects of AMF3": (lambda n: bodies(AMF3, n, X3 + b"\x0a\x0b\1\x03a" * 3000), 40),
    "many values": (lambda n: bodies(COMMAND, n, wire.amf0("x", 1.0) + b"\x0a\xff\xff\xff\xff" + b"\5" * 6_000), 2),
    "references that grow": (lambda n: bodies(AMF3, n, laughs(40)), 30),
    "references to themselves": (lambda n: bodies(COMMAND, n, cycle()), 300),
    "counts of AMF3": (lambda n: bodies(AMF3, n, X3 + b"\x0d\xff\xff\xff\xff\0" * 300), 100),
    "keys of one object": (lambda n: bodies(COMMAND, 1, wire.command("x", 1, {f"a{i}": None for i in range(n)})), 1000),
    "one long text": (lambda n: bodies(COMMAND, 1, wire.command("x", 1, "a=b&" * 4000 * n)), 2),
    "one long name": (lambda n: bodies(COMMAND, 1, wire.command("publish", 1, None, "a/b?" * 4000 * n)), 2),
    "one sentence of keys": (lambda n: bodies(COMMAND, 1, sentence("a1-" * 6000 * n)), 1),
    "one long sentence": (lambda n: bodies(COMMAND, 1, sentence("play a " * 4000 * n)), 2),
    "partial messages": (partial_messages, 4000),
    "chunks of one byte": (chunks_of_one_byte, 8),
    "messages by turns": (messages_by_turns, 20_000),
    "chunk sizes": (lambda n: controls(1, [(0, 2**31 - 1, 1, 128)[number % 4] for number in range(n)]), 400),
    "aborts": (lambda n: controls(2, range(n)), 700),
    "gaps of a gigabyte": (gaps, 300),
    "connections": (connections, 30),
    "bare connections": (bare_connections, 150),
    "connections on other ports": (strangers, 100),
    "segments backwards": (backwards, 1500),
    "segments in disorder": (shuffled, 300),
    "long segments over tiny ones": (tiny_and_long, 1500),
    "one pair of ports": (reused, 200),
    "holes": (holes, 100),
    "noise": (lambda n: late(wire.filler(n)), 40_000),
    "zeros": (lambda n: late(bytes(n)), 40_000),
    "headers everywhere": (lambda n: late(b"\xc3\x04\x00\x00\x00\x00\x00\x10\x09\x01\x00\x00\x00" * (n // 13)), 15_000),
    "type 3 headers": (lambda n: stream(b"\xc3" * n), 20_000),
    "stream names": (names, 100),
    "calls without answer": (unanswered, 200),
    "shared object events": (lambda n: bodies(OBJECTS, n, wire.shared_object("x", 1, 0, *[wire.so_event(4)] * 800)), 3),
    "parts of aggregates": (lambda n: bodies(AGGREGATE, n, wire.aggregate(*[(8, 0, b"")] * 400)), 3),
    "aggregates in aggregates": (lambda n: bodies(AGGREGATE, n, wire.aggregate(*[(22, 0, NESTED)] * 300)), 3),
    "NAL units": (lambda n: bodies(VIDEO, n, b"\x27\1\0\0\0" + b"\0\0\0\1\x09" * 500), 6),
    "many tracks": (lambda n: messages(VIDEO, [b"\x96\x00avc1" + bytes([i % 256]) + b"\0\0\0" for i in range(n)]), 300),
    "fragments": (fragments, 1500),
    "headers in a frame": (encapsulated, 6),
    "extension headers": (extended, 10),
    "empty blocks": (blocks, 10_000),
    "sections": (sections, 1000),
    "empty secrets": (secrets, 3000),
    "interfaces": (interfaces, 1600),
    "kept messages": (kept_messages, 1000),
}
