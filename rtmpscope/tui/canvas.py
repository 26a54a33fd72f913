"""Lines drawn with braille: each cell of the screen holds two by four dots and has one colour.

Where a chart has several lines each ends in its number, for a terminal may have no colours to tell them apart by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import NamedTuple

from rtmpscope.tui.palette import Pieces, fit

BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a dot, by its column and row in the cell
DOTLESS = 0x2800
BLANK = ord(" ")
UPRIGHT = ord("│")
LABEL_WIDTH = 11

Point = tuple[float, float]


class Line(NamedTuple):
    name: str
    style: str
    points: Sequence[Point]


class Chart(NamedTuple):
    """Lines over a time, start to end; `text` writes a value with its unit."""

    title: str
    lines: Sequence[Line]
    text: Callable[[float], str]
    start: float
    end: float


class Canvas:
    """width and height in cells; dots count from the lower left."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._cells = [[BLANK] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]

    def dot(self, x: int, y: int, style: str) -> None:
        column, row = x // 2, self.height - 1 - y // 4
        if 0 <= column < self.width and 0 <= row < self.height:
            drawn = self._cells[row][column]
            self._cells[row][column] = (DOTLESS if drawn == BLANK else drawn) | BITS[x % 2][3 - y % 4]
            self._styles[row][column] = style

    def name(self, places: Iterable[tuple[int, int]], sign: str, style: str) -> None:
        """Put the sign of a line on the first of these dots whose cell has no other sign."""
        for x, y in places:
            column, row = x // 2, self.height - 1 - y // 4
            inside = 0 <= column < self.width and 0 <= row < self.height
            if inside and not chr(self._cells[row][column]).isdigit():
                self._cells[row][column] = ord(sign)
                self._styles[row][column] = style
                return

    def stroke(self, start: tuple[int, int], end: tuple[int, int], style: str) -> None:
        """A straight line, dot by dot along its longer side."""
        (x, y), (to_x, to_y) = start, end
        steps = max(abs(to_x - x), abs(to_y - y), 1)
        for step in range(steps + 1):
            self.dot(x + (to_x - x) * step // steps, y + (to_y - y) * step // steps, style)

    def upright(self, column: int) -> None:
        """A line from top to bottom, behind everything drawn."""
        for row in range(self.height):
            if 0 <= column < self.width and self._cells[row][column] == BLANK:
                self._cells[row][column] = UPRIGHT
                self._styles[row][column] = "mark"

    def row(self, row: int) -> Pieces:
        cells = zip(map(chr, self._cells[row]), self._styles[row], strict=True)
        return [("".join(cell for cell, _ in run), style) for style, run in groupby(cells, key=itemgetter(1))]


class Scale(NamedTuple):
    """What the canvas spans: times from left to right, values from bottom to top."""

    left: float
    right: float
    bottom: float
    top: float

    def dot(self, point: Point, canvas: Canvas) -> tuple[int, int]:
        across = (point[0] - self.left) / ((self.right - self.left) or 1)
        up = (point[1] - self.bottom) / ((self.top - self.bottom) or 1)
        return round(across * (canvas.width * 2 - 1)), round(up * (canvas.height * 4 - 1))

    def column(self, time: float, width: int) -> int:
        return round((time - self.left) / ((self.right - self.left) or 1) * (width - 1))


def scale_of(chart: Chart) -> Scale | None:
    """The chart's time, and the span of its values with zero among them; None where there is nothing to draw."""
    values = [value for line in chart.lines for _, value in line.points]
    if not values:
        return None
    return Scale(chart.start, chart.end, min(0.0, *values, 0.0), max(0.0, *values, 0.0) or 1.0)


def draw(chart: Chart, width: int, height: int, now: float | None, time_text: Callable[[float], str]) -> list[Pieces]:
    """The chart in so many lines: title with a legend, the drawing with its scale, times below.

    `now` is marked by an upright line.
    """
    several = len(chart.lines) > 1
    legend: Pieces = [(f" {chart.title}   ", "head")]
    for number, line in enumerate(chart.lines, 1):
        legend.append((f"{number if several else '━'} {line.name}  ", line.style))
    scale = scale_of(chart)
    if scale is None:
        return [legend, [("   nothing to draw for this connection", "dim")]]
    inner = max(1, width - LABEL_WIDTH - 2)
    canvas = Canvas(inner, max(1, height - 2))
    drawn = [[scale.dot(point, canvas) for point in line.points] for line in chart.lines]
    for line, dots in zip(chart.lines, drawn, strict=True):
        for start, end in pairwise(dots if len(dots) > 1 else dots * 2):
            canvas.stroke(start, end, line.style)
    for number, (line, dots) in enumerate(zip(chart.lines, drawn, strict=True), 1):
        if several:
            canvas.name(reversed(dots), str(number)[-1], line.style)
    if now is not None:
        canvas.upright(scale.column(now, inner))
    lines = [legend]
    for row in range(canvas.height):
        label = chart.text(scale.top) if row == 0 else chart.text(scale.bottom) if row == canvas.height - 1 else ""
        lines.append([(fit(label, LABEL_WIDTH, True) + " ", "dim"), *canvas.row(row)])
    left, right = time_text(scale.left), time_text(scale.right)
    lines.append([(" " * (LABEL_WIDTH + 1) + left + fit(right, max(0, inner - len(left)), True), "dim")])
    return lines
