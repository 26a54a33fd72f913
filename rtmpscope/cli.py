"""The program: whatever goes wrong in a command becomes one line and an exit code.

Exit codes: 0 done; 1 the operation failed; 2 bad usage, a bad filter, or a capture that is missing, cut or corrupt,
after everything readable was delivered; 128 and its number when a signal ends the program.  A closed pipe ends it
quietly, as SIGPIPE would.  --version and --help load neither the commands nor anything they need.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from _thread import start_new_thread
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Final, TextIO

from rtmpscope.arguments import parse
from rtmpscope.outcome import BAD_INPUT, FAILED, SIGNALLED, Failure, Signalled, ending_signals, say
from rtmpscope.text import printable

OBJECTS: Final = 100_000  # to be made between two searches for cycles: what a capture gives dies without them
SIGPIPE: Final = 13  # signal.SIGPIPE, which not every system has
DEBUG: Final = "RTMPSCOPE_DEBUG"  # in the environment: let a traceback through
IMPORT: Final = "<frozen importlib._bootstrap>"  # the file of the frames that import
DELAY: Final = 0.01  # seconds that a signal waits for an import

_delays = iter(range(100))  # those that are left: a plugin may never be done with its import


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code."""
    gc.set_threshold(OBJECTS)
    for number in ending_signals():
        if number != signal.SIGINT or signal.getsignal(number) is signal.default_int_handler:
            signal.signal(number, _end)  # but for ctrl-c where it is ignored, as in the background
    sys.stdout = sys.stdout or open(os.devnull, "w")  # who started us may have closed it
    sys.stderr = sys.stderr or open(os.devnull, "w")
    try:
        code = _guarded(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _drop(sys.stdout)
        return SIGNALLED + SIGPIPE
    except Signalled as signalled:
        return SIGNALLED + signalled.number
    except OSError as error:  # from the last flush
        return _full(error)
    finally:
        try:
            sys.stderr.flush()
        except OSError:  # the terminal has hung up
            _drop(sys.stderr)
        gc.freeze()  # or the interpreter would look through all modules for cycles before it ends: 6 ms


def _guarded(arguments: Sequence[str]) -> int:
    """Do what is asked; any failure but that of standard output becomes a line and an exit code."""
    parsed = parse(arguments)

    from rtmpscope.actions import ACTIONS
    from rtmpscope.capture import CaptureError
    from rtmpscope.export import OutputError

    try:
        return ACTIONS[parsed.command](parsed)
    except Failure as failure:
        say(str(failure))
        return failure.code
    except CaptureError as error:
        say(str(error))
        return BAD_INPUT
    except OutputError as error:
        say(str(error))
        return FAILED
    except BrokenPipeError:
        raise
    except OSError as error:
        if not error.filename:  # what we opened has a name
            return _full(error)
        say(f"{error.filename}: {error.strerror}")
        return FAILED
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        return _bad_filter(error, getattr(parsed, "filter", "")) or _internal(error)


def _bad_filter(error: Exception, text: str) -> int:
    """Show where a filter is wrong; 0 where the error is another.  Only here, for filters take long to load."""
    from rtmpscope.filters import FilterError, pointed

    if not isinstance(error, FilterError):
        return 0
    say(f"bad filter: {error}")
    print(printable(text) if printable(text) != text else pointed(text, error), file=sys.stderr)
    return BAD_INPUT


def _internal(error: Exception) -> int:
    """A mistake of ours.  What it says may quote the capture, so only its kind and place are shown."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" in {os.path.basename(place.tb_frame.f_code.co_filename)}, line {place.tb_lineno}" if place else ""
    say(f"internal error, {type(error).__name__}{where}: please report it; {DEBUG}=1 in the environment shows more")
    return FAILED


def _end(number: int, frame: FrameType | None) -> None:
    """End the program; during an import a little later.

    There the exception could be lost in a callback, become an error, or leave the import locked for other threads.
    """
    if _imports(frame) and next(_delays, None) is not None:
        start_new_thread(_end_later, (number,))
    else:
        raise Signalled(number)


def _imports(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename != IMPORT:
        frame = frame.f_back
    return frame is not None


def _end_later(number: int) -> None:
    time.sleep(DELAY)
    os.kill(os.getpid(), number)


def _full(error: OSError) -> int:
    """Standard output takes no more."""
    from rtmpscope.export.files import reason

    _drop(sys.stdout)
    say(f"cannot write standard output: {reason(error)}")
    return FAILED


def _drop(file: TextIO) -> None:
    """Nobody reads it, or it is full: keep the interpreter from trying again at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


if __name__ == "__main__":
    sys.exit(main())
