"""TCP segments out of packets of every link, tunnel and IP version, whole, cut, damaged and in fragments."""

import random
import struct
from collections.abc import Sequence

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.erspan import ERSPAN_II
from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import GRE, IP, TCP, UDP, IPOption_Timestamp, fragment
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    fragment6,
)
from scapy.layers.l2 import ARP, LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Dot3, Ether
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet as Crafted
from scapy.packet import Raw

from rtmpscope.limits import FRAGMENTS
from rtmpscope.model import Packet, Segment
from rtmpscope.net.address import endpoints
from rtmpscope.net.decode import LINKS, Decoder

ETHERNET, RAW_IP = 1, 101


def link(**fields: int) -> Crafted:
    """An Ethernet header that needs no look at this machine's network."""
    return Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01", **fields)


def pktap(link_type: int) -> bytes:
    """What macOS puts before a packet of that link type, process names left out."""
    return struct.pack("<III", 108, 1, link_type) + bytes(96)


Fields = tuple[str, str, int, int, int, int, bytes, int]

DATA = bytes(range(200))
SEGMENT = TCP(sport=50000, dport=1935, seq=0xFEDCBA98, ack=0x89ABCDEF, flags="PA", window=4321) / Raw(DATA)
INNER = IP(src="10.0.0.1", dst="10.0.0.2") / SEGMENT
INNER6 = IPv6(src="fe80::1", dst="fe80::2") / SEGMENT
EXPECTED = ("10.0.0.1:50000", "10.0.0.2:1935", 0xFEDCBA98, 0x89ABCDEF, 0x18, 4321, DATA, 0)
EXPECTED6 = ("[fe80::1]:50000", "[fe80::2]:1935", *EXPECTED[2:])


def packet(
    data: bytes, link_type: int = ETHERNET, *, wire_length: int = 0, number: int = 1, time_ns: int = 0
) -> Packet:
    """A frame somewhere in the middle of a block."""
    block = b"\xaa" * 7 + data + b"\xbb" * 70
    return Packet(number, time_ns, link_type, block, 7, len(data), wire_length or len(data))


def fields(segment: Segment) -> Fields:
    source, destination = endpoints(segment.key)
    numbers = segment.seq, segment.ack, segment.flags, segment.window
    return str(source), str(destination), *numbers, segment.payload, segment.cut


def decoded(*frames: bytes | Crafted, link_type: int = ETHERNET) -> list[Fields]:
    decoder = Decoder()
    packets = [packet(bytes(frame), link_type, number=number) for number, frame in enumerate(frames, 1)]
    segments = decoder.decode(packets)
    assert decoder.unread == {}
    return [fields(segment) for segment in segments]


def unread(data: bytes, link_type: int = ETHERNET) -> dict[str, int]:
    """The reasons why a packet gives nothing."""
    decoder = Decoder()
    assert decoder.decode([packet(data, link_type)]) == []
    return decoder.unread


# --- layers ----------------------------------------------------------------------------------------------

PAD = PadN(optdata=bytes(4))
STACKS = {
    "Ethernet": (1, link() / INNER, EXPECTED),
    "Ethernet, IPv6": (1, link() / INNER6, EXPECTED6),
    "padding": (1, bytes(link() / INNER) + b"padding", EXPECTED),
    "padding, IPv6": (1, bytes(link() / INNER6) + b"padding", EXPECTED6),
    "802.1Q": (1, link() / Dot1Q(vlan=7) / INNER, EXPECTED),
    "802.1ad, 802.1Q twice": (1, link() / Dot1AD(vlan=7) / Dot1Q(vlan=8) / Dot1Q(vlan=9) / INNER6, EXPECTED6),
    "SNAP": (1, Dot3() / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=0x800) / INNER, EXPECTED),
    "MPLS": (1, link(type=0x8847) / MPLS(label=3, s=0) / MPLS(label=4, s=1) / INNER, EXPECTED),
    "MPLS, IPv6": (1, link(type=0x8847) / MPLS(label=3, s=1) / INNER6, EXPECTED6),
    "PPPoE": (1, link(type=0x8864) / PPPoE() / PPP() / INNER, EXPECTED),
    "PPPoE, IPv6, VLAN": (1, link() / Dot1Q(type=0x8864) / PPPoE() / PPP(proto=0x57) / INNER6, EXPECTED6),
    "PPP": (9, PPP() / INNER, EXPECTED),
    "PPP in HDLC": (9, HDLC() / PPP(proto=0x57) / INNER6, EXPECTED6),
    "PPP, short protocol": (9, b"\x21" + bytes(INNER), EXPECTED),
    "null, little-endian": (0, bytes([2, 0, 0, 0]) + bytes(INNER), EXPECTED),
    "null, IPv6": (0, bytes([30, 0, 0, 0]) + bytes(INNER6), EXPECTED6),
    "loop, big-endian": (108, bytes([0, 0, 0, 2]) + bytes(INNER), EXPECTED),
    "loop, IPv6": (108, bytes([0, 0, 0, 24]) + bytes(INNER6), EXPECTED6),
    "SLL": (113, CookedLinux() / INNER, EXPECTED),
    "SLL, IPv6": (113, CookedLinux() / INNER6, EXPECTED6),
    "SLL, 802.1Q": (113, CookedLinux() / Dot1Q() / INNER, EXPECTED),
    "SLL2": (276, CookedLinuxV2() / INNER, EXPECTED),
    "SLL2, IPv6": (276, CookedLinuxV2() / INNER6, EXPECTED6),
    **{f"raw {link}": (link, INNER, EXPECTED) for link in (12, 14, 101, 228)},
    **{f"raw {link}, IPv6": (link, INNER6, EXPECTED6) for link in (12, 101, 229)},
    "IPv4 options": (
        1,
        link() / IP(src="10.0.0.1", dst="10.0.0.2", options=[IPOption_Timestamp()]) / SEGMENT,
        EXPECTED,
    ),
    "IPv6 extensions": (
        1,
        link()
        / IPv6(src="fe80::1", dst="fe80::2")
        / IPv6ExtHdrHopByHop(options=[PAD, PAD, PAD])
        / IPv6ExtHdrRouting()
        / IPv6ExtHdrFragment()
        / IPv6ExtHdrDestOpt(options=[PAD])
        / SEGMENT,
        EXPECTED6,
    ),
    "authentication header": (
        1,
        link() / IP(src="10.0.0.1", dst="10.0.0.2", proto=51) / Raw(bytes([6, 4]) + bytes(22)) / SEGMENT,
        EXPECTED,
    ),
    "IP in IP": (1, link() / IP(src="1.1.1.1", dst="2.2.2.2") / INNER, EXPECTED),
    "IPv6 in IPv4": (1, link() / IP(src="1.1.1.1", dst="2.2.2.2", proto=41) / INNER6, EXPECTED6),
    "IPv4 in IPv6": (1, link() / IPv6(nh=4) / INNER, EXPECTED),
    "GRE": (1, link() / IP() / GRE() / INNER, EXPECTED),
    "GRE, all its numbers": (
        1,
        link() / IP() / GRE(chksum_present=1, key_present=1, seqnum_present=1, proto=0x86DD) / INNER6,
        EXPECTED6,
    ),
    "GRE, Ethernet": (1, link() / IP() / GRE(key_present=1, proto=0x6558) / link() / Dot1Q() / INNER, EXPECTED),
    "VXLAN": (1, link() / IP() / UDP(dport=4789) / VXLAN(vni=42) / link() / INNER, EXPECTED),
    "VXLAN on Linux's first port": (1, link() / IPv6() / UDP(dport=8472) / VXLAN() / link() / INNER6, EXPECTED6),
    "GENEVE": (1, link() / IP() / UDP(dport=6081) / GENEVE(vni=42, proto=0x6558) / link() / INNER, EXPECTED),
    "GENEVE with options": (
        1,
        link() / IP() / UDP(dport=6081) / Raw(bytes.fromhex("020086dd") + bytes(12)) / INNER6,
        EXPECTED6,
    ),
    "ERSPAN": (1, link() / IP() / GRE(seqnum_present=1, proto=0x88BE) / ERSPAN_II() / link() / INNER, EXPECTED),
    "ERSPAN III": (1, link() / IP() / GRE(proto=0x22EB) / Raw(bytes(12)) / link() / INNER, EXPECTED),
    "ERSPAN III, longer": (
        1,
        link() / IP() / GRE(proto=0x22EB) / Raw(b"\0" * 11 + b"\1" * 9) / link() / INNER,
        EXPECTED,
    ),
    "PKTAP": (258, pktap(1) + bytes(link() / INNER), EXPECTED),
    "PKTAP as macOS numbers it": (149, pktap(0) + b"\x1e\0\0\0" + bytes(INNER6), EXPECTED6),
    "TCP options": (
        101,
        IP(src="10.0.0.1", dst="10.0.0.2")
        / TCP(
            sport=50000,
            dport=1935,
            seq=0xFEDCBA98,
            ack=0x89ABCDEF,
            flags="PA",
            window=4321,
            options=[("Timestamp", (1, 2))],
        )
        / Raw(DATA),
        EXPECTED,
    ),
}


@pytest.mark.parametrize("name", STACKS)
def test_climbs_to_tcp_through(name: str) -> None:
    link_type, frame, expected = STACKS[name]
    assert decoded(frame, link_type=link_type) == [expected]


@pytest.mark.parametrize("name", STACKS)
def test_a_cut_frame_tells_of_exactly_the_bytes_that_are_missing(name: str) -> None:
    link_type, crafted, expected = STACKS[name]
    frame = bytes(crafted)
    before = 0
    for captured in range(len(frame) + 1):
        decoder = Decoder()
        segments = decoder.decode([packet(frame[:captured], link_type, wire_length=len(frame))])
        if not segments:
            assert decoder.unread == {"cut inside a header": 1}
            assert before == 0
            continue
        *head, payload, cut = fields(segments[0])
        assert head == list(expected[:-2])
        assert payload == DATA[: len(payload)]
        assert before <= len(payload) == len(DATA) - cut
        before = len(payload)
    assert before == len(DATA)


@pytest.mark.parametrize("name", STACKS)
def test_the_straight_path_and_the_climb_agree(name: str) -> None:
    link_type, frame, _ = STACKS[name]
    one = packet(bytes(frame), link_type)
    climbed = Decoder()._climb(one)
    (segment,) = Decoder().decode([one])
    assert climbed is not None
    assert fields(climbed) == fields(segment)


def test_common_links_go_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Payload then stays in the block that was read: nothing is copied."""
    for name in (
        "Ethernet",
        "null, little-endian",
        "loop, big-endian",
        "SLL",
        "SLL2",
        "raw 12",
        "raw 14",
        "raw 101",
        "raw 228",
    ):
        link_type, frame, _ = STACKS[name]
        one = packet(bytes(frame), link_type)
        (segment,) = Decoder().decode([one])
        assert segment.block is one.block


@pytest.mark.parametrize("crafted", [INNER, INNER6], ids=["IPv4", "IPv6"])
def test_a_length_left_to_the_network_card_reaches_to_the_end_of_the_packet(crafted: Crafted) -> None:
    frame = bytearray(bytes(link() / crafted))
    frame[16:18] = b"\0\0"
    frame[18:20] = b"\0\0" if crafted is INNER6 else frame[18:20]
    expected = EXPECTED6 if crafted is INNER6 else EXPECTED
    assert decoded(bytes(frame)) == [expected]
    (segment,) = Decoder().decode([packet(bytes(frame[:-50]), wire_length=len(frame))])
    assert fields(segment)[-2:] == (DATA[:-50], 50)


def test_one_batch_may_mix_link_types() -> None:
    packets = [packet(bytes(frame), link_type) for link_type, frame, _ in STACKS.values()]
    assert [fields(segment) for segment in Decoder().decode(packets)] == [
        expected for _, _, expected in STACKS.values()
    ]


def test_a_segment_knows_its_packet() -> None:
    for frame in (link() / INNER, link() / INNER6):
        (segment,) = Decoder().decode([packet(bytes(frame), number=77, time_ns=123_456_789)])
        assert (segment.packet, segment.time_ns) == (77, 123_456_789)


# --- what is not TCP, or not right -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        link() / ARP(),
        link() / IP() / UDP(dport=53) / Raw(DATA),
        link() / IPv6(nh=59),
        link() / IP(proto=50) / Raw(DATA),
        link(type=0x1234) / INNER,
        Dot3() / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(DATA),
        link(type=6) / SEGMENT,  # a length, not the protocol number of TCP
        link(type=0x8847) / MPLS(s=1) / Raw(b"\0" * 40),
        link(type=0x8864) / PPPoE() / PPP(proto=0xC021) / Raw(DATA),
        link() / IP() / GRE(proto=6) / SEGMENT,
    ],
)
def test_what_is_not_tcp_gives_nothing_and_is_nobodys_fault(frame: Crafted) -> None:
    assert decoded(frame) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (14, 0x55),  # not IPv4
        (14, 0x44),  # header of 16 bytes
        (17, 19),  # total length below the header's
        (46, 0x40),  # TCP header of 16 bytes
        (17, 39),  # total length below that of both headers
    ],
)
def test_a_damaged_header_is_counted(place: int, value: int) -> None:
    frame = bytearray(bytes(link() / INNER))
    frame[16] = 0
    frame[place] = value
    assert unread(bytes(frame)) == {"damaged header": 1}


def test_tcp_header_beyond_its_datagram_is_damage() -> None:
    frame = bytearray(bytes(link() / INNER))
    frame[46] = 0xF0
    frame[16:18] = (79).to_bytes(2, "big")
    assert unread(bytes(frame)) == {"damaged header": 1}


def test_ipv6_of_another_version_is_damage() -> None:
    frame = bytearray(bytes(link() / INNER6))
    frame[14] = 0x40
    assert unread(bytes(frame)) == {"damaged header": 1}


def test_unknown_link_types_are_counted_by_number() -> None:
    decoder = Decoder()
    decoder.decode([packet(DATA, 105), packet(DATA, 147), packet(DATA, 105)])
    assert decoder.unread == {"link type 105": 2, "link type 147": 1}


def test_nested_tunnels_end_with_the_packet() -> None:
    shell = bytes(IP(len=0, proto=4))
    assert unread(shell * 3000, RAW_IP) == {"cut inside a header": 1}
    assert decoded(shell * 3000 + bytes(INNER), link_type=RAW_IP) == [EXPECTED]


# --- fragments -------------------------------------------------------------------------------------------


PIECES = [bytes(link() / piece) for piece in fragment(IP(bytes(INNER)), 64)]
WHOLE6 = IPv6(src="fe80::1", dst="fe80::2") / IPv6ExtHdrFragment() / SEGMENT
PIECES6 = [bytes(link() / piece) for piece in fragment6(WHOLE6, 112)]


def named(identification: int) -> list[bytes]:
    """The same pieces as those of another datagram."""
    return [piece[:18] + identification.to_bytes(2, "big") + piece[20:] for piece in PIECES]


@pytest.mark.parametrize("pieces", [PIECES, PIECES6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("seed", range(5))
def test_fragments_are_joined_in_any_order_by_the_last_to_come(pieces: list[bytes], seed: int) -> None:
    assert len(pieces) > 2
    shuffled = random.Random(seed).sample(pieces, len(pieces))
    decoder = Decoder()
    segments = [decoder.decode([packet(piece, number=n)]) for n, piece in enumerate(shuffled, 1)]
    assert [len(found) for found in segments] == [0] * (len(pieces) - 1) + [1]
    (segment,) = segments[-1]
    assert segment.packet == len(pieces)
    assert fields(segment)[2:] == EXPECTED[2:]
    assert decoder.fragments.lost == 0
    assert decoder.decode([packet(piece) for piece in shuffled[:-1]]) == []


def test_repeated_fragments_do_no_harm() -> None:
    pieces = PIECES
    assert decoded(*pieces[:2], *pieces[:2], *pieces[2:]) == [EXPECTED]


def test_of_overlapping_fragments_the_first_counts() -> None:
    pieces = PIECES
    liar = pieces[1][:34] + b"\xff" * (len(pieces[1]) - 34)
    assert decoded(pieces[0], pieces[1], liar, *pieces[2:]) == [EXPECTED]


def test_datagrams_with_other_names_are_kept_apart() -> None:
    first, second = named(1), named(2)
    mixed = [piece for pair in zip(first, second, strict=True) for piece in pair]
    assert decoded(*mixed) == [EXPECTED, EXPECTED]


def test_fragments_cut_by_the_snaplen_give_the_bytes_before_the_first_cut() -> None:
    pieces = PIECES
    decoder = Decoder()
    cut = [packet(pieces[0]), packet(pieces[1][:-10], wire_length=len(pieces[1])), *map(packet, pieces[2:])]
    (segment,) = decoder.decode(cut)
    kept = 64 - 20 + 64 - 10
    assert (segment.payload, segment.cut) == (DATA[:kept], len(DATA) - kept)


def test_fragments_wait_half_a_minute() -> None:
    first, *others = PIECES
    decoder = Decoder()
    decoder.decode([packet(first, time_ns=0)])
    assert decoder.decode([packet(piece, time_ns=31 * 10**9) for piece in others]) == []
    assert decoder.fragments.lost == 1
    assert len(decoder.decode([packet(first, time_ns=32 * 10**9)])) == 1


def test_the_oldest_datagram_gives_way_when_too_many_wait() -> None:
    decoder = Decoder()
    for identification in range(FRAGMENTS + 10):
        decoder.decode([packet(named(identification)[0])])
    assert decoder.fragments.lost == 10
    assert decoder.decode([packet(piece) for piece in named(9)[1:]]) == []
    assert len(decoder.decode([packet(piece) for piece in named(100)[1:]])) == 1


def test_a_fragment_beyond_64_kib_is_damage() -> None:
    piece = bytearray(PIECES[1])
    piece[20:22] = b"\x3f\xff"
    assert unread(bytes(piece)) == {"damaged header": 1}


def test_a_copy_joins_what_the_original_had_begun() -> None:
    pieces = PIECES
    decoder = Decoder()
    decoder.decode([packet(pieces[0]), packet(DATA, 999)])
    twin = decoder.copy()
    others = [packet(piece) for piece in pieces[1:]]
    assert [fields(segment) for segment in decoder.decode(others)] == [EXPECTED]
    assert [fields(segment) for segment in twin.decode(others)] == [EXPECTED]
    assert twin.unread == decoder.unread == {"link type 999": 1}


# --- against dpkt ----------------------------------------------------------------------------------------


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    payload = draw(st.binary(max_size=100))
    options = draw(st.integers(0, 10)) * b"\x01\x01\x01\x01"
    number = st.integers(0, 2**32 - 1)
    tcp = dpkt.tcp.TCP(
        sport=draw(st.integers(0, 65535)),
        dport=draw(st.integers(0, 65535)),
        seq=draw(number),
        ack=draw(number),
        flags=draw(st.integers(0, 255)),
        win=draw(st.integers(0, 65535)),
        opts=options,
        data=payload,
    )
    tcp.off = 5 + len(options) // 4
    if draw(st.booleans()):
        ip_options = draw(st.integers(0, 10)) * b"\x01\x01\x01\x01"
        ip = dpkt.ip.IP(src=draw(st.binary(min_size=4, max_size=4)), dst=bytes(4), p=6, opts=ip_options, data=tcp)
        ip.hl = 5 + len(ip_options) // 4
        ip.len = len(ip_options) + 20 + len(tcp)
        kind = 0x0800
    else:
        ip = dpkt.ip6.IP6(src=draw(st.binary(min_size=16, max_size=16)), dst=bytes(16), nxt=6, plen=len(tcp), data=tcp)
        kind = 0x86DD
    tags = b"".join(
        draw(st.sampled_from([b"\x81\x00", b"\x88\xa8"])) + draw(st.binary(min_size=2, max_size=2))
        for _ in range(draw(st.integers(0, 2)))
    )
    padding = draw(st.integers(0, 20))
    return bytes(12) + tags + kind.to_bytes(2, "big") + bytes(ip) + bytes(padding)


def by_dpkt(frame: bytes) -> tuple[object, ...]:
    ip = dpkt.ethernet.Ethernet(frame).data
    tcp = ip.data
    key = ip.src + ip.dst + tcp.sport.to_bytes(2, "big") + tcp.dport.to_bytes(2, "big")
    return key, tcp.seq, tcp.ack, tcp.flags, tcp.win, bytes(tcp.data), 0


def by_us(segments: Sequence[Segment]) -> list[tuple[object, ...]]:
    return [(s.key, s.seq, s.ack, s.flags, s.window, s.payload, s.cut) for s in segments]


@settings(max_examples=300)
@given(st.lists(frames(), max_size=5))
def test_dpkt_reads_the_same(batch: list[bytes]) -> None:
    decoder = Decoder()
    assert by_us(decoder.decode([packet(frame) for frame in batch])) == [by_dpkt(frame) for frame in batch]
    assert decoder.unread == {}


def test_damage_never_raises_and_payload_stays_inside_the_packet() -> None:
    seeded = random.Random(5)
    originals = [(link_type, bytes(frame)) for link_type, frame, _ in STACKS.values()]
    originals += [(ETHERNET, piece) for piece in PIECES + PIECES6]
    decoder = Decoder()
    found = 0
    for _ in range(20_000):
        link_type, original = seeded.choice(originals)
        frame = bytearray(original[: seeded.randrange(len(original) + 1)] if seeded.random() < 0.2 else original)
        for _ in range(seeded.randrange(4)):
            if frame:
                frame[seeded.randrange(min(len(frame), 120))] = seeded.randrange(256)
        if seeded.random() < 0.1:
            link_type = seeded.choice(list(LINKS))
        one = packet(bytes(frame), link_type, wire_length=len(original))
        for segment in decoder.decode([one]):
            found += 1
            assert 0 <= segment.start and 0 <= segment.length and 0 <= segment.cut
            inside = segment.start + segment.length <= len(segment.block) - 70 * (segment.block is one.block)
            assert inside or segment.length == 0
            assert len(segment.key) in (12, 36)
    assert found > 10_000
    assert sum(decoder.unread.values()) > 1_000
