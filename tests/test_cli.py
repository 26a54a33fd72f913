"""The command line as its users meet it: output, one line of error, exit codes, signals and closed pipes."""

from __future__ import annotations

import gzip
import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from rtmpscope import __version__, actions, cli
from rtmpscope.arguments import COMMANDS
from rtmpscope.outcome import Signalled
from tests import wire
from tests.patience import PATIENCE, wait_until
from tests.strict import check, parse

ROOT = Path(__file__).parent.parent
CAPTURES = ROOT / "captures"
CAPTURE = str(CAPTURES / "nginx-publish-play.pcap")
COMMAND = [sys.executable, "-m", "rtmpscope"]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "RTMPSCOPE_DEBUG")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def run(
    *arguments: str, stdin: bytes | None = None, cwd: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, cwd=cwd, env=environment(**more), timeout=PATIENCE
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def assert_one_line(text: str) -> None:
    """One line of error, of ours, without a traceback."""
    assert text.startswith("rtmpscope: ") and text.count("\n") == 1 and "Traceback" not in text, text


# --- what it prints


def test_version_says_whether_it_is_compiled() -> None:
    result = run("--version")
    assert result.returncode == 0
    assert result.stdout in (f"rtmpscope {__version__} (compiled)\n", f"rtmpscope {__version__} (pure Python)\n")


def test_help_names_every_command_and_option() -> None:
    result = run("--help")
    assert result.returncode == 0
    for word in (*COMMANDS, "CAPTURE", "-Y", "--no-redact", "--follow", "--rows"):
        assert word in result.stdout


def test_print_has_one_line_per_message() -> None:
    result = run("print", CAPTURE)
    assert result.returncode == 0 and result.stderr == ""
    assert "connect('live')" in result.stdout and "\x1b" not in result.stdout


def test_capture_without_a_command_prints_when_nobody_watches() -> None:
    assert run(CAPTURE, "--no-redact").stdout == run("print", CAPTURE, "--no-redact").stdout != ""


def test_export_is_strict_and_as_the_schema_says() -> None:
    result = run("export", CAPTURE)
    records = [parse(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0
    assert records[0]["captures"] == [{"path": CAPTURE, "format": "pcap"}] and records[0]["filter"] is None
    for record in (*records[:30], records[-1]):
        check(record)


def test_json_format_is_one_array_of_the_same_records() -> None:
    lines = [json.loads(line) for line in run("export", CAPTURE, "--no-redact").stdout.splitlines()]
    assert json.loads(run("export", CAPTURE, "--no-redact", "--format", "json").stdout) == lines


def test_export_writes_a_file(tmp_path: Path) -> None:
    target = tmp_path / "trace.jsonl"
    result = run("export", CAPTURE, "-o", str(target), "--payload")
    assert result.returncode == 0 and result.stdout == ""
    assert all(
        "payload" in json.loads(line) for line in target.read_text().splitlines() if '"record":"message"' in line
    )


def test_stats_are_readable_and_for_programs() -> None:
    result = run("stats", CAPTURE)
    assert result.returncode == 0 and "connection 0" in result.stdout and "h264" in result.stdout
    record = parse(run("stats", CAPTURE, "--json").stdout)
    check(record)
    assert record["record"] == "summary"


def test_fields_lists_names_types_and_meanings() -> None:
    result = run("fields")
    assert result.returncode == 0
    assert any(line.split()[:2] == ["rtmp.timestamp", "integer"] for line in result.stdout.splitlines())
    assert "rtmpt.header.typeid" in result.stdout


def test_extract_writes_flv_files(tmp_path: Path) -> None:
    result = run("extract", CAPTURE, "-o", str(tmp_path / "media"))
    assert result.returncode == 0
    files = sorted((tmp_path / "media").iterdir())
    assert files and all(file.read_bytes()[:4] == b"FLV\x01" for file in files)


def test_extract_writes_elementary_streams_on_request(tmp_path: Path) -> None:
    result = run("extract", CAPTURE, "-o", str(tmp_path / "media"), "--elementary")
    assert result.returncode == 0
    assert {file.suffix for file in (tmp_path / "media").iterdir()} == {".h264", ".aac"}


def test_filter_chooses_records_and_stands_in_the_header() -> None:
    result = run("export", CAPTURE, "-Y", "rtmp.type == set_chunk_size")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert records[0]["filter"] == "rtmp.type == set_chunk_size"
    assert {record["type"] for record in records if record["record"] == "message"} == {"set_chunk_size"}
    assert not any(record["record"] in ("handshake", "end") for record in records)


def test_filter_counts_in_stats() -> None:
    record = parse(run("stats", CAPTURE, "--json", "-Y", "rtmp.type == video").stdout)
    check(record)
    counts = [each["messages"] for each in record["connections"]]
    assert counts and all(set(types) <= {"9"} for each in counts for types in each.values())


def test_several_captures_are_one() -> None:
    one = run("print", CAPTURE, "-Y", "rtmp.type == command_amf0").stdout.count("\n")
    other = str(CAPTURES / "ipv6.pcap")
    two = run("print", other, "-Y", "rtmp.type == command_amf0").stdout.count("\n")
    both = run("print", CAPTURE, other, "-Y", "rtmp.type == command_amf0").stdout
    assert both.count("\n") == one + two


@pytest.mark.parametrize("command", [["print"], ["export"], []])
def test_followed_capture_is_shown_as_it_grows_and_a_signal_ends_that(command: list[str], tmp_path: Path) -> None:
    data = Path(CAPTURE).read_bytes()
    growing = tmp_path / "growing.pcap"
    growing.write_bytes(data[:40_001])
    process = subprocess.Popen(
        [*COMMAND, *command, str(growing), "--follow"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    shown = process.stdout.readline()
    with growing.open("ab") as more:
        more.write(data[40_001:])
    process.send_signal(signal.SIGINT)
    shown += process.stdout.read()
    assert (process.wait(PATIENCE), process.stderr.read()) == (128 + signal.SIGINT, b"")
    assert shown.count(b"\n") == run(*command, CAPTURE).stdout.count("\n")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("grows", [True, False])
def test_followed_capture_that_is_not_written_yet_is_waited_for(grows: bool, there: bool, tmp_path: Path) -> None:
    growing = tmp_path / "growing.pcap"
    if there:
        growing.touch()
    with subprocess.Popen(
        [*COMMAND, "print", str(growing), "--follow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stderr.readline().decode() == f"rtmpscope: waiting for {growing} to be written\n"
        if grows:
            growing.write_bytes(Path(CAPTURE).read_bytes())
            assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert (process.wait(PATIENCE), process.stderr.read()) == (128 + signal.SIGINT, b"")


def test_ctrl_c_ends_a_plugin_that_never_returns_and_names_it(tmp_path: Path) -> None:
    plugin = tmp_path / "stuck.py"
    plugin.write_text("""
import sys, time
def register(registry):
    time.sleep(0.5)  # from a quarter of a second on it is named
    print("here", file=sys.stderr, flush=True)
    time.sleep(600)
""")
    command = [*COMMAND, "print", CAPTURE, "--plugin", str(plugin)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"here\n"
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        assert process.wait(PATIENCE) == 128 + signal.SIGINT
    assert said.splitlines()[-1].startswith("rtmpscope: plugin stuck had not come back for ")


def test_plugin_that_raises_what_ctrl_c_raises_is_switched_off(tmp_path: Path) -> None:
    plugin = tmp_path / "rude.py"
    plugin.write_text("def register(registry): raise KeyboardInterrupt")
    done = run("print", CAPTURE, "--plugin", str(plugin))
    assert done.returncode == 0 and "connect('live')" in done.stdout and "plugin rude is switched off" in done.stderr


def test_second_signal_does_not_wait_for_what_has_come() -> None:
    stopped: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        actions._on_signals(stopped.append)
        signal.raise_signal(signal.SIGTERM)
        assert stopped == [signal.SIGTERM]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stopped == [signal.SIGTERM]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture
def asks_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module to be imported, during which a signal asks the program to end."""
    (tmp_path / "asks_to_end.py").write_text(
        "import os, signal, time\nbegun = os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(0.3)\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.signal(signal.SIGTERM, cli._end)
    yield "asks_to_end"
    signal.signal(signal.SIGTERM, before)
    sys.modules.pop("asks_to_end", None)


def test_signal_lets_an_import_end_first(asks_to_end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_delays", iter(range(10_000)))
    with pytest.raises(Signalled):
        import_module(asks_to_end)
        time.sleep(PATIENCE)
    assert sys.modules[asks_to_end].whole


def test_signal_does_not_wait_for_an_import_that_never_ends(asks_to_end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_delays", iter(range(2)))
    with pytest.raises(Signalled):
        import_module(asks_to_end)
    assert asks_to_end not in sys.modules


def test_followed_capture_in_a_folder_that_does_not_exist_is_a_mistake(tmp_path: Path) -> None:
    done = run("print", str(tmp_path / "missing" / "a.pcap"), "--follow")
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert done.stderr.endswith("a.pcap: there is no such file\n")


def test_port_option_names_connections_that_carry_nothing_readable() -> None:
    capture = str(CAPTURES / "rtmps-tls13.pcap")
    assert "connection 0" in run("stats", capture, "-d", "443", "-d", "1936").stdout


def test_standard_input_and_packed_files_are_read() -> None:
    data = Path(CAPTURE).read_bytes()
    expected = run("print", CAPTURE).stdout.count("\n")
    assert run("print", "-", stdin=data).stdout.count("\n") == expected
    assert run("print", "-", stdin=gzip.compress(data)).stdout.count("\n") == expected


@pytest.mark.parametrize("command", ["print", "stats"])
def test_colour_is_never_always_or_for_terminals(command: str) -> None:
    assert "\x1b[" in run(command, CAPTURE, "--color", "always").stdout
    assert "\x1b[" not in run(command, CAPTURE, "--color", "never").stdout
    assert "\x1b[" not in run(command, CAPTURE).stdout


# --- secrets


def test_secrets_are_redacted_unless_asked_for() -> None:
    capture = str(CAPTURES / "nginx-token.pcap")
    plain = run("export", capture, "--no-redact")
    published = [
        record["body"]["arguments"][0]
        for record in map(json.loads, plain.stdout.splitlines())
        if record.get("body", {}).get("name") in ("publish", "play")
    ]
    assert published and json.loads(plain.stdout.splitlines()[0])["redacted"] is False
    names = {part for name in published for part in name.replace("?", "&").split("&")}
    secrets = {part.partition("=")[2] or part for part in names} - {"live"}
    for arguments in (
        ["export", capture, "--payload"],
        ["print", capture],
        ["stats", capture],
        ["stats", capture, "--json"],
    ):
        shown = run(*arguments).stdout
        for secret in secrets:
            assert secret not in shown, (arguments, secret)
            assert secret.encode().hex() not in shown, (arguments, secret)


def test_filter_in_the_header_is_redacted() -> None:
    shown = run("export", CAPTURE, "-Y", 'rtmp.command.arguments.stream_name == "sk-secret"').stdout
    assert "sk-secret" not in shown


# --- what goes wrong


def test_no_arguments_say_what_to_do() -> None:
    result = run()
    assert result.returncode == 2 and "name a capture" in result.stderr
    assert_one_line(result.stderr)


@pytest.mark.parametrize(
    "arguments", [("print",), ("export", CAPTURE, "--nonsense"), ("extract", CAPTURE), ("print", CAPTURE, "-d", "0")]
)
def test_bad_usage_is_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 2 and result.stderr.count("\n") == 1 and result.stderr.endswith("--help says more\n")


def test_plugin_that_is_not_there_is_bad_usage() -> None:
    result = run("print", CAPTURE, "--plugin", "missing.py")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--plugin: there is no file or folder 'missing.py'" in result.stderr and result.stderr.count("\n") == 1


def test_bad_filter_is_2_and_shown_with_a_mark() -> None:
    result = run("print", CAPTURE, "-Y", "rtmp.tpye == video")
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr == (
        "rtmpscope: bad filter: there is no field rtmp.tpye; did you mean rtmp.type?\nrtmp.tpye == video\n^~~~~~~~~\n"
    )


def test_missing_empty_and_other_files_are_2_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("dear diary\n" * 50)
    for name, words in (
        ("missing.pcap", "no such file"),
        ("empty.pcap", "is empty"),
        ("notes.txt", "looks like text"),
        (".", "directory"),
    ):
        for command in ("print", "export", "stats"):
            result = run(command, str(tmp_path / name))
            assert result.returncode == 2 and words in result.stderr and result.stdout == ""
            assert_one_line(result.stderr)


@pytest.mark.parametrize("name", ["nginx-wrong-app.pcap", "not-rtmp.toml"])
def test_nothing_stays_open_that_python_would_warn_of(name: str, tmp_path: Path) -> None:
    strict = [sys.executable, "-X", "dev", "-W", "error", "-m", "rtmpscope"]
    capture = str(CAPTURES / name)
    for command in (["stats"], ["export", "-o", str(tmp_path / "trace.jsonl")]):
        result = subprocess.run([*strict, *command, capture], capture_output=True, env=environment(), timeout=PATIENCE)
        assert b"Warning" not in result.stderr


def test_cut_capture_gives_everything_before_the_cut_and_2(tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(Path(CAPTURE).read_bytes()[:100_003])
    result = run("export", str(cut))
    assert result.returncode == 2
    assert_one_line(result.stderr)
    assert "truncated at byte" in result.stderr
    records = [parse(line) for line in result.stdout.splitlines()]
    check(records[-1])
    assert records[-1]["captures"][0]["outcome"] == "truncated"
    assert sum(record["record"] == "message" for record in records) > 100


def test_corrupt_capture_gives_everything_before_the_fault_and_2(tmp_path: Path) -> None:
    data = Path(CAPTURE).read_bytes()
    cut = tmp_path / "corrupt.pcap"
    cut.write_bytes(data[:24] + data[24:40] + data[40:94] + b"\xff" * 400)
    result = run("print", str(cut))
    assert result.returncode == 2 and "corrupt" in result.stderr
    assert_one_line(result.stderr)


def test_capture_without_rtmp_says_what_to_try(tmp_path: Path) -> None:
    data = Path(CAPTURE).read_bytes()
    alone = tmp_path / "nothing.pcap"
    alone.write_bytes(data[:24])
    result = run("print", str(alone))
    assert result.returncode == 0 and "-d PORT" in result.stderr
    assert run("print", str(alone), "-q").stderr == ""


def test_output_that_cannot_be_written_is_1(tmp_path: Path) -> None:
    result = run("export", CAPTURE, "-o", str(tmp_path / "missing" / "trace"))
    assert result.returncode == 1
    assert_one_line(result.stderr)


def test_capture_is_not_overwritten_by_its_own_trace(tmp_path: Path) -> None:
    capture = tmp_path / "a.pcap"
    shutil.copy(CAPTURE, capture)
    result = run("export", str(capture), "-o", str(capture))
    assert result.returncode == 2 and capture.read_bytes() == Path(CAPTURE).read_bytes()
    assert_one_line(result.stderr)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is needed")
@pytest.mark.parametrize("command", ["print", "export", "stats", "fields", "interfaces"])
def test_full_disk_behind_standard_output_is_1(command: str) -> None:
    arguments = [] if command in ("fields", "interfaces") else [CAPTURE]
    with open("/dev/full", "w") as full:
        result = subprocess.run([*COMMAND, command, *arguments], stdout=full, stderr=subprocess.PIPE, env=environment())
    assert result.returncode == 1
    assert_one_line(result.stderr.decode())
    assert result.stderr.startswith(b"rtmpscope: cannot write standard output: the disk is full: make room")


@pytest.mark.parametrize("command", ["print", "export"])
def test_closed_pipe_ends_quietly(command: str) -> None:
    process = subprocess.Popen(
        [*COMMAND, command, CAPTURE],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), pipesize=4096,  # less than it has to say
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(PATIENCE) == 128 + 13


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_with_128_and_leaves_the_old_file(number: int, tmp_path: Path) -> None:
    target = tmp_path / "trace"
    target.write_text("old")
    process = subprocess.Popen(
        [*COMMAND, "export", "-", "-o", str(target)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert process.stdin is not None and process.stderr is not None
    process.stdin.write(Path(CAPTURE).read_bytes()[:200_000])
    process.stdin.flush()
    wait_until(lambda: len(os.listdir(tmp_path)) == 2)
    process.send_signal(number)
    assert process.wait(PATIENCE) == 128 + number
    assert process.stderr.read() == b""
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["trace"]


def test_nohup_is_respected() -> None:
    with subprocess.Popen(
        ["nohup", *COMMAND, "print", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment(),
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        data = Path(CAPTURE).read_bytes()
        process.stdin.write(data[:200_000])
        process.stdin.flush()
        assert process.stdout.readline()  # so it is there, and has seen to its signals
        process.send_signal(signal.SIGHUP)
        process.communicate(data[200_000:])
        assert process.returncode == 0


def test_plugin_is_loaded_and_its_failure_is_one_line(tmp_path: Path) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text("def register(registry):\n    raise ValueError('on purpose')\n")
    result = run("print", CAPTURE, "--plugin", str(plugin))
    assert result.returncode == 0 and "connect('live')" in result.stdout
    assert "broken" in result.stderr
    assert_one_line(result.stderr)


@pytest.mark.parametrize("command", [["export", "{}", "-o", "{}"], ["sanitize", "{}", "{}"]])
def test_capture_is_not_overwritten_by_what_is_made_of_it(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "only.pcap"
    path.write_bytes(Path(CAPTURE).read_bytes())
    result = run(*[word.format(path) for word in command])
    assert result.returncode == 2 and "is the capture itself" in result.stderr
    assert "with -o" not in result.stderr  # sanitize has no such option
    assert path.read_bytes() == Path(CAPTURE).read_bytes()


def test_exporter_of_a_plugin_is_a_format_and_sees_no_secrets(tmp_path: Path) -> None:
    plugin = tmp_path / "names.py"
    plugin.write_text(
        "class Names:\n"
        "    def __init__(self, output):\n        self.output = output\n"
        "    def event(self, event, connection):\n"
        "        if getattr(event, 'body', None) is not None and event.body.name == 'command':\n"
        "            print(event.body, event.payload, file=self.output)\n"
        "    def finish(self):\n        print('done', file=self.output)\n"
        "def register(registry):\n    registry.exporter('names', Names)\n"
    )
    arguments = ("export", str(CAPTURES / "nginx-token.pcap"), "--plugin", str(plugin), "--format", "names")
    plain, shown = run(*arguments, "--no-redact").stdout, run(*arguments).stdout
    assert plain.endswith("done\n") and shown.endswith("done\n")
    assert "key#" in shown and "key#" not in plain
    unknown = run("export", CAPTURE, "--format", "xml")
    assert unknown.returncode == 2 and "jsonl, json" in unknown.stderr


def test_mistake_of_ours_is_one_line_without_what_the_capture_said(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from rtmpscope.pipeline import Run\n"
        "def fail(*arguments):\n    raise RuntimeError('sk-secret')\n"
        "Run.describe = fail\n"
    )
    result = run("print", CAPTURE, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert result.returncode == 1 and "internal error, RuntimeError" in result.stderr
    assert "sk-secret" not in result.stderr
    assert_one_line(result.stderr)
    shown = run("print", CAPTURE, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}", RTMPSCOPE_DEBUG="1")
    assert "Traceback" in shown.stderr


def test_misspelt_command_is_named(tmp_path: Path) -> None:
    result = run("prnt", CAPTURE, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "rtmpscope: prnt is neither a file nor a command: did you mean print?\n"
    (tmp_path / "prnt").write_bytes(Path(CAPTURE).read_bytes())
    assert run("prnt", cwd=tmp_path).returncode == 0
    assert "prnt.pcap: there is no such file" in run("prnt.pcap", cwd=tmp_path).stderr


def test_capture_called_like_a_command_is_written_with_its_folder(tmp_path: Path) -> None:
    shutil.copy(CAPTURE, tmp_path / "stats")
    assert "connect('live')" in run("./stats", cwd=tmp_path).stdout


# --- terminals


def on_terminal(*arguments: str) -> tuple[str, int]:
    """What a terminal gets, and the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(environment(TERM="xterm-256color", COLUMNS="120", LINES="40"))
        os.execv(sys.executable, [*COMMAND, *arguments])
    shown = b""
    while select.select([terminal], [], [], PATIENCE)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return shown.decode(errors="replace"), os.waitstatus_to_exitcode(status)


def test_terminal_gets_colour_and_no_color_is_heeded() -> None:
    shown, code = on_terminal("print", CAPTURE, "-Y", "rtmp.type == command_amf0")
    assert code == 0 and "\x1b[36m" in shown


def test_progress_is_for_terminals_and_leaves_no_trace(tmp_path: Path) -> None:
    target = tmp_path / "trace"
    shown, code = on_terminal("export", CAPTURE, "-o", str(target))
    assert code == 0 and "records" in shown and shown.endswith("\r\x1b[K")
    quiet, _ = on_terminal("export", CAPTURE, "-o", str(target), "-q")
    assert quiet == ""


# --- live


def can_capture() -> bool:
    """Whether this machine lets us capture on its loopback interface."""
    done = run("live", "-i", "lo", "--print", "-q", "-a", "duration:0.1")
    return done.returncode == 0


@pytest.fixture(scope="module")
def loopback() -> None:
    if not can_capture():
        pytest.skip("only root may capture on the loopback interface here")


def talk() -> None:
    """A publisher and a server on loopback, as far as the publish command."""
    to_server, to_client = wire.handshake()
    writer = wire.ChunkWriter(128)
    commands = writer.message(3, 20, wire.command("connect", 1, {"app": "live"}))
    commands += writer.message(3, 20, wire.command("publish", 5, None, "sk-live-secret", "live"), msid=1)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        peer, _ = server.accept()
        with peer:
            client.sendall(to_server[:1537])
            peer.recv(1537, socket.MSG_WAITALL)
            peer.sendall(to_client)
            client.recv(3073, socket.MSG_WAITALL)
            client.sendall(to_server[1537:])
            client.sendall(commands)
            peer.recv(1536 + len(commands), socket.MSG_WAITALL)


def test_live_capture_prints_as_it_goes_and_ends_on_a_signal(loopback: None, tmp_path: Path) -> None:
    saved = tmp_path / "saved.pcapng"
    process = subprocess.Popen(
        [*COMMAND, "live", "-i", "lo", "--print", "-w", str(saved), "-a", f"duration:{PATIENCE}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    wait_until(saved.exists)
    talk()
    shown = b""
    while b"publish(" not in shown:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        shown += line
    process.send_signal(signal.SIGINT)
    shown += process.stdout.read()
    assert process.wait(PATIENCE) == 128 + signal.SIGINT
    assert b"sk-live-secret" not in shown and b"publish('key#" in shown
    assert "publish(" in run("print", str(saved)).stdout


def test_live_trace_is_whole_when_its_time_is_over(loopback: None, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    result = run("live", "-i", "lo", "--export", str(trace), "-a", "duration:0.5")
    assert result.returncode == 0 and "have passed" in result.stderr
    records = [parse(line) for line in trace.read_text().splitlines()]
    assert records[0]["record"] == "header" and records[-1]["record"] == "summary"
    check(records[-1])


@contextmanager
def exporting_live() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A live capture of loopback that hands on its trace, and the process id of its helper."""
    with subprocess.Popen(
        [*COMMAND, "live", "-i", "lo", "--export", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    ) as process:  # fmt: skip
        assert process.stdout is not None

        def begun() -> bool:
            talk()  # a trace begins with the first packet
            return bool(select.select([process.stdout], [], [], 0.2)[0])

        wait_until(begun)
        assert b'"header"' in process.stdout.readline()
        yield process, int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())


def test_live_capture_whose_helper_is_killed_is_1_and_its_trace_is_whole(loopback: None) -> None:
    with exporting_live() as (process, helper):
        os.kill(helper, signal.SIGKILL)
        assert process.stdout is not None and process.stderr is not None
        check(parse(process.stdout.read().splitlines()[-1].decode()))
        assert process.wait(PATIENCE) == 1
        assert process.stderr.read().decode().splitlines()[-1].endswith("was killed by signal 9")


def test_live_trace_that_nobody_reads_any_more_ends_quietly_and_so_does_the_helper(loopback: None) -> None:
    with exporting_live() as (process, helper):
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()

        def over() -> bool:
            talk()
            return process.poll() is not None

        wait_until(over)
        assert (process.wait(PATIENCE), process.stderr.read()) == (128 + signal.SIGPIPE, b"")
        assert not Path(f"/proc/{helper}").exists()


def test_interface_that_is_not_there_is_1_in_one_line() -> None:
    result = run("live", "-i", "no-such-interface", "--print")
    assert result.returncode == 1
    assert_one_line(result.stderr)


@pytest.mark.parametrize(
    "options",
    [("-b", "files:3"), ("-b", "filesize:9", "-a", "filesize:9"), ("-b", "filesize:0.5"), ("-a", "filesize:inf"),
     ("-a", "duration:inf"), ("-a", "duration:nan"), ("-c", "-3")],
)  # fmt: skip
def test_limits_that_mean_nothing_are_bad_usage(options: tuple[str, ...]) -> None:
    result = run("live", "-i", "lo", "--print", *options)
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("",), ("print", ""), ("print", CAPTURE, "--plugin", ""), ("export", CAPTURE, "-o", ""),
        ("extract", CAPTURE, "-o", ""), ("sanitize", CAPTURE, ""), ("live", "-i", "lo", "-w", ""),
    ],
)  # fmt: skip
def test_empty_name_is_bad_usage(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 2 and "invalid name value: ''" in result.stderr
    assert result.stderr.count("\n") == 1


def test_packets_and_trace_do_not_go_into_one_file(tmp_path: Path) -> None:
    both = str(tmp_path / "both")
    result = run("live", "-i", "lo", "-w", both, "--export", f"{tmp_path}/./both", "-a", "duration:1")
    assert result.returncode == 2 and "the same file" in result.stderr and not os.path.exists(both)


def test_capture_that_is_missing_among_others_is_named_once(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pcap")
    result = run("print", CAPTURE, missing, "-q", "-Y", "rtmp.number == 1")
    assert (result.returncode, result.stderr) == (2, f"rtmpscope: {missing}: there is no such file\n")
    assert "connect('live')" in result.stdout


@pytest.mark.parametrize("limit", ["duration", "duration:x", "duration:-1", "hours:3"])
def test_wrong_limit_is_bad_usage(limit: str) -> None:
    result = run("live", "-i", "lo", "-a", limit)
    assert result.returncode == 2 and "duration:NUMBER or filesize:NUMBER" in result.stderr


def test_interfaces_lists_what_there_is() -> None:
    result = run("interfaces")
    assert result.returncode == 0 and any(line.startswith("lo ") for line in result.stdout.splitlines())


# --- speed of what people wait for


def test_version_and_help_import_next_to_nothing() -> None:
    code = (
        "import sys; sys.argv = ['rtmpscope', '--version']\n"
        "from rtmpscope.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = sorted(name for name in sys.modules if name.startswith('rtmpscope.'))\n"
        "print(heavy, file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert result.stderr.strip() == "['rtmpscope.arguments', 'rtmpscope.cli', 'rtmpscope.outcome', 'rtmpscope.text']"


@pytest.mark.parametrize("command", ["print", "stats", "export"])
def test_closed_standard_output_is_no_mistake_of_ours(command: str) -> None:
    shell = ["sh", "-c", 'exec "$@" >&-', "sh"]
    capture = str(CAPTURES / "not-rtmp.pcap")
    done = subprocess.run([*shell, *COMMAND, command, capture], capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stderr) == (0, "")


def test_what_closed_standard_error_would_get_does_not_get_into_the_output(tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(Path(CAPTURE).read_bytes()[:100_003])
    arguments = ("print", "--no-redact", str(cut))
    shell = ["sh", "-c", 'exec "$@" 2>&-', "sh"]
    done = subprocess.run([*shell, *COMMAND, *arguments], capture_output=True, text=True, env=environment())
    listened = run(*arguments)
    assert listened.stderr and done.stdout == listened.stdout
