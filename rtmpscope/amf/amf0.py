"""AMF0 values to field trees (Action Message Format 0, December 2007), as RTMP messages carry them.

In goes the place of a marker, out comes a Field with the value's bytes, children in wire order; the key of a
property stands before its range.  Departures from the text, for what is really sent: the count of an ECMA array is a
hint, an object may end with its message, and the switch to AMF3 holds for one value.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from mypy_extensions import i64

from rtmpscope.amf import amf3
from rtmpscope.amf.reader import CUT, TOO_DEEP, Reader, date_text, double, text_of
from rtmpscope.bits import u16, u32
from rtmpscope.limits import AMF_DEPTH, AMF_ITEMS
from rtmpscope.model import Field

# Markers (AMF0 2.1).
NUMBER: Final = 0x00
BOOLEAN: Final = 0x01
STRING: Final = 0x02
OBJECT: Final = 0x03
MOVIECLIP: Final = 0x04
NULL: Final = 0x05
UNDEFINED: Final = 0x06
REFERENCE: Final = 0x07
ECMA_ARRAY: Final = 0x08
OBJECT_END: Final = 0x09
STRICT_ARRAY: Final = 0x0A
DATE: Final = 0x0B
LONG_STRING: Final = 0x0C
UNSUPPORTED: Final = 0x0D
RECORDSET: Final = 0x0E
XML: Final = 0x0F
TYPED_OBJECT: Final = 0x10
AVMPLUS: Final = 0x11
INT64: Final = 0x22  # not in the text; Wireshark's dissector knows it

# The kind of field for each marker, and the bytes of fixed size that follow it.
LAYOUT: Final = {
    NUMBER: ("number", 8),
    BOOLEAN: ("boolean", 1),
    STRING: ("string", 2),
    OBJECT: ("object", 0),
    MOVIECLIP: ("movieclip", 0),
    NULL: ("null", 0),
    UNDEFINED: ("undefined", 0),
    REFERENCE: ("reference", 2),
    ECMA_ARRAY: ("ecma_array", 4),
    STRICT_ARRAY: ("strict_array", 4),
    DATE: ("date", 10),
    LONG_STRING: ("long_string", 4),
    UNSUPPORTED: ("unsupported", 0),
    RECORDSET: ("recordset", 0),
    XML: ("xml", 4),
    TYPED_OBJECT: ("typed_object", 2),
    AVMPLUS: ("", 0),
    INT64: ("int64", 8),
}

_INT64: Final = Struct(">q").unpack_from


class Decoder(Reader):
    """The values of one message, which share the reference tables, the depth and the number of items."""

    __slots__ = ("_amf3",)

    def __init__(self, data: bytes, end: i64) -> None:
        super().__init__(data, end)
        self._amf3: amf3.Decoder | None = None

    def value(self, at: i64, name: str) -> Field:
        """The value whose marker is at `at`; its `end` is where the next one begins."""
        if at >= self.end or self.items >= AMF_ITEMS:
            return self._exhausted(at, name)
        self.items += 1
        data = self.data
        marker: i64 = data[at]
        layout = LAYOUT.get(marker)
        if layout is None:
            return self._stop(Field(name, None, at, at), at, f"unknown AMF0 marker 0x{marker:02x}")
        kind, size = layout
        after = at + 1 + size
        field = Field(name, None, at, after, "", kind)
        if after > self.end:
            return self._cut(field)
        if marker == NUMBER:
            field.value = double(data, at + 1)
        elif marker == STRING:
            self._text(field, u16(data, at + 1))
        elif marker == BOOLEAN:
            field.value = data[at + 1] != 0
        elif marker == NULL or marker == UNDEFINED or marker == UNSUPPORTED:
            pass
        elif marker == OBJECT or marker == ECMA_ARRAY or marker == TYPED_OBJECT or marker == STRICT_ARRAY:
            self._container(field, marker)
        elif marker == AVMPLUS:
            return self._switch(at, name)
        elif marker == LONG_STRING or marker == XML:
            self._text(field, u32(data, at + 1))
        elif marker == DATE:
            self._date(field, at + 1)
        elif marker == REFERENCE:
            self._reference(field, u16(data, at + 1))
        elif marker == INT64:
            field.value = _INT64(data, at + 1)[0]
        else:
            self._stop(field, after, f"{kind} is reserved and has no published layout")
        return field

    def _text(self, field: Field, length: i64) -> None:
        at: i64 = field.end
        after = at + length
        if after > self.end:
            self._cut(field)
            return
        field.value, field.text = text_of(self.data[at:after])
        field.end = after

    def _date(self, field: Field, at: i64) -> None:
        """AMF0 2.13: milliseconds since 1970, then a time zone that is to be zero and is ignored."""
        milliseconds = double(self.data, at)
        zone = u16(self.data, at + 8)
        field.value, field.text = milliseconds, date_text(milliseconds)
        minutes = zone - 0x10000 if zone >= 0x8000 else zone
        field.children.append(Field("time_zone", minutes, at + 8, at + 10, "", "display"))

    def _container(self, field: Field, marker: i64) -> None:
        at: i64 = field.end
        self._objects.append(field)
        if self.depth >= AMF_DEPTH:
            self._stop(field, at, TOO_DEEP)
            return
        self.depth += 1
        if marker == STRICT_ARRAY:
            self._items(field, at, u32(self.data, at - 4))
        elif marker == TYPED_OBJECT:
            self._text(field, u16(self.data, at - 2))
            if not self.failed:
                self._properties(field, field.end)
        else:
            self._properties(field, at)
            if marker == ECMA_ARRAY and not self.failed:
                count = u32(self.data, at - 4)
                if count != len(field.children):
                    self._remark(field, f"the count says {count:,}")
        self.depth -= 1

    def _items(self, field: Field, at: i64, count: i64) -> None:
        """AMF0 2.12: exactly `count` values."""
        index: i64 = 0
        while index < count and not self.failed:
            item = self.value(at, f"[{index}]")
            field.children.append(item)
            field.end = at = item.end
            index += 1

    def _properties(self, field: Field, at: i64) -> None:
        """AMF0 2.5: names and values up to an empty name before the end marker, or to the end of the message."""
        data, end = self.data, self.end
        while at < end:
            start = at + 2
            if start > end:
                self._stop(field, at, CUT)
                return
            length = u16(data, at)
            if length == 0 and start < end and data[start] == OBJECT_END:
                field.end = start + 1
                return
            after = start + length
            if after > end:
                self._stop(field, at, CUT)
                return
            name, remark = text_of(data[start:after])
            item = self.value(after, name)
            if remark:
                self._remark(item, f"name: {remark}")
            field.children.append(item)
            field.end = at = item.end
            if self.failed:
                return
        self._remark(field, "no end marker")  # Envivio encoders

    def _switch(self, at: i64, name: str) -> Field:
        """AMF0 3.1: one AMF3 value; its tables are those of all AMF3 values of the message."""
        if self._amf3 is None:
            self._amf3 = amf3.Decoder(self.data, self.end)
        decoder = self._amf3
        decoder.within(self.end)
        decoder.items, decoder.depth = self.items, self.depth
        field = decoder.value(at + 1, name)
        field.start = at
        self.items, self.failed = decoder.items, decoder.failed
        return field


_DICTS: Final = frozenset({"object", "ecma_array", "typed_object", "amf3_object", "external"})
_LISTS: Final = frozenset({"list", "strict_array", "vector_int", "vector_uint", "vector_double", "vector_object"})
_REFERENCES: Final = frozenset({"reference", "amf3_reference"})


def plain(field: Field) -> object:
    """The value as Python has it, for logic: dicts, lists, pairs of a dictionary, numbers, text, bytes.

    A date is its milliseconds; undefined, references and what could not be read are None.
    """
    kind = field.kind
    if kind in _REFERENCES:
        return None
    parts = [part for part in field.children if part.kind != "display" and (part.kind or part.name != "undecoded")]
    if kind in _DICTS or (kind == "array" and parts and parts[0].name != "[0]"):
        return {part.name: plain(part) for part in parts}
    if kind in _LISTS or kind == "array":
        return [plain(part) for part in parts]
    if kind == "dictionary":
        return [[plain(side) for side in entry.children] for entry in parts]
    return field.value
