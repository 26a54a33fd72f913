"""Captures as batches of packets: several files read as one, each saying in the end how it ended.

open_capture looks at the first bytes of every path and raises CaptureError where there is nothing to read.
After that damage is data: a file that is cut or corrupt gives every packet before the fault, and its report
names the place.  Reading goes forward only.  A batch carries a bookmark where the bytes can be read again, and
batches(bookmark) gives its packets and all that follow once more, at any time and in any thread.
"""

from __future__ import annotations

import math
import os
import stat
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from functools import partial
from io import FileIO
from itertools import chain
from typing import Final, Protocol

from rtmpscope.capture import CaptureError, pcap, pcapng
from rtmpscope.capture.pcap import PcapParser
from rtmpscope.capture.pcapng import PcapngParser
from rtmpscope.capture.streams import BLOCK, Blocks, Fault, Spool, SpoolReader, Wait, copied, gunzip, unzstd
from rtmpscope.model import Packet

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

    outcome  "" while it is being read, then "complete", "truncated" or "corrupt"
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
    def secrets(self) -> list[bytes]:
        """TLS key logs that the file brought along."""
        return self._parser.secrets if isinstance(self._parser, PcapngParser) else []

    @property
    def dropped(self) -> int:
        """Packets that the capture program itself reported as lost."""
        written = sum(self._parser.drops.values()) if isinstance(self._parser, PcapngParser) else 0
        return max(written, self.told_dropped)

    def parser(self) -> Parser:
        """A parser of the file's format, for its first byte."""
        return PcapngParser() if self.format == "pcapng" else PcapParser()

    def begin(self, parser: Parser) -> None:
        self.packets = self.bytes = self.offset = 0
        self.outcome = self.reason = ""
        self._parser = parser

    def end(self, outcome: str, offset: int, reason: str) -> None:
        self.outcome = outcome
        self.offset = offset
        self.reason = reason


class Bookmark:
    """A place between two records: the file, the byte, the number of the next packet, and the parser's state."""

    __slots__ = ("file", "offset", "number", "parser")

    def __init__(self, file: int, offset: int, number: int, parser: Parser) -> None:
        self.file: Final = file
        self.offset: Final = offset
        self.number: Final = number
        self.parser: Final = parser


class Batch:
    """The packets of one block; none where a growing file had nothing new.

    `bookmark` gives these packets again, None where the source cannot be read twice; `position` counts the bytes
    of CaptureReader.size that were read, from the first file that this reading opened.
    """

    __slots__ = ("packets", "bookmark", "position")

    def __init__(self, packets: list[Packet], bookmark: Bookmark | None, position: int) -> None:
        self.packets: Final = packets
        self.bookmark: Final = bookmark
        self.position: Final = position


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
        head, pieces = self._peek(iter(blocks))
        for packing in (GZIP, ZSTD):
            if head.startswith(packing):
                self._packing = packing
                head, pieces = self._peek(self._unpack(pieces))
        self.report = FileReport(path, self._recognise(head))
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


class CaptureReader:
    """Several captures as one.

    files        a report for each, in the order they are read; those that could not be opened come last
    size         bytes of all files, None where one is a pipe or grows
    restartable  whether batches carry bookmarks
    ended        why nothing more comes, where that is more than the end of the files
    caution      what to bear in mind while it is being read, empty where there is nothing
    """

    def __init__(
        self, sources: Sequence[Source], unreadable: Sequence[FileReport] = (), wait: Wait | None = None
    ) -> None:
        """With `wait` the last file still grows for whoever reads from the start: see batches."""
        self.files: Final = [source.report for source in sources] + list(unreadable)
        sizes = [source.size for source in sources if source.size is not None]
        self.size = sum(sizes) if wait is None and len(sizes) == len(sources) else None
        self.restartable: Final = all(source.restartable for source in sources)
        self.ended = ""
        self.caution = ""
        self._sources = list(sources)
        self._wait = wait

    @property
    def dropped(self) -> int:
        """Packets that the capture programs have reported as lost."""
        return sum([report.dropped for report in self.files])

    def append(self, source: Source) -> None:
        """One more to read after the others."""
        self._sources.append(source)
        self.files.append(source.report)

    def stop(self, reason: str = "stopped") -> None:
        """Wait for nothing more; what has come by then is still read."""
        if self._wait is not None:
            self.ended = reason

    def _may_grow(self) -> bool:
        return self._wait is not None and not self.ended and self._wait()

    def close(self) -> None:
        """Delete what was kept; bookmarks into it lead nowhere any more."""
        for source in self._sources:
            source.close()

    def batches(self, bookmark: Bookmark | None = None, wait: Wait | None = None) -> Iterator[Batch]:
        """All packets, or those from a bookmark on.

        With `wait`, such as `lambda: not stopped.wait(0.1)` for an Event, the last file may still be growing: at its
        end comes a batch without packets after each call of `wait`, until that returns False.  Reports are written
        only by a reading from the start.
        """
        mark = bookmark or Bookmark(0, 0, 1, self._sources[0].report.parser())
        if wait is None and bookmark is None and self._wait is not None:
            wait = self._may_grow
        position = 0
        while True:
            source = self._sources[mark.file]
            report = source.report if bookmark is None else FileReport(source.report.path)
            following = mark.file + 1
            growing = wait if following == len(self._sources) else None
            number = mark.number
            try:
                number, position = yield from self._file(source, mark, report, growing, position)
            except CaptureError as error:  # the file is gone since it was opened first
                if bookmark is not None:
                    raise
                report.end("corrupt", 0, str(error))
            if following == len(self._sources):  # asked again: `wait` may have appended one
                return
            mark = Bookmark(following, 0, number, self._sources[following].report.parser())

    def _file(
        self, source: Source, start: Bookmark, report: FileReport, wait: Wait | None, before: int
    ) -> Generator[Batch, None, tuple[int, int]]:
        """The batches of one file from `start` on; returns the next packet's number and the next file's position."""
        offset = start.offset
        number = start.number
        parser = start.parser.copy()
        waiting: list[bytes] = []
        size = 0
        outcome, reason = "complete", ""
        report.begin(parser)
        blocks, pieces = source.read(offset, wait)
        try:
            for piece in pieces:
                waiting.append(piece)
                size += len(piece)
                packets: list[Packet] = []
                mark = None
                if piece and size >= parser.need:
                    if self.restartable:
                        mark = Bookmark(start.file, offset, number, parser.copy())
                    block = b"".join(waiting)
                    used = parser.parse(block, number, packets)
                    waiting = [block[used:]]
                    size -= used
                    offset += used
                    number += len(packets)
                    report.packets += len(packets)
                    report.bytes = offset
                if packets or not piece:
                    yield Batch(packets, mark, before + blocks.position)
                if parser.fault:
                    outcome, reason = "corrupt", parser.fault
                    break
            else:
                if size:
                    outcome = "truncated"
                    reason = f"it ends inside a record, {size:,} of {parser.need:,} bytes are there"
        except Fault as fault:
            outcome, reason = fault.outcome, fault.reason
            if wait is not None:
                self.ended = reason
        finally:
            blocks.close()
        report.end(outcome, offset, reason)
        return number, before + blocks.position


def open_capture(
    paths: Sequence[str], *, spool: bool = False, block_size: int = BLOCK, wait: Wait | None = None
) -> CaptureReader:
    """Open captures for reading; "-" is standard input.

    With `spool` what cannot be read twice, a pipe or a packed file, is copied so that it can.  With `wait` the last
    file may still be growing: see CaptureReader.batches.  Raises CaptureError when none of the paths can be read.
    """
    sources: list[FileSource] = []
    unreadable: list[FileReport] = []
    for path in paths:
        try:
            sources.append(FileSource(path, block_size, wait if path is paths[-1] else None))
        except CaptureError as error:
            if len(paths) == 1:
                raise
            unreadable.append(FileReport(path))
            unreadable[-1].end("corrupt", 0, str(error))
    if not sources:
        raise CaptureError("; ".join(report.reason for report in unreadable) or "no capture was named")
    if len(sources) > 1:
        sources.sort(key=_first_time)
    if spool:
        for source in sources:
            source.keep()
    return CaptureReader(sources, unreadable, wait)


def _first_time(source: FileSource) -> float:
    """When the first packet of a file was captured; a file without packets comes last."""
    if source.size is None:
        raise CaptureError(
            f"{source.report.path} is a pipe: several captures are ordered by their first packets, use files"
        )
    first = next(CaptureReader([source]).batches(), None)
    return int(first.packets[0].time_ns) if first else math.inf
