"""How long the screen takes to answer a key: from the keystroke to the last byte of the frame that shows it.

The command runs in a pseudo-terminal of its own, as a user's does, and this program plays the terminal: it says
that it knows synchronised output, so every frame comes between two marks, and takes the time of the first frame
after a key that contains what the key must change.  Keys are pressed while the capture loads, and again when it
is loaded.  Beside it stands the processor time that the whole command took meanwhile, its loading thread included:
that is what a busy machine does not distort.  Figures are of one run; nothing here passes or fails.

    python -m bench.ui_latency CAPTURE [--size 200x50] [--rounds 20]
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ASKS_FOR_SYNC, HAS_SYNC = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
FRAME_END = b"\x1b[?2026l"
LOADED = b"loaded 100"
CURSOR = "▸".encode()
PATIENCE = 20.0  # seconds until a key counts as unanswered
PAUSE = 0.05  # seconds between two keys, as a quick hand makes them


class Key(NamedTuple):
    """A key, the bytes it sends, and what the frame that answers it contains."""

    name: str
    sends: bytes
    shows: bytes


MOVES = (
    Key("next line", b"j", CURSOR),
    Key("page down", b" ", CURSOR),
    Key("last line", b"G", CURSOR),
    Key("previous line", b"k", CURSOR),
    Key("half a page up", b"\x15", CURSOR),
    Key("previous of the connection", b"[", CURSOR),
    Key("first line", b"g", CURSOR),
)
TYPING = (
    Key("open the filter line", b"/", b"display filter"),
    *(Key("type in the filter line", letter, letter) for letter in (b"Z", b"Q", b"X")),
    Key("leave the filter line", b"\x1b", CURSOR),
)
FILTER = b"/rtmp.direction == c2s\r"
FILTERED = b"shown"
UNFILTER = Key("drop the filter", b"\x1b", CURSOR)


class Screen:
    """The command in a pseudo-terminal."""

    def __init__(self, capture: str, width: int, height: int) -> None:
        self.began = time.perf_counter()
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
            os.execv(sys.executable, [sys.executable, "-m", "rtmpscope", capture])
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self._rest = b""
        self.loaded = False

    def frames(self, seconds: float) -> Iterator[bytes]:
        """Whole frames as they come, for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], left)[0]:
                self._rest += os.read(self.master, 1 << 16)
                if ASKS_FOR_SYNC in self._rest:
                    self._rest = self._rest.replace(ASKS_FOR_SYNC, b"")
                    os.write(self.master, HAS_SYNC)
                *whole, self._rest = self._rest.split(FRAME_END)
                self.loaded = self.loaded or any(LOADED in frame for frame in whole)
                yield from whole

    def until(self, wanted: bytes) -> float:
        """Seconds until a frame contains this; infinity where none does."""
        began = time.perf_counter()
        for frame in self.frames(PATIENCE):
            if wanted in frame:
                return time.perf_counter() - began
        return float("inf")

    def press(self, key: Key) -> tuple[float, float]:
        """Seconds until the answer, and of processor time meanwhile."""
        for _ in self.frames(PAUSE):
            pass
        before = self.cpu()
        os.write(self.master, key.sends)
        return self.until(key.shows), self.cpu() - before

    def cpu(self) -> float:
        """Seconds of processor time so far, of all threads that live."""
        total = 0
        for task in Path(f"/proc/{self.child}/task").iterdir():
            with suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def close(self) -> None:
        os.write(self.master, b"\x03")
        while True:
            try:
                if not os.read(self.master, 1 << 16):
                    break
            except OSError:
                break
        os.waitpid(self.child, 0)


class Table:
    def __init__(self) -> None:
        self._times: dict[tuple[str, str], list[tuple[float, float]]] = {}

    def add(self, phase: str, name: str, times: tuple[float, float]) -> None:
        for row in (name, "all keys"):
            self._times.setdefault((phase, row), []).append(times)

    def show(self) -> None:
        print(f"{'in ms':10}{'':<30}{'presses':>8}{'median':>9}{'95th':>9}{'worst':>9}{'cpu':>9}{'95th':>9}")
        for (phase, name), times in sorted(self._times.items()):
            columns = []
            for kind in (0, 1):
                values = sorted(pair[kind] * 1000 for pair in times)
                high = values[min(len(values) - 1, int(len(values) * 0.95))]
                columns += [statistics.median(values), high, values[-1]]
            figures = "".join(f"{value:>9.1f}" for value in columns[:5])
            print(f"{phase:10}{name:<30}{len(times):>8}{figures}")


def press_all(screen: Screen, table: Table, phase: str, goes_on: int) -> None:
    for key in [*MOVES, *TYPING] * goes_on:
        table.add(phase, key.name, screen.press(key))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("capture")
    parser.add_argument("--size", default="200x50")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))

    screen, table = Screen(arguments.capture, width, height), Table()
    first = screen.until(CURSOR)
    print(f"{arguments.capture}, {width}x{height}: first rows after {first:.2f} s")
    while not screen.loaded:
        press_all(screen, table, "loading", 1)
    print(f"loaded after {time.perf_counter() - screen.began:.1f} s, {screen.cpu():.1f} s of processor time")
    press_all(screen, table, "loaded", arguments.rounds)
    for _ in range(max(1, arguments.rounds // 4)):
        table.add("loaded", "first matches of a filter", screen.press(Key("filter", FILTER, FILTERED)))
        table.add("loaded", "drop the filter", screen.press(UNFILTER))
    table.show()
    screen.close()


if __name__ == "__main__":
    main()
