"""Times and amounts as a person reads them."""

from __future__ import annotations

import pytest

from rtmpscope.tui.times import FORMATS, SECOND, Clock, amount, counted, duration, iso, rate, seconds

MOMENT = 1_795_224_123_456_789_012  # 2026-11-21 01:22:03.456789012 UTC


@pytest.mark.parametrize(
    ("time_ns", "digits", "signed", "text"),
    [
        (0, 3, False, "0.000"),
        (1_234_567_890_123, 3, False, "1,234.567"),
        (1_999_999, 3, False, "0.001"),
        (1_500, 6, True, "+0.000001"),
        (-34_000_000, 3, True, "-0.034"),
        (-34_000_000, 3, False, "-0.034"),
    ],
)
def test_seconds_are_cut_and_never_rounded_up(time_ns: int, digits: int, signed: bool, text: str) -> None:
    assert seconds(time_ns, digits, signed) == text


def test_each_format_measures_against_what_its_name_says() -> None:
    clock = Clock(MOMENT - 5 * SECOND, MOMENT - 2 * SECOND, MOMENT + SECOND)
    texts = {form.title: form.text(MOMENT, clock, 3) for form in FORMATS}
    assert texts["Time"] == "5.000" and texts["Delta"] == "+2.000" and texts["Ref"] == "-1.000"
    assert texts["UTC"] == "01:22:03.456Z" and texts["Clock"].endswith(":03.456")


def test_a_format_fits_its_column() -> None:
    clock = Clock(MOMENT, MOMENT, MOMENT)
    for form in FORMATS:
        for digits in (3, 6):
            assert len(form.text(MOMENT + 9_999 * SECOND, clock, digits)) <= form.width + digits - 3


def test_moments_that_no_calendar_holds_are_still_shown() -> None:
    assert iso(MOMENT) == "2026-11-21 01:22:03.456789012 UTC"
    assert iso(1 << 63).startswith("2262")
    for time_ns in (-(1 << 63), (1 << 63) - 1, 1 << 80):
        for form in FORMATS:
            assert form.text(time_ns, Clock(0, 0, 0), 3)


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (1_100_000, "1.1 ms"),
        (-400_000, "-0.4 ms"),
        (9_980_000_000, "9.98 s"),
        (45_000_000_000, "45.0 s"),
        (250_000_000_000, "4 min 10 s"),
        (7_500_000_000_000, "2 h 05 min"),
    ],
)
def test_durations_have_the_unit_that_suits_them(time_ns: int, text: str) -> None:
    assert duration(time_ns) == text


def test_amounts_and_rates_have_the_unit_that_suits_them() -> None:
    assert [amount(value) for value in (0, 372, 4_300, 1_200_000_000)] == ["0 B", "372 B", "4.3 kB", "1.2 GB"]
    assert [rate(value) for value in (0, 312_000, 4_100_000, 2.5e9)] == ["0 b/s", "312 kb/s", "4.1 Mb/s", "2.5 Gb/s"]
    assert counted(1, "byte") == "1 byte" and counted(1_448, "byte") == "1,448 bytes"
