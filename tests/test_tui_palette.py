"""What the styles look like."""

from __future__ import annotations

import pytest
from textual.app import App

from rtmpscope.tui.palette import LOOKS, styles_of

THEMES = App().available_themes


@pytest.mark.parametrize("name", THEMES)
def test_every_theme_gives_every_style_a_look(name: str) -> None:
    made = styles_of(THEMES[name])
    assert made.keys() == LOOKS.keys()
    assert made["cursor-focus"].bgcolor or made["cursor-focus"].reverse
    assert all(style.color for style_name, style in made.items() if not LOOKS[style_name].behind)


def test_a_terminals_own_colours_keep_commands_and_audio_apart_and_use_no_dark_blue_for_commands() -> None:
    made = styles_of(THEMES["ansi-dark"])
    colours = {name: made[name].color.name for name in ("command", "audio", "video", "error")}  # type: ignore[union-attr]
    assert colours["command"] == "cyan" and len(set(colours.values())) == 4
