"""Reassembly by its geometry: what each arrangement of segments makes of a stream."""

from __future__ import annotations

import pytest

from rtmpscope.limits import OUT_OF_ORDER_BYTES
from rtmpscope.model import ACK, FIN, RST, SYN, Segment, StreamData, StreamEnd, StreamGap
from rtmpscope.net.address import reverse
from rtmpscope.net.reassembly import ACKED_NS, ACKED_SEGMENTS, LINGER_NS, START_SEGMENTS, Flow, Reassembler

CLIENT = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (50_000).to_bytes(2, "big") + (1935).to_bytes(2, "big")
SERVER = reverse(CLIENT)
ISN = 1000


class Wire:
    """Feeds segments one by one and keeps what the flows give."""

    def __init__(self) -> None:
        self.reassembler = Reassembler()
        self.packet = 0
        self.now = 0
        self.items: dict[tuple[int, bytes], list[object]] = {}

    def send(self, key: bytes, seq: int, data: bytes = b"", flags: int = ACK, ack: int = 0, cut: int = 0) -> Wire:
        self.packet += 1
        self.now += 1_000_000
        made = Segment(
            self.packet, self.now, key, seq % 2**32, ack % 2**32, flags, 65535, data, 0, len(data), cut
        )  # fmt: skip
        self._take(self.reassembler.feed([made]))
        return self

    def open(self, isn: int = ISN) -> Wire:
        self.send(CLIENT, isn, flags=SYN)
        return self.send(SERVER, 5000, flags=SYN | ACK, ack=isn + 1)

    def finish(self) -> Wire:
        self._take(self.reassembler.finish())
        return self

    def _take(self, flows: list[Flow]) -> None:
        for flow in flows:
            for side in flow.sides:
                self.items.setdefault((flow.id, side.key), []).extend(side.take())

    def seen(self, key: bytes = CLIENT, flow: int = 0) -> list[object]:
        """Bytes, gaps as (length, reason) and ends by their name, in order; adjacent bytes joined."""
        out: list[object] = []
        for item in self.items.get((flow, key), []):
            if isinstance(item, StreamData):
                if out and isinstance(out[-1], bytes):
                    out[-1] += item.data
                else:
                    out.append(item.data)
            elif isinstance(item, StreamGap):
                out.append((item.length, item.reason))
            elif isinstance(item, StreamEnd):
                out.append(item.how)
        return out


def test_in_order():
    assert Wire().open().send(CLIENT, 1001, b"abc").send(CLIENT, 1004, b"def").seen() == [b"abcdef"]


def test_swapped():
    assert Wire().open().send(CLIENT, 1004, b"def").send(CLIENT, 1001, b"abc").seen() == [b"abcdef"]


def test_swapped_segment_is_ready_with_the_one_it_waited_for():
    wire = Wire().open().send(CLIENT, 1004, b"def").send(CLIENT, 1001, b"abc")
    (data,) = [item for item in wire.items[0, CLIENT] if isinstance(item, StreamData)]
    assert [(segment.packet, segment.ready) for segment in data.segments] == [(4, 4), (3, 4)]


def test_doubled():
    assert Wire().open().send(CLIENT, 1001, b"abc").send(CLIENT, 1001, b"abc").send(CLIENT, 1004, b"d").seen() == [
        b"abcd"
    ]


def test_overlap_with_new_bytes_behind():
    assert Wire().open().send(CLIENT, 1001, b"abc").send(CLIENT, 1002, b"bcde").seen() == [b"abcde"]


def test_overlap_of_waiting_segments():
    wire = Wire().open().send(CLIENT, 1004, b"def").send(CLIENT, 1003, b"cdefg").send(CLIENT, 1001, b"ab")
    assert wire.seen() == [b"abcdefg"]


def test_first_copy_counts_and_the_difference_is_counted():
    wire = Wire().open().send(CLIENT, 1001, b"abc").send(CLIENT, 1001, b"xyz").send(CLIENT, 1004, b"d")
    assert wire.seen() == [b"abcd"]
    flow, _ = wire.reassembler.flows[CLIENT]
    assert flow.sides[0].stats.conflicts == 1


def test_keep_alive_is_no_difference():
    wire = Wire().open().send(CLIENT, 1001, b"abc").send(CLIENT, 1003, b"\0")
    flow, _ = wire.reassembler.flows[CLIENT]
    assert flow.sides[0].stats.conflicts == 0


def test_sequence_numbers_wrap():
    wire = Wire().open(isn=2**32 - 3)
    assert wire.send(CLIENT, 2**32 - 2, b"abc").send(CLIENT, 1, b"def").seen() == [b"abcdef"]


def test_data_with_the_syn():
    assert Wire().send(CLIENT, ISN, b"abc", flags=SYN).send(CLIENT, 1004, b"d").seen() == [b"abcd"]


def test_hole_that_was_acknowledged_is_capture_loss():
    wire = Wire().open().send(CLIENT, 1001, b"abc").send(CLIENT, 1014, b"xyz").send(SERVER, 5001, ack=1017)
    assert wire.seen() == [b"abc"]
    for _ in range(ACKED_SEGMENTS + 1):
        wire.send(SERVER, 5001, ack=1017)
    assert wire.seen() == [b"abc", (10, "capture_loss"), b"xyz"]


def test_hole_that_was_acknowledged_is_given_up_after_a_while():
    wire = Wire().open().send(CLIENT, 1004, b"def").send(SERVER, 5001, ack=1007)
    wire.now += ACKED_NS
    assert wire.send(SERVER, 5001, ack=1007).seen() == [(3, "capture_loss"), b"def"]


def test_hole_that_was_not_acknowledged_stays_open_to_the_end():
    wire = Wire().open().send(CLIENT, 1001, b"abc").send(CLIENT, 1014, b"xyz")
    for _ in range(2 * ACKED_SEGMENTS):
        wire.send(SERVER, 5001, ack=1004)
    assert wire.seen() == [b"abc"]
    assert wire.finish().seen() == [b"abc", (10, "network_loss"), b"xyz", "capture_end"]


def test_hole_is_given_up_when_too_much_waits():
    wire = Wire().open()
    piece = bytes(60_000)
    for index in range(OUT_OF_ORDER_BYTES // len(piece) + 2):
        wire.send(CLIENT, 1101 + index * len(piece), piece)
    assert wire.seen()[0] == (100, "network_loss")


def test_wild_sequence_number_does_not_stop_the_stream():
    wire = Wire().open().send(CLIENT, 1001, b"abc").send(CLIENT, 1001 + 2**30, b"wild")
    for index in range(1000):
        wire.send(CLIENT, 1004 + index, b"d").send(SERVER, 5001, ack=1005 + index)
    assert wire.seen() == [b"abc" + b"d" * 1000]


def test_bytes_cut_off_by_the_snaplen_are_a_gap_of_exactly_that_size():
    wire = Wire().open().send(CLIENT, 1001, b"abc", cut=7).send(CLIENT, 1011, b"xyz")
    assert wire.seen() == [b"abc", (7, "snaplen"), b"xyz"]


def test_acknowledged_tail_is_missed_at_the_end():
    wire = Wire().open().send(CLIENT, 1001, b"abc").send(SERVER, 5001, b"x", ack=1010)
    assert wire.finish().seen() == [b"abc", (6, "capture_loss"), "capture_end"]


def test_fin_ends_its_direction_only():
    wire = Wire().open().send(CLIENT, 1001, b"abc", flags=FIN | ACK).send(SERVER, 5001, b"bye", ack=1005)
    assert wire.seen() == [b"abc", "fin"]
    assert wire.seen(SERVER) == [b"bye"]


def test_fin_before_its_data_waits():
    wire = Wire().open().send(CLIENT, 1004, flags=FIN | ACK)
    assert wire.seen() == []
    assert wire.send(CLIENT, 1001, b"abc").seen() == [b"abc", "fin"]


def test_rst_ends_both_directions_and_what_was_on_its_way_is_still_read():
    wire = Wire().open().send(CLIENT, 1001, b"abc").send(SERVER, 5001, flags=RST)
    assert (wire.seen(), wire.seen(SERVER)) == ([b"abc", "rst"], ["rst"])
    assert wire.send(CLIENT, 1004, b"def").seen() == [b"abc", "rst", b"def"]
    wire.now += LINGER_NS + 1
    assert wire.send(CLIENT, 1007, b"ghi").seen() == [b"abc", "rst", b"def"]


def test_start_without_syn_takes_the_lowest_of_the_first_segments():
    wire = Wire().send(CLIENT, 1004, b"def").send(CLIENT, 1001, b"abc")
    for index in range(START_SEGMENTS):
        wire.send(CLIENT, 1007 + index, b"g")
    assert wire.seen()[:1] == [(0, "mid_stream")]
    assert wire.seen()[1].startswith(b"abcdefg")


def test_syn_that_comes_late_still_begins_the_stream():
    wire = Wire().send(CLIENT, 1001, b"abc").send(CLIENT, ISN, flags=SYN)
    assert wire.seen() == [b"abc"]


def test_lost_syn_of_the_client_is_told_by_the_answer():
    wire = Wire().send(SERVER, 5000, flags=SYN | ACK, ack=1001).send(CLIENT, 1004, b"def").send(CLIENT, 1001, b"abc")
    assert wire.seen() == [b"abcdef"]
    flow, index = wire.reassembler.flows[CLIENT]
    assert flow.client == index


def test_new_syn_on_the_same_ports_is_a_new_connection():
    wire = Wire().open().send(CLIENT, 1001, b"abc").open(isn=9_000_000).send(CLIENT, 9_000_001, b"xyz")
    assert wire.seen() == [b"abc", "idle"]
    assert wire.seen(flow=1) == [b"xyz"]


def test_repeated_syn_is_the_same_connection():
    wire = Wire().open().send(CLIENT, 1001, b"abc").send(CLIENT, ISN, flags=SYN).send(CLIENT, 1004, b"d")
    assert wire.seen() == [b"abcd"]


def test_forgotten_flow_is_silent_until_its_ports_are_used_anew():
    wire = Wire().open().send(CLIENT, 1001, b"abc")
    wire.reassembler.forget(wire.reassembler.flows[CLIENT][0])
    assert wire.send(CLIENT, 1004, b"d").seen() == [b"abc"]
    assert wire.open(isn=77_000).send(CLIENT, 77_001, b"new").seen(flow=1) == [b"new"]


def test_silent_connection_ends_with_the_capture():
    wire = Wire().open()
    other = CLIENT[:8] + (1).to_bytes(2, "big") + CLIENT[10:]
    wire.now += 60_000_000_000
    wire.send(other, 1, flags=SYN).finish()
    (end,) = [item for item in wire.items[0, CLIENT] if isinstance(item, StreamEnd)]
    assert (end.how, end.time_ns) == ("capture_end", wire.now)


@pytest.mark.parametrize("gap", [1, 100, 2**20, 2**30])
def test_round_trip_of_the_handshake_is_measured(gap: int):
    wire = Wire().send(CLIENT, ISN, flags=SYN)
    wire.now += gap - 1_000_000
    wire.send(SERVER, 5000, flags=SYN | ACK, ack=1001)
    assert wire.reassembler.flows[CLIENT][0].rtt_ns == gap
