"""A column that may let go of its oldest values.

Indices stay what they were; what was let go reads as one and the same value.  One thread appends and lets go, any
other may read meanwhile: it sees the state before or after, never one between.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Protocol, overload


class Column(Protocol):
    """What an array and a Recent have in common."""

    def extend(self, values: Iterable[int], /) -> None: ...

    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, place: int) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> array[int]: ...

    def index(self, value: int, start: int = ..., stop: int = ..., /) -> int: ...


class Recent:
    """An array of which only the last values are held."""

    def __init__(self, code: str) -> None:
        self._held = (0, 0, array(code))  # the first index that is held, what stands before it, the values from it on

    def extend(self, values: Iterable[int], /) -> None:
        self._held[2].extend(values)

    def __len__(self) -> int:
        first, _, values = self._held
        return first + len(values)

    @overload
    def __getitem__(self, place: int) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> array[int]: ...

    def __getitem__(self, place: int | slice) -> int | array[int]:
        first, gone, values = self._held
        if not isinstance(place, slice):
            return values[place - first] if place >= first else gone
        start, stop, _ = place.indices(first + len(values))
        missing = array(values.typecode, [gone]) * max(0, min(stop, first) - start)
        return missing + values[max(0, start - first) : max(0, stop - first)]

    def index(self, value: int, start: int = 0, stop: int = 1 << 62, /) -> int:
        """Where a value that is held stands, as in a list."""
        first, _, values = self._held
        return first + values.index(value, max(0, start - first), max(0, stop - first))

    def let_go(self, first: int, gone: int) -> None:
        """Hold the values from index `first` on; those before it read as `gone`."""
        before, _, values = self._held
        self._held = (first, gone, values[first - before :])
