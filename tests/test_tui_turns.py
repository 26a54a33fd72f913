"""The screen goes first: other threads wait while it has something to do, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread

import pytest

from rtmpscope.tui import turns
from rtmpscope.tui.turns import Selector, end_turn, give_way, looked_at, take_turn
from tests.patience import PATIENCE


@pytest.fixture(autouse=True)
def nobody_at_work() -> Iterator[None]:
    yield
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
