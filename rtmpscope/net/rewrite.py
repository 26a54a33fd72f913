"""Packets with other contents and as many bytes: payload and addresses replaced, checksums made right again.

The layers of a packet are found by the same table that decodes them, and each layer that has a checksum has its
function here.  A packet of which the capture holds only a part has its TCP checksum adjusted by what changed
(RFC 1624), because what is missing counts too.

A fragment of an IP datagram is written once its datagram is whole: that is rewritten as the packet it would have been,
and each fragment gets its share of the outcome.  Until then it waits, and with it what came later.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from rtmpscope.limits import DRAFTS_BYTES
from rtmpscope.model import Packet
from rtmpscope.net.decode import (
    ETHERNET,
    IPV4,
    IPV6,
    LAYERS,
    LINKS,
    SLL,
    SLL2,
    TCP,
    Datagram,
    Fragments,
    Frame,
    Unreadable,
)

ICMP: Final = 1
UDP: Final = 17
ICMPV6: Final = 58

# Messages about a packet, which they quote from their ninth byte on (RFC 792, RFC 4443), and how long its header is.
_QUOTING: Final = {ICMP: (b"\x03\x04\x05\x0b\x0c", 20), ICMPV6: (b"\x01\x02\x03\x04", 40)}

# Kinds of TCP options that hold only numbers of TCP's own (RFC 9293, RFC 7323, RFC 2018).
_OPTIONS: Final = (2, 3, 4, 5, 8)

# Where a link header has hardware addresses, and of how many bytes.
_HARDWARE: Final = {ETHERNET: ((0, 6), (6, 6)), SLL: ((6, 8),), SLL2: ((12, 8),)}

# Where IP headers have the length of the packet.
_LENGTHS: Final = {IPV4: 2, 4: 2, IPV6: 4, 41: 4}

# Where IP headers have addresses.
_PLACES: Final = {IPV4: (12, 16), 4: (12, 16), IPV6: (8, 24), 41: (8, 24)}


class Layers:
    """The headers of a packet.

    headers  layers with the places of their headers, outermost first
    end      where the packet ends by its own account, perhaps beyond what was captured
    payload  where TCP's payload begins, -1 where the packet has none
    rest     where it is not understood any more
    quoted   bytes before that place that belong to the header of another packet, which ICMP quotes
    is_piece whether the rest is a fragment of a datagram
    whole    the datagram that it completed
    """

    __slots__ = ("headers", "end", "payload", "rest", "quoted", "is_piece", "whole")

    def __init__(self, packet: Packet, fragments: Fragments | None = None) -> None:
        """`fragments` are those that came before; without any, none is completed."""
        self.headers: list[tuple[int, int]] = []
        self.payload = -1
        self.quoted = 0
        frame = Frame(packet, fragments or Fragments())
        layer = LINKS.get(packet.link_type, -1)
        try:
            while layer in LAYERS and frame.piece < 0:
                self.headers.append((layer, int(frame.at)))
                layer = int(LAYERS[layer](frame))
        except Unreadable:
            frame.at = self.headers[-1][1]
        self.end = int(frame.end)
        self.rest = int(frame.at)
        self.is_piece = frame.piece >= 0
        self.whole = frame.whole
        if self.is_piece:
            self.rest = int(frame.piece)
        elif frame.segment is not None:
            self.payload = self.rest = int(frame.segment.start)
        elif layer in _QUOTING:
            kinds, header = _QUOTING[layer]
            self.headers.append((layer, self.rest))
            if packet.data[self.rest : self.rest + 1] in kinds:
                self.quoted = header + 8  # ports stand in the first bytes behind it
            self.rest += 8 + self.quoted


def clear_options(layers: Layers, data: bytearray) -> None:
    """Make 0 what options of IPv4 and TCP may say besides numbers of their own."""
    for layer, at in layers.headers:
        if layer in (IPV4, 4) and len(data) > at:
            _clear(data, at + 20, at + (data[at] & 15) * 4)
        elif layer == TCP and layers.payload >= 0:
            _clear_tcp_options(data, at + 20, min(layers.payload, len(data)))


def _clear_tcp_options(data: bytearray, at: int, end: int) -> None:
    """RFC 9293, 3.1: a kind; a length that counts both, but for kinds 0, with which the list ends, and 1; the rest."""
    while at < end:
        kind = data[at]
        size = max(2, data[at + 1]) if kind > 1 and at + 1 < end else 1
        if kind == 0:
            _clear(data, at, end)
        elif kind not in _OPTIONS:
            _clear(data, at + 2, min(at + size, end))
        at += size if kind else end - at


def _clear(data: bytearray, start: int, end: int) -> None:
    end = min(end, len(data))
    data[start:end] = bytes(max(0, end - start))


def rewritten(packet: Packet, layers: Layers, data: bytearray) -> Packet:
    """The packet with this data, of equal length, and right checksums; the packet itself where nothing changed."""
    before = packet.data
    if data == before:
        return packet
    for layer, at in reversed(layers.headers):  # the innermost first: outer ones count it in
        size, fix = _CHECKSUMS.get(layer, (0, None))
        if fix is not None and at + size <= len(data) and any(data[at : at + size]):
            fix(layers, at, before, data)
    return Packet(packet.number, packet.time_ns, packet.link_type, bytes(data), 0, len(data), packet.wire_length)


# --- fragments -------------------------------------------------------------------------------------------


def unfragmented(packet: Packet, layers: Layers, datagram: Datagram) -> Packet:
    """A datagram in one packet, behind the headers of one of its fragments; they say that its end is theirs too."""
    data = bytearray(packet.data[: layers.rest])
    for layer, at in layers.headers:
        place = _LENGTHS.get(layer, 0)
        if place:
            data[at + place : at + place + 2] = b"\0\0"
    layer, at = layers.headers[-1]
    place = 6 if layer in (IPV4, 4) else 2  # of offset and flags (RFC 791, 3.1; RFC 8200, 4.5)
    data[at + place : at + place + 2] = b"\0\0"
    data += datagram.joined()
    wire_length = layers.rest + datagram.length
    return Packet(packet.number, packet.time_ns, packet.link_type, bytes(data), 0, len(data), wire_length)


class Draft:
    """A packet that may still change: `data` is what it is to be, `blank` that only headers are left of it."""

    __slots__ = ("packet", "layers", "data", "blank")

    def __init__(self, packet: Packet, layers: Layers) -> None:
        self.packet: Final = packet
        self.layers: Final = layers
        self.data: Final = bytearray(packet.data)
        self.blank = False

    def clear(self, start: int) -> None:
        """Make 0 what stands from a place on."""
        self.blank = any(self.data[start:])
        self.data[start:] = bytes(max(0, len(self.data) - start))


class Drafts:
    """Packets in their order; behind a fragment whose datagram is not whole they wait, as long as there is room."""

    def __init__(self) -> None:
        self._queue: Final[deque[Draft]] = deque()
        self._pieces: Final[dict[int, Draft]] = {}  # by number
        self._bytes = 0

    def add(self, draft: Draft) -> None:
        self._queue.append(draft)
        self._bytes += len(draft.data)
        if draft.layers.is_piece:
            self._pieces[draft.packet.number] = draft

    def fill(self, datagram: Datagram, written: bytes, blank: bool) -> None:
        """Give each fragment that waits its share of a datagram."""
        for offset, (_, number, piece) in datagram.pieces.items():
            draft = self._pieces.pop(number, None)
            if draft is not None:
                share, at = written[offset : offset + len(piece)], draft.layers.rest
                draft.data[at : at + len(share)] = share
                draft.blank = blank

    def ready(self, all: bool = False) -> Iterator[Draft]:
        """Those that need not wait any longer."""
        queue = self._queue
        while queue and (all or queue[0].packet.number not in self._pieces or self._bytes > DRAFTS_BYTES):
            draft = queue.popleft()
            self._pieces.pop(draft.packet.number, None)
            self._bytes -= len(draft.data)
            yield draft


# --- checksums -------------------------------------------------------------------------------------------


def _sum(data: bytes | bytearray) -> int:
    """The sum of 16-bit words (RFC 1071), neither folded nor complemented."""
    padded = bytes(data) + bytes(len(data) % 2)
    return sum(struct.unpack(f">{len(padded) // 2}H", padded))


def _store(data: bytearray, at: int, total: int) -> None:
    """The complement of a sum; of the two zeros of such numbers the sent one is 0 (RFC 1624, 3)."""
    data[at : at + 2] = (-total % 0xFFFF).to_bytes(2, "big")


def _ipv4(layers: Layers, at: int, before: bytes, data: bytearray) -> None:
    """RFC 791, 3.1: over the header."""
    end = at + (data[at] & 15) * 4
    data[at + 10 : at + 12] = b"\0\0"
    _store(data, at + 10, _sum(data[at:end]))


def _tcp(layers: Layers, at: int, before: bytes, data: bytearray) -> None:
    """RFC 9293, 3.1: over addresses, protocol, length, header and payload."""
    _with_addresses(layers, at, 16, TCP, before, data)


def _icmp(layers: Layers, at: int, before: bytes, data: bytearray) -> None:
    """RFC 792: over the message."""
    _cover(layers.end, at, 2, b"", b"", before, data)


def _icmpv6(layers: Layers, at: int, before: bytes, data: bytearray) -> None:
    """RFC 4443, 2.3: as TCP."""
    _with_addresses(layers, at, 2, ICMPV6, before, data)


def _with_addresses(layers: Layers, at: int, place: int, protocol: int, before: bytes, data: bytearray) -> None:
    more = struct.pack(">HI", protocol, layers.end - at)
    old, new = _addresses(layers, at, before) + more, _addresses(layers, at, data) + more
    _cover(layers.end, at, place, old, new, before, data)


def _cover(end: int, at: int, place: int, old: bytes, new: bytes, before: bytes, data: bytearray) -> None:
    """The checksum at a place of what stands from `at` to `end`, and of a pseudo header that was another before."""
    where = slice(at + place, at + place + 2)
    if end <= len(data):
        data[where] = b"\0\0"
        _store(data, where.start, _sum(new) + _sum(data[at:end]))
        return
    stored = int.from_bytes(before[where], "big")
    change = _sum(new) + _sum(data[at:end]) - _sum(old) - _sum(before[at:end])
    _store(data, where.start, 0xFFFF - stored + change)


def _udp(layers: Layers, at: int, before: bytes, data: bytearray) -> None:
    """RFC 768: no checksum is a right one."""
    data[at + 6 : at + 8] = b"\0\0"


def _addresses(layers: Layers, below: int, data: bytes | bytearray) -> bytes:
    """Those of the IP header next to a place."""
    for layer, at in reversed(layers.headers):
        if at < below and layer == IPV4:
            return bytes(data[at + 12 : at + 20])
        if at < below and layer == IPV6:
            return bytes(data[at + 8 : at + 40])
    return b""


# Bytes of header that must be there, and what makes its checksum right.
_CHECKSUMS: Final[dict[int, tuple[int, Callable[[Layers, int, bytes, bytearray], None]]]] = {
    TCP: (20, _tcp),
    UDP: (8, _udp),
    ICMP: (4, _icmp),
    ICMPV6: (4, _icmpv6),
    IPV4: (20, _ipv4),
    4: (20, _ipv4),  # IPv4 in IP
}


# --- addresses -------------------------------------------------------------------------------------------


def _put(data: bytearray, at: int, size: int, other: Callable[[bytes], bytes]) -> None:
    piece = bytes(data[at : at + size])
    data[at : at + size] = other(piece) if len(piece) == size else bytes(len(piece))


class Addresses:
    """Other addresses for all there are, the same for the same and of one network for those of one.

    The text of an address keeps its length: every number of it stays as long as it was.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]

    def replace(self, layers: Layers, data: bytearray) -> None:
        """Replace the addresses in the headers of a packet; what is there of one that was cut becomes 0."""
        for layer, at in layers.headers:
            for place, size in _HARDWARE.get(layer, ()):
                _put(data, at + place, size, self._hardware)
            for place in _PLACES.get(layer, ()):
                size = 4 if layer in (IPV4, 4) else 16
                _put(data, at + place, size, lambda packed: self._ip(ip_address(packed)).packed)

    def text(self, text: str) -> str:
        """Another address for one that is written out; raises ValueError for anything else."""
        return str(self._ip(ip_address(text)))

    def _ip(self, address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
        packed = address.packed
        size, base, most = (1, 10, 0xFF) if address.version == 4 else (2, 16, 0xFFFF)
        parts = [
            self._number(packed[:at], int.from_bytes(packed[at : at + size], "big"), base, most)
            for at in range(0, len(packed), size)
        ]
        return type(address)(b"".join([part.to_bytes(size, "big") for part in parts]))

    def _number(self, before: bytes, number: int, base: int, most: int) -> int:
        """Another number with as many digits; 0 stays, as it is left out of IPv6 addresses."""
        if number == 0:
            return 0
        least = 1
        while least * base <= number:
            least *= base
        count = min(least * base - 1, most) - least + 1
        shift = int.from_bytes(blake2b(before + least.to_bytes(2, "big"), key=self._key, digest_size=8).digest(), "big")
        return least + (number - least + 1 + shift % (count - 1)) % count

    def _hardware(self, address: bytes) -> bytes:
        """Another hardware address; groups and broadcasts stay."""
        if address[0] & 1 or not any(address):
            return address
        return b"\x02" + blake2b(address, key=self._key, digest_size=len(address) - 1).digest()
