"""The command in a real terminal: what a person sees in tmux, what the terminal is left as, what reaches it at all."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import wire
from tests.patience import PATIENCE, wait_until

ROOT = Path(__file__).parent.parent
CAPTURE = ROOT / "captures" / "nginx-duplicate-publish.pcap"
INSTALLED = Path(sysconfig.get_path("scripts"), "rtmpscope")
ARGUMENTS = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "rtmpscope"]  # where it is not installed
COMMAND = shlex.join(ARGUMENTS)
KEY, MASK = "s3cr3t-key-42", "••••"  # the stream key in it, and what is shown in its place
HOSTILE = "\x1b]0;owned\x07\x9b31m[/foo][@click=app.bell]x[/]\u202eevil"

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A tmux session of its own with a shell in it."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self._run("new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(ROOT), "bash --norc")
        self.keys("PS1='ready> '", "Enter")
        self.wait("ready>")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout

    def keys(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def start(self, command: str, ready: str = "loaded 100 %") -> None:
        """Run the command until the capture is on the screen as a whole: keys may look for its last row."""
        self.keys(f"clear; {command}; echo code=$?", "Enter")
        self.wait("? help", ready)

    @property
    def text(self) -> str:
        return self._run("capture-pane", "-p")

    def wait(self, *words: str) -> str:
        """The screen as soon as it holds all these words."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = self.text
            if all(word in text for word in words):
                return text
            time.sleep(0.05)
        raise AssertionError(f"{words} did not appear in\n{self.text}")

    def wait_without(self, unwanted: str, *words: str) -> str:
        """The screen as soon as it holds all these words and no longer that one."""
        end = time.monotonic() + PATIENCE
        while unwanted in (text := self.wait(*words)):
            assert time.monotonic() < end, f"{unwanted} stays in\n{text}"
        return text

    def process(self) -> int:
        """The process in the foreground: the newest child of the shell."""
        shell = self._run("display-message", "-p", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[-1])

    def resize(self, width: int, height: int) -> None:
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def close(self) -> None:
        self._run("kill-server")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path, 100, 30)
    yield opened
    opened.close()


@needs_tmux
def test_the_command_opens_a_capture_and_the_rejected_publish_is_one_key_away(terminal: Terminal) -> None:
    terminal.start(f"{COMMAND} {CAPTURE}")
    assert "2 connections · 322 messages · 1 problem" in terminal.wait("loaded 100 %")
    terminal.keys("n")
    text = terminal.wait("▸ ✖", "the server reports an error")
    assert "onStatus" in text and "••••" in text
    terminal.keys("q")
    assert "rtmpscope" not in terminal.wait("code=0").replace(COMMAND, "")


@needs_tmux
def test_the_rows_that_a_filter_leaves_are_exported_and_escape_brings_the_others_back(
    terminal: Terminal, tmp_path: Path
) -> None:
    trace = tmp_path / "shown.jsonl"
    terminal.start(f"{COMMAND} {CAPTURE}")
    terminal.wait("connect(")
    terminal.keys("/")
    terminal.wait("a display filter, such as")
    terminal.keys("-l", 'rtmp.command.name == "publish"')
    terminal.keys("Enter")
    text = terminal.wait_without("connect(", "2 shown", "▸", "publish(")
    end = time.monotonic() + PATIENCE
    while text.count("publish(") < 2:  # the other summary is still being made
        assert time.monotonic() < end, text
        text = terminal.wait("2 shown", "▸", "publish(")
    terminal.keys("C-e")
    terminal.wait("a file for the JSON trace")
    terminal.keys("-l", str(trace))
    terminal.keys("Enter")
    terminal.wait("2 rows written to")
    records = map(json.loads, trace.read_text().splitlines())
    assert [record["body"]["name"] for record in records if record["record"] == "message"] == ["publish"] * 2
    terminal.keys("Escape")
    assert " shown" not in terminal.wait("? help", "row 17 of 338")
    terminal.keys("q")
    terminal.wait("code=0")


@needs_tmux
def test_stream_keys_are_dots_until_somebody_asks_for_them(terminal: Terminal) -> None:
    terminal.start(f"{COMMAND} {CAPTURE}")
    terminal.keys("n")
    text = terminal.wait("▸ ✖", MASK, "the server reports an error")
    assert KEY not in text
    terminal.keys("K")
    terminal.wait("keys are shown", KEY)
    terminal.keys("K")
    terminal.wait_without(KEY, "keys are masked", MASK)
    terminal.keys("q")
    terminal.wait("code=0")


@needs_tmux
@pytest.mark.parametrize(("number", "code"), [("INT", 130), ("TERM", 143), ("HUP", 129), ("QUIT", 131)])
def test_a_signal_leaves_the_terminal_as_it_was(terminal: Terminal, number: str, code: int) -> None:
    terminal.start(f"{COMMAND} {CAPTURE}")
    os.kill(terminal.process(), getattr(signal, f"SIG{number}"))
    assert "loaded" not in terminal.wait(f"code={code}")
    terminal.keys("stty -a | grep -o -- ' echo \\| icanon' | tr -d '\\n'; echo ' again'", "Enter")
    terminal.wait("icanon echo  again")


@needs_tmux
def test_ctrl_c_leaves_with_130(terminal: Terminal) -> None:
    terminal.start(f"{COMMAND} {CAPTURE}")
    terminal.keys("C-c")
    terminal.wait("code=130")


@needs_tmux
def test_ctrl_z_suspends_and_fg_comes_back(terminal: Terminal) -> None:
    terminal.start(f"{COMMAND} {CAPTURE}")
    terminal.keys("C-z")
    assert "loaded" not in terminal.wait("Stopped")
    terminal.keys("fg", "Enter")
    terminal.wait("? help", "connect(")
    terminal.keys("n")
    terminal.wait("▸ ✖")
    terminal.keys("q")
    terminal.wait("ready> ")


@needs_tmux
def test_a_capture_is_piped_in_while_keys_come_from_the_terminal(terminal: Terminal) -> None:
    terminal.start(f"cat {CAPTURE} | {COMMAND} -")
    assert "rtmpscope  standard input" in terminal.text and "322 messages" in terminal.text
    terminal.keys("n")
    terminal.wait("▸ ✖", "the server reports an error")
    terminal.keys("q")
    terminal.wait("code=0")


@needs_tmux
def test_standard_input_may_be_closed_where_no_capture_comes_from_it(terminal: Terminal) -> None:
    terminal.start(f"{COMMAND} {CAPTURE} <&-")
    terminal.keys("n")
    terminal.wait("▸ ✖", "the server reports an error")
    terminal.keys("q")
    terminal.wait("code=0")
    terminal.keys(f"clear; {COMMAND} - <&-; echo code=$?", "Enter")
    terminal.wait("standard input is closed", "code=2")


@needs_tmux
def test_the_mouse_selects_scrolls_and_tells_a_connection(terminal: Terminal) -> None:
    def mouse(*buttons: int, on: str) -> None:
        """At the line with these words, wherever the panes have put it."""
        line = next(at for at, text in enumerate(terminal.text.splitlines(), 1) if on in text)
        for button in buttons:
            terminal.keys("-l", f"\x1b[<{button};20;{line}M\x1b[<{button};20;{line}m")

    terminal.start(f"{COMMAND} {CAPTURE}")
    terminal.wait("connect(", "# 1 ")
    mouse(0, on="Handshake S2")
    assert "Handshake S2" in terminal.wait("row 5 of 338").partition("▸")[2].splitlines()[0]
    mouse(65, 65, 65, on="Handshake S2")
    terminal.wait_without("Handshake C0", "row 5 of 338")
    mouse(0, on="# 1 ")
    terminal.wait("connection 1  10.35.0.1:60722", "rejected by the server: NetStream.Publish.BadName, the stream")
    terminal.keys("q")
    terminal.wait("code=0")


@needs_tmux
def test_the_mouse_moves_a_border(terminal: Terminal) -> None:
    def borders() -> list[int]:
        return [at for at, text in enumerate(terminal.text.splitlines(), 1) if text == "─" * 100]

    terminal.start(f"{COMMAND} {CAPTURE}")
    terminal.wait("connect(", "# 1 ")
    above, below = borders()
    for button, line, end in ((0, below, "M"), (32, below - 2, "M"), (32, below - 6, "M"), (0, below - 6, "m")):
        terminal.keys("-l", f"\x1b[<{button};30;{line}{end}")
    wait_until(lambda: borders() == [above, below - 6])
    terminal.keys("q")
    terminal.wait("code=0")


@needs_tmux
def test_a_capture_that_was_cut_is_shown_and_then_named(terminal: Terminal, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(CAPTURE.read_bytes()[:50_000])
    terminal.start(f"{COMMAND} {cut}", ready="connect(")
    terminal.wait("connect(")
    terminal.keys("q")
    terminal.wait("cut.pcap", "code=2")


@needs_tmux
def test_a_terminal_without_utf8_gets_ascii(terminal: Terminal) -> None:
    terminal.keys(f"clear; LC_ALL=C {COMMAND} {CAPTURE}", "Enter")
    terminal.wait("loaded 100 %")
    for key in ("n", "v", "i"):
        terminal.keys(key)
        time.sleep(0.5)
        assert terminal.text.isascii()
    terminal.wait("X", "<==")
    terminal.keys("q")


@needs_tmux
@pytest.mark.parametrize("environment", ["NO_COLOR=1", "TERM=xterm COLORTERM=", "TERM=vt100", "TERM=dumb"])
def test_few_colours_or_none_still_read_well(terminal: Terminal, environment: str) -> None:
    terminal.start(f"{environment} {COMMAND} {CAPTURE}")
    terminal.keys("n")
    terminal.wait("▸ ✖", "✖ failed")
    coloured = terminal._run("capture-pane", "-p", "-e")
    assert "\x1b[38;2" not in coloured and "\x1b[48;2" not in coloured
    if environment.startswith("NO_COLOR"):
        assert "\x1b[3" not in coloured.replace("\x1b[3m", "").replace("\x1b[39m", "")
    terminal.keys("q")
    terminal.wait("code=0")


@needs_tmux
def test_resizing_the_terminal_keeps_the_place(terminal: Terminal) -> None:
    terminal.start(f"{COMMAND} {CAPTURE}")
    terminal.keys("n")
    terminal.wait("▸ ✖")
    for width, height in ((20, 5), (200, 50), (40, 10), (3, 2), (100, 30)):
        terminal.resize(width, height)
        time.sleep(0.2)
    terminal.wait("▸ ✖", "the server reports an error")
    terminal.keys("q")
    terminal.wait("code=0")


def test_what_is_typed_while_the_program_starts_is_not_lost() -> None:
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execv(ARGUMENTS[0], [*ARGUMENTS, str(CAPTURE)])
    read_until(master, b"\x1b[?1049h")
    os.write(master, b"/rtmp.type == audio\r")
    read_until(master, b" shown")
    os.write(master, b"\x03")
    assert exit_code(child) == 130
    os.close(master)


def test_a_hangup_of_the_terminal_ends_the_program() -> None:
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execv(ARGUMENTS[0], [*ARGUMENTS, str(CAPTURE)])
    read_until(master, b"help")
    os.close(master)
    assert exit_code(child) in (129, -signal.SIGHUP)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_program_though_its_terminal_takes_nothing_more(number: int, code: int) -> None:
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execv(ARGUMENTS[0], [*ARGUMENTS, str(CAPTURE)])
    read_until(master, b"loaded 100")
    end = time.monotonic() + PATIENCE
    while not is_full(child):  # nobody reads it from here on
        assert time.monotonic() < end
        os.write(master, b"\x0cGgv")
        time.sleep(0.05)
    os.kill(child, number)
    assert exit_code(child) == code
    os.close(master)


def exit_code(child: int) -> int | None:
    """None where the process does not end, and had to be killed."""
    end = time.monotonic() + PATIENCE
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.05)
    return os.waitstatus_to_exitcode(ended[1])


def is_full(child: int) -> bool:
    """Whether the terminal of the process takes no more."""
    terminal = os.open(f"/proc/{child}/fd/0", os.O_WRONLY | os.O_NOCTTY)
    try:
        return not select.select([], [terminal], [], 0)[1]
    finally:
        os.close(terminal)


def read_until(master: int, wanted: bytes, quiet: float = 0.0) -> bytes:
    """What the terminal gets, up to the wanted bytes and until nothing more has come for so many seconds."""
    got = b""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([master], [], [], quiet or 0.1)[0]:
            if wanted in got and quiet:
                return got
            continue
        got += os.read(master, 65_536)
        if wanted in got and not quiet:
            return got
    raise AssertionError(f"{wanted!r} did not come")


def hostile_capture() -> bytes:
    """A session in which every text that a peer can choose is an attack on the terminal."""
    c2s, s2c = wire.handshake()
    client, server = wire.ChunkWriter(), wire.ChunkWriter()
    say = wire.COMMAND_AMF0
    connect = {"app": HOSTILE, "tcUrl": f"rtmp://10.0.0.2/{HOSTILE}", HOSTILE: HOSTILE}
    status = {"level": "error", "code": HOSTILE, "description": HOSTILE}
    c2s += client.message(3, say, wire.command("connect", 1, connect))
    c2s += client.message(3, say, wire.command(HOSTILE, 2, None, HOSTILE))
    c2s += client.message(3, say, wire.command("publish", 3, None, HOSTILE, HOSTILE), msid=1)
    c2s += client.message(4, wire.DATA_AMF0, wire.amf0("@setDataFrame", HOSTILE, {HOSTILE: HOSTILE}), msid=1)
    s2c += server.message(3, say, wire.command("onStatus", 0, None, status), msid=1)
    return wire.pcap(wire.conversation(c2s, s2c))


def test_no_byte_of_a_hostile_capture_commands_the_terminal(tmp_path: Path) -> None:
    capture = tmp_path / f"hostile {HOSTILE.replace('/', '')}.pcap"
    capture.write_bytes(hostile_capture())
    child, master = pty.fork()
    if child == 0:
        os.environ.update({"LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "COLUMNS": "150", "LINES": "40"})
        os.chdir(ROOT)
        os.execv(ARGUMENTS[0], [*ARGUMENTS, "--no-redact", str(capture)])
    got = read_until(master, b"help", quiet=1.0)
    for keys in (b"\t", b"+", b"jjjj", b"\t", b"\x1b[Z\x1b[Z", b"n", b"v", b"i", b"is", b"q", b"/rtmp.command.name "):
        os.write(master, keys)
        got += read_until(master, b"", quiet=0.4)
    os.write(master, b"\x03")
    got += read_until(master, b"\x1b[?1049l")
    os.waitpid(child, 0)
    text = got.decode()
    assert "\\x1b]0;owned" in text
    assert "\x1b]0;" not in text and "\x9b" not in text and "\u202e" not in text
    assert "\x07" not in text.replace("\x1b]22;default\x07", "")  # Textual's own, which shapes the pointer
