"""Times and amounts as a person reads them: the formats of the timeline's column, and values with their units."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000_000


class Clock(NamedTuple):
    """What a time is measured against, in nanoseconds: the first row, the row before, the reference."""

    start: int
    previous: int
    reference: int


def seconds(time_ns: int, digits: int, signed: bool = False) -> str:
    """A difference in seconds, "1,234.567"; rounded towards zero so that no moment is shown before it was."""
    sign = "-" if time_ns < 0 else "+" if signed else ""
    whole, fraction = divmod(abs(time_ns), SECOND)
    return f"{sign}{whole:,}.{fraction:09}"[: -9 + digits]


def moment(time_ns: int) -> datetime:
    """The moment in UTC, to the microsecond; what no calendar holds becomes its first or last day."""
    try:
        return EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return (datetime.max if time_ns > 0 else datetime.min).replace(tzinfo=UTC)


def local(time_ns: int, digits: int) -> str:
    try:
        return f"{moment(time_ns).astimezone():%H:%M:%S.%f}"[: -6 + digits or None]
    except (OverflowError, ValueError):
        return utc(time_ns, digits)


def utc(time_ns: int, digits: int) -> str:
    return f"{moment(time_ns):%H:%M:%S.%f}"[: -6 + digits or None] + "Z"


def iso(time_ns: int) -> str:
    """The whole moment, for the detail pane: "2026-11-21 14:02:03.214567891 UTC"."""
    return f"{moment(time_ns):%Y-%m-%d %H:%M:%S}.{time_ns % SECOND:09} UTC"


class TimeFormat(NamedTuple):
    name: str
    title: str
    width: int  # with three digits after the point
    text: Callable[[int, Clock, int], str]


FORMATS = (
    TimeFormat("seconds since the start", "Time", 10, lambda t, clock, digits: seconds(t - clock.start, digits)),
    TimeFormat("since the row before", "Delta", 10, lambda t, clock, digits: seconds(t - clock.previous, digits, True)),
    TimeFormat("since the reference", "Ref", 11, lambda t, clock, digits: seconds(t - clock.reference, digits, True)),
    TimeFormat("time of day", "Clock", 12, lambda t, clock, digits: local(t, digits)),
    TimeFormat("time of day in UTC", "UTC", 13, lambda t, clock, digits: utc(t, digits)),
)
SINCE_REFERENCE = FORMATS[2]


def duration(time_ns: int) -> str:
    """ "1.1 ms", "9.98 s", "4 min 10 s", "2 h 05 min"."""
    magnitude = abs(time_ns)
    if magnitude < SECOND:
        return f"{time_ns / 1e6:.1f} ms"
    if magnitude < 60 * SECOND:
        return f"{time_ns / 1e9:.{2 if magnitude < 10 * SECOND else 1}f} s"
    minutes, rest = divmod(magnitude // SECOND, 60)
    sign = "-" if time_ns < 0 else ""
    if minutes < 60:
        return f"{sign}{minutes} min {rest:02} s"
    return f"{sign}{minutes // 60} h {minutes % 60:02} min"


def amount(count: float) -> str:
    """Bytes with the unit that leaves three digits or fewer before the point: "372 B", "4.3 kB", "1.2 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 999.5:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def rate(bits_per_second: float) -> str:
    """ "312 kb/s", "4.1 Mb/s"."""
    for unit in ("b/s", "kb/s", "Mb/s"):
        if abs(bits_per_second) < 999.5:
            return f"{bits_per_second:.1f} Mb/s" if unit == "Mb/s" else f"{bits_per_second:.0f} {unit}"
        bits_per_second /= 1000
    return f"{bits_per_second:.1f} Gb/s"


def counted(count: int, word: str) -> str:
    """ "1 byte", "1,448 bytes"."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
