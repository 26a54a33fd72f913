"""The summaries of the rows on the screen, made in a thread where that means reading the capture again.

Drawing a line may not wait.  What the store tells of a row is said at once; what needs a body that it has not kept
is put on the list of a worker, newest first, for the rows asked for last are those that are looked at.  Until it
comes, the line has an ellipsis.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from rtmpscope.tui.turns import ask, give_way, looked_at

if TYPE_CHECKING:
    from rtmpscope.redact import Redactor
    from rtmpscope.store import Store

PENDING = "…"
KEPT = 8_192
TELL = 0.05  # seconds after which what is ready so far is drawn
WAITING = 512  # rows; a row that falls off the list is put on it again when it is drawn again

Wish = tuple[int, "Redactor | None"]


class Summaries:
    """`wake` is called when there is something to do and nobody at work."""

    def __init__(self, store: Store) -> None:
        self.wake: Callable[[], object] = lambda: None
        self._store = store
        self._ready: OrderedDict[Wish, str] = OrderedDict()
        self._wishes: OrderedDict[Wish, None] = OrderedDict()
        self._at_work = False

    def at_once(self, index: int, redactor: Redactor | None) -> str:
        """The row's summary, or PENDING while `work` has not made it."""
        if self._store.tells(index):
            return self._store.summary(index, redactor)
        wish = (index, redactor)
        text = self._ready.get(wish)
        if text is not None:
            return text
        self._wishes[wish] = None
        self._wishes.move_to_end(wish)
        if len(self._wishes) > WAITING:
            self._wishes.popitem(last=False)
        if not self._at_work:
            self._at_work = True
            ask()
            self.wake()
        return PENDING

    def work(self, made: Callable[[list[int]], object]) -> None:
        """Make what was asked for, in a worker thread; `made` is told the rows every now and then, and at the end."""
        while self._wishes:
            self._at_work = True
            told = monotonic()
            rows = []
            with looked_at():
                while self._wishes and monotonic() - told < TELL:
                    give_way()
                    wish = self._wishes.popitem()[0]
                    self._make(wish)
                    rows.append(wish[0])
            self._at_work = False
            made(rows)

    def _make(self, wish: Wish) -> None:
        try:
            text = self._store.summary(*wish)
        except Exception as error:  # a worker that raises would end the whole program
            text = f"cannot be read again: {error}"
        self._ready[wish] = text
        if len(self._ready) > KEPT:
            self._ready.popitem(last=False)
