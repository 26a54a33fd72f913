"""Writing what is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtmpscope.filters import compile
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.tui.save import Stopped, save
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.view import View
from tests.fake_store import rejected_publish


def always(written: int) -> bool:
    return True


def sight(filter: str = "", redactor: Redactor | None = None) -> Sight:
    made = Sight(rejected_publish(), redactor)  # type: ignore[arg-type]
    made.filter = filter
    if filter:
        made.view = View(made.store, compile(filter))
        made.view.grow(lambda: False)
    return made


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_row_shown_becomes_a_record(tmp_path: Path) -> None:
    path = tmp_path / "shown.jsonl"
    assert save(sight("rtmp.type == video"), str(path), always) == 2
    written = records(path)
    assert [record["record"] for record in written] == ["header", "connection", "message", "message", "summary"]
    assert written[0]["filter"] == "rtmp.type == video"


def test_keys_become_tags_though_they_were_revealed_on_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "shown.jsonl"
    made = sight(redactor=Redactor(style=DOTS))
    made.masked = False
    save(made, str(path), always)
    assert "s3cretkey99" not in path.read_text() and "key#" in path.read_text()
    save(sight(), str(path), always)
    assert "s3cretkey99" in path.read_text()


def test_what_was_secret_in_a_row_that_is_not_shown_becomes_a_tag(tmp_path: Path) -> None:
    path = tmp_path / "shown.jsonl"
    made = sight('rtmp.command.name == "onStatus"', Redactor(style=DOTS))
    assert save(made, str(path), always) == 1 and "NetStream.Publish.BadName" in path.read_text()
    assert made.redactor is not None
    made.redactor.secret("NetStream.Publish.BadName")
    assert save(made, str(path), always) == 1 and "NetStream.Publish.BadName" not in path.read_text()


def test_a_stopped_export_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "shown.jsonl"
    path.write_text("before")
    with pytest.raises(Stopped):
        save(sight(), str(path), lambda written: False)
    assert path.read_text() == "before"
