"""The last filter before the terminal."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from textual.color import Color

from rtmpscope.tui.columns import ARROWS, SEVERITY_MARKS
from rtmpscope.tui.edge import Edge, ascii_text, speaks_utf8
from rtmpscope.tui.palette import width_of
from rtmpscope.tui.sessions import OUTCOMES

BLACK = Color(0, 0, 0)


def through(text: str, ascii_only: bool = False) -> str:
    return "".join(segment.text for segment in Edge(ascii_only).apply([Segment(text)], BLACK))


@pytest.mark.parametrize("code", [*range(0x20), 0x7F, *range(0x80, 0xA0), 0x202E, 0x2066, 0x200B, 0xFEFF, 0xD800])
def test_no_control_character_passes(code: int) -> None:
    shown = through(f"a{chr(code)}b")
    assert chr(code) not in shown and shown.startswith("a\\") and shown.endswith("b")


def test_clean_text_passes_untouched() -> None:
    segment = Segment("connect('live')")
    assert Edge(False).apply([segment], BLACK)[0] is segment
    assert through("→ 直播 ••••") == "→ 直播 ••••"


def test_ascii_keeps_the_width_of_every_sign() -> None:
    signs = "".join(ARROWS) + "".join(SEVERITY_MARKS.values()) + "".join(mark for mark, _, _ in OUTCOMES.values())
    for text in (signs, "─│┄═▸▾◆▶◀✂…⠀⣿⡇", "直播 é\U0001f600"):
        shown = through(text, ascii_only=True)
        assert shown.isascii() and shown.isprintable() and width_of(shown) == width_of(text)


def test_signs_that_mean_different_things_stay_different() -> None:
    assert ascii_text(ARROWS[0]) != ascii_text(ARROWS[1])
    assert len({ascii_text(SEVERITY_MARKS[level]) for level in (2, 3, 4)}) == 3
    assert ascii_text("⣿") != ascii_text("⡀")


@pytest.mark.parametrize(
    ("environ", "speaks"),
    [
        ({"LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, False),
        ({"LC_CTYPE": "C.utf8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LC_ALL": "", "LANG": "C.UTF-8"}, True),
        ({"LANG": "C.UTF-8", "TERM": "linux"}, False),
        ({}, False),
    ],
)
def test_the_locale_says_what_the_terminal_understands(environ: dict[str, str], speaks: bool) -> None:
    assert speaks_utf8(environ) is speaks


def test_the_sign_of_the_command_palette_is_no_question() -> None:
    assert through("🔎 Search", ascii_only=True) == ">  Search"
