"""Who goes first: the screen, before the threads that load, filter, search and open rows.

Python's threads share one interpreter, and left to themselves they share it evenly: a frame of 10 ms takes 20 while
a capture loads, and 30 while it is filtered too.  So the event loop says, where it waits for something to do, that
the others may go on; they ask for that between two small steps.
"""

from __future__ import annotations

from selectors import DefaultSelector, SelectorKey
from threading import Event

from rtmpscope.tui.tidy import tidy

PATIENCE = 0.1  # seconds until a thread goes on beside a screen that is never done

_free = Event()
_free.set()


def give_way() -> None:
    """For a thread between two steps of a few milliseconds: wait while the screen has something to do."""
    _free.wait(PATIENCE)


def take_turn() -> None:
    """The screen will have something to do: a key has come."""
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
