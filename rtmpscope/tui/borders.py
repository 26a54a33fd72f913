"""The borders between the panes, which the mouse moves, and what becomes of the height that way.

A border says where the mouse wants it, and a double click that it goes back to its own place; the panes decide how
far it can go.  It has the mouse to itself from the moment it is taken, and that is up to the program: by the time the
border hears of it, what the mouse did next may have gone to another pane.  Sizes are kept as they were asked for and
bounded whenever they are used: a terminal that was small for a while has them again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from textual import events
from textual.app import App
from textual.errors import NoWidget
from textual.message import Message
from textual.strip import Strip

from rtmpscope.tui.lines import Drawn
from rtmpscope.tui.palette import paint, styles

LEFT = 1  # the button
LEAST_SESSIONS, LEAST_ROWS, LEAST_LOWER = 1, 3, 3  # lines of each pane; the rows have a head
FRAME = 4  # lines of the screen that no pane has: the bars at its edges and two borders


class Border(Drawn):
    """A line between two panes, across the screen or upright; it lights up where the mouse can take it."""

    DEFAULT_CSS = """
    Border { height: 1; pointer: ns-resize; }
    Border.-upright { width: 1; height: 1fr; pointer: ew-resize; }
    """

    class Moved(Message):
        """The border is wanted on another line of the screen, or column if it is upright; None is its own place."""

        def __init__(self, border: Border, place: int | None) -> None:
            super().__init__()
            self.border = border
            self.place = place

        @property
        def control(self) -> Border:
            return self.border

    def __init__(self, id: str, upright: bool = False) -> None:
        super().__init__(id=id, classes="-upright" if upright else "")
        self.upright = upright
        self.held = False

    def render_line(self, y: int) -> Strip:
        text = "▏" if self.upright else "─" * self.size.width
        look = "mark" if self.held or self.mouse_hover else "rule"
        return paint([(text, look)], self.size.width, self.base, styles(self.app))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.held = event.button == LEFT

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if not self.held or not self.display:  # the screen may have become too small for borders meanwhile
            return
        if not event.button:  # it was let go where the terminal could not see it
            self.release_mouse()
            self.on_mouse_up()
            return
        place, now = (event.screen_x, self.region.x) if self.upright else (event.screen_y, self.region.y)
        if place != now:
            self.post_message(self.Moved(self, place))

    def on_mouse_up(self) -> None:
        self.held = False
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self.post_message(self.Moved(self, None))

    def watch_mouse_hover(self, _hover: bool) -> None:
        self.refresh()


def hold(app: App[Any], event: events.MouseEvent) -> None:
    """Give the mouse to the border that it takes, and to all again when the button is let go."""
    if isinstance(event, events.MouseDown) and event.button == LEFT:
        with suppress(NoWidget):
            widget = app.get_widget_at(event.screen_x, event.screen_y)[0]
            if isinstance(widget, Border):
                app.capture_mouse(widget)
    elif isinstance(event, events.MouseUp) and isinstance(app.mouse_captured, Border):
        app.capture_mouse(None)


class Heights:
    """The lines that somebody gave the connections and the lower pane; None where that is left to the screen.

    The rows have what is left.
    """

    def __init__(self) -> None:
        self.sessions: int | None = None
        self.lower: int | None = None

    def of_lower(self, height: int) -> int:
        """The lines of the lower pane on a screen of that height."""
        lines = height * 3 // 10 if self.lower is None else self.lower
        return max(LEAST_LOWER, min(lines, height - FRAME - LEAST_ROWS - LEAST_SESSIONS))

    def grow_lower(self, lines: int, height: int) -> None:
        """Make the lower pane larger by so many lines, or smaller, as far as the screen lets it."""
        self.lower = self.of_lower(height) + lines
        self.lower = self.of_lower(height)

    def of_sessions(self, height: int, connections: int, looked_at: bool) -> int:
        """The lines of the connections: by themselves no more than there are, and few while nobody looks at them."""
        lines = self.sessions
        if lines is None:
            lines = min(connections, height // 2 if looked_at else height // 8)
        return max(LEAST_SESSIONS, min(lines, height - FRAME - LEAST_ROWS - self.of_lower(height)))
