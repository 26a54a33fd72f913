"""The rungs of a ladder."""

from __future__ import annotations

from rtmpscope.filters import compile
from rtmpscope.model import C2S, S2C, Severity
from rtmpscope.tui.fold import Fold, Rung
from rtmpscope.tui.ladder import arrow
from rtmpscope.tui.palette import width_of
from rtmpscope.tui.view import View
from tests.fake_store import FakeStore, connection, message, rejected_publish
from tests.test_tui_sessions import verdict


def folded(store: FakeStore, number: int, filter: str = "") -> list[Rung]:
    view = View(store, compile(filter) if filter else None)  # type: ignore[arg-type]
    if filter:
        view.grow(lambda: False)
    fold = Fold(view, number)
    while fold.grow():
        pass
    return [fold[place] for place in range(len(fold))]


def media(*kinds: tuple[int, int]) -> FakeStore:
    """Messages of these types and directions."""
    events = [message(place + 1, direction, kind, b"\x17\x01", place) for place, (kind, direction) in enumerate(kinds)]
    return FakeStore(events, [connection(0, verdict("ok"))], [""] * len(events))


def test_a_run_of_media_one_way_is_one_rung() -> None:
    store = media((9, C2S), (8, C2S), (9, C2S), (3, S2C), (9, C2S), (9, S2C), (9, S2C))
    assert folded(store, 0) == [Rung(0, 2, 2, 1), Rung(3, 3, 0, 0), Rung(4, 4, 1, 0), Rung(5, 6, 2, 0)]


def test_only_the_rows_of_the_connection_count() -> None:
    store = rejected_publish()
    assert [rung.first for rung in folded(store, 0)] == list(range(11))
    assert folded(store, 1) == [Rung(11, 13, 2, 1)]


def test_media_with_a_problem_is_a_rung_of_its_own() -> None:
    store = media((9, C2S), (8, C2S), (9, C2S), (9, C2S))
    store.events[2].note("media-stall", Severity.WARNING, "it comes late")
    assert folded(store, 0) == [Rung(0, 1, 1, 1), Rung(2, 2, 0, 0), Rung(3, 3, 1, 0)]


def test_what_a_filter_hides_does_not_break_a_run() -> None:
    store = media((9, C2S), (3, S2C), (9, C2S))
    assert folded(store, 0, "rtmp.type == video") == [Rung(0, 2, 2, 0)]


def test_a_row_inside_a_run_is_on_its_rung() -> None:
    fold = Fold(View(rejected_publish()), 1)  # type: ignore[arg-type]
    fold.grow()
    assert fold.place(12) == 0 and fold.place(0) == 0


def test_an_arrow_spans_its_lane_and_keeps_its_text() -> None:
    for lane in range(0, 90):
        assert width_of(arrow("connect('直播')", lane, "─", True)) == lane
    assert arrow("ack", 14, "─", True) == "──── ack ────▶"
    assert arrow("ack", 14, "─", False) == "◀──── ack ────"
