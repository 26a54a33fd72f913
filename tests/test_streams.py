"""Bytes of a capture in pieces: files, gzip, zstd, and private copies."""

import errno
import gzip
import os
import random
import stat
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
import zstandard

from rtmpscope.capture import CaptureError, streams
from rtmpscope.capture.streams import Blocks, Fault, Spool, SpoolReader, copied, gunzip, unzstd

DATA = random.Random(1).randbytes(3000) + bytes(200_000)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def drained(pieces: Iterable[bytes]) -> tuple[bytes, str, str]:
    """All that a stream gives, and the outcome and reason of its fault."""
    got = bytearray()
    try:
        for piece in pieces:
            got += piece
    except Fault as fault:
        return bytes(got), fault.outcome, fault.reason
    return bytes(got), "", ""


class Failing(BytesIO):
    """A file whose disk breaks after its bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size) or self._fail()

    def _fail(self) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


# --- reading ---------------------------------------------------------------------------------------------


def test_blocks_end_at_multiples_of_their_size_wherever_they_begin() -> None:
    for start in range(12):
        file = BytesIO(b"0123456789")
        file.seek(start)
        blocks = Blocks(file, 4, start)
        whole = [b"0123", b"4567", b"89"]
        assert list(blocks) == [part for part in (whole[at][max(0, start - 4 * at) :] for at in range(3)) if part]
        assert blocks.position == max(10, start)


def test_blocks_of_a_growing_file_give_an_empty_piece_after_each_wait_and_what_came_during_the_last() -> None:
    file = BytesIO(b"one")
    more = [b"two", b"", b"three"]

    def wait() -> bool:
        place = file.tell()
        file.write(more.pop(0))
        file.seek(place)
        return bool(more)

    assert list(Blocks(file, 100, wait=wait)) == [b"one", b"", b"two", b"", b"", b"three"]


def test_blocks_of_a_failing_disk_are_truncated_there() -> None:
    assert drained(Blocks(Failing(b"data"), 100)) == (b"data", "truncated", "reading failed: Input/output error")


# --- gzip ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 4096, 65_536])
def test_gunzip_unpacks_any_number_of_members_with_zeros_between_and_after(size: int) -> None:
    packed = gzip.compress(DATA) + bytes(20) + gzip.compress(b"") + gzip.compress(b"end") + bytes(513)
    assert drained(gunzip(cut(packed, size), 1000)) == (DATA + b"end", "", "")


def test_gunzip_gives_pieces_no_larger_than_asked_and_never_an_empty_one() -> None:
    sizes = {len(piece) for piece in gunzip(cut(gzip.compress(DATA), 10_000), 1000)}
    assert max(sizes) == 1000
    assert 0 not in sizes


@pytest.mark.parametrize("left", [1, 9, 30, 2000, -1])
def test_gunzip_of_a_cut_file_gives_all_that_is_there(left: int) -> None:
    packed = gzip.compress(DATA)[:left]
    expected = zlib.decompressobj(31).decompress(packed)
    assert drained(gunzip([packed], 65_536)) == (expected, "truncated", "the gzip data ends early")


def test_gunzip_gives_all_before_the_damage() -> None:
    text = random.Random(2).randbytes(50_000)
    packed = bytearray(gzip.compress(text, 0))  # stored: what comes before the damage can be told exactly
    second = packed.index(text[40_000:40_100]) - 40_000 + 32_768  # a stored block holds 32 KiB or more
    packed[second:] = b"\xff" * (len(packed) - second)
    got, outcome, reason = drained(gunzip([bytes(packed)], 65_536))
    assert outcome == "corrupt"
    assert "gzip" in reason
    assert len(got) > 32_000
    assert got[:32_000] == text[:32_000]


def test_gunzip_checks_the_checksum_after_giving_the_data() -> None:
    packed = bytearray(gzip.compress(b"hello"))
    packed[-8] ^= 1
    got, outcome, reason = drained(gunzip([bytes(packed)], 65_536))
    assert (got, outcome) == (b"hello", "corrupt")
    assert "incorrect data check" in reason


def test_gunzip_says_what_follows_the_last_member() -> None:
    got, outcome, reason = drained(gunzip([gzip.compress(b"hello") + b"garbage"], 65_536))
    assert (got, outcome) == (b"hello", "corrupt")
    assert "incorrect header check" in reason


def test_gunzip_stops_a_bomb() -> None:
    packed = gzip.compress(bytes(80 << 20))
    got, outcome, reason = drained(gunzip(cut(packed, 65_536), 65_536))
    assert outcome == "corrupt"
    assert reason == "the packed data expands more than 1000-fold: no capture does that"
    assert len(got) <= 1000 * 65_536


# --- zstd ------------------------------------------------------------------------------------------------

SKIPPABLE = bytes.fromhex("502a4d1804000000") + b"skip"


@pytest.mark.parametrize("size", [1, 7, 4096, 65_536])
def test_unzstd_unpacks_any_number_of_frames(size: int) -> None:
    compress = zstandard.ZstdCompressor().compress
    packed = compress(DATA) + SKIPPABLE + compress(b"end")
    assert drained(unzstd(cut(packed, size))) == (DATA + b"end", "", "")


def test_unzstd_says_that_a_frame_is_cut() -> None:
    packed = zstandard.ZstdCompressor().compress(DATA)
    got, outcome, reason = drained(unzstd([packed[:-1]]))
    assert (outcome, reason) == ("truncated", "the zstd data ends early")
    assert DATA.startswith(got)


def test_unzstd_says_that_a_frame_is_damaged() -> None:
    packed = zstandard.ZstdCompressor().compress(b"hello")
    got, outcome, reason = drained(unzstd([packed + b"garbage!"]))
    assert (got, outcome) == (b"hello", "corrupt")
    assert "zstd" in reason


def test_unzstd_stops_a_bomb() -> None:
    packed = zstandard.ZstdCompressor().compress(bytes(80 << 20))
    got, outcome, _ = drained(unzstd([packed]))
    assert outcome == "corrupt"
    assert len(got) <= 1000 * len(packed)


def test_unzstd_without_its_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(CaptureError, match=r"zstd -d, or pip install 'rtmpscope\[zstd\]'"):
        next(unzstd([b"x"]))


# --- spool -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(streams, "SPOOL_FOLDER", tmp_path / "cache" / "rtmpscope")
    return tmp_path / "cache" / "rtmpscope"


def test_spool_is_read_from_any_place_while_it_is_written(folder: Path) -> None:
    spool = Spool()
    pieces = copied(iter([b"hello ", b"world"]), spool)
    assert next(pieces) == b"hello "
    early, late = SpoolReader(spool, 0), SpoolReader(spool, 4)
    assert (early.read(100), late.read(1), late.read(100), late.read(100)) == (b"hello ", b"o", b" ", b"")
    assert next(pieces) == b"world"
    assert (early.read(3), early.read(100), late.read(100)) == (b"wor", b"ld", b"world")
    spool.close()


def test_spool_is_private_and_leaves_nothing_behind(folder: Path) -> None:
    spool = Spool()
    spool.append(b"secret")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(os.fstat(spool._file.fileno()).st_mode) == 0o600
    assert list(folder.iterdir()) == []
    spool.close()


def test_spool_that_cannot_be_made_says_where_and_what_to_do(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"in the way")
    with pytest.raises(CaptureError, match="cannot make .*: File exists; set XDG_CACHE_HOME to another folder"):
        Spool()


def test_spool_on_a_full_disk_ends_the_stream(folder: Path) -> None:
    spool = Spool()
    spool._file = open("/dev/full", "w+b", buffering=0)
    got, outcome, reason = drained(copied(iter([b"data"]), spool))
    assert (got, outcome) == (b"", "truncated")
    assert "No space left on device" in reason


def test_spool_has_a_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SPOOL_BYTES", 10)
    got, outcome, reason = drained(copied(iter([b"0123456789", b"x"]), Spool()))
    assert (got, outcome) == (b"0123456789", "truncated")
    assert reason.startswith("stopped after 10 bytes, the most that is copied to ")
