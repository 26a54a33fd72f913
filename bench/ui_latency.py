"""How long the screen takes to answer a key: from the keystroke to the last byte of the frame that shows it.

The command runs in a pseudo-terminal of its own, as a user's does, and this program plays the terminal: it says
that it knows synchronised output, so every frame comes between two marks, and takes the time of the first frame
after a key that contains what the key must change.  Keys are pressed while a capture loads, when it is loaded, and
while it is searched and filtered from end to end.  Beside it stands the processor time that the whole command took
meanwhile, its loading thread included: that is what a busy machine does not distort.  Figures are of one run;
nothing here passes or fails.

    python -m bench.ui_latency [--rows 1000000,5000000] [--size 200x50] [--rounds 20]
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
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bench.processes import CACHE, ROOT, tell
from bench.workloads import Capture, Publisher
from rtmpscope.model import C2S, S2C
from tests import wire

ASKS_FOR_SYNC, HAS_SYNC = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
FRAME_END = b"\x1b[?2026l"
LOADED = b"loaded 100"
CURSOR = "▸".encode()
ESCAPE = b"\x1b"
PATIENCE = 10.0  # seconds until a key counts as unanswered
PAUSE = 0.05  # seconds between two keys, as a quick hand makes them
LOADING = 300.0  # seconds until a capture that does not load is given up

FRAMES = 20_000  # audio frames from one problem of the capture to the next
BATCH = 1_000  # of them in one write
PROBLEM = b"BadName"
FIRST_PROBLEM = 3 * BATCH  # one comes early, so that there is one to go to while the capture loads


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
    Key("previous problem", b"N", PROBLEM),
    Key("first line", b"g", CURSOR),
    Key("next problem", b"n", PROBLEM),
    Key("open the go-to line", b":", b"message number"),
    Key("type a message number", b"40,000", b"40,000"),
    Key("go to a number", b"\r", b"40,000"),
    Key("open the go-to line", b":", b"message number"),
    Key("type a time", b"300s", b"300s"),
    Key("go to a time", b"\r", CURSOR),
)
TYPING = (
    Key("open the filter line", b"/", b"display filter"),
    *(Key("type in the filter line", bytes([letter]), bytes([letter])) for letter in b"ZQX"),
    Key("leave the filter line", ESCAPE, CURSOR),
)
DURING = (
    Key("next line", b"j", CURSOR),
    Key("page down", b" ", CURSOR),
    Key("last line", b"G", CURSOR),
    Key("first line", b"g", CURSOR),
    *TYPING,
)
FILTERS = (
    ("of columns", b'/rtmp.command.name == "onStatus"\r', PROBLEM),
    ("of columns, every row", b"/rtmp.type == audio\r", b"aac"),
    ("of bodies, every row", b'/rtmp.audio.codec == "aac"\r', b"aac"),
)
FIND_NOTHING = (b"f", b"no row says this\r")


def write(path: Path, rows: int) -> None:
    """A capture of so many small audio messages, and a rejected publish among them now and then."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb", buffering=1 << 20) as file:
        capture = Capture(file)
        publisher = Publisher(capture, 0, 128)
        frame = wire.basic_header(1, 4) + wire.u24(21) + wire.u24(20) + bytes([wire.AUDIO]) + b"\xaf\x01" + bytes(18)
        status = {"level": "error", "code": "NetStream.Publish.BadName", "description": "already in use"}
        for place in range(0, rows, BATCH):
            capture.now += BATCH * 21_000
            publisher.tcp.send(C2S, frame * BATCH)
            if place == FIRST_PROBLEM or place % FRAMES == FRAMES - BATCH:
                publisher.say(S2C, 5, wire.COMMAND_AMF0, wire.command("onStatus", 0, None, status), msid=1)
        publisher.close()
    os.replace(unfinished, path)


def prepare(rows: int) -> Path:
    """The capture, written once for each version of this file."""
    path = CACHE / f"rows-{rows}.pcap"
    if not path.exists() or path.stat().st_mtime < Path(__file__).stat().st_mtime:
        CACHE.mkdir(parents=True, exist_ok=True)
        tell(f"writing {path.relative_to(ROOT)}")
        write(path, rows)
    return path


class Screen:
    """The command in a pseudo-terminal."""

    def __init__(self, capture: Path, width: int, height: int) -> None:
        self.began = time.perf_counter()
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
            os.execv(sys.executable, [sys.executable, "-m", "rtmpscope", str(capture)])
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self._rest = b""
        self.loaded = False

    def frames(self, seconds: float) -> Iterator[bytes]:
        """Whole frames as they come, for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], left)[0]:
                try:
                    self._rest += os.read(self.master, 1 << 16)
                except OSError:  # the command has ended
                    raise SystemExit(f"the command ended: {self._rest[-500:]!r}") from None
                if ASKS_FOR_SYNC in self._rest:
                    self._rest = self._rest.replace(ASKS_FOR_SYNC, b"")
                    os.write(self.master, HAS_SYNC)
                *whole, self._rest = self._rest.split(FRAME_END)
                self.loaded = self.loaded or any(LOADED in frame for frame in whole)
                yield from whole

    def until(self, wanted: bytes, patience: float = PATIENCE) -> float:
        """Seconds until a frame contains this; all there are where none does."""
        began = time.perf_counter()
        for frame in self.frames(patience):
            if wanted in frame:
                return time.perf_counter() - began
        return patience

    def press(self, key: Key) -> tuple[float, float]:
        """Seconds until the answer, and of processor time meanwhile."""
        self.rest(PAUSE)
        before = self.cpu()
        os.write(self.master, key.sends)
        return self.until(key.shows), self.cpu() - before

    def rest(self, seconds: float) -> None:
        """Let frames come and go."""
        for _ in self.frames(seconds):
            pass

    def send(self, keys: bytes) -> None:
        """Press keys whose answer nobody waits for."""
        os.write(self.master, keys)
        self.rest(4 * PAUSE)

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
    """Every answer by what was going on and by key; what was asked for in one go has no part in the sum."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], list[tuple[float, float]]] = {}

    def add(self, phase: str, name: str, times: tuple[float, float]) -> None:
        self._times.setdefault((phase, name), []).append(times)

    def show(self) -> None:
        phases = list(dict.fromkeys(phase for phase, _ in self._times))
        for phase in phases:
            print(f"\n{phase + ', ms':<38}{'presses':>8}{'median':>9}{'95th':>9}{'worst':>9}{'cpu':>9}")
            rows = {name: times for (of, name), times in self._times.items() if of == phase}
            every = [times for name in rows for times in rows[name]]
            for name, times in [*rows.items(), ("all", every)]:
                waits = sorted(wait * 1000 for wait, _ in times)
                high = waits[min(len(waits) - 1, int(len(waits) * 0.95))]
                cpu = statistics.median(cpu * 1000 for _, cpu in times)
                figures = (statistics.median(waits), high, waits[-1], cpu)
                print(f"{name:<38}{len(times):>8}" + "".join(f"{figure:>9.1f}" for figure in figures))


def press_all(screen: Screen, table: Table, phase: str, keys: Sequence[Key]) -> None:
    """Every key once, from the first line on, where each of them changes something."""
    screen.send(b"g")
    for key in keys:
        table.add(phase, key.name, screen.press(key))


def measure(rows: int, width: int, height: int, rounds: int, table: Table) -> None:
    """One capture from the first row on the screen to the last search."""
    capture = prepare(rows)
    screen = Screen(capture, width, height)
    name = f"{rows / 1e6:g} million rows"
    try:
        print(f"{name}, {capture.stat().st_size / 1e6:,.0f} MB, {width}x{height}:", end=" ")
        print(f"first rows after {screen.until(CURSOR):.2f} s", flush=True)
        tell(f"{name}: keys while it loads")
        screen.rest(2.0)  # until there is something to move in
        while not screen.loaded and time.perf_counter() - screen.began < LOADING:
            press_all(screen, table, f"{name}, loading", (*MOVES, *TYPING))
        spent = time.perf_counter() - screen.began
        print(f"loaded after {spent:.1f} s, {screen.cpu():.1f} s of processor time", flush=True)
        tell(f"{name}: keys when it is loaded")
        for _ in range(rounds):
            press_all(screen, table, f"{name}, loaded", (*MOVES, *TYPING))
        tell(f"{name}: keys during a search that finds nothing")
        for keys in FIND_NOTHING:
            screen.send(keys)
        for _ in range(rounds // 4):
            press_all(screen, table, f"{name}, during a search", DURING)
        screen.send(ESCAPE)
        for what, keys, shows in FILTERS:
            tell(f"{name}: a filter {what}")
            for _ in range(rounds // 4):
                table.add(f"{name}, first matches of a filter", what, screen.press(Key("", keys, shows)))
                press_all(screen, table, f"{name}, while it is filtered", DURING)
                screen.send(ESCAPE)
    finally:
        screen.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", default="1000000,5000000")
    parser.add_argument("--size", default="200x50")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    table = Table()
    for rows in map(int, arguments.rows.split(",")):
        measure(rows, width, height, arguments.rounds, table)
    table.show()


if __name__ == "__main__":
    main()
