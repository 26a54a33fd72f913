"""One direction from its first byte to its last: handshake, chunk stream, and what to do at a hole.

Stream items go in, events come out, in stream order.  The handshake has a fixed size, so a hole in it costs
only the part it fell in.  In the chunk stream a hole that lies inside one chunk is stepped over at once; any
other, and any byte that cannot be what it should be, starts a Recovery (see resync), which gets everything
until it has decided.  After an RTMPE handshake nothing can be read: the bytes are counted, no more.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.limits import HELD_BYTES
from rtmpscope.model import (
    UNKNOWN,
    ChunkHeader,
    End,
    Event,
    Gap,
    Handshake,
    Segment,
    Severity,
    StreamData,
    StreamEnd,
    StreamGap,
)
from rtmpscope.rtmp.chunks import ChunkParser
from rtmpscope.rtmp.handshake import ENCRYPTED_VERSIONS, PLAIN_VERSION, sender
from rtmpscope.rtmp.region import Region
from rtmpscope.rtmp.resync import GUESS_BITS, Outcome, Recovery
from rtmpscope.rtmp.segments import index_at, segments_from, without_blocks
from rtmpscope.rtmp.trust import CHUNK_SIZE_UNKNOWN, DOUBT, UNSEEN

# Where the parts of a handshake end in the stream (5.2.2 to 5.2.4).
PART_ENDS: Final = (1, 1537, 3073)
PART_NAMES: Final = (("C0", "C1", "C2"), ("S0", "S1", "S2"))

# What is known of one chunk stream takes.
STREAM_BYTES: Final = 512

# What the header of one chunk takes, where they are kept.
HEADER_BYTES: Final = 216


def looks_like_handshake(data: bytes) -> bool:
    """Whether 1537 bytes are a C0 and C1, or S0 and S1: a version, then a zero field or a valid digest."""
    if data[0] != PLAIN_VERSION and data[0] not in ENCRYPTED_VERSIONS:
        return False
    return data[5:9] == b"\0\0\0\0" or sender(data[1:1537]) != UNKNOWN


class DirectionReader:
    """Reads what one side of a connection sent.

    framed counts the bytes that belonged to chunks, handshaken those of the handshake; what is neither, nor
    in a gap, was skipped while searching.  encrypted: this is RTMPE; deaf: it ended before it could be read.
    """

    __slots__ = (
        "connection", "direction", "parser", "recovery", "handshaking", "late", "beginning", "encrypted", "part",
        "held", "handshaken", "tail", "tail_base", "tail_segments", "deaf", "received", "ended",
    )  # fmt: skip

    def __init__(self, connection: i64, direction: i64, whole: bool) -> None:
        self.connection = connection
        self.direction = direction
        self.parser = ChunkParser(connection, direction, whole)
        self.recovery: Recovery | None = None
        self.handshaking = True
        self.late = False  # began without a SYN, and it is not decided yet where
        self.beginning: StreamGap | None = None
        self.encrypted = False
        self.part: i64 = 0
        self.held: list[StreamData] = []
        self.handshaken: i64 = 0
        self.tail = b""  # a header that is not complete yet
        self.tail_base: i64 = 0
        self.tail_segments: list[Segment] = []
        self.deaf = False
        self.ended = False
        self.received: i64 = 0  # the stream offset behind the last item

    def name(self, connection: i64, direction: i64) -> None:
        """Say which connection and direction this is, for all events from now on."""
        self.connection = connection
        self.direction = direction
        self.parser.connection = connection
        self.parser.direction = direction
        if self.recovery is not None:
            self.recovery.name(connection, direction)

    @property
    def framed(self) -> int:
        return self.parser.framed

    @property
    def position(self) -> int:
        """The stream offset up to which chunk headers have been read, while in_sync."""
        return self.tail_base if self.tail else self.received

    @property
    def held_bytes(self) -> int:
        """Memory that waits for more bytes: unfinished messages, chunk streams, and what is being searched."""
        held = int(self.parser.kept + STREAM_BYTES * len(self.parser.streams))
        if self.parser.detail:
            held += HEADER_BYTES * sum([len(stream.headers or ()) for stream in self.parser.streams.values()])
        for item in self.held:
            held += len(item.data)
        if self.recovery is not None:
            for region in self.recovery.regions:
                held += region.size
        return held

    @property
    def in_sync(self) -> bool:
        """Whether the state is simple enough to be kept as a checkpoint."""
        return self.recovery is None and not (self.handshaking or self.late or self.encrypted or self.deaf)

    def snapshot(self) -> DirectionReader:
        """An independent copy, to read on from here; only while in_sync."""
        other = DirectionReader(self.connection, self.direction, self.parser.whole)
        other.parser = self.parser.copy()
        other.handshaking = False
        other.tail = self.tail
        other.tail_base = self.tail_base
        other.tail_segments = list(self.tail_segments)
        other.received = self.received
        other.ended = self.ended
        return other

    def feed(self, item: StreamData | StreamGap | StreamEnd, out: list[Event]) -> None:
        """Take the next item of the stream, and append to `out` what has become certain by it."""
        if isinstance(item, StreamData):
            self.received = item.offset + len(item.data)
        if isinstance(item, StreamEnd):
            self._end(item, out)
        elif self.late:
            self._begin_late(item, out)
        elif isinstance(item, StreamGap) and item.reason == "mid_stream":
            self.late = True
            self.beginning = item
        elif self.deaf or (self.encrypted and not self.handshaking):
            if isinstance(item, StreamGap):
                out.append(self._gap(item, UNKNOWN, item.packet))
        elif self.recovery is not None:
            self.recovery.feed(item)
            self._recover(out)
        elif isinstance(item, StreamGap):
            if self.handshaking:
                self._skip_handshake(item, out)
            else:
                self._skip(item, out)
        elif self.handshaking:
            self._shake(item, out)
        else:
            self._read(item, out)

    # ---------------------------------------------------------------- handshake

    def _shake(self, item: StreamData, out: list[Event]) -> None:
        """Cut the handshake parts off the front of the stream."""
        while self.part < 3:
            start: i64 = 0 if self.part == 0 else PART_ENDS[self.part - 1]
            end: i64 = PART_ENDS[self.part]
            self.held.append(item)
            without_blocks(item.segments)
            if item.offset + len(item.data) < end:
                self.handshaken += len(item.data)
                return
            rest = _after(item, end)
            self.handshaken += len(item.data) - len(rest.data)
            data = b"".join([piece.data for piece in self.held])[: end - max(start, self.held[0].offset)]
            segment = _segment_of(item, end - 1)
            name = PART_NAMES[self.direction][self.part]
            part = Handshake(self.connection, self.direction, segment.packet, segment.time_ns, name, start, data)
            part.ready = max(segment.ready, self.parser.floor)
            if self.part == 0 and data and data[0] in ENCRYPTED_VERSIONS:
                self.encrypted = True
            out.append(part)
            self.part += 1
            self.held = []
            item = rest
        self.handshaking = False
        if item.data and not self.encrypted:
            self._read(item, out)

    def _skip_handshake(self, gap: StreamGap, out: list[Event]) -> None:
        """A hole in the handshake: its parts end where they must, whatever is missing."""
        self.held = []
        end = gap.offset + gap.length
        while self.part < 3 and end >= PART_ENDS[self.part]:
            self.part += 1
        if self.part < 3 or end == PART_ENDS[2]:
            out.append(self._gap(gap, 0, gap.packet))
            if self.part == 3:
                self.handshaking = False
            return
        self.handshaking = False
        self.parser.forget_chunk_size()
        self.recovery = Recovery(self.parser, Region(gap, end), False)
        self._recover(out)

    def _begin_late(self, item: StreamData | StreamGap, out: list[Event]) -> None:
        """The capture began after the connection did, perhaps just before its handshake."""
        if isinstance(item, StreamData):
            self.held.append(item)
            without_blocks(item.segments)
            data = b"".join([piece.data for piece in self.held])
            possible = data[0] == PLAIN_VERSION or data[0] in ENCRYPTED_VERSIONS
            if possible and len(data) < PART_ENDS[1]:
                return
            self.parser.floor = _segment_of(item, PART_ENDS[1] - 1 if possible else item.offset).ready
            if possible and looks_like_handshake(data[: PART_ENDS[1]]):
                self._go_on_with(self.held, out)
                return
        else:
            self.parser.floor = item.packet
        self._search_from_start()
        if isinstance(item, StreamGap):
            self.feed(item, out)
        else:
            self._recover(out)

    def _go_on_with(self, held: list[StreamData], out: list[Event]) -> None:
        self.late = False
        self.held = []
        for item in held:
            self.feed(item, out)

    def _search_from_start(self) -> None:
        held = self.held
        self.late = False
        self.held = []
        self.handshaking = False
        self.parser.forget_chunk_size()
        self.recovery = Recovery(self.parser, Region(self.beginning, 0), False)
        for item in held:
            self.recovery.feed(item)

    # ---------------------------------------------------------------- chunk stream

    def _read(self, item: StreamData, out: list[Event]) -> None:
        data = item.data
        base = item.offset
        segments = item.segments
        if self.tail:
            data = self.tail + data
            base = self.tail_base
            segments = self.tail_segments + segments
            self.tail = b""
        parser = self.parser
        pos = parser.parse(data, 0, base, segments, False)
        if parser.out:
            out.extend(parser.out)
            parser.out = []
        if parser.trouble:
            self._doubt(_rest(data, pos, base, segments))
            self._recover(out)
        elif pos < len(data):
            self._keep_tail(data, pos, base, segments)

    def _keep_tail(self, data: bytes, pos: i64, base: i64, segments: list[Segment]) -> None:
        self.tail = data[pos:]
        self.tail_base = base + pos
        self.tail_segments = without_blocks(segments_from(segments, self.tail_base))

    def _finish_tail(self, packet: i64, out: list[Event]) -> int:
        """Nothing follows the tail, as `packet` tells: read it as it is; how many bytes are a header cut off."""
        region = Region(None, self.tail_base)
        region.append(StreamData(self.tail_base, self.tail, self.tail_segments))
        self.tail = b""
        parser = self.parser
        parser.floor = max(parser.floor, packet)
        pos = parser.parse(region.data, 0, region.base, region.segments, True)
        out.extend(parser.out)
        parser.out = []
        if parser.trouble:
            region.cut(pos)
            self._doubt(region)
            return 0
        cut = len(region.data) - pos
        parser.framed += cut
        return cut

    def _skip(self, gap: StreamGap, out: list[Event]) -> None:
        """A hole in the chunk stream."""
        parser = self.parser
        if self.tail:
            cut = self._finish_tail(gap.packet, out)
            if self.recovery is not None:
                self.recovery.feed(gap)
                self._recover(out)
                return
            if cut:
                # Where the message of this header ends is lost with the rest of it.
                self._search_behind(gap, out, False)
                return
        if parser.spans(gap.length):
            parser.skip(gap.length, gap.packet)
            out.append(self._gap(gap, 0, gap.packet))
            out.extend(parser.out)
            parser.out = []
            return
        self._search_behind(gap, out, True)

    def _search_behind(self, gap: StreamGap, out: list[Event], goes_on: bool) -> None:
        """Recover behind a hole; goes_on: first suppose that the message under way went on through it."""
        recovery = Recovery(self.parser, Region(gap, gap.offset + gap.length), False)
        recovery.ready = max(recovery.ready, gap.packet)
        if goes_on:
            recovery.go_on(gap)
        self.recovery = recovery
        self._recover(out)

    def _doubt(self, region: Region) -> Recovery:
        """Bytes that cannot be what they should be: `region` begins with them."""
        parser = self.parser
        recovery = Recovery(parser, region, True)
        recovery.ready = max(recovery.ready, parser.trouble_ready)
        if parser.trouble == DOUBT or parser.trouble == CHUNK_SIZE_UNKNOWN:
            recovery.believe_header(GUESS_BITS if parser.distrust else 0)
        if parser.distrust and parser.trouble in (UNSEEN, DOUBT):
            recovery.learn_header()
        self.recovery = recovery
        return recovery

    def _recover(self, out: list[Event]) -> None:
        """Let the recovery go on, and go on with what it found."""
        while self.recovery is not None:
            recovery = self.recovery
            outcome = recovery.run()
            for unresolved in recovery.unresolved:
                out.append(self._gap_before(unresolved, UNKNOWN, unresolved.close_ready))
            recovery.unresolved = []
            out.extend(recovery.messages)
            recovery.messages = []
            if outcome is None:
                return
            self._report(outcome, out)
            parser = self.parser = outcome.parser
            out.extend(parser.out)
            parser.out = []
            self.recovery = None
            region = outcome.regions[outcome.reached]
            later = outcome.regions[outcome.reached + 1 :]
            if parser.trouble:
                region.cut(outcome.pos)
                self._doubt(region).regions.extend(later)
                continue
            if outcome.pos < len(region.data):
                self._keep_tail(region.data, outcome.pos, region.base, region.segments)
            for following in later:
                assert following.gap is not None
                self.feed(following.gap, out)
                if following.data:
                    self.feed(StreamData(following.base, following.data, following.segments), out)

    def _report(self, outcome: Outcome, out: list[Event]) -> None:
        """The gaps that were bridged, and how."""
        first = outcome.regions[0]
        if first.gap is not None or outcome.searched:
            event = self._gap_before(first, outcome.start - first.origin, outcome.ready)
            event.confidence = min(99, 50 + outcome.bits)
            out.append(event)
        for region in outcome.regions[1 : outcome.reached + 1]:
            out.append(self._gap_before(region, 0, outcome.ready))

    def _gap_before(self, region: Region, resumed: i64, ready: i64) -> Gap:
        """Why a region had to be searched: the hole before it, or bytes that are no chunk stream."""
        if region.gap is not None:
            return self._gap(region.gap, resumed, ready)
        first = region.first
        assert first is not None
        event = self._gap(StreamGap(region.origin, 0, "mid_stream", first.packet, first.time_ns), resumed, ready)
        then = "reading goes on at the next sure header" if resumed != UNKNOWN else "no sure header follows"
        event.note("lost-sync", Severity.WARNING, f"the bytes here do not continue the chunk stream; {then}")
        return event

    def _gap(self, gap: StreamGap, resumed: i64, ready: i64) -> Gap:
        event = Gap(self.connection, self.direction, gap.packet, gap.time_ns, gap.offset, gap.length, gap.reason)
        event.resumed = resumed
        event.ready = max(ready, self.parser.floor)
        return event

    def _unfinished(self) -> list[ChunkHeader]:
        """The chunks of messages that are not whole yet, where headers are kept."""
        return [header for stream in self.parser.streams.values() for header in stream.headers or ()]

    def _end(self, item: StreamEnd, out: list[Event]) -> None:
        if self.late:
            self.parser.floor = item.ready
            self._search_from_start()
        cut: i64 = 0
        told: Recovery | None = None
        while self.tail or self.recovery is not told:  # what a recovery leaves to the next one ends here too
            if self.tail:
                cut = self._finish_tail(item.ready, out)
            told = self.recovery
            if told is not None:
                told.feed(item)
                self._recover(out)
        if self.recovery is not None:
            for region in self.recovery.regions:
                out.append(self._gap_before(region, UNKNOWN, item.ready))
            out.extend(self.recovery.messages)
            self.recovery.messages = []
            self.recovery = None
            self.deaf = True
        if self.ended:
            return  # of what came after the end; the end itself has been told
        self.ended = True
        incomplete = self.parser.incomplete + cut + len(self.tail)
        end = End(self.connection, self.direction, item.packet, item.time_ns, item.how, incomplete, item.offset)
        end.ready = item.ready
        end.acked = item.acked
        end.chunk_headers = self._unfinished()
        if item.how == "given_up":
            text = f"more than {HELD_BYTES >> 20} MiB waited for more bytes, most of it here: this is not read on"
            end.note("limit-held-bytes", Severity.WARNING, text)
        if self.parser.incomplete:
            open_end = item.how == "capture_end"
            why = "the capture ends before the rest" if open_end else "the sender was cut off"
            severity = Severity.COMMENT if open_end else Severity.NOTE
            end.note("incomplete-at-end", severity, f"{incomplete:,} bytes of an unfinished message: {why}")
            for code, (severity, text) in self.parser.pending_notes().items():
                end.note(code, severity, text)
        out.append(end)


def _after(item: StreamData, offset: i64) -> StreamData:
    """What of an item comes after a stream offset."""
    cut = offset - item.offset
    return StreamData(offset, item.data[cut:], segments_from(item.segments, offset))


def _segment_of(item: StreamData, offset: i64) -> Segment:
    return item.segments[min(index_at(item.segments, offset), len(item.segments) - 1)]


def _rest(data: bytes, pos: i64, base: i64, segments: list[Segment]) -> Region:
    region = Region(None, base + pos)
    region.append(StreamData(base + pos, data[pos:], segments_from(segments, base + pos)))
    return region
