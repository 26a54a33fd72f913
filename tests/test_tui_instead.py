"""What is said of a capture without RTMP."""

from __future__ import annotations

from pathlib import Path

from rtmpscope.tui.instead import held_instead
from tests import wire


def frame(source: int, destination: int, protocol: int = 6) -> bytes:
    segment = wire.tcp_segment(("10.0.0.1", source), ("10.0.0.2", destination), 1, 1, 0x10, b"x")
    return wire.ethernet(wire.ipv4("10.0.0.1", "10.0.0.2", segment, protocol))


def test_the_ports_with_most_packets_are_named_and_the_others_counted(tmp_path: Path) -> None:
    frames = [frame(50_000 + port, port) for port in (443, 443, 443, 22, 22, 80, 8080, 993, 995)]
    frames += [frame(443, 50_443), frame(53, 53, protocol=17)]
    capture = tmp_path / "other.pcap"
    capture.write_bytes(wire.pcap(enumerate(frames)))
    assert held_instead([str(capture)]) == (
        "Found instead: TCP port 443 (4 packets), TCP port 22 (2 packets), TCP port 80 (1 packet), "
        "TCP port 8080 (1 packet), 2 other ports, 1 packet without TCP."
    )


def test_what_cannot_be_read_again_and_what_holds_nothing_is_not_spoken_of(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(wire.pcap([]))
    assert held_instead([str(empty)]) == held_instead(["-"]) == ""
