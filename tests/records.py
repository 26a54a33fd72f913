"""Capture files built from the words of their formats, one record or block at a time, right or wrong."""

from __future__ import annotations

import struct
from collections.abc import Sequence

MICROSECONDS, NANOSECONDS, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34

# --- pcap (draft-ietf-opsawg-pcap) -----------------------------------------------------------------------


def pcap_header(magic: int = MICROSECONDS, order: str = "<", link_type: int = 1, snaplen: int = 262_144) -> bytes:
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link_type)


def pcap_record(
    data: bytes,
    seconds: int = 1_700_000_000,
    fraction: int = 0,
    *,
    order: str = "<",
    modified: bool = False,
    captured: int | None = None,
    wire_length: int | None = None,
) -> bytes:
    """One record; `captured` tells a lie about the length of `data`."""
    captured = len(data) if captured is None else captured
    wire_length = captured if wire_length is None else wire_length
    header = struct.pack(order + "IIII", seconds, fraction, captured, wire_length)
    return header + (struct.pack(order + "IHBB", 2, 0x0800, 0, 0) if modified else b"") + data


# --- pcapng (draft-ietf-opsawg-pcapng) -------------------------------------------------------------------


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind: int, contents: bytes, order: str = "<", length: int | None = None, again: int | None = None) -> bytes:
    """Any block; `length` and `again` tell lies in its two length fields."""
    contents += bytes(-len(contents) % 4)
    real = len(contents) + 12
    length = real if length is None else length
    again = length if again is None else again
    return struct.pack(order + "II", kind, length) + contents + struct.pack(order + "I", again)


def section(order: str = "<", major: int = 1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1), order)


def interface(
    link_type: int = 1,
    snaplen: int = 262_144,
    *,
    tsresol: int | None = None,
    tsoffset: int | None = None,
    options: Sequence[bytes] = (),
    order: str = "<",
) -> bytes:
    listed = list(options)
    if tsresol is not None:
        listed.append(option(9, bytes([tsresol]), order))
    if tsoffset is not None:
        listed.append(option(14, struct.pack(order + "q", tsoffset), order))
    if listed:
        listed.append(option(0, b"", order))
    return block(1, struct.pack(order + "HHI", link_type, 0, snaplen) + b"".join(listed), order)


def enhanced(
    data: bytes,
    ticks: int = 1_700_000_000_000_000,
    named: int = 0,
    *,
    order: str = "<",
    captured: int | None = None,
    wire_length: int | None = None,
    options: bytes = b"",
) -> bytes:
    """An Enhanced Packet Block."""
    captured = len(data) if captured is None else captured
    wire_length = captured if wire_length is None else wire_length
    fields = struct.pack(order + "IIIII", named, ticks >> 32, ticks & 0xFFFFFFFF, captured, wire_length)
    return block(6, fields + data + bytes(-len(data) % 4) + options, order)


def simple(data: bytes, wire_length: int | None = None, order: str = "<") -> bytes:
    """A Simple Packet Block."""
    return block(3, struct.pack(order + "I", len(data) if wire_length is None else wire_length) + data, order)


def obsolete(data: bytes, ticks: int = 1_700_000_000_000_000, named: int = 0, order: str = "<") -> bytes:
    """A Packet Block, which Enhanced Packet Blocks replaced."""
    fields = struct.pack(order + "HHIIII", named, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(2, fields + data, order)


def statistics(named: int, dropped: int, order: str = "<") -> bytes:
    """An Interface Statistics Block with isb_ifrecv and isb_ifdrop."""
    counts = option(4, struct.pack(order + "Q", 1000), order) + option(5, struct.pack(order + "Q", dropped), order)
    return block(5, struct.pack(order + "III", named, 0, 0) + counts, order)


def secrets(text: bytes, kind: int = 0x544C534B, order: str = "<") -> bytes:
    """A Decryption Secrets Block."""
    return block(10, struct.pack(order + "II", kind, len(text)) + text, order)
