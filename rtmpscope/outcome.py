"""How the program ends other than well: exit codes, what carries them, signals, and the line that tells the user."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from typing import Final

from rtmpscope.text import printable

FAILED: Final = 1
BAD_INPUT: Final = 2
SIGNALLED: Final = 128


class Failure(Exception):
    """Something to tell the user in one line, and the exit code."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code: Final = code


class Signalled(BaseException):
    """A signal asks the program to end; what is open is tidied up on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number: Final = number


def ending_signals() -> list[int]:
    """The signals that ask the program to end: a hangup only where the system has it and nohup does not ignore it."""
    hangup: int | None = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return [signal.SIGINT, signal.SIGTERM]
    return [signal.SIGINT, signal.SIGTERM, hangup]


def say(text: str) -> None:
    """One line on standard error, if anybody listens."""
    with suppress(OSError):
        print(f"rtmpscope: {printable(text)}", file=sys.stderr, flush=True)
