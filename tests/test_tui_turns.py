"""The screen goes first: other threads wait while it has something to do, and not for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from rtmpscope.tui import turns
from rtmpscope.tui.turns import Selector, ask, end_turn, give_way, import_in_steps, looked_at, take_turn
from tests.patience import PATIENCE


@pytest.fixture(autouse=True)
def nobody_at_work() -> Iterator[None]:
    """Nobody before the test either: a program that ended while a row was asked for leaves that unanswered."""
    nobody_asks()
    yield
    nobody_asks()


def nobody_asks() -> None:
    with looked_at():
        pass
    end_turn()


def gone_on(seconds: float = PATIENCE) -> bool:
    """Whether a thread that gives way goes on within so many seconds."""
    passed = Event()
    Thread(target=lambda: (give_way(), passed.set()), daemon=True).start()
    return passed.wait(seconds)


def test_a_thread_waits_while_the_screen_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 2 * PATIENCE)
    assert gone_on()
    take_turn()
    assert not gone_on(0.5)
    end_turn()
    assert gone_on()


def test_a_thread_waits_for_what_somebody_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 60.0)
    passed = Event()
    with looked_at():
        give_way()  # for the screen only
        Thread(target=lambda: (give_way(), passed.set()), daemon=True).start()
        assert not passed.wait(0.2)
    assert passed.wait(10.0)


def test_others_wait_from_the_asking_until_the_screen_has_drawn_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 2 * PATIENCE)
    ask()
    assert not gone_on(0.2)
    with looked_at():
        pass
    assert not gone_on(0.2)
    end_turn()
    assert gone_on()


def test_an_import_gives_way_before_each_of_its_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "of_three"
    package.mkdir()
    (package / "__init__.py").write_text("import of_three.one, of_three.two")
    for part in ("one", "two"):
        (package / f"{part}.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    ways: list[bool] = []
    monkeypatch.setattr(turns, "give_way", lambda: ways.append(True))
    import_in_steps("of_three")
    assert len(ways) == 3
    __import__("json.tool")
    assert len(ways) == 3


def test_a_screen_that_is_never_done_does_not_stop_a_thread() -> None:
    take_turn()
    assert gone_on()


def test_the_loop_is_at_work_but_where_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 2 * PATIENCE)
    with Selector() as selector:
        selector.select(0.001)
        assert not gone_on(0.5)
        end_turn()
        selector.select(0)
        assert gone_on()


def test_a_frame_waits_no_longer_for_the_one_before_than_a_key_can_bear() -> None:
    asked = "import rtmpscope.tui.app; from textual import constants; print(constants.MAX_FPS, constants.ESCAPE_DELAY)"
    environment = {name: value for name, value in os.environ.items() if name not in ("TEXTUAL_FPS", "ESCDELAY")}
    assert subprocess.check_output([sys.executable, "-c", asked], env=environment).split() == [b"120", b"0.02"]
