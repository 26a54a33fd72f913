"""The graphs of the selected row's connection, in the place of the detail pane; a line marks the row's time."""

from __future__ import annotations

from typing import ClassVar

from textual import events, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from rtmpscope.model import UNKNOWN
from rtmpscope.tui.canvas import LABEL_WIDTH, Chart, draw, scale_of
from rtmpscope.tui.charts import charts
from rtmpscope.tui.lines import Drawn
from rtmpscope.tui.palette import Pieces, paint, styles
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.times import SECOND, seconds

GRAPHS = Binding.Group("Graphs")
LEAST_HEIGHT = 8  # lines that a chart needs


class Graphs(Drawn, can_focus=True):
    DEFAULT_CSS = "Graphs { display: none; height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "chart(1)", "Next graph", group=GRAPHS),
        Binding("up,k", "chart(-1)", "Previous graph", group=GRAPHS),
        Binding("right,l", "time(1)", "Later", group=GRAPHS),
        Binding("left,h", "time(-1)", "Earlier", group=GRAPHS),
    ]

    class TimePicked(Message):
        """Somebody went to a time in the graph; step says from which side."""

        def __init__(self, connection: int, time_ns: int, step: int) -> None:
            super().__init__()
            self.connection = connection
            self.time_ns = time_ns
            self.step = step

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.sight = sight
        self.charts: list[Chart] = []
        self.first = 0  # the chart on top
        self.row = UNKNOWN  # the one that is followed
        self.connection = UNKNOWN  # whose charts there are, or are being made
        self.taken_up = 0  # rows of the store that the charts were made from
        self.now_ns = 0
        self.working = False
        self.lines: list[Pieces] = []

    def show(self, row: int) -> None:
        """Follow the selection; make the charts anew where they are of another connection or rows have come."""
        self.row = row
        seen = self.sight.store.row(row)
        self.now_ns = seen.time_ns
        other = seen.connection != self.connection
        if other:
            self.charts = []
        if (other or self.taken_up != self.sight.store.count) and not self.working:
            self.working = True
            self.connection = seen.connection
            self.taken_up = self.sight.store.count
            self.make()
        self.redraw()

    @work(thread=True, group="graphs", exit_on_error=False)
    def make(self) -> None:
        made: list[Chart] = []
        try:
            made = charts(self.sight.store, self.sight.store.connections[self.connection])
        finally:
            self.app.call_from_thread(self.made, made)

    def made(self, made: list[Chart]) -> None:
        """Draw the charts, unless those of another connection are wanted by now."""
        self.working = False
        if self.sight.store.row(self.row).connection == self.connection:
            self.charts = made
            self.redraw()
        else:
            self.show(self.row)

    def redraw(self) -> None:
        width, height = self.size
        on_screen = max(1, min(len(self.charts), height // LEAST_HEIGHT))
        self.lines = [] if self.charts else [[(" reading the connection …" if self.working else "", "dim")]]
        for place in range(on_screen if self.charts else 0):
            chart = self.charts[(self.first + place) % len(self.charts)]
            share = height // on_screen
            drawn = draw(chart, width, share, self.now_ns / SECOND, self.time_text)
            if not place:
                drawn[0].append((self.hint(), "dim"))
            self.lines += drawn + [[]] * (share - len(drawn))
        self.refresh()

    def hint(self) -> str:
        """Which graph this is, and how to come to the others."""
        way = "↓ the next" if self.has_focus else "tab and ↓ for the next"
        return f"  {self.first + 1} of {len(self.charts)}, {way}"

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def time_text(self, time: float) -> str:
        since = int(time * SECOND) - self.sight.store.row(0).time_ns
        return f"{seconds(round(since, -6), 3)} s"  # to the millisecond: a float of seconds is not exact

    def on_resize(self) -> None:
        self.redraw()

    def render_line(self, y: int) -> Strip:
        pieces = self.lines[y] if y < len(self.lines) else []
        return paint(pieces, self.size.width, self.base, styles(self.app))

    def action_chart(self, step: int) -> None:
        self.first = (self.first + step) % max(1, len(self.charts))
        self.redraw()

    def action_time(self, step: int) -> None:
        """Go on by one cell of the graph on top, or where it shows nothing, to the next moment of the connection."""
        drawn = bool(self.charts) and scale_of(self.charts[self.first]) is not None
        cell = int(self.cell * SECOND) if drawn else 0
        self.post_message(self.TimePicked(self.connection, self.now_ns + step * max(1, cell), step))

    @property
    def cell(self) -> float:
        """Seconds from one cell of a graph to the next; all graphs are of the same time."""
        chart = self.charts[self.first]
        return (chart.end - chart.start) / max(1, self.size.width - LABEL_WIDTH - 3)

    def on_click(self, event: events.Click) -> None:
        """Go to the time that was pointed at."""
        if self.charts:
            time = self.charts[self.first].start + max(0, event.x - LABEL_WIDTH - 1) * self.cell
            self.post_message(self.TimePicked(self.connection, int(time * SECOND), 1))

    def on_mouse_scroll_down(self) -> None:
        self.action_chart(1)

    def on_mouse_scroll_up(self) -> None:
        self.action_chart(-1)
