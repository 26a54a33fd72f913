"""Packets rewritten in place: found layers, right checksums, addresses of the same network and length."""

from __future__ import annotations

import struct
from ipaddress import ip_address, ip_network
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpscope.capture.files import open_capture
from rtmpscope.model import Packet
from rtmpscope.net.decode import IPV4, IPV6, TCP
from rtmpscope.net.rewrite import Addresses, Layers, rewritten
from tests import wire

CAPTURES = Path(__file__).parent.parent / "captures"
ETHERNET = 1


def packet(frame: bytes, captured: int | None = None, link_type: int = ETHERNET) -> Packet:
    data = frame[:captured]
    return Packet(1, 0, link_type, data, 0, len(data), len(frame))


def frame(payload: bytes, version: int = 4, vlan: tuple[int, ...] = ()) -> bytes:
    ends = (("10.0.0.1", 5), ("10.0.0.2", 1935)) if version == 4 else (("fd00::1", 5), ("fd00::2", 1935))
    segment = wire.tcp_segment(*ends, 1, 2, 0x10, payload)
    ip = (wire.ipv4 if version == 4 else wire.ipv6)(ends[0][0], ends[1][0], segment)
    return wire.ethernet(ip, vlan)


def edited(original: Packet, old: bytes, new: bytes) -> Packet:
    data = bytearray(original.data)
    at = data.index(old)
    data[at : at + len(new)] = new
    return rewritten(original, Layers(original), data)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("vlan", [(), (5,), (5, 6)])
def test_layers_and_payload_are_found(version: int, vlan: tuple[int, ...]) -> None:
    made = packet(frame(b"hello", version, vlan))
    layers = Layers(made)
    assert made.data[layers.payload : layers.payload + 5] == b"hello"
    assert [layer for layer, _ in layers.headers][-2:] == [IPV4 if version == 4 else IPV6, TCP]
    assert layers.rest == layers.payload and layers.end == len(made.data)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("payload", [b"secret", b"odd secret", b"secret" * 200])
def test_rewritten_packet_is_the_one_that_would_have_been_sent(version: int, payload: bytes) -> None:
    changed = edited(packet(frame(payload, version)), b"secret", b"public")
    assert changed.data == frame(payload.replace(b"secret", b"public", 1), version)


def test_unchanged_packet_is_the_same_object() -> None:
    made = packet(frame(b"hello"))
    assert rewritten(made, Layers(made), bytearray(made.data)) is made


def test_wrong_checksum_of_an_offloading_card_becomes_right() -> None:
    data = bytearray(frame(b"secret"))
    data[50:52] = b"\xde\xad"
    assert edited(packet(bytes(data)), b"secret", b"public").data == frame(b"public")


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("captured", [80, 81, 82])
def test_checksum_of_a_cut_packet_stays_right_for_the_whole(version: int, captured: int) -> None:
    whole = b"secret" + bytes(range(250)) * 4
    changed = edited(packet(frame(whole, version), captured), b"secret", b"public")
    assert changed.data == frame(b"public" + whole[6:], version)[:captured]
    assert changed.wire_length == len(frame(whole, version))


@pytest.mark.parametrize("captured", [None, 80])
def test_a_checksum_of_zero_is_sent_as_zero(captured: int | None) -> None:
    start = frame(b"public" + bytes(40))
    payload = b"secret" + start[50:52] + bytes(38)  # a word that is the complement of the rest brings the sum to zero
    changed = edited(packet(frame(payload), captured), b"secret", b"public")
    assert changed.data[50:52] == bytes(2)


def test_fragment_is_seen() -> None:
    data = bytearray(frame(b"x" * 100))
    data[20:22] = struct.pack(">H", 0x2000)
    layers = Layers(packet(bytes(data)))
    assert layers.rest == 34 and layers.payload == -1


@given(st.binary(max_size=120), st.sampled_from([0, 1, 9, 12, 101, 113, 228, 276, 999]))
def test_any_bytes_are_a_packet(data: bytes, link_type: int) -> None:
    made = packet(data, link_type=link_type)
    layers = Layers(made)
    changed = bytearray(data)
    Addresses(b"key").replace(layers, changed)
    assert len(rewritten(made, layers, changed).data) == len(data)


# --- addresses


@given(st.ip_addresses())
def test_text_of_an_address_keeps_its_length(address: object) -> None:
    other = Addresses(b"key").text(str(address))
    assert len(other) == len(str(address)) and ip_address(other).version == ip_address(str(address)).version


def test_addresses_of_one_network_stay_in_one() -> None:
    addresses = Addresses(b"key")
    others = [addresses.text(f"10.35.7.{last}") for last in range(10, 100)]
    assert len(set(others)) == 90
    assert all(ip_address(other) in ip_network(others[0] + "/24", strict=False) for other in others)
    assert not {f"10.35.7.{last}" for last in range(10, 100)} & set(others)


def test_another_key_gives_other_addresses() -> None:
    assert len({Addresses(bytes([key])).text("192.168.17.45") for key in range(10)}) > 5


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError):
        Addresses(b"key").text("example.com")


def test_hardware_addresses_change_and_groups_stay() -> None:
    made = packet(b"\xff" * 6 + frame(b"hello")[6:])
    data = bytearray(made.data)
    Addresses(b"key").replace(Layers(made), data)
    assert data[:6] == b"\xff" * 6 and data[6:12] != made.data[6:12] and data[6] == 2


@pytest.mark.parametrize(
    "name", ["nginx-publish-play.pcap", "ipv6.pcap", "vlan.pcap", "cooked-v1.pcapng", "cooked-v2.pcap"]
)
def test_checksums_of_real_packets_are_those_of_an_independent_library(name: str) -> None:
    addresses = Addresses(b"key")
    checked = 0
    for batch in open_capture([str(CAPTURES / name)]).batches():
        for made in batch.packets[:200]:
            layers = Layers(made)
            data = bytearray(made.data)
            addresses.replace(layers, data)
            changed = rewritten(made, layers, data).data
            ip_at = next((at for layer, at in layers.headers if layer in (IPV4, IPV6)), -1)
            if ip_at < 0 or layers.payload < 0:
                continue
            parse = dpkt.ip.IP if changed[ip_at] >> 4 == 4 else dpkt.ip6.IP6
            parsed = parse(changed[ip_at : layers.end])
            stored = parsed.data.sum
            parsed.data.sum = 0
            if hasattr(parsed, "sum"):
                header = parsed.sum
                parsed.sum = 0
                again = dpkt.ip.IP(bytes(parsed))
                assert again.sum == header
            else:
                again = dpkt.ip6.IP6(bytes(parsed))
            assert again.data.sum == stored
            checked += 1
    assert checked > 20
