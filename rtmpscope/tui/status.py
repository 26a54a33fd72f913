"""The first and the last line of the screen: what is looked at and how much of it, where one stands in it."""

from __future__ import annotations

from itertools import accumulate
from time import monotonic

from rtmpscope.model import UNKNOWN
from rtmpscope.text import printable
from rtmpscope.tui.lines import Bar
from rtmpscope.tui.palette import Pieces, fit, sum_of, width_of
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.times import counted

HINTS = ("? help   ", "/ filter   ", "n next problem   ", "tab next pane   ", "v ladder   ", "i graphs   ", "q quit   ")
SINGLE = ("tab pane   ", "? help   ", "n next problem   ", "/ filter   ")
NARROWED = ("esc more rows   ", "? help   ")  # while only some rows are shown
SINGLE_BELOW = 20  # lines of the terminal below which one pane is shown at a time
GAP = "   "  # between two parts of the status line
NOTICE = 5.0  # seconds that a notice stays


class EdgeBar(Bar):
    """A line with a left and a right part; the right part is kept, the left has the room that is left."""

    DEFAULT_CSS = "EdgeBar { background: $panel; } EdgeBar:ansi { text-style: reverse; }"

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.sight = sight
        self._shown: Pieces = []

    def left(self, room: int) -> Pieces:
        """What stands on the left, where so many cells are to be had."""
        raise NotImplementedError

    def right(self, room: int) -> Pieces:
        """What stands on the right: of what does not fit into so many cells, the most important part."""
        raise NotImplementedError

    def pieces(self, width: int) -> Pieces:
        right = self.right(width * 2 // 3)
        room = max(0, width - sum_of(right) - 4)
        pieces: Pieces = [(" ", "")]
        for text, style in self.left(room):
            text = fit(text, min(room, width_of(text)))
            room -= width_of(text)
            pieces.append((text, style))
        return [*pieces, (" " * (room + 2), ""), *right, (" ", "")]

    def update(self) -> None:
        """Draw again if it would read otherwise."""
        pieces = self.pieces(self.size.width)
        if pieces != self._shown:
            self._shown = pieces
            self.refresh()


class TitleBar(EdgeBar):
    def __init__(self, sight: Sight, capture: str) -> None:
        super().__init__(sight)
        self.capture = printable(capture)

    def left(self, room: int) -> Pieces:
        pieces: Pieces = [("rtmpscope  ", "strong"), (self.capture, "")]
        return pieces if sum_of(pieces) <= room else pieces[1:]

    def right(self, room: int) -> Pieces:
        store = self.sight.store
        pieces = [
            (f"{counted(len(store.connections), 'connection')} · ", "dim"),
            (f"{counted(store.messages, 'message')} · ", "dim"),
            (counted(store.problems, "problem"), "error" if store.problems else "dim"),
        ]
        return pieces if sum_of(pieces) <= room else pieces[-1:]


class StatusBar(EdgeBar):
    """Left the filter in force or a notice, right the place in the capture and how far it is loaded."""

    def __init__(self, sight: Sight) -> None:
        super().__init__(sight)
        self.row = UNKNOWN
        self.new = 0
        self._notice = ""
        self._notice_until = 0.0

    def say(self, text: str) -> None:
        """Show a notice for a few seconds; an empty one takes away the one before."""
        self._notice = printable(text)
        self._notice_until = monotonic() + NOTICE if text else 0.0
        self.update()

    def hush(self) -> None:
        """Take the notice away when the bar is drawn next."""
        self._notice_until = 0.0

    def left(self, room: int) -> Pieces:
        if monotonic() < self._notice_until:
            return [(self._notice, "strong")]
        sight = self.sight
        pieces: Pieces = []
        if sight.followed != UNKNOWN:
            pieces.append((f"only #{sight.followed}   ", "mark"))
        if sight.filter:
            pieces.append((f"/ {printable(sight.filter)}   ", "command"))
        if sight.view.failed:
            pieces.append((printable(sight.view.failed), "error"))
        hints = NARROWED if pieces else HINTS if self.screen.size.height >= SINGLE_BELOW else SINGLE
        room -= sum_of(pieces)
        shown = [hint for hint, end in zip(hints, accumulate(map(len, hints)), strict=True) if end <= room]
        return [*pieces, *((hint, "dim") for hint in shown)]

    def right(self, room: int) -> Pieces:
        store, view = self.sight.store, self.sight.view
        new = f"{self.new:,} new" if self.new > 0 else "", "note"
        row = f"row {self.row + 1:,} of {store.count:,}" if self.row != UNKNOWN else "", "dim"
        shown = "" if view.rows is None else f"{len(view):,} shown{'' if view.settled else ' so far'}", "dim"
        progress = printable(store.progress_text), "error" if store.error else "dim"
        loaded = store.complete and not store.error
        kept: Pieces = []
        for part in (row, new, shown, progress) if loaded else (progress, row, new, shown):
            if part[0] and (not kept or sum_of([*kept, part]) + len(GAP) * len(kept) <= room):
                kept.append(part)
        told = [part for part in (new, row, shown, progress) if part in kept]
        return [*((text + GAP, style) for text, style in told[:-1]), *told[-1:]]
