"""Blocks of pcapng files: packets, clocks, sections, secrets and drops."""

import pytest

from rtmpscope.capture.pcapng import PcapngParser
from rtmpscope.limits import INTERFACES, PACKET_BYTES, PCAPNG_BLOCK_BYTES
from rtmpscope.model import Packet
from tests.records import block, enhanced, interface, obsolete, option, secrets, section, simple, statistics

Fields = tuple[int, int, int, bytes, int]


def fields(packet: Packet) -> Fields:
    return packet.number, packet.time_ns, packet.link_type, packet.data, packet.wire_length


def read(data: bytes) -> tuple[list[Fields], PcapngParser, int]:
    """The packets of a file given whole, the parser, and where it stopped."""
    parser = PcapngParser()
    packets: list[Packet] = []
    at = parser.parse(data, 1, packets)
    return [fields(packet) for packet in packets], parser, at


def times(data: bytes) -> list[int]:
    packets, parser, at = read(data)
    assert (parser.fault, at) == ("", len(data))
    return [packet[1] for packet in packets]


@pytest.mark.parametrize("order", "<>")
def test_reads_every_kind_of_packet_block_in_both_byte_orders(order: str) -> None:
    file = section(order) + interface(113, order=order)
    file += enhanced(b"abcde", 1_000_001, order=order, wire_length=9) + obsolete(b"abc", 2_000_000, order=order)
    file += simple(b"ab", order=order)
    packets, parser, at = read(file)
    assert packets == [
        (1, 1_000_001_000, 113, b"abcde", 9),
        (2, 2_000_000_000, 113, b"abc", 3),
        (3, 0, 113, b"ab", 2),
    ]
    assert (parser.fault, at) == ("", len(file))


def test_each_packet_has_the_clock_and_the_link_type_of_its_interface() -> None:
    file = section() + interface(1) + interface(113, tsresol=9) + interface(101, tsresol=3)
    file += enhanced(b"", 7_000_000, 0) + enhanced(b"", 7_000_000, 1) + enhanced(b"", 7_000_000, 2)
    packets, _, _ = read(file)
    assert [packet[1:3] for packet in packets] == [(7_000_000_000, 1), (7_000_000, 113), (7_000 * 10**9, 101)]


@pytest.mark.parametrize(
    ("tsresol", "ticks", "time_ns"),
    [
        (0, 5, 5 * 10**9),
        (6, 2**52, 2**52 * 1000),
        (9, 2**61, 2**61),
        (12, 1_999, 1),
        (127, 2**64 - 1, 0),
        (0x80 | 0, 5, 5 * 10**9),
        (0x80 | 9, 3 << 8, 1_500_000_000),
        (0x80 | 32, 1 << 31, 500_000_000),
        (0x80 | 127, 2**64 - 1, 0),
        (0, 2**63, 2**62 - 1),  # far beyond 2116, where 62 bits of nanoseconds end
        (6, 2**64 - 1, 2**62 - 1),
    ],
)
def test_clock_counts_in_powers_of_ten_and_of_two(tsresol: int, ticks: int, time_ns: int) -> None:
    assert times(section() + interface(tsresol=tsresol) + enhanced(b"", ticks)) == [time_ns]


@pytest.mark.parametrize(
    ("tsoffset", "ticks", "time_ns"),
    [
        (1_700_000_000, 5, 1_700_000_000 * 10**9 + 5_000),
        (-10, 0, -10 * 10**9),
        (2**63 - 1, 5, 2**62 - 1),
        (-(2**63), 5, -(2**62) + 1),
    ],
    ids=["added", "before 1970", "latest", "earliest"],
)
@pytest.mark.parametrize("order", "<>")
def test_clock_offset_is_added_in_seconds(tsoffset: int, ticks: int, time_ns: int, order: str) -> None:
    file = section(order) + interface(tsoffset=tsoffset, order=order) + enhanced(b"", ticks, order=order)
    assert times(file) == [time_ns]


def test_a_new_section_forgets_the_interfaces_and_may_turn_the_byte_order() -> None:
    file = section("<") + interface(1, tsresol=9) + enhanced(b"a", 1_000)
    file += section(">") + interface(101, order=">") + enhanced(b"b", 1_000, order=">")
    packets, parser, _ = read(file + section("<") + enhanced(b"c"))
    assert [packet[1:4] for packet in packets] == [(1_000, 1, b"a"), (1_000_000, 101, b"b")]
    assert parser.fault == "a packet of interface 0, which is not described"


@pytest.mark.parametrize(("snaplen", "kept"), [(0, b"abcdefgh"), (4, b"abcd"), (100, b"abcdefgh")])
def test_a_simple_packet_is_cut_at_the_snaplen_of_the_first_interface(snaplen: int, kept: bytes) -> None:
    packets, parser, _ = read(section() + interface(1, snaplen) + interface(1, 2) + simple(kept, wire_length=8))
    assert [(packet[3], packet[4]) for packet in packets] == [(kept, 8)]
    assert parser.fault == ""


def test_blocks_without_packets_are_stepped_over() -> None:
    others = block(4, bytes(20)) + block(0xBAD, b"custom") + block(0x80000001, bytes(100)) + block(99, b"")
    packets, parser, _ = read(section() + secrets(b"CLIENT_RANDOM") + others + interface() + others + enhanced(b"x"))
    assert [packet[3] for packet in packets] == [b"x"]
    assert parser.fault == ""


def test_options_of_a_packet_are_not_its_data() -> None:
    packets, _, _ = read(section() + interface() + enhanced(b"abc", options=option(1, b"a comment") + option(0, b"")))
    assert packets[0][3] == b"abc"


def test_damaged_interface_options_leave_the_usual_clock() -> None:
    lie = b"\x09\x00\xff\xff"
    assert times(section() + interface(options=[lie]) + enhanced(b"", 3)) == [3_000]


def test_the_last_statistics_of_each_interface_say_what_was_dropped() -> None:
    file = section() + interface() + interface() + statistics(0, 5) + statistics(1, 7) + statistics(0, 9)
    parser = read(file + statistics(8, 100))[1]
    assert parser.dropped == 16
    parser.parse(section() + interface() + statistics(0, 1), 1, [])
    assert parser.dropped == 17


START = section() + interface() + enhanced(b"good")


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (block(6, b"", length=0), "a block claims 0 bytes"),
        (block(6, b"", length=11), "a block claims 11 bytes"),
        (block(6, bytes(20), length=30), "a block claims 30 bytes"),
        (block(6, bytes(20), length=PCAPNG_BLOCK_BYTES + 4), "a block claims 16,777,220 bytes"),
        (block(99, bytes(20), length=2**32 - 4), "a block claims 4,294,967,292 bytes"),
        (block(99, bytes(20), again=36), "the two lengths of a block differ"),
        (enhanced(b"data", captured=5), "a packet claims 5 bytes in a block of 36"),
        (enhanced(bytes(PACKET_BYTES + 4)), "a packet claims 262,148 bytes in a block of 262,180"),
        (enhanced(b"data", captured=2**32 - 1), "a packet claims 4,294,967,295 bytes in a block of 36"),
        (enhanced(b"data", named=1), "a packet of interface 1, which is not described"),
        (obsolete(b"data", named=1), "a packet of interface 1, which is not described"),
        (section() + simple(b"data"), "a packet of interface 0, which is not described"),
        (simple(b"data", wire_length=5), "a packet claims 5 bytes in a block of 20"),
        (block(6, bytes(16)), "a packet in a block of 28 bytes"),
        (block(2, bytes(16)), "a packet in a block of 28 bytes"),
        (block(3, b""), "a packet in a block of 12 bytes"),
        (block(1, bytes(4)), "a block of type 1 with 4 bytes in it"),
        (block(5, bytes(8)), "a block of type 5 with 8 bytes in it"),
        (section(major=2), "a section of format version 2; only 1 is known"),
        (block(0x0A0D0D0A, b"\x1a\x2b\x3c\x4e" + bytes(12)), "a section header without its byte-order magic"),
    ],
)
def test_damage_is_a_fault_after_the_packets_before_it(wrong: bytes, fault: str) -> None:
    packets, parser, _ = read(START + wrong + enhanced(b"never"))
    assert [packet[3] for packet in packets] == [b"good"]
    assert parser.fault == fault


def test_damage_is_located_at_the_block_that_has_it() -> None:
    assert read(START + block(6, b"", length=0))[2] == len(START)


def test_interfaces_without_end_are_a_fault() -> None:
    parser = read(section() + interface() * INTERFACES)[1]
    assert parser.fault == ""
    parser.parse(interface(), 1, [])
    assert parser.fault == "a section of more than 16,384 interfaces"


def test_need_says_what_the_next_block_wants() -> None:
    parser = PcapngParser()
    packets: list[Packet] = []
    assert (parser.parse(section()[:11], 1, packets), parser.need) == (0, 12)
    assert (parser.parse(section()[:12], 1, packets), parser.need) == (0, 28)
    assert (parser.parse(section() + interface()[:3], 1, packets), parser.need) == (28, 12)
    assert (parser.parse(interface() + enhanced(b"abc")[:30], 1, packets), parser.need) == (20, 36)
    assert packets == []


def test_a_copy_goes_on_where_it_was_made_whatever_the_first_reads_meanwhile() -> None:
    parser = PcapngParser()
    parser.parse(section(">") + interface(113, order=">"), 1, [])
    twin = parser.copy()
    parser.parse(interface(1, order=">") + section("<"), 1, [])
    packets: list[Packet] = []
    file = enhanced(b"a", 1, order=">") + interface(101, order=">") + enhanced(b"b", 1, 1, order=">")
    assert twin.parse(file, 5, packets) > 0
    assert [fields(packet)[:4] for packet in packets] == [(5, 1000, 113, b"a"), (6, 1000, 101, b"b")]


def test_copies_that_go_on_from_one_place_know_their_own_interfaces() -> None:
    parser = PcapngParser()
    parser.parse(section() + interface(1), 1, [])
    twin = parser.copy()
    found: list[Packet] = []
    parser.parse(interface(101), 1, found)
    twin.parse(interface(113) + enhanced(b"a", named=1), 1, found)
    parser.parse(enhanced(b"b", named=1), 1, found)
    assert [packet.link_type for packet in found] == [113, 101]
