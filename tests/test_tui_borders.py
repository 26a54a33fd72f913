"""The borders between the panes, moved with the mouse."""

from __future__ import annotations

import pytest
from textual.events import MouseDown, MouseEvent, MouseMove, MouseUp

from rtmpscope.tui.borders import FRAME, LEAST_LOWER, LEAST_ROWS, LEAST_SESSIONS, LEFT, Border, Heights
from tests.fake_store import HugeStore
from tests.test_tui_app import Driver, drive


def border(screen: Driver, id: str) -> Border:
    return screen.main.query_one(f"#{id}", Border)


def heights(screen: Driver) -> tuple[int, int, int]:
    """Of the connections, the rows with their head, and the detail pane."""
    sessions, rows, detail = (screen.main.query_one(name).size.height for name in ("#sessions", "#rows", "#detail"))
    return sessions, rows, detail


async def mouse(screen: Driver, kind: type[MouseEvent], x: int, y: int, button: int = LEFT) -> None:
    """What the mouse does at a place, or as near to it as the screen goes."""
    await screen.pilot.pause()
    tell(screen, kind, x, y, button)
    await screen.pilot.pause()
    await screen.settle()


def tell(screen: Driver, kind: type[MouseEvent], x: int, y: int, button: int = LEFT) -> None:
    """The same, as the terminal tells it: without waiting for what comes of it."""
    width, height = screen.main.size
    x, y = max(0, min(x, width - 1)), max(0, min(y, height - 1))
    screen.app.post_message(kind(None, x, y, 0, 0, button, False, False, False, x, y))


async def drag(screen: Driver, id: str, x: int = 0, y: int = 0) -> None:
    """Take the border, move it by so many cells, and let it go."""
    at = border(screen, id).region
    await mouse(screen, MouseDown, at.x, at.y)
    await mouse(screen, MouseMove, at.x + x // 2, at.y + y // 2)
    await mouse(screen, MouseMove, at.x + x, at.y + y)
    await mouse(screen, MouseUp, at.x + x, at.y + y)


def test_the_borders_follow_the_mouse_and_stay_where_they_were_left() -> None:
    async def script(screen: Driver) -> None:
        sessions, rows, detail = heights(screen)
        focused = screen.main.focused
        await drag(screen, "under-rows", y=-5)
        assert heights(screen) == (sessions, rows - 5, detail + 5)
        await drag(screen, "under-sessions", y=2)
        assert heights(screen) == (sessions + 2, rows - 7, detail + 5)
        assert screen.main.focused is focused
        await screen.press("n", "tab", "shift+tab", "shift+tab", "tab", "backslash", "backslash", "v", "v")
        assert heights(screen) == (sessions + 2, rows - 7, detail + 5)
        await screen.press("i")
        assert screen.main.query_one("Graphs").size.height == detail + 5

    drive(script)


def test_the_border_beside_the_bytes_makes_their_lines_longer_or_shorter() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n")
        bytes = screen.main.detail.hex
        assert bytes.per_line == 8
        await drag(screen, "beside-bytes", x=-35)
        assert bytes.per_line == 16 and "onStatus" in screen.text
        await drag(screen, "beside-bytes", x=300)
        assert bytes.per_line == 1 and bytes.size.width > 0
        await drag(screen, "beside-bytes", x=-300)
        assert bytes.per_line == 16 and screen.main.detail.fields.size.width == screen.main.detail.LEAST_TREE

    drive(script, size=(96, 40))


def test_a_border_is_moved_though_all_that_the_mouse_does_comes_at_once() -> None:
    async def script(screen: Driver) -> None:
        sessions, rows, detail = heights(screen)
        at = border(screen, "under-rows").region
        tell(screen, MouseDown, 5, at.y)
        tell(screen, MouseMove, 5, at.y - 2)
        tell(screen, MouseMove, 5, at.y - 5)
        tell(screen, MouseUp, 5, at.y - 5)
        tell(screen, MouseMove, 5, at.y - 8, button=0)
        await screen.pilot.pause()
        await screen.settle()
        assert heights(screen) == (sessions, rows - 5, detail + 5) and screen.app.mouse_captured is None

    drive(script)


@pytest.mark.parametrize("id", ["under-sessions", "under-rows"])
@pytest.mark.parametrize("far", [-100, 100])
def test_no_pane_is_pushed_off_the_screen(id: str, far: int) -> None:
    async def script(screen: Driver) -> None:
        before = heights(screen)
        at = border(screen, id).region
        await mouse(screen, MouseDown, at.x, at.y)
        border(screen, id).post_message(Border.Moved(border(screen, id), at.y + far))
        await screen.settle()
        sessions, rows, detail = heights(screen)
        assert sessions >= LEAST_SESSIONS and rows >= LEAST_ROWS and detail >= LEAST_LOWER
        assert sessions + rows + detail == sum(before)
        kept = before[2] if id == "under-sessions" else before[0]  # the pane that does not touch this border
        assert kept == (detail if id == "under-sessions" else sessions)

    drive(script, size=(80, 24))


def test_two_clicks_put_a_border_back() -> None:
    async def script(screen: Driver) -> None:
        before = heights(screen)
        for id, y in (("under-rows", -5), ("under-sessions", 2)):
            await drag(screen, id, y=y)
            at = border(screen, id).region
            for kind in (MouseDown, MouseUp, MouseDown, MouseUp):
                tell(screen, kind, 5, at.y)
            await screen.pilot.pause()
            await screen.settle()
        assert heights(screen) == before

    drive(script)


def test_what_the_mouse_does_after_the_button_was_let_go_moves_nothing() -> None:
    async def script(screen: Driver) -> None:
        at = border(screen, "under-rows").region
        before = heights(screen)
        await mouse(screen, MouseMove, 5, at.y, button=0)
        await mouse(screen, MouseMove, 5, at.y - 3, button=0)
        assert heights(screen) == before
        await mouse(screen, MouseDown, 5, at.y)
        await mouse(screen, MouseMove, 5, at.y - 3)
        moved = heights(screen)
        assert moved != before
        await mouse(screen, MouseMove, 5, at.y - 6, button=0)  # let go outside the window: nobody was told
        await mouse(screen, MouseMove, 5, at.y - 8, button=0)
        assert heights(screen) == moved and screen.app.mouse_captured is None

    drive(script)


def test_a_small_screen_has_no_borders_and_a_large_one_has_them_where_they_were() -> None:
    async def script(screen: Driver) -> None:
        await drag(screen, "under-rows", y=-6)
        wanted = heights(screen)
        at = border(screen, "under-rows").region
        await mouse(screen, MouseDown, 5, at.y)  # and the terminal is resized before the button is let go
        for size in ((20, 5), (40, 12), (80, 20), (120, 40)):
            await screen.pilot.resize_terminal(*size)
            await screen.settle()
            shown = border(screen, "under-rows").display
            assert shown == (size[1] >= 20)
            await mouse(screen, MouseMove, 5, at.y)
        await mouse(screen, MouseUp, 5, at.y)
        assert heights(screen) == wanted

    drive(script)


def test_the_keys_stop_where_the_mouse_does_and_come_back_at_once() -> None:
    async def script(screen: Driver) -> None:
        await screen.press(*["greater_than_sign"] * 30)
        sessions, rows, detail = heights(screen)
        assert rows == LEAST_ROWS or sessions == LEAST_SESSIONS
        await screen.press("less_than_sign")
        assert heights(screen)[2] == detail - 2
        await screen.press(*["less_than_sign"] * 30)
        assert heights(screen)[2] == LEAST_LOWER

    drive(script, HugeStore(1_000))


@pytest.mark.parametrize("height", range(20, 60))
def test_the_panes_fill_a_screen_of_any_height(height: int) -> None:
    for sessions in (None, 1, 7, 400):
        for lower in (None, -5, 9, 400):
            asked = Heights()
            asked.sessions, asked.lower = sessions, lower
            below = asked.of_lower(height)
            above = asked.of_sessions(height, 300, looked_at=True)
            assert below >= LEAST_LOWER and above >= LEAST_SESSIONS
            assert height - FRAME - below - above >= LEAST_ROWS
