"""The bytes that all tests are built of, checked against readers that know nothing of this project."""

import hashlib
import hmac
import io

import dpkt
import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether

from rtmpscope.model import C2S, S2C, SYN
from tests import wire


@pytest.mark.parametrize(
    ("built", "spelled"),
    [
        (wire.basic_header(0, 2), "02"),
        (wire.basic_header(3, 63), "ff"),
        (wire.basic_header(1, 64), "4000"),
        (wire.basic_header(3, 319), "c0ff"),
        (wire.basic_header(0, 320), "010001"),
        (wire.basic_header(1, 365), "412d01"),
        (wire.basic_header(3, 65599), "c1ffff"),
        (wire.basic_header(0, 64, 3), "010000"),
        (wire.chunk(0, 2, 0, 4, 1, 0, wire.u32(4096)), "02 000000 000004 01 00000000 00001000"),
        (wire.chunk(1, 5, 40, 9, 8), "45 000028 000009 08"),
        (wire.chunk(2, 5, 40), "85 000028"),
        (wire.chunk(3, 5, payload=b"ab"), "c5 6162"),
        (wire.user_control(3, 1, 3000), "0003 00000001 00000bb8"),
        (wire.set_peer_bandwidth(2500000, 2), "002625a0 02"),
        (wire.command("createStream", 2, None), "02000c63726561746553747265616d 004000000000000000 05"),
        (wire.amf0(wire.Ecma(a=True), [wire.Undefined()]), "08 00000001 000161 0101 000009 0a 00000001 06"),
        (wire.shared_object("room", 0, 2, wire.so_event(1)), "0004726f6f6d 00000000 00000002 00000000 01 00000000"),
        (wire.aggregate((8, 0x010003E8, b"\xaf\x01")), "08 000002 0003e8 01 000000 af01 0000000d"),
    ],
)
def test_bytes_are_those_of_the_specification(built, spelled):
    assert built == bytes.fromhex(spelled)


@pytest.mark.parametrize(
    ("repeat", "continuation"), [("same", "c6 01000010"), ("absolute", "c6 01000010"), ("never", "c6")]
)
def test_writer_repeats_the_extended_timestamp_in_each_dialect(repeat, continuation):
    writer = wire.ChunkWriter(6, repeat=repeat)
    expected = f"06 ffffff 00000a 09 01000000 01000010 303132333435 {continuation} 36373839"
    assert writer.message(6, 9, b"0123456789", 16777232, 1) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("extended_delta", "repeat", "first", "next"),
    [
        ("delta", "same", "01000000", "01000000"),
        ("delta", "absolute", "01000000", "01000064"),
        ("absolute", "same", "01000064", "01000064"),
    ],
)
def test_writer_puts_delta_or_absolute_into_a_second_header(extended_delta, repeat, first, next):
    writer = wire.ChunkWriter(1, extended_delta=extended_delta, repeat=repeat)
    writer.message(6, 9, b"a", 100, 1)
    assert writer.message(6, 9, b"ab", 100 + 2**24, 1) == bytes.fromhex(f"46 ffffff 000002 09 {first} 61 c6 {next} 62")


def test_writer_chooses_the_shortest_unambiguous_header():
    writer = wire.ChunkWriter()
    sent = [writer.message(4, 8, b"abcd", time, 1) for time in (0, 20, 40, 61, 50)]
    sent += [writer.message(4, 9, b"abcd", 50, 1), writer.message(4, 9, b"abcd", 50, 2)]
    assert [data[0] >> 6 for data in sent] == [0, 2, 3, 2, 0, 1, 0]


def test_writer_changes_chunk_size_inside_a_message():
    writer = wire.ChunkWriter(2)
    chunks = writer.chunks(4, 8, b"abcdefgh", 0, 1)
    sent = next(chunks) + writer.set_chunk_size(4) + b"".join(chunks)
    assert sent == bytes.fromhex(
        "04 000000 000008 08 01000000 6162 02 000000 000004 01 00000000 0000 c2 0004 c4 63646566 c4 6768"
    )


@pytest.mark.parametrize("at", [8, 772])
def test_digest_handshake_proves_itself(at):
    c2s, s2c = wire.handshake(at)
    assert (len(c2s), len(s2c)) == (3073, 3073)
    c1, s1 = c2s[1:1537], s2c[1:1537]
    for block, key in ((c1, wire.FP_TEXT), (s1, wire.FMS_TEXT)):
        place = (block[at] + block[at + 1] + block[at + 2] + block[at + 3]) % 728 + at + 4
        rest = block[:place] + block[place + 32 :]
        assert block[place : place + 32] == hmac.new(key, rest, hashlib.sha256).digest()
    assert len(wire.FMS_TEXT + wire._SUFFIX) == 68
    key = hmac.new(wire.FMS_TEXT + wire._SUFFIX, wire.digest_of(c1, at), hashlib.sha256).digest()
    s2 = s2c[1537:]
    assert s2[-32:] == hmac.new(key, s2[:-32], hashlib.sha256).digest()


def test_simple_handshake_echoes_the_peer():
    c2s, s2c = wire.handshake()
    assert c2s[0] == s2c[0] == 3
    assert c2s[1537 + 8 :] == s2c[1 + 8 : 1537]
    assert s2c[1537 + 8 :] == c2s[1 + 8 : 1537]


CLIENT6, SERVER6 = ("fd00::1", 50000), ("fd00::2", 1935)


@pytest.mark.parametrize(
    "tcp", [wire.Tcp(seq=(2**32 - 2, 7), mss=5), wire.Tcp(CLIENT6, SERVER6, vlan=(5, 6), seq=(2**32 - 2, 7), mss=5)]
)
def test_conversation_is_what_scapy_and_dpkt_read(tcp):
    frames = wire.conversation(b"hello world", b"answer", tcp)
    read = list(dpkt.pcap.Reader(io.BytesIO(wire.pcap(frames))))
    assert [data for _, data in read] == [data for _, data in frames]
    streams = {50000: b"", 1935: b""}
    for _, data in read:
        packet = Ether(data)
        expected = bytes(packet)
        for layer in (IP, TCP):
            if layer in packet:
                del packet[layer].chksum
        assert bytes(packet) == expected, "checksums are right"
        assert packet.getlayer(Dot1Q, 2) is not None or not tcp.vlan
        assert (IPv6 in packet) == (tcp.ends[0][0] == "fd00::1")
        segment = dpkt.ethernet.Ethernet(data).data.data
        streams[segment.sport] += segment.data
    assert streams == {50000: b"hello world", 1935: b"answer"}
    first, last = Ether(frames[0][1]), Ether(frames[-1][1])
    assert first[TCP].seq == 2**32 - 2
    assert first[TCP].flags == "S"
    assert last[TCP].seq == (2**32 - 2 + 1 + 11 + 1) % 2**32
    assert last[TCP].ack == 7 + 1 + 6 + 1


def test_sizes_cut_the_data_and_frames_can_be_rearranged():
    tcp = wire.Tcp()
    tcp.send(C2S, b"abcdef", [1, 2], acked=False)
    assert [bytes(Ether(data)[TCP].payload) for _, data in tcp.frames] == [b"a", b"bc", b"def"]
    moved = wire.rearranged(tcp.frames, [2, 0, 0])
    assert [data for _, data in moved] == [tcp.frames[i][1] for i in (2, 0, 0)]
    assert [time for time, _ in moved] == sorted(time for time, _ in moved)


def test_packets_are_numbered_and_cut_at_the_snaplen():
    tcp = wire.Tcp(link_type=wire.RAW)
    tcp.segment(S2C, 5, SYN, b"x" * 100)
    (packet,) = wire.packets(tcp.frames, wire.RAW, snaplen=60)
    assert (packet.number, packet.time_ns, packet.link_type) == (1, wire.START_NS, wire.RAW)
    assert (packet.captured, packet.wire_length) == (60, 140)
    assert IP(packet.data)[TCP].sport == 1935
