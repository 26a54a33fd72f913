"""Filtered views: what they show while they grow."""

from __future__ import annotations

from threading import Thread
from typing import Any

from rtmpscope.filters import compile
from rtmpscope.tui.view import View
from tests.fake_store import HugeStore, rejected_publish


def never() -> bool:
    return False


def test_a_view_without_a_filter_shows_every_row_at_its_own_place() -> None:
    view = View(rejected_publish())  # type: ignore[arg-type]
    assert len(view) == 14 and view.row(7) == 7 and view.position(9) == 9 and view.position(99) == 13
    assert view.settled and view.shows(13) and not view.shows(14)


def test_a_filtered_view_goes_to_the_nearest_row_that_is_shown() -> None:
    view = View(rejected_publish(), compile("rtmp.type == video"))  # type: ignore[arg-type]
    view.grow(never)
    assert [view.row(place) for place in range(len(view))] == [11, 13]
    assert view.position(3) == 0 and view.position(12) == 1 and view.position(99) == 1
    assert view.shows(13) and not view.shows(12) and view.settled


def test_a_view_counts_what_it_shows_from_a_row_on() -> None:
    store = HugeStore(100)
    assert View(store).since(90) == 10
    view = View(store, predicate=object())
    view.rows.extend([10, 20, 30])
    assert [view.since(row) for row in (0, 20, 21, 99)] == [3, 2, 1, 0]


def test_a_view_that_matched_nothing_has_no_place_to_be_at() -> None:
    view = View(rejected_publish(), compile("rtmp.type == abort"))  # type: ignore[arg-type]
    view.grow(never)
    assert len(view) == 0 and view.position(3) == 0 and not view.shows(0)


def test_a_view_goes_on_growing_while_the_store_does() -> None:
    store = rejected_publish()
    store.visible, store.complete = 12, False
    view = View(store, compile("rtmp.type == video"))  # type: ignore[arg-type]
    worker = Thread(target=view.grow, args=(never,))
    worker.start()
    while not view.settled:
        pass
    assert len(view) == 1
    store.visible, store.complete = 14, True
    worker.join()
    assert len(view) == 2


def test_a_cancelled_scan_ends_between_two_steps() -> None:
    view = View(HugeStore(1_000_000), compile("rtmp.type == video"))  # type: ignore[arg-type]
    looks = iter([False, False, True])
    view.grow(lambda: next(looks))
    assert 0 < len(view) < 1_000_000


def test_a_filter_that_fails_says_so_and_keeps_what_it_found() -> None:
    store = rejected_publish()

    def scan(predicate: Any, start: int, stop: int) -> Any:
        yield [1]
        raise RecursionError("too deep")

    store.scan = scan  # type: ignore[method-assign]
    view = View(store, compile("rtmp.type == video"))  # type: ignore[arg-type]
    view.grow(never)
    assert len(view) == 1 and "too deep" in view.failed
