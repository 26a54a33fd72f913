"""Exports are there whole or not at all, and what cannot be written is said in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmpscope.export import OutputError
from rtmpscope.export.files import named_output, output, raw_output


def test_file_appears_whole_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "trace.jsonl"
    with output(str(target)) as file:
        file.write("first é\n")
        assert not target.exists()
    assert target.read_bytes() == "first é\n".encode()
    assert os.listdir(tmp_path) == ["trace.jsonl"]


def test_old_file_stays_whole_until_the_new_one_takes_its_place(tmp_path: Path) -> None:
    target = tmp_path / "trace.jsonl"
    target.write_text("old")
    with output(str(target)) as file:
        file.write("new")
        file.flush()
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "trace.jsonl"
    target.write_text("old")
    with pytest.raises(KeyError), output(str(target)) as file:
        file.write("half")
        raise KeyError("stopped")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["trace.jsonl"]


def test_permissions_of_the_old_file_are_kept_and_new_ones_follow_the_umask(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("")
    old.chmod(0o640)
    before = os.umask(0o027)
    try:
        for path in (old, new):
            with output(str(path)):
                pass
    finally:
        os.umask(before)
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode & 0o777 == 0o640


def test_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with output(str(link)) as file:
        file.write("new")
    assert link.is_symlink() and target.read_text() == "new"


@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe"])
def test_nothing_is_written_through_what_has_a_name_that_nobody_chose(kind: str, tmp_path: Path) -> None:
    target, name = tmp_path / "target", tmp_path / "name"
    if kind == "pipe":
        os.mkfifo(name)
    else:
        name.symlink_to(target)
    if kind == "link":
        target.write_text("old")
    with named_output(name) as file:
        file.write(b"new")
    assert name.read_text() == "new" and not name.is_symlink() and name.stat().st_mode & 0o111 == 0
    assert target.read_text() == "old" if kind == "link" else not target.exists()


def test_bytes_can_be_written_too(tmp_path: Path) -> None:
    with raw_output(str(tmp_path / "x")) as raw:
        raw.write(b"\xff\x00")
    assert (tmp_path / "x").read_bytes() == b"\xff\x00"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is needed")
def test_full_disk_is_one_line_that_says_what_to_do() -> None:
    with pytest.raises(OutputError, match="cannot write /dev/full: the disk is full: make room") as caught:
        with output("/dev/full") as file:
            file.write("x")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is needed")
def test_disk_that_fills_up_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    target = tmp_path / "trace"
    target.write_text("old")
    code = f"""
import resource, signal
from rtmpscope.export import OutputError
from rtmpscope.export.files import output
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    with output({str(target)!r}) as file:
        for _ in range(100_000):
            file.write("some text\\n")
except OutputError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "the file would be larger than allowed" in result.stdout and not result.stderr
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["trace"]


@pytest.mark.parametrize(
    ("path", "reason"), [("missing/trace", "make it first"), ("folder", "it is a folder"), ("file/x", "make it first")]
)
def test_place_that_cannot_be_written_is_named(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=reason), output(str(tmp_path / path)):
        pass


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder without the right to write into it; root, who may write everywhere, is somebody else meanwhile."""
    tmp_path.chmod(0o500)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield tmp_path
    os.seteuid(user)


def test_read_only_folder_is_named(read_only: Path) -> None:
    with pytest.raises(OutputError, match="no permission"), output(str(read_only / "x")):
        pass


def test_device_is_written_directly() -> None:
    with output(os.devnull) as file:
        file.write("x")
    assert not os.path.isfile(os.devnull)
