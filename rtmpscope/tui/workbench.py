"""The panes of the main screen and what flows between them; what the keys do is in rtmpscope.tui.main.

The screen pulls: ten times a second it takes up the rows that a thread has appended meanwhile.  No pane parses,
no thread touches a pane.
"""

from __future__ import annotations

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import get_current_worker

from rtmpscope import filters
from rtmpscope.export.stats import tables
from rtmpscope.model import UNKNOWN, Event
from rtmpscope.tui.borders import LEAST_ROWS, Border, Heights
from rtmpscope.tui.detail import Detail
from rtmpscope.tui.graphs import Graphs
from rtmpscope.tui.ladder import Ladder
from rtmpscope.tui.lines import LineList
from rtmpscope.tui.prompt import Prompt
from rtmpscope.tui.sessions import Sessions
from rtmpscope.tui.sight import Body, Sight
from rtmpscope.tui.status import SINGLE_BELOW, EdgeBar, StatusBar, TitleBar
from rtmpscope.tui.timeline import RowList, Timeline
from rtmpscope.tui.turns import ask, give_way, looked_at
from rtmpscope.tui.view import View

TICK = 0.1  # seconds
FIRST_MATCHES = 0.03  # seconds after which a filter has found something, mostly
CALM = 5  # ticks until rows that come below the screen are taken up: drawing the list anew for them takes its time
VERDICT_FROM = 8  # lines from which the connections have what is known of one of them beside them even then
REPORT_FROM = 30  # cells that reports are made for; panes break the lines for fewer
REPORT_FRAME = 3  # cells beside it: its indent and the scroll bar
TWO_PARTS_FROM = 70  # columns from which tree and bytes stand side by side when the detail pane is alone


class Workbench(Screen[None]):
    CSS = """
    Workbench { layers: default above; }
    #rows { height: 2fr; }
    #rows > RowList { height: 1fr; }
    """

    class Built(Message):
        """Every pane is there and can be asked for."""

    focused = Reactive[Widget | None](None, repaint=False)  # Textual would draw the whole screen anew

    def __init__(self, sight: Sight, capture: str, display_filter: str = "", live: bool = False) -> None:
        super().__init__()
        self.sight = sight
        self.capture = capture
        self.display_filter = display_filter
        self.as_ladder = False
        self.as_graphs = False
        self.follow_end = live
        self.return_to = UNKNOWN  # the row to return to when a new view has reached it
        self.left = UNKNOWN  # the last row that was left for another view
        self.heights = Heights()
        self.alone = False  # one pane fills the screen because somebody asked for it
        self.seen = 0  # rows there were when the cursor last stood on the newest
        self.event: Event | None = None  # what the detail pane shows
        self.of_connection = False  # it shows a connection in its place
        self.wanted = UNKNOWN  # the row it should show
        self.opening = False
        self.ticks = 0

    # Make-up

    def compose(self) -> ComposeResult:
        yield TitleBar(self.sight, self.capture)
        yield Sessions(self.sight, "sessions")
        yield Border("under-sessions")
        with Container(id="rows"):
            for rows in (Timeline(self.sight), Ladder(self.sight)):
                yield rows.head
                yield rows
        yield Border("under-rows")
        yield Detail(id="detail")
        yield Graphs(self.sight)
        yield Prompt("prompt")
        yield StatusBar(self.sight)

    def on_mount(self) -> None:
        self.query_one(Ladder).head.display = False
        self.set_focus(self.rows)
        if self.display_filter:
            self.look_through(self.display_filter, UNKNOWN)
        self.sight.summaries.wake = lambda: self.call_later(self.summarize)
        self.set_interval(TICK, self.tick)
        self.post_message(self.Built())

    @property
    def rows(self) -> RowList:
        """The list of rows in sight: the timeline or the ladder."""
        return self.query_one(Ladder if self.as_ladder else Timeline)

    @property
    def row(self) -> int:
        """The row under the cursor, UNKNOWN where there is none."""
        return self.rows.row

    @property
    def detail(self) -> Detail:
        return self.query_one(Detail)

    @property
    def status(self) -> StatusBar:
        return self.query_one(StatusBar)

    @property
    def stops(self) -> list[Widget]:
        """The widgets that tab goes through."""
        detail = [self.detail.fields, self.detail.hex] if self.detail.hex.octets.length else [self.detail.fields]
        return [self.query_one(Sessions), self.rows, *([self.query_one(Graphs)] if self.as_graphs else detail)]

    def pane(self, kind: type[Widget]) -> Widget:
        """The pane of that kind, of several the one with the focus, or else the rows."""
        if isinstance(self.focused, kind):
            return self.focused
        return self.rows if kind is LineList else self.query_one(kind)

    # Arrangement

    @property
    def single(self) -> bool:
        """One pane has all of the screen: below twenty lines, or where somebody asked for it."""
        return self.alone or self.size.height < SINGLE_BELOW

    def share_out(self) -> None:
        """Share the height out among the panes, or give all of it to the one with the focus."""
        width, height = self.size
        single = self.single
        sessions, rows, detail, graphs = (self.query_one(name) for name in ("#sessions", "#rows", "#detail", "Graphs"))
        lower = graphs if self.as_graphs else detail
        focused = self.focused or self.rows
        current = next((pane for pane in (sessions, lower) if pane in focused.ancestors_with_self), rows)
        told = current is sessions and not self.alone and height >= VERDICT_FROM
        shown = [sessions, rows, lower] if not single else [sessions, detail] if told else [current]
        for pane in (sessions, rows, detail, graphs):
            pane.display = pane in shown
        for border in self.query("Workbench > Border"):
            border.display = not single
        for bar in self.query(EdgeBar):
            bar.display = height >= 5
        for part in (self.detail.fields, self.detail.hex):
            part.display = part is focused or not (single and width < TWO_PARTS_FROM) or current is not detail
        self.share_detail()
        connections = len(self.sight.store.connections)
        if single:
            sessions.styles.height = max(1, min(connections, height // 2)) if told else "1fr"
        else:
            sessions.styles.height = self.heights.of_sessions(height, connections, current is sessions)
        for pane in (detail, graphs):
            pane.styles.height = "1fr" if single else self.heights.of_lower(height)

    def share_detail(self) -> None:
        """The field tree has all of the detail pane while there are no bytes."""
        pane = self.detail.hex
        if pane is not self.focused and not pane.octets.length:
            pane.display = False
        self.detail.border.display = self.detail.fields.display and pane.display

    @on(Border.Moved, "#under-sessions")
    def size_sessions(self, moved: Border.Moved) -> None:
        top, last = self.query_one(Sessions).region.y, self.query_one("#rows").region.bottom - LEAST_ROWS - 1
        self.heights.sessions = None if moved.place is None else min(moved.place, last) - top
        self.share_out()

    @on(Border.Moved, "#under-rows")
    def size_lower(self, moved: Border.Moved) -> None:
        first, last = self.query_one("#rows").region.y + LEAST_ROWS, self.status.region.y - 1
        self.heights.lower = None if moved.place is None else last - max(moved.place, first)
        self.share_out()

    def on_resize(self) -> None:
        self.share_out()
        if self.of_connection:
            self.open_connection()

    def on_descendant_focus(self) -> None:
        prompt = self.query_one(Prompt)
        if self.focused is prompt.input:  # the panes stay as they are
            return
        if prompt.open:  # somebody clicked a pane
            prompt.came_from = self.focused
            prompt.close()
        self.share_out()
        if self.focused is self.query_one(Sessions):
            self.open_connection()
        elif self.focused is self.rows and self.of_connection:
            self.open_row()

    # What the timer does

    def tick(self) -> None:
        """Take up what has come since the last time."""
        rows = self.rows
        was_empty, at_end = not rows.virtual_size.height, rows.at_end
        self.ticks += 1
        if rows.end_in_sight or self.ticks % CALM == 0:
            rows.take_up()
        if self.follow_end and at_end and not rows.at_end:
            rows.action_last()
        self.find_back()
        if rows.at_end or not self.follow_end:
            self.seen = self.sight.store.count
        if was_empty and rows.virtual_size.height:
            self.open_row()
        sessions = self.query_one(Sessions)
        if sessions.total() != sessions.virtual_size.height:
            self.share_out()
        sessions.take_up()
        self.status.row = self.row
        self.status.new = self.sight.view.since(self.seen)
        for bar in self.query(EdgeBar):
            bar.update()

    def find_back(self) -> None:
        """Go back to the row that was selected before the view changed, once the new view has come so far."""
        if self.return_to == UNKNOWN:
            return
        view = self.sight.view
        if view.rows is None or view.scanned > self.return_to:
            self.rows.go_to(self.return_to)
            self.return_to = UNKNOWN

    def look_through(self, text: str, followed: int) -> None:
        """Show the rows that match the filter, of the followed connection if there is one."""
        sight = self.sight
        sight.filter, sight.followed = text, followed
        if self.return_to == UNKNOWN:
            self.left = self.left if self.row == UNKNOWN else self.row
            self.return_to = self.left
        sight.view = View(sight.store, filters.compile(sight.expression) if sight.expression else None)
        if sight.view.rows is not None:
            self.scan(sight.view)
            self.set_timer(FIRST_MATCHES, self.tick)
        self.rows.move_to(0)
        self.rows.reload()
        self.query_one(Sessions).refresh()  # one of them may be followed now
        self.tick()

    @work(thread=True, exclusive=True, group="filter", exit_on_error=False)
    def scan(self, view: View) -> None:
        worker = get_current_worker()
        view.grow(lambda: worker.is_cancelled)

    @work(thread=True, group="summaries", exit_on_error=False)
    def summarize(self) -> None:
        self.sight.summaries.work(lambda rows: self.app.call_from_thread(self.rows.refresh_rows, rows))

    # The row under the cursor

    @on(RowList.RowMoved)
    def open_row(self) -> None:
        """Decode the row under the cursor; while one is being decoded only the last one asked for waits."""
        self.wanted = self.row
        self.of_connection = False
        if self.as_graphs and self.wanted != UNKNOWN:
            self.query_one(Graphs).show(self.wanted)
        if not self.opening and self.wanted != UNKNOWN:
            self.opening = True
            ask()
            self.call_after_refresh(self.decode, self.wanted)  # first the cursor is seen where it went

    @work(thread=True, group="open", exit_on_error=False)
    def decode(self, row: int) -> None:
        """Open a row in a thread: a long replay may not hold up the keys."""
        event, body = None, Body(None)
        try:
            with looked_at():
                give_way()
                event = self.sight.store.open(row)
                body = self.sight.body(event)
        except Exception as error:  # a worker that raises would end the whole program
            self.app.call_from_thread(self.say, f"row {row + 1:,} cannot be opened: {error}")
        self.app.call_from_thread(self.opened, row, event, body)

    def opened(self, row: int, event: Event | None, body: Body) -> None:
        self.opening = False
        if self.of_connection:
            return
        if row == self.wanted:
            self.event = event
            had_bytes = self.detail.hex.octets.length > 0
            self.detail.show(event, body)
            if had_bytes != (self.detail.hex.octets.length > 0):
                self.share_out()
        else:
            self.open_row()

    @on(LineList.Moved, "#sessions")
    def open_connection(self) -> None:
        """Show what is known of the connection under the cursor, as long as somebody looks at connections."""
        sessions = self.query_one(Sessions)
        if self.focused is sessions and sessions.connection is not None:
            self.of_connection = True
            width = max(REPORT_FROM, self.size.width - REPORT_FRAME)
            self.detail.show_report(tables([], [sessions.connection], self.sight.mask, width=width))
            self.share_detail()

    # What the keys build on

    def go(self, row: int | None, otherwise: str) -> None:
        """Go to a row, or say why not."""
        if row is None or row < 0:
            self.say(otherwise)
        else:
            self.return_to = UNKNOWN
            self.rows.go_to(row)

    def say(self, text: str) -> None:
        self.status.say(text)

    @on(events.Key)
    @on(events.MouseDown)
    def have_read(self) -> None:
        """What was said before the next key no longer is so after it."""
        self.status.hush()
