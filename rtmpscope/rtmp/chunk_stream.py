"""What is known of one csid: the header that later ones refer to, and the message under way (RTMP 5.3)."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.model import (
    COMMAND_AMF0,
    COMMAND_AMF3,
    SHARED_OBJECT_AMF0,
    SHARED_OBJECT_AMF3,
    UNKNOWN,
    ChunkHeader,
    Message,
    Segment,
    Severity,
)

# Parts of a payload that are held as they came.
LOOSE_PARTS: Final = 64

# Types that come on different message streams by turns, so that what they inherit after a loss is not certain.
STREAMLESS: Final = (SHARED_OBJECT_AMF3, COMMAND_AMF3, SHARED_OBJECT_AMF0, COMMAND_AMF0)

# Kinds of messages with inherited headers that are remembered for each csid.
HABITS: Final = 4


class Habit:
    """What messages of a csid looked like whose headers said "as before": type, length, first payload byte."""

    __slots__ = ("type_id", "length", "first_byte")

    def __init__(self, type_id: i64, length: i64, first_byte: i64) -> None:
        self.type_id = type_id
        self.length = length
        self.first_byte = first_byte


class ChunkStream:
    """One csid: its header history and the message under way (remaining > 0).

    stale: bytes were lost since its last full header, so what fmt 2 and 3 inherit is no longer certain until so many
    of them were borne out by what followed.
    orphan: stale, and its messages span chunks, so a fmt 3 may go on with a message nobody knows the rest of.
    """

    __slots__ = (
        "csid", "seen", "stale", "inherited", "orphan", "timestamp", "last_timestamp", "delta", "absolute", "extended",
        "extended_value", "length", "type_id", "message_stream_id", "acknowledged", "first_byte", "habits",
        "learned", "remaining", "fmt", "offset", "first_packet", "first_time_ns", "last_packet", "last_time_ns",
        "chunks", "captured", "keep", "undecided", "whole", "parts", "loose", "holes", "headers", "notes",
    )  # fmt: skip

    def __init__(self, csid: i64) -> None:
        self.csid = csid
        self.seen = False
        self.stale: i64 = 0
        self.inherited = False  # the message under way has its length from a header of before the loss
        self.orphan = False
        self.timestamp: i64 = UNKNOWN
        self.last_timestamp: i64 = UNKNOWN
        self.delta: i64 = 0
        self.absolute = False  # the delta is the timestamp of a fmt 0 header
        self.extended = False
        self.extended_value: i64 = 0
        self.length: i64 = 0
        self.type_id: i64 = UNKNOWN
        self.message_stream_id: i64 = UNKNOWN
        self.acknowledged: i64 = 0  # the last number of type 3
        self.first_byte: i64 = UNKNOWN
        self.habits: list[Habit] = []
        self.learned: i64 = UNKNOWN  # the length last remembered
        self.remaining: i64 = 0
        self.fmt: i64 = 0
        self.offset: i64 = 0
        self.first_packet: i64 = 0
        self.first_time_ns: i64 = 0
        self.last_packet: i64 = 0
        self.last_time_ns: i64 = 0
        self.chunks: i64 = 0
        self.captured: i64 = 0
        self.keep: i64 = 0  # payload bytes still to be kept
        self.undecided = False  # until the head is there, which tells whether the rest is wanted
        self.whole = True
        self.parts: list[bytes] = []
        self.loose: i64 = 0  # the last parts that are as short as they came
        self.holes: list[tuple[int, int]] | None = None
        self.headers: list[ChunkHeader] | None = None
        self.notes: list[tuple[str, Severity, str]] | None = None

    def copy(self) -> ChunkStream:
        other = ChunkStream(self.csid)
        other.seen = self.seen
        other.stale = self.stale
        other.inherited = self.inherited
        other.orphan = self.orphan
        other.timestamp = self.timestamp
        other.last_timestamp = self.last_timestamp
        other.delta = self.delta
        other.absolute = self.absolute
        other.extended = self.extended
        other.extended_value = self.extended_value
        other.length = self.length
        other.type_id = self.type_id
        other.message_stream_id = self.message_stream_id
        other.acknowledged = self.acknowledged
        other.first_byte = self.first_byte
        other.habits = list(self.habits)
        other.learned = self.learned
        other.remaining = self.remaining
        other.fmt = self.fmt
        other.offset = self.offset
        other.first_packet = self.first_packet
        other.first_time_ns = self.first_time_ns
        other.last_packet = self.last_packet
        other.last_time_ns = self.last_time_ns
        other.chunks = self.chunks
        other.captured = self.captured
        other.keep = self.keep
        other.undecided = self.undecided
        other.whole = self.whole
        other.parts = list(self.parts)
        other.loose = self.loose
        other.holes = None if self.holes is None else list(self.holes)
        other.headers = None if self.headers is None else list(self.headers)
        other.notes = None if self.notes is None else list(self.notes)
        return other

    def begin(self, fmt: i64, offset: i64, first: Segment) -> None:
        """Open the message that a header at a stream offset begins; `first` brought the first byte of it."""
        if self.stale and fmt and self.type_id in STREAMLESS:
            self.message_stream_id = UNKNOWN
        self.seen = True
        self.inherited = self.stale > 0 and fmt >= 2
        self.stale = self.stale - 1 if self.inherited else 0
        self.orphan = False
        self.last_timestamp = self.timestamp
        self.fmt = fmt
        self.remaining = self.length
        self.offset = offset
        self.first_packet = first.packet
        self.first_time_ns = first.time_ns
        self.chunks = 1
        self.captured = 0
        self.keep = self.length
        self.whole = True
        self.reach(first)

    def reach(self, last: Segment) -> None:
        """Remember what brought the last byte so far of a message that is not complete."""
        self.last_packet = last.packet
        self.last_time_ns = last.time_ns

    def miss(self, count: i64) -> None:
        """So many bytes of the payload are missing here."""
        place = self.length - self.remaining
        if self.holes is None:
            self.holes = []
        if self.holes and self.holes[-1][0] + self.holes[-1][1] == place:
            self.holes[-1] = (self.holes[-1][0], self.holes[-1][1] + count)
        else:
            self.holes.append((place, count))
        self.remaining -= count

    def message(self, connection: i64, direction: i64, payload: bytes, packet: i64, time_ns: i64) -> Message:
        """The message that was under way, as far as it was captured; its last byte came with `packet`."""
        message = Message(
            connection, direction, packet, time_ns, self.fmt, self.csid, self.type_id, self.message_stream_id,
            self.timestamp, self.length, payload,
        )  # fmt: skip
        message.offset = self.offset
        message.first_packet = self.first_packet
        message.first_time_ns = self.first_time_ns
        message.chunks = self.chunks
        message.captured = self.captured
        message.whole = self.whole
        if self.holes is not None:
            message.holes = self.holes
            self.holes = None
        if self.headers is not None:
            message.chunk_headers = self.headers
            self.headers = None
        if self.notes is not None:
            for code, severity, text in self.notes:
                message.note(code, severity, text)
            self.notes = None
        return message

    def hold(self, part: bytes) -> None:
        """Keep a part of the payload; of many short ones is made a longer one, for an object takes 40 bytes."""
        self.parts.append(part)
        self.loose += 1
        if self.loose == LOOSE_PARTS:
            self.parts[-LOOSE_PARTS:] = [b"".join(self.parts[-LOOSE_PARTS:])]
            self.loose = 0

    def release(self) -> bytes:
        """The payload that was kept, which is not held any more."""
        parts = self.parts
        if not parts:
            return b""
        self.parts = []
        self.loose = 0
        return b"".join(parts)  # the part itself where there is one

    def learn(self) -> None:
        """Remember what is inherited here: after a loss it is likely to be inherited again."""
        for habit in self.habits:
            if habit.type_id == self.type_id and habit.length == self.length:
                habit.first_byte = self.first_byte
                return
        self.habits.append(Habit(self.type_id, self.length, self.first_byte))
        if len(self.habits) > HABITS:
            self.habits.pop(0)

    def adopt(self, habit: Habit) -> None:
        """Suppose that the next message is like those."""
        self.type_id = habit.type_id
        self.length = habit.length
        self.first_byte = habit.first_byte

    def note(self, code: str, severity: Severity, text: str) -> None:
        """Keep a note for the message under way."""
        if self.notes is None:
            self.notes = []
        self.notes.append((code, severity, text))
