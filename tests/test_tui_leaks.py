"""No secret is on the screen, in a picture of it or on the clipboard, whatever is opened and taken along."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import RTMP_PORTS
from rtmpscope.pipeline import registry
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.store import Store
from rtmpscope.tui.app import RtmpscopeApp
from tests import wire
from tests.test_leaks import session
from tests.test_leaks_of_encoders import SESSIONS, forms
from tests.test_tui_app import Driver

TREE_LINES = 5  # that are copied of each row


def picture(app: RtmpscopeApp) -> str:
    """What stands in a screenshot (ctrl+p)."""
    return html.unescape(re.sub("<[^>]+>", "", app.export_screenshot())).replace("\xa0", " ")


async def shown(path: Path, redactor: Redactor | None) -> str:
    """All that is seen and taken along on the way through the rows, the statistics and the other views."""
    store = Store(open_capture([str(path)]), registry([]), RTMP_PORTS)
    app = RtmpscopeApp(store, path.name, redactor)
    seen: list[str] = []
    async with app.run_test(size=(160, 50)) as pilot:
        screen = Driver(app, pilot)
        app.copy_to_clipboard = seen.append  # type: ignore[method-assign]

        async def press(*keys: str) -> None:
            await screen.press(*keys)
            seen.extend((screen.text, picture(app), app.title, app.sub_title))

        while not store.complete:
            await asyncio.sleep(0.01)
        await screen.press("slash")
        await screen.write("rtmp.command")
        await screen.press("g")
        for _ in range(len(screen.main.sight.view)):
            await press("y", "tab", *("down", "y") * TREE_LINES, "tab", "y")
            await screen.press("tab", "tab", "down")
        for key in ("v", "i", "i", "v", "s"):
            await press(key)
        await screen.press(*("down", "y") * 12)
    return "\n".join(seen)


@pytest.mark.parametrize("name", ["redirect", "AMF3"])
def test_secret_is_nowhere_on_the_screen(name: str, tmp_path: Path) -> None:
    secrets, said = SESSIONS[name]
    path = tmp_path / "sent.pcap"
    path.write_bytes(wire.pcap(session(said)))
    text = asyncio.run(shown(path, Redactor(style=DOTS)))
    for secret in secrets:
        assert not [form for form in forms(secret) if form in text]


def test_secret_is_seen_where_nothing_is_masked(tmp_path: Path) -> None:
    path = tmp_path / "sent.pcap"
    path.write_bytes(wire.pcap(session(SESSIONS["AMF3"][1])))
    assert "amf3key-77-zzz" in asyncio.run(shown(path, None))
