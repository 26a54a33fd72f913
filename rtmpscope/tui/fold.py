"""The rows of one connection as a ladder shows them: each its own rung, but runs of media without a problem folded.

Rungs are worked out in steps as the view grows, from the store's columns alone, and kept in arrays: a stream of
millions of frames is a few rungs.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import NamedTuple

from rtmpscope.model import AUDIO, UNKNOWN, VIDEO, Severity
from rtmpscope.tui.view import View

STEP = 20_000  # rows looked at in one step


class Rung(NamedTuple):
    """first and last are row numbers; a single row has the two alike."""

    first: int
    last: int
    videos: int
    audios: int


class Fold:
    def __init__(self, view: View, connection: int) -> None:
        self.view = view
        self.connection = connection
        self._position = 0
        self._first = array("q")
        self._last = array("q")
        self._videos = array("q")
        self._audios = array("q")
        self._running = -1  # the direction of the run that the last rung is, -1 if it is none

    def __len__(self) -> int:
        return len(self._first)

    def __getitem__(self, place: int) -> Rung:
        return Rung(self._first[place], self._last[place], self._videos[place], self._audios[place])

    def place(self, row: int) -> int:
        """The rung that holds the row, or the one before it."""
        return max(0, bisect_right(self._first, row) - 1)

    def grow(self) -> bool:
        """Take up one step of rows; False when there are no more for now."""
        stop = min(len(self.view), self._position + STEP)
        if stop == self._position:
            return False
        columns = self.view.store.columns
        connections, types, directions = columns["connection"], columns["type_id"], columns["direction"]
        severities = columns["severity"]
        for position in range(self._position, stop):
            row = self.view.row(position)
            if connections[row] == self.connection:
                problem = severities[row] >= Severity.WARNING
                self._add(row, UNKNOWN if problem else types[row], directions[row])
        self._position = stop
        return True

    def _add(self, row: int, type_id: int, direction: int) -> None:
        """type_id is that of a message that may be part of a run."""
        media = type_id in (AUDIO, VIDEO)
        if not media or direction != self._running:
            self._first.append(row)
            self._last.append(row)
            self._videos.append(0)
            self._audios.append(0)
        if media:
            self._last[-1] = row
            (self._videos if type_id == VIDEO else self._audios)[-1] += 1
        self._running = direction if media else -1
