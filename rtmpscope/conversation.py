"""One TCP connection as RTMP: whether it is, who is the client, and what each side says.

A connection on an RTMP port is reported from its first packet; its first bytes say whether it carries RTMP or
what else.  On any other port both sides are read on trial, and nothing is reported until there is proof: a
handshake whose blocks are what they must be on both sides, or several messages that the recovery is sure of.
Without proof within the first bytes the connection is ignored.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.limits import TRIAL_BYTES
from rtmpscope.model import (
    C2S,
    COMMAND_TYPES,
    S2C,
    UNKNOWN,
    Event,
    Handshake,
    Message,
    StreamData,
    StreamEnd,
    StreamGap,
)
from rtmpscope.net.address import ports as ports_of
from rtmpscope.net.reassembly import Flow, StreamItem
from rtmpscope.rtmp.handshake import BLOCK_SIZE, DIGEST_SIZE, ENCRYPTED_VERSIONS, PLAIN_VERSION, sender
from rtmpscope.rtmp.reader import DirectionReader, looks_like_handshake
from rtmpscope.rtmp.segments import index_at

# On other ports: messages that count as proof.
PROOF_MESSAGES: Final = 3

# What a connection may carry for its sides to be read.
READABLE: Final = ("nothing", "rtmp", "rtmpe")

HTTP_WORDS: Final = (b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"CONN", b"HTTP")

CLIENT_WORDS: Final = (
    b"connect",
    b"createStream",
    b"publish",
    b"play",
    b"releaseStream",
    b"FCPublish",
    b"deleteStream",
)
SERVER_WORDS: Final = (b"_result", b"_error", b"onStatus", b"onBWDone", b"onFCPublish")

# Bytes of a handshake block that every echo repeats: not the times before them, nor what may be a digest behind.
ECHOED_FROM: Final = 8
ECHOED_TO: Final = BLOCK_SIZE - DIGEST_SIZE


def carried(data: bytes, from_start: bool) -> str:
    """What the first bytes of a connection are: rtmp, rtmpe, http, ssh, tls, policy_file or unknown."""
    if from_start and data[0] == PLAIN_VERSION:
        return "rtmp"
    if from_start and data[0] in ENCRYPTED_VERSIONS:
        return "rtmpe"
    if 0x14 <= data[0] <= 0x17 and data[1:2] == b"\x03" and data[2:3] <= b"\x04":
        return "tls"
    if data[:4] in HTTP_WORDS:
        return "http"
    if data[:4] == b"SSH-":
        return "ssh"
    if data[:7] == b"<policy":
        return "policy_file"
    return "unknown" if from_start else "rtmp"


class Conversation:
    """Reads the two sides of a flow.  Directions are side indexes until `settle` has named the client.

    opened_ready is the packet with which the connection became worth reporting, UNKNOWN until then.
    """

    __slots__ = (
        "flow", "on_port", "readers", "client_side", "client_known_by", "carries", "certain", "opened_ready", "id",
        "held", "begun", "unread", "over_ns", "spent",
    )  # fmt: skip

    def __init__(self, flow: Flow, ports: frozenset[int], whole: bool) -> None:
        self.flow: Final = flow
        self.id: i64 = UNKNOWN
        source, destination = ports_of(flow.sides[0].key)
        self.on_port: Final = source in ports or destination in ports
        self.client_side: i64 = flow.client
        self.client_known_by = "syn"
        if flow.client == UNKNOWN:
            self.client_known_by = "port" if self.on_port else "guess"
            self.client_side = 1 if source in ports or (not self.on_port and source < destination) else 0
        self.readers = (DirectionReader(UNKNOWN, 0, whole), DirectionReader(UNKNOWN, 1, whole))
        self.carries = "nothing"
        self.certain = False  # by bytes from the start of a side
        self.opened_ready: i64 = flow.packet if self.on_port else UNKNOWN
        self.held: list[list[Event]] = [[], []]
        self.begun = [False, False]
        self.unread = [UNKNOWN, UNKNOWN]  # the stream offset from which on a side is not read: it is not RTMP
        self.over_ns: i64 = UNKNOWN  # when both sides had ended, as far as the engine has looked
        self.spent: i64 = UNKNOWN  # the packet with which the trial was over, for want of bytes or of patience

    @property
    def quiet(self) -> bool:
        """Whether the state is simple enough to be copied."""
        return all(side.quiet for side in self.flow.sides) and all(reader.in_sync for reader in self.readers)

    @property
    def searching(self) -> bool:
        """Whether what came after the end still waits for a decision."""
        waits = any(side.waiting for side in self.flow.sides)
        return waits or any(reader.recovery is not None or reader.late for reader in self.readers)

    @property
    def held_bytes(self) -> int:
        """Memory that waits for more bytes, and for proof."""
        held = 0
        for side, reader in zip(self.flow.sides, self.readers, strict=True):
            held += side.held_bytes + reader.held_bytes
            if self.id == UNKNOWN:
                held += min(side.offset, TRIAL_BYTES)
        return held

    def copy(self) -> Conversation:
        """The state from which the conversation can be read again; only while it is quiet."""
        other = Conversation(self.flow.copy(), frozenset(), False)
        other.id = self.id
        other.client_side = self.client_side
        other.carries = self.carries
        other.certain = self.certain
        other.opened_ready = self.opened_ready
        other.begun = [True, True]
        other.unread = list(self.unread)
        other.readers = (self.readers[0].snapshot(), self.readers[1].snapshot())
        return other

    def release(self) -> None:
        """The connection is over: let go of what reading it needed."""
        self.readers = _NO_READERS
        for side in self.flow.sides:
            side.forget_recent()

    def in_detail(self) -> None:
        """Keep every payload and every chunk header from now on."""
        for reader in self.readers:
            reader.parser.whole = True
            reader.parser.detail = True

    def read_up_to(self, direction: int) -> int:
        """The stream offset before which every message of a direction has begun."""
        reader = self.readers[self.client_side if direction == C2S else 1 - self.client_side]
        return reader.position

    def advance(self) -> None:
        """Read what the flow has ready into `held`, one list of events for each side."""
        taken = (self.flow.sides[0].take(), self.flow.sides[1].take())
        if not (self.begun[0] and self.begun[1]):
            self._begin(taken)
        for index in (0, 1):
            out = self.held[index]
            reader = self.readers[index]
            for item in taken[index]:
                if self.unread[index] == UNKNOWN or item.offset < self.unread[index] or isinstance(item, StreamEnd):
                    reader.feed(item, out)
            if reader.encrypted and self.carries == "rtmp":
                self.carries = "rtmpe"
        if self.opened_ready == UNKNOWN:
            for items in taken:
                self._spend(items)
            self._judge()

    def settle(self, id: i64) -> None:
        """The connection has a number: name the directions, in what was held and in what is to come."""
        self.id = id
        client = self.client_side
        for index in (0, 1):
            direction = C2S if index == client else S2C
            reader = self.readers[index]
            reader.name(id, direction)
            for event in self.held[index]:
                event.connection = id
                event.direction = direction
                if event.ready < self.opened_ready:
                    event.ready = self.opened_ready
                if isinstance(event, Handshake):
                    event.part = ("C" if direction == C2S else "S") + event.part[1]

    def take(self) -> list[list[Event]]:
        """The events held, client's side first."""
        held = self.held
        self.held = [[], []]
        return held if self.client_side == 0 else [held[1], held[0]]

    def _begin(self, taken: tuple[list[StreamItem], list[StreamItem]]) -> None:
        """The first bytes of a side decide whether it is read, and those of the first side what the connection carries.

        Bytes from the middle of a stream are no more than a guess: where it is RTMP the other side may correct it.
        """
        first = [item for index in (0, 1) if not self.begun[index] for item in _first_data(taken[index])]
        first.sort(key=_ready_data)
        for item in first:
            index = 0 if item in taken[0] else 1
            self.begun[index] = True
            from_start = item.offset == 0 and not self._is_late(index, taken[index])
            if self.carries == "nothing" or (from_start and not self.certain and self.carries in READABLE):
                self.carries = carried(_first_segment(item), from_start)
                self.certain = from_start
            if self.carries not in READABLE:
                self.unread[index] = item.offset
                self.flow.ignored = not self.on_port and not self._is_read(1 - index)

    def _is_read(self, index: i64) -> bool:
        return self.begun[index] and self.unread[index] == UNKNOWN

    def _is_late(self, index: i64, items: list[StreamItem]) -> bool:
        if self.readers[index].late:
            return True
        return any(isinstance(item, StreamGap) and item.reason == "mid_stream" for item in items)

    def _judge(self) -> None:
        """Look for proof, event by event in the order in which they became certain."""
        events = [event for side in self.held for event in side]
        events.sort(key=_ready)
        messages = 0
        parts: dict[str, Handshake] = {}
        for event in events:
            if self.spent != UNKNOWN and event.ready > self.spent:
                break
            if isinstance(event, Message) and event.offset < TRIAL_BYTES:
                messages += 1
            elif isinstance(event, Handshake):
                parts[f"{event.direction}{event.part[1]}"] = event
            if messages >= PROOF_MESSAGES or _is_proof(parts):
                self.opened_ready = event.ready
                if self.flow.client == UNKNOWN:
                    self._guess_client([one for one in events if one.ready <= event.ready])  # later ones came by chance
                return
        if self.flow.ignored or self.spent != UNKNOWN:
            self.flow.ignored = True
            self.held = [[], []]

    def _spend(self, items: list[StreamItem]) -> None:
        """Note where a side ends or says more than a trial takes: by packets, so that batches decide nothing."""
        for item in items:
            if isinstance(item, StreamEnd):
                spent = item.ready
            elif isinstance(item, StreamGap):
                if item.offset + item.length <= TRIAL_BYTES:
                    continue
                spent = item.packet
            elif item.offset + len(item.data) > TRIAL_BYTES:
                spent = item.segments[index_at(item.segments, TRIAL_BYTES)].ready
            else:
                continue
            if self.spent == UNKNOWN or spent < self.spent:
                self.spent = spent

    def _guess_client(self, events: list[Event]) -> None:
        """No SYN and no known port: what is said tells who is who."""
        blocks = [event for event in events if isinstance(event, Handshake) and event.part[1] == "1"]
        for block in blocks:
            direction = sender(block.data)
            if direction != UNKNOWN:
                self._know_client(block.direction if direction == C2S else 1 - block.direction)
                return
        if len(blocks) == 2:
            self._know_client(blocks[0].direction)  # the server begins when it has C0 (5.2.1)
            return
        for event in events:
            if isinstance(event, Message) and event.type_id in COMMAND_TYPES:
                name = event.payload.removeprefix(b"\0")[3:24]  # a format selector, then the string's marker and length
                if name.startswith(SERVER_WORDS):
                    self.client_side = 1 - event.direction
                    return
                if name.startswith(CLIENT_WORDS):
                    self.client_side = event.direction
                    return

    def _know_client(self, side: i64) -> None:
        self.client_side = side
        self.client_known_by = "handshake"


_NO_READERS: Final = (DirectionReader(UNKNOWN, 0, False), DirectionReader(UNKNOWN, 1, False))


def _is_proof(parts: dict[str, Handshake]) -> bool:
    """Whether both sides sent first blocks, and one was answered or both are what they must be.

    Parts are named by the index of their side and their number: "12" is what side 1 answered.
    """
    first = parts.get("01")
    second = parts.get("11")
    if first is None or second is None:
        return False
    blocks = [b"\x03" + part.data for part in (first, second)]
    answered = any(
        answer is not None and answer.data[ECHOED_FROM:ECHOED_TO] == asked.data[ECHOED_FROM:ECHOED_TO]
        for answer, asked in ((parts.get("02"), second), (parts.get("12"), first))
    )
    return answered or all(looks_like_handshake(block) for block in blocks)


def _first_data(items: list[StreamItem]) -> list[StreamData]:
    """The first bytes among the items of a side, if there are any."""
    for item in items:
        if isinstance(item, StreamData):
            return [item]
    return []


def _first_segment(item: StreamData) -> bytes:
    """The bytes that came first: what came with them by chance does not count."""
    segment = item.segments[0]
    return item.data[: segment.offset + segment.length - item.offset]


def _ready_data(item: StreamData) -> int:
    return item.segments[0].ready


def _ready(event: Event) -> int:
    return event.ready
