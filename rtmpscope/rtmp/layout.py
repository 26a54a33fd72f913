"""Readers that walk a message body: integers by tables, short strings, AMF values.

A layout lists the parts of a structure in the order of the specification's figure.  A reader turns parts into
fields as far as bytes are there; what does not fit is not read, and `leftover` puts every byte that found no
place into one last field, "undecoded", which says why.  Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtmpscope.amf import amf0
from rtmpscope.amf.reader import TOO_MANY, text_of
from rtmpscope.limits import AMF_ITEMS
from rtmpscope.model import Field


class Part:
    """One part of a layout: its name, its size in bytes, and what a value of it means.

    A part without a meaning of its own says nothing but its number; with `raw` its value is the bytes.
    """

    __slots__ = ("name", "size", "meaning", "raw", "kind")

    def __init__(
        self,
        name: str,
        size: int,
        meaning: Callable[[int], str] | None = None,
        raw: bool = False,
        kind: str = "",
    ) -> None:
        self.name: Final = name
        self.size: Final = size
        self.meaning: Final = meaning
        self.raw: Final = raw
        self.kind: Final = kind


Layout = tuple[Part, ...]


class Reader:
    """A place in a payload that moves on; `why` is "" until something could not be read."""

    __slots__ = ("payload", "at", "end", "why")

    def __init__(self, payload: bytes, at: int = 0) -> None:
        self.payload: Final = payload
        self.at = at
        self.end = len(payload)
        self.why = ""

    def parts(self, layout: Layout, fields: list[Field]) -> bool:
        """Read the parts of a layout; False where the bytes end before its last."""
        for part in layout:
            start, stop = self.at, self.at + part.size
            if stop > self.end:
                self.why = f"ends before {part.name}"
                return False
            data = self.payload[start:stop]
            if part.raw:
                fields.append(Field(part.name, data, start, stop, "", part.kind))
            else:
                number = int.from_bytes(data, "big")
                text = "" if part.meaning is None else part.meaning(number)
                fields.append(Field(part.name, number, start, stop, text, part.kind))
            self.at = stop
        return True

    def string(self, name: str) -> Field | None:
        """Read a 16-bit length and as many bytes of UTF-8 (the AMF0 string without its marker)."""
        start, text_at = self.at, self.at + 2
        stop = text_at + int.from_bytes(self.payload[start:text_at], "big")
        if text_at > self.end or stop > self.end:
            self.why = f"ends before {name}"
            return None
        self.at = stop
        text, remark = text_of(self.payload[text_at:stop])
        return Field(name, text, start, stop, remark)

    def leftover(self, fields: list[Field], why: str = "") -> None:
        """Account for the bytes up to the end: by the reason given, or what stopped the reading, or as too many."""
        why = why or self.why
        if why or self.at < self.end:
            data = self.payload[self.at : self.end]
            fields.append(Field("undecoded", data, self.at, self.end, why or "more than is defined here"))
        self.at = self.end
        self.why = ""


class ValueReader(Reader):
    """A reader of AMF values as well; everything that has no fixed number counts against one bound."""

    __slots__ = ("values",)

    def __init__(self, payload: bytes) -> None:
        super().__init__(payload)
        self.values: Final = amf0.Decoder(payload, len(payload))

    def until(self, end: int) -> None:
        """Read on, up to another end, whatever failed before."""
        self.end = end
        self.values.within(end)

    def more(self) -> bool:
        """There are bytes for another item, and room for it."""
        if self.at >= self.end or self.values.failed:
            return False
        self.values.items += 1
        if self.values.items > AMF_ITEMS:
            self.why = TOO_MANY
            return False
        return True

    def value(self, name: str) -> Field:
        """Read one AMF0 value; without bytes for it, the field says so."""
        field = self.values.value(self.at, name)
        self.at = field.end
        return field


def lost(payload: bytes, length: int) -> str:
    """Why a body of `length` bytes ends early when the capture is to blame, "" when it is not."""
    missing = length - len(payload)
    return f"{missing:,} bytes were not captured" if missing > 0 else ""
