"""Which headers the chunk parser believes.

In the flow of reading a header is believed unless it is too unlikely, or its message may be cut into chunks in several
ways.  Then the parser stops and says so in `trouble`; resync tries forks of it on the bytes that follow.

A fork on trial weighs every header and the payload behind it (see evidence), and what it meets besides.  The trial ends
in trouble, or when `needed` bits have come together.  Where something was supposed on the way, as that a short
header inherits what was said before a loss, `proof` is the sum that must be reached behind it.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.rtmp.chunk_stream import ChunkStream
from rtmpscope.rtmp.evidence import CLEAR_BITS, IMPOSSIBLE, LARGEST_SEARCHED, PEEK, UNLIMITED, payload_bits, unseen_bits
from rtmpscope.rtmp.plausibility import header_bits, is_doubtful, looks_cut, may_inherit
from rtmpscope.rtmp.segments import Window

DEFAULT_CHUNK_SIZE: Final = 128

# Bytes that no sender cuts; one that is known to cut no less than the default will hardly begin to.
SMALLEST_CHUNK: Final = 32

# What a parser may stop at.
NO_TROUBLE: Final = 0
DOUBT: Final = 1  # this header is unlikely; what follows will tell
CHUNK_SIZE_UNKNOWN: Final = 2  # this message may or may not be cut into chunks
LOST_SYNC: Final = 3  # this cannot be a header
UNSEEN: Final = 4  # a short header on a csid of which no full one was seen

# A message that begins where a segment does: senders write message by message.
SEGMENT_BITS: Final = 8

# A continuation header that stands where it must, or behind which no other message clearly begins.
CONTINUATION_BITS: Final = 8
MIDDLE_BITS: Final = 5

# What must follow a header that rests on something uncertain.
PROOF_BITS: Final = 20

# What a header must bring before megabytes are awaited that could bear it out.
LONG_BITS: Final = 30

NO_BYTES: Final = Window(b"", 0, 0, [], False)


class CautiousParser:
    """What a chunk parser knows of its csids and of the chunk size, and how sure it is of where it stands.

    The methods that judge a header answer False where it is not to be read on now: `trouble` says why, or is
    NO_TROUBLE where only more bytes are needed.  `pos` is the place of the header, `at` that behind it.
    """

    __slots__ = (
        "streams", "base", "chunk_size", "chunk_size_sure", "uncut", "possible_sizes", "window", "minded_end",
        "trouble", "trouble_ready", "distrust", "exempt", "trial", "bits", "needed", "proof", "unproven",
        "weighed_ready",
    )  # fmt: skip

    def __init__(self) -> None:
        self.streams: dict[i64, ChunkStream] = {}
        self.base: CautiousParser | None = None  # the parser that this one was forked from
        self.chunk_size: i64 = DEFAULT_CHUNK_SIZE
        self.chunk_size_sure = True
        self.uncut: i64 = 0  # while it is not: messages up to this length are one chunk for certain
        self.possible_sizes: list[int] = []  # each would cut the messages met so far, and which does is not told
        self.window = NO_BYTES
        self.minded_end = False  # something was decided because the bytes end there
        self.trouble: i64 = NO_TROUBLE
        self.trouble_ready: i64 = 0  # the packet with which it was there
        self.distrust = False  # synchronisation was lost before: headers are looked at more closely
        self.exempt = False  # take the next header as it is
        self.trial = False
        self.bits: i64 = 0
        self.needed: i64 = 0
        self.proof: i64 = 0  # bits that must be reached because the last message rests on something uncertain
        self.unproven: i64 = 0  # bits that must follow the first header, whose chunk size is a guess
        self.weighed_ready: i64 = 0  # the packet with which all that was weighed was there

    # ---------------------------------------------------------------- what is known

    def stream(self, csid: i64) -> ChunkStream:
        """What is known of a csid; of the parser that this one was forked from it is copied when first used."""
        stream = self.streams.get(csid)
        if stream is None:
            base = self.base
            while base is not None and csid not in base.streams:
                base = base.base
            stream = ChunkStream(csid) if base is None else base.streams[csid].copy()
            self.streams[csid] = stream
        return stream

    def forget_chunk_size(self) -> None:
        """Nothing is known of it: no message is taken for cut before that is evident."""
        self.chunk_size = UNLIMITED
        self.doubt_chunk_size()

    def doubt_chunk_size(self) -> None:
        """It may have changed: only short messages are one chunk under any size in use."""
        self.chunk_size_sure = False
        self.uncut = SMALLEST_CHUNK if self.chunk_size == UNLIMITED else min(self.chunk_size, DEFAULT_CHUNK_SIZE)

    def may_be_cut(self, length: i64) -> bool:
        """Whether it is not certain how many chunks a message of that length has."""
        return length > self.uncut and not self.chunk_size_sure

    # ---------------------------------------------------------------- headers

    def _accept(
        self, stream: ChunkStream, fmt: i64, value: i64, length: i64, type_id: i64, message_stream_id: i64,
        pos: i64, at: i64,
    ) -> bool:  # fmt: skip
        """Whether a header that begins a message may be believed; value: its timestamp field, 0 for fmt 3."""
        if self.trial:
            if not self._accept_on_trial(stream, fmt, value, length, type_id, message_stream_id, pos, at):
                return False
        elif not self.exempt and is_doubtful(stream, self.distrust, fmt, value, length, type_id, message_stream_id):
            return self._stop(DOUBT, at)
        elif self.may_be_cut(length):
            return self._stop(CHUNK_SIZE_UNKNOWN, at)
        self.exempt = False
        return True

    def _accept_on_trial(
        self, stream: ChunkStream, fmt: i64, value: i64, length: i64, type_id: i64, message_stream_id: i64,
        pos: i64, at: i64,
    ) -> bool:  # fmt: skip
        """The same on trial: with the bits that the header and the payload behind it bring."""
        window = self.window
        may_be_cut = self.may_be_cut(length)
        visible = min(length, PEEK)
        if self.chunk_size_sure:
            visible = min(visible, self.chunk_size)
        wanted = self._shown(max(visible, min(length, LARGEST_SEARCHED)) if may_be_cut else visible, at)
        if wanted < 0:
            return False
        visible = min(visible, wanted)
        bits = header_bits(stream, fmt, value, length, type_id, message_stream_id)
        bits += payload_bits(type_id, length, window.data, at, visible, stream.first_byte)
        if bits > 0 and window.begins_segment(pos):
            bits += SEGMENT_BITS
        if length > LARGEST_SEARCHED and self.bits + bits < LONG_BITS and not self.exempt:
            bits = IMPOSSIBLE
        uncertain = stream.stale > 0 and fmt >= 2
        inherited = not uncertain or may_inherit(stream, window.data, at, visible)
        early = self._is_read_early(stream, fmt, pos)
        if self.exempt and inherited and not early:
            bits = max(bits, 0)
        elif bits < 0 or stream.remaining or not inherited or early:
            self._weigh(0, at + wanted)
            return self._stop(LOST_SYNC, at)
        if uncertain and self.bits > 0 and self.bits + bits >= max(self.needed, self.proof):
            # That it stands here bears out all before it; what it inherits is a question of its own.
            self._weigh(bits, at + wanted)
            return self._stop(DOUBT, at)
        if self.unproven or uncertain:
            # What this header says of lengths must be borne out by what comes next.
            self.proof = self.bits + bits + max(self.unproven, PROOF_BITS)
            self.unproven = 0
        self._weigh(bits, at + wanted)
        return not may_be_cut or self._accept_uncut(pos, at, wanted)

    def _accept_uncut(self, pos: i64, at: i64, shown: i64) -> bool:
        """Whether a message that may be cut into chunks is taken for one chunk, as the first `shown` bytes suggest."""
        if not self.exempt:
            if not self.trial or shown > self.chunk_size:
                return self._stop(CHUNK_SIZE_UNKNOWN, at)
            data = self.window.data
            if looks_cut(self.chunk_size, data, at, shown, data[pos] | 0xC0):
                self.proof = self.bits + PROOF_BITS
        self.uncut = max(self.uncut, shown)
        return True

    def _is_read_early(self, stream: ChunkStream, fmt: i64, pos: i64) -> bool:
        """Whether a long basic header (5.3.1.1) of an unknown csid ends with what is a header of a known one.

        All else would be the same if it began there, behind the last byte of a payload.
        """
        if stream.csid < 64 or stream.seen:
            return False
        data = self.window.data
        last: i64 = data[pos + 1 + (data[pos] & 63)]
        return last >> 6 == fmt and self.stream(last & 63).seen

    def _begins_clearly(self, stream: ChunkStream, at: i64) -> bool:
        """Whether fmt 3 begins a message where it may as well go on with one whose beginning is lost."""
        shown = self._shown(min(stream.length, PEEK), at)
        if shown < 0:
            return False
        if payload_bits(stream.type_id, stream.length, self.window.data, at, shown, stream.first_byte) >= CLEAR_BITS:
            return True
        self._weigh(MIDDLE_BITS, at + shown)
        return self._stop(LOST_SYNC, at + shown)

    def _meet_unseen(self, csid: i64, delta: i64, pos: i64, at: i64) -> None:
        """What a short header on an unknown csid refers to was said before the capture began."""
        if self.trial:
            shown = self._shown(PEEK, at)
            if shown < 0:
                return
            bits = unseen_bits(csid, delta, self.window.data, at, shown)
            if self.window.begins_segment(pos):
                bits += SEGMENT_BITS
            self._weigh(bits, at + shown)
        self._stop(UNSEEN, at)

    # ---------------------------------------------------------------- evidence

    def _shown(self, wanted: i64, at: i64) -> i64:
        """How many of so many payload bytes there are to look at; -1 where the rest is still to come."""
        there = self.window.end - at
        if wanted <= there:
            return wanted
        if not self.window.final:
            return -1
        self.minded_end = True
        return there

    def _weigh(self, bits: i64, examined: i64) -> None:
        """Add evidence to a trial; with enough of it the trial is over.  `examined`: the place behind the last byte."""
        if not self.trial:
            return
        self.bits += bits
        self.weighed_ready = max(self.weighed_ready, self.window.ready(examined - 1))
        if self.bits >= self.needed and self.bits >= self.proof and not self._awaits_end():
            self.trial = False

    def _awaits_end(self) -> bool:
        """Whether a message is under way whose length only what stands behind its end can bear out."""
        return any([stream.inherited and stream.remaining > 0 for stream in self.streams.values()])

    def _stop(self, trouble: i64, at: i64) -> bool:
        """The header that ends at a place gives trouble: False."""
        self.trouble = trouble
        self.trouble_ready = self.window.ready(at - 1)
        return False
