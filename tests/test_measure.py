"""Spreads and series: right sums, in bounded memory."""

from rtmpscope.analysis.measure import SECOND_NS, Series, Spread
from rtmpscope.limits import SERIES_BUCKETS


def test_spread_of_values():
    spread = Spread()
    assert spread.mean == 0.0
    for value in (5, -3, 10):
        spread.add(value)
    assert (spread.count, spread.least, spread.most, spread.total, spread.last) == (3, -3, 10, 12, 10)
    assert spread.mean == 4.0


def test_least_and_most_are_those_of_all_values_and_not_of_zero():
    for values in ((7, 9), (9, 7), (-9, -7), (-7, -9), (4, 4)):
        spread = Spread()
        for value in values:
            spread.add(value)
        assert (spread.least, spread.most) == (min(values), max(values))


def test_series_sums_per_second():
    series = Series(100)
    for at, amount in ((0, 1), (0.5, 2), (1.0, 4), (3.9, 8)):
        series.add(100 + int(at * SECOND_NS), amount)
    assert series.values == [3, 4, 0, 8]


def test_time_that_goes_back_counts_into_the_last_bucket():
    series = Series(0)
    series.add(2 * SECOND_NS, 1)
    series.add(SECOND_NS, 1)
    assert series.values == [0, 0, 2]


def test_full_series_joins_pairs_and_loses_nothing():
    series = Series(0)
    for second in range(SERIES_BUCKETS + 1):
        series.add(second * SECOND_NS, 1)
    assert series.step_ns == 2 * SECOND_NS
    assert series.values == [2] * (SERIES_BUCKETS // 2) + [1]


def test_series_from_any_time_on_has_each_amount_in_the_bucket_of_its_time():
    start = 1_700_000_000 * SECOND_NS
    series = Series(start)
    seconds = (0, 3, SERIES_BUCKETS - 1, SERIES_BUCKETS, 2 * SERIES_BUCKETS + 5)
    for number, second in enumerate(seconds):
        series.add(start + second * SECOND_NS, 10**number)
    buckets = [0] * (seconds[-1] // 4 + 1)
    for number, second in enumerate(seconds):
        buckets[second // 4] += 10**number
    assert (series.step_ns, series.values) == (4 * SECOND_NS, buckets)


def test_bucket_ends_where_the_next_begins():
    series = Series(100)
    for time_ns in (100, 99 + SECOND_NS, 100 + SECOND_NS, 99 + 2 * SECOND_NS, 100 + 2 * SECOND_NS):
        series.add(time_ns, 1)
    assert series.values == [2, 2, 1]


def test_a_pause_of_years_costs_no_memory():
    series = Series(0)
    series.add(0, 7)
    series.add(10**18, 1)
    assert len(series.values) <= SERIES_BUCKETS
    assert (series.values[0], series.values[-1], sum(series.values)) == (7, 1, 8)


def test_a_pause_of_all_time_there_is_comes_to_an_end():
    """Time stamps of 64 bits: spans whose product with anything overflows."""
    for span in (2**62, 2**63 - 1 - SECOND_NS):
        series = Series(0)
        series.add(span, 1)
        assert len(series.values) <= SERIES_BUCKETS
        assert series.values[-1] == 1
