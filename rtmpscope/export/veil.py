"""What plugin exporters may see of a connection where secrets are hidden.

What annotators keep in `connection.analysis` is theirs, and may be what they read on the wire.  So an exporter gets the
connection behind a veil: attributes, items and results of calls are veiled in turn, numbers are what they are, texts
have lost their secrets, and bytes are withheld.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rtmpscope.redact import Redactor

_OPEN: Final = (bool, int, float, type(None))
_BYTES: Final = (bytes, bytearray, memoryview)


class Veil:
    """An object as it may be seen; equal to the object, and to any other veil of it."""

    __slots__ = ("_seen", "_redactor")

    def __init__(self, seen: object, redactor: Redactor) -> None:
        self._seen: Final[Any] = seen
        self._redactor: Final = redactor

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python itself looks for, to copy an object or the like
            raise AttributeError(name)
        return veiled(getattr(self._seen, name), self._redactor)

    def __getitem__(self, key: Any) -> Any:
        return veiled(self._seen[key], self._redactor)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return veiled(self._seen(*arguments, **named), self._redactor)

    def __iter__(self) -> Iterator[Any]:
        return (veiled(item, self._redactor) for item in self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def __bool__(self) -> bool:
        return bool(self._seen)

    def __str__(self) -> str:
        return self._redactor.kept(str(self._seen))

    def __repr__(self) -> str:
        return self._redactor.kept(repr(self._seen))

    def __eq__(self, other: object) -> bool:
        return bool(self._seen == (other._seen if isinstance(other, Veil) else other))

    def __hash__(self) -> int:
        return hash(self._seen)


def veiled(value: Any, redactor: Redactor) -> Any:
    """A value that somebody kept, without its secrets; lists, tuples, sets and dicts of such values as the same."""
    if isinstance(value, _OPEN):
        return value
    if isinstance(value, str):
        return redactor.kept(value)
    if isinstance(value, _BYTES):
        return b""
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(veiled(item, redactor) for item in value)
    if type(value) is dict:
        return {veiled(key, redactor): veiled(item, redactor) for key, item in value.items()}
    return Veil(value, redactor)
