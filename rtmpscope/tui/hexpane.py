"""The bytes of the selected event: offset, hexadecimal, characters.

The bytes of the field selected in the tree are lit up; moving the cursor here selects the field in the tree.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from rtmpscope.tui.lines import MOVE, LineList
from rtmpscope.tui.octets import HIDDEN, MISSING, SHOWN, Octets, Span
from rtmpscope.tui.palette import Piece

OFFSET_WIDTH = 8  # six digits and two blanks
COUNTS = (32, 16, 8, 4, 2, 1)  # bytes to a line
HEX_MARKS = {SHOWN: "", MISSING: "-- ", HIDDEN: "•• "}
CHARACTER_MARKS = {SHOWN: "", MISSING: " ", HIDDEN: "•"}


def width_for(count: int) -> int:
    """Cells that a line of so many bytes takes."""
    return OFFSET_WIDTH + 3 * count + 1 + count


class HexPane(LineList):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "Previous byte", group=MOVE),
        Binding("right,l", "step(1)", "Next byte", group=MOVE),
    ]
    LINE_CURSOR = False
    MARGIN = " "

    class Pointed(Message):
        """The cursor of the hex pane was moved to a byte."""

        def __init__(self, pane: HexPane, place: int) -> None:
            super().__init__()
            self.pane = pane
            self.place = place

        @property
        def control(self) -> HexPane:
            return self.pane

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.octets = Octets()
        self.place = 0
        self.lit: Span = (0, 0)

    def show(self, octets: Octets) -> None:
        self.octets = octets
        self.place = 0
        self.lit = (0, 0)
        self.reload()
        self.move_to(0)

    def light(self, span: Span) -> None:
        """Light up a field's bytes and bring the first of them on the screen."""
        self.lit = span
        if span[0] < span[1]:
            self.place = span[0]
            self.move_to(self.place // self.per_line)
        self.refresh()

    def on_resize(self) -> None:
        self.reload()
        self.move_to(self.place // self.per_line)

    @property
    def per_line(self) -> int:
        """As many bytes as the width has room for."""
        return next((count for count in COUNTS if width_for(count) <= self.width), 1)

    def total(self) -> int:
        return -(-self.octets.length // self.per_line)

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        count = self.per_line
        start = line * count
        places = range(start, min(start + count, self.octets.length))
        looks = [(place, self.look(place)) for place in places]
        yield f"{start:04x}".rjust(OFFSET_WIDTH - 2) + "  ", "dim"
        for style, run in groupby(looks, key=itemgetter(1)):
            yield "".join(self.hex_text(place) for place, _ in run), style
        yield "   " * (count - len(places)) + " ", ""
        for style, run in groupby(looks, key=itemgetter(1)):
            yield "".join(self.character(place) for place, _ in run), style

    def copied(self) -> str:
        """The bytes of the selected field, or all."""
        start, end = self.lit
        return self.octets.hex(self.lit if start < end else (0, self.octets.length))

    def look(self, place: int) -> str:
        if place == self.place and self.has_focus:
            return "cursor-focus"
        if self.lit[0] <= place < self.lit[1]:
            return "match"
        return "" if self.octets.state(place) == SHOWN else "gap"

    def hex_text(self, place: int) -> str:
        return HEX_MARKS[self.octets.state(place)] or f"{self.octets.data[place]:02x} "

    def character(self, place: int) -> str:
        byte = self.octets.data[place]
        return CHARACTER_MARKS[self.octets.state(place)] or (chr(byte) if 0x20 <= byte < 0x7F else ".")

    def point(self, place: int) -> None:
        if self.octets.length:
            self.place = max(0, min(place, self.octets.length - 1))
            self.move_to(self.place // self.per_line)
            self.post_message(self.Pointed(self, self.place))
            self.refresh()

    def action_step(self, step: int) -> None:
        self.point(self.place + step)

    def action_move(self, step: int) -> None:
        self.point(self.place + step * self.per_line)

    def action_page(self, pages: float) -> None:
        self.point(self.place + int(pages * max(1, self.height)) * self.per_line)

    def action_first(self) -> None:
        self.point(0)

    def action_last(self) -> None:
        self.point(self.octets.length - 1)

    def on_click(self, event: events.Click) -> None:
        """A byte is pointed at by its hexadecimal or by its character."""
        event.stop()
        count = self.per_line
        column = event.x - len(self.MARGIN) - OFFSET_WIDTH
        inside = column // 3 if column < 3 * count else column - 3 * count - 1
        if 0 <= inside < count:
            self.point((self.scroll_offset.y + event.y) * count + inside)
