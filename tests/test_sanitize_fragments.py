"""Of IP fragments a copy keeps what it keeps of the packet that they were, once the last of them has come."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from scapy.layers.inet import GRE, IP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests import wire
from tests.test_sanitize import KEY, assert_nowhere, capture, packets, sanitised, session, trace, tshark, without_text
from tests.wire import Frame, command

PIECE = 128  # bytes of a fragment, about
HEADERS = 14 + 20
LINK = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")


def ipv4_pieces(frame: bytes, number: int) -> list[Any]:
    ip = Ether(frame)[IP]
    ip.id = number
    return fragment(ip, PIECE)


def ipv6_pieces(frame: bytes, number: int) -> list[Any]:
    whole = IPv6(src="fe80::1", dst="fe80::2") / IPv6ExtHdrFragment(id=number) / Raw(frame[HEADERS:])
    whole[IPv6ExtHdrFragment].nh = 6
    return fragment6(whole, PIECE + 40)


def tunnel_pieces(frame: bytes, number: int) -> list[Any]:
    return fragment(IP(src="10.9.0.1", dst="10.9.0.2", id=number) / GRE() / Ether(frame)[IP], PIECE)


WAYS = {"ipv4": ipv4_pieces, "ipv6": ipv6_pieces, "around a tunnel": tunnel_pieces}


def in_pieces(way: str) -> list[list[Frame]]:
    """The frames of a session, each as its fragments."""
    frames = session(
        (20, command("publish", 5, None, KEY, "live")),
        (9, b"\x27\1\0\0\0" + bytes(range(256)) * 3),
        (20, command("releaseStream", 6, None, KEY)),
    )
    for _, frame in frames:
        assert frame[HEADERS - 20] == 0x45
    return [
        [(time, bytes(LINK / piece)) for piece in WAYS[way](frame, number)]
        for number, (time, frame) in enumerate(frames, 1)
    ]


def facts(path: Path) -> list[Any]:
    return [without_text(record) for record in trace(path)]


@pytest.mark.parametrize("addresses", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_copy_of_fragments_in_any_order_decodes_alike_without_secrets(
    way: str, addresses: bool, tmp_path: Path
) -> None:
    chance = Random(way)
    sent = [frame for pieces in in_pieces(way) for frame in chance.sample(pieces, len(pieces))]
    path = capture(tmp_path, sent)
    copy = sanitised(path, tmp_path, addresses)
    assert [record.get("type") for record in trace(path)].count("command_amf0") == 2
    assert facts(path) == facts(copy)
    assert_nowhere(copy, KEY.encode())
    before, after = packets(path), packets(copy)
    assert [(one.number, one.time_ns, one.captured) for one in before] == [
        (one.number, one.time_ns, one.captured) for one in after
    ]


def test_tshark_finds_no_wrong_checksum_in_the_copy(tmp_path: Path) -> None:
    copy = sanitised(capture(tmp_path, [frame for pieces in in_pieces("ipv4") for frame in pieces]), tmp_path)
    checked = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields"]
    said = tshark("-r", str(copy), *checked, "-e", "ip.checksum.status", "-e", "tcp.checksum.status", "-Y", "tcp")
    assert set(said.split()) == {"1"}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("snaplen", [65_535, 120])
def test_nothing_stays_of_fragments_that_are_lost_cut_or_contradicted(seed: int, snaplen: int, tmp_path: Path) -> None:
    chance = Random(seed)
    sent: list[Frame] = []
    for time, data in [frame for pieces in in_pieces("ipv4") for frame in pieces]:
        if chance.random() < 0.1:
            continue
        sent.append((time, data))
        if len(data) == HEADERS + PIECE and chance.random() < 0.3:  # what came first counts
            sent.append((time, data[:HEADERS] + (KEY.encode() * 20)[:PIECE]))
    path = capture(tmp_path, sent, snaplen=snaplen)
    copy = sanitised(path, tmp_path)
    for at in range(len(KEY) - 5):
        assert_nowhere(copy, KEY[at : at + 6].encode())


def test_fragments_are_blank_where_too_many_packets_would_wait_for_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtmpscope.net.rewrite.DRAFTS_BYTES", 400)
    whole = session((20, command("publish", 5, None, KEY, "live")))
    pieces = in_pieces("ipv4")
    place = next(place for place, frames in enumerate(pieces) if len(frames) > 3)
    sent = [pieces[place][0], *whole, *pieces[place][1:]]
    path = capture(tmp_path, sent)
    copy = packets(sanitised(path, tmp_path))
    assert [packet.time_ns for packet in copy] == [packet.time_ns for packet in packets(path)]
    assert not any(copy[0].data[HEADERS:])
    assert copy[1].data == whole[0][1]


def test_fragments_of_what_is_no_rtmp_are_blank(tmp_path: Path) -> None:
    web = wire.Tcp(("10.0.0.2", 50001), ("10.0.0.9", 80)).open().send(0, b"POST / HTTP/1.1\r\n\r\n" + KEY.encode() * 30)
    pieces = [(time, piece) for number, (time, data) in enumerate(web.frames) for piece in ipv4_pieces(data, number)]
    copy = sanitised(capture(tmp_path, [(time, bytes(LINK / piece)) for time, piece in pieces]), tmp_path)
    assert_nowhere(copy, KEY.encode())
    written = [packet.data for packet in packets(copy)]
    assert not any([byte for data in written if len(data) == HEADERS + PIECE for byte in data[HEADERS + 20 :]])
