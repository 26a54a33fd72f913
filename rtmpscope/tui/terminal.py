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
    """The terminal as a file that never fails: what is written after it is gone is lost, as it must be.

    Textual writes in a thread of its own; an error there ends the thread, and the program then waits for it forever.
    What could not be written waits in the file too, and would fail once more when the interpreter ends.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError:
            self._gone()

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            self._gone()

    def _gone(self) -> None:
        """Put nothing in the place of the terminal, to write to."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self._file.fileno())
        os.close(nothing)


class Terminal(LinuxDriver):
    """Textual's driver, for a terminal that may go away."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file = Output(self._file)  # type: ignore[assignment, arg-type]
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


async def live(app: App[None]) -> int:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, app.exit, None, 128 + number)
    try:
        await app.run_async()
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
    return app.return_code or 0


def run_app(app: App[None]) -> int:
    sys.setswitchinterval(SWITCH_INTERVAL)
    tidy.begin()
    try:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Selector())) as runner:
            return runner.run(live(app))
    finally:
        end_turn()
