"""Where a live capture is written: one file that grows, or a ring of files of which the oldest is overwritten.

Either is private and gone with us, also when we crash, unless it is to be kept under a name.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Final

from rtmpscope.capture import CaptureError
from rtmpscope.capture.files import CaptureReader
from rtmpscope.capture.helpers import Account
from rtmpscope.capture.sources import FileReport, FileSource, Source, SpoolSource
from rtmpscope.capture.streams import BLOCK, Spool, spool_folder
from rtmpscope.capture.writer import PcapngWriter
from rtmpscope.limits import SPOOL_RESERVE

FIRST_BYTES: Final = 24  # with which every capture file begins

RING: Final = "ring-"

TICK_SECONDS: Final = 0.05  # between two looks at whether there is more to convert


class Place:
    """What they have in common: the folder, and how much its disk can still take.

    fault  why no more can be kept, empty as long as it can
    """

    def __init__(self, save: str) -> None:
        self.folder = Path(save).absolute().parent if save else spool_folder()
        self.fault = ""
        if not save:
            delete_left_rings(self.folder)

    def finish(self, account: Account) -> None:
        """The helper has written all it will."""

    def full(self) -> str:
        """Why the disk takes no more, empty as long as it does."""
        status = os.statvfs(self.folder)
        if status.f_bavail * status.f_frsize >= SPOOL_RESERVE:
            return ""
        return f"the disk that holds {self.folder} is full"


class FilePlace(Place):
    """A file that the helper appends to through its standard output.

    It has no name, or gets the one that it is to be kept under when the helper has begun: a capture that fails
    at once does no harm to what was there before.
    """

    output: Final = "-"

    def __init__(self, save: str) -> None:
        super().__init__(save)
        self._save = save
        if os.path.exists(save) and not os.path.isfile(save):
            raise CaptureError(f"cannot save to {save}: it is not a file")
        try:
            self.stdout, self._name = tempfile.mkstemp(prefix=".rtmpscope-", dir=self.folder)
        except OSError as error:
            raise CaptureError(f"cannot write to {self.folder}: {error.strerror}") from None
        self._reading = open(self._name, "rb", buffering=0)
        self._spool = Spool(self._reading)
        if not save:
            self._unlink()

    def begun(self, account: Account) -> bool:
        """Whether the helper has written the beginning of a capture."""
        return self.size() >= FIRST_BYTES

    def first(self, account: Account, report: FileReport) -> Source:
        """What to read first, once it has begun."""
        self._close_output()
        if self._save:
            self._keep()
        return SpoolSource(report, self._spool)

    def following(self, account: Account) -> Source | None:
        """What to read after all that was given out."""
        return None

    def size(self) -> int:
        """Bytes written so far."""
        return os.fstat(self._reading.fileno()).st_size

    def close(self) -> None:
        """Delete what is not to be kept."""
        self._close_output()
        self._reading.close()
        self._unlink()

    def _keep(self) -> None:
        os.replace(self._name, self._save)
        self._name = ""

    def _close_output(self) -> None:
        if self.stdout >= 0:
            os.close(self.stdout)
            self.stdout = -1

    def _unlink(self) -> None:
        if self._name:
            os.unlink(self._name)
            self._name = ""


class ConvertedPlace(FilePlace):
    """A file as above that is kept as pcapng, though its helper writes pcap.

    A thread of its own converts it as it grows: what is kept depends neither on what the reader has come to nor on
    whether he goes on.
    """

    def __init__(self, save: str) -> None:
        super().__init__(save)
        self._done = threading.Event()
        self._dropped = 0
        self._thread: threading.Thread | None = None

    def finish(self, account: Account) -> None:
        self._dropped = (account.dropped or 0) + (account.dropped_by_interface or 0)
        self._join()

    def close(self) -> None:
        self._join()
        super().close()

    def _keep(self) -> None:
        """What the helper writes loses its name to the file that it is converted to."""
        descriptor, converted = tempfile.mkstemp(prefix=".rtmpscope-", dir=self.folder)
        os.replace(converted, self._save)
        self._unlink()
        self._thread = threading.Thread(target=self._convert, args=(descriptor,), daemon=True)
        self._thread.start()

    def _convert(self, descriptor: int) -> None:
        source = SpoolSource(FileReport(self._save, "pcap"), self._spool)
        link_type = -1
        try:
            with open(descriptor, "wb") as file:
                writer = PcapngWriter(file)
                for batch in CaptureReader([source]).batches(wait=lambda: not self._done.wait(TICK_SECONDS)):
                    for packet in batch.packets:
                        writer.write(packet)
                        link_type = packet.link_type
                    file.flush()
                writer.write_dropped(link_type, self._dropped)
        except OSError as error:
            self.fault = f"cannot save to {self._save}: {error.strerror}"

    def _join(self) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()


class RingPlace(Place):
    """Files that the helper names, fills and overwrites.

    If they are not to be kept they have a folder of their own.  It is locked as long as we live, so that a
    later run can tell what a crash has left, and delete it.
    """

    stdout: Final = subprocess.DEVNULL

    def __init__(self, save: str) -> None:
        super().__init__(save)
        self._given_out = 0
        self._lock = -1
        if not save:
            self.folder = Path(tempfile.mkdtemp(prefix=RING, dir=self.folder))
            self._lock = _lock(self.folder)
        self.output: Final = save or str(self.folder / "ring.pcapng")

    def begun(self, account: Account) -> bool:
        return self._has_begun(account)

    def first(self, account: Account, report: FileReport) -> Source:
        source = self.following(account)
        assert source is not None
        return source

    def following(self, account: Account) -> Source | None:
        while self._has_begun(account):
            path = account.files[self._given_out]
            self._given_out += 1
            try:
                return FileSource(path, BLOCK)
            except CaptureError:
                continue  # overwritten before its turn came
        return None

    def size(self) -> int:
        return 0  # the ring itself is the bound

    def close(self) -> None:
        if self._lock >= 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1

    def _has_begun(self, account: Account) -> bool:
        """Whether the next file is ready to be read, or gone again."""
        if self._given_out == len(account.files):
            return False
        path = account.files[self._given_out]
        return not os.path.exists(path) or os.path.getsize(path) >= FIRST_BYTES


def delete_left_rings(folder: Path) -> None:
    """Those that nobody holds a lock on any more."""
    for left in folder.glob(f"{RING}*"):
        try:
            os.close(_lock(left))
        except OSError:
            continue  # in use, or being deleted by another run
        shutil.rmtree(left, ignore_errors=True)


def _lock(folder: Path) -> int:
    """A descriptor that holds the lock; raises BlockingIOError if somebody else does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
