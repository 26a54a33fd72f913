"""The timeline's columns: which ones a width has room for, and what stands in each.

A column is a line of the table below.  The narrow terminal keeps number, time, direction, type and summary; each
further column comes in at the width that its line names, and the summary takes what is left.  What a message says
matters more than how it was encoded, so the encoding comes last.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rtmpscope.export.text import TYPE_KINDS
from rtmpscope.model import UNKNOWN, Handshake, Severity
from rtmpscope.rtmp import messages
from rtmpscope.tui.palette import Pieces, fit
from rtmpscope.tui.sight import Sight

if TYPE_CHECKING:
    from rtmpscope.store import Row

ARROWS = ("→", "←")
TYPE_FROM = 50  # cells from which the type has a column of its own
WIDE = 112  # cells from which columns take their wide form
MARK_WIDTH = 4  # cursor, user's mark, severity, space
SEVERITY_MARKS = {-1: " ", 0: "·", 1: "·", 2: "•", 3: "▲", 4: "✖"}
SEVERITY_STYLES = {-1: "", 0: "dim", 1: "dim", 2: "note", 3: "warning", 4: "error"}
ROW_STYLES = {"handshake": "handshake", "gap": "gap", "end": "end"}
SHORTER = {  # names of types, where the column is narrow
    "Set Peer Bandwidth": "Peer Bandwidth",
    "Shared Object (AMF0)": "Shared Obj AMF0",
    "Shared Object (AMF3)": "Shared Obj AMF3",
}
SUMMARY_STYLES = {"audio": "dim", "video": "dim", "gap": "gap", "end": "dim"}


def type_name(sight: Sight, index: int, row: Row) -> str:
    if row.kind == "message":
        return "?" if row.type_id == UNKNOWN else messages.type_name(row.type_id)
    event = sight.store.light(index)
    if isinstance(event, Handshake):
        return f"Handshake {event.part}"
    return "✂ Gap" if row.kind == "gap" else "End"


def row_style(row: Row) -> str:
    """The style that says what kind of row it is."""
    return ROW_STYLES.get(row.kind) or TYPE_KINDS.get(row.type_id, "control")


def count(value: int) -> str:
    return "?" if value == UNKNOWN else f"{value:,}"


def told(sight: Sight, index: int, row: Row) -> str:
    """The row in one text, for where no column says its type."""
    summary = sight.summary_at_once(index)
    return summary if row_style(row) in ("command", "gap") else f"{type_name(sight, index, row)}  {summary}"


def cell(text: str, width: int, right: bool) -> str:
    """The text in its column; what is too wide has a shorter name, or is a number without marks at its thousands."""
    if len(text) > width:
        text = SHORTER.get(text) or text.replace(",", "")
    return fit(text, width, right)


def message_only(value: Callable[[Row], str]) -> Callable[[Sight, int, Row], str]:
    return lambda sight, index, row: value(row) if row.kind == "message" else ""


class Column(NamedTuple):
    """A column: its title, its width in cells, and the least width of the list that shows it."""

    title: str
    width: int
    wide_width: int
    from_width: int
    right: bool
    style: str
    text: Callable[[Sight, int, Row], str]


COLUMNS = (
    Column("No", 7, 7, 44, True, "dim", message_only(lambda row: f"{row.number:,}")),
    Column("Time", 0, 0, 32, True, "", lambda sight, index, row: sight.time(index, row.time_ns)),
    Column("#", 3, 3, 90, True, "dim", lambda sight, index, row: str(row.connection)),
    Column("Dir", 3, 3, 24, False, "", lambda sight, index, row: ARROWS[row.direction]),
    Column("Type", 15, 20, TYPE_FROM, False, "kind", type_name),
    Column("Stream", 6, 6, 116, True, "dim", message_only(lambda row: count(row.message_stream_id))),
    Column("csid", 4, 5, 112, True, "dim", message_only(lambda row: count(row.csid))),
    Column("Ts", 9, 10, 104, True, "dim", message_only(lambda row: count(row.timestamp))),
    Column("Length", 7, 9, 96, True, "dim", message_only(lambda row: count(row.length))),
    Column("fmt", 3, 3, 150, True, "dim", message_only(lambda row: count(row.fmt))),
    Column("Packet", 9, 9, 150, True, "dim", lambda sight, index, row: count(row.packet)),
)
SEVERAL = {"#": 70}  # cells that show a column where rows of several connections stand among each other


class Layout:
    """The columns that a width has room for, in order, each with its width there."""

    def __init__(self, width: int, time_width: int, several: bool) -> None:
        wide = width >= WIDE
        sooner = SEVERAL if several else {}
        self.has_type = width >= TYPE_FROM
        self.columns = [
            (column, time_width if column.title == "Time" else column.wide_width if wide else column.width)
            for column in COLUMNS
            if width >= sooner.get(column.title, column.from_width)
        ]
        self.summary_width = max(0, width - MARK_WIDTH - sum(cells + 1 for _, cells in self.columns) - 1)

    def head(self, time_title: str) -> Pieces:
        pieces = [(" " * MARK_WIDTH, "head")]
        for column, cells in self.columns:
            title = time_title if column.title == "Time" else column.title
            pieces.append((fit(title, cells, column.right) + " ", "head"))
        pieces.append((fit(" Summary", self.summary_width + 1), "head"))
        return pieces

    def line(self, sight: Sight, index: int, row: Row, selected: bool) -> Pieces:
        severity = SEVERITY_STYLES[row.severity]
        kind = row_style(row)
        pieces = [
            ("▸" if selected else " ", "mark"),
            ("◆" if index in sight.marks else " ", "mark"),
            (SEVERITY_MARKS[row.severity] + " ", severity),
        ]
        for column, cells in self.columns:
            style = kind if column.style == "kind" else column.style
            pieces.append((cell(column.text(sight, index, row), cells, column.right) + " ", style))
        style = severity if row.severity >= Severity.WARNING else SUMMARY_STYLES.get(kind, "")
        summary = sight.summary_at_once(index) if self.has_type else told(sight, index, row)
        pieces.append((" " + fit(summary, self.summary_width), style))
        return pieces


@lru_cache(16)
def layout(width: int, time_width: int, several: bool) -> Layout:
    return Layout(width, time_width, several)
