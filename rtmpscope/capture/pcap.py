"""Packets out of the classic libpcap file format.

Bytes go in as blocks that begin at a record; the packets of all whole records come out, still inside their
block.  Nothing is allocated from a declared length: `need` tells the caller how many bytes the next record
wants, and a length that no capture program writes is a `fault`, after which nothing more can be read.

Source: draft-ietf-opsawg-pcap; the modified format with its longer record header as written by old Red Hat
libpcap (wiretap/libpcap.h).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.bits import u32_by
from rtmpscope.limits import PACKET_BYTES
from rtmpscope.model import Packet

FILE_HEADER: Final = 24

# First bytes of a file: (little-endian, nanoseconds in a unit of the fraction, bytes of a record header).
LAYOUTS: Final[dict[bytes, tuple[bool, int, int]]] = {
    bytes.fromhex("d4c3b2a1"): (True, 1000, 16),
    bytes.fromhex("a1b2c3d4"): (False, 1000, 16),
    bytes.fromhex("4d3cb2a1"): (True, 1, 16),
    bytes.fromhex("a1b23c4d"): (False, 1, 16),
    bytes.fromhex("34cdb2a1"): (True, 1000, 24),
    bytes.fromhex("a1b2cd34"): (False, 1000, 24),
}


class PcapParser:
    """Where in a pcap file the reading stands: its layout, once the file header was read.

    need   bytes, from the last place `parse` returned, that must be there before it can go on
    fault  why nothing can be read from that place; empty while all is well
    """

    __slots__ = ("need", "fault", "_little", "_fraction", "_header", "_link_type")

    def __init__(self) -> None:
        self.need: i64 = FILE_HEADER
        self.fault = ""
        self._little = True
        self._fraction: i64 = 0
        self._header: i64 = 0
        self._link_type: i64 = 0

    def copy(self) -> PcapParser:
        """A parser that goes on from the same place."""
        twin = PcapParser()
        twin.need = self.need
        twin.fault = self.fault
        twin._little = self._little
        twin._fraction = self._fraction
        twin._header = self._header
        twin._link_type = self._link_type
        return twin

    def parse(self, block: bytes, number: i64, packets: list[Packet]) -> i64:
        """Append the packets of a block, numbered from `number`; return where the first unfinished record begins."""
        size: i64 = len(block)
        if size < self.need:
            return 0
        at: i64 = 0
        if self._header == 0:
            self._read_file_header(block)
            at = FILE_HEADER
        little = self._little
        fraction = self._fraction
        header = self._header
        link_type = self._link_type
        while at + header <= size:
            captured = u32_by(block, at + 8, little)
            if captured > PACKET_BYTES:
                self.fault = f"a packet claims {captured:,} bytes"
                return at
            data = at + header
            if data + captured > size:
                self.need = header + captured
                return at
            seconds = u32_by(block, at, little)
            time_ns = seconds * 1_000_000_000 + u32_by(block, at + 4, little) * fraction
            wire_length = u32_by(block, at + 12, little)
            packets.append(Packet(number, time_ns, link_type, block, data, captured, wire_length))
            number += 1
            at = data + captured
        self.need = header
        return at

    def _read_file_header(self, block: bytes) -> None:
        self._little, self._fraction, self._header = LAYOUTS[block[:4]]
        self._link_type = u32_by(block, 20, self._little) & 0xFFFF  # above it: the length of the frame check sequence
