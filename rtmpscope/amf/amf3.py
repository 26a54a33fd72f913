"""AMF3 values to field trees (Action Message Format 3, January 2013).

In goes the place of a marker, out comes a Field with the value's bytes, children in wire order.  Undefined, null and
the booleans are their marker; integers, doubles and strings follow it.  All other values begin with a U29 whose low
bit tells a value from a reference to an earlier one; those that hold values count against the depth.

Readers of parts return the place after the part, -1 when they failed.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.amf.reader import CUT, TOO_DEEP, TOO_MANY, Reader, date_text, double, text_of
from rtmpscope.bits import u32
from rtmpscope.limits import AMF_DEPTH, AMF_ITEMS, AMF_REPEATED
from rtmpscope.model import Field

# Markers (AMF3 3.1); the kind of a field is the name at the marker's place.
INTEGER: Final = 0x04
DOUBLE: Final = 0x05
STRING: Final = 0x06
XML_DOCUMENT: Final = 0x07
DATE: Final = 0x08
ARRAY: Final = 0x09
OBJECT: Final = 0x0A
XML: Final = 0x0B
BYTE_ARRAY: Final = 0x0C
VECTOR_INT: Final = 0x0D
VECTOR_UINT: Final = 0x0E
VECTOR_DOUBLE: Final = 0x0F
VECTOR_OBJECT: Final = 0x10
DICTIONARY: Final = 0x11
KINDS: Final = (
    "amf3_undefined", "amf3_null", "amf3_false", "amf3_true", "integer", "double", "amf3_string", "xml_document",
    "amf3_date", "array", "amf3_object", "amf3_xml", "byte_array", "vector_int", "vector_uint", "vector_double",
    "vector_object", "dictionary",
)  # fmt: skip
CONSTANTS: Final = (None, None, False, True)

REPEATED: Final = f"references repeat more than {AMF_REPEATED:,} characters"

# Externalizable classes whose format is known: the one value of a Flex wrapper, by the property it fills ...
WRAPPERS: Final = {
    "flex.messaging.io.ArrayCollection": "source",
    "flex.messaging.io.ArrayList": "source",
    "flex.messaging.io.ObjectProxy": "object",
}
# ... and the small messages of BlazeDS: per class level, per flag byte, the property of each bit.
_ABSTRACT: Final = (
    ("body", "clientId", "destination", "headers", "messageId", "timestamp", "timeToLive"),
    ("clientIdBytes", "messageIdBytes"),
)
_ASYNC: Final = (("correlationId", "correlationIdBytes"),)
SMALL_MESSAGES: Final[dict[str, tuple[tuple[tuple[str, ...], ...], ...]]] = {
    "DSA": (_ABSTRACT, _ASYNC),
    "DSC": (_ABSTRACT, _ASYNC, (("operation",),)),
    "DSK": (_ABSTRACT, _ASYNC, ()),
}


class Traits:
    """What the objects of one class have in common (AMF3 3.12); names come with what text_of says of them."""

    __slots__ = ("class_name", "remark", "sealed", "dynamic", "external", "size")

    def __init__(self, class_name: str, remark: str, dynamic: bool, external: bool) -> None:
        self.class_name = class_name
        self.remark = remark
        self.sealed: list[tuple[str, str]] = []
        self.dynamic = dynamic
        self.external = external
        self.size: i64 = len(class_name)


class Decoder(Reader):
    """The AMF3 values of one message, which share three reference tables (AMF3 2.2)."""

    __slots__ = ("_strings", "_traits", "_repeated")

    def __init__(self, data: bytes, end: i64) -> None:
        super().__init__(data, end)
        self._strings: list[tuple[str, str]] = []
        self._traits: list[Traits] = []
        self._repeated: i64 = 0

    def value(self, at: i64, name: str) -> Field:
        """The value whose marker is at `at`; its `end` is where the next one begins."""
        if at >= self.end or self.items >= AMF_ITEMS:
            return self._exhausted(at, name)
        self.items += 1
        marker: i64 = self.data[at]
        if marker > DICTIONARY:
            return self._stop(Field(name, None, at, at), at, f"unknown AMF3 marker 0x{marker:02x}")
        field = Field(name, None, at, at + 1, "", KINDS[marker])
        if marker < INTEGER:
            field.value = CONSTANTS[marker]
        elif marker == INTEGER:
            self._integer(field, at + 1)
        elif marker == DOUBLE:
            self._double(field, at + 1)
        elif marker == STRING:
            self._text(field, at + 1)
        else:
            self._complex(field, at + 1, marker)
        return field

    def _complex(self, field: Field, at: i64, marker: i64) -> None:
        """A value, or a reference to an earlier one of this message."""
        head, at = self._u29(at)
        if at < 0:
            self._cut(field)
            return
        field.end = at
        if head & 1 == 0:
            field.kind = "amf3_reference"
            self._reference(field, head >> 1)
            return
        self._objects.append(field)
        if marker == DATE:
            self._date(field, at)
        elif marker == BYTE_ARRAY or marker == XML or marker == XML_DOCUMENT:
            self._bytes(field, at, head >> 1, marker)
        elif self.depth >= AMF_DEPTH:
            self._stop(field, at, TOO_DEEP)
        else:
            self.depth += 1
            self._container(field, at, head, marker)
            self.depth -= 1

    def _container(self, field: Field, at: i64, head: i64, marker: i64) -> None:
        """A value that holds values."""
        count = head >> 1
        if marker == OBJECT:
            self._object(field, at, head)
        elif marker == ARRAY:
            self._array(field, at, count)
        elif marker == DICTIONARY:
            self._dictionary(field, at, count)
        elif marker == VECTOR_OBJECT:
            self._vector_object(field, at, count)
        else:
            self._vector(field, at, count, marker)

    def _u29(self, at: i64) -> tuple[i64, i64]:
        """AMF3 1.3.1: seven bits a byte, bit 7 set where more follow, all eight in the fourth; (value, after)."""
        value: i64 = 0
        fourth = at + 3
        while at < self.end:
            byte: i64 = self.data[at]
            if at == fourth:
                return value << 8 | byte, at + 1
            value = value << 7 | byte & 0x7F
            at += 1
            if byte < 0x80:
                return value, at
        self.failed = CUT
        return 0, -1

    def _string(self, at: i64) -> tuple[str, str, i64]:
        """AMF3 1.3.2: a string or a reference to an earlier one; (text, what to say about it, after)."""
        head, at = self._u29(at)
        if at < 0:
            return "", "", -1
        index = head >> 1
        if head & 1 == 0:
            if index >= len(self._strings):
                return f"invalid reference {index}", "no such string in this message", at
            text, remark = self._strings[index]
            return text, remark, at if self._repeat(len(text)) else -1
        after = at + index
        if after > self.end:
            self.failed = CUT
            return "", "", -1
        if index == 0:
            return "", "", at  # never in the table
        text, remark = text_of(self.data[at:after])
        self._strings.append((text, remark))
        return text, remark, after

    def _repeat(self, characters: i64) -> bool:
        """Whether that many more may be shown again: a reference costs the sender a byte or two, us its text."""
        self._repeated += characters
        if self._repeated > AMF_REPEATED:
            self.failed = REPEATED
            return False
        return True

    def _integer(self, field: Field, at: i64) -> None:
        """AMF3 3.6: 29 bits, the highest of which is the sign."""
        value, after = self._u29(at)
        if after < 0:
            self._cut(field)
            return
        field.value = value - 0x2000_0000 if value >= 0x1000_0000 else value
        field.end = after

    def _double(self, field: Field, at: i64) -> None:
        if at + 8 > self.end:
            self._cut(field)
            return
        field.value = double(self.data, at)
        field.end = at + 8

    def _text(self, field: Field, at: i64) -> None:
        text, remark, after = self._string(at)
        if after >= 0:
            field.value, field.text, field.end = text, remark, after
        elif self.failed == CUT:
            self._cut(field)
        else:
            self._stop(field, field.start, self.failed)

    def _date(self, field: Field, at: i64) -> None:
        """AMF3 3.10: milliseconds since 1970."""
        self._double(field, at)
        if not self.failed:
            field.text = date_text(double(self.data, at))

    def _bytes(self, field: Field, at: i64, length: i64, marker: i64) -> None:
        """AMF3 3.9, 3.13, 3.14: as many bytes, which are text but in a byte array."""
        after = at + length
        if after > self.end:
            self._cut(field)
            return
        raw = self.data[at:after]
        if marker == BYTE_ARRAY:
            field.value = raw
        else:
            field.value, field.text = text_of(raw)
        field.end = after

    def _array(self, field: Field, at: i64, count: i64) -> None:
        """AMF3 3.11: named values up to an empty name, then the dense ones."""
        at = self._named(field, at)
        if at >= 0:
            self._dense(field, at, count)

    def _named(self, field: Field, at: i64) -> i64:
        """Names and values up to an empty name."""
        while True:
            name, remark, after = self._string(at)
            if after < 0:
                self._stop(field, at, self.failed)
                return -1
            if not name:
                field.end = after
                return after
            at = self._child(field, after, name, remark)
            if at < 0:
                return -1

    def _dense(self, field: Field, at: i64, count: i64) -> None:
        index: i64 = 0
        while index < count and at >= 0:
            at = self._child(field, at, f"[{index}]", "")
            index += 1

    def _child(self, field: Field, at: i64, name: str, remark: str) -> i64:
        """One more value into `field`, which then ends where it does; the remark is about its name."""
        child = self.value(at, name)
        if remark:
            self._remark(child, f"name: {remark}")
        field.children.append(child)
        field.end = child.end
        return -1 if self.failed else child.end

    def _object(self, field: Field, at: i64, head: i64) -> None:
        """AMF3 3.12: traits by reference or spelled out, sealed values, then dynamic ones."""
        start = at
        if head & 2 == 0:
            index = head >> 2
            if index >= len(self._traits):
                self._stop(field, at, f"reference to traits {index}, which this message does not have")
                return
            traits = self._traits[index]
            if not self._repeat(traits.size):
                self._stop(field, at, self.failed)
                return
        else:
            class_name, remark, at = self._string(at)
            if at < 0:
                self._stop(field, start, self.failed)
                return
            traits = Traits(class_name, remark, head & 8 != 0, head & 4 != 0)
            self._traits.append(traits)
            if not traits.external:
                at = self._sealed_names(traits, at, head >> 4)
                if at < 0:
                    self._stop(field, start, self.failed)
                    return
        field.value, field.text, field.end = traits.class_name or None, traits.remark, at
        if traits.external:
            field.kind = "external"
            self._external(field, at, traits.class_name)
            return
        for name, remark in traits.sealed:
            at = self._child(field, at, name, remark)
            if at < 0:
                return
        if traits.dynamic:
            self._named(field, at)

    def _sealed_names(self, traits: Traits, at: i64, count: i64) -> i64:
        while count > 0:
            self.items += 1
            if self.items > AMF_ITEMS:
                self.failed = TOO_MANY
                return -1
            name, remark, at = self._string(at)
            if at < 0:
                return -1
            traits.sealed.append((name, remark))
            traits.size += len(name)
            count -= 1
        return at

    def _external(self, field: Field, at: i64, class_name: str) -> None:
        """The format of an externalizable class is its own; only classes that RTMP is known to carry are read."""
        if class_name in WRAPPERS:
            self._child(field, at, WRAPPERS[class_name], "")
            return
        levels = SMALL_MESSAGES.get(class_name)
        if levels is None:
            self._stop(field, at, "an externalizable class with a format of its own")
            return
        for level in levels:
            at = self._flagged(field, at, level)
            if at < 0:
                return

    def _flagged(self, field: Field, at: i64, level: tuple[tuple[str, ...], ...]) -> i64:
        """Flag bytes, bit 7 set where another follows; then one value for each other bit that is set."""
        flags: list[int] = []
        while not flags or flags[-1] & 0x80:
            if at >= self.end:
                self._stop(field, at, CUT)
                return -1
            flags.append(self.data[at])
            field.children.append(Field("flags", flags[-1], at, at + 1, "", "display"))
            field.end = at = at + 1
        for index, byte in enumerate(flags):
            names = level[index] if index < len(level) else ()
            for bit in range(7):
                if byte >> bit & 1:
                    at = self._child(field, at, names[bit] if bit < len(names) else f"flag_{index}_{bit}", "")
                    if at < 0:
                        return -1
        return at

    def _dictionary(self, field: Field, at: i64, count: i64) -> None:
        """AMF3 3.16: whether keys are held weakly, then keys and values."""
        at = self._flag(field, at, "weak_keys")
        while count > 0 and at >= 0:
            entry = Field("entry", None, at, at)
            field.children.append(entry)
            at = self._child(entry, at, "key", "")
            if at >= 0:
                at = self._child(entry, at, "value", "")
            field.end = entry.end
            count -= 1

    def _vector_object(self, field: Field, at: i64, count: i64) -> None:
        """AMF3 3.15: whether the length is fixed, the name of the items' type, then the items."""
        at = self._flag(field, at, "fixed")
        if at < 0:
            return
        name, remark, after = self._string(at)
        if after < 0:
            self._stop(field, at, self.failed)
            return
        field.value, field.text, field.end = name, remark, after
        self._dense(field, after, count)

    def _vector(self, field: Field, at: i64, count: i64, marker: i64) -> None:
        """AMF3 3.15: whether the length is fixed, then bare numbers."""
        at = self._flag(field, at, "fixed")
        if at < 0:
            return
        width: i64 = 8 if marker == VECTOR_DOUBLE else 4
        if count * width > self.end - at:
            self._stop(field, at, CUT)
            return
        if count > AMF_ITEMS - self.items:
            self._stop(field, at, TOO_MANY)
            return
        self.items += count
        index: i64 = 0
        while index < count:
            if marker == VECTOR_DOUBLE:
                item = Field(f"[{index}]", double(self.data, at), at, at + 8, "", "double")
            else:
                number = u32(self.data, at)
                if marker == VECTOR_INT and number >= 0x8000_0000:
                    number -= 0x1_0000_0000
                item = Field(f"[{index}]", number, at, at + 4, "", "integer")
            field.children.append(item)
            at += width
            index += 1
        field.end = at

    def _flag(self, field: Field, at: i64, name: str) -> i64:
        """A byte that is a boolean, for the screen."""
        if at >= self.end:
            self._stop(field, at, CUT)
            return -1
        field.children.append(Field(name, self.data[at] != 0, at, at + 1, "", "display"))
        field.end = at + 1
        return at + 1
