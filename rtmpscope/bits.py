"""Unsigned integers read straight out of bytes.

One function per width and byte order, used by every binary parser.  The caller checks that the bytes
are there; an index beyond the end raises IndexError.  Compiled, each is a handful of machine
instructions, which is why the hot loops use these rather than struct.
"""

from mypy_extensions import i64


def u16(data: bytes, at: i64) -> i64:
    """Big-endian 16-bit integer."""
    high: i64 = data[at]
    low: i64 = data[at + 1]
    return high << 8 | low


def u24(data: bytes, at: i64) -> i64:
    """Big-endian 24-bit integer."""
    high: i64 = data[at]
    middle: i64 = data[at + 1]
    low: i64 = data[at + 2]
    return high << 16 | middle << 8 | low


def u32(data: bytes, at: i64) -> i64:
    """Big-endian 32-bit integer."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    fourth: i64 = data[at + 3]
    return first << 24 | second << 16 | third << 8 | fourth


def u16le(data: bytes, at: i64) -> i64:
    """Little-endian 16-bit integer."""
    low: i64 = data[at]
    high: i64 = data[at + 1]
    return high << 8 | low


def u32le(data: bytes, at: i64) -> i64:
    """Little-endian 32-bit integer."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    fourth: i64 = data[at + 3]
    return fourth << 24 | third << 16 | second << 8 | first


def u16_by(data: bytes, at: i64, little: bool) -> i64:
    """16-bit integer in the byte order that a file declared."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    return second << 8 | first if little else first << 8 | second


def u32_by(data: bytes, at: i64, little: bool) -> i64:
    """32-bit integer in the byte order that a file declared."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    fourth: i64 = data[at + 3]
    if little:
        return fourth << 24 | third << 16 | second << 8 | first
    return first << 24 | second << 16 | third << 8 | fourth
