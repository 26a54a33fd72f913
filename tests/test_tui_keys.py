"""Every key of every table does what the table says: one proof for each, and none may be missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from rtmpscope.model import UNKNOWN
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.tui.borders import Heights
from rtmpscope.tui.graphs import Graphs
from rtmpscope.tui.help import bindings
from rtmpscope.tui.lines import LineList
from rtmpscope.tui.pages import Page
from rtmpscope.tui.prompt import Prompt
from rtmpscope.tui.times import FORMATS
from tests.fake_store import HugeStore
from tests.test_tui_app import ONSTATUS, PUBLISH, Driver, drive

COUNT, SIZE = 200, (120, 40)


class Proof(NamedTuple):
    """After the keys `before` and the key itself, `what` is `then`; and it was not so without the key."""

    then: object
    what: Callable[[Driver], object]
    before: tuple[str, ...] = ()


def row(screen: Driver) -> object:
    return screen.main.row


def focus(screen: Driver) -> object:
    return screen.main.focused and screen.main.focused.id


def page(screen: Driver) -> object:
    shown = screen.app.screen
    return shown.heading if isinstance(shown, Page) else type(shown).__name__


def asked(screen: Driver) -> object:
    prompt = screen.main.query_one(Prompt)
    return prompt.question.sign if prompt.open else ""


def typed(screen: Driver) -> object:
    return screen.main.query_one(Prompt).input.value


def clipboard(screen: Driver) -> object:
    """Whether the row under the cursor was copied."""
    return "NetStream.Publish.BadName" in screen.app.clipboard


def chart(screen: Driver) -> object:
    """Whether another chart is on top than at first."""
    return screen.main.query_one(Graphs).first != 0


def place(screen: Driver) -> object:
    return screen.main.detail.hex.place


def fields(screen: Driver) -> LineList:
    return screen.main.detail.fields


def of_main(name: str) -> Callable[[Driver], object]:
    return lambda screen: getattr(screen.main, name)


def of_sight(name: str) -> Callable[[Driver], object]:
    return lambda screen: getattr(screen.main.sight, name)


def grown(screen: Driver) -> object:
    """Lines that the lower pane has more than by itself."""
    heights, height = screen.main.heights, screen.main.size.height
    return heights.of_lower(height) - Heights().of_lower(height)


TREE = ("n", "tab")
HEX = ("n", "tab", "tab")
FIND = ("f", *"publish", "enter")
DRAWN = ("G", "i", "tab")
TYPED_FILTER = ("slash", *"rtmp.typ")

PROOFS: dict[tuple[str, str], Proof] = {
    ("Look", "tab"): Proof("fields", focus),
    ("Look", "shift+tab"): Proof("sessions", focus),
    ("Look", "backslash"): Proof(True, of_main("alone")),
    ("Look", "greater_than_sign"): Proof(2, grown),
    ("Look", "less_than_sign"): Proof(-2, grown),
    ("Look", "v"): Proof(True, of_main("as_ladder")),
    ("Look", "i"): Proof(True, of_main("as_graphs")),
    ("Look", "t"): Proof(FORMATS[1], of_sight("time_format")),
    ("Look", "r"): Proof(ONSTATUS, of_sight("reference"), ("n",)),
    ("Look", "K"): Proof(False, of_sight("masked")),
    ("Look", "F"): Proof(True, of_main("follow_end")),
    ("Find", "slash"): Proof("/", asked),
    ("Find", "f"): Proof("find", asked),
    ("Find", "ctrl+f"): Proof("find", asked),
    ("Find", "full_stop"): Proof(ONSTATUS, row, ("f", *"NetStream", "enter", "g")),
    ("Find", "comma"): Proof(ONSTATUS, row, (*FIND, "G")),
    ("Find", "c"): Proof(0, of_sight("followed")),
    ("Find", "escape"): Proof(UNKNOWN, of_sight("followed"), ("c",)),
    ("Go to", "n"): Proof(ONSTATUS, row),
    ("Go to", "N"): Proof(ONSTATUS, row, ("G",)),
    ("Go to", "colon"): Proof(":", asked),
    ("Go to", "ctrl+g"): Proof(":", asked),
    ("Go to", "right_square_bracket"): Proof(1, row),
    ("Go to", "left_square_bracket"): Proof(PUBLISH, row, ("n",)),
    ("Go to", "right_curly_bracket"): Proof(ONSTATUS, row, ("n", "up")),
    ("Go to", "left_curly_bracket"): Proof(PUBLISH, row, ("n",)),
    ("Go to", "a"): Proof(PUBLISH, row, ("n",)),
    ("Go to", "m"): Proof([ONSTATUS], of_sight("marks"), ("n",)),
    ("Go to", "apostrophe"): Proof(ONSTATUS, row, ("n", "m", "G")),
    ("Take along", "y"): Proof(True, clipboard, ("n",)),
    ("Take along", "ctrl+e"): Proof("export to", asked),
    ("Take along", "s"): Proof("Statistics", page),
    ("Program", "question_mark"): Proof("Keys", page),
    ("Program", "ctrl+p"): Proof("Actions", page),
    ("Program", "q"): Proof(True, lambda screen: screen.app._exit),
    ("Move", "down"): Proof(1, row),
    ("Move", "j"): Proof(1, row),
    ("Move", "up"): Proof(ONSTATUS - 1, row, ("n",)),
    ("Move", "k"): Proof(ONSTATUS - 1, row, ("n",)),
    ("Move", "g"): Proof(0, row, ("n",)),
    ("Move", "home"): Proof(0, row, ("n",)),
    ("Move", "G"): Proof(13, row),
    ("Move", "end"): Proof(13, row),
    ("Move", "enter"): Proof("fields", focus),
    ("Field tree", "right"): Proof(1, lambda screen: fields(screen).cursor, TREE),
    ("Field tree", "l"): Proof(1, lambda screen: fields(screen).cursor, TREE),
    ("Field tree", "left"): Proof(1, lambda screen: fields(screen).total(), TREE),
    ("Field tree", "h"): Proof(1, lambda screen: fields(screen).total(), TREE),
    ("Field tree", "plus"): Proof(True, lambda screen: fields(screen).total() > 1, (*TREE, "h")),
    ("Field tree", "asterisk"): Proof(True, lambda screen: fields(screen).total() > 1, (*TREE, "h")),
    ("Field tree", "enter"): Proof(True, lambda screen: isinstance(screen.app.screen, Page), (*TREE, "down")),
    ("Bytes", "right"): Proof(1, place, HEX),
    ("Bytes", "l"): Proof(1, place, HEX),
    ("Bytes", "left"): Proof(1, place, (*HEX, "l", "l")),
    ("Bytes", "h"): Proof(1, place, (*HEX, "l", "l")),
    ("Graphs", "down"): Proof(True, chart, DRAWN),
    ("Graphs", "j"): Proof(True, chart, DRAWN),
    ("Graphs", "up"): Proof(True, chart, DRAWN),
    ("Graphs", "k"): Proof(True, chart, DRAWN),
    ("Graphs", "left"): Proof(12, row, (*DRAWN, "down")),
    ("Graphs", "h"): Proof(12, row, (*DRAWN, "down")),
    ("Graphs", "right"): Proof(13, row, (*DRAWN, "down", "left")),
    ("Graphs", "l"): Proof(13, row, (*DRAWN, "down", "left")),
    ("Prompt", "escape"): Proof("", asked, ("slash",)),
    ("Prompt", "tab"): Proof(True, lambda screen: len(str(typed(screen))) > len("rtmp.typ"), TYPED_FILTER),
    ("Prompt", "up"): Proof("publish", typed, (*FIND, "f")),
    ("Prompt", "down"): Proof("", typed, (*FIND, "f", "up")),
    ("A page", "q"): Proof("MainScreen", page, ("s",)),
    ("A page", "escape"): Proof("MainScreen", page, ("s",)),
    ("A page", "y"): Proof(True, lambda screen: screen.app.clipboard != "", ("question_mark",)),
}
PAGES = {  # keys that move by a page: the row they lead to from row 100 of many, in pages
    "pagedown": 1.0, "space": 1.0, "pageup": -1.0, "backspace": -1.0, "ctrl+d": 0.5, "ctrl+u": -0.5,
}  # fmt: skip
SUSPENDS = ("Program", "ctrl+z")  # which takes a real terminal


def table() -> set[tuple[str, str]]:
    return {(subject, key.strip()) for subject, one in bindings() for key in one.key.split(",")}


def test_no_key_is_without_a_proof() -> None:
    proven = {*PROOFS, SUSPENDS, *(("Move", key) for key in PAGES)}
    assert table() == proven


@pytest.mark.parametrize(("subject", "key"), PROOFS, ids=map(" ".join, PROOFS))
def test_a_key_does_what_its_table_says(subject: str, key: str) -> None:
    proof = PROOFS[subject, key]

    async def script(screen: Driver) -> None:
        for before in proof.before:
            await screen.press(before)
        assert proof.what(screen) != proof.then
        await screen.pilot.press(key)
        await screen.settle()
        assert proof.what(screen) == proof.then

    drive(script, redactor=Redactor(style=DOTS), size=SIZE)


@pytest.mark.parametrize("key", PAGES)
def test_a_key_moves_by_a_page_or_half_of_one(key: str) -> None:
    async def script(screen: Driver) -> None:
        screen.main.rows.move_to(COUNT // 2)
        height = screen.main.rows.height
        await screen.press(key)
        assert screen.main.row == COUNT // 2 + int((height - 1) * PAGES[key])

    drive(script, store=HugeStore(COUNT), size=SIZE)
