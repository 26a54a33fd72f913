"""What an annotator is, for those who write one and for those who call one.

An annotator watches one connection.  It is a class that takes the Connection, with a `name` under which
`connection.analysis` keeps the instance and the `types` of messages it wants (None for all).  It may have
any of the methods below; each sees the event in merged order, before any sink does, and says what it has
to say with `event.note(...)`.

    on_handshake(handshake)       a handshake part
    on_message(message, body)     a message of one of its types; body is None for audio and video
    on_gap(gap)                   bytes that are missing
    on_end(end)                   the end of one direction; the second one is the connection's last event

Something smaller is a plain function (message, body, connection) that returns or yields notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from rtmpscope.model import Connection, Field, Message, Note

AnnotatorClass = Callable[[Connection], object]
AnnotatorFunction = Callable[[Message, Field | None, Connection], Iterable[Note] | None]


class Door(Protocol):
    """The side of the plugin registry by which annotators come in."""

    def annotator(
        self, annotator: AnnotatorClass | AnnotatorFunction, *, types: frozenset[int] | None = None
    ) -> None: ...
