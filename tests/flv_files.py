"""FLV files read back, by hand and by FFmpeg where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.patience import PATIENCE


def tags(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, timestamp, payload) of every tag; asserts the file's layout on the way."""
    assert data[:4] == b"FLV\1"
    assert data[5:13] == b"\0\0\0\x09\0\0\0\0"
    at = 13
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        time = data[at + 7] << 24 | int.from_bytes(data[at + 4 : at + 7], "big")
        assert data[at + 8 : at + 11] == bytes(3)
        end = at + 11 + size
        assert int.from_bytes(data[end : end + 4], "big") == 11 + size
        yield data[at], time, data[at + 11 : end]
        at = end + 4


def have_ffmpeg() -> bool:
    return bool(shutil.which("ffmpeg") and shutil.which("ffprobe"))


def packets(path: Path) -> list[tuple[str, int, int, bool]]:
    """What ffprobe finds: (audio or video, dts in ms, pts in ms, key) of every packet, in order."""
    command = ["ffprobe", "-v", "error", "-show_entries", "packet=codec_type,dts_time,pts_time,flags", "-of", "csv=p=0"]
    done = subprocess.run([*command, path], capture_output=True, text=True, timeout=PATIENCE)
    assert not done.stderr, done.stderr
    rows = (line.split(",") for line in done.stdout.split())
    return [(kind, _ms(dts), _ms(pts), "K" in flags) for kind, pts, dts, flags, *_ in rows]


def _ms(seconds: str) -> int:
    return round(float(seconds) * 1000)


def decode(path: Path) -> str:
    """What ffmpeg complains about when it decodes the file."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE).stderr
