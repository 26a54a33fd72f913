"""Pictures of the main states, compared as a whole: what no other test asks for must not change by accident.

They are of one version of Textual, which the test requirements name.  After a change that is meant:
    python -m pytest tests/test_tui_snapshots.py --snapshot-update
and a look at the pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from rtmpscope.redact import DOTS, Redactor
from rtmpscope.tui.app import RtmpscopeApp
from tests.fake_store import rejected_publish
from tests.test_tui_app import Driver

SMALL, LARGE = (80, 24), (200, 50)


class Scene(NamedTuple):
    size: tuple[int, int]
    keys: tuple[str, ...]


SCENES = {
    "timeline-small": Scene(SMALL, ("n",)),
    "timeline-large": Scene(LARGE, ("n",)),
    "connection-small": Scene(SMALL, ("shift+tab",)),
    "ladder-small": Scene(SMALL, ("n", "v")),
    "graphs-large": Scene(LARGE, ("G", "i")),
    "filter-small": Scene(SMALL, ("slash", *"rtmp.ty")),
    "help-small": Scene(SMALL, ("question_mark",)),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_screen_looks_as_it_did(
    name: str, snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (("LC_ALL", "C.UTF-8"), ("TERM", "xterm-256color"), ("COLORTERM", "truecolor")):
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    app = RtmpscopeApp(rejected_publish(), "test.pcap", Redactor(style=DOTS))  # type: ignore[arg-type]
    app.theme = "textual-dark"
    scene = SCENES[name]

    async def prepare(pilot: Pilot[None]) -> None:
        await pilot.pause()
        driver = Driver(app, pilot)
        driver.main.query_one(Input).cursor_blink = False
        await driver.settle()
        for key in scene.keys:
            await driver.press(key)
        await driver.settle()

    assert snap_compare(app, terminal_size=scene.size, run_before=prepare)
