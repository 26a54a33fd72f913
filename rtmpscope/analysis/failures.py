"""Connections that failed though no message says so: a server that hung up, a handshake that nobody went on with.

Nothing in their messages is wrong, so the last event, an end, stands for the failure and tells the verdict.  The
screen marks it and goes to it; a trace does without, for it has the verdict of the whole connection.
"""

from __future__ import annotations

from rtmpscope.analysis.session import verdict_of
from rtmpscope.model import COMMAND_TYPES, Connection, End, Event, Field, Message, Severity


class Failures:
    """The screen's, and the last of all annotators: it asks what the others have said."""

    name = "failures"
    types = COMMAND_TYPES

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._told = False

    def on_message(self, message: Message, body: Field | None) -> None:
        self._look_at(message)

    def on_end(self, end: End) -> None:
        self._look_at(end)
        if self._told or not all(self._connection.ends):
            return
        verdict = verdict_of(self._connection)
        if verdict is not None and verdict.outcome == "failed":
            end.note("session-failed", Severity.ERROR, verdict.text)

    def _look_at(self, event: Event) -> None:
        self._told = self._told or event.worst() >= Severity.ERROR
