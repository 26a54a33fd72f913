"""Where live captures are written, what is kept of them, and what a crash leaves."""

import os
import stat
from pathlib import Path

import pytest

from rtmpscope.capture import CaptureError, streams
from rtmpscope.capture.files import CaptureReader
from rtmpscope.capture.helpers import Account
from rtmpscope.capture.places import FilePlace, RingPlace
from rtmpscope.capture.sources import FileReport
from tests import records

PCAP = records.pcap_header() + records.pcap_record(b"abc")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(streams, "SPOOL_FOLDER", tmp_path / "cache")
    return tmp_path / "cache"


def packets(reader: CaptureReader) -> list[bytes]:
    return [packet.data for batch in reader.batches() for packet in batch.packets]


def test_a_private_file_is_read_as_it_grows_and_has_no_name(folder: Path) -> None:
    place = FilePlace("")
    assert list(folder.iterdir()) == []
    assert stat.S_IMODE(os.fstat(place.stdout).st_mode) == 0o600
    os.write(place.stdout, PCAP[:23])
    assert not place.begun(Account())
    child = os.dup(place.stdout)
    os.write(child, PCAP[23:])
    assert place.begun(Account())
    reader = CaptureReader([place.first(Account(), FileReport("eth0", "pcap"))])
    assert packets(reader) == [b"abc"]
    os.write(child, records.pcap_record(b"more"))
    assert packets(reader) == [b"abc", b"more"]
    assert place.size() == len(PCAP) + 20
    assert place.full() == ""
    os.close(child)
    place.close()


def test_a_saved_file_gets_its_name_when_the_capture_has_begun(tmp_path: Path) -> None:
    saved = tmp_path / "saved.pcap"
    saved.write_bytes(b"precious")
    failed = FilePlace(str(saved))
    failed.close()
    assert saved.read_bytes() == b"precious"
    place = FilePlace(str(saved))
    os.write(place.stdout, PCAP)
    assert saved.read_bytes() == b"precious"
    place.first(Account(), FileReport("eth0", "pcap"))
    assert saved.read_bytes() == PCAP
    place.close()
    assert [path.name for path in tmp_path.iterdir()] == ["saved.pcap"]


def test_saving_where_nothing_can_be_saved_says_why(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot write to .*missing: No such file or directory"):
        FilePlace(str(tmp_path / "missing" / "a.pcapng"))
    with pytest.raises(CaptureError, match="cannot save to .*: it is not a file"):
        FilePlace(str(tmp_path))


def test_files_of_a_ring_follow_each_other_and_lost_ones_are_passed_over(tmp_path: Path) -> None:
    place = RingPlace(str(tmp_path / "kept.pcap"))
    assert place.output == str(tmp_path / "kept.pcap")
    said = Account()
    assert not place.begun(said)
    names = [str(tmp_path / name) for name in "abcd"]
    said.files.append(names[0])
    Path(names[0]).write_bytes(PCAP[:10])
    assert not place.begun(said)
    Path(names[0]).write_bytes(PCAP)
    assert place.begun(said)
    reader = CaptureReader([place.first(said, FileReport("", ""))])
    assert place.following(said) is None
    said.files += names[1:]  # b and c were overwritten before they could be read
    Path(names[3]).write_bytes(PCAP)
    following = place.following(said)
    assert following is not None
    reader.append(following)
    assert packets(reader) == [b"abc", b"abc"]
    assert [report.path for report in reader.files] == [names[0], names[3]]
    place.close()
    assert Path(names[3]).exists()


def test_a_private_ring_is_deleted_at_the_end(folder: Path) -> None:
    place = RingPlace("")
    (ring,) = folder.iterdir()
    assert Path(place.output).parent == ring == place.folder
    assert stat.S_IMODE(ring.stat().st_mode) == 0o700
    (ring / "file").touch()
    place.close()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("place", [FilePlace, RingPlace])
def test_the_next_start_deletes_what_a_crash_has_left_and_nothing_that_is_in_use(
    place: type[FilePlace] | type[RingPlace], folder: Path
) -> None:
    living = RingPlace("")
    crashed = RingPlace("")
    os.close(crashed._lock)
    (crashed.folder / "ring_00001").touch()
    (folder / "unrelated").mkdir()
    following = place("")
    left = {path.name for path in folder.iterdir()} - {following.folder.name}
    assert left == {living.folder.name, "unrelated"}
    assert living.folder.exists()
    following.close()
    living.close()
    assert [path.name for path in folder.iterdir()] == ["unrelated"]
