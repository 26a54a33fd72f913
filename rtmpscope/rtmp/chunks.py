"""The chunk stream of one direction: bytes in, messages out (RTMP 5.3).

The parser keeps one ChunkStream per csid: what its last header said, and the message that is being
collected on it.  It reads a header in the order of the specification's figures (basic header, message
header, extended timestamp), then as many payload bytes as the chunk holds.  Of big audio and video
messages only the first bytes are kept; runs of full continuation chunks are not walked one by one but
checked by a single strided slice over their header bytes.

It never guesses silently.  Where the bytes contradict what came before it stops and says so in `trouble`;
after bytes are missing, skip() says whether the place in the stream is still SURE, a GUESS or LOST.  What
to do then is decided in resync, which tries forks of the parser on the bytes that follow.  A fork on
trial weighs every header (see evidence) until it has collected `needed` bits.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.bits import u16le, u24, u32, u32le
from rtmpscope.limits import PARTIAL_BYTES
from rtmpscope.media.tag import wants_whole
from rtmpscope.model import (
    ABORT,
    ACKNOWLEDGEMENT,
    AUDIO,
    COMMAND_AMF0,
    COMMAND_AMF3,
    SET_CHUNK_SIZE,
    SHARED_OBJECT_AMF0,
    SHARED_OBJECT_AMF3,
    UNKNOWN,
    VIDEO,
    ChunkHeader,
    Message,
    Segment,
    Severity,
)
from rtmpscope.rtmp.chunk_stream import ChunkStream
from rtmpscope.rtmp.evidence import CLEAR_BITS, IMPOSSIBLE, LARGEST_SEARCHED, PEEK, UNLIMITED, payload_bits, unseen_bits
from rtmpscope.rtmp.plausibility import header_bits, is_doubtful, looks_cut, may_inherit
from rtmpscope.rtmp.segments import index_at

DEFAULT_CHUNK_SIZE: Final = 128

# Bytes of a plain audio or video message that are kept: enough for every tag header.
HEAD_BYTES: Final = 64

# What parse() may stop at.
NO_TROUBLE: Final = 0
DOUBT: Final = 1  # this header is unlikely; what follows will tell
CHUNK_SIZE_UNKNOWN: Final = 2  # this message may or may not be cut into chunks
LOST_SYNC: Final = 3  # this cannot be a header
UNSEEN: Final = 4  # a short header on a csid of which no full one was seen

# What skip() answers.
SURE: Final = 0
GUESS: Final = 1
LOST: Final = 2

# Continuation headers that are looked at together, at first.
RUN: Final = 32

# Types that come on different message streams by turns, so that what they inherit after a loss is not certain.
STREAMLESS: Final = (SHARED_OBJECT_AMF3, COMMAND_AMF3, SHARED_OBJECT_AMF0, COMMAND_AMF0)

# A continuation header that stands where it must.
CONTINUATION_BITS: Final = 8

# A message that begins where a segment does: senders write message by message.
SEGMENT_BITS: Final = 8

# What must follow a header that rests on something uncertain.
PROOF_BITS: Final = 20

# What a header must bring before megabytes are awaited that could bear it out.
LONG_BITS: Final = 30

# A field that is not there yet.
AWAITED: Final = -2

MESSAGE_HEADER_SIZES: Final[tuple[int, ...]] = (11, 7, 3, 0)
EXTENDED: Final = 0xFFFFFF


class ChunkParser:
    """The state of one direction's chunk stream.

    whole keeps every payload, detail records each chunk's header.  `out` collects the messages; `floor` is the
    packet before which none of them may be called certain.
    """

    __slots__ = (
        "connection", "direction", "whole", "detail", "out", "floor", "chunk_size", "chunk_size_sure", "uncut",
        "streams", "base", "current", "left", "skip_header", "kept", "framed", "trouble", "trouble_ready",
        "minded_end", "distrust", "unproven", "exempt", "trial", "bits", "needed", "proof", "weighed_ready",
        "data", "end", "origin", "final", "segments", "cursor", "repeats_extended",
    )  # fmt: skip

    def __init__(self, connection: i64, direction: i64, whole: bool) -> None:
        self.connection = connection
        self.direction = direction
        self.whole = whole
        self.detail = False
        self.out: list[Message] = []
        self.floor: i64 = 0
        self.chunk_size: i64 = DEFAULT_CHUNK_SIZE
        self.chunk_size_sure = True
        self.uncut: i64 = 0  # while it is not: messages up to this length are one chunk for certain
        self.streams: dict[i64, ChunkStream] = {}
        self.base: ChunkParser | None = None
        self.current: ChunkStream | None = None
        self.left: i64 = 0  # payload bytes of the current chunk still to come
        self.skip_header: i64 = 0  # header bytes behind a hole that are not payload
        self.kept: i64 = 0
        self.framed: i64 = 0  # bytes that belonged to chunks
        self.trouble: i64 = NO_TROUBLE
        self.trouble_ready: i64 = 0  # the packet with which it was there
        self.minded_end = False  # something was decided because the bytes end there
        self.distrust = False  # synchronisation was lost before: headers are looked at more closely
        self.unproven: i64 = 0  # on trial: bits that must follow the first header, whose chunk size is a guess
        self.exempt = False  # take the next header as it is
        self.trial = False
        self.bits: i64 = 0
        self.needed: i64 = 0
        self.proof: i64 = 0  # bits that must be reached because the last message rests on something uncertain
        self.weighed_ready: i64 = 0
        # What parse() was given: `origin` is the stream offset of data[0].
        self.data = b""
        self.end: i64 = 0
        self.origin: i64 = 0
        self.final = False
        self.segments: list[Segment] = []
        self.cursor: i64 = 0
        self.repeats_extended: bool | None = None  # in fmt 3 headers; None before any was seen

    # ---------------------------------------------------------------- forks

    def fork(self) -> ChunkParser:
        """A parser that goes on from here without touching this one; streams are copied when first used."""
        other = ChunkParser(self.connection, self.direction, self.whole)
        other.detail = self.detail
        other.floor = self.floor
        other.chunk_size = self.chunk_size
        other.chunk_size_sure = self.chunk_size_sure
        other.uncut = self.uncut
        other.base = self
        if self.current is not None:
            other.current = other._stream(self.current.csid)
        other.left = self.left
        other.skip_header = self.skip_header
        other.kept = self.kept
        other.framed = self.framed
        other.distrust = self.distrust
        other.repeats_extended = self.repeats_extended
        return other

    def fork_with(self, chunk_size: i64) -> ChunkParser:
        """The same with another chunk size, which also holds for a first chunk under way."""
        other = self.fork()
        other.chunk_size = chunk_size
        stream = other.current
        if stream is not None and stream.remaining and stream.chunks == 1 and chunk_size != self.chunk_size:
            other.left = min(stream.length, chunk_size) - (stream.length - stream.remaining)
        return other

    def branch(self, chunk_size: i64) -> ChunkParser:
        """The same for a parser on trial, with the evidence and the messages that it has so far."""
        other = self.fork_with(chunk_size)
        other.out = list(self.out)
        other.trial = self.trial
        other.bits = self.bits
        other.needed = self.needed
        other.proof = self.proof
        other.weighed_ready = self.weighed_ready
        return other

    @property
    def at_header(self) -> bool:
        """Whether the next byte is that of a chunk header."""
        return self.left == 0 and self.skip_header == 0

    def assume(self, csid: i64) -> ChunkStream:
        """A stream that counts as seen although no header of it was, to be filled in by a hypothesis."""
        stream = self._stream(csid)
        stream.seen = True
        return stream

    def copy(self) -> ChunkParser:
        """A parser that goes on from here and shares nothing with this one."""
        other = self.fork()
        for csid, stream in self.streams.items():
            if csid not in other.streams:
                other.streams[csid] = stream.copy()
        other.base = None
        return other

    def settle(self) -> ChunkParser:
        """Take over what the parsers hold that this one came from; they are not used any more."""
        base = self.base
        if base is not None:
            base.settle()
            base.streams.update(self.streams)
            self.streams = base.streams
            self.base = None
        return self

    def _stream(self, csid: i64) -> ChunkStream:
        stream = self.streams.get(csid)
        if stream is None:
            base = self.base
            while base is not None and csid not in base.streams:
                base = base.base
            stream = ChunkStream(csid) if base is None else base.streams[csid].copy()
            self.streams[csid] = stream
        return stream

    # ---------------------------------------------------------------- bytes

    def parse(self, data: bytes, pos: i64, origin: i64, segments: list[Segment], final: bool) -> i64:
        """Read chunks from data[pos:], whose first byte stands at stream offset `origin` + pos.

        Returns the place of the first byte not used: the start of a header that is not complete yet, or of
        one that gives `trouble`.  final: nothing will follow these bytes directly.
        """
        self.data = data
        self.end = len(data)
        self.origin = origin
        self.final = final
        self.segments = segments
        self.cursor = index_at(segments, origin + pos)
        self.trouble = NO_TROUBLE
        self.minded_end = False
        if self.skip_header:
            skipped = min(self.skip_header, self.end - pos)
            self.skip_header -= skipped
            self.framed += skipped
            pos += skipped
        while pos < self.end:
            if self.left:
                pos = self._payload(pos)
            else:
                after = self._header(pos)
                if after < 0:
                    break
                self.framed += after - pos
                pos = after
        self.data = b""
        return pos

    def _header(self, pos: i64) -> i64:
        """Read one chunk header (5.3.1); its end, or -1 where it is incomplete or gives trouble."""
        data, end = self.data, self.end
        first: i64 = data[pos]
        fmt = first >> 6
        csid = first & 63
        at = pos + 1
        if csid < 2:
            # one more byte, or two with the low one first
            if end - at < csid + 1:
                return -1
            if csid == 0:
                second: i64 = data[at]
                csid = second + 64
                at += 1
            else:
                csid = u16le(data, at) + 64
                at += 2
        current = self.current
        stream = current if current is not None and current.csid == csid else self._stream(csid)
        return self._continue(stream, pos, at) if fmt == 3 else self._open(stream, fmt, pos, at)

    def _open(self, stream: ChunkStream, fmt: i64, pos: i64, at: i64) -> i64:
        """The message header of fmt 0, 1 or 2, behind the basic header (5.3.1.2): a new message."""
        data = self.data
        size: i64 = MESSAGE_HEADER_SIZES[fmt]
        if self.end - at < size:
            return -1
        value = u24(data, at)
        length = stream.length
        type_id = stream.type_id
        message_stream_id = stream.message_stream_id
        if fmt < 2:
            length = u24(data, at + 3)
            type_id = data[at + 6]
            if fmt == 0:
                message_stream_id = u32le(data, at + 7)
        elif not stream.seen:
            self._meet_unseen(stream.csid, value, pos, at + size)
            return -1
        at += size
        extended = value == EXTENDED
        if extended:
            if self.end - at < 4:
                return -1
            value = u32(data, at)
            at += 4
        if not self._accept(stream, fmt, value, length, type_id, message_stream_id, pos, at):
            return -1
        if stream.remaining:
            text = "a new message began on this csid before this one was complete"
            self._cut_short(stream, self._ready(self.origin + at - 1), "message-restarted", text)
        stream.extended = extended
        stream.extended_value = value
        stream.length = length
        if type_id != stream.type_id:
            stream.type_id = type_id
            stream.first_byte = UNKNOWN
        stream.message_stream_id = message_stream_id
        self._tell_time(stream, fmt, value)
        self._begin(stream, fmt, pos)
        if self.detail:
            self._record(stream, fmt, value, pos, at)
        if length == 0:
            self._complete(stream, self.origin + at - 1)
        return at

    def _tell_time(self, stream: ChunkStream, fmt: i64, value: i64) -> None:
        """The timestamp of a message with a header of its own: absolute, or the delta to the one before."""
        stream.delta = value
        stream.absolute = fmt == 0
        if fmt == 0:
            stream.timestamp = value
        elif stream.timestamp != UNKNOWN:
            stream.timestamp = (stream.timestamp + value) & 0xFFFFFFFF
        if fmt == 1 and not (stream.seen or self.distrust):
            # Nothing was missed: what is inherited is zero, as nginx reads it.
            stream.note("fmt-without-history", Severity.NOTE, "the first chunk on this csid has no full header")
            stream.timestamp = value
            stream.message_stream_id = 0

    def _continue(self, stream: ChunkStream, pos: i64, at: i64) -> i64:
        """A fmt 3 header: the next chunk of the message under way, or a new message like the one before."""
        if not stream.seen:
            self._meet_unseen(stream.csid, 0, pos, at)
            return -1
        if stream.orphan and not self.exempt:
            # The middle of a message, unless a payload clearly begins here.
            shown = self._shown(min(stream.length, PEEK), at)
            if shown < 0:
                return -1
            if payload_bits(stream.type_id, stream.length, self.data, at, shown, stream.first_byte) < CLEAR_BITS:
                self._weigh(5, at + shown)
                self._stop(LOST_SYNC, self.origin + at + shown)
                return -1
        value: i64 = UNKNOWN
        if stream.extended:
            value = self._repeated_timestamp(stream, at)
            if value == AWAITED:
                return -1
        after = at if value == UNKNOWN else at + 4
        if stream.remaining:
            self._go_on(stream, value, after)
        elif self._accept(stream, 3, 0, stream.length, stream.type_id, stream.message_stream_id, pos, after):
            self._advance(stream, value)
            self._begin(stream, 3, pos)
        else:
            return -1
        if stream.extended:
            self._learn_repetition(stream, value != UNKNOWN)
        if self.detail:
            self._record(stream, 3, value, pos, after)
        if stream.length == 0:
            self._complete(stream, self.origin + after - 1)
        return after

    def _go_on(self, stream: ChunkStream, value: i64, after: i64) -> None:
        """The next chunk of the message under way; it bears out the chunk size, but not where the message ends."""
        self._weigh(0 if stream.inherited else CONTINUATION_BITS, after)
        if stream.extended and value == UNKNOWN and stream.notes is None and not self.trial:
            stream.note(
                "extended-timestamp-not-repeated",
                Severity.NOTE,
                "continuation chunks leave the extended timestamp out, as old OBS and rtmpdump do;"
                " readers that insist on it lose sync here",
            )
        stream.chunks += 1
        self.current = stream
        self.left = min(stream.remaining, self.chunk_size)

    def _learn_repetition(self, stream: ChunkStream, repeated: bool) -> None:
        if repeated and self.repeats_extended is None and not self.trial:
            stream.note(
                "extended-timestamp-repeated",
                Severity.NOTE,
                "fmt 3 chunks repeat the extended timestamp, as they should;"
                " readers that do not expect it take it for payload",
            )
        self.repeats_extended = repeated

    def _shown(self, wanted: i64, at: i64) -> i64:
        """How many of so many payload bytes there are to look at; -1 where the rest is still to come."""
        if wanted <= self.end - at:
            return wanted
        if not self.final:
            return -1
        self.minded_end = True
        return self.end - at

    def _meet_unseen(self, csid: i64, delta: i64, pos: i64, at: i64) -> None:
        """What a short header on an unknown csid refers to was said before the capture began."""
        if self.trial:
            shown = self._shown(PEEK, at)
            if shown < 0:
                return
            bits = unseen_bits(csid, delta, self.data, at, shown)
            if self._begins_segment(self.origin + pos):
                bits += SEGMENT_BITS
            self._weigh(bits, at + shown)
        self._stop(UNSEEN, self.origin + at)

    def _repeated_timestamp(self, stream: ChunkStream, at: i64) -> i64:
        """The extended timestamp behind a fmt 3 header; UNKNOWN where there is none, AWAITED while that is open.

        5.3.1.3 repeats the field; many writers do not, so it must say what is expected.
        """
        if self.end - at >= 4:
            value = u32(self.data, at)
            if self._is_extended_timestamp(stream, value):
                return value
        elif self._may_begin_timestamp(stream, at, self.end):
            if not self.final or self.repeats_extended is not False:
                return AWAITED
            self.minded_end = True
            return UNKNOWN
        if (stream.remaining if stream.remaining else stream.length) < 4:
            # What tells them apart may stand behind the end of the message.
            told = at + 1
            while told < at + 4 and self._may_begin_timestamp(stream, at, told):
                told += 1
            self.floor = max(self.floor, self._ready(self.origin + told - 1))
        return UNKNOWN

    def _may_begin_timestamp(self, stream: ChunkStream, at: i64, end: i64) -> bool:
        """Whether up to four bytes behind a fmt 3 header may be the beginning of the extended timestamp."""
        if stream.remaining == 0 and self.repeats_extended:
            return True  # of a new message it may be another one
        missing = 8 * (4 - (end - at))
        value: i64 = int.from_bytes(self.data[at:end], "big")
        return value == stream.extended_value >> missing or value == stream.timestamp >> missing

    def _is_extended_timestamp(self, stream: ChunkStream, value: i64) -> bool:
        if value == stream.extended_value or value == stream.timestamp:
            return True
        if stream.remaining or not self.repeats_extended or stream.timestamp == UNKNOWN:
            return False
        # Some writers put the new absolute time before a message that begins with fmt 3 (livego).
        ahead: i64 = (value - stream.timestamp) & 0xFFFFFFFF
        return ahead < 60_000 or ahead == stream.delta

    def _advance(self, stream: ChunkStream, value: i64) -> None:
        """The timestamp of a message that begins with fmt 3: one more delta (5.3.1.2.4)."""
        if stream.timestamp == UNKNOWN:
            return
        if value != UNKNOWN and value != stream.extended_value:
            stream.timestamp = value
            stream.extended_value = value
            return
        if stream.absolute and stream.delta:
            if stream.extended:
                stream.note(
                    "ambiguous-fmt3",
                    Severity.NOTE,
                    "fmt 3 begins a message right after an absolute extended timestamp; read as the same time",
                )
                return
            stream.note(
                "ambiguous-fmt3",
                Severity.NOTE,
                "fmt 3 begins a message right after fmt 0: by the specification the timestamp counts again as delta,"
                " some software means no change",
            )
        stream.timestamp = (stream.timestamp + stream.delta) & 0xFFFFFFFF

    def _accept(
        self, stream: ChunkStream, fmt: i64, value: i64, length: i64, type_id: i64, message_stream_id: i64,
        pos: i64, at: i64,
    ) -> bool:  # fmt: skip
        """Whether a header that begins a message may be believed; if not, trouble says why or more is needed."""
        if self.trial:
            if not self._accept_on_trial(stream, fmt, value, length, type_id, message_stream_id, pos, at):
                return False
        elif not self.exempt and is_doubtful(stream, self.distrust, fmt, value, length, type_id, message_stream_id):
            self._stop(DOUBT, self.origin + at)
            return False
        elif self.may_be_cut(length):
            self._stop(CHUNK_SIZE_UNKNOWN, self.origin + at)
            return False
        self.exempt = False
        return True

    def _accept_on_trial(
        self, stream: ChunkStream, fmt: i64, value: i64, length: i64, type_id: i64, message_stream_id: i64,
        pos: i64, at: i64,
    ) -> bool:  # fmt: skip
        """The same on trial: with the bits that the header and the payload behind it bring."""
        data = self.data
        may_be_cut = self.may_be_cut(length)
        visible = min(length, PEEK)
        if self.chunk_size_sure:
            visible = min(visible, self.chunk_size)
        wanted = self._shown(max(visible, min(length, LARGEST_SEARCHED)) if may_be_cut else visible, at)
        if wanted < 0:
            return False
        visible = min(visible, wanted)
        bits = header_bits(stream, fmt, value, length, type_id, message_stream_id)
        bits += payload_bits(type_id, length, data, at, visible, stream.first_byte)
        if bits > 0 and self._begins_segment(self.origin + pos):
            bits += SEGMENT_BITS
        if length > LARGEST_SEARCHED and self.bits + bits < LONG_BITS and not self.exempt:
            bits = IMPOSSIBLE
        uncertain = stream.stale > 0 and fmt >= 2
        inherited = not uncertain or may_inherit(stream, data, at, visible)
        early = self._is_read_early(stream, fmt, pos)
        if self.exempt and inherited and not early:
            bits = max(bits, 0)
        elif bits < 0 or stream.remaining or not inherited or early:
            self._weigh(0, at + wanted)
            self._stop(LOST_SYNC, self.origin + at)
            return False
        if uncertain and self.bits > 0 and self.bits + bits >= max(self.needed, self.proof):
            # That it stands here bears out all before it; what it inherits is a question of its own.
            self._weigh(bits, at + wanted)
            self._stop(DOUBT, self.origin + at)
            return False
        if self.unproven or uncertain:
            # What this header says of lengths must be borne out by what comes next.
            self.proof = self.bits + bits + max(self.unproven, PROOF_BITS)
            self.unproven = 0
        self._weigh(bits, at + wanted)
        if not may_be_cut:
            return True
        if not self.exempt and not (self.trial and wanted <= self.chunk_size):
            self._stop(CHUNK_SIZE_UNKNOWN, self.origin + at)
            return False
        if not self.exempt and looks_cut(self.chunk_size, data, at, wanted, data[pos] | 0xC0):
            self.proof = self.bits + PROOF_BITS
        self.uncut = max(self.uncut, wanted)
        return True

    def _is_read_early(self, stream: ChunkStream, fmt: i64, pos: i64) -> bool:
        """Whether a long basic header (5.3.1.1) of an unknown csid ends with what is a header of a known one.

        All else would be the same if it began there, behind the last byte of a payload.
        """
        if stream.csid < 64 or stream.seen:
            return False
        last: i64 = self.data[pos + 1 + (self.data[pos] & 63)]
        return last >> 6 == fmt and self._stream(last & 63).seen

    def may_be_cut(self, length: i64) -> bool:
        """Whether it is not certain how many chunks a message of that length has."""
        return length > self.uncut and not self.chunk_size_sure

    def _weigh(self, bits: i64, examined: i64) -> None:
        """Add evidence to a trial; with enough of it the trial is over.  `examined`: the place behind the last byte."""
        if not self.trial:
            return
        self.bits += bits
        self.weighed_ready = max(self.weighed_ready, self._ready(self.origin + examined - 1))
        if self.bits >= self.needed and self.bits >= self.proof and not self._awaits_end():
            self.trial = False

    def _awaits_end(self) -> bool:
        """Whether a message is under way whose length only what stands behind its end can bear out."""
        return any([stream.inherited and stream.remaining > 0 for stream in self.streams.values()])

    def _stop(self, trouble: i64, end: i64) -> None:
        """The header that ends at a stream offset gives trouble."""
        self.trouble = trouble
        self.trouble_ready = self._ready(end - 1)

    def _begins_segment(self, offset: i64) -> bool:
        return self.segments[index_at(self.segments, offset)].offset == offset

    def _begin(self, stream: ChunkStream, fmt: i64, pos: i64) -> None:
        """Open a message whose header stands at `pos`."""
        segment = self._segment(self.origin + pos)
        if stream.stale and fmt and stream.type_id in STREAMLESS:
            stream.message_stream_id = UNKNOWN
        stream.seen = True
        stream.inherited = stream.stale > 0 and fmt >= 2
        stream.stale = stream.stale - 1 if stream.inherited else 0
        stream.orphan = False
        stream.last_timestamp = stream.timestamp
        stream.fmt = fmt
        stream.remaining = stream.length
        stream.offset = self.origin + pos
        stream.first_packet = segment.packet
        stream.first_time_ns = segment.time_ns
        stream.last_packet = segment.packet
        stream.last_time_ns = segment.time_ns
        stream.chunks = 1
        stream.captured = 0
        stream.keep = stream.length
        stream.whole = True
        self.current = stream
        self.left = min(stream.length, self.chunk_size)
        stream.undecided = stream.length > HEAD_BYTES and AUDIO <= stream.type_id <= VIDEO and not self.whole

    def _payload(self, pos: i64) -> i64:
        """Take what is there of the current chunk, and full chunks of the same message that follow it."""
        data = self.data
        stream = self.current
        assert stream is not None
        take = min(self.left, self.end - pos)
        if stream.captured == 0 and stream.holes is None:
            stream.first_byte = data[pos]
            if stream.fmt >= 2 and stream.length != stream.learned:
                stream.learned = stream.length
                stream.learn()
        if stream.undecided and stream.captured + take >= HEAD_BYTES:
            self._decide(stream, data[pos : pos + max(0, HEAD_BYTES - stream.captured)])
        if take == stream.length and stream.keep == take:
            # All of it at once, as most messages come.
            self.left = 0
            self.framed += take
            stream.captured = take
            stream.remaining = 0
            pos += take
            segment = self._segment(self.origin + pos - 1)
            self._finish(stream, data[pos - take : pos], segment)
            return pos
        if stream.keep:
            kept = min(take, stream.keep)
            stream.hold(data[pos : pos + kept])
            stream.keep -= kept
            self.kept += kept
            if self.kept > PARTIAL_BYTES:
                self._shed()
        pos += take
        self.left -= take
        self.framed += take
        stream.captured += take
        stream.remaining -= take
        if stream.remaining == 0:
            self._complete(stream, self.origin + pos - 1)
            return pos
        self._reach(stream, self.origin + pos - 1)
        if self.left:
            return pos
        if stream.csid < 64 and not (stream.extended or stream.undecided or self.trial or self.detail):
            return self._run(stream, pos)
        return pos

    def _decide(self, stream: ChunkStream, rest: bytes) -> None:
        """The head of an audio or video message is there: keep more only where pass one must read it."""
        stream.undecided = False
        if not wants_whole(stream.type_id, b"".join(stream.parts) + rest):
            stream.keep = max(0, HEAD_BYTES - stream.captured)  # a run of small chunks may have brought more
            stream.whole = False

    def _run(self, stream: ChunkStream, pos: i64) -> i64:
        """Skip over full continuation chunks: equal header bytes at equal distances."""
        data = self.data
        step = self.chunk_size + 1
        most = min((self.end - pos) // step, stream.remaining // self.chunk_size)
        continuation = _continuation(stream.csid)
        count: i64 = 0
        ahead: i64 = RUN
        while count < most:
            headers = data[pos + count * step : pos + min(count + ahead, most) * step : step]
            others = len(headers.lstrip(continuation))
            count += len(headers) - others
            if others:
                break
            ahead *= 2  # looks at no more than twice the chunks that are there
        if count == 0:
            return pos
        if stream.keep:
            payload = bytearray(data[pos : pos + count * step])
            del payload[::step]
            stream.hold(bytes(payload[: stream.keep]))
            kept = min(stream.keep, count * self.chunk_size)
            stream.keep -= kept
            self.kept += kept
        stream.chunks += count
        stream.captured += count * self.chunk_size
        stream.remaining -= count * self.chunk_size
        self.framed += count * step
        pos += count * step
        if stream.remaining == 0:
            self._complete(stream, self.origin + pos - 1)
        else:
            self._reach(stream, self.origin + pos - 1)
        return pos

    def _segment(self, offset: i64) -> Segment:
        """The segment that brought the byte at a stream offset; offsets must not decrease from call to call."""
        segments = self.segments
        cursor = self.cursor
        segment = segments[cursor]
        while segment.offset + segment.length <= offset:
            cursor += 1
            segment = segments[cursor]
        self.cursor = cursor
        return segment

    def _ready(self, offset: i64) -> i64:
        """The packet with which the byte at a stream offset, not before the last one asked for, was there."""
        cursor = self.cursor
        while self.segments[cursor].offset + self.segments[cursor].length <= offset:
            cursor += 1
        return self.segments[cursor].ready

    def _reach(self, stream: ChunkStream, offset: i64) -> None:
        """Remember where the last byte so far of an unfinished message was."""
        segment = self._segment(offset)
        stream.last_packet = segment.packet
        stream.last_time_ns = segment.time_ns

    # ---------------------------------------------------------------- messages

    def _complete(self, stream: ChunkStream, last_offset: i64) -> None:
        """Every byte of the message has been seen."""
        self._finish(stream, self._collected(stream), self._segment(last_offset))

    def _finish(self, stream: ChunkStream, payload: bytes, last: Segment) -> None:
        """Emit a complete message, and obey it if it is protocol control."""
        message = self._emit(stream, payload, last.packet, last.time_ns, last.ready)
        if self.trial and stream.inherited:
            self.proof = max(self.proof, self.bits + PROOF_BITS)
        if message.type_id <= ACKNOWLEDGEMENT:
            self._obey(message)

    def _collected(self, stream: ChunkStream) -> bytes:
        """The payload kept of a message, which is not held any more."""
        payload = stream.release()
        self.kept -= len(payload)
        return payload

    def _emit(self, stream: ChunkStream, payload: bytes, packet: i64, time_ns: i64, ready: i64) -> Message:
        message = Message(
            self.connection, self.direction, packet, time_ns, stream.fmt, stream.csid, stream.type_id,
            stream.message_stream_id, stream.timestamp, stream.length, payload,
        )  # fmt: skip
        message.ready = max(ready, self.floor)
        message.offset = stream.offset
        message.first_packet = stream.first_packet
        message.first_time_ns = stream.first_time_ns
        message.chunks = stream.chunks
        message.captured = stream.captured
        message.whole = stream.whole
        if stream.holes is not None:
            message.holes = stream.holes
            stream.holes = None
        if stream.headers is not None:
            message.chunk_headers = stream.headers
            stream.headers = None
        if stream.notes is not None:
            for code, severity, text in stream.notes:
                message.note(code, severity, text)
            stream.notes = None
        self.out.append(message)
        return message

    def _obey(self, message: Message) -> None:
        """Set Chunk Size and Abort (5.4.1, 5.4.2) change how the bytes after them are read."""
        payload = message.payload
        if message.holes is not None or len(payload) < 4:
            if message.type_id == SET_CHUNK_SIZE:
                self.doubt_chunk_size()
            return
        value = u32(payload, 0)
        if message.type_id == ACKNOWLEDGEMENT:
            self._stream(message.csid).acknowledged = value
        elif message.type_id == ABORT:
            stream = self._stream(value)
            if stream.remaining:
                self._cut_short(
                    stream, message.ready, "message-aborted", "the sender aborted this message"
                ).aborted = True
        elif message.type_id == SET_CHUNK_SIZE:
            size = value & 0x7FFFFFFF
            if size != value or size == 0:
                message.note(
                    "chunk-size-invalid",
                    Severity.ERROR,
                    f"chunk size {value} is not allowed; " + ("ignored" if size == 0 else f"read as {size}"),
                )
            if size:
                self.chunk_size = size
                self.chunk_size_sure = True
                for stream in self.streams.values():
                    if stream.remaining:
                        stream.note(
                            "chunk-size-changed-in-message",
                            Severity.NOTE,
                            "the chunk size changed inside this message, which is legal but breaks some readers",
                        )

    def _cut_short(self, stream: ChunkStream, ready: i64, code: str, text: str) -> Message:
        """Emit a message that will never be complete, as far as it was captured."""
        if stream.holes is None:
            stream.holes = []
        stream.holes.append((stream.length - stream.remaining, stream.remaining))
        stream.remaining = 0
        stream.note(code, Severity.WARNING, text)
        if self.current is stream:
            self.left = 0
        return self._emit(stream, self._collected(stream), stream.last_packet, stream.last_time_ns, ready)

    def _record(self, stream: ChunkStream, fmt: i64, value: i64, pos: i64, at: i64) -> None:
        segment = self._segment(self.origin + pos)
        header = ChunkHeader(
            self.origin + pos, at - pos, fmt, stream.csid, value, stream.extended and (fmt < 3 or value != UNKNOWN),
            stream.length - stream.remaining, self.left, segment.packet, segment.time_ns,
        )  # fmt: skip
        if stream.headers is None:
            stream.headers = []
        stream.headers.append(header)

    def _shed(self) -> None:
        """Too much is held in unfinished messages: let payloads go, the oldest first, until a quarter is free."""
        for stream in sorted([one for one in self.streams.values() if one.parts], key=_begun_at):
            if self.kept <= PARTIAL_BYTES * 3 // 4:
                break
            self._collected(stream)
            stream.keep = 0
            stream.whole = False
            stream.note(
                "limit-partial-bytes",
                Severity.WARNING,
                f"unfinished messages held more than {PARTIAL_BYTES >> 20} MiB; the payload of this one was dropped",
            )

    # ---------------------------------------------------------------- holes

    def spans(self, length: i64) -> bool:
        """Whether the chunk under way goes on for so many bytes, and what is behind them is certain too."""
        stream = self.current
        if stream is None or self.left < length:
            return False
        return self.chunk_size_sure or stream.length <= self.uncut

    def skip(self, length: i64, ready: i64) -> i64:
        """Step over missing bytes as the message under way predicts them: SURE, GUESS or LOST."""
        answer: i64 = SURE
        stream = self.current
        while length > 0:
            if stream is None or (self.left == 0 and stream.remaining == 0):
                return LOST
            if self.left == 0:
                answer = GUESS
                header: i64 = 1 if stream.csid < 64 else (2 if stream.csid < 320 else 3)
                if stream.extended and self.repeats_extended:
                    header += 4
                self.left = min(stream.remaining, self.chunk_size)
                stream.chunks += 1
                if header > length:
                    self.skip_header = header - length
                    return answer
                length -= header
            missing = min(self.left, length)
            if not self.spans(missing):
                answer = GUESS
            if missing:
                self._hole(stream, missing)
            length -= missing
            if stream.remaining == 0:
                message = self._emit(
                    stream, self._collected(stream), stream.last_packet, stream.last_time_ns, ready
                )  # fmt: skip
                if message.type_id <= ABORT:
                    self._obey(message)
        return answer

    def _hole(self, stream: ChunkStream, missing: i64) -> None:
        place = stream.length - stream.remaining
        if stream.holes is None:
            stream.holes = []
        if stream.holes and stream.holes[-1][0] + stream.holes[-1][1] == place:
            stream.holes[-1] = (stream.holes[-1][0], stream.holes[-1][1] + missing)
        else:
            stream.holes.append((place, missing))
        if stream.undecided:  # only the bytes before the first hole serve as a head
            stream.undecided = False
            stream.whole = False
            stream.keep = 0
        stream.remaining -= missing
        self.left -= missing

    def forget_chunk_size(self) -> None:
        """Nothing is known of it: no message is taken for cut before that is evident."""
        self.chunk_size = UNLIMITED
        self.doubt_chunk_size()

    def doubt_chunk_size(self) -> None:
        """It may have changed: only short messages are one chunk under any size in use."""
        self.chunk_size_sure = False
        self.uncut = min(self.chunk_size, DEFAULT_CHUNK_SIZE)

    def lose(self, ready: i64) -> None:
        """Synchronisation is gone: messages under way are reported as far as they go, inheritance is stale."""
        self.left = 0
        self.skip_header = 0
        self.current = None
        self.distrust = True
        limit = self.uncut if self.chunk_size == UNLIMITED else self.chunk_size
        self.doubt_chunk_size()
        for stream in self.streams.values():
            if stream.remaining:
                self._cut_short(
                    stream,
                    max(ready, self.floor),
                    "incomplete-message",
                    "bytes of this message are missing from the capture",
                )
            stream.timestamp = UNKNOWN
            stream.stale = 1
            stream.orphan = stream.length > limit

    @property
    def incomplete(self) -> int:
        """Bytes captured of messages that are not complete."""
        return sum(stream.captured for stream in self.streams.values() if stream.remaining)

    def pending_notes(self) -> dict[str, tuple[Severity, str]]:
        """What was noted of messages that are not complete, once for each code."""
        notes: dict[str, tuple[Severity, str]] = {}
        for stream in self.streams.values():
            if stream.remaining and stream.notes is not None:
                for code, severity, text in stream.notes:
                    notes.setdefault(code, (severity, text))
        return notes


def _begun_at(stream: ChunkStream) -> int:
    return stream.offset


_CONTINUATIONS: Final = [bytes((0xC0 | csid,)) for csid in range(64)]


def _continuation(csid: i64) -> bytes:
    return _CONTINUATIONS[csid]
