"""Makes the pictures in the README: the rejected publish of a shipped capture, as the screen shows it.

python -m docs.screenshot
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import RTMP_PORTS
from rtmpscope.pipeline import registry
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.store import Store
from rtmpscope.tui.app import RtmpscopeApp

ROOT = Path(__file__).parent.parent
CAPTURE = ROOT / "captures" / "nginx-duplicate-publish.pcap"
PICTURES = {"screenshot": (126, 36, ("n",)), "ladder": (126, 20, ("n", "v"))}  # name: columns, lines, keys
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


async def picture(columns: int, lines: int, keys: tuple[str, ...]) -> str:
    store = Store(open_capture([str(CAPTURE)]), registry([]), RTMP_PORTS)
    app = RtmpscopeApp(store, CAPTURE.name, Redactor(style=DOTS))
    app.theme = "textual-dark"  # whatever this terminal can show
    async with app.run_test(size=(columns, lines)) as pilot:
        while not store.complete:
            await pilot.pause(0.1)
        for key in keys:
            await pilot.press(key)
        await pilot.pause(1.0)
        return app.export_screenshot(title="rtmpscope")


def without_downloads(svg: str) -> str:
    """The picture without the web font that Textual links to: opening a README loads nothing from elsewhere."""
    svg = re.sub(r"@font-face \{.*?\}\n?", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", FONT)


if __name__ == "__main__":
    for name, scene in PICTURES.items():
        path = ROOT / "docs" / f"{name}.svg"
        path.write_text(without_downloads(asyncio.run(picture(*scene))))
        print(f"{path}: {path.stat().st_size:,} bytes")
