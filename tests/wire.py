"""Bytes built from the words of the specifications, for every test.

Functions return the bytes of one thing: a chunk, a message body, a handshake block, an IP packet, a pcap
file.  Two classes hold the state that a real sender holds: `ChunkWriter` one direction's chunk stream, `Tcp`
one TCP conversation.  Nothing here is taken from the package but the types it hands over, so that a mistake
there cannot hide here.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import struct
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from rtmpscope.model import ACK, C2S, FIN, RST, S2C, SYN, Packet

# --- chunks (RTMP 5.3.1) ---------------------------------------------------------------------------------

EXTENDED = 0xFFFFFF


def u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def u24(value: int) -> bytes:
    return value.to_bytes(3, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def basic_header(fmt: int, csid: int, size: int = 0) -> bytes:
    """1 to 3 bytes; `size` asks for a longer form than csids 64 to 319 need."""
    if csid < 64:
        return bytes([fmt << 6 | csid])
    if csid < 320 and size != 3:
        return bytes([fmt << 6, csid - 64])
    return bytes([fmt << 6 | 1]) + (csid - 64).to_bytes(2, "little")


def chunk(
    fmt: int,
    csid: int,
    time: int = 0,
    length: int | None = None,
    type_id: int = 0,
    msid: int = 0,
    payload: bytes = b"",
    extended: int | None = None,
    csid_size: int = 0,
) -> bytes:
    """One chunk: the header fields that `fmt` carries, then the payload.

    time      absolute for fmt 0, delta for 1 and 2; written extended where it does not fit 24 bits
    length    of the whole message, the payload's when left out
    extended  4 bytes to write whatever `time` says: how a fmt 3 chunk repeats them
    """
    if length is None:
        length = len(payload)
    if extended is None and fmt < 3 and time >= EXTENDED:
        extended = time
    header = basic_header(fmt, csid, csid_size)
    if fmt < 3:
        header += u24(EXTENDED if extended is not None else time)
    if fmt < 2:
        header += u24(length) + bytes([type_id])
    if fmt < 1:
        header += msid.to_bytes(4, "little")
    if extended is not None:
        header += u32(extended)
    return header + payload


class _Sent:
    """What later chunks of one csid may leave out."""

    def __init__(self) -> None:
        self.msid = self.length = self.type_id = -1
        self.timestamp = 0
        self.delta: int | None = None
        self.extended: int | None = None


class ChunkWriter:
    """The chunk stream of one direction, in any dialect of the extended timestamp.

    extended_delta  what fmt 1 and 2 put into an extended field: the "delta" of the specification or the
                    "absolute" timestamp, as SRS reads it
    repeat          what fmt 3 puts there: the "same" value as the header before it, the "absolute"
                    timestamp, or "never" anything, as OBS before 2024
    csid_size       3 for a longer basic header than csids 64 to 319 need
    """

    def __init__(
        self, chunk_size: int = 128, *, extended_delta: str = "delta", repeat: str = "same", csid_size: int = 0
    ) -> None:
        self.chunk_size = chunk_size
        self.extended_delta = extended_delta
        self.repeat = repeat
        self.csid_size = csid_size
        self._sent: dict[int, _Sent] = {}

    def message(
        self, csid: int, type_id: int, payload: bytes, timestamp: int = 0, msid: int = 0, fmt: int | None = None
    ) -> bytes:
        """A whole message; without `fmt`, the shortest header that every reader understands alike."""
        return b"".join(self.chunks(csid, type_id, payload, timestamp, msid, fmt))

    def chunks(
        self, csid: int, type_id: int, payload: bytes, timestamp: int = 0, msid: int = 0, fmt: int | None = None
    ) -> Iterator[bytes]:
        """The chunks of a message one by one, for interleaving; a chunk size set between two holds at once."""
        sent = self._sent.setdefault(csid, _Sent())
        delta = (timestamp - sent.timestamp) % 2**32
        if fmt is None:
            fmt = self._shortest(sent, type_id, len(payload), msid, delta)
        time = timestamp if fmt == 0 else delta
        if fmt < 3:
            absolute = fmt == 0 or self.extended_delta == "absolute"
            sent.extended = (timestamp if absolute else time) if time >= EXTENDED else None
            sent.delta = None if fmt == 0 else delta
        sent.timestamp, sent.msid, sent.length, sent.type_id = timestamp, msid, len(payload), type_id
        extended = self._repeated(sent) if fmt == 3 else sent.extended
        rest = payload[self.chunk_size :]
        first = payload[: self.chunk_size]
        yield chunk(fmt, csid, time, len(payload), type_id, msid, first, extended, self.csid_size)
        while rest:
            piece, rest = rest[: self.chunk_size], rest[self.chunk_size :]
            yield chunk(3, csid, payload=piece, extended=self._repeated(sent), csid_size=self.csid_size)

    def set_chunk_size(self, size: int) -> bytes:
        """The message, after which this writer obeys it."""
        data = self.message(2, 1, u32(size))
        self.chunk_size = size
        return data

    def control(self, type_id: int, payload: bytes) -> bytes:
        """A protocol control or user control message on its usual csid."""
        return self.message(2, type_id, payload)

    @staticmethod
    def _shortest(sent: _Sent, type_id: int, length: int, msid: int, delta: int) -> int:
        if msid != sent.msid or delta >= 2**31:
            return 0
        if (length, type_id) != (sent.length, sent.type_id):
            return 1
        return 3 if delta == sent.delta else 2

    def _repeated(self, sent: _Sent) -> int | None:
        if sent.extended is None or self.repeat == "never":
            return None
        return sent.timestamp if self.repeat == "absolute" else sent.extended


# --- handshake (RTMP 5.2; the digest forms are Flash Player's) -------------------------------------------

FP_TEXT = b"Genuine Adobe Flash Player 001"
FMS_TEXT = b"Genuine Adobe Flash Media Server 001"
_SUFFIX = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d2980 6fab93b8e636cfeb31ae")


def filler(size: int, seed: int = 0) -> bytes:
    """The same random bytes for the same seed."""
    return random.Random(seed).randbytes(size)


def simple_block(time: int = 0, seed: int = 1) -> bytes:
    """C1 or S1: time, zero, 1528 random bytes."""
    return u32(time) + bytes(4) + filler(1528, seed)


def echo(peer: bytes, time2: int = 0) -> bytes:
    """C2 or S2 of the specification: the peer's block with one's own time in the second field."""
    return peer[:4] + u32(time2) + peer[8:]


def digest_place(block: bytes, at: int) -> int:
    """Where the digest of C1 or S1 stands, when its pointer bytes are at 8 or at 772."""
    return sum(block[at : at + 4]) % 728 + at + 4


def digest_of(block: bytes, at: int) -> bytes:
    place = digest_place(block, at)
    return block[place : place + 32]


def digest_block(at: int, key: bytes, version: bytes = b"\x09\x00\x7c\x02", time: int = 0, seed: int = 1) -> bytes:
    """C1 (key FP_TEXT) or S1 (key FMS_TEXT) with a valid digest whose pointer bytes are at 8 or at 772."""
    block = u32(time) + version + filler(1528, seed)
    place = digest_place(block, at)
    before, after = block[:place], block[place + 32 :]
    return before + hmac.digest(key, before + after, hashlib.sha256) + after


def digest_answer(peer_digest: bytes, text: bytes, seed: int = 2) -> bytes:
    """S2 (text FMS_TEXT, the digest of C1) or C2 (text FP_TEXT, the digest of S1)."""
    block = filler(1504, seed)
    key = hmac.digest(text + _SUFFIX, peer_digest, hashlib.sha256)
    return block + hmac.digest(key, block, hashlib.sha256)


def handshake(digest_at: int | None = None, version: int = 3) -> tuple[bytes, bytes]:
    """What both sides send, (C0 C1 C2, S0 S1 S2): simple, or with all four digests valid."""
    if digest_at is None:
        c1, s1 = simple_block(1000, 1), simple_block(2000, 2)
        c2, s2 = echo(s1, 1001), echo(c1, 2001)
    else:
        c1 = digest_block(digest_at, FP_TEXT, seed=1)
        s1 = digest_block(digest_at, FMS_TEXT, b"\x0d\x0e\x0a\x0d", seed=2)
        c2 = digest_answer(digest_of(s1, digest_at), FP_TEXT, 3)
        s2 = digest_answer(digest_of(c1, digest_at), FMS_TEXT, 4)
    c0 = bytes([version])
    return c0 + c1 + c2, c0 + s1 + s2


# --- message bodies --------------------------------------------------------------------------------------

SET_CHUNK_SIZE, ABORT, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_ACK_SIZE, SET_PEER_BANDWIDTH = range(1, 7)
AUDIO, VIDEO = 8, 9
DATA_AMF3, SHARED_OBJECT_AMF3, COMMAND_AMF3 = 15, 16, 17
DATA_AMF0, SHARED_OBJECT_AMF0, COMMAND_AMF0 = 18, 19, 20
AGGREGATE = 22
TYPES = (*range(1, 7), AUDIO, VIDEO, *range(15, 21), AGGREGATE)


def set_peer_bandwidth(window: int, limit_type: int) -> bytes:
    return u32(window) + bytes([limit_type])


def user_control(event: int, *values: int) -> bytes:
    """The event type and its 4-byte values."""
    return u16(event) + b"".join(u32(value) for value in values)


class Ecma(dict[str, object]):
    """Encoded as an ECMA array, with the count that is right."""


class Undefined:
    """Encoded as undefined."""


def amf0(*values: object) -> bytes:
    """AMF0 values one after the other (AMF0 2).  Bytes are taken as they are: an encoded value of any kind."""
    return b"".join(_amf0(value) for value in values)


def _amf0(value: object) -> bytes:
    match value:
        case bytes():
            return value
        case bool():
            return bytes([1, value])
        case int() | float():
            return struct.pack(">Bd", 0, value)
        case str():
            text = value.encode()
            return (b"\x02" + u16(len(text)) if len(text) < 0x10000 else b"\x0c" + u32(len(text))) + text
        case Ecma():
            return b"\x08" + u32(len(value)) + amf0_pairs(value)
        case dict():
            return b"\x03" + amf0_pairs(value)
        case list():
            return b"\x0a" + u32(len(value)) + amf0(*value)
        case None:
            return b"\x05"
        case Undefined():
            return b"\x06"
    raise TypeError(f"no AMF0 form for {value!r}")


def amf0_pairs(pairs: dict[str, object]) -> bytes:
    """Names, values and the end marker of an object."""
    return b"".join(amf0_key(name) + _amf0(value) for name, value in pairs.items()) + b"\x00\x00\x09"


def amf0_key(text: str) -> bytes:
    """A string without its marker."""
    return u16(len(text.encode())) + text.encode()


def command(name: str, transaction_id: float, *values: object) -> bytes:
    """The body of a command; `values` start with the command object."""
    return amf0(name, float(transaction_id), *values)


def shared_object(name: str, version: int, flags: int, *events: bytes) -> bytes:
    """The body of a shared object message, type 19; type 16 has a zero byte before it."""
    return amf0_key(name) + u32(version) + u32(flags) + u32(0) + b"".join(events)


def so_event(type_id: int, data: bytes = b"") -> bytes:
    return bytes([type_id]) + u32(len(data)) + data


def flv_tag(type_id: int, timestamp: int, payload: bytes, back_pointer: int | None = None) -> bytes:
    """An FLV tag with the back pointer that follows it (FLV 10.1, E.4.1)."""
    back = 11 + len(payload) if back_pointer is None else back_pointer
    low, high = timestamp & 0xFFFFFF, timestamp >> 24
    return bytes([type_id]) + u24(len(payload)) + u24(low) + bytes([high]) + bytes(3) + payload + u32(back)


def aggregate(*parts: tuple[int, int, bytes]) -> bytes:
    """The body of an aggregate message: (type_id, timestamp, payload) each."""
    return b"".join(flv_tag(*part) for part in parts)


# --- TCP, IP, Ethernet -----------------------------------------------------------------------------------

Frame = tuple[int, bytes]  # time in nanoseconds, bytes from the link layer up

ETHERNET, RAW = 1, 101  # link types
START_NS = 1_700_000_000_000_000_000


def checksum(data: bytes) -> int:
    """RFC 1071."""
    words: tuple[int, ...] = struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_segment(
    source: tuple[str, int],
    destination: tuple[str, int],
    seq: int,
    ack: int,
    flags: int,
    payload: bytes = b"",
    window: int = 65535,
    options: bytes = b"",
) -> bytes:
    """A TCP header (RFC 9293, 3.1) with a right checksum, and its payload."""
    offset = (20 + len(options)) // 4 << 4
    ports = source[1], destination[1]
    fields = *ports, seq % 2**32, ack % 2**32, offset, flags, window
    segment = struct.pack(">HHIIBBHHH", *fields, 0, 0) + options + payload
    addresses = ip_address(source[0]).packed + ip_address(destination[0]).packed
    check = checksum(addresses + struct.pack(">II", len(segment), 6) + segment)
    return segment[:16] + u16(check) + segment[18:]


def ipv4(source: str, destination: str, payload: bytes, protocol: int = 6, identification: int = 0) -> bytes:
    """RFC 791, 3.1."""
    addresses = ip_address(source).packed + ip_address(destination).packed
    fields = 0x45, 0, 20 + len(payload), identification, 0x4000, 64, protocol
    header = struct.pack(">BBHHHBBH", *fields, 0) + addresses
    return header[:10] + u16(checksum(header)) + header[12:] + payload


def ipv6(source: str, destination: str, payload: bytes, next_header: int = 6) -> bytes:
    """RFC 8200, 3."""
    addresses = ip_address(source).packed + ip_address(destination).packed
    return struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64) + addresses + payload


def ethernet(payload: bytes, vlan: Sequence[int] = ()) -> bytes:
    """An Ethernet frame around an IP packet, tagged with the VLAN ids from the outside in."""
    ethertype = 0x86DD if payload[0] >> 4 == 6 else 0x0800
    tags = b"".join(u16(0x8100) + u16(vid) for vid in vlan)
    return bytes.fromhex("020000000002020000000001") + tags + u16(ethertype) + payload


class Tcp:
    """One TCP conversation; each call appends what the wire would carry to `frames`.

    Addresses choose IPv4 or IPv6; `vlan` lists VLAN ids; `seq` is the sequence number of each side's SYN.
    `now` is the time of the next frame and moves `step_ns` with each: set it for a pause.
    """

    def __init__(
        self,
        client: tuple[str, int] = ("10.0.0.1", 50000),
        server: tuple[str, int] = ("10.0.0.2", 1935),
        *,
        seq: tuple[int, int] = (1000, 5000),
        mss: int = 1460,
        vlan: Sequence[int] = (),
        link_type: int = ETHERNET,
        start_ns: int = START_NS,
        step_ns: int = 1_000_000,
    ) -> None:
        self.ends = client, server
        self.next = list(seq)
        self.mss = mss
        self.vlan = vlan
        self.link_type = link_type
        self.now = start_ns
        self.step_ns = step_ns
        self.frames: list[Frame] = []

    def segment(self, direction: int, seq: int, flags: int = ACK, payload: bytes = b"", window: int = 65535) -> None:
        """One packet as it is told, leaving the sequence numbers of both sides alone."""
        source, destination = self.ends[direction], self.ends[1 - direction]
        ack = self.next[1 - direction] if flags & ACK else 0
        segment = tcp_segment(source, destination, seq, ack, flags, payload, window)
        version = ip_address(source[0]).version
        packet = (ipv4 if version == 4 else ipv6)(source[0], destination[0], segment)
        self.frames.append((self.now, ethernet(packet, self.vlan) if self.link_type == ETHERNET else packet))
        self.now += self.step_ns

    def open(self) -> Tcp:
        """SYN, SYN-ACK, ACK."""
        for direction, flags in ((C2S, SYN), (S2C, SYN | ACK)):
            self.segment(direction, self.next[direction], flags)
            self.next[direction] += 1
        self.ack(C2S)
        return self

    def send(self, direction: int, data: bytes, sizes: Iterable[int] = (), *, acked: bool = True) -> Tcp:
        """Data in packets of the given sizes, what is left in full ones; then the receiver's acknowledgement."""
        at = 0
        left = iter(sizes)
        while at < len(data):
            piece = data[at : at + next(left, self.mss)]
            self.segment(direction, self.next[direction], ACK, piece)
            self.next[direction] += len(piece)
            at += len(piece)
        if acked:
            self.ack(1 - direction)
        return self

    def ack(self, direction: int, window: int = 65535) -> None:
        """An acknowledgement without data."""
        self.segment(direction, self.next[direction], ACK, window=window)

    def close(self) -> Tcp:
        """FIN from the client, then from the server, both acknowledged."""
        for direction in (C2S, S2C):
            self.fin(direction)
        self.ack(C2S)
        return self

    def fin(self, direction: int) -> None:
        self.segment(direction, self.next[direction], FIN | ACK)
        self.next[direction] += 1

    def rst(self, direction: int) -> None:
        self.segment(direction, self.next[direction], RST | ACK)


def conversation(c2s: bytes, s2c: bytes, tcp: Tcp | None = None) -> list[Frame]:
    """A whole connection around two byte streams that start with the handshake, taking turns as RTMP does."""
    tcp = (tcp or Tcp()).open()
    tcp.send(C2S, c2s[:1537]).send(S2C, s2c[:3073]).send(C2S, c2s[1537:]).send(S2C, s2c[3073:])
    return tcp.close().frames


def rearranged(frames: Sequence[Frame], order: Iterable[int]) -> list[Frame]:
    """The frames with these indexes, as if they had arrived so: lost, repeated and swapped, times ascending."""
    picked = [frames[index] for index in order]
    times = sorted(time for time, _ in picked)
    return [(time, data) for time, (_, data) in zip(times, picked, strict=True)]


def packets(frames: Iterable[Frame], link_type: int = ETHERNET, snaplen: int = 262_144) -> list[Packet]:
    """What the capture stage hands over for these frames."""
    return [
        Packet(number, time, link_type, data[:snaplen], 0, min(len(data), snaplen), len(data))
        for number, (time, data) in enumerate(frames, 1)
    ]


def pcap(frames: Iterable[Frame], link_type: int = ETHERNET, snaplen: int = 262_144) -> bytes:
    """A little-endian pcap file with nanoseconds."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snaplen, link_type)]
    for time, data in frames:
        captured = data[:snaplen]
        out.append(struct.pack("<IIII", *divmod(time, 10**9), len(captured), len(data)) + captured)
    return b"".join(out)
