"""The main screen: connections, timeline or ladder, detail and bytes; it brings hands and panes together.

The screen pulls: ten times a second it takes up the rows that a thread has appended meanwhile.  No pane parses,
no thread touches a pane.
"""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import get_current_worker

from rtmpscope import filters
from rtmpscope.model import UNKNOWN, Event, Message
from rtmpscope.text import elided
from rtmpscope.tui import navigate, search
from rtmpscope.tui.detail import Detail
from rtmpscope.tui.graphs import Graphs
from rtmpscope.tui.keys import KEYS
from rtmpscope.tui.ladder import Ladder
from rtmpscope.tui.lines import LineList
from rtmpscope.tui.prompt import Prompt
from rtmpscope.tui.questions import ask_filter, ask_find, ask_place
from rtmpscope.tui.sessions import Sessions
from rtmpscope.tui.sight import Body, Sight
from rtmpscope.tui.status import EdgeBar, Rule, StatusBar, TitleBar
from rtmpscope.tui.timeline import RowList, Timeline
from rtmpscope.tui.times import FORMATS, SINCE_REFERENCE, TimeFormat
from rtmpscope.tui.view import View

TICK = 0.1  # seconds
SINGLE_BELOW = 20  # lines of the terminal below which one pane is shown at a time
TWO_PARTS_FROM = 70  # columns from which tree and bytes stand side by side when the detail pane is alone
ALIKE = {"connection": ("connection",), "stream": ("message_stream_id", "connection")}


class MainScreen(Screen[None]):
    CSS = """
    #rows { height: 2fr; }
    #rows > RowList { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    def __init__(self, sight: Sight, capture: str, display_filter: str = "") -> None:
        super().__init__()
        self.sight = sight
        self.capture = capture
        self.display_filter = display_filter
        self.as_ladder = False
        self.as_graphs = False
        self.follow_end = False
        self.return_to = UNKNOWN  # the row to return to when a new view has reached it
        self.share = 0  # lines that the detail pane was made larger by
        self.alone = False  # one pane fills the screen because somebody asked for it
        self.needle: search.Needle | None = None
        self.seen = 0  # rows shown when the cursor last stood on the newest
        self.event: Event | None = None  # what the detail pane shows
        self.wanted = UNKNOWN  # the row it should show
        self.opening = False

    # Make-up

    def compose(self) -> ComposeResult:
        yield TitleBar(self.sight, self.capture)
        yield Sessions(self.sight, "sessions")
        yield Rule()
        with Container(id="rows"):
            for rows in (Timeline(self.sight), Ladder(self.sight)):
                yield rows.head
                yield rows
        yield Rule()
        yield Detail(id="detail")
        yield Graphs(self.sight)
        yield Prompt("prompt")
        yield StatusBar(self.sight)

    def on_mount(self) -> None:
        self.query_one(Ladder).head.display = False
        self.rows.focus()
        if self.display_filter:
            self.look_through(self.display_filter, UNKNOWN)
        self.set_interval(TICK, self.tick)

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
        lower: list[Widget] = [self.query_one(Graphs)] if self.as_graphs else [self.detail.fields, self.detail.hex]
        return [self.query_one(Sessions), self.rows, *lower]

    # Arrangement

    def share_out(self) -> None:
        """Share the height out; below twenty lines, or when asked to, the pane with the focus has all of it."""
        width, height = self.size
        single = self.alone or height < SINGLE_BELOW
        sessions, rows, detail, graphs = (self.query_one(name) for name in ("#sessions", "#rows", "#detail", "Graphs"))
        lower = graphs if self.as_graphs else detail
        focused = self.focused or self.rows
        current = next((pane for pane in (sessions, lower) if pane in focused.ancestors_with_self), rows)
        for pane in (sessions, rows, detail, graphs):
            pane.display = pane is current or (not single and pane in (sessions, rows, lower))
        for rule in self.query(Rule):
            rule.display = not single
        for bar in self.query(EdgeBar):
            bar.display = height >= 5
        for part in (self.detail.fields, self.detail.hex):
            part.display = part is focused or not (single and width < TWO_PARTS_FROM) or current is not detail
        lines = min(len(self.sight.store.connections), height // 2 if current is sessions else max(1, height // 8))
        sessions.styles.height = "1fr" if single else max(1, lines)
        lower.styles.height = "1fr" if single else max(3, height * 3 // 10 + self.share)

    def on_resize(self) -> None:
        self.share_out()

    def on_descendant_focus(self) -> None:
        self.share_out()

    def action_pane(self, step: int) -> None:
        stops = self.stops
        place = stops.index(self.focused) if self.focused in stops else 1
        stop = stops[(place + step) % len(stops)]
        for hidden in stop.ancestors_with_self:
            if isinstance(hidden, Widget):
                hidden.display = True
        stop.focus()

    def action_maximise(self) -> None:
        self.alone = not self.alone
        self.share_out()

    def action_share(self, step: int) -> None:
        self.share += 2 * step
        self.share_out()

    # What the timer does

    def tick(self) -> None:
        """Take up what has come since the last time."""
        rows = self.rows
        was_empty, at_end = not rows.virtual_size.height, rows.at_end
        rows.take_up()
        if self.follow_end and at_end and not rows.at_end:
            rows.action_last()
        self.find_back()
        if rows.at_end or not self.follow_end:
            self.seen = len(self.sight.view)
        if was_empty and rows.virtual_size.height:
            self.open_row()
        sessions = self.query_one(Sessions)
        if sessions.total() != sessions.virtual_size.height:
            self.share_out()
        sessions.reload()
        self.status.row = self.row
        self.status.new = len(self.sight.view) - self.seen
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
        parts = [f"rtmp.connection == {followed}"] if followed != UNKNOWN else []
        if text:
            parts.append(f"({text})" if parts else text)
        sight = self.sight
        sight.filter, sight.followed = text, followed
        self.return_to = self.row if self.return_to == UNKNOWN else self.return_to
        sight.view = View(sight.store, filters.compile(" and ".join(parts)) if parts else None)
        self.scan(sight.view)
        self.rows.move_to(0)
        self.rows.reload()
        self.tick()

    @work(thread=True, exclusive=True, group="filter", exit_on_error=False)
    def scan(self, view: View) -> None:
        worker = get_current_worker()
        view.grow(lambda: worker.is_cancelled)

    # The row under the cursor

    @on(RowList.RowMoved)
    def open_row(self) -> None:
        """Decode the row under the cursor; while one is being decoded only the last one asked for waits."""
        self.wanted = self.row
        if self.as_graphs and self.wanted != UNKNOWN:
            self.query_one(Graphs).show(self.wanted)
        if not self.opening and self.wanted != UNKNOWN:
            self.opening = True
            self.decode(self.wanted)

    @work(thread=True, group="open", exit_on_error=False)
    def decode(self, row: int) -> None:
        """Open a row in a thread: a long replay may not hold up the keys."""
        event, body = None, Body(None, None)
        try:
            event = self.sight.store.open(row)
            body = self.sight.body(event)
        except Exception as error:  # a worker that raises would end the whole program
            self.app.call_from_thread(self.say, f"row {row + 1:,} cannot be opened: {error}")
        self.app.call_from_thread(self.opened, row, event, body)

    def opened(self, row: int, event: Event | None, body: Body) -> None:
        self.opening = False
        if row == self.wanted:
            self.event = event
            self.detail.show(event, body)
        else:
            self.open_row()

    # Going about

    def go(self, row: int | None, otherwise: str) -> None:
        """Go to a row, or say why not."""
        if row is None or row < 0:
            self.say(otherwise)
        else:
            self.return_to = UNKNOWN
            self.rows.go_to(row)

    def say(self, text: str) -> None:
        self.status.say(text)

    def action_problem(self, step: int) -> None:
        way = "after" if step > 0 else "before"
        if self.row != UNKNOWN:
            self.go(navigate.next_problem(self.sight, self.row, step), f"no problem {way} this row")

    def action_alike(self, step: int, what: str) -> None:
        if self.row != UNKNOWN:
            self.go(navigate.next_alike(self.sight, self.row, step, ALIKE[what]), f"no more rows of this {what}")

    def action_answer(self) -> None:
        message = self.event
        if isinstance(message, Message):
            number = navigate.other_end(message.call, message)
            self.go(navigate.row_of_message(self.sight, number), "this message is neither a call nor an answer")

    def action_go_to(self) -> None:
        def done(text: str) -> None:
            self.go(navigate.place(self.sight, text), "no such place")

        self.query_one(Prompt).ask(ask_place(self.sight, done))

    def action_mark(self) -> None:
        if self.row != UNKNOWN:
            self.sight.marks ^= {self.row}
            self.rows.refresh()

    def action_next_mark(self) -> None:
        """The next marked row that is shown; after the last one the first."""
        marks = sorted(row for row in self.sight.marks if self.sight.view.shows(row))
        self.go(next((row for row in marks if row > self.row), marks[0] if marks else None), "no marked rows: m marks")

    # Looking otherwise

    def action_filter(self) -> None:
        def done(text: str) -> None:
            self.look_through(text.strip(), self.sight.followed)

        self.query_one(Prompt).ask(ask_filter(done), self.sight.filter)

    def action_find(self) -> None:
        def done(text: str) -> None:
            if text:
                self.needle = search.needle(text)
            self.action_find_again(1)

        self.query_one(Prompt).ask(ask_find(done))

    def action_find_again(self, step: int) -> None:
        if self.needle is None:
            self.say("nothing to find yet: f asks for a text")
        elif self.row != UNKNOWN:
            self.seek(self.needle, self.row, step)

    @work(thread=True, exclusive=True, group="find", exit_on_error=False)
    def seek(self, wanted: search.Needle, row: int, step: int) -> None:
        worker = get_current_worker()

        def goes_on(looked: int) -> bool:
            self.app.call_from_thread(self.say, f"looking: {looked:,} rows so far, escape stops")
            return not worker.is_cancelled

        found = search.find(self.sight, wanted, row, step, goes_on)
        if not worker.is_cancelled:
            self.app.call_from_thread(self.go, found, "not found")

    def action_follow(self) -> None:
        """Show one connection only: the one under the cursor; again, all of them."""
        if self.sight.followed != UNKNOWN:
            self.look_through(self.sight.filter, UNKNOWN)
        elif isinstance(self.focused, Sessions) and self.focused.connection is not None:
            self.look_through(self.sight.filter, self.focused.connection.id)
        elif self.row != UNKNOWN:
            self.look_through(self.sight.filter, self.sight.store.row(self.row).connection)

    @on(LineList.Chosen, "#sessions")
    def follow_chosen(self) -> None:
        self.action_follow()

    @on(LineList.Chosen, "#rows > RowList")
    def enter_detail(self) -> None:
        self.action_pane(1)

    def action_clear(self) -> None:
        """Stop a search; or drop what narrows the view, the followed connection first, then the filter."""
        if self.workers.cancel_group(self, "find"):
            self.say("stopped looking")
        elif self.sight.followed != UNKNOWN:
            self.look_through(self.sight.filter, UNKNOWN)
        elif self.sight.filter:
            self.look_through("", UNKNOWN)

    def action_time_format(self) -> None:
        place = FORMATS.index(self.sight.time_format)
        self.show_times(FORMATS[(place + 1) % len(FORMATS)])

    def action_reference(self) -> None:
        """Count times from the row under the cursor; on the reference itself, from the start again."""
        self.sight.reference = UNKNOWN if self.row == self.sight.reference else self.row
        self.show_times(FORMATS[0] if self.sight.reference == UNKNOWN else SINCE_REFERENCE)

    def show_times(self, time_format: TimeFormat) -> None:
        self.sight.time_format = time_format
        self.rows.lay_out()
        self.say(f"times: {time_format.name}")

    def action_ladder(self) -> None:
        """The same rows as arrows between client and server, or as a list again."""
        row, focused = self.row, self.focused is self.rows
        self.as_ladder = not self.as_ladder
        for rows in self.query(RowList):
            rows.display = rows.head.display = rows is self.rows
        self.rows.lay_out()
        if row != UNKNOWN:
            self.rows.go_to(row)
        if focused:
            self.rows.focus()

    def action_graphs(self) -> None:
        """Graphs of the connection in the place of the detail pane, or the detail pane again."""
        self.as_graphs = not self.as_graphs
        if self.focused not in self.stops:
            self.rows.focus()
        self.share_out()
        self.open_row()

    @on(Graphs.TimePicked)
    def go_to_time(self, picked: Graphs.TimePicked) -> None:
        row = navigate.row_at_time(self.sight, picked.connection, picked.time_ns, picked.step)
        self.go(row, "the connection has nothing beyond this")

    def action_reveal(self) -> None:
        """Show keys and tokens, or mask them again."""
        sight = self.sight
        if sight.redactor is None:
            self.say("nothing is masked: rtmpscope was started with --no-redact")
            return
        sight.masked = not sight.masked
        self.rows.refresh()
        self.query_one(Sessions).refresh()
        self.open_row()
        self.say("keys are masked" if sight.masked else "keys are shown: K masks them again")

    def action_follow_end(self) -> None:
        self.follow_end = not self.follow_end
        if self.follow_end:
            self.rows.action_last()
        self.say("following the newest rows" if self.follow_end else "not following the newest rows")

    def action_copy(self) -> None:
        text = self.focused.copied() if isinstance(self.focused, LineList) else ""
        if text:
            self.app.copy_to_clipboard(text)
            self.say(f"copied: {elided(text, 60)}")

    @on(Prompt.Closed)
    def back_to_rows(self) -> None:
        self.rows.focus()
