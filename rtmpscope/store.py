"""Every event of a capture as a row of columns: 64 bytes a message, whatever its payload.

One thread calls load(), which appends; any other may read the first `count` rows, which never change.  A
message row holds what a timeline line shows and the first bytes of the payload; open() makes the message
whole again by replay.  The few events that are not messages, and notes and calls, are kept as they are, and
so are payloads that are said in words, commands mostly, as long as they take little.
"""

from __future__ import annotations

import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from operator import sub
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from rtmpscope.engine import Engine, parts_of
from rtmpscope.export.text import end_words, gap_words, handshake_words
from rtmpscope.fields import RECORDS
from rtmpscope.limits import PAYLOADS_BYTES, SAID_BYTES
from rtmpscope.media.tag import wants_whole
from rtmpscope.model import (
    AUDIO,
    UNKNOWN,
    VIDEO,
    Call,
    Connection,
    End,
    Event,
    Field,
    Gap,
    Handshake,
    Message,
    Note,
    Opened,
    Severity,
)
from rtmpscope.recent import Column, Recent
from rtmpscope.replay import Checkpoints, Opener
from rtmpscope.rtmp.summary import summarize

if TYPE_CHECKING:
    from rtmpscope.capture.files import CaptureReader
    from rtmpscope.filters import Filter
    from rtmpscope.plugins import Registry
    from rtmpscope.redact import Redactor

HEAD: Final = 8

PAYLOAD_COST: Final = 150  # bytes that Python adds to each payload that is kept

# Column and array type; with the head they add up to 64 bytes.
COLUMNS: Final = {
    "record": "B",
    "direction": "B",
    "severity": "b",
    "fmt": "b",
    "type_id": "h",
    "span": "H",  # packets from the first of the message to its last
    "connection": "I",
    "csid": "i",
    "message_stream_id": "i",
    "timestamp": "i",
    "length": "I",
    "captured": "I",
    "number": "I",
    "packet": "I",
    "time_ns": "q",
    "offset": "q",  # of the first chunk header in its stream
}
SIGNED: Final = ("message_stream_id", "timestamp")  # 32 bits, kept with a sign so that UNKNOWN fits

LET_GO: Final = "let go to save memory"
GONE: Final = {name: UNKNOWN for name in ("severity", "fmt", "type_id", "csid", "message_stream_id", "timestamp")}

OPENED: Final = 256  # events kept open, for moving up and down
SUMMARIES: Final = 4_096

SLICE: Final = 512  # rows taken up, or looked at for a filter, in one go

_MESSAGE: Final = RECORDS.index("message")


class Row:
    """One line of the timeline.  kind is one of fields.RECORDS; what a row has not is UNKNOWN or 0."""

    __slots__ = ("kind", "head", *COLUMNS, "first_packet")

    def __init__(self, values: Sequence[int], head: bytes) -> None:
        for name, value in zip(COLUMNS, values, strict=True):
            setattr(self, name, value & 0xFFFFFFFF if name in SIGNED and value != UNKNOWN else value)
        self.kind: Final[str] = RECORDS[values[0]]
        self.head: Final = head
        self.first_packet = self.packet - self.span

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> int: ...


class Rows:
    """Some rows' columns as arrays, the way filters want them."""

    def __init__(self, store: Store, start: int, stop: int) -> None:
        import numpy as np

        self.connections: Sequence[Connection] = store.connections
        self._columns = {
            name: np.frombuffer(store.columns[name][start:stop], dtype=np.dtype(COLUMNS[name])) for name in COLUMNS
        }
        for name in SIGNED:
            column = self._columns[name].astype(np.int64)
            self._columns[name] = np.where(column == UNKNOWN, column, column & 0xFFFFFFFF)
        self._columns["first_packet"] = self._columns["packet"] - self._columns["span"]

    def __getattr__(self, name: str) -> Any:
        try:
            return self._columns[name]
        except KeyError:
            raise AttributeError(name) from None


class Store:
    """The rows of one capture.

    complete, messages and problems count what has been loaded; error says in one line what ended the loading early.
    With `keep`, so many rows at least are held, and a quarter more at most: `first` is the oldest, and those before
    it have kept nothing but their number.  `give_way` is called every few milliseconds by whatever takes longer, for
    a thread to let others go first.
    """

    def __init__(
        self,
        reader: CaptureReader,
        registry: Registry,
        ports: frozenset[int],
        *,
        keep: int = 0,
        give_way: Callable[[], object] = lambda: None,
    ) -> None:
        make: Callable[[str], Column] = Recent if keep else array
        self.columns: Final[dict[str, Column]] = {name: make(code) for name, code in COLUMNS.items()}
        self.first = 0
        self.count = 0
        self.messages = 0
        self.problems = 0
        self.complete = False
        self.error = ""
        self.position = 0
        self.reader: Final = reader
        self.registry: Final = registry
        self._engine: Final = Engine(registry, ports=ports)
        self._checkpoints: Final = Checkpoints(ports, self._engine.connections)
        self._keep: Final = keep
        self._give_way: Final = give_way
        self._heads: Final[Column] = make("B")
        self._events: Final[dict[int, Event]] = {}
        self._notes: Final[dict[int, list[Note]]] = {}
        self._calls: Final[dict[int, Call]] = {}
        self._payloads: Final[dict[int, bytes]] = {}
        self._payloads_left = PAYLOADS_BYTES
        self._began = time.monotonic()
        self._lock: Final = Lock()
        self._opener: Final = Opener(reader, self._checkpoints, give_way)
        self._open: Final[OrderedDict[int, Event]] = OrderedDict()
        self._summaries: Final[OrderedDict[tuple[int, bool], str]] = OrderedDict()
        self._stopped = False

    @property
    def connections(self) -> list[Connection]:
        return self._engine.connections

    # ---------------------------------------------------------------- loading

    def load(self) -> None:
        """Read the capture to its end, or until stop(); never raises for what the capture holds."""
        from rtmpscope.capture import CaptureError

        self._began = time.monotonic()
        try:
            for batch in self.reader.batches():
                self._checkpoints.before(batch, self._engine.touched)
                events = self._engine.feed(batch.packets)
                for start in range(0, max(1, len(events)), SLICE):
                    self._append(events[start : start + SLICE])
                    self._give_way()
                self.position = batch.position
                if self._stopped:
                    return
            self._append(self._engine.finish())
        except CaptureError as error:
            self.error = str(error)
        finally:
            self.complete = True

    def stop(self) -> None:
        """Ask the loading thread to end soon."""
        self._stopped = True

    @property
    def progress_text(self) -> str:
        """How far loading has come: "loaded 100 %", a part with speed and time left, or of what grows how much came."""
        size = self.reader.size
        dropped = f"  {self.reader.dropped:,} packets dropped" if self.reader.dropped else ""
        if self.reader.caution:
            dropped += f"  {self.reader.caution}"
        if self.complete:
            return (self.error or self.reader.ended or "loaded 100 %") + dropped
        seconds = time.monotonic() - self._began
        speed = self.position / seconds if seconds > 0 else 0.0
        if not size:
            packets = sum([report.packets for report in self.reader.files])
            return f"{packets:,} packets, {self.position / 1e6:,.1f} MB{dropped}"
        left = (size - self.position) / speed if speed else 0.0
        return f"loaded {self.position * 100 // size} %  {speed / 1e6:,.0f} MB/s  {left:,.0f} s left"

    def _append(self, events: list[Event]) -> None:
        rows: list[tuple[int, ...]] = []
        heads: list[bytes] = []
        row = self.count
        for event in events:
            if isinstance(event, Opened):
                continue
            severity = event.worst()
            if event.notes:
                self._notes[row] = event.notes
                if severity >= Severity.WARNING:
                    self.problems += 1
            if isinstance(event, Message):
                rows.append(_of_message(event, severity))
                heads.append(event.prefix[:HEAD].ljust(HEAD, b"\0"))
                self.messages += 1
                if event.call is not None:
                    self._calls[row] = event.call
                if HEAD < event.length <= SAID_BYTES and event.type_id not in (AUDIO, VIDEO):
                    self._keep_payload(row, event)
            else:
                rows.append(_of_other(event, severity))
                heads.append(bytes(HEAD))
                self._events[row] = event
            row += 1
        for column, values in zip(self.columns.values(), zip(*rows, strict=True), strict=False):  # none for no rows
            column.extend(values)
        self._heads.extend(array("B", b"".join(heads)))
        if self.reader.restartable:
            for conversation in self._engine.touched:
                self._checkpoints.track(conversation)
        self.count = row
        if self._keep and row - self.first > self._keep * 5 // 4:
            self._let_go(row - self._keep)

    def _keep_payload(self, row: int, message: Message) -> None:
        """Of a message without holes, as long as there is room: more is read again when somebody looks at it."""
        cost = message.length + PAYLOAD_COST
        if message.captured == message.length and cost <= self._payloads_left:
            self._payloads[row] = message.payload
            self._payloads_left -= cost

    def _let_go(self, first: int) -> None:
        """Rows before `first` keep their number and the time of the capture's first row."""
        self.first = first
        gone = {**GONE, "time_ns": self.columns["time_ns"][0]}
        for name, column in [*self.columns.items(), ("head", self._heads)]:
            assert isinstance(column, Recent)
            column.let_go(first * HEAD if name == "head" else first, gone.get(name, 0))
        for kept in (self._events, self._notes, self._calls):
            for row in list(takewhile(lambda row: row < first, kept)):
                del kept[row]
        for row in list(takewhile(lambda row: row < first, self._payloads)):
            self._payloads_left += len(self._payloads.pop(row)) + PAYLOAD_COST
        held = slice(first, None)
        self._checkpoints.let_go(min(map(sub, self.columns["packet"][held], self.columns["span"][held])))

    # ---------------------------------------------------------------- reading

    def row(self, index: int) -> Row:
        """The columns of a row; of one that was let go, those of a message of which nothing is known."""
        values = [self.columns[name][index] for name in COLUMNS]
        captured = min(HEAD, self.columns["captured"][index])
        return Row(values, bytes(self._heads[index * HEAD : index * HEAD + captured]))

    def severity(self, index: int) -> int:
        return self.columns["severity"][index]

    def open(self, index: int) -> Event:
        """The event of a row, with payload, chunk headers and body; what can no longer be read stays a head."""
        with self._lock:
            event = self._open.pop(index, None)
            if event is None:
                event = self._opened(index, self._opener)
            self._open[index] = event
            if len(self._open) > OPENED:
                self._open.popitem(last=False)
            return event

    def describe(self, event: Event) -> Field:
        return self._engine.describe(event)

    def summary(self, index: int, redactor: Redactor | None = None) -> str:
        """One line for a person, made of the redacted body where there is a redactor."""
        key = (index, redactor is not None)
        text = self._summaries.get(key)
        if text is None:
            text = self._summarized(index, redactor)
            self._summaries[key] = text
            if len(self._summaries) > SUMMARIES:
                self._summaries.popitem(last=False)
        return text

    def tells(self, index: int) -> bool:
        """Whether the row's summary is said at once: nothing has to be read again for it."""
        return _tells(self.light(index))

    def scan(self, wanted: Filter, start: int, stop: int) -> Iterator[list[int]]:
        """The rows that a filter wants, in order, a list at a time.  Only from one thread for one filter."""
        start = max(start, self.first)
        if start >= stop:
            return
        answers: Any = wanted.match_columns(Rows(self, start, stop))
        opener = Opener(self.reader, self._checkpoints, self._give_way)
        found: list[int] = []
        for place, answer in enumerate(answers.tolist(), 1):
            if answer == 2 or (answer == 1 and self._matches(wanted, start + place - 1, opener)):
                found.append(start + place - 1)
            if place % SLICE == 0:
                yield found
                found = []
        yield found

    def _matches(self, wanted: Filter, index: int, opener: Opener) -> bool:
        event = self.light(index)
        connection = self.connections[event.connection]
        decided = wanted.decide(event, connection)
        if decided is not None:
            return decided
        self._give_way()
        event = self._opened(index, opener)
        body = self.describe(event) if isinstance(event, Message) else None
        return wanted.match(event, connection, body)

    def light(self, index: int) -> Event:
        """The event of a row as far as its columns go, at once: nothing is read again and nobody waited for."""
        event = self._events.get(index)
        if event is not None:
            return event
        row = self.row(index)
        payload = self._payloads.get(index, row.head)
        message = Message(
            row.connection, row.direction, row.packet, row.time_ns, row.fmt, row.csid, row.type_id,
            row.message_stream_id, row.timestamp, row.length, payload,
        )  # fmt: skip
        message.captured = row.captured
        message.first_packet = row.first_packet
        message.whole = row.captured <= len(payload)
        return self._annotated(index, message)

    def _annotated(self, index: int, message: Message) -> Message:
        """What pass one found out about a message, on the message that a replay found."""
        message.number = self.columns["number"][index]
        message.notes = self._notes.get(index)
        message.call = self._calls.get(index)
        return message

    def _opened(self, index: int, opener: Opener) -> Event:
        event = self._events.get(index)
        if event is not None:
            return event
        light = self.light(index)
        assert isinstance(light, Message)
        if index < self.first or not self.reader.restartable:
            return light
        number = self.columns["number"][index]
        first = index  # of the message that came over the wire: a part of an aggregate comes right after it
        offset = self.columns["offset"][index]
        while first and self._is_same_message(first - 1, index):
            first -= 1
        message = opener.open(light.connection, light.direction, offset)
        if message is None:
            return light
        if first != index:
            message.number = self.columns["number"][first]
            parts = parts_of(message)
            place = number - message.number - 1
            if place >= len(parts):
                return light
            message = parts[place]
        self._annotated(index, message)
        message.body = self.registry.decode(message)
        return message

    def _is_same_message(self, one: int, other: int) -> bool:
        """Whether two rows came out of one message on the wire: parts of the same aggregate."""
        names = ("record", "offset", "connection", "direction")
        return all(self.columns[name][one] == self.columns[name][other] for name in names)

    def _summarized(self, index: int, redactor: Redactor | None) -> str:
        if index < self.first:
            return LET_GO
        event: Event = self.light(index)
        if not isinstance(event, Message):
            return _words(event) if redactor is None else redactor.text(_words(event))
        if not _tells(event):
            event = self.open(index)
            assert isinstance(event, Message)
        body = self.describe(event)
        return str(summarize(event, body if redactor is None else redactor.body(event, body)))


def _tells(event: Event) -> bool:
    """Whether what was kept of an event is all that its summary needs."""
    if not isinstance(event, Message) or event.whole:
        return True
    return event.type_id in (AUDIO, VIDEO) and not wants_whole(event.type_id, event.payload)


def _words(event: Event) -> str:
    """One line for an event that is no message; that of an end tells the errors that came with it."""
    match event:
        case Handshake():
            return handshake_words(event)
        case Gap():
            return gap_words(event)
        case End():
            errors = [note.text for note in event.notes or () if note.severity >= Severity.ERROR]
            return ".  ".join([end_words(event), *errors])
    return ""


def _of_message(message: Message, severity: int) -> tuple[int, ...]:
    """The columns of a message's row."""
    return (
        _MESSAGE, message.direction, severity, message.fmt, message.type_id,
        min(max(0, message.packet - message.first_packet), 0xFFFF), message.connection, message.csid,
        _signed(message.message_stream_id), _signed(message.timestamp), message.length, message.captured,
        message.number, message.packet, message.time_ns, message.offset,
    )  # fmt: skip


def _of_other(event: Event, severity: int) -> tuple[int, ...]:
    """Those of a row for anything else."""
    length = len(event.data) if isinstance(event, Handshake) else event.length if isinstance(event, Gap) else 0
    return (
        RECORDS.index(type(event).__name__.lower()), event.direction, severity, UNKNOWN, UNKNOWN, 0,
        event.connection, UNKNOWN, UNKNOWN, UNKNOWN, min(length, 0xFFFFFFFF), 0, 0, event.packet, event.time_ns, 0,
    )  # fmt: skip


def _signed(number: int) -> int:
    """A 32-bit number as the column keeps it."""
    return number - 0x100000000 if number >= 0x80000000 else number
