"""The timeline: one line for each message, handshake part, gap and end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.message import Message

from rtmpscope.model import UNKNOWN
from rtmpscope.tui.columns import Layout, layout
from rtmpscope.tui.lines import Bar, LineList
from rtmpscope.tui.palette import Piece, Pieces
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.times import counted

NO_PACKETS = ("No packets.", "", "Were they the right interface and the right capture filter?")
WHAT_TO_TRY = (
    "RTMP is found by what it says, on any port; -d PORT shows all of a port.",
    "RTMPS is encrypted and RTMPT is inside HTTP: neither can be read.",
    "Capture where the stream is plain, behind a TLS proxy say, both ways of it.",
)
LONG_TIMES_FROM = 140  # cells from which times show microseconds


class RowList(LineList):
    """What the timeline and the ladder have in common: lines that stand for rows of the capture, under a head."""

    class RowMoved(Message):
        """The row under the cursor is another one."""

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.sight = sight
        self.head = Head(self)
        self.told: Sequence[str] = ()

    def take_up(self) -> None:
        super().take_up()
        if not self.virtual_size.height and self.told != self.placeholder():
            self.told = self.placeholder()
            self.refresh()

    @property
    def row(self) -> int:
        """The row under the cursor, UNKNOWN where there is none."""
        raise NotImplementedError

    def go_to(self, row: int) -> None:
        """Put the cursor on a row, or on the next one that is shown."""
        raise NotImplementedError

    def refresh_rows(self, rows: Sequence[int]) -> None:
        """Draw these rows anew; they may have gone from the view."""
        self.refresh()

    def head_pieces(self, width: int) -> Pieces:
        """The line above the rows."""
        raise NotImplementedError

    def placeholder(self) -> Sequence[str]:
        """Why there is no row, and what to try."""
        store, view = self.sight.store, self.sight.view
        if len(view) or not view.settled or not store.complete:  # rows are there that were not taken up yet
            return ("", "Waiting for RTMP …" if store.reader.size is None else "Reading …")
        if store.count:
            return ("", "No row matches the filter: escape drops it, / changes it.")
        packets = sum(report.packets for report in store.reader.files)
        if not packets:
            return ("", *NO_PACKETS)
        return ("", f"No RTMP in {counted(packets, 'packet')}.", self.sight.instead, "", *WHAT_TO_TRY)

    def lay_out(self) -> None:
        """Take up a new width or time format."""
        self.sight.digits = 6 if self.width >= LONG_TIMES_FROM else 3
        self.head.refresh()
        self.refresh()

    def on_line_list_moved(self) -> None:
        self.post_message(self.RowMoved())

    def on_resize(self) -> None:
        self.lay_out()
        self.show_cursor()


class Head(Bar):
    def __init__(self, rows: RowList) -> None:
        super().__init__()
        self.rows = rows

    def pieces(self, width: int) -> Iterable[Piece]:
        return self.rows.head_pieces(width)


class Timeline(RowList):
    """The rows of the view in force."""

    several = False  # the columns are those for rows of several connections

    def take_up(self) -> None:
        super().take_up()
        if self.several != self.sight.several:
            self.several = self.sight.several
            self.lay_out()

    def total(self) -> int:
        return len(self.sight.view)

    @property
    def row(self) -> int:
        view = self.sight.view
        return view.row(self.cursor) if self.cursor < len(view) else UNKNOWN

    def go_to(self, row: int) -> None:
        self.take_up()
        self.move_to(self.sight.view.position(row), middle=True)

    def refresh_rows(self, rows: Sequence[int]) -> None:
        for row in rows:
            if self.sight.view.shows(row):
                self.refresh_line(self.sight.view.position(row))

    def head_pieces(self, width: int) -> Pieces:
        return self.columns(width - self.scrollbar_size_vertical).head(self.sight.time_format.title)

    def columns(self, width: int) -> Layout:
        return layout(width, self.sight.time_width, self.several)

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        index = self.sight.view.row(line)
        row = self.sight.store.row(index)
        return self.columns(width).line(self.sight, index, row, line == self.cursor)
