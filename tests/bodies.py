"""What every test of a body decoder asks: the values as Python has them, and that no input breaks it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from rtmpscope.export import values
from rtmpscope.model import Field
from tests.fields import damaged, walk
from tests.media_samples import cuts

Decode = Callable[[bytes, int], Field]


def plain(field: Field) -> object:
    """The tree as the trace shows it: groups and objects as dicts, lists as lists, the rest by value."""
    shown = [child for child in field.children if child.kind != "display"]
    if field.kind in ("list", "strict_array"):
        return [plain(child) for child in shown]
    if shown or field.kind in ("object", "ecma_array"):
        return {child.name: plain(child) for child in shown}
    return field.value


def at(field: Field, path: str) -> Field:
    """The field at a path of names with dots between them."""
    for name in path.split("."):
        child = field.child(name)
        assert child is not None, f"no {name} of {path} in {field!r}"
        field = child
    return field


def undecoded(field: Field) -> list[str]:
    """Why parts of the tree could not be read."""
    return [each.text for each in walk(field) if each.name == "undecoded"]


def check(field: Field, payload: bytes) -> None:
    """Every range lies within its parent's and the payload's, and bytes that were not decoded are those bytes."""
    for each in walk(field):
        assert 0 <= each.start <= each.end <= len(payload), each
        for child in each.children:
            assert each.start <= child.start and child.end <= each.end, (each, child)
        if each.name == "undecoded":
            assert each.text and each.value == payload[each.start : each.end], each


def check_all_ways(decode: Decode, payload: bytes) -> None:
    """Whole; cut at every byte by the sender and by the capture; with more behind it; with any byte changed."""
    whole = decode(payload, len(payload))
    check(whole, payload)
    assert undecoded(whole) == []
    for size in range(len(payload)):
        cut = payload[:size]
        check(decode(cut, size), cut)
        uncaptured = decode(cut, len(payload))
        check(uncaptured, cut)
        assert f"{len(payload) - size:,} bytes were not captured" in undecoded(uncaptured)
    for extra in (b"\x00", b"\xff\xff\xff", bytes(20)):
        check(decode(payload + extra, len(payload + extra)), payload + extra)
    chance = random.Random(payload)
    for place in range(len(payload)):
        changed = bytearray(payload)
        changed[place] = chance.randrange(256)
        check(decode(bytes(changed), len(payload)), bytes(changed))


def fuzz(decode: Decode, prefix: bytes = b"", rounds: int = 500) -> None:
    """Random bytes, many of them markers and small lengths, never raise and never lose a byte's place."""
    chance = random.Random(1)
    for _ in range(rounds):
        data = bytes(chance.choice((0, 0, 1, 2, 3, 5, 8, 9, 10, 17, 65, chance.randrange(256))) for _ in range(40))
        payload = prefix + data[: chance.randrange(41)]
        check(decode(payload, len(payload) + chance.choice((0, 0, 7))), payload)


def check_media_cuts(decode: Decode, payload: bytes) -> None:
    """Cut at every byte by the capture, a media message keeps its place and says what is missing."""
    for part in cuts(payload):
        field = decode(part, len(payload))
        assert field.children[-1].text.endswith(("bytes are missing", "byte is missing"))
        assert all(0 <= found.start <= found.end <= len(part) for found in walk(field))


def check_media_damage(decode: Decode, payload: bytes, chance: random.Random) -> None:
    """Damaged, it is still a tree over its bytes that has a place in the trace."""
    for _ in range(100):
        data = damaged(chance, payload)
        field = decode(data, len(data) + chance.choice((0, 0, 5)))
        json.loads(values.value(field))
        assert all(0 <= found.start <= found.end <= len(data) for found in walk(field))
