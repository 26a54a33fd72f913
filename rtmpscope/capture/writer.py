"""Packets into capture files: little-endian, with nanoseconds.

The files are opened and closed by the caller; a writer only appends, each packet with one write.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from rtmpscope.capture import pcapng
from rtmpscope.limits import PACKET_BYTES
from rtmpscope.model import Packet

NANOSECONDS: Final = 9  # if_tsresol: 10 to the power of minus this


class PcapngWriter:
    """pcapng: one section, and an interface for each link type when its first packet comes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._interfaces: dict[int, int] = {}
        self._file.write(_block(pcapng.SECTION_HEADER, struct.pack("<IHHq", pcapng.BYTE_ORDER, 1, 0, -1)))

    def write(self, packet: Packet) -> None:
        """Append a packet.  The format knows no time before 1970: such a packet is written as of then."""
        named = self._interfaces.get(packet.link_type)
        if named is None:
            named = self._interfaces[packet.link_type] = len(self._interfaces)
            clock = _option(pcapng.IF_TSRESOL, bytes([NANOSECONDS]))
            fields = struct.pack("<HHI", packet.link_type, 0, PACKET_BYTES)
            self._file.write(_block(pcapng.INTERFACE_DESCRIPTION, fields + clock + _option(0, b"")))
        high, low = divmod(max(0, packet.time_ns), 1 << 32)
        fields = struct.pack("<IIIII", named, high, low, packet.captured, packet.wire_length)
        self._file.write(_block(pcapng.ENHANCED_PACKET, fields + packet.data))

    def write_dropped(self, link_type: int, dropped: int) -> None:
        """Append the count of packets that were lost so far on the interface of a link type, if it had a packet."""
        if link_type in self._interfaces:
            fields = struct.pack("<III", self._interfaces[link_type], 0, 0)
            count = _option(pcapng.ISB_IFDROP, struct.pack("<Q", dropped))
            self._file.write(_block(pcapng.INTERFACE_STATISTICS, fields + count + _option(0, b"")))


class PcapWriter:
    """Classic pcap: one link type, told beforehand."""

    def __init__(self, file: BinaryIO, link_type: int) -> None:
        self._file = file
        self._link_type: Final = link_type
        self._file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, PACKET_BYTES, link_type))

    def write(self, packet: Packet) -> None:
        """Append a packet.  The format knows no time before 1970: such a packet is written as of then."""
        if packet.link_type != self._link_type:
            raise ValueError(f"a packet of link type {packet.link_type} in a pcap file of link type {self._link_type}")
        seconds, fraction = divmod(max(0, packet.time_ns), 1_000_000_000)
        self._file.write(struct.pack("<IIII", seconds, fraction, packet.captured, packet.wire_length) + packet.data)


def _block(kind: int, contents: bytes) -> bytes:
    """draft-ietf-opsawg-pcapng, 3.1: type, length, contents padded to 32 bits, length."""
    padding = -len(contents) % 4
    length = len(contents) + padding + pcapng.SMALLEST_BLOCK
    return struct.pack("<II", kind, length) + contents + bytes(padding) + struct.pack("<I", length)


def _option(code: int, value: bytes) -> bytes:
    """draft-ietf-opsawg-pcapng, 3.5: code, length, value padded to 32 bits."""
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)
