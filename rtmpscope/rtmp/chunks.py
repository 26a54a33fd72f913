"""The chunk stream of one direction: bytes in, messages out (RTMP 5.3).

The parser keeps one ChunkStream per csid: what its last header said, and the message that is being
collected on it.  It reads a header in the order of the specification's figures (basic header, message
header, extended timestamp), then as many payload bytes as the chunk holds.  Of big audio and video
messages only the first bytes are kept; runs of full continuation chunks are not walked one by one but
checked by a single strided slice over their header bytes.

It never guesses silently.  Which headers it believes is decided in trust: where the bytes contradict what
came before, it stops and says so in `trouble`.  After bytes are missing, skip() says whether the place in
the stream is still SURE, a GUESS or LOST.  What to do then is decided in resync, which tries forks of the
parser on the bytes that follow.
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
    SET_CHUNK_SIZE,
    UNKNOWN,
    VIDEO,
    ChunkHeader,
    Message,
    Segment,
    Severity,
)
from rtmpscope.rtmp.chunk_stream import ChunkStream
from rtmpscope.rtmp.evidence import UNLIMITED
from rtmpscope.rtmp.segments import Window
from rtmpscope.rtmp.timestamps import advance_time, is_extended, may_become_extended, set_time
from rtmpscope.rtmp.trust import CONTINUATION_BITS, NO_BYTES, NO_TROUBLE, PROOF_BITS, CautiousParser

# Bytes of a plain audio or video message that are kept: enough for every tag header.
HEAD_BYTES: Final = 64

# What skip() answers.
SURE: Final = 0
GUESS: Final = 1
LOST: Final = 2

# Continuation headers that are looked at together, at first.
RUN: Final = 32

# A field that is not there yet.
AWAITED: Final = -2

MESSAGE_HEADER_SIZES: Final[tuple[int, ...]] = (11, 7, 3, 0)
EXTENDED: Final = 0xFFFFFF


class ChunkParser(CautiousParser):
    """The state of one direction's chunk stream.

    whole keeps every payload, detail records each chunk's header.  `out` collects the messages; `floor` is the
    packet before which none of them may be called certain.
    """

    __slots__ = (
        "connection", "direction", "whole", "detail", "out", "floor", "current", "left", "skip_header", "kept",
        "framed", "repeats_extended",
    )  # fmt: skip

    def __init__(self, connection: i64, direction: i64, whole: bool) -> None:
        super().__init__()
        self.connection = connection
        self.direction = direction
        self.whole = whole
        self.detail = False
        self.out: list[Message] = []
        self.floor: i64 = 0
        self.current: ChunkStream | None = None
        self.left: i64 = 0  # payload bytes of the current chunk still to come
        self.skip_header: i64 = 0  # header bytes behind a hole that are not payload
        self.kept: i64 = 0  # payload bytes of messages that are not complete
        self.framed: i64 = 0  # bytes that belonged to chunks
        self.repeats_extended: bool | None = None  # in fmt 3 headers; None before any was seen

    # ---------------------------------------------------------------- chunks

    def parse(self, data: bytes, pos: i64, origin: i64, segments: list[Segment], final: bool) -> i64:
        """Read chunks from data[pos:]; data[0] stands at the stream offset `origin`.

        Returns the place of the first byte not used: the start of a header that is not complete yet, or of
        one that gives `trouble`.  final: nothing will follow these bytes directly.
        """
        window = self.window = Window(data, pos, origin, segments, final)
        self.trouble = NO_TROUBLE
        self.minded_end = False
        end = window.end
        if self.skip_header:
            skipped = min(self.skip_header, end - pos)
            self.skip_header -= skipped
            self.framed += skipped
            pos += skipped
        while pos < end:
            if self.left:
                pos = self._payload(pos)
            else:
                after = self._header(pos)
                if after < 0:
                    break
                self.framed += after - pos
                pos = after
        self.window = NO_BYTES
        return pos

    def _header(self, pos: i64) -> i64:
        """Read one chunk header (5.3.1); its end, or -1 where it is incomplete or gives trouble."""
        window = self.window
        data = window.data
        first: i64 = data[pos]
        fmt = first >> 6
        csid = first & 63
        at = pos + 1
        if csid < 2:
            # one more byte, or two with the low one first
            if window.end - at < csid + 1:
                return -1
            if csid == 0:
                second: i64 = data[at]
                csid = second + 64
                at += 1
            else:
                csid = u16le(data, at) + 64
                at += 2
        current = self.current
        stream = current if current is not None and current.csid == csid else self.stream(csid)
        return self._continue(stream, pos, at) if fmt == 3 else self._open(stream, fmt, pos, at)

    def _open(self, stream: ChunkStream, fmt: i64, pos: i64, at: i64) -> i64:
        """The message header of fmt 0, 1 or 2, behind the basic header (5.3.1.2): a new message."""
        window = self.window
        data = window.data
        size: i64 = MESSAGE_HEADER_SIZES[fmt]
        if window.end - at < size:
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
            if window.end - at < 4:
                return -1
            value = u32(data, at)
            at += 4
        if not self._accept(stream, fmt, value, length, type_id, message_stream_id, pos, at):
            return -1
        if stream.remaining:
            text = "a new message began on this csid before this one was complete"
            self._cut_short(stream, window.ready(at - 1), "message-restarted", text)
        stream.extended = extended
        stream.extended_value = value
        stream.length = length
        if type_id != stream.type_id:
            stream.type_id = type_id
            stream.first_byte = UNKNOWN
        stream.message_stream_id = message_stream_id
        set_time(stream, fmt, value, not self.distrust)
        self._begin(stream, fmt, pos)
        if self.detail:
            self._record(stream, fmt, value, pos, at)
        if length == 0:
            self._complete(stream, at)
        return at

    def _continue(self, stream: ChunkStream, pos: i64, at: i64) -> i64:
        """A fmt 3 header: the next chunk of the message under way, or a new message like the one before."""
        if not stream.seen:
            self._meet_unseen(stream.csid, 0, pos, at)
            return -1
        if stream.orphan and not self.exempt and not self._begins_clearly(stream, at):
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
            advance_time(stream, value)
            self._begin(stream, 3, pos)
        else:
            return -1
        if stream.extended:
            self._learn_repetition(stream, value != UNKNOWN)
        if self.detail:
            self._record(stream, 3, value, pos, after)
        if stream.length == 0:
            self._complete(stream, after)
        return after

    def _repeated_timestamp(self, stream: ChunkStream, at: i64) -> i64:
        """The extended timestamp behind a fmt 3 header; UNKNOWN where there is none, AWAITED while that is open."""
        window = self.window
        data = window.data
        repeated = self.repeats_extended is True
        if window.end - at >= 4:
            value = u32(data, at)
            if is_extended(stream, value, repeated):
                return value
        elif may_become_extended(stream, data[at : window.end], repeated):
            if not window.final or self.repeats_extended is not False:
                return AWAITED
            self.minded_end = True
            return UNKNOWN
        if (stream.remaining if stream.remaining else stream.length) < 4:
            # What tells them apart may stand behind the end of the message.
            told = at + 1
            while told < at + 4 and may_become_extended(stream, data[at:told], repeated):
                told += 1
            self.floor = max(self.floor, window.ready(told - 1))
        return UNKNOWN

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

    def _begin(self, stream: ChunkStream, fmt: i64, pos: i64) -> None:
        """Open the message whose header stands at `pos`."""
        window = self.window
        stream.begin(fmt, window.origin + pos, window.segment(pos))
        stream.undecided = stream.length > HEAD_BYTES and AUDIO <= stream.type_id <= VIDEO and not self.whole
        self.current = stream
        self.left = min(stream.length, self.chunk_size)

    def _payload(self, pos: i64) -> i64:
        """Take what is there of the current chunk, and full chunks of the same message that follow it."""
        window = self.window
        data = window.data
        stream = self.current
        assert stream is not None
        take = min(self.left, window.end - pos)
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
            self._finish(stream, data[pos - take : pos], window.segment(pos - 1))
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
            self._complete(stream, pos)
            return pos
        stream.reach(window.segment(pos - 1))
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
        window = self.window
        data = window.data
        step = self.chunk_size + 1
        most = min((window.end - pos) // step, stream.remaining // self.chunk_size)
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
            self._complete(stream, pos)
        else:
            stream.reach(window.segment(pos - 1))
        return pos

    # ---------------------------------------------------------------- messages

    def _complete(self, stream: ChunkStream, end: i64) -> None:
        """Every byte of the message has been seen; the last stands before `end`."""
        self._finish(stream, self._collected(stream), self.window.segment(end - 1))

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
        message = stream.message(self.connection, self.direction, payload, packet, time_ns)
        message.ready = max(ready, self.floor)
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
            self.stream(message.csid).acknowledged = value
        elif message.type_id == ABORT:
            stream = self.stream(value)
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
        window = self.window
        segment = window.segment(pos)
        header = ChunkHeader(
            window.origin + pos, at - pos, fmt, stream.csid, value, stream.extended and (fmt < 3 or value != UNKNOWN),
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
        return not self.may_be_cut(stream.length)

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
                self._miss(stream, missing)
            length -= missing
            if stream.remaining == 0:
                message = self._emit(
                    stream, self._collected(stream), stream.last_packet, stream.last_time_ns, ready
                )  # fmt: skip
                if message.type_id <= ABORT:
                    self._obey(message)
        return answer

    def _miss(self, stream: ChunkStream, count: i64) -> None:
        """So many bytes of the chunk under way are missing."""
        stream.miss(count)
        self.left -= count
        if stream.undecided:  # only the bytes before the first hole serve as a head
            stream.undecided = False
            stream.whole = False
            stream.keep = 0

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

    # ---------------------------------------------------------------- forks

    def fork(self) -> ChunkParser:
        """A parser that goes on from here without touching this one; streams are copied when first used."""
        other = ChunkParser(self.connection, self.direction, self.whole)
        other.detail = self.detail
        other.floor = self.floor
        other.chunk_size = self.chunk_size
        other.chunk_size_sure = self.chunk_size_sure
        other.uncut = self.uncut
        other.possible_sizes = self.possible_sizes
        other.base = self
        if self.current is not None:
            other.current = other.stream(self.current.csid)
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
        stream = self.stream(csid)
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
        while base is not None:
            base.streams.update(self.streams)
            self.streams = base.streams
            base = base.base
        self.base = None
        return self


def _begun_at(stream: ChunkStream) -> int:
    return stream.offset


_CONTINUATIONS: Final = [bytes((0xC0 | csid,)) for csid in range(64)]


def _continuation(csid: i64) -> bytes:
    return _CONTINUATIONS[csid]
