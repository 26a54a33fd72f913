"""The main screen: what each of its keys does."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import chop_cells
from textual import on, work
from textual.binding import BindingType
from textual.widget import Widget
from textual.worker import get_current_worker

from rtmpscope.export import OutputError
from rtmpscope.export.stats import tables
from rtmpscope.model import UNKNOWN, Message
from rtmpscope.text import elided
from rtmpscope.tui import navigate, search
from rtmpscope.tui.graphs import Graphs
from rtmpscope.tui.keys import ASKING, KEYS
from rtmpscope.tui.lines import LineList
from rtmpscope.tui.pages import Page
from rtmpscope.tui.palette import Pieces
from rtmpscope.tui.prompt import Prompt
from rtmpscope.tui.questions import ask_file, ask_filter, ask_find, ask_place
from rtmpscope.tui.save import Stopped, save
from rtmpscope.tui.sessions import Sessions, verdict_of
from rtmpscope.tui.timeline import RowList
from rtmpscope.tui.times import FORMATS, SINCE_REFERENCE, TimeFormat
from rtmpscope.tui.turns import import_in_steps
from rtmpscope.tui.workbench import REPORT_FROM, Workbench

JOB = "job"  # what may take long and can be stopped: a search, an export
ALIKE = {"connection": ("connection",), "stream": ("message_stream_id", "connection")}


class MainScreen(Workbench):
    BINDINGS: ClassVar[list[BindingType]] = KEYS
    needle: search.Needle | None = None
    came_from = UNKNOWN  # the row where the way back to the marks began

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys that open the prompt come before any pane, so that what is typed next goes there; not twice."""
        return action not in ASKING or not self.query_one(Prompt).open

    # Panes

    def action_pane(self, step: int) -> None:
        stops = self.stops
        place = stops.index(self.focused) if self.focused in stops else 1
        stop = stops[(place + step) % len(stops)]
        for hidden in stop.ancestors_with_self:
            if isinstance(hidden, Widget):
                hidden.display = True
        self.set_focus(stop)

    def action_maximise(self) -> None:
        self.alone = not self.alone
        self.share_out()

    def action_share(self, step: int) -> None:
        if self.single:
            self.say("one pane has all of the screen")
        else:
            self.heights.grow_lower(2 * step, self.size.height)
            self.share_out()

    # Going about

    def action_problem(self, step: int) -> None:
        way = "after" if step > 0 else "before"
        if self.row != UNKNOWN:
            self.go(navigate.next_problem(self.sight, self.row, step), f"no problem {way} this row")

    def action_alike(self, step: int, what: str) -> None:
        if self.row != UNKNOWN:
            self.go(navigate.next_alike(self.sight, self.row, step, ALIKE[what]), f"no more rows of this {what}")

    def action_answer(self) -> None:
        if isinstance(self.focused, Sessions) and self.focused.connection is not None:
            decided = verdict_of(self.focused.connection).message or 0
            self.go(navigate.row_of_message(self.sight, decided), "no message decided what became of this connection")
        elif self.row != UNKNOWN:
            event = self.sight.store.light(self.row)  # the detail pane may still have the row before
            number = navigate.other_end(event.call, event) if isinstance(event, Message) else 0
            self.go(navigate.row_of_message(self.sight, number), "this row is neither a call nor an answer")

    def action_go_to(self) -> None:
        def done(text: str) -> None:
            self.go(navigate.place(self.sight, text), "no such place")

        self.query_one(Prompt).ask(ask_place(self.sight, done))

    def action_mark(self) -> None:
        if self.row != UNKNOWN:
            marks = self.sight.marks
            if self.row in marks:
                marks.remove(self.row)
            else:
                marks.append(self.row)
            self.rows.refresh()

    def action_return(self) -> None:
        """Back to the row marked last, then to those marked before it, at last to where the way back began."""
        marks = [row for row in reversed(self.sight.marks) if self.sight.view.shows(row)]
        if not marks:
            self.say("no marked rows: m marks")
            return
        if self.row not in (*marks, self.came_from):
            self.came_from = self.row
        stops = [*marks, self.came_from] if self.sight.view.shows(self.came_from) else marks
        place = stops.index(self.row) if self.row in stops else -1
        self.go(stops[(place + 1) % len(stops)], "")

    # Looking otherwise

    def action_filter(self) -> None:
        def done(text: str) -> None:
            self.look_through(text.strip(), self.sight.followed)

        self.make_ready()
        self.query_one(Prompt).ask(ask_filter(self.sight, done), self.sight.filter)

    @work(thread=True, group="imports", exit_on_error=False)
    def make_ready(self) -> None:
        """Import what a filter computes with while it is being typed: that takes a tenth of a second."""
        import_in_steps("numpy")

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

    @work(thread=True, exclusive=True, group=JOB, exit_on_error=False)
    def seek(self, wanted: search.Needle, row: int, step: int) -> None:
        worker = get_current_worker()

        def goes_on(looked: int) -> bool:
            self.app.call_from_thread(self.say, f"looking: {looked:,} rows so far, escape stops")
            return not worker.is_cancelled

        found = search.find(self.sight, wanted, row, step, goes_on)
        if not worker.is_cancelled:
            self.app.call_from_thread(self.say, "")
            self.app.call_from_thread(self.go, found, "not found")

    def action_follow(self) -> None:
        """Show one connection only: the one under the cursor; again, all of them."""
        chosen = UNKNOWN
        if isinstance(self.focused, Sessions) and self.focused.connection is not None:
            chosen = self.focused.connection.id
        elif self.row != UNKNOWN:
            chosen = self.sight.store.row(self.row).connection
        self.look_through(self.sight.filter, UNKNOWN if chosen == self.sight.followed else chosen)

    @on(LineList.Chosen, "#sessions")
    def follow_chosen(self) -> None:
        self.action_follow()
        self.set_focus(self.rows)

    @on(LineList.Chosen, "#rows > RowList")
    def enter_detail(self) -> None:
        self.action_pane(1)

    @on(LineList.Chosen, "#fields")
    def show_value(self) -> None:
        """A page with all of a value, which a line of the tree may have no room for."""
        node = self.detail.fields.node
        if node is not None and node.plain:
            text = node.plain
            self.app.push_screen(Page(node.name, lambda width: [[(part, "")] for part in chop_cells(text, width)]))

    def action_clear(self) -> None:
        """Stop a search; or drop what narrows the view, the followed connection first, then the filter."""
        if self.workers.cancel_group(self, JOB):
            self.say("stopped")
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
        self.rows.take_up()
        self.rows.lay_out()
        if row != UNKNOWN:
            self.rows.go_to(row)
        if focused:
            self.set_focus(self.rows)

    def action_graphs(self) -> None:
        """Graphs of the connection in the place of the detail pane, or the detail pane again."""
        self.as_graphs = not self.as_graphs
        if self.as_graphs and self.single:
            self.set_focus(self.query_one(Graphs))  # which alone brings them on the screen
        elif self.focused not in self.stops:
            self.set_focus(self.rows)
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

    # Taking along

    def action_copy(self) -> None:
        text = self.focused.copied() if isinstance(self.focused, LineList) else ""
        if text:
            self.app.copy_to_clipboard(text)
            self.say(f"copied: {elided(text, 60)}")

    def action_statistics(self) -> None:
        sight = self.sight

        def lines(width: int) -> list[Pieces]:
            width = max(REPORT_FROM, width)
            text = tables(sight.store.reader.files, sight.store.connections, sight.mask, width=width)
            return [[(line, "")] for line in text.splitlines()]

        self.app.push_screen(Page("Statistics", lines))

    def action_export(self) -> None:
        def done(path: str) -> None:
            self.write(path)

        if len(self.sight.view):
            self.query_one(Prompt).ask(ask_file(done))
        else:
            self.say("no rows to export")

    @work(thread=True, exclusive=True, group=JOB, exit_on_error=False)
    def write(self, path: str) -> None:
        worker = get_current_worker()

        def goes_on(written: int) -> bool:
            self.app.call_from_thread(self.say, f"exporting: {written:,} rows so far, escape stops")
            return not worker.is_cancelled

        try:
            said = f"{save(self.sight, path, goes_on):,} rows written to {path}"
        except (OSError, OutputError, Stopped) as error:
            said = str(error) or "stopped, nothing was written"
        self.app.call_from_thread(self.say, said)
