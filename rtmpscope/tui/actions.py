"""The command palette, with what ends the program in Textual's mended: keys and clicks that come too early or late.

They may be under way to it when it is left or the terminal is made smaller: a second click beside it would take the
screen below away too, or find no widget, and a letter would have it look for commands to show in a list that is no
more.  A click on a command may come when the list has others, and a page down when it was not laid out yet.
"""

from __future__ import annotations

from contextlib import suppress

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.command import CommandInput, CommandList, CommandPalette, SearchIcon
from textual.containers import Horizontal, Vertical
from textual.errors import NoWidget
from textual.events import Click
from textual.widgets import LoadingIndicator
from textual.worker import Worker

from rtmpscope.tui.status import SINGLE_BELOW


class Commands(CommandList):
    async def _on_click(self, event: Click) -> None:
        event.prevent_default()  # which would be the method of the class above
        with suppress(IndexError):
            await super()._on_click(event)


class Actions(CommandPalette):
    VERTICAL_BREAKPOINTS = [(0, "-low"), (SINGLE_BELOW, "-high")]  # noqa: RUF012
    DEFAULT_CSS = """
    Actions.-low {
        & > Vertical { margin-top: 0; }
        & #--input, & CommandInput, & CommandList { border: none; margin: 0; padding: 0; }
        & #--input Label { margin-top: 0; }
        & CommandInput { height: 1; }
        & CommandList { max-height: 80vh; }
    }
    """

    def compose(self) -> ComposeResult:
        with Vertical(id="--container"):
            with Horizontal(id="--input"):
                yield SearchIcon()
                yield CommandInput(placeholder=self._placeholder, select_on_focus=False)
            with Vertical(id="--results"):
                yield Commands()
                yield LoadingIndicator()

    def dismiss(self, result: None = None) -> AwaitComplete:
        return super().dismiss(result) if self.is_current else AwaitComplete()

    def _on_click(self, event: Click) -> None:  # type: ignore[override]
        event.prevent_default()
        with suppress(NoWidget):
            super()._on_click(event)

    def _gather_commands(self, search_value: str) -> Worker[None]:
        worker = super()._gather_commands(search_value)
        worker.exit_on_error = False
        return worker

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError):
            super()._action_command_list(action)
