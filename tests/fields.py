"""Field trees in tests: what they hold in short, whether their byte ranges make sense, and damage to make them of."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from rtmpscope.model import Field


def walk(field: Field) -> Iterator[Field]:
    """The field and everything below it, in wire order."""
    yield field
    for child in field.children:
        yield from walk(child)


def shape(field: Field) -> tuple[Any, ...]:
    """(kind, value), and where there are children a list of (name, shape) of each."""
    parts = [(child.name, shape(child)) for child in field.children]
    return (field.kind, field.value, parts) if parts else (field.kind, field.value)


def undecoded(field: Field) -> list[Field]:
    return [part for part in walk(field) if part.name == "undecoded" and part.kind == ""]


def assert_sane(field: Field, start: int, end: int) -> None:
    """Ranges within start and end, children one after the other inside their parents."""
    assert start <= field.start <= field.end <= end, field
    at = field.start
    for child in field.children:
        assert_sane(child, at, field.end)
        at = child.end


def all_values(read: Callable[[int, str], Field], end: int) -> list[Field]:
    """All values of a body, one behind the other; each step has to move on or end."""
    fields: list[Field] = []
    at = 0
    while at < end:
        field = read(at, "v")
        assert field.end > at
        assert_sane(field, at, end)
        fields.append(field)
        at = field.end
    return fields


def damaged(rng: random.Random, data: bytes) -> bytes:
    """A few random edits."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(4):
            case 0:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                out[at:at] = rng.randbytes(rng.randint(1, 3))
            case 2:
                del out[at : at + rng.randint(1, 4)]
            case 3:
                out[at : at + 1] = bytes([rng.randrange(0x12)])
    return bytes(out)
