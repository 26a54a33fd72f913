"""Written captures, read back by us and by Wireshark."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpscope.capture.files import open_capture
from rtmpscope.capture.pcapng import LATEST, PcapngParser
from rtmpscope.capture.writer import PcapngWriter
from rtmpscope.model import Packet


def packet(data: bytes, time_ns: int = 1_700_000_000_123_456_789, link_type: int = 1, more: int = 0) -> Packet:
    return Packet(1, time_ns, link_type, b"before" + data + b"after", 6, len(data), len(data) + more)


def fields(packet: Packet) -> tuple[int, int, bytes, int]:
    return packet.time_ns, packet.link_type, packet.data, packet.wire_length


def pcapng(packets: list[Packet]) -> bytes:
    file = io.BytesIO()
    writer = PcapngWriter(file)
    for one in packets:
        writer.write(one)
    return file.getvalue()


def read(data: bytes) -> list[tuple[int, int, bytes, int]]:
    packets: list[Packet] = []
    assert PcapngParser().parse(data, 1, packets) == len(data)
    return [fields(packet) for packet in packets]


packets = st.builds(
    packet,
    st.binary(max_size=50),
    st.integers(0, LATEST),
    st.sampled_from([1, 101, 276]),
    st.integers(0, 100),
)


@given(st.lists(packets))
def test_pcapng_is_read_back_as_written(written: list[Packet]) -> None:
    assert read(pcapng(written)) == [fields(packet) for packet in written]


def test_time_before_1970_becomes_1970() -> None:
    assert read(pcapng([packet(b"x", -5)])) == [(0, 1, b"x", 1)]


def test_dropped_packets_are_told_of_the_interface_that_lost_them(tmp_path: Path) -> None:
    with open(tmp_path / "a", "wb") as file:
        writer = PcapngWriter(file)
        writer.write_dropped(1, 99)
        writer.write(packet(b"x"))
        writer.write_dropped(1, 3)
        writer.write_dropped(1, 5)
    reader = open_capture([str(tmp_path / "a")])
    assert sum(len(batch.packets) for batch in reader.batches()) == 1
    assert reader.files[0].dropped == 5


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")
def test_wireshark_accepts_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(pcapng([packet(bytes(60)), packet(bytes(61), link_type=101)]))
    ran = subprocess.run(["capinfos", "-Mc", str(tmp_path / "a")], capture_output=True, text=True)
    assert "Number of packets:   2" in ran.stdout
    assert ran.returncode == 0
