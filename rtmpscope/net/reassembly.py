"""Segments in, streams out: TCP reassembly that never invents a byte and never waits for ever.

Each direction of a connection is a Side with one expected sequence number.  The common case, the very
segment that was expected, is a list append.  A segment from beyond waits, sorted, behind a hole; one from
before is a retransmission.  Of a byte that comes again the first copy seen counts, whether it waits or not.

A hole becomes a StreamGap when waiting on is pointless: the peer has acknowledged the missing bytes and
enough has arrived since to rule out mere disorder (capture_loss); nothing has come for a minute, the wait
has grown too large, or the connection is over (network_loss unless acknowledged).  Bytes that the snaplen
cut off are a gap at once.  A reset ends both sides, but not one of which nothing has come: its packets may
follow, where captures of each side were joined end to end; nor at once, where it is known that more was
sent than has come.  A direction whose SYN was not seen starts at the lowest sequence number among its first few
segments, with an empty mid_stream gap.

Sequence numbers wrap at 2**32 and are compared by their signed distance (RFC 9293, 3.4); stream offsets
count from 0 and never wrap.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from mypy_extensions import i64

from rtmpscope.limits import CONFLICTS, FORGOTTEN, OUT_OF_ORDER_BYTES, OUT_OF_ORDER_SEGMENTS, TRIALS
from rtmpscope.model import ACK, FIN, RST, SYN, UNKNOWN, Segment, StreamData, StreamEnd, StreamGap, TcpStats
from rtmpscope.net.address import reverse

# How long a hole stays open: segments of the connection, and nanoseconds, since the last progress.
ACKED_SEGMENTS: Final = 256
ACKED_NS: Final = 2_000_000_000
SILENT_NS: Final = 60_000_000_000

# How much may be acknowledged of a side of which no byte was captured: more is an answer to another connection,
# which the other end still had open (RFC 9293, 3.5.1).
ACKED_UNSEEN: Final[i64] = 16 << 20

# How far behind bytes of its connection, in time and in sequence numbers, a SYN may come that opened it.
LATE_SYN_NS: Final = 2_000_000_000
LATE_SYN_BYTES: Final[i64] = 1 << 20

# How far clocks must be apart at least to be told from packets that were captured out of order.
CLOCKS_NS: Final = 10_000_000

# How long after both its ends what still comes of a connection is read.
LINGER_NS: Final = 10_000_000_000

# Within what time a packet is captured twice on its way through one machine, from interface to interface.
SEEN_TWICE_NS: Final = 1_000_000

# How many bytes that were delivered are kept at least, to be compared with those that come again.
RECENT_BYTES: Final[i64] = 16_384

# How many segments, and nanoseconds, decide where a direction without a SYN begins.
START_SEGMENTS: Final = 16
START_NS: Final = 500_000_000

# What a segment that waits takes besides its payload.
SEGMENT_BYTES: Final = 256

StreamItem = StreamData | StreamGap | StreamEnd


class Side:
    """One direction of a connection: what one endpoint sent."""

    __slots__ = (
        "key", "stats", "started", "expected", "offset", "acked", "waiting", "waiting_bytes", "run", "items",
        "recent", "recent_bytes", "progress_ns", "newest_offset", "age", "fin_offset", "ending",
        "ending_packet", "ending_ns", "ending_ack", "ending_acked", "ended", "end_offset", "syn_seq", "rst_seq",
        "conflicts",
    )  # fmt: skip

    def __init__(self, key: bytes) -> None:
        self.key: Final = key
        self.stats: Final = TcpStats()
        self.started = False
        self.expected: i64 = 0  # sequence number of the next byte
        self.offset: i64 = 0  # its place in the stream
        self.acked: i64 = UNKNOWN  # the peer's newest acknowledgement number
        self.waiting: list[Segment] = []
        self.waiting_bytes: i64 = 0
        self.run: list[Segment] = []
        self.items: list[StreamItem] = []
        self.recent: list[bytes] = []  # what was delivered last, without a hole
        self.recent_bytes: i64 = 0
        self.progress_ns: i64 = 0
        self.newest_offset: i64 = 0  # of the segment that was delivered last
        self.age: i64 = 0
        self.fin_offset: i64 = UNKNOWN
        self.ending = ""  # "fin" or "rst" once one was seen, and where
        self.ending_packet: i64 = UNKNOWN
        self.ending_ns: i64 = 0
        self.ending_ack: i64 = UNKNOWN  # what its FIN acknowledges: a sequence number, and a place in the peer's stream
        self.ending_acked: i64 = UNKNOWN
        self.ended = False
        self.end_offset: i64 = 0
        self.syn_seq: i64 = UNKNOWN
        self.rst_seq: i64 = UNKNOWN  # of the reset it sent: how far it had come
        self.conflicts: list[int] = []  # packets of retransmissions that disagree, not yet reported

    @property
    def held_bytes(self) -> int:
        """Memory that waits behind holes."""
        return self.waiting_bytes + SEGMENT_BYTES * len(self.waiting)

    @property
    def quiet(self) -> bool:
        """Whether nothing waits and nothing is left to take: then copy_to() copies all there is."""
        return self.started and not (self.waiting or self.run or self.items)

    @property
    def syn(self) -> i64:
        """The sequence number of the SYN, captured or not; UNKNOWN before anything was."""
        if self.syn_seq != UNKNOWN or not self.started:
            return self.syn_seq
        return (self.expected - self.offset - 1) & 0xFFFFFFFF

    def is_another(self, syn: i64) -> bool:
        """Whether its peer, of which alone something came, spoke to another SYN than the one of this number."""
        if self.started:
            return self.syn != syn
        distance: i64 = (self.acked - syn) & 0xFFFFFFFF
        return self.acked != UNKNOWN and distance > ACKED_UNSEEN

    def copy_to(self, other: Side) -> None:
        other.started = self.started
        other.expected = self.expected
        other.offset = self.offset
        other.acked = self.acked
        other.progress_ns = self.progress_ns
        other.fin_offset = self.fin_offset
        other.ending = self.ending
        other.ending_packet = self.ending_packet
        other.ending_ns = self.ending_ns
        other.ending_ack = self.ending_ack
        other.ending_acked = self.ending_acked
        other.ended = self.ended
        other.end_offset = self.end_offset
        other.syn_seq = self.syn_seq
        other.rst_seq = self.rst_seq

    def start(self, expected: i64, packet: i64, now: i64) -> None:
        """Begin at a known sequence number; segments that came before it was known are placed."""
        self.started = True
        self.expected = expected
        self.progress_ns = now
        early = self.waiting
        self.waiting = []
        self.waiting_bytes = 0
        for segment in early:
            self._place(segment, packet)

    def add(self, segment: Segment) -> None:
        """Take one segment that carries payload or a FIN."""
        if self.started:
            self._place(segment, segment.packet)
        else:
            self._collect(segment)

    def _place(self, segment: Segment, ready: i64) -> None:
        distance: i64 = (segment.seq - self.expected) & 0xFFFFFFFF
        if distance >= 0x80000000:
            distance -= 0x100000000
        segment.offset = self.offset + distance
        if segment.flags & FIN:
            self.fin_offset = segment.offset + segment.length + segment.cut
            self.announce("fin", segment)
        if distance > 0:
            if segment.length + segment.cut > 0:
                self.stats.out_of_order += 1
                self._wait(segment)
            return
        if self.waiting and self.waiting[0].offset < _end_of(segment):
            self._wait(segment)  # some of its bytes were brought before
        else:
            self._deliver(segment, ready)
        if self.waiting:
            self._drain(ready)

    def announce(self, how: str, segment: Segment) -> None:
        """A FIN or RST came; the end itself is reported once everything before it has been delivered."""
        if not self.ending:
            self.ending = how
            self.ending_packet = segment.packet
            self.ending_ns = segment.time_ns
            if segment.flags & FIN and segment.key == self.key:
                self.ending_ack = segment.ack

    def place(self, peer: Side) -> None:
        """Find where in the peer's stream that is what the FIN acknowledges."""
        if self.ending_ack != UNKNOWN and peer.started:
            distance: i64 = (self.ending_ack - peer.expected) & 0xFFFFFFFF
            self.ending_acked = peer.offset + (distance if distance < 0x80000000 else distance - 0x100000000)

    def end_with(self, peer: Side) -> None:
        """The peer's reset ended it too."""
        self.ending = peer.ending
        self.ending_packet = peer.ending_packet
        self.ending_ns = peer.ending_ns

    def settle(self, packet: i64, now: i64) -> None:
        """Give up the hole in front if the time has come; called with each segment while something waits."""
        self.age += 1
        if not self.started:
            if len(self.waiting) >= START_SEGMENTS or now - self.waiting[0].time_ns > START_NS:
                self._start_late(packet, now)
            return
        silent = now - self.progress_ns
        too_much = self.waiting_bytes > OUT_OF_ORDER_BYTES or len(self.waiting) > OUT_OF_ORDER_SEGMENTS
        if too_much or silent > SILENT_NS:
            self._give_up(packet, now)
        elif (self.age > ACKED_SEGMENTS or silent > ACKED_NS) and self._is_acked(self.waiting[0].offset):
            self._give_up(packet, now)

    def finish(self, how: str, packet: i64, now: i64) -> None:
        """The connection is over: everything that waits is delivered with its gaps, then the end."""
        if not self.started and self.waiting:
            self._start_late(packet, now)
        while self.waiting:
            self._give_up(packet, now)
        if self.ended:
            if self.offset > self.end_offset:  # what came after a FIN or RST ends too
                self._end(how, packet, now)
            return
        self._close_tail(packet, now)
        self._end(how, packet, now)

    def end_if_due(self, packet: i64, now: i64) -> None:
        """Report the end once everything before it has been delivered."""
        if self.ended or not self.ending or self.waiting:
            return
        if self._missing() <= 0 if self.ending == "rst" else self.offset >= self.fin_offset:
            self._end(self.ending, packet, now)

    def take(self) -> list[StreamItem]:
        """What became ready since the last call, in stream order; adjacent segments are joined."""
        self._flush()
        items = self.items
        self.items = []
        return items

    def _collect(self, segment: Segment) -> None:
        if segment.flags & FIN:
            self.announce("fin", segment)
        if segment.length + segment.cut > 0 or self.waiting:
            segment.detach()
            self.waiting_bytes += segment.length
            self.waiting.append(segment)  # a bare FIN too, whose place is known once the stream has begun

    def _start_late(self, packet: i64, now: i64) -> None:
        """No SYN: the lowest sequence number of the first segments is where the stream begins for us."""
        first = self.waiting[0].seq
        lowest: i64 = 0
        for segment in self.waiting:
            distance: i64 = (segment.seq - first) & 0xFFFFFFFF
            if distance >= 0x80000000 and distance - 0x100000000 < lowest:
                lowest = distance - 0x100000000
        self.items.append(StreamGap(0, 0, "mid_stream", packet, now))
        self.start((first + lowest) & 0xFFFFFFFF, packet, now)

    def _wait(self, segment: Segment) -> None:
        """Keep, in stream order, what no segment that waits has brought: the first copy of a byte counts."""
        waiting = self.waiting
        if not waiting:
            self.age = 0
            self.progress_ns = segment.time_ns
        at = segment.offset
        end = _end_of(segment)
        first = self._first_waiting(at)
        last = first
        differs = False
        pieces: list[Segment] = []
        while last < len(waiting) and waiting[last].offset < end:
            other = waiting[last]
            if at < other.offset:
                pieces.append(self._kept(segment, at, other.offset))
            differs = differs or _differs(segment, other.offset, other.payload)
            pieces.append(other)
            at = _end_of(other)
            last += 1
        if at < end:
            pieces.append(self._kept(segment, at, end))
        if first < last:
            self._repeated(segment, differs)
        waiting[first:last] = pieces

    def _kept(self, segment: Segment, first: i64, last: i64) -> Segment:
        """A part of a segment, which waits without what was read along with it."""
        part = _part(segment, first, last)
        part.detach()
        self.waiting_bytes += part.length
        return part

    def _first_waiting(self, offset: i64) -> i64:
        """The place among those that wait of the first one that ends behind an offset."""
        waiting = self.waiting
        low: i64 = 0
        high: i64 = len(waiting)
        if high and _end_of(waiting[high - 1]) <= offset:
            return high
        while low < high:
            middle = (low + high) // 2
            if _end_of(waiting[middle]) <= offset:
                low = middle + 1
            else:
                high = middle
        return low

    def _drain(self, ready: i64) -> None:
        count: i64 = 0
        for segment in self.waiting:
            if segment.offset > self.offset:
                break
            self.waiting_bytes -= segment.length
            self._deliver(segment, ready)
            count += 1
        if count:
            del self.waiting[:count]

    def _deliver(self, segment: Segment, ready: i64) -> None:
        """Append a segment that begins at the expected byte or before it."""
        overlap = self.offset - segment.offset
        if overlap > 0:
            self._flush()
            differs = self._differs_from_recent(segment)
            if differs or not self._is_seen_twice(segment):
                self._repeated(segment, differs)
            if overlap >= segment.length:
                return
            segment = _part(segment, self.offset, _end_of(segment))
        segment.ready = ready
        self.age = 0
        self.progress_ns = segment.time_ns
        self.newest_offset = segment.offset
        if segment.length:
            self.run.append(segment)
            self.offset += segment.length
        if segment.cut:
            self._gap(segment.cut, "snaplen", ready, segment.time_ns)
        self.expected = (segment.seq + segment.length + segment.cut) & 0xFFFFFFFF

    def _is_seen_twice(self, segment: Segment) -> bool:
        """Whether it is the one before or a part of it, so soon that nobody can have sent it again.

        Of several interfaces each may be written in turns, so that what one saw comes after newer packets of another.
        """
        later = segment.time_ns - self.progress_ns
        soon = later < 0 or (later < SEEN_TWICE_NS and self.newest_offset <= segment.offset)
        return soon and _end_of(segment) <= self.offset

    def _differs_from_recent(self, segment: Segment) -> bool:
        """Whether it repeats recent bytes and differs, as far back as in any batches they are still there."""
        end = self.offset
        oldest = max(segment.offset, end - RECENT_BYTES)
        for data in reversed(self.recent):
            start = end - len(data)
            if _differs(segment, max(start, oldest), data[max(0, oldest - start) :]):
                return True
            if start <= oldest:
                break
            end = start
        return False

    def _repeated(self, segment: Segment, differs: bool) -> None:
        """Count a retransmission."""
        self.stats.retransmissions += 1
        if differs:
            self.stats.conflicts += 1
            if len(self.conflicts) < CONFLICTS:
                self.conflicts.append(segment.packet)

    def _is_acked(self, offset: i64) -> bool:
        if self.acked == UNKNOWN:
            return False
        distance: i64 = (self.acked - self.expected) & 0xFFFFFFFF
        return distance < 0x80000000 and self.offset + distance >= offset

    def _give_up(self, packet: i64, now: i64) -> None:
        """Turn the hole in front into a gap and deliver what waits behind it."""
        length = self.waiting[0].offset - self.offset
        self._gap(length, "capture_loss" if self._is_acked(self.waiting[0].offset) else "network_loss", packet, now)
        self.expected = (self.expected + length) & 0xFFFFFFFF
        self._drain(packet)

    def _close_tail(self, packet: i64, now: i64) -> None:
        """What was sent at the end and not captured is a gap."""
        lost = self._missing()
        if lost > 0:
            self._gap(lost, "capture_loss", packet, now)
            self.expected = (self.expected + lost) & 0xFFFFFFFF

    def _missing(self) -> i64:
        """Bytes at the end that the peer acknowledged, or that a FIN or reset says were sent."""
        if not self.started:
            return 0
        if self.fin_offset != UNKNOWN:
            return self.fin_offset - self.offset
        acked = self._ahead(self.acked, 0x80000000 if self.offset else ACKED_UNSEEN)
        lost: i64 = max(acked, self._ahead(self.rst_seq, ACKED_UNSEEN))
        return 0 if lost == 1 else lost  # a FIN takes a sequence number

    def _ahead(self, seq: i64, most: i64) -> i64:
        """How many bytes a sequence number is ahead of the next one expected; 0 where that cannot be."""
        distance: i64 = (seq - self.expected) & 0xFFFFFFFF
        return 0 if seq == UNKNOWN or distance >= most else distance

    def _gap(self, length: i64, reason: str, packet: i64, now: i64) -> None:
        self._flush()
        self.forget_recent()
        self.stats.gaps += 1
        self.stats.lost_bytes += length
        self.items.append(StreamGap(self.offset, length, reason, packet, now))
        self.offset += length

    def forget_recent(self) -> None:
        """Let go of bytes that are only kept to be compared with those that come again."""
        self.recent = []
        self.recent_bytes = 0

    def _end(self, how: str, packet: i64, now: i64) -> None:
        self._flush()
        self.ended = True
        self.end_offset = self.offset
        if self.ending:
            end = StreamEnd(self.offset, self.ending, self.ending_packet, self.ending_ns, packet)
        else:
            end = StreamEnd(self.offset, how, packet, now, packet)
        end.acked = self.ending_acked
        self.items.append(end)

    def _flush(self) -> None:
        run = self.run
        if not run:
            return
        if len(run) == 1:
            data = run[0].block[run[0].start : run[0].start + run[0].length]
        else:
            data = b"".join([segment.block[segment.start : segment.start + segment.length] for segment in run])
        self.recent.append(data)
        self.recent_bytes += len(data)
        while self.recent_bytes - len(self.recent[0]) >= RECENT_BYTES:
            self.recent_bytes -= len(self.recent[0])
            del self.recent[0]
        self.items.append(StreamData(run[0].offset, data, run))
        self.run = []


def _end_of(segment: Segment) -> i64:
    """The stream offset behind its payload, with what the snaplen removed."""
    return segment.offset + segment.length + segment.cut


def _differs(segment: Segment, offset: i64, data: bytes) -> bool:
    """Whether it says something else than these bytes where it repeats them."""
    if segment.length <= 1:
        return False  # a keep-alive repeats one byte of no meaning (RFC 9293, 3.8.4)
    first = max(segment.offset, offset)
    last = min(segment.offset + segment.length, offset + len(data))
    at = segment.start + first - segment.offset
    return first < last and segment.block[at : at + last - first] != data[first - offset : last - offset]


def _part(segment: Segment, first: i64, last: i64) -> Segment:
    """What a segment brings between two stream offsets."""
    skipped = first - segment.offset
    length = max(0, min(last - segment.offset, segment.length) - skipped)
    part = Segment(
        segment.packet, segment.time_ns, segment.key, (segment.seq + skipped) & 0xFFFFFFFF, segment.ack, segment.flags,
        segment.window, segment.block, segment.start + skipped, length, last - first - length,
    )  # fmt: skip
    part.offset = first
    return part


class Flow:
    """One TCP connection: its two sides, the first being the sender of the first packet seen.

    client is the index of the side that opened the connection, UNKNOWN without a SYN.  syn_ns, answer_ns and shaken_ns
    are the times of the SYN, the SYN-ACK and the ACK of that, in whatever order they were captured; `shaking`: the
    client has sent nothing since its SYN.  clock_ns is how far the server's times are ahead of the client's, known from
    clock_packet on.  `reset`: it was, and waits for what is missing.  `over`: both sides have ended, and something was
    seen of each; over_ns is the latest time at which that was so.  `ignored` is set from outside once the connection
    turns out to be of no interest.
    """

    __slots__ = (
        "id", "sides", "client", "packet", "time_ns", "last_packet", "last_time_ns", "syn_ns", "answer_ns", "shaken_ns",
        "clock_ns", "clock_packet", "over", "over_ns", "shaking", "reset", "ignored", "touched",
    )  # fmt: skip

    def __init__(self, id: i64, key: bytes, packet: i64, time_ns: i64) -> None:
        self.id = id
        self.sides: Final[tuple[Side, ...]] = (Side(key), Side(reverse(key)))
        self.client: i64 = UNKNOWN
        self.packet = packet
        self.time_ns = time_ns
        self.last_packet = packet
        self.last_time_ns = time_ns
        self.syn_ns: i64 = UNKNOWN
        self.answer_ns: i64 = UNKNOWN
        self.shaken_ns: i64 = UNKNOWN
        self.clock_ns: i64 = 0
        self.clock_packet: i64 = UNKNOWN
        self.shaking = False
        self.reset = False
        self.over = False
        self.over_ns: i64 = UNKNOWN
        self.ignored = False
        self.touched = False

    @property
    def rtt_ns(self) -> i64:
        """A round trip wherever it was captured: from SYN to ACK, or to the SYN-ACK where data went with the ACK."""
        if self.syn_ns == UNKNOWN or self.answer_ns == UNKNOWN:
            return UNKNOWN
        return (self.answer_ns if self.shaken_ns == UNKNOWN else self.shaken_ns) - self.syn_ns

    @property
    def seen(self) -> bool:
        """Whether something came of both sides."""
        return self.sides[0].stats.packets > 0 and self.sides[1].stats.packets > 0

    def copy(self) -> Flow:
        """The state from which its streams can be read on; only while both sides are quiet."""
        other = Flow(self.id, self.sides[0].key, self.packet, self.time_ns)
        other.client = self.client
        for side, copied in zip(self.sides, other.sides, strict=True):
            side.copy_to(copied)
        return other

    def add(self, segment: Segment, index: i64) -> None:
        """Take the next segment in the order of the capture, from the side of this index."""
        flags, packet, time_ns = segment.flags, segment.packet, segment.time_ns
        side = self.sides[index]
        peer = self.sides[1 - index]
        self.last_packet = packet
        self.last_time_ns = time_ns
        side.stats.packets += 1
        side.stats.bytes += segment.length
        if flags & ACK and not flags & RST:  # a reset may acknowledge anything
            peer.acked = segment.ack
            if self.shaking and index == self.client and not flags & SYN:
                self.shaking = False
                if segment.length == 0:  # data may have taken its time
                    self.shaken_ns = time_ns
                    self._compare_clocks(packet)
        if segment.window == 0 and not flags & RST:
            side.stats.zero_windows += 1
        if flags & SYN:
            side.stats.syns += 1
            self._synchronise(segment, index)
        if flags & FIN and not peer.ending and peer.started and (segment.ack - peer.expected) & 0xFFFFFFFF == 1:
            peer.announce("fin", segment)  # the FIN that this one answers is missing in the capture
        if segment.length or segment.cut or flags & FIN:
            side.add(segment)
        if side.waiting:
            side.settle(packet, time_ns)
        if peer.waiting:
            peer.settle(packet, time_ns)
        if flags & RST:
            side.stats.resets += 1
            side.rst_seq = segment.seq
            side.announce("rst", segment)
            if peer.stats.packets:  # else all of it may come yet, from a file of its own
                peer.announce("rst", segment)
        if side.ending:
            side.place(peer)
            peer.place(side)
            side.end_if_due(packet, time_ns)
            peer.end_if_due(packet, time_ns)
            self.over = side.ended and peer.ended and self.seen

    def _compare_clocks(self, packet: i64) -> None:
        """Tell two clocks apart: the SYN-ACK came between SYN and ACK, for all that is known half way."""
        if self.clock_packet != UNKNOWN or UNKNOWN in (self.syn_ns, self.answer_ns, self.shaken_ns):
            return
        ahead = self.answer_ns - self.syn_ns
        between: i64 = max(0, self.shaken_ns - self.syn_ns)
        self.clock_packet = packet
        if ahead < -CLOCKS_NS or ahead > between + CLOCKS_NS:
            self.clock_ns = ahead - between // 2

    def _synchronise(self, segment: Segment, index: i64) -> None:
        side = self.sides[index]
        peer = self.sides[1 - index]
        side.syn_seq = segment.seq
        first: i64 = (segment.seq + 1) & 0xFFFFFFFF
        segment.seq = first  # data sent along with a SYN comes after it (RFC 7413)
        if self.packet == segment.packet:  # one that comes later is too late: what was said before has been read
            self.client = 1 - index if segment.flags & ACK else index
        if segment.flags & ACK:
            if self.answer_ns == UNKNOWN:
                self.answer_ns = segment.time_ns
            if not peer.started:
                peer.start(segment.ack, segment.packet, segment.time_ns)
        elif self.syn_ns == UNKNOWN:
            self.syn_ns = segment.time_ns
            self.shaking = True
        self._compare_clocks(segment.packet)
        if not side.started:
            side.start(first, segment.packet, segment.time_ns)

    def finish(self, how: str, packet: i64, time_ns: i64) -> None:
        """Nothing more comes, or nothing more is wanted."""
        for side, peer in zip(self.sides, reversed(self.sides), strict=True):
            if peer.ending == "rst" and not side.ending:
                side.end_with(peer)
            side.place(peer)
            side.finish(how, packet, time_ns)


class Reassembler:
    """Sorts segments into flows.

    flows has by key the flow and the index of the side; forgotten, of sides of which nothing is wanted, the sequence
    number of the SYN, the oldest first.  clock is the latest time of all segments so far: what is too late does not
    depend on times that go back.  resets are connections that were reset, with the clock at that time, of which bytes
    are missing: they may be captured late, by a card with several queues or with the times of another clock.
    """

    __slots__ = ("flows", "forgotten", "resets", "made", "last_packet", "last_time_ns", "clock")

    def __init__(self) -> None:
        self.flows: dict[bytes, tuple[Flow, i64]] = {}
        self.forgotten: dict[bytes, i64] = {}
        self.resets: Final[deque[tuple[Flow, i64]]] = deque()
        self.made: i64 = 0
        self.last_packet: i64 = 0
        self.last_time_ns: i64 = 0
        self.clock: i64 = 0

    def adopt(self, flow: Flow) -> None:
        """Go on with a flow that was begun elsewhere."""
        self.flows[flow.sides[0].key] = (flow, 0)
        self.flows[flow.sides[1].key] = (flow, 1)

    def forget(self, flow: Flow) -> None:
        """Keep of a flow, while there is room, only that nothing of it is wanted until a SYN comes."""
        flow.ignored = True
        for side in flow.sides:
            found = self.flows.get(side.key)
            if found is not None and found[0] is flow:
                del self.flows[side.key]
                self.forgotten[side.key] = side.syn
        if len(self.forgotten) > 2 * FORGOTTEN:
            for key in list(self.forgotten)[:FORGOTTEN]:  # one by one, each would be searched for behind those deleted
                del self.forgotten[key]

    def feed(self, segments: list[Segment]) -> list[Flow]:
        """Hand each segment to its flow; the flows that have something to take, the oldest first."""
        touched: list[Flow] = []
        flow = _NO_FLOW  # from here on that of the segment before, which is most often this one's too
        index: i64 = 0
        clock = self.clock
        for segment in segments:
            if segment.time_ns > clock:
                clock = segment.time_ns
            if self.resets:
                self._end_resets(segment, clock, touched)
            key = segment.key
            if key == flow.sides[1].key:
                index = 1
            elif key == flow.sides[0].key:
                index = 0
            else:
                found = self.flows.get(key)
                if found is not None:
                    flow, index = found
                elif self._is_forgotten(segment):
                    continue
                else:
                    flow = self._open(segment)
                    index = 0
            closed = flow.ignored or (flow.over_ns != UNKNOWN and clock - flow.over_ns > LINGER_NS)
            if segment.flags & SYN and self._is_new(flow, index, segment, closed):
                if not closed:
                    flow.finish("idle", segment.packet, segment.time_ns)
                    self._touch(flow, touched)
                flow = self._open(segment)
                index = 0
            elif closed:
                continue
            self._touch(flow, touched)
            flow.add(segment, index)
            if flow.over:
                flow.over_ns = clock
            elif segment.flags & RST and flow.seen and not flow.reset:
                flow.reset = True
                self.resets.append((flow, clock))
        self.clock = clock
        if segments:
            last = segments[-1]
            self.last_packet = last.packet
            self.last_time_ns = last.time_ns
        for flow in touched:
            flow.touched = False
        if len(touched) > 1:
            touched.sort(key=_flow_id)
        return touched

    def finish(self) -> list[Flow]:
        """The capture is over: every flow that is still open ends."""
        open_flows: list[Flow] = []
        for flow, index in self.flows.values():
            if index == 0 and not flow.ignored:
                flow.finish("capture_end", self.last_packet, self.last_time_ns)
                open_flows.append(flow)
        open_flows.sort(key=_flow_id)
        self.flows = {}
        return open_flows

    def _open(self, segment: Segment) -> Flow:
        flow = Flow(self.made, segment.key, segment.packet, segment.time_ns)
        self.made += 1
        self.adopt(flow)
        for side in flow.sides:
            self.forgotten.pop(side.key, None)
        return flow

    def _end_resets(self, segment: Segment, clock: i64, touched: list[Flow]) -> None:
        """What has not come by now of connections that were reset is missing."""
        while self.resets and (clock - self.resets[0][1] > LINGER_NS or len(self.resets) > TRIALS):
            flow = self.resets.popleft()[0]
            if not (flow.over or flow.ignored):
                flow.finish("rst", segment.packet, segment.time_ns)
                flow.over = True
                flow.over_ns = clock
                self._touch(flow, touched)

    def _is_forgotten(self, segment: Segment) -> bool:
        """Whether nothing is wanted of its ports, and it opens no other connection on them."""
        if segment.key not in self.forgotten:
            return False
        return not segment.flags & SYN or segment.flags & ACK != 0 or self.forgotten[segment.key] == segment.seq

    def _touch(self, flow: Flow, touched: list[Flow]) -> None:
        if not flow.touched:
            flow.touched = True
            touched.append(flow)

    def _is_new(self, flow: Flow, index: i64, segment: Segment, closed: bool) -> bool:
        """Whether a SYN opens another connection on the same ports: its sequence number is a new one.

        It may come behind bytes of its own connection, and even too late for the first of them.
        """
        side = flow.sides[index]
        if closed:
            return not segment.flags & ACK and side.syn != segment.seq
        if side.syn_seq != UNKNOWN:
            return side.syn_seq != segment.seq
        if segment.flags & ACK:
            return False
        if flow.sides[1 - index].ending == "rst" and not side.stats.packets:
            return side.is_another(segment.seq)
        if not (side.started or side.waiting):
            return False
        began = side.expected - side.offset if side.started else side.waiting[0].seq
        ahead: i64 = (began - segment.seq - 1) & 0xFFFFFFFF
        late = segment.time_ns - flow.time_ns
        return ahead > 0 and (ahead > LATE_SYN_BYTES or late > LATE_SYN_NS or -late > LATE_SYN_NS)


_NO_FLOW: Final = Flow(UNKNOWN, b"", 0, 0)


def _flow_id(flow: Flow) -> int:
    return flow.id
