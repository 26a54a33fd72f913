"""Who goes first: the screen, before the threads that load, filter, search and open rows.

Python's threads share one interpreter, and left to themselves they share it evenly: a frame of 10 ms takes 20 while
a capture loads, and 30 while it is filtered too.  So the event loop says, where it waits for something to do, that
the others may go on; they ask for that between two small steps.  What somebody looks at, the row under the cursor
and the summaries on the screen, is read before the rest of the capture.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from selectors import DefaultSelector, SelectorKey
from threading import Event, get_ident

from rtmpscope.tui.tidy import tidy

PATIENCE = 0.1  # seconds until a thread goes on beside a screen that is never done

_free = Event()
_free.set()
_looked_at: set[int] = set()  # threads that make what somebody looks at
_made = Event()
_made.set()


def give_way() -> None:
    """For a thread between two steps of a few milliseconds: let those at work go first who come first."""
    _free.wait(PATIENCE)
    if get_ident() not in _looked_at:
        _made.wait(PATIENCE)


@contextmanager
def looked_at() -> Iterator[None]:
    """For a thread that makes what somebody looks at: others wait meanwhile, and until the screen has drawn it."""
    _looked_at.add(get_ident())
    ask()
    try:
        yield
    finally:
        _looked_at.discard(get_ident())
        if not _looked_at:
            take_turn()
            _made.set()


def ask() -> None:
    """The screen asks a thread for what somebody looks at: others wait from now on."""
    _made.clear()


class Finder:
    """Finds no module: Python asks it first, and it lets others go first when its thread asks."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(self, *_: object) -> None:
        if get_ident() == self._thread:
            give_way()


def import_in_steps(name: str) -> None:
    """For a thread: import a module that is made of many, giving way before each of them."""
    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        import_module(name)
    finally:
        sys.meta_path.remove(finder)


def take_turn() -> None:
    """The screen will have something to do: a key has come, or something to be drawn."""
    _free.clear()


def end_turn() -> None:
    """The screen has nothing to do."""
    _free.set()


class Selector(DefaultSelector):
    """What the event loop waits with."""

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is not None and timeout <= 0:  # it only looks: there is work
            return super().select(timeout)
        tidy()
        end_turn()
        ready = super().select(timeout)
        take_turn()
        return ready
