"""Capture files of every format and packing, whole, cut, damaged, growing, and several as one."""

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpscope.capture import CaptureError
from rtmpscope.capture.files import Batch, CaptureReader, open_capture
from rtmpscope.model import Packet
from tests import records, wire

Fields = tuple[int, int, int, bytes, int]

PCAP = records.pcap_header() + b"".join(records.pcap_record(bytes([n]) * (n % 40), 1000 + n, n) for n in range(60))
PCAPNG = (
    records.section()
    + records.interface()
    + b"".join(records.enhanced(bytes([n]) * (n % 40), 10**9 + n) for n in range(20))
    + records.section(">")
    + records.interface(113, order=">")
    + records.interface(101, tsresol=9, order=">")
    + b"".join(records.enhanced(bytes([n]) * 9, 10**9 + n, n % 2, order=">") for n in range(20))
    + records.block(99, bytes(1000), ">")
    + records.simple(b"last", order=">")
)
FORMATS = {
    "pcap": PCAP,
    "pcapng": PCAPNG,
    "pcap.gz": gzip.compress(PCAP),
    "pcapng.zst": zstandard.ZstdCompressor().compress(PCAPNG),
}


def fields(packet: Packet) -> Fields:
    return packet.number, packet.time_ns, packet.link_type, packet.data, packet.wire_length


def listed(batches: Iterator[Batch]) -> list[Fields]:
    return [fields(packet) for batch in batches for packet in batch.packets]


def outcomes(reader: CaptureReader) -> list[tuple[str, int, str, int]]:
    return [(report.format, report.packets, report.outcome, report.offset) for report in reader.files]


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str, bytes], str]:
    def save(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return save


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Give the process these bytes through a pipe."""
    opened = []

    def give(data: bytes) -> None:
        reading, writing = os.pipe()
        opened.append(open(reading))
        monkeypatch.setattr(sys, "stdin", opened[-1])

        def write() -> None:
            with open(writing, "wb") as file:
                file.write(data)

        threading.Thread(target=write, daemon=True).start()

    yield give
    for file in opened:
        file.close()


# --- one file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_any_block_size_gives_the_same_packets(name: str, saved: Callable[[str, bytes], str]) -> None:
    path = saved(name, FORMATS[name])
    plain = PCAP if name.startswith("pcap.") or name == "pcap" else PCAPNG
    expected = listed(open_capture([path]).batches())
    assert [packet[0] for packet in expected] == list(range(1, len(expected) + 1))
    assert len(expected) == (60 if plain is PCAP else 41)
    for size in (1, 2, 3, 5, 8, 13, 21, 64, 100, 1000):
        reader = open_capture([path], block_size=size)
        assert listed(reader.batches()) == expected
        assert outcomes(reader) == [(name.split(".")[0], len(expected), "complete", len(plain))]


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_anywhere_gives_every_whole_packet_before_the_cut(
    name: str, saved: Callable[[str, bytes], str]
) -> None:
    data = FORMATS[name]
    whole = listed(open_capture([saved(name, data)]).batches())
    before = 0
    complete = set()
    path = saved("cut", data[:7])
    for length in range(8, len(data)):
        with open(path, "ab", buffering=0) as cut:
            cut.write(data[length - 1 : length])
        try:
            reader = open_capture([path])
        except CaptureError as error:
            assert "packed" not in name and "ends early" in str(error)  # packed, and not one byte can be unpacked
            continue
        packets = listed(reader.batches())
        assert packets == whole[: len(packets)]
        assert len(packets) >= before
        before = len(packets)
        (report,) = reader.files
        assert report.packets == len(packets)
        assert report.outcome in ("truncated", "complete")
        if report.outcome == "complete":
            assert report.offset == length  # exactly between two records
            complete.add(length)
        else:
            assert report.offset <= length or "." in name
            assert "end" in report.reason
    assert before == len(whole) - 1 or "." in name
    # Only an unpacked file can be cut so that it cannot be told, and only between records.
    assert len(complete) == {"pcap": 60, "pcapng": 46}.get(name, 0)


def test_a_cut_is_located_at_the_record_that_is_not_whole(saved: Callable[[str, bytes], str]) -> None:
    first, second = records.pcap_record(b"abc"), records.pcap_record(b"defg")
    reader = open_capture([saved("a.pcap", records.pcap_header() + first + second[:-1])])
    assert len(listed(reader.batches())) == 1
    (report,) = reader.files
    assert (report.outcome, report.offset, report.bytes) == ("truncated", 24 + len(first), 24 + len(first))
    assert report.reason == "it ends inside a record, 19 of 20 bytes are there"


def test_damage_is_located_and_what_came_before_it_delivered(saved: Callable[[str, bytes], str]) -> None:
    good = records.pcap_header() + records.pcap_record(b"abc")
    path = saved("a.pcap.gz", gzip.compress(good + records.pcap_record(b"", captured=10**6) + good))
    for size in (1, 10, 1000):
        reader = open_capture([path], block_size=size)
        assert len(listed(reader.batches())) == 1
        (report,) = reader.files
        assert (report.outcome, report.offset, report.reason) == (
            "corrupt",
            len(good),
            "a packet claims 1,000,000 bytes",
        )


def test_the_checksum_of_a_packed_file_is_the_last_word(saved: Callable[[str, bytes], str]) -> None:
    packed = bytearray(gzip.compress(PCAP))
    packed[-6] ^= 1
    reader = open_capture([saved("a.gz", bytes(packed))])
    assert len(listed(reader.batches())) == 60
    assert reader.files[0].outcome == "corrupt"


def test_a_file_without_packets_is_complete(saved: Callable[[str, bytes], str]) -> None:
    reader = open_capture([saved("a", records.pcap_header()), saved("b", records.section())])
    assert listed(reader.batches()) == []
    assert outcomes(reader) == [("pcap", 0, "complete", 24), ("pcapng", 0, "complete", 28)]


def test_a_record_larger_than_many_blocks_is_gathered_once(saved: Callable[[str, bytes], str]) -> None:
    frame = bytes(200_000)
    path = saved(
        "a", records.section() + records.interface() + records.block(77, bytes(3 << 20)) + records.enhanced(frame)
    )
    (batch,) = open_capture([path]).batches()
    assert batch.packets[0].data == frame


def test_a_report_tells_of_drops_in_all_sections(saved: Callable[[str, bytes], str]) -> None:
    file = records.section() + records.interface() + records.statistics(0, 9) + records.statistics(0, 12)
    reader = open_capture([saved("a", file + records.section() + records.interface() + records.statistics(0, 3))])
    assert reader.files[0].dropped == 0
    assert listed(reader.batches()) == []
    assert reader.files[0].dropped == 15


def test_progress_ends_at_the_size_of_the_files(saved: Callable[[str, bytes], str]) -> None:
    paths = [saved("a", PCAP), saved("b.gz", gzip.compress(PCAPNG))]
    reader = open_capture(paths, block_size=100)
    positions = [batch.position for batch in reader.batches()]
    assert positions == sorted(positions)
    assert positions[-1] == reader.size == len(PCAP) + len(gzip.compress(PCAPNG))


# --- reading again ---------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(name=st.sampled_from(sorted(FORMATS)), size=st.integers(1, 3000))
def test_a_bookmark_gives_the_packets_of_its_batch_and_all_that_follow_again(
    tmp_path_factory: pytest.TempPathFactory, name: str, size: int
) -> None:
    path = tmp_path_factory.mktemp("again") / name
    path.write_bytes(FORMATS[name])
    reader = open_capture([str(path)], spool=True, block_size=size)
    assert reader.restartable
    taken = list(reader.batches())
    assert sum(len(batch.packets) for batch in taken) == reader.files[0].packets
    for index in range(0, len(taken), 1 + len(taken) // 7):
        again = list(reader.batches(taken[index].bookmark))
        assert listed(iter(again)) == listed(iter(taken[index:]))
        if "." not in name:  # an unpacked file is even cut into the same batches
            assert [len(batch.packets) for batch in again] == [len(batch.packets) for batch in taken[index:]]
    assert listed(reader.batches()) == listed(iter(taken))
    reader.close()


def test_a_bookmark_works_while_the_first_reading_goes_on(saved: Callable[[str, bytes], str]) -> None:
    reader = open_capture([saved("a.gz", gzip.compress(PCAPNG))], spool=True, block_size=100)
    first = reader.batches()
    started = [next(first) for _ in range(5)]
    again = listed(reader.batches(started[2].bookmark))
    sofar = listed(iter(started[2:]))
    assert again[: len(sofar)] == sofar
    assert reader.files[0].outcome == ""
    assert len(listed(iter(started)) + listed(first)) == 41
    assert outcomes(reader) == [("pcapng", 41, "complete", len(PCAPNG))]
    reader.close()


def test_a_packed_file_can_be_read_from_the_start_again_but_has_no_bookmarks(
    saved: Callable[[str, bytes], str],
) -> None:
    reader = open_capture([saved("a.gz", gzip.compress(PCAP))])
    assert not reader.restartable
    first = list(reader.batches())
    assert {batch.bookmark for batch in first} == {None}
    assert listed(reader.batches()) == listed(iter(first))
    assert outcomes(reader) == [("pcap", 60, "complete", len(PCAP))]


# --- standard input and pipes ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_standard_input_is_recognised_without_seeking(
    name: str, saved: Callable[[str, bytes], str], standard_input: Callable[[bytes], None]
) -> None:
    expected = listed(open_capture([saved(name, FORMATS[name])]).batches())
    standard_input(FORMATS[name])
    reader = open_capture(["-"])
    assert (reader.size, reader.restartable) == (None, False)
    assert listed(reader.batches()) == expected
    with pytest.raises(RuntimeError, match="standard input can be read only once"):
        next(reader.batches())


def test_standard_input_can_be_read_again_from_its_spool(standard_input: Callable[[bytes], None]) -> None:
    standard_input(PCAP)
    reader = open_capture(["-"], spool=True, block_size=300)
    first = list(reader.batches())
    assert listed(reader.batches(first[3].bookmark)) == listed(iter(first[3:]))
    assert listed(reader.batches()) == listed(iter(first))
    reader.close()


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(PCAP,), daemon=True).start()
    reader = open_capture([str(pipe)])
    assert len(listed(reader.batches())) == 60
    assert outcomes(reader) == [("pcap", 60, "complete", len(PCAP))]


def test_empty_standard_input_says_so(standard_input: Callable[[bytes], None]) -> None:
    standard_input(b"")
    with pytest.raises(CaptureError, match="^standard input is empty: nothing was captured into it$"):
        open_capture(["-"])


def test_a_terminal_as_standard_input_says_how_to_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = os.openpty()
    with open(follower) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with pytest.raises(CaptureError, match="standard input is a terminal: pipe a capture into it, as in tcpdump"):
            open_capture(["-"])
    os.close(leader)


# --- a growing file --------------------------------------------------------------------------------------


def test_a_growing_file_is_followed_until_wait_says_stop(tmp_path: Path) -> None:
    path = tmp_path / "growing.pcap"
    path.write_bytes(PCAP[:100])
    places = [150, 151, 151, 800, len(PCAP)]

    def wait() -> bool:
        place = places.pop(0)
        path.write_bytes(PCAP[:place])
        return bool(places)

    reader = open_capture([str(path)], wait=wait)
    assert reader.size is None  # or somebody would say how much of it is read
    batches = list(reader.batches())
    assert sum(not batch.packets for batch in batches) == 5
    assert listed(iter(batches)) == listed(open_capture([str(path)]).batches())
    assert outcomes(reader) == [("pcap", 60, "complete", len(PCAP))]
    late = next(batch for batch in batches if batch.packets and batch.packets[0].number > 10)
    again = listed(reader.batches(late.bookmark))
    assert again[0][0] == late.packets[0].number
    assert again[-1][0] == 60


def test_a_followed_file_that_is_stopped_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "growing.pcap"
    path.write_bytes(PCAP)
    waited = []

    def wait() -> bool:
        waited.append(len(waited))
        reader.stop()
        return True

    reader = open_capture([str(path)], wait=wait)
    assert listed(reader.batches()) == listed(open_capture([str(path)]).batches())
    assert len(waited) == 1 and reader.ended == "stopped"


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda path: path.write_bytes(PCAP[:100]), "it was begun anew while it was followed, open it again"),
        (
            lambda path: path.rename(path.with_suffix(".1")) and path.write_bytes(PCAP),
            "another file has taken its name, open that one to go on",
        ),
    ],
    ids=["cut", "replaced"],
)
def test_a_followed_file_whose_writer_went_on_elsewhere_says_so(
    happens: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "growing.pcap"
    path.write_bytes(PCAP)

    def wait() -> bool:
        happens(path)
        return True

    whole = listed(open_capture([str(path)]).batches())
    reader = open_capture([str(path)], wait=wait)
    assert listed(reader.batches()) == whole
    assert outcomes(reader) == [("pcap", 60, "truncated", len(PCAP))]
    assert (reader.files[0].reason, reader.ended) == (reason, reason)


def test_a_followed_file_that_is_only_deleted_is_followed_on(tmp_path: Path) -> None:
    path = tmp_path / "growing.pcap"
    path.write_bytes(PCAP[:100])
    writer = path.open("ab")
    data = [PCAP[100:], b""]

    def wait() -> bool:
        path.unlink(missing_ok=True)
        writer.write(data.pop(0))
        writer.flush()
        return bool(data)

    reader = open_capture([str(path)], wait=wait)
    assert len(listed(reader.batches())) == 60
    writer.close()


# --- several files ---------------------------------------------------------------------------------------


def test_several_captures_are_one_in_the_order_of_their_first_packets(saved: Callable[[str, bytes], str]) -> None:
    def capture(second: int) -> bytes:
        return records.pcap_header() + records.pcap_record(b"a", second) + records.pcap_record(b"b", second + 5)

    empty = saved("0", records.pcap_header())
    late, early = saved("1.gz", gzip.compress(capture(200))), saved("2", capture(100))
    middle = saved("3", records.section() + records.interface(101) + records.enhanced(b"c", 150_000_000))
    reader = open_capture([empty, late, middle, early], spool=True)
    assert [report.path for report in reader.files] == [early, middle, late, empty]
    batches = list(reader.batches())
    packets = listed(iter(batches))
    assert [packet[0] for packet in packets] == [1, 2, 3, 4, 5]
    assert [packet[1] // 10**9 for packet in packets] == [100, 105, 150, 200, 205]
    assert [packet[2] for packet in packets] == [1, 1, 101, 1, 1]
    for index, batch in enumerate(batches):
        assert listed(reader.batches(batch.bookmark)) == listed(iter(batches[index:]))
    reader.close()


def test_a_capture_that_cannot_be_opened_does_not_hide_the_others(saved: Callable[[str, bytes], str]) -> None:
    missing = saved("x", b"") + "missing"
    reader = open_capture([missing, saved("a", PCAP)])
    assert len(listed(reader.batches())) == 60
    assert [report.outcome for report in reader.files] == ["complete", "corrupt"]
    assert reader.files[1].reason == f"{missing}: there is no such file"


def test_a_capture_that_disappears_does_not_hide_the_others(saved: Callable[[str, bytes], str]) -> None:
    gone, there = saved("a", PCAP), saved("b", PCAP)
    reader = open_capture([gone, there])
    mark = next(reader.batches()).bookmark
    os.unlink(gone)
    assert [packet[0] for packet in listed(reader.batches())] == list(range(1, 61))
    assert [report.outcome for report in reader.files] == ["corrupt", "complete"]
    assert reader.files[0].reason == f"{gone}: there is no such file"
    with pytest.raises(CaptureError, match="there is no such file"):
        next(reader.batches(mark))


def test_none_of_several_can_be_opened(saved: Callable[[str, bytes], str]) -> None:
    with pytest.raises(CaptureError, match="x is empty.*; .*y is not a pcap or pcapng capture: it looks like text"):
        open_capture([saved("x", b""), saved("y", b"hello")])


def test_a_pipe_cannot_be_put_in_order(
    saved: Callable[[str, bytes], str], standard_input: Callable[[bytes], None]
) -> None:
    standard_input(PCAP)
    with pytest.raises(
        CaptureError, match="- is a pipe: several captures are ordered by their first packets, use files"
    ):
        open_capture([saved("a", PCAP), "-"])


# --- what is no capture ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty: nothing was captured into it"),
        (b"\xd4\xc3\xb2", "it begins with the bytes d4 c3 b2"),
        (b"hello, world\n", "it looks like text"),
        (b'{"record": "header"}', "it looks like JSON"),
        (b"[1, 2]", "it looks like JSON"),
        (b"<!DOCTYPE html>", "it looks like HTML or XML"),
        (b"FLV\x01\x05\x00\x00\x00\x09", "it is an FLV file"),
        (b"PK\x03\x04abcd", "it is a zip archive: unpack it first"),
        (b"\xfd7zXZ\x00\x00\x04", "unpack it with xz -d first"),
        (b"BZh91AY&SY", "unpack it with bzip2 -d first"),
        (b"\x04\x22\x4d\x18abcd", "unpack it with lz4 -d first"),
        (b"snoop\x00\x00\x00\x00", "convert it with editcap -F pcapng first"),
        (b"GMBU\x00\x02\x01\x00", "convert it with editcap -F pcapng first"),
        (b"\x7fELF\x02\x01\x01\x00", "it begins with the bytes 7f 45 4c 46"),
        (gzip.compress(b"hello, world\n"), "it looks like text"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(b"hello")[:12], "the gzip data ends early"),
        (b"\x1f\x8bnot gzip", "damaged gzip data"),
        (zstandard.ZstdCompressor().compress(b"<html>"), "it looks like HTML or XML"),
    ],
)
def test_what_is_no_capture_is_called_by_its_name(
    data: bytes, message: str, saved: Callable[[str, bytes], str]
) -> None:
    path = saved("file", data)
    with pytest.raises(CaptureError) as caught:
        open_capture([path])
    assert str(caught.value).startswith(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="missing: there is no such file"):
        open_capture([str(tmp_path / "missing")])
    with pytest.raises(CaptureError, match="is a directory: name the capture files in it"):
        open_capture([str(tmp_path)])
    with pytest.raises(CaptureError, match="no capture was named"):
        open_capture([])


def test_a_file_without_permission_says_who_can_help() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "private")
        path.touch(mode=0)
        user = os.geteuid()
        if user == 0:  # root may read anything: be somebody else for a moment
            os.seteuid(65534)
        try:
            with pytest.raises(CaptureError, match="private: no permission to read it; its owner can grant that with"):
                open_capture([str(path)])
        finally:
            os.seteuid(user)


def test_a_zstd_file_names_the_missing_package(
    saved: Callable[[str, bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved("a.zst", FORMATS["pcapng.zst"])
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CaptureError, match=r"a.zst: it is packed with zstd: unpack it with zstd -d, or pip install"):
        open_capture([path])


# --- against tshark --------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize(
    "form", ["pcap", "nsecpcap", "modlibpcap", "pcapng", "mixed", "sections", "cut", "snaplen", "tsoffset"]
)
def test_tshark_lists_the_same_packets(form: str, tmp_path: Path, saved: Callable[[str, bytes], str]) -> None:
    path = saved("a.pcap", wire.pcap(wire.conversation(bytes(4000), bytes(9000))))
    other = saved(
        "b.pcap", wire.pcap(wire.conversation(bytes(3100), bytes(3100), wire.Tcp(link_type=wire.RAW)), wire.RAW)
    )
    made = str(tmp_path / "made")
    if form in ("pcap", "nsecpcap", "modlibpcap", "pcapng"):
        subprocess.run(["editcap", "-F", form, path, made], check=True)
    elif form == "mixed":
        subprocess.run(["mergecap", "-F", "pcapng", "-w", made, path, other], check=True)
    elif form == "snaplen":
        subprocess.run(["editcap", "-s", "70", "-F", "pcapng", path, made], check=True)
    else:
        clock = records.interface(tsresol=0x94, tsoffset=1_000_000)
        little = records.section() + clock + records.enhanced(bytes(60), 123_456_789)
        big = records.section(">") + records.interface(order=">") + records.enhanced(bytes(99), 10**15, order=">")
        saved("made", {"sections": little + big + little, "cut": (little + big)[:-3], "tsoffset": little}[form])
    ran = subprocess.run(
        ["tshark", "-r", made, "-T", "fields"]
        + [part for name in ("number", "time_epoch", "len", "cap_len") for part in ("-e", f"frame.{name}")],
        capture_output=True,
        text=True,
    )
    expected = [line.split() for line in ran.stdout.splitlines()]
    reader = open_capture([made])
    assert [
        [str(number), f"{time_ns // 10**9}.{time_ns % 10**9:09}", str(wire_length), str(len(data))]
        for number, time_ns, _, data, wire_length in listed(reader.batches())
    ] == expected
    assert expected
    assert (reader.files[0].outcome == "complete") == (ran.returncode == 0)
