"""The last filter before the terminal: no control character passes, and where UTF-8 is not understood, only ASCII.

Wire text is escaped where it enters a line.  This filter is the second wall: it stands where every line of every
widget must pass, so that one forgotten call does not hand the terminal to whoever made the capture.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from rtmpscope.text import printable

SUBSTITUTES = str.maketrans(
    "→←▶◀▸▾│─━┄═├┤└┘┌┐┼┴┬✖▲•·●◐○◌◆✂…▏▎▍▌▋▊▉█▔▁▂▃▄▅▆▇▀↑↓↔Δ±µ×",
    "><><>v|-=-=||+++++++X!*.*oooo%~|||||||#-___===#=^v-d+ux",
) | {ord("🔎"): "> "}  # which Textual's command palette has
BRAILLE = range(0x2800, 0x2900)
DENSITY = " .:-=+*#@"  # a braille cell by the number of its dots


def ascii_text(text: str) -> str:
    """The text in ASCII, of the same width in cells."""
    if text.isascii():
        return text
    return "".join(map(ascii_character, text.translate(SUBSTITUTES)))


def ascii_character(character: str) -> str:
    code = ord(character)
    if code < 0x80:
        return character
    if code in BRAILLE:
        return DENSITY[(code - BRAILLE.start).bit_count()]
    return "?" * get_character_cell_size(character)


class Edge(LineFilter):
    def __init__(self, ascii_only: bool) -> None:
        super().__init__()
        self.ascii_only = ascii_only

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [self.safe(segment) for segment in segments]

    def safe(self, segment: Segment) -> Segment:
        text = segment.text
        if text.isascii() and text.isprintable():
            return segment
        text = printable(text)
        return Segment(ascii_text(text) if self.ascii_only else text, segment.style)


def speaks_utf8(environ: Mapping[str, str]) -> bool:
    """Whether the terminal is said to understand UTF-8: the locale's own rule, and the Linux console's small font."""
    named = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    return environ.get("TERM") != "linux" and named.lower().replace("-", "").endswith("utf8")
