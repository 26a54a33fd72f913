"""Packets out of the pcapng file format.

Works as rtmpscope.capture.pcap does.  A file is a row of blocks; a section header starts afresh with its own
byte order and interfaces, and each packet takes clock and link type from the interface it names.  Other blocks that
hold no packets are stepped over, but for interface statistics, which say how many packets the capture itself has lost.

Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.bits import u16_by, u32_by
from rtmpscope.limits import INTERFACES, PACKET_BYTES, PCAPNG_BLOCK_BYTES
from rtmpscope.model import Packet

MAGIC: Final = bytes.fromhex("0a0d0d0a")
BYTE_ORDER: Final = 0x1A2B3C4D

# Block types (section 4 and, for the obsolete Packet Block, appendix A).
SECTION_HEADER: Final = 0x0A0D0D0A
INTERFACE_DESCRIPTION: Final = 1
PACKET: Final = 2
SIMPLE_PACKET: Final = 3
INTERFACE_STATISTICS: Final = 5
ENHANCED_PACKET: Final = 6

SMALLEST_BLOCK: Final = 12  # type, length, length again

# Least contents of the blocks that are read whole.
CONTENTS: Final = {
    SECTION_HEADER: 16,
    INTERFACE_DESCRIPTION: 8,
    INTERFACE_STATISTICS: 12,
}

# Options (section 3.5, 4.2, 4.6).
IF_TSRESOL: Final = 9
IF_TSOFFSET: Final = 14
ISB_IFDROP: Final = 5
ISB_OSDROP: Final = 7

SECOND: Final = 1_000_000_000
LATEST: Final = 2**62 - 1  # in the year 2116; the difference of two times fits into 64 bits too


class Interface:
    """One interface of a section: what its packets are and how its clock counts."""

    __slots__ = ("link_type", "snaplen", "_ticks", "_offset", "_unit_ns", "_offset_ns", "_exact_below")

    def __init__(self, link_type: int, snaplen: int, ticks: int, offset: int) -> None:
        """`ticks` of the clock make a second, `offset` seconds are added to what it shows."""
        self.link_type: i64 = link_type
        self.snaplen: i64 = snaplen
        self._ticks = ticks
        self._offset = offset * SECOND
        # The common clocks need one multiplication, and cannot overflow while the upper word is below this bound.
        self._unit_ns: i64 = 0
        self._offset_ns: i64 = 0
        self._exact_below: i64 = 0
        if SECOND % ticks == 0 and abs(self._offset) < LATEST // 2:
            unit_ns = SECOND // ticks
            self._unit_ns = unit_ns
            self._offset_ns = self._offset
            self._exact_below = (LATEST // 2 // unit_ns) >> 32

    def time_ns(self, high: i64, low: i64) -> i64:
        """Nanoseconds since 1970 of a timestamp; what a 64-bit integer cannot hold becomes its nearest end."""
        if high < self._exact_below:
            return (high << 32 | low) * self._unit_ns + self._offset_ns
        upper: int = high
        lower: int = low
        time_ns = (upper << 32 | lower) * SECOND // self._ticks + self._offset
        return max(-LATEST, min(LATEST, time_ns))


class PcapngParser:
    """Where in a pcapng file the reading stands: the byte order and the interfaces of the section.

    need   bytes, from the last place `parse` returned, that must be there before it can go on
    fault  why nothing can be read from that place; empty while all is well
    """

    __slots__ = ("need", "fault", "_little", "_interfaces", "_described", "_drops", "_dropped_before")

    def __init__(self) -> None:
        self.need: i64 = SMALLEST_BLOCK
        self.fault = ""
        self._little = True
        self._interfaces: list[Interface] = []  # shared with copies: this one knows of those it has been described
        self._described: i64 = 0
        self._drops: dict[int, int] = {}  # by interface of this section
        self._dropped_before = 0

    @property
    def dropped(self) -> int:
        """Packets that interfaces have reported as lost."""
        return self._dropped_before + sum(self._drops.values())

    def copy(self) -> PcapngParser:
        """A parser that goes on from the same place and keeps its own account of drops."""
        twin = PcapngParser()
        twin.need = self.need
        twin.fault = self.fault
        twin._little = self._little
        twin._interfaces = self._interfaces
        twin._described = self._described
        return twin

    def parse(self, block: bytes, number: i64, packets: list[Packet]) -> i64:
        """Append the packets of a block, numbered from `number`; return where the first unfinished record begins."""
        size: i64 = len(block)
        at: i64 = 0
        while at + SMALLEST_BLOCK <= size:
            kind = u32_by(block, at, self._little)
            if kind == SECTION_HEADER and not self._read_byte_order(block, at + 8):
                return at
            length = u32_by(block, at + 4, self._little)
            if length < SMALLEST_BLOCK or length % 4 or length > PCAPNG_BLOCK_BYTES:
                self.fault = f"a block claims {length:,} bytes"
                return at
            end = at + length
            if end > size:
                self.need = length
                return at
            if u32_by(block, end - 4, self._little) != length:
                self.fault = "the two lengths of a block differ"
                return at
            if kind == ENHANCED_PACKET or kind == PACKET or kind == SIMPLE_PACKET:
                packet = self._read_packet(kind, block, at, end, number)
                if packet is None:
                    return at
                packets.append(packet)
                number += 1
            elif kind in CONTENTS and not self._read_block(kind, block[at + 8 : end - 4]):
                return at
            at = end
        self.need = SMALLEST_BLOCK
        return at

    def _read_byte_order(self, block: bytes, at: i64) -> bool:
        """Section 4.1: the byte-order magic, which stands after the length that it explains."""
        for little in (True, False):
            if u32_by(block, at, little) == BYTE_ORDER:
                self._little = little
                return True
        self.fault = "a section header without its byte-order magic"
        return False

    def _read_packet(self, kind: i64, block: bytes, at: i64, end: i64, number: i64) -> Packet | None:
        """Sections 4.3 and 4.4 and the obsolete Packet Block, whose interface takes only 16 bits.

        A Simple Packet has no time of its own and gets 0.
        """
        little = self._little
        if end - at < (16 if kind == SIMPLE_PACKET else 32):
            self.fault = f"a packet in a block of {end - at} bytes"
            return None

        named: i64 = 0
        if kind == ENHANCED_PACKET:
            named = u32_by(block, at + 8, little)
        elif kind == PACKET:
            named = u16_by(block, at + 8, little)
        if named >= self._described:
            self.fault = f"a packet of interface {named}, which is not described"
            return None
        interface = self._interfaces[named]

        if kind == SIMPLE_PACKET:
            time_ns: i64 = 0
            wire_length = u32_by(block, at + 8, little)
            captured = wire_length
            if 0 < interface.snaplen < captured:
                captured = interface.snaplen
            data = at + 12
        else:
            time_ns = interface.time_ns(u32_by(block, at + 12, little), u32_by(block, at + 16, little))
            captured = u32_by(block, at + 20, little)
            wire_length = u32_by(block, at + 24, little)
            data = at + 28
        if captured > PACKET_BYTES or data + captured > end - 4:
            self.fault = f"a packet claims {captured:,} bytes in a block of {end - at:,}"
            return None
        return Packet(number, time_ns, interface.link_type, block, data, captured, wire_length)

    def _read_block(self, kind: int, contents: bytes) -> bool:
        """Learn from a block that is not a packet."""
        if len(contents) < CONTENTS[kind]:
            self.fault = f"a block of type {kind} with {len(contents)} bytes in it"
            return False
        if kind == SECTION_HEADER:
            return self._read_section(contents)
        if kind == INTERFACE_DESCRIPTION:
            return self._read_interface(contents)
        self._read_statistics(contents)
        return True

    def _read_section(self, contents: bytes) -> bool:
        """Section 4.1: byte-order magic, version, section length (which may be unknown, and is not needed)."""
        version = self._integer(contents[4:6])
        if version != 1:
            self.fault = f"a section of format version {version}; only 1 is known"
            return False
        self._interfaces = []
        self._described = 0
        self._dropped_before = self.dropped
        self._drops = {}
        return True

    def _read_interface(self, contents: bytes) -> bool:
        """Section 4.2: link type, reserved, snaplen, options."""
        options = self._options(contents, 8)
        resolution = (options.get(IF_TSRESOL) or b"\6")[0]
        ticks: int = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        offset = self._integer(options.get(IF_TSOFFSET, b""), signed=True)
        interface = Interface(self._integer(contents[:2]), self._integer(contents[4:8]), ticks, offset)
        if self._described == INTERFACES:
            self.fault = f"a section of more than {INTERFACES:,} interfaces"
            return False
        if self._described < len(self._interfaces):  # a copy has gone on before
            self._interfaces = self._interfaces[: self._described]
        self._interfaces.append(interface)
        self._described += 1
        return True

    def _read_statistics(self, contents: bytes) -> None:
        """Section 4.6: interface, timestamp, options; the counts are totals since the interface was opened."""
        named = self._integer(contents[:4])
        if named >= self._described:
            return
        options = self._options(contents, 12)
        self._drops[named] = sum(self._integer(options.get(code, b"")) for code in (ISB_IFDROP, ISB_OSDROP))

    def _options(self, contents: bytes, at: int) -> dict[int, bytes]:
        """Section 3.5: code, length, value, padding to 32 bits; the first of each code counts."""
        options: dict[int, bytes] = {}
        while at + 4 <= len(contents):
            code = self._integer(contents[at : at + 2])
            length = self._integer(contents[at + 2 : at + 4])
            if code == 0 or at + 4 + length > len(contents):
                break
            options.setdefault(code, contents[at + 4 : at + 4 + length])
            at += 4 + length + -length % 4
        return options

    def _integer(self, data: bytes, signed: bool = False) -> int:
        return int.from_bytes(data, "little" if self._little else "big", signed=signed)
