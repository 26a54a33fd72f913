"""Every key there is, read from the tables of keys themselves: for the help screen and the command palette."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, zip_longest
from textwrap import wrap

from textual.binding import Binding, BindingType
from textual.keys import format_key
from textual.widget import Widget

from rtmpscope.tui.detail import FieldTree
from rtmpscope.tui.graphs import Graphs
from rtmpscope.tui.hexpane import HexPane
from rtmpscope.tui.keys import KEYS
from rtmpscope.tui.lines import LineList
from rtmpscope.tui.pages import Page
from rtmpscope.tui.palette import Pieces, fit, sum_of
from rtmpscope.tui.prompt import Prompt

PANES: list[tuple[str, type[Widget], list[BindingType]]] = [  # of the main screen, with their own keys
    ("", LineList, LineList.BINDINGS),
    ("", FieldTree, FieldTree.BINDINGS),
    ("Bytes", HexPane, HexPane.BINDINGS),
    ("", Graphs, Graphs.BINDINGS),
]
TABLES: list[tuple[str, list[BindingType]]] = [
    ("", KEYS),
    *((title, table) for title, _, table in PANES),
    ("", Prompt.BINDINGS),
    ("", Page.BINDINGS),
]
MOUSE = (
    ("click", "Select; take a completion; in a graph, go to that time"),
    ("two clicks", "Open; on a border, put it back"),
    ("wheel", "Scroll; in the graphs, the next one"),
    ("drag", "Move the border between two panes"),
)
KEY_WIDTH = 13
COLUMN_WIDTH = 70
LEAST_WIDTH = 14  # cells that what a key does has beside it


def bindings() -> Iterator[tuple[str, Binding]]:
    """Every binding with its subject."""
    for title, table in TABLES:
        for binding in table:
            assert isinstance(binding, Binding) and binding.group is not None
            yield title or binding.group.description, binding


def keys_of(binding: Binding) -> str:
    return "  ".join(format_key(key.strip()) for key in binding.key.split(","))


def told(hand: str, meaning: str, width: int) -> Iterator[Pieces]:
    """A key and what it does, which goes on below where it is too long; all of it where there is little room."""
    indent = KEY_WIDTH + 2
    if width < indent + LEAST_WIDTH:
        yield [("  " + hand, "mark")]
        hand, indent = "", 4
    for part in wrap(meaning, max(LEAST_WIDTH, width - indent)):
        yield [(fit("  " + hand, indent), "mark"), (part, "")]
        hand = ""


def help_lines(width: int) -> list[Pieces]:
    """Every key by subject, in two columns where there is room for them."""
    lines: list[Pieces] = []
    for subject, group in groupby(bindings(), key=lambda pair: pair[0]):
        lines += [[], [(subject, "head")]]
        lines += [line for _, key in group for line in told(keys_of(key), key.description, width)]
    lines += [[], [("Mouse", "head")]]
    lines += [line for hand, meaning in MOUSE for line in told(hand, meaning, width)]
    del lines[0]
    if width < 2 * COLUMN_WIDTH:
        return lines
    half = next(place for place in range(len(lines) // 2, len(lines)) if not lines[place])
    nothing: Pieces = []
    pairs = zip_longest(lines[:half], lines[half + 1 :], fillvalue=nothing)
    return [[*left, (" " * (COLUMN_WIDTH - sum_of(left)), ""), *right] for left, right in pairs]
