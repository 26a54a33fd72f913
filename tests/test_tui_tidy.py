"""Cycles are looked for where nobody waits, and what has been there for long is left out."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from rtmpscope.tui import tidy, turns


class Ring:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.ring = self


@pytest.fixture(autouse=True)
def only_when_asked() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()
    turns.end_turn()


def many() -> list[Ring]:
    return [Ring() for _ in range(tidy.FEW + 1)]


def test_cycles_go_where_the_loop_waits_and_there_are_more_than_a_few() -> None:
    selector = turns.Selector()
    gone = ref(Ring())
    selector.select(0.001)
    assert gone() is not None
    rings = many()
    selector.select(0)  # it only looks: there is work to do
    assert gone() is not None
    selector.select(0.001)
    assert gone() is None and len(rings) > tidy.FEW
    selector.close()


def test_cycles_that_have_survived_go_when_nobody_is_at_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "SEARCHES", 0)
    monkeypatch.setattr(tidy, "STILL", 60.0)
    ring = Ring()
    watched, rings = ref(ring), many()
    tidy.tidy()  # a search among new objects, which the ring survives
    del ring
    tidy.touched()
    tidy.tidy()
    assert watched() is not None
    monkeypatch.setattr(tidy, "STILL", 0.0)
    tidy.tidy()
    assert watched() is None and rings


def test_what_was_loaded_before_is_not_looked_at() -> None:
    ring = Ring()
    watched = ref(ring)
    tidy.begin()
    del ring
    gc.collect()
    assert watched() is not None
