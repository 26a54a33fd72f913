"""The command palette, with what ends the program in Textual's mended: being left twice, and asked once it is gone.

Keys and clicks may be under way to it when it is left.  A second click beside it would take the screen below away
too, and a letter would have it look for commands to show in a list that is no more.
"""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.worker import Worker


class Actions(CommandPalette):
    def dismiss(self, result: None = None) -> AwaitComplete:
        return super().dismiss(result) if self.is_current else AwaitComplete()

    def _gather_commands(self, search_value: str) -> Worker[None]:
        worker = super()._gather_commands(search_value)
        worker.exit_on_error = False
        return worker
