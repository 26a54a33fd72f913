"""The bytes of one capture: where they come from, how they are unpacked, and what format they are in.

A source looks at its first bytes and raises CaptureError where there is no capture.  Its bytes then come in pieces, as
often as they can be had: again and again from a file or a spool, once from a pipe.  A packed file or a pipe can be kept
in a spool as it is read, and is as good as a file from then on.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from io import FileIO
from itertools import chain
from typing import Final, Protocol

from rtmpscope.capture import CaptureError, pcap, pcapng
from rtmpscope.capture.pcap import PcapParser
from rtmpscope.capture.pcapng import PcapngParser
from rtmpscope.capture.streams import BLOCK, Blocks, Fault, Spool, SpoolReader, Wait, copied, gunzip, unzstd

STANDARD_INPUT: Final = "-"

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"

# First bytes of what people take for a capture, and what to say about it.
MISTAKEN: Final = (
    (b"FLV\x01", "it is an FLV file"),
    (b"PK\x03\x04", "it is a zip archive: unpack it first"),
    (b"\xfd7zXZ\x00", "it is packed with xz: unpack it with xz -d first"),
    (b"BZh", "it is packed with bzip2: unpack it with bzip2 -d first"),
    (b"\x04\x22\x4d\x18", "it is packed with lz4: unpack it with lz4 -d first"),
    (b"snoop\x00", "it is a snoop capture: convert it with editcap -F pcapng first"),
    (b"GMBU", "it is a Network Monitor capture: convert it with editcap -F pcapng first"),
    (b"{", "it looks like JSON"),
    (b"[", "it looks like JSON"),
    (b"<", "it looks like HTML or XML"),
)

Parser = PcapParser | PcapngParser


class FileReport:
    """What was read of one capture, and how it ended; filled in as reading goes.

    format   "pcap" or "pcapng", "" where it could not be opened
    outcome  "" while it is being read, then "complete", "truncated" or "corrupt"
    packets  read so far, from `bytes` bytes
    offset   the first byte that gave nothing, counted in the unpacked file where it was packed
    told_dropped  packets that a live capture has lost so far, by what its helper said
    """

    __slots__ = ("path", "format", "packets", "bytes", "outcome", "offset", "reason", "told_dropped", "_parser")

    def __init__(self, path: str, format: str = "") -> None:
        self.path: Final = path
        self.format = format
        self.packets = 0
        self.bytes = 0
        self.outcome = ""
        self.offset = 0
        self.reason = ""
        self.told_dropped = 0
        self._parser: Parser | None = None

    @property
    def dropped(self) -> int:
        """Packets that the capture program itself reported as lost."""
        written = self._parser.dropped if isinstance(self._parser, PcapngParser) else 0
        return max(written, self.told_dropped)

    def parser(self) -> Parser:
        """A parser of the file's format, for its first byte."""
        return PcapngParser() if self.format == "pcapng" else PcapParser()

    def begin(self, parser: Parser) -> None:
        """A reading from the first byte begins; what an earlier one wrote goes."""
        self.packets = self.bytes = self.offset = 0
        self.outcome = self.reason = ""
        self._parser = parser

    def end(self, outcome: str, offset: int, reason: str) -> None:
        """The reading is over."""
        self.outcome = outcome
        self.offset = offset
        self.reason = reason


class Source(Protocol):
    """The bytes of one capture.

    size         bytes in the file, None where that cannot be known
    restartable  whether it can be read from any byte, again and again
    """

    report: FileReport
    size: int | None
    restartable: bool

    def read(self, offset: int, wait: Wait | None) -> tuple[Blocks, Iterator[bytes]]:
        """The pieces from `offset` on, which is 0 where the source is not restartable, and the blocks they came in."""

    def close(self) -> None:
        """Delete what was kept of it."""


class SpoolSource:
    """A capture that another program is writing into a spool."""

    def __init__(self, report: FileReport, spool: Spool) -> None:
        self.report = report
        self.size: int | None = None
        self.restartable = True
        self._spool = spool

    def read(self, offset: int, wait: Wait | None) -> tuple[Blocks, Iterator[bytes]]:
        blocks = Blocks(SpoolReader(self._spool, offset), BLOCK, offset, wait)
        return blocks, iter(blocks)

    def close(self) -> None:
        self._spool.close()


class FileSource:
    """A file or a pipe, packed or not."""

    def __init__(self, path: str, block_size: int, wait: Wait | None = None) -> None:
        """Look at its first bytes; with `wait` those of a file may still have to come."""
        self.size: int | None = None
        self.restartable = False
        self._name = "standard input" if path == STANDARD_INPUT else path
        self._path = path
        self._block_size = block_size
        self._packing = b""
        self._spool: Spool | None = None
        self._spooled = False
        self._unread: tuple[Blocks, Iterator[bytes]] | None = None

        file = self._open()
        status = os.fstat(file.fileno())
        regular = path != STANDARD_INPUT and stat.S_ISREG(status.st_mode)
        blocks = Blocks(file, block_size, wait=wait if regular else None)
        try:
            head, pieces = self._peek(iter(blocks))
            for packing in (GZIP, ZSTD):
                if head.startswith(packing):
                    self._packing = packing
                    head, pieces = self._peek(self._unpack(pieces))
            self.report = FileReport(path, self._recognise(head))
        except BaseException:
            blocks.close()
            raise
        if regular:
            blocks.close()
            self.size = status.st_size
            self.restartable = not self._packing
        else:
            self._unread = blocks, pieces

    def keep(self) -> None:
        """Copy what cannot be read twice, so that it can."""
        if not self.restartable:
            self._spool = Spool()
            self.restartable = True

    def read(self, offset: int, wait: Wait | None) -> tuple[Blocks, Iterator[bytes]]:
        if self._spool is not None and self._spooled:
            blocks = Blocks(SpoolReader(self._spool, offset), self._block_size, offset)
            return blocks, iter(blocks)
        if self._unread is not None:
            blocks, pieces = self._unread
            self._unread = None
        elif self.size is None:
            raise RuntimeError(f"{self._name} can be read only once")
        else:
            file = self._open()
            file.seek(offset)
            blocks = Blocks(file, self._block_size, offset, wait and partial(self._wait_for_more, file, wait))
            pieces = self._unpack(iter(blocks))
        if self._spool is not None:
            self._spooled = True
            pieces = copied(pieces, self._spool)
        return blocks, pieces

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()

    def _wait_for_more(self, file: FileIO, wait: Wait) -> bool:
        """`wait`, then see whether more can still come: not where the writer has gone on to another file."""
        grows = wait()
        now = os.fstat(file.fileno())
        if now.st_size < file.tell():
            raise Fault("truncated", "it was begun anew while it was followed, open it again")
        with suppress(FileNotFoundError):
            if now.st_size == file.tell() and not os.path.samestat(now, os.stat(self._path)):
                raise Fault("truncated", "another file has taken its name, open that one to go on")
        return grows

    def _open(self) -> FileIO:
        if self._path == STANDARD_INPUT:
            if sys.stdin is None or sys.stdin.isatty():
                what = "closed" if sys.stdin is None else "a terminal"
                raise CaptureError(
                    f"standard input is {what}: pipe a capture into it, as in tcpdump -U -w - | rtmpscope -"
                )
            return FileIO(sys.stdin.fileno(), closefd=False)
        try:
            return FileIO(self._path)
        except FileNotFoundError:
            raise CaptureError(f"{self._path}: there is no such file") from None
        except IsADirectoryError:
            raise CaptureError(f"{self._path} is a directory: name the capture files in it") from None
        except PermissionError:
            raise CaptureError(f"{self._path}: no permission to read it; its owner can grant that with chmod") from None
        except OSError as error:
            raise CaptureError(f"{self._path}: {error.strerror}") from None

    def _unpack(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        if self._packing == GZIP:
            return gunzip(pieces, self._block_size)
        if self._packing == ZSTD:
            return unzstd(pieces)
        return pieces

    def _peek(self, pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
        """The first bytes, enough to tell formats apart, and all pieces with those bytes before them."""
        head = b""
        try:
            while len(head) < 8 and (piece := next(pieces, None)) is not None:
                head += piece
        except Fault as fault:
            raise CaptureError(f"{self._name}: {fault.reason}") from None
        except CaptureError as error:
            raise CaptureError(f"{self._name}: {error}") from None
        return head, chain([head], pieces)

    def _recognise(self, head: bytes) -> str:
        if head.startswith(pcapng.MAGIC):
            return "pcapng"
        if head[:4] in pcap.LAYOUTS:
            return "pcap"
        if not head:
            raise CaptureError(f"{self._name} is empty: nothing was captured into it")
        text = all(0x20 <= byte < 0x7F or byte in b"\t\n\r" for byte in head[:64])
        otherwise = "it looks like text" if text else f"it begins with the bytes {head[:4].hex(' ')}"
        what = next((what for first_bytes, what in MISTAKEN if head.startswith(first_bytes)), otherwise)
        raise CaptureError(f"{self._name} is not a pcap or pcapng capture: {what}")
