"""The terminal UI as a program: one store is looked at until somebody leaves.

`run` is its only door.  The store is loaded by a daemon thread while the screen already shows what is there.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Sequence
from functools import partial
from os import environ
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widget import Widget

from rtmpscope.analysis.failures import Failures
from rtmpscope.model import AMF_TYPES
from rtmpscope.tui import terminal
from rtmpscope.tui.actions import Actions
from rtmpscope.tui.borders import hold
from rtmpscope.tui.edge import Edge, speaks_utf8
from rtmpscope.tui.help import PANES, help_lines, keys_of
from rtmpscope.tui.instead import held_instead
from rtmpscope.tui.keys import KEYS
from rtmpscope.tui.main import MainScreen
from rtmpscope.tui.pages import Page
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.status import StatusBar

if TYPE_CHECKING:
    from rtmpscope.redact import Redactor
    from rtmpscope.store import Store

FEW_COLOURS = (None, "standard", "windows")
INTERRUPTED = 130


class RtmpscopeApp(App[None]):
    TITLE = "rtmpscope"
    ENABLE_COMMAND_PALETTE = True
    ALLOW_SELECT = False  # Textual's selection does not see drawn lines, and scrolls what the mouse is dragged over
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Quit at once", priority=True),
    ]

    def __init__(
        self, store: Store, title: str, redactor: Redactor | None, display_filter: str = "", live: bool = False
    ) -> None:
        colourless = "NO_COLOR" in environ
        super().__init__(driver_class=terminal.Terminal, ansi_color=True if colourless else None)
        if colourless or self.console.color_system in FEW_COLOURS:
            self.theme = "ansi-dark"
        self.animation_level = "none"
        self.edge = Edge(ascii_only=not speaks_utf8(environ))
        self.sight = Sight(store, redactor)
        self.capture = title
        self.display_filter = display_filter
        self.live = live
        self.early: list[events.Event] | None = []  # what was typed so far, until there is a screen to take it

    async def on_event(self, event: events.Event) -> None:
        """Hold back what is typed while the screen is being built; but ctrl+c leaves at any time."""
        if self.early is not None and isinstance(event, events.InputEvent) and getattr(event, "key", "") != "ctrl+c":
            self.early.append(event)
        elif isinstance(event, events.MouseEvent) and not event.is_forwarded:
            await super().on_event(event)
            hold(self, event)
        else:
            await super().on_event(event)

    @on(MainScreen.Built)
    async def take_what_was_typed(self) -> None:
        early, self.early = self.early, None
        for event in early or ():
            await self.on_event(event)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self.edge]

    def get_default_screen(self) -> Screen[None]:
        return MainScreen(self.sight, self.capture, self.display_filter, self.live)

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))  # ctrl+z and back
        store = self.sight.store
        store.registry.annotator(self.sight.learn, types=AMF_TYPES)
        store.registry.annotator(Failures)
        Thread(target=self.load, name="loader", daemon=True).start()

    def load(self) -> None:
        """Load the store, in a thread that ends with the program; what goes wrong is said where progress is."""
        store = self.sight.store
        try:
            store.load()
            if not store.count:
                self.sight.instead = held_instead([report.path for report in store.reader.files])
        except Exception as error:
            store.error = f"loading ended early: {internal(error)}"

    def on_resize(self) -> None:
        """Draw everything: a terminal that was resized twice, and has its old size again, has lost what it showed."""
        self.refresh(layout=True)

    def on_unmount(self) -> None:
        self.sight.store.stop()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of the main screen and its panes, by name; pages have but the way back."""
        if isinstance(screen, MainScreen):
            tables = [(screen, KEYS), *((screen.pane(kind), table) for _, kind, table in PANES)]
            for place, binding in ((place, binding) for place, table in tables for binding in table):
                assert isinstance(binding, Binding)
                act = partial(self.act, place, binding.action)
                yield SystemCommand(binding.description, keys_of(binding), act)
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)
        yield SystemCommand("Screenshot", "Save the screen as SVG", self.deliver_screenshot)

    async def act(self, place: Widget, action: str) -> None:
        await place.run_action(action)

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, Actions):
            self.push_screen(Actions(id="--command-palette"))

    def search_themes(self) -> None:
        self.push_screen(Actions(providers=[ThemeProvider], placeholder="Search for themes…"))

    def action_help(self) -> None:
        self.push_screen(Page("Keys", help_lines))

    def action_interrupt(self) -> None:
        """Leave; but a capture that still runs is only ended, and what it holds by then still comes."""
        if self.live and not self.sight.store.complete:
            self.sight.store.reader.stop()
            self.live = False
            self.screen_stack[0].query_one(StatusBar).say("the capture was stopped; ctrl+c once more leaves")
        else:
            terminal.leave(self, INTERRUPTED)

    def _fatal_error(self) -> None:
        """One line in place of Textual's traceback, which shows variables and with them whatever keys they hold."""
        if self._exception is not None:
            self._exit_renderables.append(Text(f"rtmpscope: {internal(self._exception)}"))
        self._close_messages_no_wait()


def internal(error: BaseException) -> str:
    """One line about a mistake of ours: what and where, but no values, which may be keys."""
    places = traceback.extract_tb(error.__traceback__)
    place = f", {os.path.basename(places[-1].filename)} line {places[-1].lineno}" if places else ""
    return f"internal error, {type(error).__name__}{place}: please report it"


def run(store: Store, title: str, redactor: Redactor | None, display_filter: str = "", *, live: bool = False) -> int:
    """Show a store until somebody leaves; the exit code is 0, or 128 and the number of the signal that ended it.

    Standard input must be the terminal, or `terminal.take_terminal` be called before the capture is opened.
    """
    return terminal.run_app(RtmpscopeApp(store, title, redactor, display_filter, live))
