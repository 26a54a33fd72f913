"""NAL units in coded frames and in the arrays of configuration records.

A frame's units have lengths before them, or the start codes of Annex B where a sender got it wrong.

The size of a length stands in the configuration record, which a single message does not have.  It is 4 bytes but
for oddities, so 4 is tried first, and another size only where that one fits the message exactly and 4 does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtmpscope.limits import MEDIA_FIELDS
from rtmpscope.media.bit_reader import BitReader, Decoder

START_CODE: Final = b"\0\0\1"
_LENGTH_SIZES: Final = (4, 2, 1, 3)


def units(reader: BitReader, unit: Decoder) -> None:
    """List the units up to the end."""
    data, start, end = reader.data, reader.at >> 3, reader.end >> 3
    size = next((size for size in _LENGTH_SIZES if _fits(data, start, end, reader.missing, size)), 0)
    if not size and data.startswith((START_CODE, b"\0" + START_CODE), start):
        with reader.group("nal_units", "list", "Annex B start codes stand where lengths belong"):
            _between_start_codes(reader, unit)
        return
    size = size or _LENGTH_SIZES[0]
    with reader.group("nal_units", "list", "" if size == 4 else f"lengths of {size} bytes"):
        while reader.left:
            reader.sized("nal_unit", 8 * size, unit, collects=True)


def arrays(
    reader: BitReader, types: Mapping[int, str], type_bits: int, unit: Decoder, alone: frozenset[str] = frozenset()
) -> None:
    """The parameter sets of HEVC's and VVC's record, by type; arrays of the types in `alone` have no count."""
    count = reader.u("array_count", 8, kind="display")
    with reader.group("arrays", "list"):
        for _ in range(count):
            with reader.group("array"):
                reader.flag("array_completeness")
                reader.reserved(7 - type_bits)
                kind = reader.word("type", type_bits, types)
                units = 1 if kind in alone else reader.u("nal_unit_count", 16, kind="display")
                with reader.group("nal_units", "list"):
                    for _ in range(units):
                        reader.sized("nal_unit", 16, unit)


def _fits(data: bytes, at: int, end: int, missing: int, size: int) -> bool:
    """Whether lengths of `size` bytes lead from unit to unit to exactly the end, or on into what is missing."""
    for _ in range(MEDIA_FIELDS):  # no more units than can be shown
        if at + size > end:
            return at <= end + missing if missing else at == end
        at += size + int.from_bytes(data[at : at + size], "big")
    return False


def _between_start_codes(reader: BitReader, unit: Decoder) -> None:
    end = reader.end >> 3
    while reader.left:
        at = reader.at >> 3
        found = reader.data.find(START_CODE, at, end)
        if found != at:  # zero bytes that may stand before a start code
            reader.octets("zero_byte", (end if found < 0 else found) - at)
            continue
        reader.octets("start_code", len(START_CODE))
        at += len(START_CODE)
        following = reader.data.find(START_CODE, at, end)
        stop = end if following < 0 else following
        stop -= len(reader.data[at:stop]) - len(reader.data[at:stop].rstrip(b"\0"))
        reader.record("nal_unit", unit, stop - at)
