"""The screen goes first: other threads wait while it has something to do, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread

import pytest

from rtmpscope.tui import turns
from rtmpscope.tui.turns import Selector, end_turn, give_way, take_turn


@pytest.fixture(autouse=True)
def nobody_at_work() -> Iterator[None]:
    yield
    end_turn()


def gone_on(release: bool) -> bool:
    """Whether a thread that gives way goes on, within a second, when it may or must."""
    passed = Event()
    Thread(target=lambda: (give_way(), passed.set()), daemon=True).start()
    if release:
        end_turn()
    return passed.wait(1.0)


def test_a_thread_waits_while_the_screen_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 60.0)
    assert gone_on(release=False)
    take_turn()
    assert not gone_on(release=False)
    assert gone_on(release=True)


def test_a_screen_that_is_never_done_does_not_stop_a_thread() -> None:
    take_turn()
    assert gone_on(release=False)


def test_the_loop_is_at_work_but_where_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 60.0)
    with Selector() as selector:
        selector.select(0.001)
        assert not gone_on(release=False)
        end_turn()
        selector.select(0)
        assert gone_on(release=False)
