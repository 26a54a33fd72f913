"""The ladder: client and server of one connection as two lifelines, messages as arrows between them, time downwards."""

from __future__ import annotations

from collections.abc import Iterable

from rtmpscope.model import C2S, UNKNOWN, Severity
from rtmpscope.tui.columns import MARK_WIDTH, SEVERITY_MARKS, SEVERITY_STYLES, row_style, told
from rtmpscope.tui.fold import Fold, Rung
from rtmpscope.tui.palette import Piece, Pieces, fit, width_of
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.timeline import RowList
from rtmpscope.tui.times import duration

ARM = 3  # cells of the line that stay on either side of a text
PLAIN, PROBLEM, RUN = "─", "═", "┄"


class Ladder(RowList):
    DEFAULT_CSS = "Ladder { display: none; }"

    def __init__(self, sight: Sight) -> None:
        super().__init__(sight)
        self.fold = Fold(sight.view, UNKNOWN)
        self.asked = UNKNOWN  # the row that was last gone to
        self.wanted = UNKNOWN  # the same, until the fold has reached it
        self.inside = UNKNOWN  # the row that was gone to, in the run under the cursor

    def total(self) -> int:
        return len(self.fold)

    @property
    def row(self) -> int:
        if self.cursor >= len(self.fold):
            return UNKNOWN
        rung = self.fold[self.cursor]
        return self.inside if rung.first <= self.inside <= rung.last else rung.first

    def take_up(self) -> None:
        """Follow the view, a step at a time so that keys are never held up."""
        if self.fold.view is not self.sight.view:
            self.fold = Fold(self.sight.view, self.fold.connection)
        growing = self.fold.grow()
        super().take_up()
        reached = len(self.fold) > 0 and self.fold[-1].last >= self.wanted
        if self.wanted != UNKNOWN and (reached or not growing):
            self.stand_on(self.wanted)
            self.wanted = UNKNOWN
        if growing:
            self.call_later(self.take_up)
        elif not len(self.fold) and len(self.sight.view):  # only rows of other connections are shown
            self.go_to(self.asked)

    def stand_on(self, row: int) -> None:
        """Put the cursor on the rung of a row; within a run another row may be meant though the cursor stays."""
        place = self.fold.place(row)
        stays = place == self.cursor
        self.inside = row
        self.move_to(place, middle=True)
        if stays:
            self.refresh_line(place)
            self.post_message(self.RowMoved())

    def watch_cursor(self, old: int, new: int) -> None:
        if new != self.fold.place(self.inside):
            self.inside = UNKNOWN
        super().watch_cursor(old, new)

    def go_to(self, row: int) -> None:
        view = self.sight.view
        self.asked = row
        if len(view):
            row = view.row(view.position(row))
        connection = self.sight.store.row(row).connection
        if connection != self.fold.connection:
            self.fold = Fold(self.sight.view, connection)
            self.inside = UNKNOWN
            self.head.refresh()
        self.wanted = row
        self.take_up()
        self.refresh()

    def head_pieces(self, width: int) -> Pieces:
        connections = self.sight.store.connections
        if not 0 <= self.fold.connection < len(connections):
            return []
        connection = connections[self.fold.connection]
        left, right = self.margin, width - 1
        room = right - left
        client, server = f"client {connection.client}", f"server {connection.server}"
        if max(width_of(client), width_of(server)) > room // 2 - 1:
            client, server = "client", "server"
        title = self.sight.time_format.title if left > MARK_WIDTH else ""
        return [
            (fit(title, left - 2, True) + "  ", "head"),
            (fit(client, room // 2), "head"),
            (fit(server, room - room // 2, True), "head"),
        ]

    @property
    def margin(self) -> int:
        """Cells left of the client's lifeline."""
        return MARK_WIDTH + self.sight.time_width + 2 if self.width >= 40 else MARK_WIDTH

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        rung = self.fold[line]
        row = self.sight.store.row(rung.first)
        severity = SEVERITY_STYLES[row.severity]
        yield "▸" if line == self.cursor else " ", "mark"
        yield "◆" if self.is_marked(rung) else " ", "mark"
        yield SEVERITY_MARKS[row.severity] + " ", severity
        if self.margin > MARK_WIDTH:
            yield self.time(line, rung), "dim"
        yield "│", "dim"
        lane = max(0, width - self.margin - 2)
        single = rung.first == rung.last
        problem = row.severity >= Severity.WARNING
        style = severity if problem else row_style(row) if single else "dim"
        stroke = (PROBLEM if problem else PLAIN) if single else RUN
        yield arrow(self.text(rung), lane, stroke, row.direction == C2S), style
        yield "│", "dim"

    def is_marked(self, rung: Rung) -> bool:
        """Whether a marked row is on the rung; a run may have rows of other connections between its own."""
        connections = self.sight.store.columns["connection"]
        marks = [row for row in self.sight.marks if rung.first <= row <= rung.last]
        return any(connections[row] == self.fold.connection for row in marks)

    def time(self, line: int, rung: Rung) -> str:
        """The time of the rung, left out where it reads as the one above it on the screen."""
        text = self.time_text(rung)
        if line > self.scroll_offset.y and self.time_text(self.fold[line - 1]) == text:
            text = ""
        return fit(text, self.sight.time_width, True) + "  "

    def time_text(self, rung: Rung) -> str:
        return self.sight.time(rung.first, self.sight.store.row(rung.first).time_ns)

    def text(self, rung: Rung) -> str:
        row = self.sight.store.row(rung.first)
        if rung.first != rung.last:
            parts = [f"{count:,} {word}" for count, word in ((rung.videos, "video"), (rung.audios, "audio")) if count]
            took = duration(self.sight.store.row(rung.last).time_ns - row.time_ns)
            at = f", at {self.sight.store.row(self.inside).number:,}" if rung.first < self.inside <= rung.last else ""
            return f"{', '.join(parts)} in {took}{at}"
        return told(self.sight, rung.first, row)


def arrow(text: str, lane: int, stroke: str, forwards: bool) -> str:
    """The text on an arrow that spans the lane, pointing right or left."""
    if lane < 2 * ARM + 3:
        return fit(text, lane)
    text = " " + fit(text, min(width_of(text), lane - 2 * ARM - 2)) + " "
    strokes = lane - width_of(text) - 1
    before = strokes // 2
    line = stroke * before + text + stroke * (strokes - before)
    return line + "▶" if forwards else "◀" + line
