"""Every shipped capture on the screen, small and large: it opens, its rows, trees, ladder and graphs are drawn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import RTMP_PORTS
from rtmpscope.pipeline import registry
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.store import Store
from rtmpscope.tui.app import RtmpscopeApp
from tests.test_tui_app import Driver

CAPTURES = sorted(path for path in (Path(__file__).parent.parent / "captures").iterdir() if ".pcap" in path.suffixes)
CAPTURES += sorted(path for path in (Path(__file__).parent.parent / "captures").glob("*.pcapng"))

# Timeline, ladder and graphs at both sizes: at the second one, back the way that was gone at the first.
WAY = {(200, 50): ("n", "G", "v", "i"), (80, 24): ("g", "i", "v", "n", "G")}


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_a_capture_looks_right_from_its_first_screen_to_its_last_row(capture: Path) -> None:
    async def scenario() -> None:
        store = Store(open_capture([str(capture)], spool=True), registry([]), RTMP_PORTS)
        app = RtmpscopeApp(store, capture.name, Redactor(style=DOTS))
        async with app.run_test(size=(200, 50)) as pilot:
            screen = Driver(app, pilot)
            while not store.complete:
                await asyncio.sleep(0.05)
            assert not store.error
            for size, keys in WAY.items():
                await pilot.resize_terminal(*size)
                for key in keys:
                    await screen.press(key)
                    lines = screen.text.splitlines()
                    assert len(lines) == size[1]
                    assert all(character.isprintable() for line in lines for character in line)
                    assert capture.name[:10] in lines[0] and "loaded 100 %" in lines[-1]
                    assert "cannot be opened" not in screen.text
            assert f"row {store.count:,} of {store.count:,}" in screen.text or not store.count

    asyncio.run(scenario())
