"""What both encodings have in common: the bytes of one message, what reading them has cost, and how reading stops.

Nothing is ever expanded: a reference stays a reference, so that a cycle ends and a message of n bytes gives at most n
fields.  Nothing raises: reading stops at the first byte that has no meaning, `failed` says why, and the rest of the
bytes is the "undecoded" child of the value that was being read, whose end is then the end of all.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from mypy_extensions import i64

from rtmpscope.limits import AMF_DEPTH, AMF_ITEMS
from rtmpscope.model import Field

CUT: Final = "the bytes end here"
TOO_DEEP: Final = f"nested deeper than {AMF_DEPTH}"
TOO_MANY: Final = f"more than {AMF_ITEMS:,} values"
NOT_UTF8: Final = "not valid UTF-8"

_DOUBLE: Final = Struct(">d").unpack_from


def double(data: bytes, at: i64) -> float:
    """The 64-bit IEEE 754 number at a place, eight bytes of which are there."""
    value: float = _DOUBLE(data, at)[0]
    return value


def text_of(raw: bytes) -> tuple[str, str]:
    """The text, and what there is to say about it: "" or that it was not valid UTF-8."""
    try:
        return raw.decode(), ""
    except UnicodeDecodeError:
        return raw.decode(errors="backslashreplace"), NOT_UTF8


def date_text(milliseconds: float) -> str:
    """Milliseconds since 1970 as a date people read; any double is allowed, NaN as well."""
    if -62135596800000 <= milliseconds < 253402300800000:  # years 1 to 9999
        from datetime import datetime, timedelta  # takes 2 ms to load, and dates are rare

        return f"{(datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)).isoformat(' ', 'milliseconds')} UTC"
    return "not a date"


class Reader:
    """The bytes of one message and how much has been read of them; failed is "" or why reading stopped."""

    __slots__ = ("data", "end", "items", "depth", "failed", "_objects")

    def __init__(self, data: bytes, end: i64) -> None:
        self.data = data
        self.end = end
        self.items: i64 = 0
        self.depth: i64 = 0
        self.failed = ""
        self._objects: list[Field] = []  # what may be referred to

    def within(self, end: i64) -> None:
        """Read on up to another end, as for the next event of a shared object, whatever failed in the one before."""
        self.end = end
        self.failed = ""

    def _reference(self, field: Field, index: i64) -> None:
        field.value = index
        if index < len(self._objects):
            target = self._objects[index]
            field.text = f"the {target.kind} at byte {target.start}"
        else:
            field.text = "no such object in this message"

    def _exhausted(self, at: i64, name: str) -> Field:
        """The field for a value that the bytes or the budget do not allow."""
        return self._stop(Field(name, None, at, at), at, CUT if at >= self.end else TOO_MANY)

    def _stop(self, field: Field, at: i64, why: str) -> Field:
        """Give up while reading `field`: what is left of the message becomes its last child."""
        self.failed = why
        field.children.append(Field("undecoded", self.data[at : self.end], at, self.end, why))
        field.end = self.end
        return field

    def _cut(self, field: Field) -> Field:
        """Give up a value that has no parts: without all of its bytes it is nothing."""
        why = f"the bytes end inside this {field.kind}"
        field.kind = ""
        return self._stop(field, field.start, why)

    def _remark(self, field: Field, text: str) -> None:
        field.text = f"{field.text}; {text}" if field.text else text
