"""A plugin's exporter cannot print a secret by accident, however it came to be kept on the connection."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import NamedTuple

import pytest

from rtmpscope.export.veil import Veil, veiled
from rtmpscope.redact import Redactor

CAPTURE = Path(__file__).parent.parent / "captures" / "nginx-token.pcap"
KEY = "s3cr3t-key-42"

# A rule that keeps all it is shown, and a format that writes all it can reach.
PLUGIN = """
class Hoard:
    name = "hoard"
    def __init__(self, connection):
        self.messages, self.texts, self.by_text = [], [], {}
    def on_message(self, message, body):
        self.messages.append((message, body))
        if body is not None:
            for text in texts(body):
                self.texts.append(text)
                self.by_text[text] = text.encode()
    def newest(self, count=1):
        return self.texts[-count:]

def texts(field):
    if isinstance(field.value, str):
        yield field.value
    for child in field.children:
        yield from texts(child)

def everything(thing, depth=0):
    yield repr(thing)
    yield str(thing)
    if isinstance(thing, (str, bytes, int, float)) or thing is None or depth > 5:
        return
    if isinstance(thing, dict):
        thing = list(thing.items())
    try:
        items = list(thing)
    except TypeError:
        items = []
    for name in NAMES:
        try:
            items.append(getattr(thing, name))
        except (AttributeError, TypeError):
            pass
    for item in items:
        yield from everything(item, depth + 1)

NAMES = ("messages", "texts", "by_text", "body", "payload", "value", "children", "name", "call", "prefix", "text",
         "_wish", "_reason", "app", "streams", "promised", "facts", "_facts", "_unasked", "_pending")

class Everything:
    def __init__(self, output):
        self.output = output
        self.connections = {}
    def event(self, event, connection):
        assert connection.id == event.connection
        self.connections[connection] = connection.client.port
        self.output.write(repr(getattr(event, "payload", b"")[:4096] if event.notes else "") + "\\n")
    def finish(self):
        for connection in self.connections:
            for name, found in connection.analysis.items():
                self.output.write(f"{name} {found.verdict().text if name == 'session' else ''}\\n")
                for text in everything(found):
                    self.output.write(text + "\\n")
            for text in connection.analysis["hoard"].newest(50):
                self.output.write(text + "\\n")

def register(registry):
    registry.annotator(Hoard)
    registry.exporter("everything", Everything)
"""


def exported(folder: Path, *options: str) -> str:
    plugin = folder / "everything.py"
    plugin.write_text(PLUGIN)
    command = [sys.executable, "-m", "rtmpscope", "export", str(CAPTURE), "--format", "everything"]
    done = subprocess.run([*command, "--plugin", str(plugin), *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "switched off" not in done.stderr
    return done.stdout


def test_exporter_of_all_that_can_be_reached_writes_no_secret(tmp_path: Path) -> None:
    written = exported(tmp_path)
    assert "s3cr3t" not in written
    assert "Publish of live/••••: " in written and "NetStream.Publish.Start" in written and "key#" in written
    assert exported(tmp_path, "--no-redact").count("s3cr3t") > 100


class Pair(NamedTuple):
    name: str
    count: int


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor(b"key")
    redactor.secret(KEY)
    redactor.secret("ab")
    return redactor


def test_texts_lose_secrets_and_all_else_stays(redactor: Redactor) -> None:
    tag, short = redactor.secret(KEY), redactor.secret("ab")
    for before, after in (
        (KEY, tag),
        ("ab", short),
        ("rtmp://h/live?token=abc123", f"rtmp://h/live?token={redactor.secret('abc123')}"),
        (["x", KEY, 3, None, True, 1.5], ["x", tag, 3, None, True, 1.5]),
        (({KEY: {KEY}}, b"any"), ({tag: {tag}}, b"")),
        (bytearray(b"any"), b""),
    ):
        assert veiled(before, redactor) == after


def test_objects_are_seen_through_a_veil(redactor: Redactor) -> None:
    tag = redactor.secret(KEY)
    veil = veiled(Pair(f"the {KEY}", 2), redactor)
    assert isinstance(veil, Veil)
    assert (veil.name, veil.count, veil[0], list(veil), len(veil), bool(veil)) == (
        f"the {tag}", 2, f"the {tag}", [f"the {tag}", 2], 2, True
    )  # fmt: skip
    assert str(veil) == repr(veil) == f"{veil}" == f"Pair(name='the {tag}', count=2)"
    assert veil._replace(count=5).name == f"the {tag}"
    assert veil == Pair(f"the {KEY}", 2) and veil == veiled(Pair(f"the {KEY}", 2), redactor) and veil != 3
    assert {veil: 1}[veiled(Pair(f"the {KEY}", 2), redactor)] == 1
    assert list(veiled(deque([KEY]), redactor)) == [tag]
    with pytest.raises(AttributeError):
        veil.__dict__  # noqa: B018
