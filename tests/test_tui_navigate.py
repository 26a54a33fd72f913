"""Where the keys lead, over blocks and through filters."""

from __future__ import annotations

from array import array

import pytest

from rtmpscope.filters import compile
from rtmpscope.tui import navigate
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.view import View
from tests.fake_store import START, HugeStore, rejected_publish

COUNT = 3 * navigate.BLOCK


def huge(problems: tuple[int, ...]) -> Sight:
    store = HugeStore(COUNT)
    severities = array("b", b"\xff" * COUNT)
    for row in problems:
        severities[row] = 3
    store.made["severity"] = severities
    return Sight(store, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "step", "found"),
    [
        (0, 1, navigate.BLOCK),
        (navigate.BLOCK, 1, COUNT - 1),
        (COUNT - 1, 1, None),
        (COUNT - 1, -1, navigate.BLOCK),
        (navigate.BLOCK + 1, -1, navigate.BLOCK),
        (navigate.BLOCK, -1, None),
        (0, -1, None),
    ],
)
def test_problems_are_found_across_blocks(row: int, step: int, found: int | None) -> None:
    assert navigate.next_problem(huge((navigate.BLOCK, COUNT - 1)), row, step) == found


def test_every_problem_is_met_in_both_directions() -> None:
    rows = (0, 5, navigate.BLOCK - 1, navigate.BLOCK, 2 * navigate.BLOCK + 7, COUNT - 1)
    sight = huge(rows)
    forwards = list(navigate.rows_where(sight, "severity", navigate.grave, -1, 1))
    assert tuple(forwards) == rows
    assert list(navigate.rows_where(sight, "severity", navigate.grave, COUNT, -1)) == forwards[::-1]


def test_a_problem_that_the_filter_hides_is_passed_over() -> None:
    store = rejected_publish()
    sight = Sight(store, None)  # type: ignore[arg-type]
    sight.view = View(store, compile("rtmp.type == video"))  # type: ignore[arg-type]
    sight.view.grow(lambda: False)
    assert navigate.next_problem(sight, 0, 1) is None


def test_a_time_of_day_is_one_of_the_first_day() -> None:
    sight = Sight(HugeStore(10), None)  # type: ignore[arg-type]
    assert navigate.time_of_day(sight, "01:20:00z") == START
    assert navigate.time_of_day(sight, "01:20z") == START
    assert navigate.time_of_day(sight, "01:20:00.250z") == START + 250_000_000


@pytest.mark.parametrize("text", ["", "x", "99", "-1", "1e999s", "nans", "p", "%", "25:00", "12:", "p-x"])
def test_a_place_that_is_none_is_none(text: str) -> None:
    assert navigate.place(Sight(rejected_publish(), None), text) is None  # type: ignore[arg-type]


def test_a_time_in_a_graph_is_a_row_of_the_same_connection() -> None:
    sight = Sight(rejected_publish(), None)  # type: ignore[arg-type]
    assert navigate.row_at_time(sight, 1, START, 1) == 11
    assert navigate.row_at_time(sight, 1, START + 41_000_000, 1) == 12
    assert navigate.row_at_time(sight, 1, START + 41_000_000, -1) == 11
    assert navigate.row_at_time(sight, 1, START, -1) is None
