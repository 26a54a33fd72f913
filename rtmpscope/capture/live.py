"""Packets as they come: a helper writes them to a file, and we read that file as it grows.

However slow the reader, nothing is lost on its account; it only falls behind.  A LiveCapture is a CaptureReader
whose last file still grows: batches come a few dozen times a second, some without packets, until something ends
the capture.  `ended` then says what, and `failed` whether that was a failure; either way all that was captured
has been delivered.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import weakref
from collections.abc import Iterator
from typing import Final

from rtmpscope.capture import CaptureError
from rtmpscope.capture.files import Batch, Bookmark, CaptureReader
from rtmpscope.capture.helpers import Account, Helper, Request, best_helper, environment, failure, problem
from rtmpscope.capture.places import ConvertedPlace, FilePlace, RingPlace
from rtmpscope.capture.sources import FileReport
from rtmpscope.capture.streams import BLOCK, Wait
from rtmpscope.limits import SPOOL_BYTES

TICK_SECONDS: Final = 0.02
BEGIN_SECONDS: Final = 30.0  # until the helper must have begun, on however busy a machine
END_SECONDS: Final = 3.0  # after which a helper that was asked to end is made to
REPORT_SECONDS: Final = 1.0


class LiveCapture(CaptureReader):
    """A capture in the making.

    helper  the program that captures
    ended   why the capture ended, in words; empty while it goes on
    failed  whether it ended by a failure
    """

    def __init__(
        self,
        request: Request,
        *,
        seconds: float = 0,
        kilobytes: int = 0,
        spool_bytes: int = SPOOL_BYTES,
        helper: Helper | None = None,
    ) -> None:
        """Begin to capture, to end after so many seconds or kilobytes, 0 for never.  Raises CaptureError.

        A private copy that has grown to `spool_bytes` ends it too, as a failure.
        """
        self.helper: Final = helper or best_helper()
        self.failed = False
        self._request = request
        self._seconds = seconds
        self._kilobytes = kilobytes
        self._spool_bytes = spool_bytes
        self._account = Account()
        self._reason = ""
        self._kill_at = 0.0
        self._place = self._place_for(request)
        try:
            self._child = self._start()
            self._await_begin()
        except BaseException:
            self._place.close()
            raise
        name = request.save or ",".join(request.interfaces)
        super().__init__([self._place.first(self._account, FileReport(name, self.helper.format))])
        self.size = None  # it grows
        self.caution = f"{self.helper.name} may drop packets" if self.helper.may_drop else ""
        self._began = time.monotonic()
        self._next_report = self._began + REPORT_SECONDS

    def batches(self, bookmark: Bookmark | None = None, wait: Wait | None = None) -> Iterator[Batch]:
        """The packets as they come, until the capture ends; from a bookmark those that have come so far."""
        return super().batches(bookmark, wait or (self._look_around if bookmark is None else None))

    def stop(self, reason: str = "stopped") -> None:
        """Ask the helper to end; what it has captured by then still comes."""
        if not self._reason:
            self._reason = reason
            self._kill_at = time.monotonic() + END_SECONDS
            self._child.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End the capture if need be, and delete what is not to be kept."""
        _end(self._child)
        self._listen()
        self._place.finish(self._account)
        super().close()
        self._place.close()

    def _place_for(self, request: Request) -> FilePlace | RingPlace:
        if request.ring:
            return RingPlace(request.save)
        converted = request.save and self.helper.format != "pcapng"
        return ConvertedPlace(request.save) if converted else FilePlace(request.save)

    def _start(self) -> subprocess.Popen[bytes]:
        command = self.helper.command(self._request, self._place.output)
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._place.stdout,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environment(),
                process_group=0,  # ctrl-c is for us to answer
            )
        except OSError as error:  # a system that withholds what the program is entitled to does not even start it
            self._account.add(f"{command[0]}: {error.strerror}\n".encode())
            raise CaptureError(failure(self._account, self.helper, self._request)) from None
        weakref.finalize(self, _end, child)
        assert child.stderr is not None
        os.set_blocking(child.stderr.fileno(), False)
        return child

    def _await_begin(self) -> None:
        """Until the helper has opened its interfaces and begun to write."""
        latest = time.monotonic() + BEGIN_SECONDS
        while not self._place.begun(self._account):
            gone = self._child.poll() is not None
            self._listen()
            if gone or time.monotonic() > latest:
                _end(self._child)
                self._account.end()
                raise CaptureError(failure(self._account, self.helper, self._request))
            if full := self._place.full():  # a helper may wait for ever to write its first bytes
                _end(self._child)
                raise CaptureError(full)
            time.sleep(TICK_SECONDS)

    def _look_around(self) -> bool:
        """At the end of what was captured so far: look around, rest, and say whether the file may still grow."""
        gone = self._child.poll() is not None
        self._listen()
        self.files[0].told_dropped = (self._account.dropped or 0) + (self._account.dropped_by_interface or 0)
        following = self._place.following(self._account)
        if following is not None:
            self.append(following)
            return False
        if gone:
            self._finish()
            return False
        self._look_at_limits()
        time.sleep(TICK_SECONDS)
        return True

    def _listen(self) -> None:
        assert self._child.stderr is not None
        while said := self._child.stderr.read(BLOCK):
            self._account.add(said)

    def _look_at_limits(self) -> None:
        now = time.monotonic()
        size = self._place.size()
        if self._reason:
            if now > self._kill_at:
                self._child.kill()
        elif self._seconds and now - self._began >= self._seconds:
            self.stop(f"{self._seconds:g} s have passed")
        elif self._kilobytes and size >= self._kilobytes * 1000:
            self.stop(f"{self._kilobytes:,} kilobytes were captured")
        elif size >= self._spool_bytes and not self._request.save:
            megabytes = f"{self._spool_bytes / 1e6:,.0f} MB"
            self._fail(f"its private copy has grown to {megabytes}: --spool allows more, -b keeps a ring of files")
        elif self._place.fault:
            self._fail(self._place.fault)
        elif full := self._place.full():
            self._fail(full)
        elif self.helper.report_signal and now >= self._next_report:
            self._next_report = now + REPORT_SECONDS
            self._child.send_signal(self.helper.report_signal)

    def _fail(self, reason: str) -> None:
        self.failed = True
        self.stop(reason)

    def _finish(self) -> None:
        """The helper is gone: say why."""
        self._account.end()
        self._place.finish(self._account)
        if self._place.fault and not self._reason:
            self._fail(self._place.fault)
        code = self._child.returncode
        if self._reason:
            self.ended = self._reason
        elif code < 0:
            self.failed = True
            self.ended = f"{self.helper.name} was killed by signal {-code}"
        elif code > 0 or problem(self._account, self.helper, self._request):
            self.failed = True
            self.ended = failure(self._account, self.helper, self._request)
        elif self._request.packets:
            self.ended = f"{self._request.packets:,} packets were captured"
        else:
            self.ended = f"{self.helper.name} was stopped"


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a helper in good order, else by force; it is reaped either way."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
