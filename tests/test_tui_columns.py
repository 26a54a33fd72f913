"""The timeline's columns at every width."""

from __future__ import annotations

import pytest

from rtmpscope.rtmp import messages
from rtmpscope.tui.columns import COLUMNS, cell, layout
from rtmpscope.tui.palette import fit, width_of
from rtmpscope.tui.sight import Sight
from tests.fake_store import rejected_publish


def shown(width: int, several: bool = False) -> list[str]:
    return [column.title for column, _ in layout(width, 10, several).columns]


@pytest.mark.parametrize("several", [False, True])
def test_wider_lists_have_every_column_of_narrower_ones(several: bool) -> None:
    before: set[str] = set()
    for width in range(1, 220):
        titles = set(shown(width, several))
        assert before <= titles
        before = titles
    assert before == {column.title for column in COLUMNS}


def test_eighty_columns_have_number_time_direction_and_type() -> None:
    assert shown(79) == ["No", "Time", "Dir", "Type"]


def test_eighty_columns_tell_several_connections_apart() -> None:
    assert shown(79, several=True) == ["No", "Time", "#", "Dir", "Type"]


@pytest.mark.parametrize("width", range(30, 240, 7))
def test_head_and_rows_fill_the_width_exactly(width: int) -> None:
    sight = Sight(rejected_publish(), None)  # type: ignore[arg-type]
    at = layout(width, 10, several=True)
    assert sum(width_of(text) for text, _ in at.head("Time")) == width
    for index in range(sight.store.count):
        pieces = at.line(sight, index, sight.store.row(index), selected=False)
        assert sum(width_of(text) for text, _ in pieces) == width


def test_a_number_too_wide_for_its_column_keeps_its_digits() -> None:
    assert cell("999,999", 7, right=True) == "999,999"
    assert cell("1,000,000", 7, right=True) == "1000000"
    assert cell("4,294,967,295", 10, right=True) == "4294967295"


@pytest.mark.parametrize("width", [50, 79, 99, 119, 199])
def test_no_name_of_a_type_is_cut(width: int) -> None:
    cells = next(cells for column, cells in layout(width, 10, False).columns if column.title == "Type")
    names = [messages.type_name(type_id) for type_id in range(256)]
    shown = [cell(name, cells, right=False).rstrip() for name in names]
    assert not any("…" in text for text in shown) and len(set(shown)) == len(names)
    assert width < 112 or shown == names


def test_text_is_fitted_by_cells_and_not_by_characters() -> None:
    assert fit("直播", 6) == "直播  " and fit("直播间", 5) == "直播…" and width_of(fit("直播间", 4)) == 4
    assert fit("abc", 0) == "" and fit("abc", 1) == "…" and fit("7", 3, right=True) == "  7"
