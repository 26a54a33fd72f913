"""Packets into a pcapng file: little-endian, with nanoseconds.

The file is opened and closed by the caller; the writer only appends, each packet with one write.

Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from rtmpscope.capture import pcapng
from rtmpscope.limits import PACKET_BYTES
from rtmpscope.model import Packet

NANOSECONDS: Final = 9  # if_tsresol: 10 to the power of minus this


class PcapngWriter:
    """One section, and an interface for each link type when its first packet comes."""

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


def _block(kind: int, contents: bytes) -> bytes:
    """Section 3.1: type, length, contents padded to 32 bits, length."""
    padding = -len(contents) % 4
    length = len(contents) + padding + pcapng.SMALLEST_BLOCK
    return struct.pack("<II", kind, length) + contents + bytes(padding) + struct.pack("<I", length)


def _option(code: int, value: bytes) -> bytes:
    """Section 3.5: code, length, value padded to 32 bits."""
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)
