"""Every type that crosses a stage, and nothing else.

Packets come out of a capture, segments out of packets, stream data and gaps out of segments, and events
(handshake parts, messages, gaps, ends) out of streams.  Times are integer nanoseconds since 1970, packet
numbers count from 1 as in Wireshark, connection numbers from 0.  The types are plain slotted classes:
they are made by the million, and compiled they cost one allocation and no boxing.  Those that are `acyclic` never
lead back to themselves, so the collector of reference cycles need not know them.  A value that a capture which
began too late leaves unknown is UNKNOWN.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from mypy_extensions import i64, mypyc_attr

C2S: Final = 0
S2C: Final = 1
DIRECTIONS: Final = ("c2s", "s2c")

UNKNOWN: Final = -1

# Message types: protocol control (RTMP 5.4), user control (6.2), the rest (7.1); 7 is in no text.
SET_CHUNK_SIZE: Final = 1
ABORT: Final = 2
ACKNOWLEDGEMENT: Final = 3
USER_CONTROL: Final = 4
WINDOW_ACK_SIZE: Final = 5
SET_PEER_BANDWIDTH: Final = 6
EDGE_ORIGIN: Final = 7
AUDIO: Final = 8
VIDEO: Final = 9
DATA_AMF3: Final = 15
SHARED_OBJECT_AMF3: Final = 16
COMMAND_AMF3: Final = 17
DATA_AMF0: Final = 18
SHARED_OBJECT_AMF0: Final = 19
COMMAND_AMF0: Final = 20
AGGREGATE: Final = 22

# The types of one body in its two encodings, and all whose bodies are AMF: applications fill them with what they like.
DATA_TYPES: Final = frozenset((DATA_AMF3, DATA_AMF0))
SHARED_OBJECT_TYPES: Final = frozenset((SHARED_OBJECT_AMF3, SHARED_OBJECT_AMF0))
COMMAND_TYPES: Final = frozenset((COMMAND_AMF3, COMMAND_AMF0))
AMF_TYPES: Final = DATA_TYPES | SHARED_OBJECT_TYPES | COMMAND_TYPES

# TCP flag bits (RFC 9293, 3.1).
FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
ACK: Final = 0x10


class Severity(IntEnum):
    """Wireshark's five levels of expert information, mildest first."""

    COMMENT = 0
    CHAT = 1
    NOTE = 2
    WARNING = 3
    ERROR = 4


SEVERITIES: Final = tuple([severity.name.lower() for severity in Severity])


class Note:
    """Something worth a word: what, how bad, and a sentence that says what it means and what to do."""

    __slots__ = ("code", "severity", "text")

    def __init__(self, code: str, severity: Severity, text: str) -> None:
        self.code: Final = code
        self.severity: Final = severity
        self.text: Final = text

    def __repr__(self) -> str:
        return f"Note({self.code!r}, {self.severity.name}, {self.text!r})"


class Field:
    """One decoded value and where it stood: a node of a message's field tree.

    name      the specification's word, or the wire's key
    value     None for a group, else bool, int, float, str or bytes
    start,    byte range in the message's payload
    end
    text      what the value means in words, never the wire's own text; may be empty
    kind      how it was encoded where that matters: an AMF type name, "list" for a plain list, "" otherwise
    children  the parts, in wire order
    """

    __slots__ = ("name", "value", "start", "end", "text", "kind", "children")

    def __init__(
        self,
        name: str,
        value: object = None,
        start: int = 0,
        end: int = 0,
        text: str = "",
        kind: str = "",
        children: list[Field] | None = None,
    ) -> None:
        self.name = name
        self.value = value
        self.start = start
        self.end = end
        self.text = text
        self.kind = kind
        self.children: list[Field] = [] if children is None else children

    def child(self, name: str) -> Field | None:
        """The first child of that name."""
        for field in self.children:
            if field.name == name:
                return field
        return None

    def get(self, name: str) -> object:
        """The value of the first child of that name, None where there is none."""
        field = self.child(name)
        return None if field is None else field.value

    def __repr__(self) -> str:
        inside = f", {self.children!r}" if self.children else ""
        return f"Field({self.name!r}, {self.value!r}, {self.start}:{self.end}, kind={self.kind!r}{inside})"


@mypyc_attr(acyclic=True)
class Packet:
    """One captured frame.  `data` is cut out of its file block only when somebody asks for it.

    `link_type` is libpcap's LINKTYPE number; `captured` bytes of the frame stand in `block` from `start` on, and
    `wire_length` bytes it had on the wire.
    """

    __slots__ = ("number", "time_ns", "link_type", "block", "start", "captured", "wire_length")

    def __init__(
        self,
        number: i64,
        time_ns: i64,
        link_type: i64,
        block: bytes,
        start: i64,
        captured: i64,
        wire_length: i64,
    ) -> None:
        self.number = number
        self.time_ns = time_ns
        self.link_type = link_type
        self.block = block
        self.start = start
        self.captured = captured
        self.wire_length = wire_length

    @property
    def data(self) -> bytes:
        return self.block[self.start : self.start + self.captured]


@mypyc_attr(acyclic=True)
class Segment:
    """One TCP segment, still inside the block it was read in.

    `packet` is the number of the packet that brought it.  `key` is source address, destination address, source port,
    destination port, as they stood in the packet (see rtmpscope.net.address); `length` counts the payload bytes that
    were captured, `cut` those that the snaplen removed; seq, ack, flags and window are those of RFC 9293, 3.1.
    `offset` is the place of the payload in its stream and `ready` the packet that allowed its delivery (a
    later one where the segment waited behind a hole); reassembly writes both.
    """

    __slots__ = (
        "packet", "time_ns", "key", "seq", "ack", "flags", "window", "block", "start", "length", "cut", "offset",
        "ready",
    )  # fmt: skip

    def __init__(
        self,
        packet: i64,
        time_ns: i64,
        key: bytes,
        seq: i64,
        ack: i64,
        flags: i64,
        window: i64,
        block: bytes,
        start: i64,
        length: i64,
        cut: i64,
    ) -> None:
        self.packet = packet
        self.time_ns = time_ns
        self.key = key
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.window = window
        self.block = block
        self.start = start
        self.length = length
        self.cut = cut
        self.offset: i64 = 0
        self.ready = packet

    @property
    def payload(self) -> bytes:
        return self.block[self.start : self.start + self.length]

    def detach(self) -> None:
        """Hold the payload alone: what waits must not keep all that was read along with it."""
        self.block = self.payload
        self.start = 0


@mypyc_attr(acyclic=True)
class StreamData:
    """Consecutive bytes of one direction, with the segments that brought them, in stream order.

    `offset` is the place of the first byte in the stream, counted from the byte after the SYN.
    """

    __slots__ = ("offset", "data", "segments")

    def __init__(self, offset: i64, data: bytes, segments: list[Segment]) -> None:
        self.offset = offset
        self.data = data
        self.segments = segments


class StreamGap:
    """Bytes of one direction that the capture does not hold; packet and time say when that was certain.

    `reason` is "capture_loss", "network_loss", "snaplen" or "mid_stream": see rtmpscope.net.reassembly.
    """

    __slots__ = ("offset", "length", "reason", "packet", "time_ns")

    def __init__(self, offset: i64, length: i64, reason: str, packet: i64, time_ns: i64) -> None:
        self.offset = offset
        self.length = length
        self.reason = reason
        self.packet = packet
        self.time_ns = time_ns


class StreamEnd:
    """The end of one direction: fin, rst, idle, capture_end or given_up.

    `packet` and `time_ns` are those of the FIN or RST where there was one; `ready` is the packet with which nothing
    before it was waited for any longer.  `acked` is the offset in the other direction up to which a FIN acknowledges,
    the FIN there counted as one byte more; UNKNOWN for other ends.
    """

    __slots__ = ("offset", "how", "packet", "time_ns", "ready", "acked")

    def __init__(self, offset: i64, how: str, packet: i64, time_ns: i64, ready: i64) -> None:
        self.offset = offset
        self.how = how
        self.packet = packet
        self.time_ns = time_ns
        self.ready = ready
        self.acked: i64 = UNKNOWN


@mypyc_attr(acyclic=True)
class Event:
    """What a sink receives.

    `packet` and `time_ns` say where it stands on the wire; `ready` is the packet with which it became certain,
    later than `packet` where bytes came out of order or more had to be read first.  Events come in that order.
    """

    __slots__ = ("connection", "direction", "packet", "time_ns", "ready", "notes")

    def __init__(self, connection: i64, direction: i64, packet: i64, time_ns: i64) -> None:
        self.connection = connection
        self.direction = direction
        self.packet = packet
        self.time_ns = time_ns
        self.ready = packet
        self.notes: list[Note] | None = None

    def note(self, code: str, severity: Severity, text: str) -> None:
        """Add a note to the event."""
        if self.notes is None:
            self.notes = []
        self.notes.append(Note(code, severity, text))

    def worst(self) -> int:
        """The gravest severity among the notes, UNKNOWN where there is none."""
        return UNKNOWN if not self.notes else max(int(note.severity) for note in self.notes)


@mypyc_attr(acyclic=True)
class Opened(Event):
    """A connection was recognised; its facts are in the engine's list of connections."""

    __slots__ = ()


@mypyc_attr(acyclic=True)
class Handshake(Event):
    """One handshake part, "C0" to "S2": its bytes `data`, from the stream offset `offset` on.

    version is the number in C0 or S0 and what C1 or S1 calls itself, such as "9.0.124.2", "" where it says nothing;
    style is "simple" or "digest"; digest_block is 8, 772 or UNKNOWN for none; echo, for C2 and S2, is "exact",
    "random", "digest" or "none".
    """

    __slots__ = ("part", "version", "style", "digest_block", "echo", "offset", "data")

    def __init__(
        self, connection: i64, direction: i64, packet: i64, time_ns: i64, part: str, offset: i64, data: bytes
    ) -> None:
        super().__init__(connection, direction, packet, time_ns)
        self.part = part
        self.offset = offset
        self.data = data
        self.version = ""
        self.style = "simple"
        self.digest_block = UNKNOWN
        self.echo = "none"


class Call:
    """A command and its answer: one object shared by both messages, completed when the answer comes.

    name is the command's; request and answer are the numbers of the messages, answer 0 while there is none, and
    latency_ns has no meaning before.
    """

    __slots__ = ("name", "request", "request_time_ns", "answer", "answer_time_ns")

    def __init__(self, name: str, request: int, request_time_ns: int) -> None:
        self.name = name
        self.request = request
        self.request_time_ns = request_time_ns
        self.answer = 0
        self.answer_time_ns = 0

    @property
    def latency_ns(self) -> int:
        """From request to answer."""
        return self.answer_time_ns - self.request_time_ns


@mypyc_attr(acyclic=True)
class Message(Event):
    """One RTMP message, as the chunk stream carried it (RTMP 5.3).

    number         from 1, in the order of the events
    fmt, csid      of its first chunk header; `chunks` is how many chunks carried it
    type_id        see rtmpscope.rtmp.messages.TYPES
    timestamp      absolute, in milliseconds, modulo 2**32
    length         payload bytes as declared, of which the capture holds `captured`
    body           the decoded payload; None for audio and video until somebody describes the message
    call           what links a request and its answer
    aggregate      the number of the aggregate it was part of, 0 for none
    aborted        the sender sent Abort (5.4.2) before it was complete
    chunk_headers  only where the engine reads in detail

    packet and time_ns are those of the last byte, first_packet and first_time_ns those of the first chunk
    header.  `payload` holds the captured bytes one after the other; `holes` lists (place in the message,
    length) of the bytes that are missing between them.  Where `whole` is False only the first captured bytes
    of a media message were kept: opening its row replays the rest.  `offset` is the stream offset of the
    first chunk header, which together with connection and direction names the message for good.
    """

    __slots__ = (
        "number", "fmt", "csid", "type_id", "message_stream_id", "timestamp", "length", "captured", "chunks",
        "first_packet", "first_time_ns", "offset", "payload", "whole", "holes", "body", "call", "aggregate",
        "aborted", "chunk_headers", "parts",
    )  # fmt: skip

    def __init__(
        self,
        connection: i64,
        direction: i64,
        packet: i64,
        time_ns: i64,
        fmt: i64,
        csid: i64,
        type_id: i64,
        message_stream_id: i64,
        timestamp: i64,
        length: i64,
        payload: bytes,
    ) -> None:
        super().__init__(connection, direction, packet, time_ns)
        self.number: i64 = 0
        self.fmt = fmt
        self.csid = csid
        self.type_id = type_id
        self.message_stream_id = message_stream_id
        self.timestamp = timestamp
        self.length = length
        self.captured = length
        self.chunks: i64 = 1
        self.first_packet = packet
        self.first_time_ns = time_ns
        self.offset: i64 = 0
        self.payload = payload
        self.whole = True
        self.holes: list[tuple[int, int]] | None = None
        self.body: Field | None = None
        self.call: Call | None = None
        self.aggregate: i64 = 0
        self.aborted = False
        self.chunk_headers: list[ChunkHeader] | None = None
        self.parts: list[Message] | None = None  # of an aggregate, until they are events of their own

    @property
    def prefix(self) -> bytes:
        """The payload up to the first missing byte: what a decoder may read."""
        if not self.holes:
            return self.payload
        return self.payload[: self.holes[0][0]]


class ChunkHeader:
    """One chunk of a message, kept only when a row is opened.

    offset and size are those of the header in the stream, payload_start and payload_size those of what it
    carried within the message; timestamp is the field as sent (absolute or delta), UNKNOWN for fmt 3.
    """

    __slots__ = (
        "offset", "size", "fmt", "csid", "timestamp", "extended", "payload_start", "payload_size", "packet",
        "time_ns",
    )  # fmt: skip

    def __init__(
        self,
        offset: i64,
        size: i64,
        fmt: i64,
        csid: i64,
        timestamp: i64,
        extended: bool,
        payload_start: i64,
        payload_size: i64,
        packet: i64,
        time_ns: i64,
    ) -> None:
        self.offset = offset
        self.size = size
        self.fmt = fmt
        self.csid = csid
        self.timestamp = timestamp
        self.extended = extended
        self.payload_start = payload_start
        self.payload_size = payload_size
        self.packet = packet
        self.time_ns = time_ns


@mypyc_attr(acyclic=True)
class Gap(Event):
    """Bytes that are missing: how many, why, and how many more were skipped until the parse was sure again.

    resumed is UNKNOWN where the direction never got sure again; confidence is from 0 to 100.
    """

    __slots__ = ("offset", "length", "reason", "resumed", "confidence")

    def __init__(
        self, connection: i64, direction: i64, packet: i64, time_ns: i64, offset: i64, length: i64, reason: str
    ) -> None:
        super().__init__(connection, direction, packet, time_ns)
        self.offset = offset
        self.length = length
        self.reason = reason
        self.resumed: i64 = UNKNOWN
        self.confidence: i64 = 100


@mypyc_attr(acyclic=True)
class End(Event):
    """The end of one direction; `incomplete` counts the bytes of messages that were still unfinished.

    how and acked are those of StreamEnd; chunk_headers are those of such messages, where the headers of all chunks are
    kept.
    """

    __slots__ = ("how", "incomplete", "offset", "acked", "chunk_headers")

    def __init__(
        self, connection: i64, direction: i64, packet: i64, time_ns: i64, how: str, incomplete: i64, offset: i64
    ) -> None:
        super().__init__(connection, direction, packet, time_ns)
        self.how = how
        self.incomplete = incomplete
        self.offset = offset
        self.acked: i64 = UNKNOWN
        self.chunk_headers: list[ChunkHeader] = []


class Verdict:
    """How far a session got and why it stopped there; the keys are those of the JSON trace."""

    __slots__ = ("role", "reached", "outcome", "code", "message", "text")

    def __init__(self, role: str, reached: str, outcome: str, code: str | None, message: int | None, text: str) -> None:
        self.role: Final = role
        self.reached: Final = reached
        self.outcome: Final = outcome
        self.code: Final = code
        self.message: Final = message
        self.text: Final = text


class TcpStats:
    """What the TCP layer of one direction tells about a stall.

    Segments: packets, syns, retransmissions (a packet that was captured twice is none), out_of_order, zero_windows,
    resets; conflicts are retransmissions with other bytes than the first copy.  bytes are those of payload,
    retransmitted ones included; lost_bytes are in `gaps` holes.
    """

    __slots__ = (
        "packets", "syns", "bytes", "retransmissions", "out_of_order", "zero_windows", "resets", "conflicts", "gaps",
        "lost_bytes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.packets: i64 = 0
        self.syns: i64 = 0
        self.bytes: i64 = 0
        self.retransmissions: i64 = 0
        self.out_of_order: i64 = 0
        self.zero_windows: i64 = 0
        self.resets: i64 = 0
        self.conflicts: i64 = 0
        self.gaps: i64 = 0
        self.lost_bytes: i64 = 0


class Endpoint:
    """An address in its usual notation and a port."""

    __slots__ = ("address", "port")

    def __init__(self, address: str, port: int) -> None:
        self.address: Final = address
        self.port: Final = port

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Connection:
    """One TCP connection and what is known about it so far.

    carries says what its bytes are: "rtmp", or "nothing", "http", "ssh", "tls", "rtmpe", "policy_file", "unknown".
    client_known_by says how the client was told from the server: "syn", "handshake", "port" or "guess".
    counts[direction][type_id] are the messages so far; stream_bytes[direction] the bytes of the direction seen;
    tcp[direction] what TCP tells; tcp_rtt_ns the time from the SYN to the ACK that ends TCP's handshake, UNKNOWN where
    not seen; clock_ns how far the times of the server's packets are ahead of those of the client's, as TCP's handshake
    shows it where they were taken from two clocks, from the packet clock_packet on; ends[direction] how it ended (see
    End), "" while it goes on; note_counts the notes by code; gaps and lost_bytes count both directions.  missed_ns is
    when the capture was last found to miss packets of any connection, UNKNOWN before its end.
    analysis holds the annotators of this connection by name (see rtmpscope.plugins).
    """

    __slots__ = (
        "id", "client", "server", "client_known_by", "transport", "carries", "packet", "time_ns", "last_time_ns",
        "counts", "stream_bytes", "tcp", "tcp_rtt_ns", "clock_ns", "clock_packet", "ends", "note_counts", "gaps",
        "lost_bytes", "missed_ns", "analysis",
    )  # fmt: skip

    def __init__(
        self, id: int, client: Endpoint, server: Endpoint, client_known_by: str, packet: int, time_ns: int
    ) -> None:
        self.id: Final = id
        self.client = client
        self.server = server
        self.client_known_by = client_known_by
        self.transport = "rtmp"
        self.carries = "rtmp"
        self.packet = packet
        self.time_ns = time_ns
        self.last_time_ns = time_ns
        self.counts: tuple[dict[int, int], ...] = ({}, {})
        self.stream_bytes: list[int] = [0, 0]
        self.tcp: tuple[TcpStats, ...] = (TcpStats(), TcpStats())
        self.tcp_rtt_ns = UNKNOWN
        self.clock_ns = 0
        self.clock_packet = UNKNOWN
        self.ends: list[str] = ["", ""]
        self.note_counts: dict[str, int] = {}
        self.gaps = 0
        self.lost_bytes = 0
        self.missed_ns = UNKNOWN
        self.analysis: dict[str, object] = {}

    def client_ns(self, direction: int, time_ns: int) -> int:
        """When something was sent, by the client's clock."""
        return time_ns if direction == C2S else time_ns - self.clock_ns

    def ahead_ns(self, packet: int) -> int:
        """clock_ns as far as it is known with a packet: batches must not change what an event means."""
        return self.clock_ns if packet >= self.clock_packet else 0
