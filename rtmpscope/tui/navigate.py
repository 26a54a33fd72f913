"""Where to go from a row: the next problem, the next row of the same kind, the answer to a call, a typed place.

Every function gives a row that is shown, or None where there is none that way.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from rtmpscope.model import Call, Message, Severity
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.times import SECOND, moment

BLOCK = 65_536  # rows looked at in one go
GRAVE = re.compile(bytes((ord("["), Severity.WARNING, Severity.ERROR, ord("]"))))

Find = Callable[["array[int]"], Iterator[int]]


def next_problem(sight: Sight, row: int, step: int) -> int | None:
    """The nearest row in that direction with a warning or an error."""
    return next(filter(sight.view.shows, rows_where(sight, "severity", grave, row, step)), None)


def next_alike(sight: Sight, row: int, step: int, names: Sequence[str]) -> int | None:
    """The nearest row in that direction that has the same values in these columns."""
    columns = [sight.store.columns[name] for name in names]
    wanted = [column[row] for column in columns]
    for found in rows_where(sight, names[0], equal(wanted[0]), row, step):
        if [column[found] for column in columns] == wanted and sight.view.shows(found):
            return found
    return None


def rows_where(sight: Sight, column: str, find: Find, row: int, step: int) -> Iterator[int]:
    """The rows beyond a row that `find` finds in a column, nearest first.

    It is given a block of the column at a time, backwards where step is negative, and searches it as fast as
    arrays and bytes are searched: millions of rows take a few hundredths of a second.
    """
    values = sight.store.columns[column]
    start, end = (row + 1, sight.store.count) if step > 0 else (row - 1, -1)
    for near in range(start, end, BLOCK * step):
        far = min(near + BLOCK, end) if step > 0 else max(near - BLOCK, end)
        block = values[near:far] if step > 0 else values[far + 1 : near + 1]
        if step < 0:
            block.reverse()
        for place in find(block):
            yield near + step * place


def grave(severities: array[int]) -> Iterator[int]:
    """Where warnings and errors stand."""
    return (match.start() for match in GRAVE.finditer(severities.tobytes()))


def equal(value: int) -> Find:
    """What finds one value."""

    def find(values: array[int]) -> Iterator[int]:
        place = -1
        while True:
            try:
                place = values.index(value, place + 1)
            except ValueError:
                return
            yield place

    return find


def other_end(call: Call | None, message: Message) -> int:
    """The number of the message that answers this one, or that this one answers; 0 where there is none."""
    if call is None:
        return 0
    return call.answer if call.request == message.number else call.request


def row_of_message(sight: Sight, number: int) -> int | None:
    """The row of a message by its number."""
    if number < 1:
        return None
    numbers = sight.store.columns["number"]
    try:
        return numbers.index(number, number - 1, sight.store.count)
    except ValueError:
        return None


def row_at(sight: Sight, column: str, value: int) -> int:
    """The first row whose time or packet is not before the value, or the last row.

    Both columns rise, but for the little that events may come out of order.
    """
    count = sight.store.count
    values = sight.store.columns[column]
    return min(bisect_left(range(count), value, key=values.__getitem__), count - 1)


def row_at_time(sight: Sight, connection: int, time_ns: int, step: int) -> int | None:
    """The connection's first row from that time on, or its last one before it where step is negative."""
    start = row_at(sight, "time_ns", time_ns)
    found = rows_where(sight, "connection", equal(connection), start - (step > 0), step)
    return next(found, None)


def place(sight: Sight, text: str) -> int | None:
    """The row that a person means: "53" a message, "12.5s" seconds since the start, "14:02:03" a time of day,
    "p61" a packet, "50%" a share of the capture.  None where it cannot be understood or there is no such row."""
    text = text.strip().lower()
    count = sight.store.count
    if not count:
        return None
    try:
        if text.endswith("%"):
            return max(0, min(count - 1, int(count * float(text[:-1]) / 100)))
        if text.startswith("p"):
            return row_at(sight, "packet", int(text[1:].replace(",", "")))
        if ":" in text:
            return row_at(sight, "time_ns", time_of_day(sight, text))
        if text.endswith("s") or "." in text:
            return row_at(sight, "time_ns", sight.store.row(0).time_ns + int(float(text.rstrip("s")) * SECOND))
        return row_of_message(sight, int(text.replace(",", "")))
    except (ValueError, OverflowError):
        return None


def time_of_day(sight: Sight, text: str) -> int:
    """The moment of that time of day on the capture's first day, in local time, or in UTC with a "z" at the end."""
    utc = text.endswith("z")
    first = moment(sight.store.row(0).time_ns)
    day = first if utc else first.astimezone()
    form = "%H:%M:%S.%f" if "." in text else "%H:%M:%S" if text.count(":") == 2 else "%H:%M"
    clock = datetime.strptime(text.rstrip("z"), form).time()
    return int(datetime.combine(day.date(), clock, day.tzinfo).timestamp() * 1_000_000) * 1000
