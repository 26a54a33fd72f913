"""Captures as batches of packets: several files read as one, each saying in the end how it ended.

open_capture opens every path as a source (see rtmpscope.capture.sources) and raises CaptureError where there is nothing
to read.  After that damage is data: a file that is cut or corrupt gives every packet before the fault, and its report
names the place.  Reading goes forward only.  A batch carries a bookmark where the bytes can be read again, and
batches(bookmark) gives its packets and all that follow once more, at any time and in any thread.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from typing import Final

from rtmpscope.capture import CaptureError
from rtmpscope.capture.sources import FileReport, FileSource, Parser, Source
from rtmpscope.capture.streams import BLOCK, Fault, Wait
from rtmpscope.model import Packet


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
