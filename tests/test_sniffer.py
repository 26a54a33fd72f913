"""Our own sniffer: its filter, and what it captures on loopback."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from rtmpscope.capture.files import open_capture
from rtmpscope.capture.sniffer import TCP_FILTER, compile_filter
from rtmpscope.limits import PACKET_BYTES
from rtmpscope.model import Packet
from tests.patience import PATIENCE, wait_until
from tests.traffic import Conversation, needs_root, spare_interface

BEGINNING = 28  # bytes of the section header, which it writes as soon as it listens


class Running:
    """The sniffer as a program, writing into a file."""

    def __init__(self, output: Path, *arguments: str) -> None:
        self._output = output
        with output.open("wb") as file:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "rtmpscope.capture.sniffer", *arguments], stdout=file, stderr=subprocess.PIPE
            )
        wait_until(lambda: output.stat().st_size >= BEGINNING or self._child.poll() is not None)

    def stop(self) -> str:
        """End it; return what it said."""
        self._child.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> str:
        _, said = self._child.communicate(timeout=PATIENCE)
        self.code = self._child.returncode
        return said.decode()

    def so_far(self) -> list[Packet]:
        return [packet for batch in open_capture([str(self._output)]).batches() for packet in batch.packets]

    def packets(self) -> list[Packet]:
        """All of them, when it has ended."""
        reader = open_capture([str(self._output)])
        found = [packet for batch in reader.batches() for packet in batch.packets]
        assert reader.files[0].outcome == "complete"
        return found


@pytest.fixture
def conversation() -> Iterator[Conversation]:
    conversation = Conversation()
    yield conversation
    conversation.close()


def accepted(program: tuple[tuple[int, int, int, int], ...], packet: bytes) -> int:
    """What a socket filter of these few instructions returns."""
    accumulator = at = 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        if code == 0x30:
            accumulator = packet[value]
        elif code == 0x54:
            accumulator &= value
        elif code == 0x15:
            at += if_true if accumulator == value else if_false
        else:
            assert code == 0x06
            return value


def test_the_usual_filter_takes_tcp_of_both_versions_and_nothing_else() -> None:
    for packet in (IP() / TCP(), IP(tos=7) / TCP() / Raw(b"x"), IPv6(src="::1", dst="::1") / TCP()):
        assert accepted(TCP_FILTER, bytes(packet)) == PACKET_BYTES
    for piece in fragment(IP() / TCP() / Raw(bytes(100)), 64):
        assert accepted(TCP_FILTER, bytes(piece)) == PACKET_BYTES
    for other in (IP() / UDP(), IPv6(src="::1", dst="::1") / UDP(), Raw(b"\x00\x01" + bytes(26))):
        assert accepted(TCP_FILTER, bytes(other)) == 0


def test_other_filters_are_compiled_for_bare_ip() -> None:
    assert compile_filter("tcp") == list(TCP_FILTER)
    program = compile_filter("ip")
    assert accepted(tuple(program), bytes(IP() / UDP())) > 0
    assert accepted(tuple(program), bytes(IPv6(src="::1", dst="::1") / UDP())) == 0


def test_a_wrong_filter_is_named_as_tcpdump_does() -> None:
    with pytest.raises(SystemExit, match="can't parse filter expression"):
        compile_filter("tcp porx 1935")


def test_a_filter_without_libpcap_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scapy.arch.common", None)
    with pytest.raises(SystemExit, match="a capture filter other than tcp needs libpcap: install tcpdump"):
        compile_filter("tcp port 1935")


@pytest.fixture
def veth() -> Iterator[str]:
    with spare_interface() as name:
        yield name


@needs_root
@pytest.mark.parametrize("interfaces", [("lo",), ("any",), ("spare", "lo")])
def test_captures_a_conversation_on_loopback_once(
    interfaces: tuple[str, ...], conversation: Conversation, veth: str, tmp_path: Path
) -> None:
    arguments = [part for name in interfaces for part in ("-i", veth if name == "spare" else name)]
    sniffer = Running(tmp_path / "out", *arguments, "-f", conversation.filter)
    data = bytes(range(256)) * 4000
    before = time.time_ns()
    conversation.send(data)
    wait_until(lambda: conversation.received(sniffer.so_far()) == data)
    said = sniffer.stop()
    packets = sniffer.packets()
    assert conversation.received(packets) == data
    assert len({packet.data[20:] for packet in packets}) == len(packets)  # nothing twice
    assert {packet.link_type for packet in packets} == {276}
    assert all(before <= packet.time_ns <= time.time_ns() for packet in packets)
    assert f"{len(packets)} packets captured, 0 packets dropped by kernel\n" in said
    assert sniffer.code == 0


@needs_root
def test_ends_after_as_many_packets_as_asked_for(conversation: Conversation, tmp_path: Path) -> None:
    sniffer = Running(tmp_path / "out", "-i", "lo", "-f", conversation.filter, "-c", "5")
    conversation.send(b"x" * 100)
    said = sniffer.wait()
    assert len(sniffer.packets()) == 5
    assert "5 packets captured, 0 packets dropped by kernel" in said


@needs_root
def test_counts_what_it_was_too_slow_for(conversation: Conversation, tmp_path: Path) -> None:
    sniffer = Running(tmp_path / "out", "-i", "lo", "-f", f"udp port {conversation.port}", "-p")
    sniffer._child.send_signal(signal.SIGSTOP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(60_000):  # more than its buffer holds
            sender.sendto(bytes(1400), ("127.0.0.1", conversation.port))
    sniffer._child.send_signal(signal.SIGCONT)
    wait_until(sniffer.so_far)
    said = sniffer.stop()
    packets = sniffer.packets()
    assert 0 < len(packets) < 60_000
    dropped = int(said.splitlines()[-1].split()[3])
    assert dropped >= 60_000 - len(packets)
    reader = open_capture([str(tmp_path / "out")])
    assert sum(len(batch.packets) for batch in reader.batches()) == len(packets)
    assert reader.files[0].dropped == dropped


@needs_root
def test_an_interface_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    sniffer = Running(tmp_path / "out", "-i", "nosuchif0")
    assert "No such device" in sniffer.wait()
    assert sniffer.code == 1
