"""How long the screen takes to answer a key: from the keystroke to the last byte of the frame that shows it.

The command runs in a pseudo-terminal of its own, as a user's does, and this program plays the terminal: it says
that it knows synchronised output, so every frame comes between two marks, and takes the time of the first frame
after a key that shows what the key must change.  Frames come by themselves too, with rows that were loaded: a move
is answered when the line with the cursor on it reads otherwise than before.  Keys are pressed while a capture loads,
when it is loaded, and while it is searched and filtered from end to end.  Beside it stands the processor time that
the whole command took meanwhile, its loading thread included: that is what a busy machine does not distort.  Figures
are of one run; nothing here passes or fails.

    python -m bench.ui_latency [--rows 1000000,5000000] [--size 200x50] [--rounds 20]
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import statistics
import struct
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.processes import CACHE, ROOT, tell
from bench.workloads import Capture, Publisher
from rtmpscope.model import C2S, S2C
from tests import wire

ASKS_FOR_SYNC, HAS_SYNC = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
FRAME_END = b"\x1b[?2026l"
LOADED = b"loaded 100"
COLOURS = re.compile(rb"\x1b\[[0-9;]*m")
CURSOR = re.compile("▸(?: |◆)(?: |·|•|▲|✖) ([^\x1b\r\n]{1,36})".encode())  # and the columns that no width leaves out
ESCAPE = b"\x1b"
PATIENCE = 10.0  # seconds until a key counts as unanswered
PAUSE = 0.05  # seconds between two keys, as a quick hand makes them
QUIET = 0.2  # seconds in which the answer to a key that is not measured comes
LOADING = 300.0  # seconds until a capture that does not load is given up

FRAMES = 20_000  # audio frames from one problem of the capture to the next
BATCH = 1_000  # of them in one write
PROBLEM = b"BadName"
FIRST_PROBLEM = 3 * BATCH  # one comes early, so that there is one to go to while the capture loads


class Key(NamedTuple):
    """A key, the bytes it sends, whether it moves the cursor, and what else the frame that answers it shows."""

    name: str
    sends: bytes
    moves: bool = True
    shows: bytes = b""


def typed(name: str, sends: bytes, shows: bytes) -> Key:
    """A key that moves nothing."""
    return Key(name, sends, False, shows)


TWO_PLACES = rb"(?:[4-9]\d|\d{3}|\d,\d{3}),\d{3} messages"  # the title of a capture with 40,000, and 300 s, in it
STATUS = rb"row [\d,]+ of "
MOVES = (
    Key("next line", b"j"),
    Key("page down", b" "),
    Key("last line", b"G"),
    Key("previous line", b"k"),
    Key("half a page up", b"\x15"),
    Key("previous of the connection", b"["),
    Key("previous problem", b"N", shows=PROBLEM),
    Key("first line", b"g"),
    Key("next problem", b"n", shows=PROBLEM),
    typed("open the go-to line", b":", b"message number"),
    typed("type a message number", b"40,000", b"40,000"),
    Key("go to a number", b"\r"),
    typed("open the go-to line", b":", b"message number"),
    typed("type a time", b"300s", b"300s"),
    Key("go to a time", b"\r"),
)
TYPING = (
    typed("open the filter line", b"/", rb" / \x1b"),  # the prompt's sign; what follows it may be the filter in force
    *(typed("type in the filter line", bytes([letter]), bytes([letter])) for letter in b"ZQX"),
    typed("leave the filter line", ESCAPE, STATUS),
)
DURING = (Key("next line", b"j"), Key("page down", b" "), Key("last line", b"G"), Key("first line", b"g"), *TYPING)
FILTERS = (
    ("of columns", b'/rtmp.command.name == "onStatus"'),
    ("of columns, every row", b"/rtmp.type == audio"),
    ("of bodies, every row", b'/rtmp.audio.codec == "aac"'),
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
        self._clock = ~self.child << 3 | 2  # what clock_getcpuclockid() makes of a process: its threads, ended ones too
        self._rest = b""
        self.loaded = False
        self.cursor = b""  # what the line with the cursor on it reads

    def frames(self, seconds: float) -> Iterator[bytes]:
        """Whole frames as they come, for so long; those that came at once as one."""
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
                frame = FRAME_END.join(whole)
                self.loaded = self.loaded or LOADED in frame
                for line in CURSOR.finditer(COLOURS.sub(b"", frame)):
                    self.cursor = line[1]
                yield frame

    def until(self, key: Key, patience: float = PATIENCE) -> float:
        """Seconds until the key is answered; all there are where it is not."""
        began = time.perf_counter()
        before = self.cursor
        shown = not key.shows
        for frame in self.frames(patience):
            shown = shown or re.search(key.shows, frame) is not None
            if shown and (self.cursor != before or not key.moves):
                return time.perf_counter() - began
        return patience

    def press(self, key: Key) -> tuple[float, float]:
        """Seconds until the answer, and of processor time meanwhile."""
        self.rest(PAUSE)
        before = self.spent
        os.write(self.master, key.sends)
        wait = self.until(key)
        if wait == PATIENCE:
            tell(f"not answered: {key.name}")
        return wait, self.spent - before

    def rest(self, seconds: float) -> None:
        """Let frames come and go."""
        for _ in self.frames(seconds):
            pass

    def send(self, keys: bytes) -> None:
        """Press keys whose answer nobody waits for."""
        os.write(self.master, keys)
        self.rest(QUIET)

    def home(self) -> None:
        """To the first line, by way of the last, for a key that changes nothing has no answer to wait for."""
        for keys in (b"G", b"g"):
            os.write(self.master, keys)
            self.until(Key("", keys), 1.0)

    @property
    def spent(self) -> float:
        """Seconds of processor time so far."""
        return time.clock_gettime(self._clock)

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
    screen.home()
    for key in keys:
        table.add(phase, key.name, screen.press(key))


def measure(rows: int, width: int, height: int, rounds: int, table: Table) -> None:
    """One capture from the first row on the screen to the last search."""
    capture = prepare(rows)
    screen = Screen(capture, width, height)
    name = f"{rows / 1e6:g} million rows"
    try:
        print(f"{name}, {capture.stat().st_size / 1e6:,.0f} MB, {width}x{height}:", end=" ")
        print(f"first rows after {screen.until(Key('', b'')):.2f} s", flush=True)
        tell(f"{name}: keys while it loads")
        screen.until(typed("", b"", TWO_PLACES), LOADING)
        while not screen.loaded and time.perf_counter() - screen.began < LOADING:
            press_all(screen, table, f"{name}, loading", (*MOVES, *TYPING))
        wall = time.perf_counter() - screen.began
        print(f"loaded after {wall:.1f} s, {screen.spent:.1f} s of processor time", flush=True)
        tell(f"{name}: keys when it is loaded")
        for _ in range(rounds):
            press_all(screen, table, f"{name}, loaded", (*MOVES, *TYPING))
        tell(f"{name}: keys during a search that finds nothing")
        for keys in FIND_NOTHING:
            screen.send(keys)
        for _ in range(rounds // 4):
            press_all(screen, table, f"{name}, during a search", DURING)
        screen.send(ESCAPE)
        for what, keys in FILTERS:
            tell(f"{name}: a filter {what}")
            for _ in range(rounds // 4):
                screen.home()
                screen.send(keys)
                table.add(f"{name}, first matches of a filter", what, screen.press(Key(what, b"\r")))
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
