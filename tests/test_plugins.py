"""Plugins come in, are found, and cannot do harm; the tutorial and the examples do what they say."""

import csv
import inspect
import io
import itertools
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rtmpscope import plugins
from rtmpscope.limits import PLUGIN_CALL_SECONDS
from rtmpscope.model import C2S, S2C, Field, Severity
from rtmpscope.plugins import Registry, load, load_builtin
from tests.talk import KEY_FRAME, Talk

FOLDER = Path(__file__).parent.parent / "plugins"


@pytest.fixture(autouse=True)
def nobodys_plugins(monkeypatch, tmp_path):
    """Neither what is installed here nor what this user has; and none is slow for what else the machine does."""
    calls_take(0, monkeypatch)
    monkeypatch.setattr(plugins, "_entry_points", lambda: iter(()))
    monkeypatch.setattr(plugins, "_user_folder", lambda: tmp_path / "none")


def loaded(*paths: Path) -> Registry:
    registry = Registry()
    load_builtin(registry)
    load(registry, [str(path) for path in paths])
    return registry


def written(folder: Path, source: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(source)
    return path


def talk_with(folder: Path, source: str) -> Talk:
    return Talk(loaded(written(folder, source)))


def codes(event) -> list[str]:
    return [note.code for note in event.notes or ()]


# Annotators


def test_function_gives_notes(tmp_path):
    talk = talk_with(
        tmp_path,
        """
from rtmpscope.model import Note, Severity
def rule(message, body, connection):
    assert connection.server.port == 1935
    return [Note("seen", Severity.CHAT, body.get("name"))]
def register(registry):
    registry.annotator(rule, types=frozenset({20}))
""",
    )
    message = talk.command(C2S, "hello", 0)
    assert codes(message) == ["seen"]
    assert message.notes[0].text == "hello"
    assert codes(talk.control(C2S, 3, 1)) == []


def test_function_without_types_sees_everything(tmp_path):
    talk = talk_with(
        tmp_path,
        """
from rtmpscope.model import Note, Severity
def rule(message, body, connection):
    yield Note("seen", Severity.CHAT, "")
def register(registry):
    registry.annotator(rule)
""",
    )
    for type_id in (3, 9, 20, 77):
        assert "seen" in codes(talk.message(C2S, type_id, bytes(4), 1))


def test_class_has_one_instance_per_connection_and_sees_every_kind_of_event(tmp_path):
    talk = talk_with(
        tmp_path,
        """
from rtmpscope.model import Severity
class Watch:
    name = "watch"
    types = frozenset({20})
    def __init__(self, connection):
        self.seen = []
    def on_handshake(self, part):
        self.seen.append(part.part)
    def on_message(self, message, body):
        self.seen.append(message.number)
    def on_gap(self, gap):
        self.seen.append("gap")
    def on_end(self, end):
        end.note("over", Severity.CHAT, "")
def register(registry):
    registry.annotator(Watch)
""",
    )
    other = Talk(talk.registry)
    talk.part("C0", b"\x03")
    talk.control(C2S, 3, 1)
    talk.command(C2S, "hello", 0)
    talk.gap(C2S)
    talk.end()
    assert talk.connection.analysis["watch"].seen == ["C0", 2, "gap"]
    assert codes(talk.events[-1]).count("over") == 1
    assert other.connection.analysis["watch"].seen == []


def test_builtins_come_before_plugins_and_link_answers_for_them(tmp_path):
    talk = talk_with(
        tmp_path,
        """
from rtmpscope.model import Note, Severity
def rule(message, body, connection):
    if message.call is not None:
        yield Note("linked", Severity.CHAT, message.call.name)
def register(registry):
    registry.annotator(rule)
""",
    )
    talk.connect()
    assert "linked" in codes(talk.events[-1])


# Decoders


def test_decoder_of_a_command_renames_its_arguments():
    registry = Registry()
    load_builtin(registry)

    def decode(body: Field, payload: bytes) -> None:
        body.children[-1].children[0].name = "player"

    registry.decoder("setScore", decode)
    message = Talk(registry).command(C2S, "setScore", 0, None, "anna")
    assert message.body.child("arguments").get("player") == "anna"


def test_decoder_of_a_fourcc_adds_to_the_body():
    registry = Registry()
    load_builtin(registry)
    registry.decoder("hvc1", lambda body, payload: body.children.append(Field("extra", 1)))
    message = Talk(registry).message(C2S, 9, b"\x93hvc1" + bytes(20), 1)
    assert registry.decode(message).get("extra") == 1


def test_newest_decoder_of_a_type_wins_and_no_other_changes():
    registry = Registry()
    load_builtin(registry)
    registry.decoder(3, lambda payload, length: Field("first"))
    registry.decoder(3, lambda payload, length: Field("second", length))
    talk = Talk(registry)
    assert talk.control(C2S, 3, 1).body.name == "second"
    assert talk.control(C2S, 5, 1).body.name == "window_ack_size"
    assert talk.message(C2S, 77, b"x").body.name == "unknown"


# Failures

RAISES = """
def rule(message, body, connection):
    if body.get("name") == "bad":
        raise ValueError("on purpose")
def register(registry):
    registry.annotator(rule, types=frozenset({20}))
"""


def test_failure_is_noted_once_with_its_place_and_ends_the_plugin(tmp_path):
    talk = talk_with(tmp_path, RAISES)
    assert codes(talk.command(C2S, "good", 0)) == []
    failed = talk.command(C2S, "bad", 0)
    assert codes(failed) == ["plugin-failed"]
    assert failed.notes[0].severity == Severity.ERROR
    for words in ("mine", "ValueError: on purpose", "mine.py:4 in rule"):
        assert words in failed.notes[0].text
    assert codes(talk.command(C2S, "bad", 0)) == []
    assert [note.code for note in talk.registry.problems] == ["plugin-failed"]


def test_failure_leaves_builtins_and_other_plugins_alone(tmp_path):
    second = """
from rtmpscope.model import Note, Severity
def rule(message, body, connection):
    yield Note("seen", Severity.CHAT, "")
def register(registry):
    registry.annotator(rule, types=frozenset({20}))
"""
    talk = Talk(loaded(written(tmp_path, RAISES), written(tmp_path, second, "other.py")))
    assert codes(talk.command(C2S, "bad", 0)) == ["plugin-failed", "seen"]
    assert codes(talk.message(C2S, 20, b"\x99")) == ["amf-undecoded", "seen"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("def register(", "SyntaxError"),
        ("rule = 1", "it has no function register(registry)"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("def register(registry): raise SystemExit(3)", "SystemExit"),
    ],
)
def test_plugin_that_cannot_be_loaded_is_a_problem_and_no_more(tmp_path, source, words):
    registry = loaded(written(tmp_path, source))
    assert [note.code for note in registry.problems] == ["plugin-failed"]
    assert words in registry.problems[0].text
    assert Talk(registry).publish().verdict().reached == "publish"


@pytest.mark.parametrize(
    "body",
    [
        "def __init__(self, connection): raise ValueError",
        "def on_message(self, message, body): raise ValueError",
        "def on_message(self, message, body): return ['no note']",
        "def on_message(self, message, body):\n        yield 1",
        "def on_handshake(self, part): raise ValueError",
        "def on_gap(self, gap): raise RecursionError",
        "def on_end(self, end): raise SystemExit",
        "def on_end(self, end): raise KeyboardInterrupt",
        "def on_end(self, end): raise GeneratorExit",
        "def on_end(self): pass",
    ],
)
def test_class_may_fail_anywhere(tmp_path, body):
    talk = talk_with(tmp_path, f"class Bad:\n    {body}\ndef register(registry): registry.annotator(Bad)")
    talk.connect()
    talk.gap(C2S)
    talk.end()
    assert [note.code for note in talk.registry.problems] == ["plugin-failed"]


@pytest.mark.parametrize("result", ["1 / 0", "'no field'"])
def test_failing_decoder_leaves_the_builtin_one(tmp_path, result):
    talk = talk_with(
        tmp_path,
        f"""
def decode(payload, length):
    return {result}
def rename(body, payload):
    return {result}
def register(registry):
    registry.decoder(3, decode)
""",
    )
    message = talk.control(C2S, 3, 1)
    assert message.body.get("sequence_number") == 1
    assert codes(message) == ["plugin-failed"]


def test_failing_decoder_of_a_name_leaves_the_body_as_it_is(tmp_path):
    talk = talk_with(tmp_path, "def register(registry): registry.decoder('hello', lambda body, payload: 1 / 0)")
    message = talk.command(C2S, "hello", 0)
    assert message.body.get("name") == "hello"
    assert codes(message) == ["plugin-failed"]


def test_failing_exporter_is_cut_off(tmp_path):
    source = """
class Bad:
    def __init__(self, output): pass
    def event(self, event, connection): raise ValueError
    def finish(self): raise ValueError
def register(registry): registry.exporter("bad", Bad)
"""
    registry = loaded(written(tmp_path, source))
    sink = registry.exporters["bad"](io.StringIO())
    talk = Talk()
    message = talk.control(C2S, 3, 1)
    sink.event(message, talk.connection)
    sink.event(message, talk.connection)
    sink.finish()
    assert [note.code for note in registry.problems] == ["plugin-failed"]


def calls_take(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock that plugins are timed with."""
    monkeypatch.setattr(plugins, "perf_counter", itertools.count(0, seconds).__next__)


def test_slow_plugin_is_pointed_out_once_and_goes_on(tmp_path, monkeypatch):
    calls_take(1.01 * PLUGIN_CALL_SECONDS, monkeypatch)
    talk = talk_with(tmp_path, "def register(registry): registry.annotator(lambda m, b, c: None, types=frozenset({3}))")
    problems = [note.code for note in talk.registry.problems]
    talk.control(C2S, 3, 1)
    talk.control(C2S, 3, 2)
    assert problems == ["plugin-slow"]
    assert [note.code for note in talk.registry.problems] == ["plugin-slow"]


def test_plugin_that_does_not_come_back_is_named_once_while_it_is_at_work(tmp_path, monkeypatch):
    said: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(plugins, "say", said.put)
    monkeypatch.setattr(plugins, "PLUGIN_SILENT_SECONDS", 0.05)
    go_on = threading.Event()
    registry = Registry()
    stuck = threading.Thread(target=registry.register, args=("stuck", lambda: lambda registry: go_on.wait(60)))
    plugins._watch.cache_clear()  # one that looks as often as this test wants it
    stuck.start()
    assert said.get(timeout=60).startswith("plugin stuck has not come back for ")
    time.sleep(0.2)
    go_on.set()
    stuck.join()
    assert said.empty() and not plugins._under_way


def test_quick_plugin_is_not_called_slow(tmp_path, monkeypatch):
    calls_take(0.99 * PLUGIN_CALL_SECONDS, monkeypatch)
    talk = talk_with(tmp_path, "def register(registry): registry.annotator(lambda m, b, c: None)")
    talk.publish().end()
    assert talk.registry.problems == []


# Where they are found


def test_folder_is_loaded_in_the_order_of_names(tmp_path):
    for name in ("b", "a"):
        written(tmp_path, f"def register(registry): registry.exporter('{name}', print)", f"{name}.py")
    assert list(loaded(tmp_path).exporters) == ["a", "b"]


def test_users_folder_is_searched(tmp_path, monkeypatch):
    written(tmp_path, "def register(registry): registry.exporter('users', print)")
    monkeypatch.setattr(plugins, "_user_folder", lambda: tmp_path)
    assert list(loaded().exporters) == ["users"]


def test_missing_path_is_an_error_of_the_user(tmp_path):
    with pytest.raises(FileNotFoundError):
        loaded(tmp_path / "nothing.py")


def installed(folder: Path) -> Path:
    """A package with an entry point, as an installer leaves it; where it is described."""
    info = folder / "some_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rtmpscope]\nsome = some_plugin_module\n")
    (folder / "some_plugin_module.py").write_text("def register(registry): registry.exporter('some', print)")
    return info


@pytest.mark.parametrize(("inside", "found"), [(False, ["some"]), (True, [])])
def test_entry_points_are_those_of_installed_packages_and_never_of_the_working_directory(
    tmp_path, monkeypatch, inside, found
):
    monkeypatch.undo()
    monkeypatch.setattr(plugins, "_user_folder", lambda: tmp_path / "none")
    installed(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    if inside:
        monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "some_plugin_module", raising=False)
    assert [name for name in loaded().exporters if name == "some"] == found


def test_entry_points_are_found_in_an_archive_too(tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(plugins, "_user_folder", lambda: tmp_path / "none")
    folder = tmp_path / "packed"
    folder.mkdir()
    installed(folder)
    monkeypatch.syspath_prepend(shutil.make_archive(str(folder), "zip", folder))
    monkeypatch.delitem(sys.modules, "some_plugin_module", raising=False)
    assert "some" in loaded().exporters


@pytest.mark.parametrize("info", ["some_plugin-1.0.egg-info", "EGG-INFO"])
def test_entry_points_are_found_where_older_installers_put_them(tmp_path, monkeypatch, info):
    monkeypatch.undo()
    monkeypatch.setattr(plugins, "_user_folder", lambda: tmp_path / "none")
    folder = tmp_path / "some_plugin-1.0.egg"
    folder.mkdir()
    installed(folder).rename(folder / info)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "some_plugin_module", raising=False)
    assert "some" in loaded().exporters


def test_plugin_in_the_working_directory_is_not_loaded(tmp_path, monkeypatch):
    written(tmp_path, "def register(registry): registry.exporter('trap', print)", "plugin.py")
    monkeypatch.chdir(tmp_path)
    assert "trap" not in loaded().exporters


# The tutorial and the examples

README = (FOLDER / "README.md").read_text()
TUTORIAL = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)


def test_tutorial_names_every_hook():
    for_the_engine = {"decode", "annotators_for", "register"}
    public = {name for name, _ in inspect.getmembers(Registry, inspect.isfunction) if not name.startswith("_")}
    assert public - for_the_engine
    for hook in public - for_the_engine:
        assert f"registry.{hook}(" in README


def test_tutorial_does_what_it_says(tmp_path):
    files = [written(tmp_path, source, f"lesson_{count}.py") for count, source in enumerate(TUTORIAL)]
    registry = loaded(*files)
    talk = Talk(registry)
    talk.connect()
    talk.command(C2S, "createStream", 4, None)
    talk.wait(2)
    assert "slow-answer" in codes(talk.command(S2C, "_result", 4, None, 1.0))
    assert codes(talk.command(C2S, "publish", 0, None, "x", msid=1)) == []
    assert "published-again" in codes(talk.command(C2S, "publish", 0, None, "x", msid=1))
    assert talk.connection.analysis["publish_count"].count == 2
    score = talk.command(C2S, "setScore", 0, None, "anna", 3.0).body.child("arguments")
    assert (score.get("player"), score.get("points")) == ("anna", 3.0)
    assert talk.message(C2S, 7, b"\x05").body.get("kind") == 5
    output = io.StringIO()
    sink = registry.exporters["lengths"](output)
    sink.event(talk.control(C2S, 3, 1), talk.connection)
    sink.finish()
    assert output.getvalue() == "9 4\nend\n"
    assert registry.problems == []


def test_example_keyframe_size():
    talk = Talk(loaded(FOLDER / "keyframe_size.py")).publish()
    assert "large-keyframe" in codes(talk.message(C2S, 9, KEY_FRAME, 1, length=600_000))
    assert "large-keyframe" not in codes(talk.message(C2S, 9, KEY_FRAME, 1, length=400_000))
    assert talk.registry.problems == []


def test_example_chat_command():
    talk = Talk(loaded(FOLDER / "chat_command.py"))
    arguments = talk.command(C2S, "sendChatMessage", 0, None, "lobby", "anna", "hi").body.child("arguments")
    assert [field.name for field in arguments.children] == ["room", "user", "text"]


def test_example_csv_export():
    registry = loaded(FOLDER / "csv_export.py")
    output = io.StringIO()
    sink = registry.exporters["csv"](output)
    talk = Talk(registry)
    for event in (talk.part("C0", b"\x03"), talk.message(S2C, 9, KEY_FRAME, 1, 40)):
        sink.event(event, talk.connection)
    sink.finish()
    rows = list(csv.DictReader(io.StringIO(output.getvalue())))
    assert [(row["direction"], row["type"], row["timestamp"]) for row in rows] == [("s2c", "video", "40")]
    assert registry.problems == []


def test_builtins_register_through_the_same_door():
    registry = Registry()
    load_builtin(registry)
    talk = Talk(registry)
    names = {"transactions", "fingerprints", "conformance", "session", "flow_control", "media_timeline"}
    assert set(talk.connection.analysis) == names


def test_plugin_that_prints_does_not_get_into_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    registry = Registry()
    registry.register("chatty", lambda: lambda registry: print("hello"))
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "hello\n") and not registry.problems


@pytest.mark.parametrize(
    "change",
    ["notes = 'zz'", "notes.append('zz')", "connection = 999", "time_ns = 'now'", "type_id = None", "body = 5",
     "payload = ''", "number = -1", "__delattr__('packet')"],
)  # fmt: skip
def test_an_event_that_a_plugin_changes_stays_as_it_was(tmp_path, change):
    source = f"""
from rtmpscope.model import Severity
def rule(message, body, connection):
    message.note("first", Severity.CHAT, "before")
    message.{change}
def register(registry):
    registry.annotator(rule)
"""
    talk = talk_with(tmp_path, source)
    message = talk.command(C2S, "hello", 0)
    assert "plugin-failed" in codes(message)
    assert (message.connection, message.type_id, message.number) == (0, 20, 1) and message.payload
    assert message.body.get("name") == "hello" and isinstance(message.time_ns, int) and message.packet
    assert "plugin-failed" not in codes(talk.command(C2S, "next", 0))


def test_what_a_plugin_raises_names_no_secret(tmp_path):
    """Neither where it failed nor in the end, though it quotes all there is."""
    plugin = tmp_path / "quoting.py"
    plugin.write_text(
        """
def rule(message, body, connection):
    if body.get("name") == "publish":
        arguments = [one.value for one in body.child("arguments").children]
        raise ValueError(f"bad {arguments} in {message.payload} and {message.payload.hex()}")
def register(registry):
    registry.annotator(rule, types=frozenset({20}))
"""
    )
    capture = Path(__file__).parent.parent / "captures" / "nginx-publish-play.pcap"
    for command in ("print", "export", "stats"):
        arguments = [sys.executable, "-m", "rtmpscope", command, str(capture), "--plugin", str(plugin)]
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=capture.parent.parent)
        said = done.stdout + done.stderr
        assert "plugin quoting is switched off: ValueError: bad ['key#" in said
        assert "s3cr3t" not in said and b"s3cr3t".hex() not in said
