"""Fields read bit by bit, in the order of a specification's table.

A decoder is a function that takes a `BitReader` and reads what its table says.  Every read appends a Field with the
bytes it stood in, so what was read before damage stays in the tree; damage raises `Damaged`, and only a `part` of the
tree catches it: the part ends with a field "undecoded" that says why, and its parent goes on behind it.  A tree that
grows beyond MEDIA_FIELDS ends there, so that no message costs more memory than it is worth.

What several fields mean together (a picture's size, a profile's name) is a fact.  Facts stand first in the record
that collects them, where a person looks and `configs.parameters` finds them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rtmpscope.limits import MEDIA_FIELDS
from rtmpscope.model import Field

Decoder = Callable[["BitReader"], None]

_LONGEST_GOLOMB: Final = 32  # leading zeros of the largest value that any standard allows


class Damaged(Exception):
    """The bytes end too early, or hold a value that cannot be."""


class _Full(Exception):
    """The tree has as many fields as it may have."""


class BitReader:
    """A place in bytes that moves on, and the tree that is made on the way.

    at, end  in bits from the beginning of `data`
    fields   the children of the field that is being filled
    facts    what the record being read has found out, by name
    missing  how many bytes should stand behind the end and do not
    """

    __slots__ = ("data", "at", "end", "fields", "facts", "missing", "_room", "_base", "_removed")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = start * 8
        self.end = (len(data) if end is None else end) * 8
        self.fields: list[Field] = []
        self.facts: dict[str, Field] = {}
        self.missing = 0
        self._room = iter(range(MEDIA_FIELDS))
        # What stands at data[i] stands at base + i + (removed bytes before it) in the payload.
        self._base = 0
        self._removed: list[int] = []

    # Where things are

    @property
    def left(self) -> int:
        """Whole bytes that are still to be read."""
        return (self.end - self.at) >> 3

    def place(self) -> int:
        """Where in the message's payload the next bit stands."""
        return self._place(self.at >> 3)

    def _place(self, byte: int) -> int:
        if self._removed:
            byte += bisect_right(self._removed, byte)
        return self._base + byte

    def _end(self, first_bit: int) -> int:
        """Where in the payload something ends that began with `first_bit` and ends here."""
        if self.at == first_bit:
            return self._place(first_bit >> 3)
        return self._place((self.at - 1) >> 3) + 1

    # Numbers without a field

    def number(self, width: int) -> int:
        """An unsigned integer of `width` bits."""
        end = self.at + width
        if end > self.end:
            raise Damaged("ends too early")
        first, last = self.at >> 3, (end + 7) >> 3
        self.at = end
        whole = self.data[first] if last - first == 1 else int.from_bytes(self.data[first:last], "big")
        return whole >> (-end & 7) & ((1 << width) - 1)

    def little(self, size: int) -> int:
        """An unsigned little-endian integer of `size` bytes."""
        return int.from_bytes(self.number(8 * size).to_bytes(size, "big"), "little")

    def golomb(self) -> int:
        """An unsigned Exp-Golomb code, ue(v) of H.264 9.1."""
        zeros = 0
        while not self.number(1):
            zeros += 1
            if zeros > _LONGEST_GOLOMB:
                raise Damaged("an Exp-Golomb code is too long")
        return (1 << zeros) - 1 + self.number(zeros)

    # Fields

    def add(self, name: str, value: object, first_bit: int, text: str = "", kind: str = "") -> Field:
        """Append a field that reaches from `first_bit` to where the reader stands."""
        if next(self._room, None) is None:
            raise _Full
        field = Field(name, value, self._place(first_bit >> 3), self._end(first_bit), text, kind)
        self.fields.append(field)
        return field

    def u(self, name: str, width: int, meaning: Mapping[int, str] | None = None, kind: str = "") -> int:
        """u(n): an unsigned integer, and what `meaning` says of it."""
        first = self.at
        value = self.number(width)
        self.add(name, value, first, "" if meaning is None else meaning.get(value, "reserved"), kind)
        return value

    def word(self, name: str, width: int, words: Mapping[int, str], kind: str = "") -> str:
        """An integer shown by its name; "unknown_" and the number where it has none."""
        first = self.at
        value = self.number(width)
        word = words.get(value, f"unknown_{value}")
        self.add(name, word, first, str(value), kind)
        return word

    def flag(self, name: str, kind: str = "") -> bool:
        first = self.at
        value = bool(self.number(1))
        self.add(name, value, first, "", kind)
        return value

    def plus(self, name: str, width: int, offset: int) -> int:
        """An integer that is written as what it exceeds `offset` by."""
        first = self.at
        value = self.number(width) + offset
        self.add(name, value, first)
        return value

    def ue(self, name: str, most: int = (1 << 32) - 2, meaning: Mapping[int, str] | None = None) -> int:
        """ue(v), no more than `most`."""
        first = self.at
        value = self.golomb()
        self.add(name, value, first, "" if meaning is None else meaning.get(value, "reserved"))
        if value > most:
            raise Damaged(f"{name} is {value:,}, and no more than {most:,} is possible")
        return value

    def se(self, name: str) -> int:
        """se(v): 0, 1, -1, 2, -2 …"""
        first = self.at
        code = self.golomb()
        value = (code + 1) // 2 if code & 1 else -(code // 2)
        self.add(name, value, first)
        return value

    def reserved(self, width: int, name: str = "reserved") -> None:
        """Bits that say nothing about the stream: on the screen only."""
        self.u(name, width, kind="display")

    def octets(self, name: str, size: int, text: str = "", kind: str = "display") -> bytes:
        """`size` bytes as they are; where they are cut, what is there of them."""
        first = self.at
        self.at = min(first + size * 8, self.end)
        data = self.data[first >> 3 : self.at >> 3]
        self.add(name, data, first, text, kind)
        if len(data) < size:
            raise Damaged(_lacking(size - len(data)))
        return data

    def align(self) -> None:
        """Go on with the next whole byte."""
        self.at = (self.at + 7) & ~7

    def rest(self, name: str = "data", text: str = "", kind: str = "display") -> None:
        """The whole bytes up to the end, if there are any."""
        self.align()
        if self.left:
            self.octets(name, self.left, text, kind)

    def fact(self, name: str, value: object, start: int, text: str = "") -> None:
        """State what the bytes from the place `start` to here mean together; a later word replaces an earlier."""
        self.facts[name] = Field(name, value, start, self.place(), text)

    @contextmanager
    def group(self, name: str, kind: str = "", text: str = "") -> Iterator[Field]:
        """Fields read inside are children of a field of their own."""
        outer, first = self.fields, self.at
        field = self.add(name, None, first, text, kind)
        self.fields = field.children
        try:
            yield field
        finally:
            inside = field.children[-1].end if field.children else 0  # an empty one may stand behind a removed byte
            field.end = max(self._end(first), inside)
            self.fields = outer

    # Parts

    def part(self, name: str, decoder: Decoder, size: int | None = None) -> Field:
        """`size` bytes, or all, as a field of their own, with their own damage; facts go to the record around it."""
        return self._part(name, decoder, size, self.facts)

    def record(self, name: str, decoder: Decoder, size: int | None = None) -> Field:
        """A part that collects facts and begins with them."""
        facts: dict[str, Field] = {}
        field = self._part(name, decoder, size, facts)
        field.children[:0] = facts.values()
        return field

    def sized(self, name: str, width: int, decoder: Decoder, collects: bool = False) -> Field:
        """A size of `width` bits, then a part, or a record, of that many bytes: one field that begins with the size."""
        first = self.at
        size = self.number(width)
        head = Field("size", size, self._place(first >> 3), self._end(first))
        field = (self.record if collects else self.part)(name, decoder, size)
        field.children.insert(0, head)
        field.start = head.start
        return field

    def decode(self, name: str, decoder: Decoder) -> Field:
        """All of the bytes as a tree.  Never raises."""
        field = Field(name, None, self.place(), self._place(self.end >> 3))
        try:
            self._fill(field, decoder, _lacking(self.missing))
        except _Full:
            self.fields = field.children
            self._undecoded(f"more than {MEDIA_FIELDS:,} fields")
        return field

    def _part(self, name: str, decoder: Decoder, size: int | None, facts: dict[str, Field]) -> Field:
        start = self.at >> 3
        stop = (self.end >> 3) + self.missing if size is None else start + size
        end = min(stop, self.end >> 3)
        inner = BitReader(self.data, start, end)
        inner.facts, inner.missing = facts, stop - end
        inner._room, inner._base, inner._removed = self._room, self._base, self._removed
        first, self.at = self.at, end * 8
        field = self.add(name, None, first)
        # Without a size of its own, a part lacks what the one around it lacks, and leaves it to that one to say so.
        inner._fill(field, decoder, "" if size is None else _lacking(inner.missing))
        return field

    def _fill(self, field: Field, decoder: Decoder, why: str) -> None:
        """Let `decoder` make the children of `field`, and account for the bytes it leaves or lacks."""
        self.fields = field.children
        try:
            decoder(self)
        except Damaged as damage:
            why = why or str(damage)
        self.fields = field.children
        if why or self.left:
            self._undecoded(why or "more than is defined here")

    def _undecoded(self, why: str) -> None:
        """Account for what is left by saying why it is."""
        first = self.at & ~7
        self.at = self.end
        data = self.data[first >> 3 : self.end >> 3]
        self.fields.append(Field("undecoded", data, self._place(first >> 3), self._end(first), why))

    # Emulation prevention

    def unescape(self) -> None:
        """Read on without emulation prevention bytes (H.264 7.4.1)."""
        start = self.at >> 3
        self._base = self._place(start)
        self.data, self._removed = unescaped(self.data[start : self.end >> 3])
        self.at, self.end = 0, len(self.data) * 8

    def ahead(self, size: int) -> BitReader:
        """A reader of the next bytes, unescaped, whose fields join these; this one stays where it is."""
        inner = BitReader(self.data, self.at >> 3, min((self.at >> 3) + size, self.end >> 3))
        inner.fields, inner.facts = self.fields, self.facts
        inner._room, inner._base, inner._removed = self._room, self._base, self._removed
        inner.unescape()
        return inner


def _lacking(count: int) -> str:
    if count == 1:
        return "1 byte is missing"
    return f"{count:,} bytes are missing" if count else ""


def unescaped(data: bytes) -> tuple[bytes, list[int]]:
    """A NAL unit without its emulation prevention bytes, and where in the result each of them was left out."""
    at = data.find(b"\0\0\3")
    if at < 0:
        return data, []
    pieces: list[bytes] = []
    removed: list[int] = []
    start = kept = 0
    while at >= 0:
        pieces.append(data[start : at + 2])
        kept += at + 2 - start
        removed.append(kept)
        start = at + 3
        at = data.find(b"\0\0\3", start)
    pieces.append(data[start:])
    return b"".join(pieces), removed
