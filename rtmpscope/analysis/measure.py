"""Measurements of a long stream in little memory: a spread of values, and sums over time."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.limits import SERIES_BUCKETS

SECOND_NS: Final[i64] = 1_000_000_000


class Spread:
    """How many values there were, the least, the most, their sum and the last."""

    __slots__ = ("count", "total", "least", "most", "last")

    def __init__(self) -> None:
        self.count: i64 = 0
        self.total: i64 = 0
        self.least: i64 = 0
        self.most: i64 = 0
        self.last: i64 = 0

    def add(self, value: i64) -> None:
        if self.count == 0 or value < self.least:
            self.least = value
        if self.count == 0 or value > self.most:
            self.most = value
        self.count += 1
        self.total += value
        self.last = value

    @property
    def mean(self) -> float:
        """0.0 where there was no value."""
        total: int = self.total
        return total / int(self.count) if self.count else 0.0


class Series:
    """Sums per bucket of time, for a graph: values[n] is the sum from start_ns + n * step_ns on.

    Buckets are of one second until there are too many; then pairs are joined and the step doubles.  A time
    before the last bucket counts into that: merged events may be a little out of order.
    """

    __slots__ = ("start_ns", "step_ns", "values", "_until")

    def __init__(self, start_ns: i64) -> None:
        self.start_ns = start_ns
        self.step_ns: i64 = SECOND_NS
        self.values: list[int] = [0]
        self._until: i64 = start_ns + SECOND_NS

    def add(self, time_ns: i64, amount: i64) -> None:
        """Count an amount into the bucket of a time in ns, or into the last one where that is later."""
        if time_ns >= self._until:
            self._advance(time_ns)
        self.values[-1] += amount

    def _advance(self, time_ns: i64) -> None:
        while (time_ns - self.start_ns) // SERIES_BUCKETS >= self.step_ns:  # a product might overflow
            if len(self.values) % 2:
                self.values.append(0)
            self.values = [self.values[n] + self.values[n + 1] for n in range(0, len(self.values), 2)]
            self.step_ns *= 2
        index = (time_ns - self.start_ns) // self.step_ns
        missing = index + 1 - len(self.values)
        self.values.extend([0] * missing)
        self._until = self.start_ns + (index + 1) * self.step_ns
