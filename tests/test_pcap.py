"""Records of pcap files, in every variant."""

import pytest

from rtmpscope.capture.pcap import PcapParser
from rtmpscope.limits import PACKET_BYTES
from rtmpscope.model import Packet
from tests.records import MICROSECONDS, MODIFIED, NANOSECONDS, pcap_header, pcap_record

Fields = tuple[int, int, int, bytes, int]


def fields(packet: Packet) -> Fields:
    return packet.number, packet.time_ns, packet.link_type, packet.data, packet.wire_length


def read(data: bytes) -> tuple[list[Fields], PcapParser, int]:
    """The packets of a file given whole, the parser, and where it stopped."""
    parser = PcapParser()
    packets: list[Packet] = []
    at = parser.parse(data, 1, packets)
    return [fields(packet) for packet in packets], parser, at


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("magic", "unit_ns"), [(MICROSECONDS, 1000), (NANOSECONDS, 1), (MODIFIED, 1000)], ids=["us", "ns", "modified"]
)
def test_reads_every_variant_in_both_byte_orders(magic: int, unit_ns: int, order: str) -> None:
    modified = magic == MODIFIED
    file = pcap_header(magic, order, link_type=113)
    file += pcap_record(b"abc", 5, 999_999, order=order, modified=modified)
    file += pcap_record(b"", 6, 1, order=order, modified=modified, wire_length=70_000)
    packets, parser, at = read(file)
    assert packets == [
        (1, 5_000_000_000 + 999_999 * unit_ns, 113, b"abc", 3),
        (2, 6_000_000_000 + unit_ns, 113, b"", 70_000),
    ]
    assert (parser.fault, at) == ("", len(file))


def test_link_type_ignores_the_bits_that_tell_of_a_frame_check_sequence() -> None:
    packets, _, _ = read(pcap_header(link_type=0x5400_0001) + pcap_record(b"x"))
    assert packets[0][2] == 1


def test_time_reaches_to_2106() -> None:
    packets, _, _ = read(pcap_header() + pcap_record(b"x", 2**32 - 1, 2**32 - 1))
    assert packets[0][1] == (2**32 - 1) * 10**9 + (2**32 - 1) * 1000


def test_a_frame_larger_than_64_kib_is_whole() -> None:
    frame = bytes(range(256)) * 257
    packets, _, _ = read(pcap_header() + pcap_record(frame))
    assert packets[0][3] == frame


def test_the_largest_packet_is_read_and_a_larger_one_is_a_fault() -> None:
    largest = pcap_header() + pcap_record(bytes(PACKET_BYTES))
    assert len(read(largest)[0]) == 1
    packets, parser, at = read(largest + pcap_record(b"", captured=PACKET_BYTES + 1))
    assert len(packets) == 1
    assert (parser.fault, at) == ("a packet claims 262,145 bytes", len(largest))


def test_a_record_that_claims_4_gib_is_a_fault_before_any_of_it_is_awaited() -> None:
    packets, parser, at = read(pcap_header() + pcap_record(b"a") + pcap_record(b"b", captured=2**32 - 1))
    assert (len(packets), parser.fault, at) == (1, "a packet claims 4,294,967,295 bytes", 24 + 17)


def test_need_says_what_the_next_record_wants() -> None:
    parser = PcapParser()
    packets: list[Packet] = []
    assert (parser.parse(pcap_header()[:23], 1, packets), parser.need) == (0, 24)
    assert (parser.parse(pcap_header() + pcap_record(b"abc")[:15], 1, packets), parser.need) == (24, 16)
    assert (parser.parse(pcap_record(b"abc")[:18], 1, packets), parser.need) == (0, 19)
    assert (parser.parse(pcap_record(b"abc"), 1, packets), parser.need) == (19, 16)
    assert [fields(packet)[3] for packet in packets] == [b"abc"]


def test_a_copy_goes_on_where_it_was_made() -> None:
    first, second = pcap_record(b"a", order=">"), pcap_record(b"b", order=">")
    parser = PcapParser()
    parser.parse(pcap_header(NANOSECONDS, ">", link_type=12) + first, 1, [])
    packets: list[Packet] = []
    again: list[Packet] = []
    twin = parser.copy()
    assert parser.parse(second, 2, packets) == twin.parse(second, 2, again) == 17
    assert [fields(packet) for packet in packets] == [fields(packet) for packet in again]
    assert fields(again[0])[2:4] == (12, b"b")
