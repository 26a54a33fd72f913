"""A screen of text to be read and left: the help and the statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from rtmpscope.tui.lines import Bar, LineList
from rtmpscope.tui.palette import Piece, Pieces, width_of

PAGE = Binding.Group("A page")
HANGING = 4  # cells that the rest of a broken line is set in

Make = Callable[[int], Sequence[Pieces]]  # the lines for so many cells


class Heading(Bar):
    DEFAULT_CSS = "Heading { background: $panel; } Heading:ansi { text-style: reverse; }"

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def pieces(self, width: int) -> Iterable[Piece]:
        yield f" {self.title}", "strong"
        yield "   q back", "dim"


class Text(LineList):
    DEFAULT_CSS = "Text { height: 1fr; }"
    MARGIN = " "

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.make = make
        self.lines: Sequence[Pieces] = ()

    def on_resize(self) -> None:
        """Lines of plain text that are still too long are broken, with what follows under their second word."""
        self.lines = [broken for line in self.make(self.width) for broken in self.broken(line)]
        self.reload()

    def broken(self, line: Pieces) -> Iterable[Pieces]:
        if len(line) != 1 or width_of(line[0][0]) <= self.width:
            return [line]
        text, style = line[0]
        indent = len(text) - len(text.lstrip()) + HANGING
        return [[(part, style)] for part in wrap(text, max(indent + 1, self.width), subsequent_indent=" " * indent)]

    def total(self) -> int:
        return len(self.lines)

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        return self.lines[line]


class Page(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss", "Back", group=PAGE),
        Binding("y", "copy", "Copy the line", group=PAGE),
    ]

    def __init__(self, title: str, make: Make) -> None:
        super().__init__()
        self.heading = title
        self.make = make

    def compose(self) -> ComposeResult:
        yield Heading(self.heading)
        yield Text(self.make)

    def on_mount(self) -> None:
        self.query_one(Text).focus()

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.query_one(Text).copied())
