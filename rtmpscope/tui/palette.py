"""Colours by meaning: a line is made of pieces (text, style name), and the theme decides what a name looks like.

Every theme gives the names their look, the terminal's own sixteen colours included.  Nothing depends on colour
alone: severities, directions and states have marks of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.strip import Strip
from textual.theme import Theme

Piece = tuple[str, str]
Pieces = list[Piece]


class Look(NamedTuple):
    """A colour of the theme, how much of it is laid over the background, and attributes.

    A background where `behind` is set.  A terminal's own colours cannot be mixed: `ansi` says what to do there, a
    colour of its own included.
    """

    colour: str
    share: float = 1.0
    attributes: str = ""
    ansi: str = ""
    behind: bool = False


LOOKS = {
    "": Look("foreground"),
    "dim": Look("foreground", 0.6, ansi="dim"),
    "rule": Look("foreground", 0.25, ansi="dim"),
    "head": Look("foreground", 0.6, "bold"),
    "strong": Look("foreground", attributes="bold"),
    "command": Look("text-primary", ansi="cyan"),  # blue is dark in many terminals
    "control": Look("foreground", 0.7, ansi="dim"),
    "video": Look("text-success"),
    "audio": Look("text-secondary", ansi="blue"),
    "data": Look("text-accent"),
    "shared": Look("text-accent"),
    "handshake": Look("text-secondary", ansi="blue"),
    "gap": Look("text-error", attributes="italic"),
    "end": Look("foreground", 0.6, ansi="dim"),
    "ok": Look("text-success"),
    "note": Look("text-accent"),
    "warning": Look("text-warning"),
    "error": Look("text-error", attributes="bold"),
    "mark": Look("text-accent", attributes="bold"),
    "match": Look("primary", 0.45, "bold", ansi="underline", behind=True),
    "cursor": Look("foreground", 0.12, ansi="underline", behind=True),
    "cursor-focus": Look("primary", 0.4, ansi="reverse", behind=True),
}
_STYLES: dict[str, Mapping[str, Style]] = {}  # by theme


def styles(app: App[Any]) -> Mapping[str, Style]:
    """What each name looks like in the theme in force."""
    found = _STYLES.get(app.theme)
    if found is None:
        found = _STYLES[app.theme] = styles_of(app.current_theme)
    return found


def styles_of(theme: Theme) -> dict[str, Style]:
    variables = theme.to_color_system().generate()
    background = Color.parse(variables["background"])
    made = {}
    for name, look in LOOKS.items():
        style = Style.parse(f"{look.attributes} {look.ansi if theme.ansi else ''}")
        colour = Color.parse(variables[look.colour])
        if not theme.ansi:
            mixed = background.blend(colour, look.share).rich_color
            style += Style(bgcolor=mixed) if look.behind else Style(color=mixed)
        elif not look.behind:
            style = Style(color=colour.rich_color) + style
        made[name] = style
    return made


def width_of(text: str) -> int:
    """Cells that the text takes on the screen."""
    return len(text) if text.isascii() else cell_len(text)


def sum_of(pieces: Iterable[Piece]) -> int:
    """Cells that the pieces take."""
    return sum(width_of(text) for text, _ in pieces)


def fit(text: str, width: int, right: bool = False) -> str:
    """The text in exactly `width` cells; what does not fit ends in an ellipsis."""
    have = width_of(text)
    if have > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    blank = " " * (width - have)
    return blank + text if right else text + blank


def paint(pieces: Iterable[Piece], width: int, base: Style, looks: Mapping[str, Style]) -> Strip:
    """The pieces one after the other over the base, filled up to the width or cut with an ellipsis."""
    segments = []
    taken = 0
    for text, name in pieces:
        if text:
            segments.append(Segment(text, base + looks[name] if name else base))
            taken += width_of(text)
    strip = Strip(segments, taken)
    if taken > width > 0:
        last = strip.crop(0, width - 1)
        return Strip([*last, Segment("…", segments[-1].style)], last.cell_length + 1).adjust_cell_length(width, base)
    return strip.adjust_cell_length(width, base)
