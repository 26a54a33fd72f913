"""The stages in a row: packets in, annotated events out.

A batch is decoded, reassembled and parsed side by side; then the events of all sides are merged by the
packet with which each became certain, and everything that looks at more than one side (numbers, handshake
grades, bodies, annotators) runs over that order.  Where a batch ends is invisible in the result.

The engine opens nothing, reads no clock and prints nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import Final

from mypy_extensions import i64

from rtmpscope.conversation import Conversation
from rtmpscope.limits import CONNECTIONS, HELD_BYTES, TRIALS
from rtmpscope.model import (
    AGGREGATE,
    AUDIO,
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
    Packet,
    Segment,
    Severity,
)
from rtmpscope.net.address import endpoints
from rtmpscope.net.decode import Decoder
from rtmpscope.net.reassembly import LINGER_NS, SEGMENT_BYTES, Flow, Reassembler, Side
from rtmpscope.plugins import Annotators, OnMessage, Registry
from rtmpscope.rtmp import aggregate, handshake

RTMP_PORTS: Final = frozenset({1935})

# Annotators of types below this are found by index; RTMP has no others, but the wire may say any.
USUAL_TYPES: Final = 23

# Bytes of memory that a byte of traffic may take while it waits, at most.
GROWTH: Final = 64

# Of a connection that has been let go.
_NO_ANNOTATORS: Final = Annotators({}, [])
_ON_NO_MESSAGE: Final[list[list[OnMessage]]] = [[] for _ in range(USUAL_TYPES)]


class Engine:
    """feed() packets, finish() once; the list `connections` grows as connections are recognised.

    ports             those on which every connection is reported, RTMP or not; elsewhere content decides
    whole_payloads    keeps the complete payload of audio and video messages
    in_detail         keeps the header of every chunk too
    most_connections  how many are kept; later ones are not shown
    most_trials       of how many more the content may still have to decide
    most_held         bytes that may wait for more in all of them
    """

    def __init__(
        self,
        registry: Registry,
        *,
        ports: frozenset[int] = RTMP_PORTS,
        whole_payloads: bool = False,
        in_detail: bool = False,
        most_connections: int = CONNECTIONS,
        most_trials: int = TRIALS,
        most_held: int = HELD_BYTES,
    ) -> None:
        self.connections: Final[list[Connection]] = []
        self._registry: Final = registry
        self._ports: Final = ports
        self._whole: Final = whole_payloads
        self._detail: Final = in_detail
        self._most_connections: Final = most_connections
        self._most_trials: Final = most_trials
        self._most_held: Final = most_held
        self._room: i64 = most_held // GROWTH  # bytes that may come until what is held is looked at
        self._decoder: Final = Decoder()
        self._reassembler: Final = Reassembler()
        self._conversations: Final[dict[int, Conversation]] = {}
        self._trials: Final[dict[int, Conversation]] = {}  # those of no number yet, the oldest first
        self._annotators: Final[list[Annotators]] = []
        self._on_message: Final[list[list[list[OnMessage]]]] = []  # by connection and type
        self._handshakes: Final[dict[int, list[Handshake]]] = {}
        self._messages: i64 = 0
        self._missed_ns = UNKNOWN  # when packets were last found missing
        self._over: Final[deque[Conversation]] = deque()
        self.touched: list[Conversation] = []  # those that the last packets were about

    def feed(self, packets: list[Packet]) -> list[Event]:
        """What these packets made certain, in order."""
        self.touched = []
        segments = self._decoder.decode(packets)
        events: list[Event] = []
        while True:
            due = self._due(segments)
            if due == len(segments):
                return events + self._advance(self._reassembler.feed(segments))
            events += self._advance(self._reassembler.feed(segments[:due]))
            events += self._hold_less()
            segments = segments[due:]

    def finish(self) -> list[Event]:
        """The capture is over: what was still open, with its end."""
        events = self._advance(self._reassembler.finish())
        for connection in self.connections:
            connection.missed_ns = self._missed_ns
        return events

    def describe(self, event: Event) -> Field:
        """The field tree of an event; byte ranges are within its payload."""
        if isinstance(event, Message):
            return event.body if event.body is not None else self._registry.decode(event)
        if isinstance(event, Handshake):
            return handshake.describe(event)
        return Field("event", None)

    def _advance(self, flows: list[Flow]) -> list[Event]:
        """Read what these flows have ready, one by one; then look at the events of all of them in their order."""
        active = self._numbered(self._read(flows))
        self.touched += active
        lists: list[list[Event]] = []
        for conversation in active:
            self._update(conversation)
            for events in conversation.take():
                if events:
                    lists.append(events)
        events = merge(lists)
        aggregates = 0
        for event in events:
            self._process(event)
            if isinstance(event, Message) and event.parts is not None:
                aggregates += 1
        if self._over:
            self._release(self._reassembler.clock)
        return events if aggregates == 0 else _with_parts(events)

    def _read(self, flows: list[Flow]) -> list[Conversation]:
        """Read each flow as far as it is ready; those that are worth reporting."""
        active: list[Conversation] = []
        for flow in flows:
            conversation = self._conversations.get(flow.id)
            if conversation is None:
                conversation = self._meet(flow)
            conversation.advance()
            if conversation.id == UNKNOWN:
                if flow.ignored:
                    self._forget(conversation)
                    continue
                if conversation.opened_ready == UNKNOWN:
                    continue
                del self._trials[flow.id]
            if flow.over and conversation.over_ns == UNKNOWN:
                conversation.over_ns = flow.over_ns
                self._over.append(conversation)
            active.append(conversation)
        return active

    def _numbered(self, active: list[Conversation]) -> list[Conversation]:
        """Number those that are new, in the order in which they became worth reporting, while there is room."""
        new = [conversation for conversation in active if conversation.id == UNKNOWN]
        new.sort(key=_opened_ready)
        for conversation in new:
            if len(self.connections) < self._most_connections:
                self._open(conversation)
            else:
                self._refuse(conversation)
                active.remove(conversation)
        return active

    def _due(self, segments: list[Segment]) -> int:
        """How many segments are read before what is held is looked at: by bytes, so that batches decide nothing."""
        room = self._room
        for count, segment in enumerate(segments):
            if room < 0:
                self._room = room
                return count
            room -= segment.length + SEGMENT_BYTES // GROWTH
        self._room = room
        return len(segments)

    def _hold_less(self) -> list[Event]:
        """Where too much is held, end the connections that hold most, until a quarter is free."""
        holding = [(conversation.held_bytes, conversation) for conversation in self._conversations.values()]
        total = sum([held for held, _ in holding])
        given_up: list[Conversation] = []
        if total > self._most_held:
            text = f"more than {self._most_held >> 20} MiB waited for more bytes: those with most are not read on"
            self._limit_reached("limit-held-bytes", text)
            holding.sort(key=_held, reverse=True)
            for held, conversation in holding:
                if total <= self._most_held * 3 // 4:
                    break
                total -= held
                given_up.append(conversation)
        for conversation in self._conversations.values():
            for side in conversation.flow.sides:
                side.forget_recent()
        self._room = (self._most_held - total) // GROWTH
        now = self._reassembler.last_time_ns
        for conversation in given_up:
            conversation.flow.finish("given_up", self._reassembler.last_packet, now)
        events = self._advance([conversation.flow for conversation in given_up])
        for conversation in given_up:
            self._let_go(conversation)
        return events

    def _release(self, now: i64) -> None:
        """Let go of connections that have been over for so long that nothing more of them is read."""
        over = self._over  # the first to end are the first here
        for _ in range(len(over)):
            conversation = over[0]
            if now - conversation.over_ns <= LINGER_NS:
                break
            over.popleft()
            if conversation.searching or conversation.over_ns < conversation.flow.over_ns:
                conversation.over_ns = conversation.flow.over_ns
                over.append(conversation)
            else:
                self._let_go(conversation)

    def _let_go(self, conversation: Conversation) -> None:
        """Nothing more of a connection is read: keep its facts alone."""
        self._forget(conversation)
        conversation.release()
        self._handshakes.pop(conversation.id, None)
        if conversation.id != UNKNOWN:
            self._annotators[conversation.id] = _NO_ANNOTATORS
            self._on_message[conversation.id] = _ON_NO_MESSAGE

    def _refuse(self, conversation: Conversation) -> None:
        """There are more connections than can be kept."""
        most = f"{self._most_connections:,}"
        text = f"more than {most} connections: those after the first {most} are not shown"
        self._limit_reached("limit-connections", text)
        self._forget(conversation)

    def _meet(self, flow: Flow) -> Conversation:
        """Wait for what a new flow carries; where too many wait, the oldest is given up."""
        conversation = Conversation(flow, self._ports, self._whole)
        if self._detail:
            conversation.in_detail()
        self._conversations[flow.id] = conversation
        self._trials[flow.id] = conversation
        if len(self._trials) > self._most_trials:
            text = f"more than {self._most_trials:,} connections that may be RTMP: the oldest are not read on"
            self._limit_reached("limit-trials", text)
            self._forget(next(iter(self._trials.values())))
        return conversation

    def _limit_reached(self, code: str, text: str) -> None:
        """Say so, once in a run."""
        if all([problem.code != code for problem in self._registry.problems]):
            self._registry.problems.append(Note(code, Severity.WARNING, text))

    def _forget(self, conversation: Conversation) -> None:
        """Read a connection no further, as if it had never been met but for its key in the reassembler."""
        self._conversations.pop(conversation.flow.id, None)
        self._trials.pop(conversation.flow.id, None)
        self._reassembler.forget(conversation.flow)

    def _open(self, conversation: Conversation) -> None:
        """Give a connection its number and its annotators; the event that says so comes before all it has said."""
        flow = conversation.flow
        number = len(self.connections)
        source, destination = endpoints(flow.sides[conversation.client_side].key)
        connection = Connection(number, source, destination, conversation.client_known_by, flow.packet, flow.time_ns)
        client = conversation.client_side
        connection.tcp = (flow.sides[client].stats, flow.sides[1 - client].stats)
        self.connections.append(connection)
        annotators = self._registry.annotators_for(connection)
        self._annotators.append(annotators)
        other = annotators.on_other_message
        self._on_message.append([annotators.on_message.get(type_id, other) for type_id in range(USUAL_TYPES)])
        self._handshakes[number] = []
        conversation.settle(number)
        event = Opened(number, 0, flow.packet, flow.time_ns)
        event.ready = conversation.opened_ready
        conversation.held[client].insert(0, event)

    def _update(self, conversation: Conversation) -> None:
        """Copy what the lower stages know by now onto the connection."""
        flow = conversation.flow
        connection = self.connections[conversation.id]
        connection.carries = conversation.carries
        connection.tcp_rtt_ns = flow.rtt_ns
        connection.clock_ns = flow.clock_ns
        connection.clock_packet = flow.clock_packet
        for index in (0, 1):
            side = flow.sides[index]
            direction = 0 if index == conversation.client_side else 1
            connection.stream_bytes[direction] = side.offset
            if side.conflicts:
                _note_conflicts(side, conversation.held[index])

    def _process(self, event: Event) -> None:
        connection = self.connections[event.connection]
        connection.last_time_ns = max(connection.last_time_ns, event.time_ns)
        if isinstance(event, Message):
            self._process_message(event, connection)
            if event.type_id == AGGREGATE:
                event.parts = parts_of(event)
                for part in event.parts:
                    self._process_message(part, connection)
                    _count_notes(part, connection)
        elif isinstance(event, Handshake):
            before = self._handshakes[connection.id]
            handshake.grade(before, event)
            before.append(event)
            for on_handshake in self._annotators[connection.id].on_handshake:
                on_handshake(event)
        elif isinstance(event, Gap):
            connection.gaps += 1
            if event.reason == "capture_loss":
                self._missed_ns = event.time_ns
            connection.lost_bytes += event.length
            for on_gap in self._annotators[connection.id].on_gap:
                on_gap(event)
        elif isinstance(event, End):
            connection.ends[event.direction] = event.how
            for on_end in self._annotators[connection.id].on_end:
                on_end(event)
        if event.notes is not None:
            _count_notes(event, connection)

    def _process_message(self, message: Message, connection: Connection) -> None:
        self._messages += 1
        message.number = self._messages
        type_id = message.type_id
        counts = connection.counts[message.direction]
        counts[type_id] = counts.get(type_id, 0) + 1
        if type_id != AUDIO and type_id != VIDEO:
            message.body = self._registry.decode(message)
        if type_id < USUAL_TYPES:
            listening = self._on_message[message.connection][type_id]
        else:
            annotators = self._annotators[message.connection]
            listening = annotators.on_message.get(type_id, annotators.on_other_message)
        for on_message in listening:
            on_message(message, message.body)


def _note_conflicts(side: Side, events: list[Event]) -> None:
    """Say of retransmissions that differ on the next event of their side, whatever batch it comes in."""
    for event in events:
        count = bisect_right(side.conflicts, event.ready)
        if count:
            event.note(
                "retransmission-differs",
                Severity.WARNING,
                f"{count} retransmitted segments differ from what was sent first; the first copy was kept",
            )
            del side.conflicts[:count]


def merge(lists: list[list[Event]]) -> list[Event]:
    """Lists that are each in order, as one; of equals, those of the earlier list come first."""
    if not lists:
        return []
    while len(lists) > 1:
        pairs: list[list[Event]] = []
        for index in range(0, len(lists) - 1, 2):
            pairs.append(_merge_two(lists[index], lists[index + 1]))
        if len(lists) % 2:
            pairs.append(lists[-1])
        lists = pairs
    return lists[0]


def _merge_two(first: list[Event], second: list[Event]) -> list[Event]:
    out: list[Event] = []
    at: i64 = 0
    count: i64 = len(second)
    for event in first:
        while at < count and second[at].ready < event.ready:
            out.append(second[at])
            at += 1
        out.append(event)
    out.extend(second[at:])
    return out


def _with_parts(events: list[Event]) -> list[Event]:
    """The parts of aggregates as events of their own, each right after its aggregate."""
    out: list[Event] = []
    for event in events:
        out.append(event)
        if isinstance(event, Message) and event.parts is not None:
            out.extend(event.parts)
            event.parts = None
    return out


def parts_of(whole: Message) -> list[Message]:
    """The messages inside an aggregate, as if each had been sent alone (7.1.6)."""
    messages: list[Message] = []
    payload = whole.prefix
    for part in aggregate.parts(payload, whole.length, whole.timestamp):
        message = Message(
            whole.connection, whole.direction, whole.packet, whole.time_ns, whole.fmt, whole.csid, part.type_id,
            whole.message_stream_id, part.timestamp if whole.timestamp != UNKNOWN else UNKNOWN, part.length,
            payload[part.start : part.end],
        )  # fmt: skip
        message.ready = whole.ready
        message.offset = whole.offset
        message.first_packet = whole.first_packet
        message.first_time_ns = whole.first_time_ns
        message.chunks = 0
        message.aggregate = whole.number
        missing = part.length - (part.end - part.start)
        if missing:
            message.captured = part.length - missing
            message.holes = [(part.end - part.start, missing)]
        messages.append(message)
    return messages


def _count_notes(event: Event, connection: Connection) -> None:
    for note in event.notes or ():
        connection.note_counts[note.code] = connection.note_counts.get(note.code, 0) + 1


def _held(holding: tuple[int, Conversation]) -> int:
    return holding[0]


def _opened_ready(conversation: Conversation) -> int:
    return conversation.opened_ready
