"""What `rtmpscope print` writes: one line for each message, handshake part, gap, end and connection.

The columns are those of the screen: number, time since the capture began, connection, direction, type, csid,
message stream, timestamp, length, and what it means.  Notes stand below their line.  A connection is introduced
before its first line.  Everything that quotes the wire passes `printable`, and the redactor before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from mypy_extensions import i64

from rtmpscope.export.frames import KEPT, Frames, Said
from rtmpscope.model import (
    AGGREGATE,
    AUDIO,
    COMMAND_TYPES,
    DATA_TYPES,
    SHARED_OBJECT_TYPES,
    UNKNOWN,
    VIDEO,
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
from rtmpscope.rtmp.messages import type_name
from rtmpscope.rtmp.summary import summarize
from rtmpscope.text import printable

if TYPE_CHECKING:
    from rtmpscope.redact import Redactor

ARROWS: Final = ("→", "←")
MARKS: Final = {
    Severity.COMMENT: "·",
    Severity.CHAT: "·",
    Severity.NOTE: "•",
    Severity.WARNING: "▲",
    Severity.ERROR: "✖",
}

# SGR parameters, by the kind of line and by severity; the kind of line by message type, "control" for all others.
_STYLES: Final = {
    "connection": "1", "handshake": "33", "control": "2", "audio": "32", "video": "34", "data": "35", "shared": "35",
    "command": "36", "gap": "31", "end": "33",
}  # fmt: skip
TYPE_KINDS: Final = {
    AUDIO: "audio",
    VIDEO: "video",
    AGGREGATE: "video",
    **dict.fromkeys(DATA_TYPES, "data"),
    **dict.fromkeys(SHARED_OBJECT_TYPES, "shared"),
    **dict.fromkeys(COMMAND_TYPES, "command"),
}
_SEVERITY_STYLES: Final = {Severity.WARNING: "33", Severity.ERROR: "1;31"}

_ECHOES: Final = {
    "exact": "echoes {peer}1",
    "random": "echoes the random bytes of {peer}1",
    "digest": "digest that answers {peer}1",
    "none": "neither echo nor digest of {peer}1",
}
_REASONS: Final = {
    "capture_loss": "lost in the capture",
    "network_loss": "lost in the network",
    "snaplen": "cut off by the snapshot length",
}
_HOWS: Final = {
    "fin": "closed (FIN)",
    "rst": "reset (RST)",
    "idle": "nothing more came",
    "capture_end": "the capture ends here",
    "given_up": "not read on",
}
_KNOWN_BY: Final = {
    "syn": "",
    "handshake": "  client told by the handshake",
    "port": "  client told by the port",
    "guess": "  client guessed",
}
_ASCII: Final = str.maketrans(
    {
        "→": ">",
        "←": "<",
        "·": "-",
        "•": "*",
        "▲": "!",
        "✖": "x",
        "✂": "-",
        "…": "...",
        "●": "*",
        "◐": "*",
        "○": "-",
        "◌": "-",
    }
)
_NOTE_INDENT: Final = " " * 10

_DIGITS: Final = [f"{number:03}" for number in range(1000)]


class _Column:
    """Numbers flush right, their thousands separated.

    Compiled, formatting costs more than all the rest of a line; looking up all but the last three digits does not.
    """

    def __init__(self, width: int) -> None:
        self._width: Final = width
        self._below: Final = [f"{number:>{width}}" for number in range(1000)]
        self._thousands: Final[dict[int, str]] = {}

    def text(self, number: i64) -> str:
        if number < 1000:
            return self._below[number] if number >= 0 else "?".rjust(self._width)
        thousand = number // 1000
        before = self._thousands.get(thousand)
        if before is None:
            if len(self._thousands) == KEPT:
                self._thousands.clear()
            before = self._thousands[thousand] = f"{int(thousand):,},".rjust(self._width - 3)
        return before + _DIGITS[number % 1000]


class TextLines:
    """Writes the lines of a run.

    write        takes the text of one or more lines, line ends included
    connections  the engine's list
    describe     gives a message's field tree
    start_ns     when the capture began
    colour       whether to colour with SGR sequences
    """

    def __init__(
        self,
        write: Callable[[str], object],
        connections: Sequence[Connection],
        describe: Callable[[Message], Field],
        start_ns: int,
        redactor: Redactor | None = None,
        colour: bool = False,
    ) -> None:
        self._write = write
        self._connections = connections
        self._describe = describe
        self._start_ns: i64 = start_ns
        self._redactor = redactor
        self._colour = colour
        self._ways: dict[int, tuple[str, str]] = {}  # by connection: its number, and the arrow of each direction
        self._second: i64 = UNKNOWN  # the last one shown, and how
        self._second_text = ""
        self._frames = Frames()
        self._columns: dict[tuple[int, int, int], str] = {}
        self._number: Final = _Column(8)
        self._timestamp: Final = _Column(13)
        self._length: Final = _Column(10)

    def event(self, event: Event) -> None:
        """Write the line of an event, one for each of its notes, and before the first of a connection its own."""
        if event.connection not in self._ways:
            self._connection(self._connections[event.connection])
        match event:
            case Message():
                self._message(event)
            case Handshake():
                self._other(event, "handshake", f"Handshake {event.part}", handshake_words(event))
            case Gap():
                self._other(event, "gap", "✂ gap", gap_words(event))
            case End():
                self._other(event, "end", "end", end_words(event))
            case Opened():
                pass
        if event.notes is not None:
            for note in event.notes:
                self._note(note)

    def _connection(self, connection: Connection) -> None:
        number = str(connection.id).rjust(3)
        self._ways[connection.id] = (f"{number} {ARROWS[0]}", f"{number} {ARROWS[1]}")
        ends = f"{connection.client} → {connection.server}"
        carries = connection.transport if connection.carries == "rtmp" else connection.carries.replace("_", " ")
        line = f"connection {connection.id}  {ends}  {carries}{_KNOWN_BY.get(connection.client_known_by, '')}"
        self._write(self._styled(line, "connection") + "\n")

    def _message(self, message: Message) -> None:
        sort = (message.type_id, message.csid, message.message_stream_id)
        columns = self._columns.get(sort)
        if columns is None:
            if len(self._columns) == KEPT:
                self._columns.clear()
            columns = self._columns[sort] = self._columns_of(*sort)
        number, timestamp = self._number.text(message.number), self._timestamp.text(message.timestamp)
        length = self._length.text(message.length)
        self._write(f"{number} {self._place(message)} {columns} {timestamp} {length}  {self._summary(message)}\n")

    def _columns_of(self, type_id: int, csid: int, message_stream_id: int) -> str:
        """What most messages share with others: type, chunk stream and message stream."""
        name = "?" if type_id == UNKNOWN else type_name(type_id)
        styled = self._styled(f"{name:<20}", TYPE_KINDS.get(type_id, "control"))
        return f"{styled} {_counted(csid):>5} {_counted(message_stream_id):>6}"

    def _summary(self, message: Message) -> str:
        said = self._frames.recall(message)
        if said is not None:
            return said.summary
        body = self._describe(message)
        shown = body if self._redactor is None else self._redactor.body(message, body)
        summary = printable(summarize(message, shown))
        self._frames.keep(message, body, Said(summary, ""))
        return summary

    def _other(self, event: Event, kind: str, name: str, words: str) -> None:
        line = f"{name:<20} {'':>37}  {words}"
        self._write(f"{'':>8} {self._place(event)} {self._styled(printable(line), kind)}\n")

    def _place(self, event: Event) -> str:
        """Time, connection and direction."""
        since: i64 = event.time_ns - self._start_ns
        sign = ""
        if since < 0:
            sign, since = "-", -since
        second = since // 1_000_000_000
        if sign or second != self._second:
            self._second = UNKNOWN if sign else second
            self._second_text = f"{sign}{int(second):,}".rjust(6)
        micros = since % 1_000_000_000 // 1000
        way = self._ways[event.connection]
        arrow = way[0] if event.direction == 0 else way[1]
        return f"{self._second_text}.{_DIGITS[micros // 1000]}{_DIGITS[micros % 1000]} {arrow}"

    def _note(self, note: Note) -> None:
        text = note.text if self._redactor is None else self._redactor.text(note.text)
        line = f"{MARKS[note.severity]} {printable(text)}  [{printable(note.code)}]"
        style = _SEVERITY_STYLES.get(note.severity)
        self._write(f"{_NOTE_INDENT}{sgr(line, style) if self._colour and style else line}\n")

    def _styled(self, text: str, kind: str) -> str:
        return sgr(text, _STYLES[kind]) if self._colour else text


def handshake_words(part: Handshake) -> str:
    """What a handshake part says: its version, where its digest is, what it echoes."""
    if part.part[1] == "0":
        return f"version {part.version}"
    if part.part[1] == "1":
        digest = "" if part.digest_block == UNKNOWN else f"digest at {part.digest_block}"
        return "  ".join([word for word in (digest or "simple", part.version) if word])
    return _ECHOES.get(part.echo, part.echo).format(peer="S" if part.part[0] == "C" else "C")


def gap_words(gap: Gap) -> str:
    """What is missing and where the parse went on."""
    if gap.reason == "mid_stream":  # it is not known how much
        missing = "unreadable" if gap.offset else "under way when the capture began"
    else:
        missing = f"{gap.length:,} bytes {_REASONS[gap.reason]}"
    if gap.resumed == UNKNOWN:
        return f"{missing}, not resumed"
    return f"{missing}, resumed {gap.resumed:,} bytes later" if gap.resumed else f"{missing}, resumed at once"


def end_words(end: End) -> str:
    """How a direction ended and what it left unfinished."""
    how = _HOWS.get(end.how, end.how)
    return f"{how}, {end.incomplete:,} bytes of unfinished messages" if end.incomplete else how


def _counted(number: int) -> str:
    return "?" if number == UNKNOWN else f"{number:,}"


def sgr(text: str, parameters: str) -> str:
    """The text in the colour that SGR parameters (ECMA-48, 8.3.117) stand for."""
    return f"\x1b[{parameters}m{text}\x1b[0m"


def wants_colour(when: str, output: TextIO, environment: Mapping[str, str]) -> bool:
    """What --color and NO_COLOR (no-color.org) come to for this output."""
    if when != "auto":
        return when == "always"
    return output.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def writer(output: TextIO) -> Callable[[str], object]:
    """A function that writes to the output whatever its encoding has: ASCII stands in for signs that it lacks."""
    try:
        "".join(map(chr, _ASCII)).encode(output.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        encoding = output.encoding or "ascii"
        return lambda text: output.write(text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding))
    return output.write
