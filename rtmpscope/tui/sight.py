"""How a person looks at the capture at the moment: which rows, which time format, keys masked or shown.

Every text of a row or a message that reaches the screen, the clipboard or an export passes here, so that masking
and escaping happen in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rtmpscope.model import UNKNOWN, Connection, Event, Field, Handshake, Message, Note
from rtmpscope.text import printable
from rtmpscope.tui.summaries import Summaries
from rtmpscope.tui.times import FORMATS, Clock, TimeFormat
from rtmpscope.tui.view import View

if TYPE_CHECKING:
    from rtmpscope.redact import Redactor
    from rtmpscope.store import Store


class Body(NamedTuple):
    """What an event holds: as it may be shown, what may be shown of what was said about it, and which bytes may not."""

    shown: Field | None
    notes: Sequence[Note] = ()
    hidden: Sequence[tuple[int, int]] = ()


class Sight:
    """masked: keys are hidden; reference: the row that times are counted from; followed: the one connection shown.

    reference and followed are UNKNOWN while there is none.
    """

    def __init__(self, store: Store, redactor: Redactor | None) -> None:
        self.store = store
        self.redactor = redactor
        self.masked = redactor is not None
        self.view = View(store)
        self.summaries = Summaries(store)
        self.time_format: TimeFormat = FORMATS[0]
        self.digits = 3
        self.reference = UNKNOWN
        self.followed = UNKNOWN
        self.filter = ""
        self.instead = ""  # what a capture without RTMP holds
        self.marks: list[int] = []  # rows, the one marked last at the end

    @property
    def mask(self) -> Redactor | None:
        return self.redactor if self.masked else None

    @property
    def several(self) -> bool:
        """Rows of more than one connection may be among those that are shown."""
        return self.followed == UNKNOWN and len(self.store.connections) > 1

    @property
    def expression(self) -> str:
        """The whole display filter in force: the followed connection and what was typed."""
        if self.followed == UNKNOWN:
            return self.filter
        followed = f"rtmp.connection == {self.followed}"
        return f"{followed} and ({self.filter})" if self.filter else followed

    def learn(self, message: Message, body: Field | None, connection: Connection) -> None:
        """An annotator: take in a message's secrets as it is loaded, so that they are known wherever one looks."""
        if self.redactor is not None and body is not None:
            self.redactor.body(message, body)

    def text(self, text: str) -> str:
        """Any text that quotes the wire, fit to be shown."""
        return printable(self.mask.text(text) if self.mask else text)

    def summary(self, index: int) -> str:
        """What the row is about, for a worker: it may have to be read again."""
        return printable(self.store.summary(index, self.mask))

    def summary_at_once(self, index: int) -> str:
        """The same for drawing: an ellipsis where it is not known yet."""
        return printable(self.summaries.at_once(index, self.mask))

    def body(self, event: Event) -> Body:
        real = self.store.describe(event) if isinstance(event, Message | Handshake) else None
        notes = [Note(note.code, note.severity, self.text(note.text)) for note in event.notes or ()]
        if real is None or self.mask is None or not isinstance(event, Message):
            return Body(real, notes)
        shown = self.mask.body(event, real)
        return Body(shown, notes, self.mask.hidden(event, real, shown))

    def time(self, row: int, time_ns: int) -> str:
        return self.time_format.text(time_ns, self.clock(row), self.digits)

    def clock(self, row: int) -> Clock:
        """What the row's time may be measured against; a row before the first is the row itself."""
        position = self.view.position(row)
        times = self.store.columns["time_ns"]
        start = times[0]
        before = times[self.view.row(max(0, position - 1))] if len(self.view) else start
        return Clock(start, before, start if self.reference == UNKNOWN else times[self.reference])

    @property
    def time_width(self) -> int:
        return self.time_format.width + self.digits - 3
