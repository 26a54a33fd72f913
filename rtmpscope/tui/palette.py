"""Colours by meaning: a line is made of pieces (text, style name), and the theme decides what a name looks like.

The names are component classes, so that every theme, the terminal's own sixteen colours included, gives them a
look.  Nothing depends on colour alone: severities, directions and states have marks of their own.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

Piece = tuple[str, str]
Pieces = list[Piece]

PREFIX = "paint--"
BACKGROUNDS = ("match", "cursor", "cursor-focus")
NAMES = (
    "dim", "head", "strong", "command", "control", "video", "audio", "data", "shared", "handshake", "gap", "end",
    "ok", "note", "warning", "error", "mark", *BACKGROUNDS,
)  # fmt: skip
COMPONENTS = {PREFIX + name for name in NAMES}

CSS = """
.paint--dim { color: $text-muted; }
.paint--head { color: $text-muted; text-style: bold; }
.paint--strong { text-style: bold; }
.paint--command { color: $text-primary; }
.paint--control { color: $text-muted; }
.paint--video { color: $text-success; }
.paint--audio { color: $text-secondary; }
.paint--data { color: $text-accent; }
.paint--shared { color: $text-accent; }
.paint--handshake { color: $text-secondary; }
.paint--gap { color: $text-error; text-style: italic; }
.paint--end { color: $text-muted; }
.paint--ok { color: $text-success; }
.paint--note { color: $text-accent; }
.paint--warning { color: $text-warning; }
.paint--error { color: $text-error; text-style: bold; }
.paint--mark { color: $text-accent; text-style: bold; }
.paint--match { background: $primary 45%; text-style: bold; }
.paint--cursor { background: $foreground 12%; }
.paint--cursor-focus { background: $primary 40%; }
*:ansi > .paint--dim, *:ansi > .paint--control, *:ansi > .paint--end { color: ansi_default; text-style: dim; }
*:ansi > .paint--head { color: ansi_default; text-style: bold; }
*:ansi > .paint--match { background: ansi_default; text-style: bold underline; }
*:ansi > .paint--cursor { background: ansi_default; text-style: underline; }
*:ansi > .paint--cursor-focus { background: ansi_default; text-style: reverse; }
"""


def width_of(text: str) -> int:
    """Cells that the text takes on the screen."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, right: bool = False) -> str:
    """The text in exactly `width` cells; what does not fit ends in an ellipsis."""
    have = width_of(text)
    if have > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    blank = " " * (width - have)
    return blank + text if right else text + blank


class Palette:
    """The styles of one widget by name, kept until its theme changes."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._styles: dict[str, Style] = {}
        self.forget()

    def forget(self) -> None:
        self._styles = {"": Style.null()}

    def style(self, name: str) -> Style:
        """The style to be laid over a line: a colour over any background, or a background."""
        style = self._styles.get(name)
        if style is None:
            whole = self._widget.get_component_rich_style(PREFIX + name)
            colour = Style(bgcolor=whole.bgcolor) if name in BACKGROUNDS else Style(color=whole.color)
            style = self._styles[name] = whole.without_color + colour
        return style

    def draw(self, pieces: Iterable[Piece], width: int, base: Style) -> Strip:
        """The pieces one after the other, cut or filled up to the width."""
        segments = [Segment(text, base + self.style(name)) for text, name in pieces if text]
        strip = Strip(segments, sum(width_of(segment.text) for segment in segments))
        return strip.adjust_cell_length(width, base)
