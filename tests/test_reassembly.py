"""TCP reassembly: where a segment lies against what is there already, when a hole is given up, how connections end.

Cases are written as (sequence number, data) with the stream b"0123456789" from sequence number 100 on; what was
delivered is compared as text.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from rtmpscope.limits import CONFLICTS, OUT_OF_ORDER_BYTES, OUT_OF_ORDER_SEGMENTS
from rtmpscope.model import ACK, FIN, RST, SYN, UNKNOWN, Segment, StreamData, StreamEnd, StreamGap, TcpStats
from rtmpscope.net.address import reverse
from rtmpscope.net.reassembly import (
    ACKED_NS,
    ACKED_SEGMENTS,
    LATE_SYN_BYTES,
    LATE_SYN_NS,
    LINGER_NS,
    RECENT_BYTES,
    SEEN_TWICE_NS,
    SILENT_NS,
    START_NS,
    START_SEGMENTS,
    Flow,
    Reassembler,
    StreamItem,
)

KEY = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (50_000).to_bytes(2, "big") + (1935).to_bytes(2, "big")
FIRST = 100  # sequence number of the first byte
MS = 1_000_000


class Line:
    """One TCP connection; each call is one packet, a millisecond after the one before it."""

    def __init__(self, first: int = FIRST, syn: bool = True) -> None:
        self.reassembler = Reassembler()
        self.first = first
        self.packet = 0
        self.now = 0
        self.flows: dict[int, Flow] = {}
        self.items: list[list[StreamItem]] = [[], []]
        if syn:
            self.send(-1, flags=SYN)
            self.answer(-1, flags=SYN | ACK)

    def packet_of(
        self, key: bytes, seq: int, data: bytes, flags: int, ack: int, window: int, cut: int, pause_ns: int
    ) -> None:
        self.packet += 1
        self.now += pause_ns
        block = b"......" + data
        segment = Segment(
            self.packet, self.now, key, seq % 2**32, ack % 2**32, flags, window, block, 6, len(data), cut
        )  # fmt: skip
        self.take(self.reassembler.feed([segment]))

    def send(
        self,
        at: int = 0,
        data: bytes = b"",
        flags: int = ACK,
        *,
        cut: int = 0,
        ack: int = 0,
        window: int = 1000,
        pause_ns: int = MS,
    ) -> Line:
        """From the client; `at` counts from the first byte of its stream."""
        self.packet_of(KEY, self.first + at, data, flags, 5000 + ack, window, cut, pause_ns)
        return self

    def answer(self, at: int = 0, data: bytes = b"", flags: int = ACK, *, ack: int = 0, pause_ns: int = MS) -> Line:
        """From the server; `ack` counts from the first byte of the client's stream."""
        self.packet_of(reverse(KEY), 5000 + at, data, flags, self.first + ack, 1000, 0, pause_ns)
        return self

    def take(self, flows: list[Flow]) -> None:
        for flow in flows:
            self.flows[flow.id] = flow
            client = 0 if flow.sides[0].key == KEY else 1
            for index in (0, 1):
                self.items[index if client == 0 else 1 - index] += flow.sides[index].take()

    def finish(self) -> Line:
        self.take(self.reassembler.finish())
        return self

    @property
    def text(self) -> str:
        """What the client's side gave: data as it is, (gap length reason), [end]."""
        return "".join(written(item) for item in self.items[0])

    @property
    def server(self) -> str:
        return "".join(written(item) for item in self.items[1])

    @property
    def flow(self) -> Flow:
        return self.flows[max(self.flows)]

    @property
    def stats(self) -> TcpStats:
        return self.flow.sides[0].stats


def written(item: StreamItem) -> str:
    match item:
        case StreamData():
            return item.data.decode()
        case StreamGap():
            return f"({item.length} {item.reason})"
        case StreamEnd():
            return f"[{item.how}]"


def received(*sent: tuple[int, bytes], first: int = FIRST) -> str:
    line = Line(first)
    for at, data in sent:
        line.send(at, data)
    return line.text


# --- where a segment lies --------------------------------------------------------------------------------

# What comes first, what comes then, and what has been delivered after both.
GEOMETRY = {
    "expected": ((0, b"012"), (3, b"345"), "012345"),
    "beyond_a_hole": ((0, b"012"), (4, b"45"), "012"),
    "same_again": ((0, b"012"), (0, b"012"), "012"),
    "starts_together_ends_before": ((0, b"012"), (0, b"01"), "012"),
    "starts_together_ends_after": ((0, b"012"), (0, b"01234"), "01234"),
    "inside": ((0, b"01234"), (1, b"23"), "01234"),
    "ends_together": ((0, b"01234"), (2, b"234"), "01234"),
    "overlaps_the_end": ((0, b"012"), (2, b"2345"), "012345"),
    "covers": ((1, b"12"), (0, b"0123"), "0123"),
    "fills_the_hole_exactly": ((3, b"345"), (0, b"012"), "012345"),
    "fills_the_hole_and_overlaps": ((3, b"345"), (0, b"0123"), "012345"),
    "fills_the_hole_and_covers": ((3, b"345"), (0, b"01234567"), "01234567"),
    "fills_half_the_hole": ((3, b"345"), (0, b"01"), "01"),
    "before_the_first_byte": ((0, b"012"), (-3, b"xyz"), "012"),
    "across_the_first_byte": ((0, b"012"), (-2, b"xy01234"), "01234"),
    "keep_alive": ((0, b"012"), (2, b"\0"), "012"),
    "empty": ((0, b"012"), (3, b""), "012"),
}


@pytest.mark.parametrize("first", [FIRST, 2**32 - 1, 2**32 - 2, 2**32 - 4, 0, 2**31 - 2, 2**31])
@pytest.mark.parametrize("name", GEOMETRY)
def test_two_segments(name: str, first: int) -> None:
    one, other, expected = GEOMETRY[name]
    assert received(one, other, first=first) == expected


@pytest.mark.parametrize("order", permutations(range(4)), ids=str)
def test_four_segments_in_any_order_give_one_stream(order: tuple[int, ...]) -> None:
    pieces = [(0, b"01"), (2, b"234"), (4, b"4567"), (7, b"789")]
    assert received(*(pieces[index] for index in order)) == "0123456789"


def test_first_copy_of_a_byte_counts_and_what_differs_is_counted() -> None:
    line = Line().send(0, b"0123").send(0, b"0xy345")
    assert line.text == "012345"
    assert (line.stats.conflicts, line.flow.sides[0].conflicts) == (1, [4])


@pytest.mark.parametrize(("between", "conflicts"), [(RECENT_BYTES - 2, 1), (RECENT_BYTES, 0)])
def test_retransmission_is_compared_with_recent_bytes_however_many_packets_brought_them(between, conflicts) -> None:
    line = Line().send(0, b"01").send(2, b"2" * (between - 1)).send(1 + between, b"3").send(0, b"xy")
    assert line.stats.conflicts == conflicts


def test_retransmissions_that_differ_wait_in_a_bounded_number_to_be_noted() -> None:
    line = Line().send(0, b"01")
    for _ in range(CONFLICTS + 1):
        line.send(0, b"xy")
    assert (line.stats.conflicts, len(line.flow.sides[0].conflicts)) == (CONFLICTS + 1, CONFLICTS)


@pytest.mark.parametrize(("pause_ns", "count"), [(SEEN_TWICE_NS - 1, 0), (SEEN_TWICE_NS, 1)])
def test_packet_captured_on_two_interfaces_is_no_retransmission(pause_ns: int, count: int) -> None:
    line = Line().send(0, b"01").send(2, b"23").send(2, b"23", pause_ns=pause_ns).send(4, b"4")
    assert (line.text, line.stats.retransmissions, line.stats.conflicts) == ("01234", count, 0)


def test_packet_that_the_second_interface_sends_in_pieces_is_no_retransmission() -> None:
    line = Line().send(0, b"01").send(2, b"2345").send(2, b"23", pause_ns=1).send(4, b"45", pause_ns=1)
    assert (line.text, line.stats.retransmissions) == ("012345", 0)
    assert line.send(0, b"0123", pause_ns=1).stats.retransmissions == 1


def test_packets_of_a_second_interface_written_behind_those_of_the_first_are_no_retransmissions() -> None:
    line = Line()
    for pause_ns in (MS, 1000 - 2 * MS):
        line.send(0, b"01", pause_ns=pause_ns).send(2, b"23").send(4, b"45")
    assert (line.text, line.stats.retransmissions) == ("012345", 0)


def test_packet_forged_at_once_is_no_second_sight_of_the_first() -> None:
    line = Line().send(0, b"01").send(2, b"23").send(2, b"xy", pause_ns=1)
    assert (line.text, line.stats.retransmissions, line.stats.conflicts) == ("0123", 1, 1)


def test_first_copy_counts_among_those_that_wait() -> None:
    assert received((2, b"234"), (3, b"xyz"), (0, b"01")) == "01234z"
    assert received((4, b"45"), (2, b"23xy6"), (0, b"01")) == "0123456"
    assert received((2, b"2"), (5, b"5"), (1, b"vw34xy6"), (0, b"0")) == "0v2345y6"
    assert received((2, b"234"), (0, b"01xyz5")) == "012345"


def test_segment_that_contradicts_several_that_wait_is_counted_once() -> None:
    line = Line().send(2, b"23").send(4, b"45").send(1, b"1xxyy6").send(0, b"0")
    assert line.text == "0123456"
    assert (line.stats.conflicts, line.stats.retransmissions, line.stats.out_of_order) == (1, 1, 3)


def test_of_what_was_cut_nothing_is_brought_again_while_it_waits() -> None:
    line = Line().send(2, b"23", cut=3).send(3, b"34567").send(0, b"01")
    assert line.text == "0123(3 snaplen)7"


def test_retransmission_that_agrees_is_no_conflict() -> None:
    line = Line().send(0, b"012").send(3, b"345").send(1, b"1234")
    assert line.stats.conflicts == 0
    assert line.stats.retransmissions == 1


def test_keep_alive_of_any_byte_is_no_conflict() -> None:
    line = Line().send(0, b"012").send(2, b"x")
    assert line.text == "012"
    assert line.stats.conflicts == 0


def test_out_of_order_and_zero_windows_are_counted() -> None:
    line = Line().send(3, b"3").send(1, b"1").send(0, b"0", window=0).send(4, b"", window=0)
    assert line.stats.out_of_order == 2
    assert line.stats.zero_windows == 2
    assert line.stats.packets == 5
    assert line.stats.bytes == 3


def test_adjacent_segments_of_a_batch_are_joined_and_remember_where_they_came_from() -> None:
    reassembler = Reassembler()
    syn = Segment(1, 0, KEY, FIRST - 1, 0, SYN, 0, b"", 0, 0, 0)
    sent = [
        Segment(packet, packet, KEY, FIRST + at, 0, ACK, 0, b"xx" + data, 2, len(data), 0)
        for packet, at, data in ((2, 0, b"01"), (3, 5, b"56"), (4, 2, b"234"))
    ]
    (flow,) = reassembler.feed([syn, *sent])
    (data,) = flow.sides[0].take()
    assert isinstance(data, StreamData)
    assert (data.offset, data.data) == (0, b"0123456")
    assert [(one.packet, one.offset, one.ready, one.payload) for one in data.segments] == [
        (2, 0, 2, b"01"), (4, 2, 4, b"234"), (3, 5, 4, b"56"),
    ]  # fmt: skip
    assert flow.sides[0].take() == []


# --- holes -----------------------------------------------------------------------------------------------


def test_hole_waits_while_it_is_neither_acknowledged_nor_old() -> None:
    line = Line().send(0, b"01").send(3, b"3")
    for _ in range(2 * ACKED_SEGMENTS):
        line.answer()
    assert line.text == "01"
    assert line.send(2, b"2").text == "0123"


def test_acknowledged_hole_is_given_up_after_so_many_segments() -> None:
    line = Line().send(0, b"01").send(3, b"3").answer(ack=4)
    for _ in range(ACKED_SEGMENTS - 2):
        line.answer(ack=4)
    assert line.text == "01"
    assert line.answer(ack=4).text == "01(1 capture_loss)3"
    assert line.stats.gaps == line.stats.lost_bytes == 1
    gap = line.items[0][1]
    assert isinstance(gap, StreamGap)
    assert (gap.offset, gap.packet, gap.time_ns) == (2, line.packet, line.now)


def test_acknowledged_hole_is_given_up_after_so_long() -> None:
    line = Line().send(0, b"01").send(3, b"3").answer(ack=4).answer(pause_ns=ACKED_NS - 2 * MS, ack=4)
    assert line.text == "01"
    assert line.answer(pause_ns=3 * MS, ack=4).text == "01(1 capture_loss)3"


def test_hole_that_the_peer_has_not_acknowledged_is_given_up_after_a_minute() -> None:
    line = Line().send(0, b"01").send(3, b"3").answer(ack=2, pause_ns=SILENT_NS)
    assert line.text == "01"
    assert line.answer(ack=2, pause_ns=2 * MS).text == "01(1 network_loss)3"


def test_hole_is_given_up_when_too_many_bytes_wait_behind_it() -> None:
    line = Line()
    size = 60_000
    for count in range(OUT_OF_ORDER_BYTES // size):
        line.send(1 + count * size, bytes(size))
    assert not line.items[0]
    line.send(1 + (count + 1) * size, bytes(size))
    assert line.text.startswith("(1 network_loss)")


def test_hole_is_given_up_when_too_many_segments_wait_behind_it() -> None:
    line = Line()
    for count in range(OUT_OF_ORDER_SEGMENTS):
        line.send(1 + count, b"x", pause_ns=0)
    assert line.text == ""
    assert line.send(OUT_OF_ORDER_SEGMENTS + 1, b"x").text == "(1 network_loss)" + "x" * (OUT_OF_ORDER_SEGMENTS + 1)


def test_holes_are_given_up_one_after_the_other() -> None:
    line = Line().send(0, b"0").send(2, b"2").send(4, b"4").answer(ack=5).answer(ack=5, pause_ns=ACKED_NS + MS)
    assert line.text == "0(1 capture_loss)2"
    assert line.send(3, b"3").text == "0(1 capture_loss)234"


def test_late_byte_of_a_hole_that_was_given_up_is_dropped() -> None:
    line = Line().send(1, b"1").answer(ack=2).answer(ack=2, pause_ns=ACKED_NS + MS).send(0, b"0").send(2, b"2")
    assert line.text == "(1 capture_loss)12"


def test_what_the_snaplen_cut_is_a_gap_at_once() -> None:
    line = Line().send(0, b"01", cut=3).send(5, b"56")
    assert line.text == "01(3 snaplen)56"


def test_segment_of_which_nothing_was_captured_is_a_gap() -> None:
    assert Line().send(0, b"", cut=5).send(5, b"5").text == "(5 snaplen)5"


def test_cut_segment_that_waited_keeps_its_gap() -> None:
    assert Line().send(2, b"2", cut=2).send(0, b"01").send(5, b"5").text == "012(2 snaplen)5"


def test_acknowledgement_across_the_wrap_gives_a_hole_up() -> None:
    line = Line(2**32 - 2).send(0, b"01").send(3, b"3").answer(ack=4).answer(ack=4, pause_ns=ACKED_NS + MS)
    assert line.text == "01(1 capture_loss)3"


# --- beginnings ------------------------------------------------------------------------------------------


def test_syn_says_who_the_client_is() -> None:
    assert Line().flow.client == 0
    answered = Line(syn=False).answer(-1, flags=SYN | ACK)
    assert answered.flow.client == 1


def test_round_trip_time_is_from_syn_to_the_end_of_the_handshake() -> None:
    """At the client the first half of it takes the time, at the server the second."""
    assert Line().flow.rtt_ns == MS
    assert Line().send(0, pause_ns=7 * MS).send(0, pause_ns=90 * MS).flow.rtt_ns == 8 * MS
    assert Line().send(0, b"01", pause_ns=7 * MS).send(2).flow.rtt_ns == MS
    assert Line(syn=False).answer(-1, flags=SYN | ACK).flow.rtt_ns == UNKNOWN


@pytest.mark.parametrize(("ahead_ms", "told_ms"), [(0, 0), (5, 0), (1300, 1300), (-1300, -1300)])
def test_clocks_of_two_captures_are_told_apart_by_the_handshake(ahead_ms: int, told_ms: int) -> None:
    """Half way on a path of 8 ms; the packets of both sides are in the order of their times."""
    line = Line(syn=False)
    handshake = {0: (line.send, -1, SYN), 4 + ahead_ms: (line.answer, -1, SYN | ACK), 8: (line.send, 0, ACK)}
    for time_ms in sorted(handshake):
        send, at, flags = handshake[time_ms]
        send(at, flags=flags, pause_ns=time_ms * MS - line.now)
    assert (line.flow.clock_ns, line.flow.rtt_ns) == (told_ms * MS, 8 * MS)


def test_fin_tells_how_much_of_the_other_side_it_acknowledges() -> None:
    line = Line().send(0, b"01").answer(0, b"z", ack=2)
    line.send(2, flags=FIN | ACK, ack=1).answer(1, flags=FIN | ACK, ack=3)
    ends = [item for side in line.items for item in side if isinstance(item, StreamEnd)]
    assert [(end.offset, end.acked) for end in ends] == [(2, 1), (1, 3)]


def test_bytes_that_were_acknowledged_are_waited_for_behind_a_reset() -> None:
    line = Line().send(0, b"01", ack=4).send(2, flags=RST)
    assert line.server == ""
    assert line.answer(0, b"wxyz").server == "wxyz[rst]"
    line = Line().send(0, b"01", ack=4).send(2, flags=RST)
    line.packet_of(reverse(KEY)[:-1] + b"x", 0, b"", ACK, 0, 1, 0, LINGER_NS + MS)
    assert (line.server, line.flows[0].over) == ("(4 capture_loss)[rst]", True)


def test_data_in_a_syn_comes_after_it() -> None:
    line = Line(syn=False).send(-1, b"01", flags=SYN).send(2, b"2")
    assert line.text == "012"


def test_data_before_its_syn_is_placed_behind_it() -> None:
    line = Line(syn=False).send(2, b"23").send(-1, flags=SYN).send(0, b"01")
    assert line.text == "0123"


def test_syn_answer_alone_says_where_the_client_begins() -> None:
    line = Line(syn=False).answer(-1, flags=SYN | ACK, ack=0).send(2, b"2").send(0, b"01")
    assert line.text == "012"


def test_repeated_syn_changes_nothing() -> None:
    line = Line().send(0, b"01").send(-1, flags=SYN).send(2, b"2")
    assert line.text == "012"
    assert len(line.flows) == 1


def test_stream_without_a_syn_begins_at_the_lowest_of_its_first_segments() -> None:
    line = Line(first=2, syn=False)
    for at in (3, 1, -4, 4, -2):
        line.send(at, b"%d" % (at % 10) * (2 if at < 0 else 1))
    assert line.text == ""
    for _ in range(START_SEGMENTS - 5):
        line.send(5, b"5")
    assert line.text == "(0 mid_stream)6688"
    data = line.items[0][1]
    assert isinstance(data, StreamData) and data.offset == 0
    assert {segment.ready for segment in data.segments} == {line.packet}
    assert line.send(0, b"012").text == "(0 mid_stream)6688012345"


def test_stream_without_a_syn_begins_after_a_while_in_any_case() -> None:
    line = Line(syn=False).send(1, b"1").send(0, b"0").answer(pause_ns=START_NS - 2 * MS)
    assert line.text == ""
    assert line.answer(pause_ns=3 * MS).text == "(0 mid_stream)01"


def test_capture_that_ends_before_a_beginning_was_found_gives_what_there_is() -> None:
    assert Line(syn=False).send(1, b"1").send(0, b"0").finish().text == "(0 mid_stream)01[capture_end]"


# --- ends ------------------------------------------------------------------------------------------------


def test_fin_ends_a_direction_and_leaves_the_other_open() -> None:
    line = Line().send(0, b"01", flags=FIN | ACK)
    assert line.text == "01[fin]"
    assert line.answer(0, b"z").server == "z"


def test_fin_before_missing_data_ends_after_it() -> None:
    line = Line().send(2, b"2", flags=FIN | ACK)
    assert line.text == ""
    assert line.send(0, b"01").text == "012[fin]"


def test_fin_alone_before_missing_data_ends_after_it() -> None:
    line = Line().send(2, flags=FIN | ACK)
    assert line.text == ""
    assert line.send(0, b"01").text == "01[fin]"


def test_end_behind_a_hole_keeps_the_packet_and_time_of_its_fin() -> None:
    line = Line().send(0, b"0").send(3, b"3", flags=FIN | ACK)
    packet, now = line.packet, line.now
    line.answer(0, b"z", pause_ns=MS).finish()
    end = line.items[0][-1]
    assert line.text == "0(2 network_loss)3[fin]"
    assert isinstance(end, StreamEnd)
    assert (end.packet, end.time_ns, end.ready) == (packet, now, line.packet)


def test_fin_of_a_stream_without_a_syn_is_no_missing_byte() -> None:
    line = Line(syn=False).send(0, b"01").send(2, flags=FIN | ACK).answer(ack=3).finish()
    assert line.text == "(0 mid_stream)01[fin]"


def test_what_comes_after_the_end_ends_once_more() -> None:
    line = Line().send(0, b"01").answer(flags=RST).send(4, b"45").finish()
    assert line.text == "01[rst](2 network_loss)45[rst]"


def test_bytes_that_were_acknowledged_are_missing_before_a_reset() -> None:
    assert Line().send(0, b"01").answer(ack=5).send(5, flags=RST).finish().text == "01(3 capture_loss)[rst]"
    assert Line().send(0, b"01").answer(ack=2).send(2, flags=RST).text == "01[rst]"
    assert Line().send(0, b"01").answer(ack=900, flags=RST | ACK).text == "01[rst]"


def test_fin_that_is_missing_is_known_by_the_fin_that_answers_it() -> None:
    line = Line().send(0, b"01").answer(ack=3, flags=FIN | ACK)
    assert (line.text, line.server) == ("01[fin]", "[fin]")
    first = Line().send(0, b"01").answer(ack=2, flags=FIN | ACK)
    assert (first.text, first.server) == ("01", "[fin]")


def test_rst_ends_both_directions() -> None:
    line = Line().send(0, b"01").answer(0, b"z").send(2, flags=RST)
    assert line.text == "01[rst]"
    assert line.server == "z[rst]"


def test_end_is_told_once() -> None:
    line = Line().send(0, b"01", flags=FIN | ACK).send(2, flags=FIN | ACK).send(2, flags=RST).finish()
    assert line.text == "01[fin]"


def test_capture_that_ends_with_a_hole_gives_what_waits_behind_it() -> None:
    assert Line().send(0, b"0").send(2, b"2").finish().text == "0(1 network_loss)2[capture_end]"


def test_acknowledged_bytes_that_never_came_are_a_gap_at_the_end() -> None:
    assert Line().send(0, b"01").answer(ack=5).finish().text == "01(3 capture_loss)[capture_end]"


def test_acknowledged_fin_is_no_missing_byte() -> None:
    assert Line().send(0, b"01", flags=FIN | ACK).answer(ack=3).finish().text == "01[fin]"
    assert Line().send(0, b"01").answer(ack=3).finish().text == "01[capture_end]"


def test_bytes_missing_before_a_fin_are_a_gap() -> None:
    assert Line().send(0, b"01").send(5, flags=FIN | ACK).finish().text == "01(3 capture_loss)[fin]"


def one_behind_the_other(*, syn: bool = True) -> Line:
    """The server's whole side, which ends with a reset: the client's is to follow."""
    line = Line(syn=False)
    if syn:
        line.answer(-1, flags=SYN | ACK)
    return line.answer(0, b"ab", ack=3).answer(2, b"cd", ack=6).answer(4, flags=RST)


@pytest.mark.parametrize("syn", [True, False])
def test_side_that_comes_behind_the_whole_other_side_and_its_reset_is_read(syn: bool) -> None:
    line = one_behind_the_other(syn=syn)
    line.send(-1, flags=SYN).send(0, b"012", ack=0).send(3, b"345", ack=2).finish()
    assert (line.text, line.server) == ("012345[rst]", ("" if syn else "(0 mid_stream)") + "abcd[rst]")
    assert len(line.flows) == 1


def test_reset_ends_a_side_of_which_nothing_ever_came() -> None:
    line = one_behind_the_other().finish()
    assert (line.text, line.server) == ("(6 capture_loss)[rst]", "abcd[rst]")


@pytest.mark.parametrize("syn", [True, False])
def test_another_syn_behind_one_side_and_its_reset_opens_another_connection(syn: bool) -> None:
    line = one_behind_the_other(syn=syn)
    line.send(30_000_000, flags=SYN).send(30_000_001, b"012").finish()
    assert len(line.flows) == 2


def test_bytes_missing_before_a_reset_are_a_gap() -> None:
    line = Line().send(0, b"01").send(5, flags=RST)
    assert line.text == "01"
    assert line.finish().text == "01(3 capture_loss)[rst]"
    assert Line().send(0, b"01").send(5, flags=RST).send(2, b"234").text == "01234[rst]"
    assert Line().send(0, b"01").send(3, flags=RST).text == "01[rst]"  # a FIN may have been sent
    assert Line().send(0, b"01").send(2, flags=RST).text == Line().send(0, b"01").send(1, flags=RST).text == "01[rst]"
    assert Line().send(0, b"01").send(1 << 30, flags=RST).text == "01[rst]"  # of no connection that was seen


def test_side_all_of_whose_bytes_are_missing_is_one_gap() -> None:
    assert Line().answer(ack=5).finish().text == "(5 capture_loss)[capture_end]"
    assert Line().send(5, flags=FIN | ACK).finish().text == "(5 capture_loss)[fin]"
    assert Line().answer(ack=1 << 30).finish().text == "[capture_end]"  # an answer to an older connection


def test_connection_without_data_ends_without_a_gap() -> None:
    assert Line().answer(ack=1).finish().text == "[capture_end]"


def test_new_syn_on_the_same_ports_is_another_connection() -> None:
    line = Line().send(0, b"01").send(5000, flags=SYN).send(5001, b"new")
    assert line.text == "01[idle]new"
    assert len(line.flows) == 2


def test_syn_captured_after_its_answer_is_of_the_same_connection() -> None:
    line = Line(syn=False).answer(-1, flags=SYN | ACK).send(-1, flags=SYN).send(0, b"01").answer(0, b"z")
    assert (line.text, line.server, len(line.flows)) == ("01", "z", 1)
    assert line.flow.sides[line.flow.client].key == KEY


@pytest.mark.parametrize("count", [1, START_SEGMENTS + 2])
def test_syn_captured_after_bytes_of_its_side_is_of_the_same_connection(count: int) -> None:
    line = Line(syn=False).answer(-1, flags=SYN | ACK).send(0, b"0").send(1, b"1").send(-1, flags=SYN).send(2, b"2")
    assert (line.text, len(line.flows)) == ("012", 1)
    line = Line(syn=False)
    for at in range(count):
        line.send(1 + at, b"x")
    line.send(-1, flags=SYN).send(0, b"0").finish()
    assert line.text == ("0x[capture_end]" if count == 1 else "(0 mid_stream)" + "x" * count + "[capture_end]")
    assert len(line.flows) == 1


def test_syn_captured_after_many_bytes_of_its_side_is_of_the_same_connection() -> None:
    line = Line(syn=False)
    for at in range(0, LATE_SYN_BYTES, 1 << 15):
        line.send(at, bytes(1 << 15))
    assert len(line.send(-1, flags=SYN).finish().flows) == 1


@pytest.mark.parametrize("pause_ns", [-LATE_SYN_NS, LATE_SYN_NS])
def test_syn_long_before_or_after_bytes_close_to_it_is_of_another_connection(pause_ns: int) -> None:
    """Of the same connection, in files of which the later one is read first; or of one that was seen to its end."""
    line = Line(syn=False).send(3, b"34").send(5, flags=FIN | ACK).send(-1, flags=SYN, pause_ns=2 * pause_ns)
    assert line.send(0, b"012").finish().text == "(0 mid_stream)34[fin]012[capture_end]"
    assert len(line.flows) == 2


def test_same_ports_after_the_end_are_another_connection() -> None:
    line = Line().send(0, b"01", flags=FIN | ACK).answer(flags=FIN | ACK).send(900, flags=SYN).send(901, b"new")
    assert line.text == "01[fin]new"
    assert len(line.flows) == 2


def test_what_comes_long_after_the_end_is_not_read() -> None:
    line = Line().send(0, b"01", flags=FIN | ACK).answer(flags=FIN | ACK)
    assert line.flow.over_ns == line.now
    packets = line.stats.packets
    line.send(3, b"late", pause_ns=LINGER_NS).send(7, b"later", pause_ns=LINGER_NS + MS)
    assert line.stats.packets == packets + 1


def test_side_that_comes_long_after_the_other_has_ended_is_read() -> None:
    """As in a file of one side behind a file of the other."""
    line = Line(syn=False).send(-1, flags=SYN).send(0, b"01").send(2, flags=RST)
    line.answer(-1, flags=SYN | ACK, pause_ns=2 * LINGER_NS).answer(0, b"z", pause_ns=-LINGER_NS).answer(1, b"y")
    assert (line.text, line.finish().server) == ("01[rst]", "zy[rst]")


def test_syn_long_after_the_end_is_of_another_connection_even_close_to_bytes_of_the_old_one() -> None:
    line = Line(syn=False).send(3, b"34", flags=FIN | ACK).answer(0, b"z", flags=FIN | ACK, pause_ns=START_NS)
    line.send(5, pause_ns=2 * START_NS).send(5, pause_ns=2 * LINGER_NS)
    line.send(-1, flags=SYN, pause_ns=-2 * LINGER_NS).send(0, b"012")
    assert line.text == "(0 mid_stream)34[fin]012"


def test_forgotten_flow_stays_silent_until_its_ports_are_used_again() -> None:
    line = Line().send(0, b"01")
    line.reassembler.forget(line.flow)
    assert line.send(2, b"23").answer(0, b"z").send(-1, flags=SYN).send(4, b"4").text == "01"
    assert line.send(900, flags=SYN).send(901, b"new").text == "01new"


def test_flows_are_given_oldest_first() -> None:
    reassembler = Reassembler()
    other = KEY[:-4] + (50_001).to_bytes(2, "big") + KEY[-2:]
    first = [Segment(n, n, key, FIRST - 1, 0, SYN, 0, b"", 0, 0, 0) for n, key in enumerate((KEY, other))]
    assert [flow.id for flow in reassembler.feed(first)] == [0, 1]
    data = [Segment(n, n, key, FIRST, 0, ACK, 0, b"x", 0, 1, 0) for n, key in enumerate((other, KEY), 2)]
    assert [flow.id for flow in reassembler.feed(data)] == [0, 1]
    assert [flow.id for flow in reassembler.finish()] == [0, 1]


# --- copies ----------------------------------------------------------------------------------------------


def test_copy_of_a_quiet_flow_reads_on_from_the_same_place() -> None:
    line = Line().send(0, b"01").answer(0, b"z")
    assert all(side.quiet for side in line.flow.sides)
    copy = line.flow.copy()
    again = Line(syn=False)
    again.reassembler.adopt(copy)
    assert again.send(2, b"23", flags=FIN | ACK).text == "23[fin]"
    assert [item.offset for item in again.items[0]] == [2, 4]
    assert line.send(2, b"xy").text == "01xy"


def test_flow_with_a_hole_is_not_quiet() -> None:
    assert not Line().send(1, b"1").flow.sides[0].quiet
    assert not Line(syn=False).send(1, b"1").flow.sides[0].quiet
