"""Which rows are shown: all of them, or those that a filter has matched so far.

A filtered view is an array of row numbers that a worker grows while the screen already shows it.  Rows are only
ever added behind the last one, so a position, once given, keeps its row.  Row numbers are the store's; positions
count the lines shown.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from time import sleep
from typing import TYPE_CHECKING, Any

from rtmpscope.tui.turns import give_way

if TYPE_CHECKING:
    from rtmpscope.store import Store

STEP = 8192  # rows scanned in one go, but for the first steps, whose matches are waited for
FIRST_STEP = 64
IDLE = 0.05  # seconds until a scan that has caught up with the loader looks again


class View:
    def __init__(self, store: Store, predicate: Any = None, text: str = "") -> None:
        self.store = store
        self.predicate = predicate
        self.text = text
        self.rows: array[int] | None = None if predicate is None else array("q")
        self.scanned = 0
        self.failed = ""

    def __len__(self) -> int:
        return self.store.count if self.rows is None else len(self.rows)

    def row(self, position: int) -> int:
        return position if self.rows is None else self.rows[position]

    def position(self, row: int) -> int:
        """Where the row stands, or else the next one shown, or else the last."""
        position = row if self.rows is None else bisect_left(self.rows, row)
        return max(0, min(position, len(self) - 1))

    def since(self, row: int) -> int:
        """How many rows are shown from that one on."""
        return self.store.count - row if self.rows is None else len(self.rows) - bisect_left(self.rows, row)

    def shows(self, row: int) -> bool:
        return len(self) > 0 and self.row(self.position(row)) == row

    @property
    def settled(self) -> bool:
        """Every row loaded so far has been looked at."""
        return self.rows is None or self.scanned >= self.store.count

    def grow(self, cancelled: Callable[[], bool]) -> None:
        """Take up matching rows until the store is complete or somebody cancels; runs in a worker thread."""
        assert self.rows is not None
        try:
            for start, stop in chunks(self.store, cancelled):
                for batch in self.store.scan(self.predicate, start, stop):
                    self.rows.extend(batch)
                    if cancelled():
                        return
                    give_way()
                self.scanned = stop
        except Exception as error:  # a worker that raises would end the whole program
            self.failed = f"the filter stopped: {error}"


def chunks(store: Store, cancelled: Callable[[], bool]) -> Iterator[tuple[int, int]]:
    """Ranges of rows in order, as long as the store grows and nobody cancels."""
    start = 0
    step = FIRST_STEP
    while not cancelled():
        complete = store.complete
        stop = min(store.count, start + step)
        if stop > start:
            yield start, stop
            start = stop
            step = min(2 * step, STEP)
        elif complete:
            return
        else:
            sleep(IDLE)
