"""The bytes of a capture in pieces, wherever they come from: a file, a pipe, gzip, zstd.

Everything here is an iterator over pieces of bytes that only goes forward, so a pipe is as good as a file, and
the ones that unpack or keep a copy wrap the ones that read.  An empty piece says that a growing file has
nothing new yet.  A stream that cannot go on raises Fault after its last good piece, never before it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import platformdirs

from rtmpscope.capture import CaptureError
from rtmpscope.limits import EXPANSION_RATIO, SPOOL_BYTES

BLOCK: Final = 65_536  # measured: a larger block costs more in page faults than it saves in calls

SPOOL_FOLDER: Final = platformdirs.user_cache_path("rtmpscope")

ZSTD_PIECE: Final = 1024  # fed at a time: a zstd block of 128 KiB may be four bytes long

Wait = Callable[[], bool]


class Fault(Exception):
    """Why a stream ended early: `outcome` is "truncated" or "corrupt"."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class Readable(Protocol):
    """A raw file: `read` may return less than was asked for, and nothing only at the end."""

    def read(self, size: int, /) -> bytes | None: ...

    def close(self) -> None: ...


class Blocks:
    """What a file holds, in pieces that end at multiples of `size`, so that a second reading cuts the same way.

    `position` counts the bytes read, from the start of the file.  With `wait` the end is not final: it is
    called there, may sleep, and says whether the file may still grow.
    """

    def __init__(self, file: Readable, size: int, position: int = 0, wait: Wait | None = None) -> None:
        self._file = file
        self._size = size
        self._wait = wait
        self.position = position

    def close(self) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        growing = self._wait is not None
        while True:
            try:
                piece = self._file.read(self._size - self.position % self._size)
            except OSError as error:
                raise Fault("truncated", f"reading failed: {error.strerror}") from None
            if piece:
                self.position += len(piece)
                yield piece
            elif growing and self._wait is not None:
                growing = self._wait()  # once more after the last wait: for what was written meanwhile
                yield b""
            else:
                return


def gunzip(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Unpack gzip (RFC 1952): any number of members, with zeros between and after them as gzip(1) allows."""
    member = zlib.decompressobj(wbits=31)
    taken = given = 0
    for piece in pieces:
        taken += len(piece)
        while True:
            if member.eof:
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                member = zlib.decompressobj(wbits=31)
            before = member.copy()
            try:
                unpacked = member.decompress(piece, size)
            except zlib.error as error:
                yield from _unpack_until_fault(before, piece)
                raise Fault("corrupt", f"damaged gzip data ({error})") from None
            piece = member.unused_data if member.eof else member.unconsumed_tail
            given += len(unpacked)
            _check_expansion(taken, given)
            if unpacked:
                yield unpacked
            if not piece and len(unpacked) < size:
                break
    if not member.eof:
        raise Fault("truncated", "the gzip data ends early")


def _unpack_until_fault(member: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    """What can still be had of a piece that failed as a whole."""
    for at in range(len(piece)):
        try:
            unpacked = member.decompress(piece[at : at + 1])
        except zlib.error:
            return
        if unpacked:
            yield unpacked


def unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack zstd (RFC 8878), any number of frames."""
    try:
        import zstandard
    except ImportError:
        raise CaptureError("it is packed with zstd: unpack it with zstd -d, or pip install 'rtmpscope[zstd]'") from None
    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    taken = given = 0
    for piece in pieces:
        taken += len(piece)
        for at in range(0, len(piece), ZSTD_PIECE):
            part = piece[at : at + ZSTD_PIECE]
            while part:
                if frame.eof:
                    frame = decompressor.decompressobj()
                try:
                    unpacked = frame.decompress(part)
                except zstandard.ZstdError as error:
                    raise Fault("corrupt", f"damaged zstd data ({error})") from None
                part = frame.unused_data if frame.eof else b""
                given += len(unpacked)
                _check_expansion(taken, given)
                if unpacked:
                    yield unpacked
    if not frame.eof:
        raise Fault("truncated", "the zstd data ends early")


def _check_expansion(taken: int, given: int) -> None:
    if given > taken * EXPANSION_RATIO:
        raise Fault("corrupt", f"the packed data expands more than {EXPANSION_RATIO}-fold: no capture does that")


def spool_folder() -> Path:
    """Our private part of the user's cache folder."""
    try:
        SPOOL_FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CaptureError(
            f"cannot make {SPOOL_FOLDER}: {error.strerror}; set XDG_CACHE_HOME to another folder"
        ) from None
    return SPOOL_FOLDER


class Spool:
    """A private copy of what cannot be read twice, written by one and read by many.

    The file is readable by its owner only, has no name where the system allows that, and is gone when it is
    closed or the process dies.
    """

    def __init__(self, file: BinaryIO | None = None) -> None:
        """A new file, or one that is open for reading and that another program appends to."""
        import tempfile  # these two take 3 ms to load, and files that can be read twice need no spool
        import threading

        if file is None:
            folder = spool_folder()
            try:
                file = tempfile.TemporaryFile(dir=folder)
            except OSError as error:
                raise CaptureError(f"cannot write to {folder}: {error.strerror}") from None
        self._file = file
        self._lock = threading.Lock()
        self._size = 0

    def append(self, piece: bytes) -> None:
        """Write at the end; raises Fault where the copy may not or cannot grow."""
        if self._size + len(piece) > SPOOL_BYTES:
            raise Fault("truncated", f"stopped after {self._size:,} bytes, the most that is copied to {SPOOL_FOLDER}")
        with self._lock:
            try:
                self._file.seek(self._size)
                self._file.write(piece)
                self._file.flush()
            except OSError as error:
                raise Fault("truncated", f"cannot copy it to {SPOOL_FOLDER}: {error.strerror}") from None
            self._size += len(piece)

    def read_at(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from a position, none at the end of what has been written."""
        with self._lock:
            self._file.seek(position)
            return self._file.read(size)

    def close(self) -> None:
        self._file.close()


def copied(pieces: Iterable[bytes], spool: Spool) -> Iterator[bytes]:
    """The same pieces, each written to the spool before it is handed on."""
    for piece in pieces:
        spool.append(piece)
        yield piece


class SpoolReader:
    """A spool as a raw file with a position of its own."""

    def __init__(self, spool: Spool, position: int) -> None:
        self._spool = spool
        self._position = position

    def read(self, size: int) -> bytes:
        piece = self._spool.read_at(self._position, size)
        self._position += len(piece)
        return piece

    def close(self) -> None:
        """The spool outlives its readers."""
