"""The fields that a display filter can name: their types, meanings, and where their values come from.

A field gives the values that an event has for it, none where it has none.  What a row of the store's columns
already tells it also gives for all rows at once; what only a decoded body tells, it looks up by its path.
Every field is one line of a table; names of Wireshark's that mean the same are lines of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from rtmpscope.media.tag import AUDIO_CODECS, AUDIO_FOURCC, VIDEO_CODECS, VIDEO_FOURCC
from rtmpscope.media.video import FRAME_TYPES
from rtmpscope.model import (
    ABORT,
    ACKNOWLEDGEMENT,
    AGGREGATE,
    AMF_TYPES,
    AUDIO,
    C2S,
    COMMAND_TYPES,
    DATA_TYPES,
    DIRECTIONS,
    EDGE_ORIGIN,
    SET_CHUNK_SIZE,
    SET_PEER_BANDWIDTH,
    SEVERITIES,
    SHARED_OBJECT_TYPES,
    UNKNOWN,
    USER_CONTROL,
    VIDEO,
    WINDOW_ACK_SIZE,
    Connection,
    End,
    Endpoint,
    Event,
    Field,
    Gap,
    Handshake,
    Message,
    Note,
)
from rtmpscope.rtmp import shared_objects, user_control
from rtmpscope.rtmp.commands import COMMANDS, HANDLERS, PUBLISH_TYPES
from rtmpscope.rtmp.messages import LIMIT_TYPES, TYPES, type_slug
from rtmpscope.rtmp.status_codes import CODES
from rtmpscope.rtmp.summary import summarize

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_STRINGS: Final = ("string", "long_string", "amf3_string")
_LISTS: Final = ("list", "strict_array", "array", "vector_object")
_KEYED: Final = ("object", "ecma_array", "typed_object", "amf3_object")
RECORDS: Final = ("message", "handshake", "gap", "end")

# The roots of bodies and the types that have them; nobody knows which types "unknown" stands for.
ROOTS: Final[dict[str, frozenset[int]]] = {
    "set_chunk_size": frozenset((SET_CHUNK_SIZE,)),
    "abort": frozenset((ABORT,)),
    "acknowledgement": frozenset((ACKNOWLEDGEMENT,)),
    "user_control": frozenset((USER_CONTROL,)),
    "window_ack_size": frozenset((WINDOW_ACK_SIZE,)),
    "set_peer_bandwidth": frozenset((SET_PEER_BANDWIDTH,)),
    "audio": frozenset((AUDIO,)),
    "video": frozenset((VIDEO,)),
    "data": DATA_TYPES,
    "shared_object": SHARED_OBJECT_TYPES,
    "command": COMMAND_TYPES,
    "aggregate": frozenset((AGGREGATE,)),
    "unknown": frozenset(range(256)) - frozenset(TYPES) | {EDGE_ORIGIN},
}


class Columns(Protocol):
    """What a store tells about its rows without opening them: arrays of one length, UNKNOWN where a message has none.

    record   index into RECORDS
    severity of the gravest note
    """

    record: Array
    number: Array
    time_ns: Array
    connection: Array
    direction: Array
    fmt: Array
    type_id: Array
    csid: Array
    message_stream_id: Array
    timestamp: Array
    length: Array
    captured: Array
    first_packet: Array
    packet: Array
    severity: Array
    connections: Sequence[Connection]


# --- types: how a literal is read, and what may be asked ----------------------------------------------------------

ORDER: Final = frozenset(("==", "!=", "<", "<=", ">", ">=", "in"))
EQUAL: Final = frozenset(("==", "!=", "in"))
TEXT: Final = frozenset(("contains", "matches"))


class Type(NamedTuple):
    """read gives the value that a literal stands for, or raises ValueError; `expected` says what it wants."""

    name: str
    expected: str
    operators: frozenset[str]
    read: Callable[[str], Any]


class Loose(NamedTuple):
    """A literal for a field whose values have the types of the wire."""

    text: str
    number: float | None

    def like(self, value: object) -> object:
        """The literal as something that may be compared with the value; None where nothing may, as with a group."""
        match value:
            case bool():
                return {"true": True, "1": True, "false": False, "0": False}.get(self.text.lower())
            case int() | float():
                return self.number
            case bytes():
                return octets(self.text)
            case str():
                return self.text
        return None


def whole(text: str) -> int:
    """An integer in decimal, or with 0x, 0o or 0b before it."""
    return int(text, 0 if text.lstrip("+-").lower().startswith(("0x", "0b", "0o")) else 10)


def seconds(text: str) -> int:
    """In nanoseconds."""
    number = float(text) * 1e9
    if number != number or abs(number) > 1e27:
        raise ValueError
    return round(number)


def moment(text: str) -> int:
    """Nanoseconds since 1970; a date without a zone is in UTC."""
    when = datetime.fromisoformat(text.strip())
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    delta = when - datetime(1970, 1, 1, tzinfo=UTC)
    return ((delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


def octets(text: str) -> bytes:
    """Bytes as Wireshark writes them, 0a:0b:0c, else those of the text."""
    try:
        return bytes.fromhex(text.replace(":", " ").replace("-", " ")) if ":" in text or "-" in text else text.encode()
    except ValueError:
        return text.encode()


def loose(text: str) -> Loose:
    """A literal that may be compared with values of several types."""
    for read in (whole, float):
        try:
            return Loose(text, float(read(text)))
        except (ValueError, OverflowError):
            continue
    return Loose(text, None)


NUMBER: Final = Type("integer", "a whole number", ORDER, whole)
SECONDS: Final = Type("seconds", "a number of seconds", ORDER, seconds)
MILLISECONDS: Final = Type("milliseconds", "a number of milliseconds", ORDER, float)
MOMENT: Final = Type("date", 'a date such as "2026-11-21 14:02:03.5"', ORDER, moment)
STRING: Final = Type("text", "text", ORDER | TEXT, str)
ADDRESS: Final = Type("address", "an IP address or network", EQUAL, lambda text: ip_network(text, strict=False))
BYTES: Final = Type("bytes", "bytes such as 0a:0b or text", EQUAL | {"contains"}, octets)
ANY: Final = Type("any", "a value", ORDER | TEXT, loose)
PRESENCE: Final = Type("present", "no value: the field stands alone", frozenset(), str)


def words(expected: str, known: Sequence[str], operators: frozenset[str] = EQUAL | TEXT, coded: bool = False) -> Type:
    """One of several words; a coded field's values are their places among them."""

    def read(text: str) -> Any:
        if text.lower() not in known:
            raise ValueError
        return known.index(text.lower()) if coded else text.lower()

    return Type("word", f"{expected}: {', '.join(known)}", operators, read)


# --- fields --------------------------------------------------------------------------------------------------------

Values = Callable[[Event, Connection, Field | None], Iterable[Any]]
Column = Callable[[Columns], "Array"]


class FilterField(NamedTuple):
    """A line of the table.

    values    those that an event has
    needs_body  they need the decoded body, or something else that a store's columns do not have
    column    the same for all rows at once, UNKNOWN where a row has none; None where the columns do not tell
    word      what a coded value is called
    choices   the words that may be asked for, or of any text the usual ones
    relative  its values count from when the capture began
    by_side   its values depend on connection and direction only
    noted     only records with notes have it
    record    the only kind of record that has it, "" for all; types the only message types, None for all
    """

    name: str
    type: Type
    meaning: str
    values: Values
    column: Column | None = None
    word: Callable[[int], str] | None = None
    choices: Sequence[str] = ()
    relative: bool = False
    by_side: bool = False
    needs_body: bool = False
    noted: bool = False
    record: str = ""
    types: frozenset[int] | None = None


def _of_message(name: str, meaning: str, attribute: str) -> FilterField:
    """An integer of a message that may be UNKNOWN."""

    def values(event: Event, connection: Connection, body: Field | None) -> Iterable[int]:
        value = getattr(event, attribute, UNKNOWN)
        return () if value == UNKNOWN else (value,)

    return FilterField(name, NUMBER, meaning, values, lambda rows: getattr(rows, attribute), record="message")


def _of_record(name: str, type: Type, meaning: str, attribute: str, relative: bool = False) -> FilterField:
    """What every record has."""
    return FilterField(
        name,
        type,
        meaning,
        lambda event, connection, body: (getattr(event, attribute),),
        lambda rows: getattr(rows, attribute),
        relative=relative,
    )


def _of(
    kind: type[Event], name: str, type: Type, meaning: str, attribute: str, choices: Sequence[str] = ()
) -> FilterField:
    """What one kind of record has beside its place and time."""

    def values(event: Event, connection: Connection, body: Field | None) -> Iterable[Any]:
        value = getattr(event, attribute) if isinstance(event, kind) else ""
        return () if value in (UNKNOWN, "") else (value.lower() if choices else value,)

    return FilterField(name, type, meaning, values, choices=choices, record=kind.__name__.lower())


def _of_ends(name: str, type: Type, meaning: str, values: Callable[[Endpoint, Endpoint], Iterable[Any]]) -> FilterField:
    """Something about the two ends: the function is given the sender and the receiver."""

    def of(event: Event, connection: Connection, body: Field | None) -> Iterable[Any]:
        if event.direction == C2S:
            return values(connection.client, connection.server)
        return values(connection.server, connection.client)

    return FilterField(name, type, meaning, of, by_side=True)


def _of_connection(
    name: str, type: Type, meaning: str, value: Callable[[Connection], Any], choices: Sequence[str] = ()
) -> FilterField:
    def values(event: Event, connection: Connection, body: Field | None) -> Iterable[Any]:
        return (value(connection),)

    return FilterField(name, type, meaning, values, choices=choices, by_side=True)


def _of_notes(
    name: str, type: Type, meaning: str, value: Callable[[Note], Any], choices: Sequence[str] = ()
) -> FilterField:
    def values(event: Event, connection: Connection, body: Field | None) -> Iterable[Any]:
        return [value(note) for note in event.notes or ()]

    return FilterField(name, type, meaning, values, choices=choices, noted=True)


def _of_first_byte(name: str, meaning: str, type_id: int, shift: int, mask: int) -> FilterField:
    """Bits of the first byte of audio or video (FLV 10.1, E.4.2 and E.4.3)."""

    def values(event: Event, connection: Connection, body: Field | None) -> Iterable[int]:
        payload = event.prefix if isinstance(event, Message) else b""
        return (payload[0] >> shift & mask,) if payload else ()

    return FilterField(name, NUMBER, meaning, values, types=frozenset((type_id,)))


def _of_kinds(name: str, type: Type, meaning: str, kinds: Iterable[str], value: Callable[[Field], Any]) -> FilterField:
    """AMF values of some kinds, wherever in the body they stand."""
    wanted = frozenset(kinds)

    def values(event: Event, connection: Connection, body: Field | None) -> Iterable[Any]:
        return [] if body is None else [value(field) for field in _walk(body) if field.kind in wanted]

    return FilterField(name, type, meaning, values, needs_body=True, types=AMF_TYPES)


def _of_types(name: str, meaning: str, types: frozenset[int]) -> FilterField:
    """Whether a message has one of these types."""

    def values(event: Event, connection: Connection, body: Field | None) -> Iterable[bool]:
        return (True,)

    def column(rows: Columns) -> Array:
        import numpy as np

        return np.where(np.isin(rows.type_id, list(types)), 1, UNKNOWN)

    return FilterField(name, PRESENCE, meaning, values, column, types=types)


def of_body(name: str, meaning: str = "", choices: Sequence[str] = ()) -> FilterField:
    """A part of a decoded body by its path: "rtmp.", the root, then the names of the children."""
    path = name.split(".")[1:]

    def values(event: Event, connection: Connection, body: Field | None) -> Iterable[Any]:
        if body is None or body.name != path[0]:
            return ()
        return [value for field in _at(body, path, 1) for value in _comparable(field)]

    return FilterField(name, ANY, meaning, values, choices=choices, needs_body=True, types=ROOTS[path[0]])


def _walk(field: Field) -> Iterator[Field]:
    yield field
    for child in field.children:
        yield from _walk(child)


def _at(field: Field, path: list[str], at: int) -> Iterator[Field]:
    """The fields at the end of the path; the items of lists are passed through, as in JSON they have no names."""
    if at == len(path):
        yield field
        return
    for child in field.children:
        if child.name == path[at]:
            yield from _at(child, path, at + 1)
        elif field.kind in _LISTS:
            yield from _at(child, path, at)


def _comparable(field: Field) -> Iterator[Any]:
    """The field's value, and what an integer is called; of a list its items; of a group that it is there."""
    if field.value is None:
        yield from [child.value for child in field.children if child.value is not None] or [None]
        return
    yield field.value
    if isinstance(field.value, int) and field.text:
        yield field.text.partition(":")[0]


def _record_of(event: Event) -> str:
    return type(event).__name__.lower()


def _record_values(event: Event, connection: Connection, body: Field | None) -> Iterable[int]:
    record = _record_of(event)
    return (RECORDS.index(record),) if record in RECORDS else ()


def _type_of(text: str) -> int:
    for type_id, known in TYPES.items():
        if text.lower() == known.slug:
            return type_id
    digits = text.lower().removeprefix("unknown_")
    if digits.isdecimal() and int(digits) not in TYPES and not text.isdecimal():
        return int(digits)
    raise ValueError


def _type_values(event: Event, connection: Connection, body: Field | None) -> Iterable[int]:
    type_id = getattr(event, "type_id", UNKNOWN)
    return () if type_id == UNKNOWN else (type_id,)


def _summary(event: Event, connection: Connection, body: Field | None) -> Iterable[str]:
    return (summarize(event, body),) if isinstance(event, Message) and body is not None else ()


def _chunks(event: Event, connection: Connection, body: Field | None) -> Iterable[int]:
    return (event.chunks,) if isinstance(event, Message) else ()


def _payload(event: Event, connection: Connection, body: Field | None) -> Iterable[bytes]:
    return (event.payload,) if isinstance(event, Message) else ()


def _reply_to(event: Event, connection: Connection, body: Field | None) -> Iterable[int]:
    if isinstance(event, Message) and event.call is not None and event.call.request != event.number:
        return (event.call.request,)
    return ()


def _answered_by(event: Event, connection: Connection, body: Field | None) -> Iterable[int]:
    if isinstance(event, Message) and event.call is not None and event.call.answer not in (0, event.number):
        return (event.call.answer,)
    return ()


def _latency(event: Event, connection: Connection, body: Field | None) -> Iterable[float]:
    if isinstance(event, Message) and event.call is not None and event.call.answer:
        return (event.call.latency_ns / 1e6,)
    return ()


def _event_type(event: Event, connection: Connection, body: Field | None) -> Iterable[int]:
    if isinstance(event, Message) and len(event.prefix) >= 2:
        return (int.from_bytes(event.prefix[:2], "big"),)
    return ()


def _header_timestamp(event: Event, connection: Connection, body: Field | None) -> Iterable[int]:
    """What a header of fmt 0 says; the other headers have deltas."""
    if isinstance(event, Message) and event.fmt == 0 and event.timestamp != UNKNOWN:
        return (min(event.timestamp, 0xFFFFFF),)
    return ()


def _addresses(version: int, *ends: Endpoint) -> list[IPv4Address | IPv6Address]:
    found = [ip_address(end.address.partition("%")[0]) for end in ends]
    return [address for address in found if address.version == version]


def _member_names(body: Field) -> Iterator[str]:
    for field in _walk(body):
        if field.kind in _KEYED:
            yield from (child.name for child in field.children)


_TYPE: Final = Type("word", "a message type such as video or command_amf0", EQUAL | TEXT, _type_of)
_TYPE_CHOICES: Final = tuple(known.slug for known in TYPES.values())
_CLIENT_KNOWN_BY: Final = ("syn", "handshake", "port", "guess")
_TRANSPORTS: Final = ("rtmp", "rtmps", "rtmpt", "rtmpe")
_PARTS: Final = ("c0", "c1", "c2", "s0", "s1", "s2")
_STYLES: Final = ("simple", "digest")
_ECHOES: Final = ("exact", "random", "digest", "none")
_REASONS: Final = ("capture_loss", "network_loss", "snaplen", "mid_stream")
_HOWS: Final = ("fin", "rst", "idle", "capture_end", "given_up")
_OBJECTS: Final = ("object", "typed_object", "amf3_object", "external")
_LIMIT_TYPES: Final = tuple(name for name, _ in LIMIT_TYPES.values())
_AUDIO_CODECS: Final = tuple(dict.fromkeys((*AUDIO_CODECS.values(), *AUDIO_FOURCC.values())))
_VIDEO_CODECS: Final = tuple(dict.fromkeys((*VIDEO_CODECS.values(), *VIDEO_FOURCC.values())))

_TABLE: Final = (
    _of_ends("rtmp", PRESENCE, "every record", lambda *ends: (True,)),
    FilterField(
        "rtmp.record", words("a kind of record", RECORDS, coded=True), "message, handshake, gap or end",
        _record_values, lambda rows: rows.record, RECORDS.__getitem__, RECORDS,
    ),
    _of_message("rtmp.number", "number of the message, from 1", "number"),
    _of_record("rtmp.connection", NUMBER, "number of the connection, from 0", "connection"),
    FilterField(
        "rtmp.direction", words("a direction", DIRECTIONS, coded=True), "c2s or s2c",
        lambda event, connection, body: (event.direction,), lambda rows: rows.direction,
        DIRECTIONS.__getitem__, DIRECTIONS,
    ),
    FilterField(
        "rtmp.type", _TYPE, "message type by name", _type_values, lambda rows: rows.type_id, type_slug, _TYPE_CHOICES,
        record="message",
    ),
    _of_message("rtmp.type_id", "message type by number", "type_id"),
    _of_message("rtmp.fmt", "form of the first chunk header, 0 to 3", "fmt"),
    _of_message("rtmp.csid", "chunk stream id", "csid"),
    _of_message("rtmp.message_stream_id", "message stream id", "message_stream_id"),
    _of_message("rtmp.timestamp", "timestamp in milliseconds", "timestamp"),
    _of_message("rtmp.length", "payload bytes as declared", "length"),
    _of_message("rtmp.captured", "payload bytes that the capture holds", "captured"),
    FilterField("rtmp.chunks", NUMBER, "chunks that carried the message", _chunks, needs_body=True, record="message"),
    FilterField(
        "rtmp.aggregate", NUMBER, "number of the aggregate that the message was part of",
        lambda event, connection, body: (event.aggregate,) if isinstance(event, Message) and event.aggregate else (),
        needs_body=True, record="message",
    ),
    FilterField("rtmp.payload", BYTES, "captured payload", _payload, needs_body=True, record="message"),
    FilterField("rtmp.summary", STRING, "the line that says what the message means", _summary, needs_body=True,
                record="message"),
    _of_message("rtmp.first_packet", "packet that holds the first byte", "first_packet"),
    _of_record("rtmp.packet", NUMBER, "packet that holds the last byte", "packet"),
    _of_notes("rtmp.note", PRESENCE, "something is worth a word", lambda note: True),
    _of_notes("rtmp.note.code", STRING, "code of a note", lambda note: note.code),
    _of_notes(
        "rtmp.note.severity", words("a severity", SEVERITIES, ORDER, coded=True), "how bad a note is",
        lambda note: int(note.severity), SEVERITIES,
    ),
    _of_notes("rtmp.note.text", STRING, "text of a note", lambda note: note.text),
    _of(Handshake, "rtmp.handshake.part", words("a part", _PARTS), "handshake part", "part", _PARTS),
    _of(Handshake, "rtmp.handshake.version", STRING, "version that the part names", "version"),
    _of(Handshake, "rtmp.handshake.style", words("a style", _STYLES), "simple or digest", "style", _STYLES),
    _of(Handshake, "rtmp.handshake.digest_block", NUMBER, "where the digest is, 8 or 772", "digest_block"),
    _of(Handshake, "rtmp.handshake.echo", words("an echo", _ECHOES), "how C2 or S2 echoes", "echo", _ECHOES),
    _of(Gap, "rtmp.gap.bytes", NUMBER, "bytes that are missing", "length"),
    _of(Gap, "rtmp.gap.reason", words("a reason", _REASONS), "why they are missing", "reason", _REASONS),
    _of(Gap, "rtmp.gap.resumed", NUMBER, "bytes skipped until the next sure chunk", "resumed"),
    _of(End, "rtmp.end.how", words("an end", _HOWS), "how the direction ended", "how", _HOWS),
    _of(End, "rtmp.end.incomplete", NUMBER, "bytes of messages that were unfinished", "incomplete"),
    _of_connection(
        "rtmp.transport", words("a transport", _TRANSPORTS), "what carries RTMP", lambda it: it.transport, _TRANSPORTS
    ),
    _of_connection(
        "rtmp.client_known_by", words("a way", _CLIENT_KNOWN_BY), "how the client was told from the server",
        lambda it: it.client_known_by, _CLIENT_KNOWN_BY,
    ),
    _of_connection("rtmp.client.address", ADDRESS, "address of the client", lambda it: ip_address(it.client.address)),
    _of_connection("rtmp.client.port", NUMBER, "port of the client", lambda it: it.client.port),
    _of_connection("rtmp.server.address", ADDRESS, "address of the server", lambda it: ip_address(it.server.address)),
    _of_connection("rtmp.server.port", NUMBER, "port of the server", lambda it: it.server.port),
    FilterField("rtmp.command.reply_to", NUMBER, "number of the message that this one answers", _reply_to,
                types=COMMAND_TYPES),
    FilterField("rtmp.command.answered_by", NUMBER, "number of the message that answers this one", _answered_by,
                types=COMMAND_TYPES),
    FilterField("rtmp.command.latency_ms", MILLISECONDS, "time between request and answer", _latency,
                types=COMMAND_TYPES),
    *(_of_types(f"rtmp.{root}", f"messages with a body of {root}", types) for root, types in ROOTS.items()
      if root != "aggregate"),
    *(of_body(f"rtmp.{name}", meaning, choices) for name, meaning, *choices in (
        ("set_chunk_size.chunk_size", "new chunk size"),
        ("abort.csid", "chunk stream whose message is dropped"),
        ("acknowledgement.sequence_number", "bytes received so far"),
        ("window_ack_size.window_size", "bytes between acknowledgements"),
        ("set_peer_bandwidth.window_size", "bytes that may be unacknowledged"),
        ("set_peer_bandwidth.limit_type", "hard, soft or dynamic", *_LIMIT_TYPES),
        ("user_control.event", "stream_begin, ping_request, ...", *user_control.NAMES),
        ("user_control.message_stream_id", "stream that the event is about"),
        ("user_control.timestamp", "clock in a ping"),
        ("user_control.buffer_length", "milliseconds that the client buffers"),
        ("command.name", "connect, publish, onStatus, ...", *COMMANDS),
        ("command.transaction_id", "number that an answer repeats"),
        ("command.command_object", "the object after the transaction id"),
        ("command.command_object.app", "application, in connect"),
        ("command.command_object.tcUrl", "address that the client connects to"),
        ("command.command_object.flashVer", "what the client says it is"),
        ("command.arguments", "the values after the command object"),
        ("command.arguments.stream_name", "name in publish, play, FCPublish, ..."),
        ("command.arguments.publish_type", "live, record or append", *PUBLISH_TYPES),
        ("command.arguments.information.level", "status, warning or error", "status", "warning", "error"),
        ("command.arguments.information.code", "status code", *CODES),
        ("command.arguments.information.description", "what the server says about it"),
        ("data.name", "onMetaData, @setDataFrame, ...", *HANDLERS),
        ("data.arguments", "the values after the name"),
        ("data.arguments.metadata.width", "and every other property of the metadata"),
        ("shared_object.name", "name of the object"),
        ("shared_object.version", "its version"),
        ("shared_object.persistent", "whether it is kept"),
        ("shared_object.events.event", "use, change, send_message, ...", *shared_objects.NAMES),
        ("audio.codec", "aac, opus, mp3, ...", *_AUDIO_CODECS),
        ("audio.packet_type", "sequence_header, raw, coded_frames, ..."),
        ("audio.sound_rate", "samples per second by the tag"),
        ("video.codec", "h264, hevc, av1, ...", *_VIDEO_CODECS),
        ("video.frame_type", "key, inter, ...", *FRAME_TYPES.values()),
        ("video.packet_type", "sequence_header, nalu, coded_frames, ..."),
        ("video.composition_time", "milliseconds from decoding to showing"),
        ("video.config.width", "and every other part of a sequence header"),
        ("video.tracks.track_id", "any track of a multitrack message"),
    )),
    FilterField("frame.number", NUMBER, "packet that holds the last byte",
                lambda event, connection, body: (event.packet,), lambda rows: rows.packet),
    _of_record("frame.time", MOMENT, "when the last byte was captured", "time_ns"),
    _of_record("frame.time_epoch", SECONDS, "the same in seconds since 1970", "time_ns"),
    _of_record("frame.time_relative", SECONDS, "seconds since the capture began", "time_ns", relative=True),
    _of_ends("tcp", PRESENCE, "every record", lambda *ends: (True,)),
    _of_ends("ip", PRESENCE, "a connection over IPv4", lambda *ends: _addresses(4, *ends)[:1]),
    _of_ends("ipv6", PRESENCE, "a connection over IPv6", lambda *ends: _addresses(6, *ends)[:1]),
    _of_ends("ip.addr", ADDRESS, "IPv4 address of either end", lambda *ends: _addresses(4, *ends)),
    _of_ends("ip.src", ADDRESS, "IPv4 address of the sender", lambda sender, receiver: _addresses(4, sender)),
    _of_ends("ip.dst", ADDRESS, "IPv4 address of the receiver", lambda sender, receiver: _addresses(4, receiver)),
    _of_ends("ipv6.addr", ADDRESS, "IPv6 address of either end", lambda *ends: _addresses(6, *ends)),
    _of_ends("ipv6.src", ADDRESS, "IPv6 address of the sender", lambda sender, receiver: _addresses(6, sender)),
    _of_ends("ipv6.dst", ADDRESS, "IPv6 address of the receiver", lambda sender, receiver: _addresses(6, receiver)),
    _of_ends("tcp.port", NUMBER, "port of either end", lambda sender, receiver: (sender.port, receiver.port)),
    _of_ends("tcp.srcport", NUMBER, "port of the sender", lambda sender, receiver: (sender.port,)),
    _of_ends("tcp.dstport", NUMBER, "port of the receiver", lambda sender, receiver: (receiver.port,)),
    _of_types("amf", "messages with AMF values", AMF_TYPES),
    _of_kinds("amf.string", STRING, "any AMF string", _STRINGS, lambda field: str(field.value)),
    _of_kinds("amf.longstring", STRING, "any AMF0 long string", ("long_string",), lambda field: str(field.value)),
    _of_kinds("amf.number", ANY, "any AMF number", ("number", "double"), lambda field: field.value),
    _of_kinds("amf.integer", ANY, "any AMF3 integer", ("integer",), lambda field: field.value),
    _of_kinds("amf.int64", ANY, "any AMF0 64-bit integer", ("int64",), lambda field: field.value),
    _of_kinds("amf.boolean", ANY, "any AMF boolean", ("boolean", "amf3_false", "amf3_true"), lambda field: field.value),
    _of_kinds("amf.xml", STRING, "any AMF XML", ("xml", "amf3_xml", "xml_document"), lambda field: str(field.value)),
    _of_kinds("amf.bytearray", BYTES, "any AMF3 byte array", ("byte_array",), lambda field: field.value),
    _of_kinds("amf.classname", STRING, "class of any AMF object", _OBJECTS, lambda field: str(field.value or "")),
    _of_kinds("amf.object", PRESENCE, "an AMF object", _OBJECTS, lambda field: True),
    _of_kinds("amf.ecmaarray", PRESENCE, "an AMF0 ECMA array", ("ecma_array",), lambda field: True),
    _of_kinds("amf.strictarray", PRESENCE, "an AMF0 strict array", ("strict_array",), lambda field: True),
    _of_kinds("amf.array", PRESENCE, "an AMF3 array", ("array",), lambda field: True),
    FilterField(
        "amf.membername", STRING, "key of any property",
        lambda event, connection, body: [] if body is None else _member_names(body), needs_body=True, types=AMF_TYPES,
    ),
    FilterField("rtmpt.header.timestamp", NUMBER, "timestamp in a header of fmt 0", _header_timestamp,
                record="message"),
    FilterField("rtmpt.ucm.eventtype", NUMBER, "user control event by number", _event_type,
                types=ROOTS["user_control"]),
    _of_first_byte("rtmpt.audio.control", "first byte of audio", AUDIO, 0, 0xFF),
    _of_first_byte("rtmpt.audio.format", "sound format", AUDIO, 4, 0x0F),
    _of_first_byte("rtmpt.audio.rate", "sound rate", AUDIO, 2, 0x03),
    _of_first_byte("rtmpt.audio.size", "sound size", AUDIO, 1, 0x01),
    _of_first_byte("rtmpt.audio.type", "mono or stereo", AUDIO, 0, 0x01),
    _of_first_byte("rtmpt.video.control", "first byte of video", VIDEO, 0, 0xFF),
    _of_first_byte("rtmpt.video.type", "frame type", VIDEO, 4, 0x0F),
    _of_first_byte("rtmpt.video.format", "codec id", VIDEO, 0, 0x0F),
)  # fmt: skip

# Names of Wireshark's for what the trace calls otherwise.
ALIASES: Final = {
    "rtmpt": "rtmp",
    "rtmpt.header.format": "rtmp.fmt",
    "rtmpt.header.csid": "rtmp.csid",
    "rtmpt.header.bodysize": "rtmp.length",
    "rtmpt.header.typeid": "rtmp.type_id",
    "rtmpt.header.streamid": "rtmp.message_stream_id",
    "rtmpt.scm.chunksize": "rtmp.set_chunk_size.chunk_size",
    "rtmpt.scm.csid": "rtmp.abort.csid",
    "rtmpt.scm.seq": "rtmp.acknowledgement.sequence_number",
    "rtmpt.scm.was": "rtmp.window_ack_size.window_size",
    "rtmpt.scm.limittype": "rtmp.set_peer_bandwidth.limit_type",
}

FIELDS: Final = {field.name: field for field in _TABLE}


def find(name: str) -> FilterField | None:
    """The field of that name; any path into a body is one."""
    name = ALIASES.get(name, name)
    field = FIELDS.get(name)
    if field is None:
        first, root, rest = (*name.split(".", 2), "", "")[:3]
        if first == "rtmp" and root in ROOTS and rest:
            return of_body(name)
    return field
