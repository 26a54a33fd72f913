"""After a loss: find the next sure chunk boundary, and never report a message that was not sent.

A Recovery takes over a direction from the moment of doubt.  It keeps the bytes and gaps from there on, puts
up one hypothesis after the other, each a fork of the chunk parser set at some place, and runs it on trial
over the bytes kept.  A hypothesis that meets something no header would hold is dropped; one that has
collected enough evidence takes over.  The order is

1. the guess, where there is one: the message under way went on through the hole as its header announced;
2. every place, in stream order, that looks like a header, with the chunk size that was in force and, where
   the header itself is convincing or the size is not known, with others: none smaller than the message,
   the usual ones, and any whose continuation headers stand where they should.

What a hypothesis decides depends only on the bytes up to the place that decided it, so where the bytes
were cut into batches does not matter.  Each place is tried a bounded number of times and each trial ends
after a few headers: the cost is linear in the bytes searched.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from mypy_extensions import i64

from rtmpscope.bits import u32
from rtmpscope.model import ACKNOWLEDGEMENT, AUDIO, UNKNOWN, VIDEO, Message, StreamData, StreamEnd, StreamGap
from rtmpscope.rtmp.chunk_sizes import HEADER_SPAN, is_whole, known_end, length_at, sizes_at, sizes_of_span
from rtmpscope.rtmp.chunk_stream import ChunkStream, Habit
from rtmpscope.rtmp.chunks import GUESS, LOST, MESSAGE_HEADER_SIZES, ChunkParser
from rtmpscope.rtmp.evidence import (
    CONTROL_CSID,
    FULL_HEADERS,
    LARGEST_STEP,
    NAMED_TYPES,
    PEEK,
    UNLIMITED,
    USUAL_CHUNK_SIZES,
    likely_type,
)
from rtmpscope.rtmp.region import Region
from rtmpscope.rtmp.segments import index_at
from rtmpscope.rtmp.trust import CONTINUATION_BITS, PROOF_BITS

# What has become of a trial.
RIGHT: Final = 0
WRONG: Final = 1
OPEN: Final = 2  # more bytes are needed

# Bits of evidence a trial must collect: for a place found by searching, for a prediction, for the same at the end.
SEARCH_BITS: Final = 44
SEARCH_BITS_AT_END: Final = 38
GUESS_BITS: Final = 24
GUESS_BITS_AT_END: Final = 7

# To learn what a short header inherits: bits, headers that bear it out, bytes looked at, and lengths tried.
LEARN_BITS: Final = 60
LEARN_HEADERS: Final = 3
LEARN_SPAN: Final = 8_192
LEARN_TRIES: Final = 64

# A message that ends exactly where the bytes do.
ALIGNED_BITS: Final = 8

# What continuation headers are worth for a chunk size that was chosen because they stand there.
FOUND_BITS: Final = 2 * CONTINUATION_BITS

# What a header alone must bring before other chunk sizes are tried on it.
CONVINCING_BITS: Final = 30

# Chunk sizes to be reckoned with where nothing tells them.
SIZES_IN_USE: Final = (UNLIMITED, *USUAL_CHUNK_SIZES)

# Bytes searched in vain are let go in pieces of this size.
FORGET_BYTES: Final = 32_768

# Csids of which the search knows what their messages begin with, at most.
KINDS_SEARCHED: Final = 8

# Three acknowledgements in a row without a header (see _propose_acknowledgements), and how far they may be apart.
ACKNOWLEDGEMENTS: Final = rb"\xc2[\x00-\xff]{4}\xc2[\x00-\xff]{4}\xc2"


class Hypothesis:
    """A parser on trial, and how far it has come in the regions kept."""

    __slots__ = ("parser", "start", "region", "pos", "at_end", "branches", "stays")

    def __init__(self, parser: ChunkParser, start: i64, pos: i64, at_end: i64) -> None:
        self.parser = parser
        self.start = start  # stream offset at which it begins to read
        self.region: i64 = 0
        self.pos = pos
        self.at_end = at_end  # bits that do when nothing more follows
        self.branches = True  # other chunk sizes may be tried at the next hole
        self.stays = False  # does not go through the next hole


class Outcome:
    """What was found: the parser to go on with, which began to read at the stream offset `start`.

    It has bridged the gaps before regions[1] to regions[reached], and read up to `pos` in the last of these.
    """

    __slots__ = ("parser", "regions", "reached", "pos", "start", "ready", "bits", "searched")

    def __init__(
        self, parser: ChunkParser, regions: list[Region], reached: i64, pos: i64, start: i64, ready: i64, bits: i64,
        searched: bool,
    ) -> None:  # fmt: skip
        self.parser = parser
        self.regions = regions
        self.reached = reached
        self.pos = pos
        self.start = start
        self.ready = ready
        self.bits = bits
        self.searched = searched


class Recovery:
    """The search of one direction, from the moment of doubt on.

    The first region begins where the doubt does: at the end of a hole, or at a header that gave trouble, which
    then is not tried again (`distrust`).  Feed it what follows, call run(), and take what it reports meanwhile:
    `messages` cut short by the loss, `unresolved` regions in which nothing was recognised.
    """

    __slots__ = (
        "parser", "regions", "queue", "current", "searching", "distrust", "believing", "learning",
        "believed_at_end", "scan_pos", "pattern", "ready", "messages", "unresolved",
    )  # fmt: skip

    def __init__(self, parser: ChunkParser, region: Region, distrust: bool) -> None:
        self.parser = parser
        self.regions: list[Region] = [region]
        self.queue: list[Hypothesis] = []
        self.current: Hypothesis | None = None
        self.searching = False
        self.distrust = distrust
        self.believing = False
        self.learning = False
        self.believed_at_end: i64 = 0
        self.scan_pos: i64 = 0
        self.pattern: re.Pattern[bytes] | None = None
        self.ready: i64 = parser.floor
        self.messages: list[Message] = []
        self.unresolved: list[Region] = []

    def name(self, connection: i64, direction: i64) -> None:
        """Pass on which connection and direction this is."""
        parsers = [self.parser] + [hypothesis.parser for hypothesis in self.queue]
        if self.current is not None:
            parsers.append(self.current.parser)
        for parser in parsers:
            parser.connection = connection
            parser.direction = direction
            for message in parser.out:
                message.connection = connection
                message.direction = direction

    def suppose(self, parser: ChunkParser, needed: i64, at_end: i64) -> None:
        """Try first that `parser` stands right at the start of the first region."""
        parser.trial = True
        parser.needed = needed
        self.queue.append(Hypothesis(parser, self.regions[0].base, 0, at_end))

    def go_on(self, gap: StreamGap) -> None:
        """Try first that the message under way went on through the hole before the first region as it announced."""
        for fork in _through(self.parser, gap):
            self.suppose(fork, GUESS_BITS, GUESS_BITS_AT_END)

    def believe_header(self, at_end: i64) -> None:
        """Try first that the header at the start is right, however unlikely it looks."""
        self.believing = True
        self.believed_at_end = at_end

    def learn_header(self) -> None:
        """Try first to find out what the short header at the start inherits from before the capture."""
        self.learning = True

    def feed(self, item: StreamData | StreamGap | StreamEnd) -> None:
        """Keep the next item of the stream; run() then looks at it."""
        region = self.regions[-1]
        if isinstance(item, StreamData):
            region.append(item)
            return
        if isinstance(item, StreamEnd):
            region.close(item.ready)
        else:
            region.close(item.packet)
            self.regions.append(Region(item, item.offset + item.length))

    def run(self) -> Outcome | None:
        """Go through the hypotheses; None where more bytes are needed first."""
        while True:
            if self.current is None:
                self.current = self._next()
                if self.current is None:
                    return None
            current = self.current
            answer = self._try(current)
            if answer == OPEN:
                return None
            self.current = None
            self.ready = max(self.ready, current.parser.weighed_ready)
            if answer == RIGHT:
                return self._accept(current)

    def _accept(self, winner: Hypothesis) -> Outcome:
        parser = winner.parser.settle()
        parser.trial = False
        parser.floor = max(parser.floor, self.ready)
        for message in parser.out:
            message.ready = max(message.ready, self.ready)
        region = self.regions[winner.region]
        if region.waiting:
            region.join()
            winner.pos = parser.parse(region.data, winner.pos, region.base, region.segments, region.closed)
        bits = parser.bits
        parser.bits = 0
        parser.proof = 0
        return Outcome(parser, self.regions, winner.region, winner.pos, winner.start, self.ready, bits, self.searching)

    def _try(self, run: Hypothesis) -> i64:
        """Run a hypothesis on: RIGHT, WRONG or OPEN."""
        parser = run.parser
        while True:
            region = self.regions[run.region]
            run.pos = parser.parse(region.data, run.pos, region.base, region.segments, region.closed)
            if parser.minded_end:
                parser.weighed_ready = max(parser.weighed_ready, region.close_ready)
            if not parser.trial:
                return RIGHT
            if parser.trouble:
                return WRONG
            if not region.closed:
                return OPEN
            parser.weighed_ready = max(parser.weighed_ready, region.close_ready)
            aligned: i64 = ALIGNED_BITS if run.pos == len(region.data) and parser.left == 0 else 0
            enough = RIGHT if parser.bits + aligned >= max(run.at_end, parser.proof) else WRONG
            if run.stays or run.pos < len(region.data) or run.region + 1 == len(self.regions):
                return enough
            if self.searching and parser.bits < CONVINCING_BITS:
                return WRONG
            parser.bits += aligned
            gap = self.regions[run.region + 1].gap
            assert gap is not None
            if run.branches and _is_cut_unknown(parser):
                self._branch(run, gap, enough)
                return WRONG
            answer = parser.skip(gap.length, gap.packet)
            if answer == LOST:
                return enough
            if answer == GUESS:
                parser.proof = max(parser.proof, parser.bits + GUESS_BITS)
            run.region += 1
            run.pos = 0

    def _branch(self, run: Hypothesis, gap: StreamGap, enough: i64) -> None:
        """A hole is reached with a chunk size that is not certain: try several, then to stop before it."""
        branches: list[Hypothesis] = []
        for fork in _through(run.parser, gap):
            fork.proof = max(fork.proof, fork.bits + GUESS_BITS)
            branch = Hypothesis(fork, run.start, 0, run.at_end)
            branch.region = run.region + 1
            branch.branches = False
            branches.append(branch)
        if enough == RIGHT:
            run.stays = True
            branches.append(run)
        self.queue = branches + self.queue

    def _next(self) -> Hypothesis | None:
        if self.believing:
            if not self._suppose_header(self.regions[0]):
                return None
            self.believing = False
        if self.learning and not self.queue:
            region = self.regions[0]
            if not self._has(region, LEARN_SPAN):
                return None
            self.learning = False
            self._suppose_lengths(region)
        if not self.queue and not self.searching:
            self._search()
        if self.queue:
            return self.queue.pop(0)
        return self._scan()

    def _suppose_header(self, region: Region) -> bool:
        """Put up the header at the start with each chunk size it may have; False where more bytes are needed."""
        if not self._can_size(region, 0):
            return False
        for fork in self._forks(region, 0):
            fork.exempt = True
            self.suppose(fork, GUESS_BITS, GUESS_BITS if fork.unproven else self.believed_at_end)
        for habit in self._habits(region.data, 0):
            fork = self.parser.fork()
            fork.assume(region.data[0] & 63).adopt(habit)
            self.suppose(fork, GUESS_BITS, GUESS_BITS)
        return True

    def _suppose_lengths(self, region: Region) -> None:
        """Put up the header at the start with each length after which another header could stand.

        Messages that keep inheriting are all of one length, and the shortest that fits is it: twice the length
        would take two messages for one.
        """
        data = region.data
        if not data or data[0] < 0x80:
            return
        first: i64 = data[0]
        csid = first & 63
        payload: i64 = 1 + MESSAGE_HEADER_SIZES[first >> 6]
        if csid < 2 or payload >= len(data):
            return
        begins = re.escape(data[payload : payload + (5 if data[payload] >> 4 == 9 else 1)])
        again = re.compile(rb"(?:\x%02x\x00[\x00-\xff]{2}|\x%02x)%b" % (0x80 | csid, 0xC0 | csid, begins))
        pattern = re.compile(rb"(?=" + again.pattern + rb"|" + _header_pattern(self.parser).pattern + rb")")
        stop = min(len(data), LEARN_SPAN)
        for found in itertools.islice(pattern.finditer(data, payload + 1, stop), LEARN_TRIES):
            span = found.start() - payload
            type_id = likely_type(csid, span, data, payload, min(span, PEEK))
            if type_id == UNKNOWN:
                continue
            repeated = again.match(data, found.start()) is not None
            for size in sizes_of_span(self.parser, data, payload, span, 0xC0 | csid):
                headers = span // (size + 1)
                certain = self.parser.chunk_size_sure or span <= self.parser.uncut
                whole = False
                if type_id in NAMED_TYPES:
                    believed = whole = is_whole(data, payload, span - headers, size)
                elif (span - headers) % size == 0:
                    believed = False  # it may as well go on behind a chunk of another message
                else:
                    # One header alone may be payload that repeats, as silence does.
                    believed = (certain and headers == 0) or (repeated and (certain or headers != 1))
                if believed:
                    fork = self.parser.fork_with(self.parser.chunk_size if size == UNLIMITED else size)
                    fork.chunk_size_sure = fork.chunk_size_sure or headers > 0
                    stream = fork.assume(csid)
                    stream.adopt(Habit(type_id, span - headers, data[payload]))
                    stream.stale = 1 if whole else LEARN_HEADERS
                    self.suppose(fork, LEARN_BITS, LEARN_BITS)
            if repeated:
                break

    def _habits(self, data: bytes, place: i64) -> list[Habit]:
        """What else than the last message a short header at `place` may refer to."""
        first: i64 = data[place]
        stream = self.parser.streams.get(first & 63)
        if first < 0x80 or stream is None:
            return []
        return [
            habit for habit in stream.habits if habit.length != stream.length and habit.length <= self.parser.chunk_size
        ]

    def _search(self) -> None:
        """No supposition held: the place is lost."""
        self.searching = True
        self.scan_pos = 1 if self.distrust else 0
        self.parser.lose(self.ready)
        self.messages = self.parser.out
        self.parser.out = []
        self.pattern = _header_pattern(self.parser)

    def _scan(self) -> Hypothesis | None:
        """The next place that looks like a header; places and regions passed over are let go."""
        assert self.pattern is not None
        while True:
            region = self.regions[0]
            limit: i64 = len(region.data) - HEADER_SPAN
            found = self.pattern.search(region.data, self.scan_pos)
            place: i64 = len(region.data) if found is None else found.start()
            if found is not None and self._can_propose(region, place):
                self.scan_pos = place + 1
                self._propose(region, place)
                if self.queue:
                    return self.queue.pop(0)
                continue
            if not region.closed:
                self.scan_pos = max(self.scan_pos, min(place, limit))
                if self.scan_pos > FORGET_BYTES:
                    region.drop(self.scan_pos)
                    self.scan_pos = 0
                return None
            if len(self.regions) == 1:
                self.scan_pos = len(region.data)
                return None
            self.ready = max(self.ready, region.close_ready)
            region.close_ready = self.ready
            self.unresolved.append(self.regions.pop(0))
            self.scan_pos = 0

    def _has(self, region: Region, count: i64) -> bool:
        """Whether so many bytes of a region are there, or all that will be: with these a decision is certain."""
        ready = region.close_ready
        if len(region.data) >= count:
            ready = region.segments[index_at(region.segments, region.base + count - 1)].ready
        elif not region.closed:
            return False
        self.ready = max(self.ready, ready)
        return True

    def _can_propose(self, region: Region, place: i64) -> bool:
        """Whether enough has come to decide on the chunk sizes worth a try there."""
        if not self._has(region, place + HEADER_SPAN):
            return False
        return not self._is_convincing(region, place) or self._can_size(region, place)

    def _can_size(self, region: Region, place: i64) -> bool:
        """Whether all is there that tells how the message is cut whose whole header stands at `place`."""
        length = length_at(self.parser, region.data, place)
        if not self.parser.may_be_cut(length):
            return True
        return self._has(region, known_end(place, length))

    def _propose(self, region: Region, place: i64) -> None:
        parser = self.parser
        first: i64 = region.data[place]
        if first == 0xC2 and not _acknowledges(parser):
            self._propose_acknowledgements(region, place)
            if not _has_seen(parser, CONTROL_CSID):
                return
        if parser.may_be_cut(length_at(parser, region.data, place)) and not self._is_convincing(region, place):
            fork = parser.fork()
            fork.unproven = PROOF_BITS
            self._queue(region, place, fork)
        else:
            for fork in self._forks(region, place):
                self._queue(region, place, fork)
        for habit in self._habits(region.data, place):
            fork = parser.fork()
            fork.assume(first & 63).adopt(habit)
            self._queue(region, place, fork)

    def _propose_acknowledgements(self, region: Region, place: i64) -> None:
        """A player that says nothing but how much it has received: fmt 3 and a number that grows (FFmpeg)."""
        data = region.data
        if len(data) < place + 15 or data[place + 5] != 0xC2 or data[place + 10] != 0xC2:
            return
        totals = [u32(data, place + 1 + 5 * index) for index in range(3)]
        if not (0 < totals[1] - totals[0] < LARGEST_STEP and 0 < totals[2] - totals[1] < LARGEST_STEP):
            return
        fork = self.parser.fork()
        stream = fork.assume(CONTROL_CSID)
        stream.type_id = ACKNOWLEDGEMENT
        stream.length = 4
        stream.message_stream_id = 0
        stream.acknowledged = totals[0] - 1
        self._queue(region, place, fork)

    def _queue(self, region: Region, place: i64, fork: ChunkParser) -> None:
        fork.trial = True
        fork.needed = SEARCH_BITS
        self.queue.append(Hypothesis(fork, region.base + place, place, SEARCH_BITS_AT_END))

    def _forks(self, region: Region, place: i64) -> list[ChunkParser]:
        """Parsers to begin at `place`: one that goes on as before, where need be one for each chunk size."""
        length = length_at(self.parser, region.data, place)
        sizes = sizes_at(self.parser, region.data, place, length) if self.parser.may_be_cut(length) else None
        if sizes is None:
            return [self.parser.fork()]
        forks: list[ChunkParser] = []
        for size in sizes:
            fork = self.parser.fork_with(size)
            fork.chunk_size_sure = size < length
            fork.uncut = length
            fork.unproven = PROOF_BITS
            if size < length and size != self.parser.chunk_size:
                fork.unproven += FOUND_BITS
            forks.append(fork)
        return forks

    def _is_convincing(self, region: Region, place: i64) -> bool:
        """Whether a full header is good enough alone to question the chunk size for it."""
        probe = self.parser.fork()
        probe.chunk_size = UNLIMITED
        probe.trial = True
        probe.needed = CONVINCING_BITS
        probe.parse(region.data[place : place + HEADER_SPAN], 0, region.base + place, region.segments, True)
        return probe.bits >= CONVINCING_BITS


def _is_cut_unknown(parser: ChunkParser) -> bool:
    """Whether a message is under way whose first chunk may end anywhere."""
    current = parser.current
    if current is None or current.remaining == 0 or current.chunks > 1:
        return False
    return parser.may_be_cut(current.length)


def _through(parser: ChunkParser, gap: StreamGap) -> list[ChunkParser]:
    """Parsers behind a hole through which the message under way goes on.

    Where the chunk size is not certain, sizes in use come first under which the hole ends with a chunk, as it does for
    senders that write chunk by chunk; the odd size that does so comes behind the one in force.
    """
    sizes = [parser.chunk_size]
    current = parser.current
    if current is not None and _is_cut_unknown(parser):
        taken = current.length - current.remaining
        if gap.length < current.remaining and taken + gap.length not in sizes:
            sizes.append(taken + gap.length)
        sizes += [size for size in SIZES_IN_USE if size > taken and size not in sizes]
    fitting: list[ChunkParser] = []
    others: list[ChunkParser] = []
    for size in sizes:
        fork = parser.branch(size)
        if fork.skip(gap.length, gap.packet) == LOST:
            continue
        if fork.at_header and (size == parser.chunk_size or size in SIZES_IN_USE):
            fitting.append(fork)
        elif fork.at_header or size in (parser.chunk_size, UNLIMITED):
            others.append(fork)
    return fitting + others


def _has_seen(parser: ChunkParser, csid: int) -> bool:
    stream = parser.streams.get(csid)
    return stream is not None and stream.seen


def _acknowledges(parser: ChunkParser) -> bool:
    """Whether a short header on csid 2 is known to bring an acknowledgement."""
    stream = parser.streams.get(CONTROL_CSID)
    return stream is not None and stream.seen and stream.type_id == ACKNOWLEDGEMENT


def _header_pattern(parser: ChunkParser) -> re.Pattern[bytes]:
    """What a header can look like: full ones anywhere, short ones on csids seen, before a payload of their kind.

    With many csids the kinds are left out: a pattern that is always the same costs nothing to make again.
    """
    choices = [FULL_HEADERS]
    if not _acknowledges(parser):
        choices.append(ACKNOWLEDGEMENTS)
    streams = [stream for stream in parser.streams.values() if stream.seen and stream.csid < 64]
    few = len(streams) <= KINDS_SEARCHED
    for stream in streams:
        begins = _first_bytes(stream) if few else b""
        choices.append(rb"\x%02x\x00[\x00-\xff]{2}%b" % (0x80 | stream.csid, begins))
        if not stream.orphan or stream.habits or begins:
            choices.append(rb"\x%02x%b" % (0xC0 | stream.csid, begins))
    return re.compile(rb"(?=" + rb"|".join(choices) + rb")")


def _first_bytes(stream: ChunkStream) -> bytes:
    """A pattern for the first payload byte of the next message of a stream: like the last one or like its habits."""
    kinds = [Habit(stream.type_id, stream.length, stream.first_byte), *stream.habits]
    found: list[int] = []
    for kind in kinds:
        if kind.first_byte == UNKNOWN or stream.extended or kind.length == 0:
            return b""
        if kind.type_id == AUDIO:
            found.append(kind.first_byte)
        elif kind.type_id == VIDEO and kind.first_byte < 0x80:
            found.extend(frame << 4 | kind.first_byte & 15 for frame in range(1, 6))
        else:
            return b""
    return rb"[%b]" % b"".join([rb"\x%02x" % byte for byte in found])
