"""The detail pane's tree: an event's notes, its chunks, where it came from, and its decoded fields.

Nodes are made when their parent is opened, so a message of 100,000 values costs what the screen shows of it.  A
node's byte range counts in the event's own bytes; that is what links the tree to the bytes beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from rtmpscope.model import DIRECTIONS, UNKNOWN, ChunkHeader, End, Event, Field, Gap, Handshake, Message, Note
from rtmpscope.rtmp.messages import TYPES, type_slug
from rtmpscope.text import elided, printable
from rtmpscope.tui.columns import SEVERITY_MARKS, SEVERITY_STYLES
from rtmpscope.tui.times import counted, duration, iso

OPEN_UP_TO = 40  # a group with more children stays closed until somebody opens it
NAME_WIDTH = 24  # cells up to the values, which stand under each other
VALUE_CHARACTERS = 2000
VALUE_BYTES = 32

Make = Callable[[], Iterable["Node"]]


class Node:
    """A line of the tree: name, value and meaning, its byte range, and its children, made on demand."""

    __slots__ = ("name", "value", "meaning", "style", "start", "end", "open", "plain", "sentence", "_make", "_children")

    def __init__(
        self,
        name: str,
        value: str = "",
        meaning: str = "",
        style: str = "",
        span: tuple[int, int] = (0, 0),
        children: Make | None = None,
        open: bool = False,
        plain: str | None = None,
        sentence: bool = False,
    ) -> None:
        self.name = name
        self.value = value
        self.meaning = meaning
        self.style = style
        self.start, self.end = span
        self.open = open
        self.plain = value if plain is None else plain  # what a copy puts on the clipboard
        self.sentence = sentence  # the name is a sentence, to be broken into lines where it is long
        self._make = children
        self._children: list[Node] | None = None

    @property
    def has_children(self) -> bool:
        return self._make is not None

    @property
    def children(self) -> list[Node]:
        if self._children is None:
            self._children = [] if self._make is None else list(self._make())
        return self._children

    def path_to(self, offset: int) -> list[Node]:
        """The nodes from here down to the smallest one that covers the byte; empty where none does.

        Of two alike it is the later one: a field, and not the chunk that brought it.
        """
        covering = [child for child in reversed(self.children) if child.start <= offset < child.end]
        if not covering:
            return []
        child = min(covering, key=lambda child: child.end - child.start)
        return [child, *child.path_to(offset)]


def lines(nodes: Iterable[Node], depth: int = 0) -> Iterator[tuple[Node, int]]:
    """The nodes that are in sight, with their depth."""
    for node in nodes:
        yield node, depth
        if node.open:
            yield from lines(node.children, depth + 1)


def event_tree(event: Event, body: Field | None, said: Sequence[Note] = ()) -> Node:
    """The tree of an event; the body and what was said about it as they may be shown."""
    notes = list(map(note_node, said))
    if isinstance(event, Message):
        return message_tree(event, body, notes)
    if isinstance(event, Handshake):
        fields = body.children if body is not None else []
        return Node(
            f"Handshake {event.part}",
            f"{counted(len(event.data), 'byte')}, packet {event.packet:,}",
            style="strong",
            span=(0, len(event.data)),
            children=lambda: [*notes, *facts(handshake_facts(event)), *map(field_node, fields)],
            open=True,
        )
    if isinstance(event, Gap):
        title = f"{counted(event.length, 'byte')} missing"
        return Node("Gap", title, style="gap", children=lambda: [*notes, *facts(gap_facts(event))], open=True)
    assert isinstance(event, End)
    return Node("End", event.how, style="end", children=lambda: [*notes, *facts(end_facts(event))], open=True)


def report_nodes(report: str) -> list[Node]:
    """The lines of a report, of which the first is its title."""
    title, *lines = report.strip().splitlines()
    told = (Node(line.removeprefix("    "), sentence=True) for line in lines)
    return [Node(title, style="strong", sentence=True), *told]


def message_tree(message: Message, body: Field | None, notes: list[Node]) -> Node:
    chunks = message.chunk_headers or []
    missing = "" if message.captured == message.length else f", {message.length - message.captured:,} missing"
    packets = f"packet {message.packet:,}"
    if message.first_packet != message.packet:
        packets = f"packets {message.first_packet:,} to {message.packet:,}"

    def children() -> Iterator[Node]:
        yield from notes
        yield Node("message", summary_of(message), style="dim", children=lambda: facts(message_facts(message)))
        if len(chunks) == 1:
            yield chunk_node(1, chunks[0])
        elif chunks:
            yield Node("chunks", f"{len(chunks):,}", style="dim", children=lambda: map(chunk_node, *numbered(chunks)))
        if body is not None:
            yield from map(field_node, body.children)

    return Node(
        f"Message {message.number:,}",
        f"{type_slug(message.type_id)}, {counted(message.length, 'byte')}{missing}, "
        f"{counted(message.chunks, 'chunk')}, {packets}",
        style="strong",
        span=(0, message.length),
        children=children,
        open=True,
    )


def numbered(chunks: list[ChunkHeader]) -> tuple[range, list[ChunkHeader]]:
    return range(1, len(chunks) + 1), chunks


def note_node(note: Note) -> Node:
    mark, style = SEVERITY_MARKS[note.severity], SEVERITY_STYLES[note.severity]
    text = printable(note.text)
    return Node(f"{mark} {text} ({printable(note.code)})", style=style, plain=text, sentence=True)


def chunk_node(number: int, chunk: ChunkHeader) -> Node:
    value = f"fmt {chunk.fmt}, csid {chunk.csid}"
    if chunk.timestamp != UNKNOWN:
        value += f", {'timestamp' if chunk.fmt == 0 else 'timestamp_delta'} {chunk.timestamp:,}"
    value += f", {counted(chunk.payload_size, 'byte')}, packet {chunk.packet:,}"
    span = (chunk.payload_start, chunk.payload_start + chunk.payload_size)
    return Node(f"chunk {number}", value, style="dim", span=span, children=lambda: facts(chunk_facts(chunk), span))


def facts(pairs: Iterable[tuple[str, object]], span: tuple[int, int] = (0, 0)) -> Iterator[Node]:
    for name, value in pairs:
        if value not in ("", None):
            yield Node(name, f"{value:,}" if isinstance(value, int) else str(value), span=span)


def summary_of(message: Message) -> str:
    return f"{DIRECTIONS[message.direction]}, connection {message.connection}, {iso(message.time_ns)}"


def type_fact(type_id: int) -> object:
    """A type id with the names it has, of which people may know but the old one: "5, Window Ack Size [Server BW]"."""
    return f"{type_id}, {TYPES[type_id].full_name}" if type_id in TYPES else known(type_id)


def known(value: int) -> object:
    return "unknown" if value == UNKNOWN else value


def message_facts(message: Message) -> Iterator[tuple[str, object]]:
    yield "fmt", known(message.fmt)
    yield "csid", known(message.csid)
    yield "type_id", type_fact(message.type_id)
    yield "message_stream_id", known(message.message_stream_id)
    yield "timestamp", known(message.timestamp)
    yield "length", known(message.length)
    yield "captured", message.captured
    yield "first byte", f"packet {message.first_packet:,}, {iso(message.first_time_ns)}"
    yield "last byte", f"packet {message.packet:,}, {iso(message.time_ns)}"
    yield "stream offset", message.offset
    if message.aggregate:
        yield "part of", f"aggregate message {message.aggregate:,}"
    if message.aborted:
        yield "aborted", "the sender gave this message up"
    call = message.call
    if call is not None and call.request == message.number and call.answer:
        yield "answered by", f"message {call.answer:,} after {duration(call.latency_ns)}"
    elif call is not None and call.request != message.number:
        yield "answers", f"message {call.request:,}, {printable(call.name)}, after {duration(call.latency_ns)}"


def chunk_facts(chunk: ChunkHeader) -> Iterator[tuple[str, object]]:
    yield "header", f"{chunk.size} bytes at stream offset {chunk.offset:,}"
    yield "payload", f"bytes {chunk.payload_start:,} to {chunk.payload_start + chunk.payload_size - 1:,}"
    if chunk.extended:
        yield "extended_timestamp", "present"
    yield "time", iso(chunk.time_ns)


def handshake_facts(part: Handshake) -> Iterator[tuple[str, object]]:
    yield "time", iso(part.time_ns)
    yield "stream offset", part.offset


def gap_facts(gap: Gap) -> Iterator[tuple[str, object]]:
    yield "reason", gap.reason
    yield "stream offset", gap.offset
    yield "resumed", "never" if gap.resumed == UNKNOWN else f"{gap.resumed:,} bytes later"
    yield "confidence", f"{gap.confidence} %"
    yield "time", iso(gap.time_ns)


def end_facts(end: End) -> Iterator[tuple[str, object]]:
    yield "direction", DIRECTIONS[end.direction]
    if end.incomplete:
        yield "incomplete", f"{end.incomplete:,} bytes of unfinished messages"
    yield "stream offset", end.offset
    yield "time", iso(end.time_ns)


def field_node(field: Field) -> Node:
    few = len(field.children) <= OPEN_UP_TO
    value, meaning = value_text(field), printable(field.text)
    if field.kind not in ("", "list", "display", value):
        meaning = f"{meaning}  {field.kind}" if meaning else field.kind
    return Node(
        printable(field.name),
        value,
        meaning,
        "warning" if field.name == "undecoded" else "",
        (field.start, field.end),
        (lambda: map(field_node, field.children)) if field.children else None,
        few,
        plain_text(field.value),
    )


WORDS = {
    "null": "null", "amf3_null": "null", "undefined": "undefined", "amf3_undefined": "undefined",
    "unsupported": "unsupported",
}  # fmt: skip


def value_text(field: Field) -> str:
    """The value as the tree shows it: strings quoted, numbers with their thousands apart, bytes as hex."""
    value = field.value
    if value is None:
        return WORDS.get(field.kind, "")
    if isinstance(value, str):
        return f"'{printable(elided(value, VALUE_CHARACTERS))}'"
    if isinstance(value, bytes):
        more = f" … {len(value):,} bytes" if len(value) > VALUE_BYTES else ""
        return value[:VALUE_BYTES].hex(" ") + more
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,}" if isinstance(value, int) else printable(str(value))


def plain_text(value: object) -> str:
    """The value as a copy puts it on the clipboard: nothing added, nothing left out, still no control characters."""
    if isinstance(value, bytes):
        return value.hex()
    return "" if value is None else printable(str(value))
