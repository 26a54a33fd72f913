"""TCP segments out of packets: link layers, tunnels, IP and its fragments.

Nearly every packet is whole IPv4 without options right behind its link header, and takes one straight path of
offsets.  All others climb: a layer reads its header and names the layer above by its EtherType or IP protocol
number.  The two kinds of numbers do not meet, so one table holds every layer and new ones are one entry.  A
packet that is not TCP gives nothing; one that cannot be read gives nothing and is counted with the reason.
Payload ends where IP says, whatever padding follows; what the capture cut off is told in Segment.cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from rtmpscope.bits import u16, u32, u32le
from rtmpscope.limits import FRAGMENT_NS, FRAGMENTS, PACKET_BYTES
from rtmpscope.model import Packet, Segment

# Layers: EtherTypes, IP protocol numbers, and where neither has a number one of our own.
DONE: Final = -1
IPV4: Final = 0x0800
IPV6: Final = 0x86DD
ETHERNET: Final = 0x6558
MPLS: Final = 0x8847
PPP: Final = 0x880B
TCP: Final = 6
IP: Final = 0x10000  # the version in its first four bits tells
NULL: Final = 0x10001
SLL: Final = 0x10002
SLL2: Final = 0x10003
LLC: Final = 0x10004
PKTAP: Final = 0x10005
ERSPAN: Final = 0x88BE
ERSPAN3: Final = 0x22EB

# What a packet of each link type begins with (https://www.tcpdump.org/linktypes.html).
LINKS: Final = {
    0: NULL,
    1: ETHERNET,
    9: PPP,
    12: IP,
    14: IP,
    50: PPP,
    101: IP,
    108: NULL,
    113: SLL,
    149: PKTAP,
    228: IP,
    229: IP,
    258: PKTAP,
    276: SLL2,
}

BEYOND: Final = PACKET_BYTES  # where no packet has an IP header

# Links whose IP header stands at a fixed place: that place, and the place of the EtherType, -1 for none.
STRAIGHT: Final = {
    0: (4, -1),
    1: (14, 12),
    12: (0, -1),
    14: (0, -1),
    101: (0, -1),
    108: (4, -1),
    113: (16, 14),
    228: (0, -1),
    276: (20, 0),
}

VXLAN_PORTS: Final = (4789, 8472)  # RFC 7348, and Linux before it
GENEVE_PORT: Final = 6081  # RFC 8926
SNAP: Final = bytes.fromhex("aaaa03000000")
PPP_PROTOCOLS: Final = {0x0021: IPV4, 0x0057: IPV6, 0x0281: MPLS}


class Unreadable(Exception):
    """Why a packet could not be read: one of the reasons in Decoder.unread."""


class Frame:
    """A packet on its way up the layers.

    at         where the next header begins in `data`
    end        where the packet ends by its own account, which may lie beyond what was captured
    addresses  source and destination of the innermost IP header so far
    piece      where a fragment stands in the packet, without its headers; -1 where the packet is none
    whole      the datagram that it completed
    """

    __slots__ = ("packet", "data", "at", "end", "addresses", "segment", "piece", "whole", "_fragments")

    def __init__(self, packet: Packet, fragments: Fragments) -> None:
        self.packet = packet
        self.data = packet.data
        self.at: i64 = 0
        self.end: i64 = min(max(packet.captured, packet.wire_length), PACKET_BYTES)
        self.addresses = b""
        self.segment: Segment | None = None
        self.piece: i64 = -1
        self.whole: Datagram | None = None
        self._fragments = fragments

    def take(self, size: i64) -> i64:
        """Step over the next header; return where it begins."""
        at = self.at
        if size > len(self.data) - at:
            raise Unreadable("cut inside a header")
        self.at = at + size
        return at

    def end_at(self, end: i64) -> None:
        """A header says where the packet ends; what an outer one said before holds too."""
        if end < self.at:
            raise Unreadable("damaged header")
        if end < self.end:
            self.end = end

    def fragment(self, name: bytes, offset: i64, last: bool, protocol: i64) -> i64:
        """Put the rest of the packet aside; go on with the whole datagram when this was the last piece of it."""
        end = offset + self.end - self.at
        if end > 0xFFFF:
            raise Unreadable("damaged header")
        piece = self.data[self.at : self.end]
        self.piece = self.at
        self.whole = whole = self._fragments.add(name, offset, end, piece, last, self.packet)
        if whole is None:
            return DONE
        self.data = whole.joined()
        self.at = 0
        self.end = whole.length
        return protocol


# --- layers ----------------------------------------------------------------------------------------------


def _ethernet(frame: Frame) -> i64:
    """IEEE 802.3: destination, source, EtherType."""
    return _ethertype(frame.data, frame.take(14) + 12)


def _sll(frame: Frame) -> i64:
    """LINUX_SLL: packet type, address type, address length, address, protocol."""
    return _ethertype(frame.data, frame.take(16) + 14)


def _sll2(frame: Frame) -> i64:
    """LINUX_SLL2: protocol, reserved, interface, address type, packet type, address length, address."""
    return _ethertype(frame.data, frame.take(20))


def _pktap(frame: Frame) -> i64:
    """PKTAP, as macOS captures on "any": its length, what it is, the link type of what follows, and more."""
    at = frame.take(12)
    length = u32le(frame.data, at)
    link_type = u32le(frame.data, at + 8)
    if length < 12 or link_type not in LINKS:
        raise Unreadable("damaged header")
    frame.take(length - 12)
    return LINKS[link_type]


def _null(frame: Frame) -> i64:
    """BSD loopback: an address family, whose number and byte order differ by system."""
    frame.take(4)
    return IP


def _ethertype(data: bytes, at: i64) -> i64:
    """A number below 1536 where an EtherType is due is a length, and a header of its own follows."""
    ethertype = u16(data, at)
    return ethertype if ethertype >= 1536 else LLC


def _llc(frame: Frame) -> i64:
    """IEEE 802.2 with SNAP (RFC 1042): two access points, control, organisation, EtherType."""
    at = frame.take(8)
    return _ethertype(frame.data, at + 6) if frame.data[at : at + 6] == SNAP else DONE


def _vlan(frame: Frame) -> i64:
    """IEEE 802.1Q: tag, EtherType."""
    return _ethertype(frame.data, frame.take(4) + 2)


def _mpls(frame: Frame) -> i64:
    """RFC 3032: labels down to the bottom of the stack; what follows is told by nothing but itself."""
    bottom: i64 = 0
    while bottom == 0:
        last: i64 = frame.data[frame.take(4) + 2]
        bottom = last & 1
    return IP


def _pppoe(frame: Frame) -> i64:
    """RFC 2516: version and type, code, session, length."""
    frame.take(6)
    return PPP


def _ppp(frame: Frame) -> i64:
    """RFC 1661 and 1662: perhaps address and control, then a protocol of one or two bytes."""
    at = frame.take(1)
    if frame.data[at] == 0xFF:
        frame.take(1)
        at = frame.take(1)
    protocol: i64 = frame.data[at]
    if protocol & 1 == 0:
        frame.take(1)
        protocol = u16(frame.data, at)
    return PPP_PROTOCOLS.get(protocol, DONE)


def _ip(frame: Frame) -> i64:
    """The version, the first field of every IP header."""
    version: i64 = frame.data[frame.take(1)]
    frame.at -= 1
    if version >> 4 == 4:
        return IPV4
    return IPV6 if version >> 4 == 6 else DONE


def _ipv4(frame: Frame) -> i64:
    """RFC 791, 3.1."""
    at = frame.take(20)
    data = frame.data
    first: i64 = data[at]
    header = (first & 15) * 4
    if first >> 4 != 4 or header < 20:
        raise Unreadable("damaged header")
    length = u16(data, at + 2)
    fragment = u16(data, at + 6)
    protocol: i64 = data[at + 9]
    frame.addresses = data[at + 12 : at + 20]
    frame.take(header - 20)
    if length:  # else the network card was to fill it in, and the packet goes on to its end
        frame.end_at(at + length)
    if fragment & 0x3FFF:
        name = data[at + 4 : at + 6] + data[at + 9 : at + 10] + frame.addresses
        return frame.fragment(name, (fragment & 0x1FFF) * 8, fragment & 0x2000 == 0, protocol)
    return protocol


def _ipv6(frame: Frame) -> i64:
    """RFC 8200, 3."""
    at = frame.take(40)
    data = frame.data
    version: i64 = data[at]
    if version >> 4 != 6:
        raise Unreadable("damaged header")
    length = u16(data, at + 4)
    next_header: i64 = data[at + 6]
    frame.addresses = data[at + 8 : at + 40]
    if length:  # else a jumbogram, or for the network card to fill in
        frame.end_at(frame.at + length)
    return next_header


def _extension(frame: Frame) -> i64:
    """RFC 8200, 4.2: next header, length in units of 8 bytes."""
    return _lengthened(frame, 8)


def _authentication(frame: Frame) -> i64:
    """RFC 4302, 2: next header, length in units of 4 bytes."""
    return _lengthened(frame, 4)


def _lengthened(frame: Frame, unit: i64) -> i64:
    """A header whose length does not count its first 8 bytes."""
    at = frame.take(8)
    next_header: i64 = frame.data[at]
    units: i64 = frame.data[at + 1]
    frame.take(units * unit)
    return next_header


def _fragment(frame: Frame) -> i64:
    """RFC 8200, 4.5: next header, reserved, offset and flags, identification."""
    at = frame.take(8)
    data = frame.data
    next_header: i64 = data[at]
    fragment = u16(data, at + 2)
    if fragment & 0xFFF9 == 0:  # a datagram of one fragment
        return next_header
    name = data[at + 4 : at + 8] + data[at : at + 1] + frame.addresses
    return frame.fragment(name, fragment & 0xFFF8, fragment & 1 == 0, next_header)


def _gre(frame: Frame) -> i64:
    """RFC 2784, 2890 and 2637: flags, protocol, then four bytes for each number that a flag announces."""
    at = frame.take(4)
    flags = u16(frame.data, at)
    for flag in (0x8000, 0x2000, 0x1000, 0x0080):
        if flags & flag:
            frame.take(4)
    return _ethertype(frame.data, at + 2)


def _erspan(frame: Frame) -> i64:
    """ERSPAN type II behind GRE: eight bytes that say of which port of the switch this is a copy."""
    frame.take(8)
    return ETHERNET


def _erspan3(frame: Frame) -> i64:
    """ERSPAN type III: twelve bytes, and eight more where the last bit says so."""
    at = frame.take(12)
    if frame.data[at + 11] & 1:
        frame.take(8)
    return ETHERNET


def _udp(frame: Frame) -> i64:
    """RFC 768, for VXLAN (RFC 7348, 5), whose header names nothing but the network, and GENEVE (RFC 8926, 3.4)."""
    at = frame.take(8)
    port = u16(frame.data, at + 2)
    if port in VXLAN_PORTS:
        frame.take(8)
        return ETHERNET
    if port != GENEVE_PORT:
        return DONE
    at = frame.take(8)
    words: i64 = frame.data[at]
    frame.take((words & 63) * 4)
    return _ethertype(frame.data, at + 2)


def _tcp(frame: Frame) -> i64:
    """RFC 9293, 3.1.  The header may be cut behind the window: nothing after it is needed."""
    at = frame.take(16)
    data = frame.data
    words: i64 = data[at + 12]
    start = at + (words >> 4) * 4
    if start < at + 20 or start > frame.end:
        raise Unreadable("damaged header")
    length = max(0, min(frame.end, len(data)) - start)
    frame.segment = Segment(
        frame.packet.number,
        frame.packet.time_ns,
        frame.addresses + data[at : at + 4],
        u32(data, at + 4),
        u32(data, at + 8),
        data[at + 13],
        u16(data, at + 14),
        data,
        start,
        length,
        frame.end - start - length,
    )
    return DONE


LAYERS: Final[dict[int, Callable[[Frame], i64]]] = {
    IPV4: _ipv4,
    IPV6: _ipv6,
    ETHERNET: _ethernet,
    0x8100: _vlan,
    0x88A8: _vlan,
    0x9100: _vlan,
    MPLS: _mpls,
    0x8848: _mpls,
    0x8864: _pppoe,
    PPP: _ppp,
    IP: _ip,
    NULL: _null,
    SLL: _sll,
    SLL2: _sll2,
    LLC: _llc,
    PKTAP: _pktap,
    ERSPAN: _erspan,
    ERSPAN3: _erspan3,
    0: _extension,
    4: _ipv4,
    TCP: _tcp,
    17: _udp,
    41: _ipv6,
    43: _extension,
    44: _fragment,
    47: _gre,
    51: _authentication,
    60: _extension,
}


# --- fragments -------------------------------------------------------------------------------------------


class Datagram:
    """The pieces of one IP datagram by offset: where each ends, its packet, its bytes, fewer where it was cut."""

    __slots__ = ("time_ns", "length", "pieces")

    def __init__(self, time_ns: i64) -> None:
        self.time_ns = time_ns
        self.length: i64 = -1
        self.pieces: dict[int, tuple[int, int, bytes]] = {}

    def copy(self) -> Datagram:
        twin = Datagram(self.time_ns)
        twin.length = self.length
        twin.pieces = self.pieces.copy()
        return twin

    def whole(self) -> bool:
        """Whether no piece is missing."""
        reached = 0
        for offset in sorted(self.pieces):
            if offset > reached:
                return False
            reached = max(reached, self.pieces[offset][0])
        return reached == self.length

    def joined(self) -> bytes:
        """The bytes up to the first that was not captured; where pieces overlap, the one that begins first counts."""
        joined = b""
        for offset in sorted(self.pieces):
            if offset > len(joined):
                break
            joined += self.pieces[offset][2][len(joined) - offset :]
        return joined


class Fragments:
    """Datagrams of which pieces are missing, the oldest first; `lost` counts those that were given up."""

    __slots__ = ("lost", "_waiting", "_pieces")

    def __init__(self) -> None:
        self.lost = 0
        self._waiting: dict[bytes, Datagram] = {}
        self._pieces = 0

    def copy(self) -> Fragments:
        twin = Fragments()
        twin.lost = self.lost
        twin._waiting = {name: datagram.copy() for name, datagram in self._waiting.items()}
        twin._pieces = self._pieces
        return twin

    def add(self, name: bytes, offset: i64, end: i64, data: bytes, last: bool, packet: Packet) -> Datagram | None:
        """Take one piece in; return its datagram if that makes it whole."""
        datagram = self._waiting.get(name)
        time_ns = packet.time_ns
        if datagram is not None and time_ns - datagram.time_ns > FRAGMENT_NS:
            self._give_up(name)
            datagram = None
        if datagram is None:
            datagram = self._waiting[name] = Datagram(time_ns)
        if offset not in datagram.pieces:
            datagram.pieces[offset] = end, packet.number, data
            self._pieces += 1
        if last:
            datagram.length = end
        if datagram.whole():
            self._forget(name)
            return datagram
        while self._pieces > FRAGMENTS:
            self._give_up(next(iter(self._waiting)))
        return None

    def _give_up(self, name: bytes) -> None:
        self._forget(name)
        self.lost += 1

    def _forget(self, name: bytes) -> None:
        self._pieces -= len(self._waiting.pop(name).pieces)


# --- packets ---------------------------------------------------------------------------------------------


class Decoder:
    """Turns packets into TCP segments.

    unread     packets that could not be read, by reason
    fragments  IP datagrams that wait for missing pieces: the only thing remembered from packet to packet
    """

    __slots__ = ("unread", "fragments")

    def __init__(self) -> None:
        self.unread: dict[str, int] = {}
        self.fragments = Fragments()

    def copy(self) -> Decoder:
        """A decoder that goes on from the same place."""
        twin = Decoder()
        twin.unread = self.unread.copy()
        twin.fragments = self.fragments.copy()
        return twin

    def decode(self, packets: list[Packet]) -> list[Segment]:
        """The TCP segments in these packets, in their order."""
        segments: list[Segment] = []
        link_type: i64 = -1
        ip_at: i64 = 0
        type_at: i64 = 0
        for packet in packets:
            if packet.link_type != link_type:
                link_type = packet.link_type
                ip_at, type_at = STRAIGHT.get(link_type, (BEYOND, -1))
            block = packet.block
            start = packet.start
            ip = start + ip_at
            tcp = ip + 20
            end = start + packet.captured
            if (
                tcp + 20 <= end
                and (type_at < 0 or u16(block, start + type_at) == IPV4)
                and block[ip] == 0x45
                and block[ip + 9] == TCP
                and u16(block, ip + 6) & 0x3FFF == 0
            ):
                words: i64 = block[tcp + 12]
                payload = tcp + (words >> 4) * 4
                length = ip + u16(block, ip + 2) - payload
                if payload >= tcp + 20 and length >= 0 and payload + length <= end:
                    segments.append(
                        Segment(
                            packet.number,
                            packet.time_ns,
                            block[ip + 12 : ip + 24],
                            u32(block, tcp + 4),
                            u32(block, tcp + 8),
                            block[tcp + 13],
                            u16(block, tcp + 14),
                            block,
                            payload,
                            length,
                            0,
                        )
                    )
                    continue
            segment = self._climb(packet)
            if segment is not None:
                segments.append(segment)
        return segments

    def _climb(self, packet: Packet) -> Segment | None:
        """The way for every packet that is not straight."""
        frame = Frame(packet, self.fragments)
        try:
            if packet.link_type not in LINKS:
                raise Unreadable(f"link type {packet.link_type}")
            layer = LAYERS.get(LINKS[packet.link_type])
            while layer is not None:
                layer = LAYERS.get(layer(frame))
        except Unreadable as unreadable:
            reason = str(unreadable)
            self.unread[reason] = self.unread.get(reason, 0) + 1
        return frame.segment
