"""Connections that failed though no message says so: a server that hung up, a handshake that nobody went on with.

Nothing in their rows is wrong, so the last one, the end, stands for the failure: it is marked, tells the verdict,
and is among the problems that one goes to.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtmpscope.analysis.session import verdict_of
from rtmpscope.model import COMMAND_TYPES, UNKNOWN, Connection, End, Field, Message, Severity


class Failure:
    """An annotator.  direction is that of the end that stands for the failure, UNKNOWN where none has to."""

    name = "failure"
    types = COMMAND_TYPES

    def __init__(self, connection: Connection) -> None:
        self.direction = UNKNOWN
        self.text = ""
        self._connection = connection
        self._told = False

    def on_message(self, message: Message, body: Field | None) -> None:
        self._told = self._told or message.worst() >= Severity.ERROR

    def on_end(self, end: End) -> None:
        self._told = self._told or end.worst() >= Severity.ERROR
        if self._told or not all(self._connection.ends):
            return
        verdict = verdict_of(self._connection)
        if verdict is not None and verdict.outcome == "failed":
            self.direction, self.text = end.direction, verdict.text


def failure(connection: Connection, direction: int) -> str:
    """What the end of that direction tells: the verdict on a connection that failed without a word, or nothing."""
    found = connection.analysis.get(Failure.name)
    return found.text if isinstance(found, Failure) and found.direction == direction else ""


def failures(connections: Iterable[Connection]) -> int:
    """How many connections failed without a word."""
    found = (connection.analysis.get(Failure.name) for connection in connections)
    return sum(isinstance(each, Failure) and each.direction != UNKNOWN for each in found)
