"""A column that lets go of its oldest values: what is left reads as it did, what is gone as one value."""

from __future__ import annotations

from array import array

import pytest

from rtmpscope.recent import Recent

GONE = -1


def column(count: int, first: int) -> tuple[Recent, list[int]]:
    """Values 100, 101, ... of which those before `first` were let go, and the same as a list."""
    made = Recent("q")
    made.extend(range(100, 100 + count))
    made.let_go(first, GONE)
    return made, [GONE] * first + list(range(100 + first, 100 + count))


def test_values_keep_their_places_and_those_let_go_read_as_one() -> None:
    made, expected = column(10, 4)
    assert (len(made), [made[place] for place in range(10)]) == (10, expected)


@pytest.mark.parametrize("first", [0, 4, 10])
def test_slices_are_those_of_a_list(first: int) -> None:
    made, expected = column(10, first)
    for start in (None, 0, 3, 4, 7, 12):
        for stop in (None, 0, 3, 4, 7, 12):
            assert made[start:stop] == array("q", expected[start:stop])


def test_values_are_found_only_where_they_are_held() -> None:
    made, expected = column(10, 4)
    assert made.index(105) == expected.index(105)
    assert made.index(105, 5, 6) == 5
    for absent in ((103,), (105, 6), (105, 0, 5)):
        with pytest.raises(ValueError):
            made.index(*absent)


def test_what_is_appended_later_comes_behind_what_was_let_go() -> None:
    made, expected = column(10, 4)
    made.extend((7, 8))
    made.let_go(11, GONE - 1)
    assert [made[place] for place in range(12)] == [GONE - 1] * 11 + [8]
