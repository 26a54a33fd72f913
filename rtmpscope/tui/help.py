"""Every key there is, read from the tables of keys themselves: for the help screen and the command palette."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from textual.binding import Binding, BindingType
from textual.keys import format_key
from textual.widget import Widget

from rtmpscope.tui.detail import FieldTree
from rtmpscope.tui.graphs import Graphs
from rtmpscope.tui.hexpane import HexPane
from rtmpscope.tui.keys import KEYS
from rtmpscope.tui.lines import LineList
from rtmpscope.tui.pages import Page
from rtmpscope.tui.palette import Pieces, fit
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
KEY_WIDTH = 22


def bindings() -> Iterator[tuple[str, Binding]]:
    """Every binding with its subject."""
    for title, table in TABLES:
        for binding in table:
            assert isinstance(binding, Binding) and binding.group is not None
            yield title or binding.group.description, binding


def keys_of(binding: Binding) -> str:
    return "  ".join(format_key(key.strip()) for key in binding.key.split(","))


def help_lines() -> list[Pieces]:
    lines: list[Pieces] = []
    for subject, group in groupby(bindings(), key=lambda pair: pair[0]):
        lines.append([])
        lines.append([(subject, "head")])
        lines.extend([("  " + fit(keys_of(key), KEY_WIDTH), "mark"), (key.description, "")] for _, key in group)
    lines += [[], [("Mouse", "head")], [("  click", "mark"), (" selects, a second click opens, the wheel scrolls", "")]]
    return lines[1:]
