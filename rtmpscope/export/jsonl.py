"""The JSON trace, schema rtmpscope.trace/1: events go in, records come out in their order.

A `Trace` writes one text per record and knows nothing of files; `json_lines` and `JsonArray` say what stands
between records.  Records are put together from text, not from dictionaries: the keys are constants, media
messages come by the million, and what varies in them are numbers.

A request is written with the number of its answer, so its record, and every record after it, is held back until
the answer came, but not for more than limits.HELD_RECORDS records or limits.HELD_NS of capture time; after that
`answered_by` is null.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from json import dumps
from typing import TYPE_CHECKING, Final

from rtmpscope import __version__
from rtmpscope.analysis.session import verdict_of
from rtmpscope.export.frames import Frames, Said
from rtmpscope.export.health import health
from rtmpscope.export.values import members, quoted, scalar, value
from rtmpscope.limits import HELD_CHARACTERS, HELD_NS, HELD_RECORDS
from rtmpscope.model import (
    DIRECTIONS,
    SEVERITIES,
    UNKNOWN,
    Call,
    Connection,
    End,
    Endpoint,
    Event,
    Field,
    Gap,
    Handshake,
    Message,
    Note,
    Opened,
    Verdict,
)
from rtmpscope.rtmp.messages import type_slug
from rtmpscope.rtmp.summary import summarize

if TYPE_CHECKING:
    from rtmpscope.capture.sources import FileReport
    from rtmpscope.redact import Redactor

SCHEMA: Final = "rtmpscope.trace/1"

MEDIA: Final = ("audio", "video")  # roots of bodies
UNITS: Final = ("nal_units", "obus")

_EPOCH: Final = datetime(1970, 1, 1)
_SECOND: Final = 1_000_000_000


class _Request:
    """A record that waits for its answer: the text before and after the place where the answer is named."""

    __slots__ = ("before", "call", "after", "time_ns", "position")

    def __init__(self, before: str, call: Call, after: str, time_ns: int, position: int) -> None:
        self.before: Final = before
        self.call: Final = call
        self.after: Final = after
        self.time_ns: Final = time_ns
        self.position: Final = position

    def record(self) -> str:
        call = self.call
        if not call.answer:
            return f'{self.before}"answered_by":null,"latency_ms":null{self.after}'
        return f'{self.before}"answered_by":{call.answer},"latency_ms":{call.latency_ns / 1e6}{self.after}'


class Trace:
    """Writes the records of a run.

    write        takes one record, a JSON object without a line end
    connections  the engine's list, of which a connection's record is made before its first event
    describe     gives a message's field tree
    redactor     None writes secrets as they are
    payload      adds every message's captured bytes
    """

    def __init__(
        self,
        write: Callable[[str], object],
        connections: Sequence[Connection],
        describe: Callable[[Message], Field],
        redactor: Redactor | None = None,
        payload: bool = False,
    ) -> None:
        self._write = write
        self._connections = connections
        self._describe = describe
        self._redactor = redactor
        self._payload = payload
        self._known: set[int] = set()
        self._frames = Frames()
        self._held: deque[str | _Request] = deque()
        self._held_characters = 0
        self._position = 0  # of the next record, counted from the first
        self._second = 0  # since 1970: the newest second of which the text was made
        self._second_text = _EPOCH.isoformat()

    def header(self, captures: Iterable[tuple[str, str]], filter_text: str | None) -> None:
        """The first record; `captures` are pairs of path and format."""
        listed = ",".join(f'{{"path":{self._text(path)},"format":{quoted(format)}}}' for path, format in captures)
        self._write(
            f'{{"record":"header","schema":"{SCHEMA}","tool":{{"name":"rtmpscope","version":{quoted(__version__)}}},'
            f'"captures":[{listed}],"filter":{scalar(filter_text)},'
            f'"redacted":{"true" if self._redactor is not None else "false"}}}'
        )

    def event(self, event: Event) -> None:
        """Write the record of an event, and before the first of a connection that of the connection."""
        if event.connection not in self._known:
            self._known.add(event.connection)
            self._connection(self._connections[event.connection])
        if isinstance(event, Message):
            self._message(event)
        elif not isinstance(event, Opened):
            self._emit(self._other(event), event.time_ns)

    def finish(self, captures: Iterable[FileReport]) -> None:
        """Write what was held back, then the summary record."""
        while self._held:
            self._write_first()
        self._write(summary(captures, self._connections, self._redactor))

    # Records

    def _connection(self, connection: Connection) -> None:
        self._emit(
            f'{{"record":"connection","id":{connection.id},"client":{_endpoint(connection.client)},'
            f'"server":{_endpoint(connection.server)},"client_known_by":{quoted(connection.client_known_by)},'
            f'"transport":{quoted(connection.transport)},"time":"{self._time(connection.time_ns)}",'
            f'"packet":{connection.packet}}}',
            connection.time_ns,
        )

    def _message(self, message: Message) -> None:
        said = self._frames.recall(message)
        if said is not None and not self._payload:
            self._emit(
                f'{self._head(message)}"summary":"{said.summary}","body":{said.body},"notes":{self._notes(message.notes)}}}',
                message.time_ns,
            )
            return
        described = self._describe(message)
        body = described if self._redactor is None else self._redactor.body(message, described)
        summary, shown = summarize(message, body), body_text(body)
        before = f'{self._head(message)}"summary":{quoted(summary)},"body":{shown}'
        after = f',"notes":{self._notes(message.notes)}{self._payload_of(message, described, body)}}}'
        call = message.call
        if call is None:
            if quoted(summary) == f'"{summary}"':
                self._frames.keep(message, described, Said(summary, shown))
            self._emit(before + after, message.time_ns)
            return
        opened = before[:-1] + ("," if before[-2] != "{" else "")
        if call.request == message.number:
            self._hold(_Request(opened, call, "}" + after, message.time_ns, self._position))
        else:
            answer = f'"reply_to":{call.request},"latency_ms":{call.latency_ns / 1e6}}}'
            self._emit(opened + answer + after, message.time_ns)

    def _head(self, message: Message) -> str:
        """A message's keys up to its length."""
        aggregate = f'"aggregate":{message.aggregate},' if message.aggregate else ""
        return (
            f'{{"record":"message","number":{message.number},{aggregate}"connection":{message.connection},'
            f'"direction":"{DIRECTIONS[message.direction]}","time":"{self._time(message.time_ns)}",'
            f'"time_ns":"{message.time_ns}","packets":[{message.first_packet},{message.packet}],'
            f'"chunks":{message.chunks},"fmt":{_known(message.fmt)},"csid":{_known(message.csid)},'
            f'"type_id":{_known(message.type_id)},"type":{_type(message.type_id)},'
            f'"message_stream_id":{_known(message.message_stream_id)},"timestamp":{_known(message.timestamp)},'
            f'"length":{_known(message.length)},"captured":{message.captured},'
        )

    def _other(self, event: Event) -> str:
        head = (
            f'"connection":{event.connection},"direction":"{DIRECTIONS[event.direction]}",'
            f'"time":"{self._time(event.time_ns)}","packet":{event.packet}'
        )
        notes = f',"notes":{self._notes(event.notes)}}}' if event.notes else "}"
        match event:
            case Handshake():
                return (
                    f'{{"record":"handshake",{head},"part":"{event.part}","version":{quoted(event.version)},'
                    f'"style":"{event.style}","digest_block":{_known(event.digest_block)},"echo":"{event.echo}"{notes}'
                )
            case Gap():
                return (
                    f'{{"record":"gap",{head},"bytes":{event.length},"reason":{quoted(event.reason)},'
                    f'"resumed":{_known(event.resumed)}{notes}'
                )
            case End():
                return f'{{"record":"end",{head},"how":"{event.how}","incomplete":{event.incomplete}{notes}'
        raise TypeError(f"no record for {type(event).__name__}")

    def _payload_of(self, message: Message, described: Field, body: Field) -> str:
        if not self._payload:
            return ""
        if self._redactor is not None and self._redactor.hidden(message, described, body):
            return f',"payload":{{"$redacted":{len(message.payload)}}}'
        return f',"payload":"{message.payload.hex()}"'

    def _notes(self, notes: list[Note] | None) -> str:
        if not notes:
            return "[]"
        texts = [
            f'{{"code":{quoted(note.code)},"severity":"{SEVERITIES[note.severity]}","text":{self._text(note.text)}}}'
            for note in notes
        ]
        return "[" + ",".join(texts) + "]"

    def _text(self, text: str) -> str:
        return quoted(text if self._redactor is None else self._redactor.text(text))

    def _time(self, time_ns: int) -> str:
        """ISO 8601 in UTC with nanoseconds; the text of a second is made once."""
        second = time_ns // _SECOND
        if second != self._second:
            self._second = second
            self._second_text = (_EPOCH + timedelta(seconds=second)).isoformat()
        return f"{self._second_text}.{time_ns % _SECOND:09}Z"

    # Holding back

    def _emit(self, record: str, time_ns: int) -> None:
        self._position += 1
        if not self._held:
            self._write(record)
            return
        self._held.append(record)
        self._held_characters += len(record)
        self._release(time_ns)

    def _hold(self, request: _Request) -> None:
        self._position += 1
        self._held.append(request)
        self._release(request.time_ns)

    def _release(self, time_ns: int) -> None:
        """Write the held records up to the next request that still may wait."""
        while self._held:
            first = self._held[0]
            if (
                isinstance(first, _Request)
                and not first.call.answer
                and time_ns - first.time_ns <= HELD_NS
                and self._position - first.position <= HELD_RECORDS
                and self._held_characters <= HELD_CHARACTERS
            ):
                return
            self._write_first()

    def _write_first(self) -> None:
        first = self._held.popleft()
        if isinstance(first, _Request):
            self._write(first.record())
        else:
            self._held_characters -= len(first)
            self._write(first)


def summary(captures: Iterable[FileReport], connections: Iterable[Connection], redactor: Redactor | None) -> str:
    """The summary record: how each capture ended and how far each session got."""

    def text(value: str) -> str:
        return quoted(value if redactor is None else redactor.text(value))

    files = [
        f'{{"path":{text(file.path)},"packets":{file.packets},"bytes":{file.bytes},'
        f'"outcome":{quoted(file.outcome)},"offset":{scalar(file.offset)},"dropped":{file.dropped}}}'
        for file in captures
    ]
    sessions = [
        f'{{"id":{connection.id},"messages":{{"c2s":{_counts(connection.counts[0])},'
        f'"s2c":{_counts(connection.counts[1])}}},"gaps":{connection.gaps},'
        f'"notes":{_counts(connection.note_counts)},"verdict":{_verdict(verdict_of(connection), text)},'
        f'"health":{_figures(health(connection))}}}'
        for connection in connections
    ]
    return f'{{"record":"summary","captures":[{",".join(files)}],"connections":[{",".join(sessions)}]}}'


def _verdict(verdict: Verdict | None, text: Callable[[str], str]) -> str:
    if verdict is None:
        return "null"
    code = "null" if verdict.code is None else text(verdict.code)
    return (
        f'{{"role":"{verdict.role}","reached":"{verdict.reached}","outcome":"{verdict.outcome}","code":{code},'
        f'"message":{scalar(verdict.message)},"text":{text(verdict.text)}}}'
    )


def _figures(figures: object) -> str:
    return dumps(figures, allow_nan=False, separators=(",", ":")).replace("\x7f", "\\u007f")


def _counts(counts: dict[int, int] | dict[str, int]) -> str:
    return "{" + ",".join(f"{quoted(str(key))}:{count}" for key, count in counts.items()) + "}"


def _endpoint(endpoint: Endpoint) -> str:
    return f'{{"address":"{endpoint.address}","port":{endpoint.port}}}'


def _known(number: int) -> str:
    return "null" if number == UNKNOWN else str(number)


def _type(type_id: int) -> str:
    return "null" if type_id == UNKNOWN else f'"{type_slug(type_id)}"'


def body_text(body: Field) -> str:
    """The root is an object whatever a decoder made of it."""
    if body.value is None and body.kind == "":
        return members(_without_contents(body.children) if body.name in MEDIA else body.children)
    return f'{{"value":{value(body)}}}'


def _without_contents(fields: list[Field]) -> list[Field]:
    """Of coded data the trace lists the units, by size and type; what is in them is for the screen."""
    shown = []
    for field in fields:
        if field.name in UNITS:
            units = [
                Field(unit.name, children=[part for part in unit.children if part.name in ("size", "type")])
                for unit in field.children
            ]
            shown.append(Field(field.name, kind="list", children=units))
        elif field.name == "tracks":
            tracks = [Field(track.name, children=_without_contents(track.children)) for track in field.children]
            shown.append(Field(field.name, kind="list", children=tracks))
        elif field.name != "frame":
            shown.append(field)
    return shown


def json_lines(write: Callable[[str], object]) -> Callable[[str], object]:
    """A `write` for Trace that ends every record with a line end."""
    return lambda record: write(record + "\n")


class JsonArray:
    """A `write` for Trace that makes one JSON array of the records, one to a line."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._output = write
        self._before = "[\n"

    def __call__(self, record: str) -> None:
        self._output(self._before + record)
        self._before = ",\n"

    def close(self) -> None:
        """Write the end of the array."""
        self._output("\n]\n" if self._before == ",\n" else "[]\n")
