"""Where the screen meets the terminal: keys from it though standard input is a pipe, signals, exit codes.

Textual reads keys from file descriptor 0 and draws on 2.  `cat x.pcap | rtmpscope -` needs 0 for the keys, so the
pipe is moved away first: `sys.stdin` is then the pipe, 0 the terminal.  A signal asks the program to end, which
puts the terminal back as it was, and the exit code says which signal it was.

An escape is a key of its own when nothing follows it for ESCDELAY.  Textual's driver looks for that ten times a
second, whatever the delay; this one as soon as the delay is over.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable
from contextlib import suppress
from math import inf
from time import monotonic
from types import FrameType
from typing import Any, TextIO

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from rtmpscope.tui import tidy
from rtmpscope.tui.turns import Selector, end_turn, take_turn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
ESCAPE = "\x1b"
INPUT_WAIT = 0.1  # seconds between two looks at whether to stop reading keys
READ_BYTES = 4096
OUTPUT_WAIT = 0.1  # seconds between two looks at whether to give up what the terminal does not take
GRACE = 1.0  # seconds that it has for that, after a signal to end
SWITCH_INTERVAL = 0.001  # seconds a loading thread keeps the interpreter from the screen


def take_terminal() -> None:
    """Put the terminal on descriptors 0 and 2; `sys.stdin` goes on reading what 0 was.

    Raises OSError where the process has no terminal.
    """
    if os.isatty(0) and os.isatty(2):
        return
    terminal = os.open("/dev/tty", os.O_RDWR)
    if not os.isatty(0):
        if sys.stdin is not None:
            sys.stdin = os.fdopen(os.dup(0))
        os.dup2(terminal, 0)
    if sys.__stdin__ is None:  # 0 was closed, and Textual asks this file for its number
        vars(sys)["__stdin__"] = open(0, closefd=False)
    if not os.isatty(2):
        os.dup2(terminal, 2)
    if terminal > 2:  # or it took the place of one that was closed
        os.close(terminal)


class Output:
    """The terminal as a file that never fails, and that waits for no terminal when the program is to end.

    What is written after the terminal is gone is lost, as it must be.  One that is there but takes nothing, of a
    connection that hangs say, holds up the thread in which Textual writes, and with it the program, which waits
    for that thread: so what it has not taken by `deadline` is dropped.
    """

    def __init__(self, file: TextIO) -> None:
        self.deadline = inf
        self._encoding = file.encoding
        self._descriptor = opened_anew(file.fileno())
        self._waiting: list[str] = []

    def write(self, text: str) -> None:
        self._waiting.append(text)

    def flush(self) -> None:
        data = "".join(self._waiting).encode(self._encoding, "backslashreplace")
        self._waiting.clear()
        with suppress(OSError):
            while data:
                data = data[self._take(data) :]

    def _take(self, data: bytes) -> int:
        """The number of bytes that are done with."""
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            select.select([], [self._descriptor], [], OUTPUT_WAIT)
            return 0 if monotonic() < self.deadline else len(data)


def opened_anew(descriptor: int) -> int:
    """The same terminal for writing without waiting, which does not make others wait less that have it open too.

    The descriptor itself where the terminal cannot be opened by its name.
    """
    try:
        return os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return descriptor


class Terminal(LinuxDriver):
    """Textual's driver, for a terminal that may go away."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self.output = Output(self._file)  # type: ignore[arg-type]
        self._file = self.output  # type: ignore[assignment]
        self._suspended = False

    def run_input_thread(self) -> None:
        """Read keys until the driver stops."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")().decode
        wait = INPUT_WAIT
        while not self.exit_event.is_set():
            if select.select([self.fileno], [], [], wait)[0]:
                take_turn()
                tidy.touched()
                text = decode(os.read(self.fileno, READ_BYTES))
                wait = ESCAPE_DELAY if ESCAPE in text else INPUT_WAIT
                if text:  # nothing would mean the end to the parser; it is also what half a character reads as
                    self.process_all(parser.feed(text))
            else:
                wait = INPUT_WAIT
            self.process_all(parser.tick())

    def process_all(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def _sigtstp_application(self, *arguments: object) -> None:
        self._suspended = True
        super()._sigtstp_application(*arguments)

    def _sigcont_application(self, *arguments: object) -> None:
        """Start again after a suspension only: a hangup sends this signal too, and threads would be started twice."""
        if self._suspended:
            self._suspended = False
            super()._sigcont_application(*arguments)


def leave(app: App[None], code: int) -> None:
    """End the program; while its screen is being built, as soon as that is done: one half built raises errors."""
    if app.screen_stack:
        app.screen_stack[0].call_later(app.exit, None, code)
    else:
        app.call_later(leave, app, code)


async def live(app: App[None]) -> int:
    loop = asyncio.get_running_loop()

    def end(number: int, frame: FrameType | None) -> None:
        """Not in the loop, which may wait for the terminal."""
        if isinstance(app._driver, Terminal):
            app._driver.output.deadline = monotonic() + GRACE
        loop.call_soon_threadsafe(leave, app, 128 + number)

    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        await app.run_async()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return app.return_code or 0


def run_app(app: App[None]) -> int:
    sys.setswitchinterval(SWITCH_INTERVAL)
    tidy.begin()
    try:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Selector())) as runner:
            return runner.run(live(app))
    finally:
        end_turn()
