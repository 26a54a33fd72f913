"""What every pane is made of: a bar of one line, and a list of lines with a cursor.

A subclass says how many lines there are and what one line reads; only the lines on the screen are ever asked
for, so a list of five million lines costs what a list of fifty does.  Text that came from the wire passes
`printable` before it becomes a piece, and no piece is ever read as markup.

Lines go to the screen by a way of their own: Textual's, which is made for borders, padding and opacity, took more
than half of the time of a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from rtmpscope.tui.palette import Piece, paint, styles

COPY_WIDTH = 400  # cells that a copied line may take
MOVE = Binding.Group("Move")


class Drawn(Widget):
    """A widget that says what each of its lines reads, from edge to edge: it has neither border nor padding.

    A line is drawn once, and kept as it goes to the screen until it is refreshed.
    """

    _base: Style | None = None

    def __init__(self, *children: Widget, **options: Any) -> None:
        self._drawn: dict[int, Strip] = {}
        super().__init__(*children, **options)

    @property
    def base(self) -> Style:
        """The look of the widget itself, which is found by going through all its ancestors."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def notify_style_update(self) -> None:
        self._base = None
        self._drawn.clear()
        super().notify_style_update()

    def _set_dirty(self, *regions: Region) -> None:
        super()._set_dirty(*regions)
        if not regions:
            self._drawn.clear()
        for region in regions:
            for y in region.line_range:
                self._drawn.pop(y, None)

    def render_lines(self, crop: Region) -> list[Strip]:
        for y in crop.line_range:
            if y not in self._drawn:
                self._drawn[y] = self._filtered(self.render_line(y))
        strips = [self._drawn[y] for y in crop.line_range]
        return strips if crop.width == self.outer_size.width else [strip.crop(*crop.column_span) for strip in strips]

    def _filtered(self, strip: Strip) -> Strip:
        background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            strip = strip.apply_filter(line_filter, background)
        return strip


class Bar(Drawn):
    """One line, drawn anew whenever it is refreshed."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def pieces(self, width: int) -> Iterable[Piece]:
        """What the line reads, left to right."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        return paint(self.pieces(self.size.width), self.size.width, self.base, styles(self.app))


class LineList(ScrollView, Drawn, can_focus=True):
    DEFAULT_CSS = "LineList { scrollbar-size: 1 1; overflow-x: hidden; overflow-y: scroll; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Next line", group=MOVE),
        Binding("up,k", "move(-1)", "Previous line", group=MOVE),
        Binding("pagedown,space", "page(1)", "Page down", group=MOVE),
        Binding("pageup,backspace", "page(-1)", "Page up", group=MOVE),
        Binding("ctrl+d", "page(0.5)", "Half a page down", group=MOVE),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", group=MOVE),
        Binding("g,home", "first", "First line", group=MOVE),
        Binding("G,end", "last", "Last line", group=MOVE),
        Binding("enter", "choose", "Open", group=MOVE),
    ]
    LINE_CURSOR: ClassVar[bool] = True  # False where the cursor is smaller than a line
    MARGIN: ClassVar[str] = ""  # stands left of every line

    cursor: reactive[int] = reactive(0, repaint=False)
    _inner: tuple[Size, Size] | None = None
    _scrolled: tuple[Size, Size] | None = None

    class Moved(Message):
        """The cursor stands on another line."""

        def __init__(self, lines: LineList) -> None:
            super().__init__()
            self.lines = lines

        @property
        def control(self) -> LineList:
            return self.lines

    class Chosen(Moved):
        """Enter or a double click on the line under the cursor."""

    # What a subclass says

    def total(self) -> int:
        """The number of lines."""
        raise NotImplementedError

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """What the line reads, left to right."""
        raise NotImplementedError

    def placeholder(self) -> Sequence[str]:
        """What stands there while there is no line."""
        return ()

    def copied(self) -> str:
        """What the copy key takes: the text of the line under the cursor, without the mark of the cursor itself."""
        if not self.virtual_size.height:
            return ""
        text = "".join(text for text, _ in self.pieces(self.cursor, COPY_WIDTH))
        return " ".join(text.removeprefix("▸").split())

    # The view

    @property
    def inner(self) -> Size:
        """The cells that lines are drawn in; asked for with every line, so worked out once for a size."""
        if self._inner is None or self._inner[0] != self.outer_size:
            self._inner = self.outer_size, self.scrollable_content_region.size
        return self._inner[1]

    @property
    def width(self) -> int:
        return self.inner.width - len(self.MARGIN)

    @property
    def height(self) -> int:
        return self.inner.height

    @property
    def at_end(self) -> bool:
        return self.cursor >= self.virtual_size.height - 1

    @property
    def end_in_sight(self) -> bool:
        return self.scroll_offset.y + self.height >= self.virtual_size.height

    def take_up(self) -> None:
        """Take up lines that have come or gone; the cursor stays on its line as long as there is one."""
        total, before = self.total(), self.virtual_size.height
        if total != before:
            self.set_reactive(Widget.virtual_size, Size(0, total))  # which by itself would lay out the whole screen
            self._scroll_update(self.virtual_size)
            self.cursor = max(0, min(self.cursor, total - 1))
            if min(total, before) < self.scroll_offset.y + self.height:
                self.refresh()

    def _scroll_update(self, virtual_size: Size) -> None:
        """Update the scroll bar where it changes: Textual does so after every layout, and draws it anew."""
        scrolled = virtual_size, self.container_size
        if scrolled != self._scrolled:
            self._scrolled = scrolled
            super()._scroll_update(virtual_size)

    def reload(self) -> None:
        """Every line may read otherwise now."""
        self.take_up()
        self.refresh()

    def move_to(self, line: int, middle: bool = False) -> None:
        """Put the cursor on a line and the line on the screen, in its middle when it has to be sought there."""
        self.cursor = max(0, min(line, self.virtual_size.height - 1))
        self.show_cursor(middle)

    def show_cursor(self, middle: bool = False) -> None:
        top, height = self.scroll_offset.y, max(1, self.height)
        if self.cursor < top:
            top = self.cursor - (height // 2 if middle else 0)
        elif self.cursor >= top + height:
            top = self.cursor - (height // 2 if middle else height - 1)
        else:
            return
        self.scroll_to(y=max(0, top), animate=False)

    def watch_cursor(self, old: int, new: int) -> None:
        self.refresh_line(old)
        self.refresh_line(new)
        self.post_message(self.Moved(self))

    def refresh_line(self, y: int) -> None:
        row = y - self.scroll_offset.y
        if 0 <= row < self.height:
            self.refresh(Region(0, row, self.size.width, 1))

    def on_focus(self, event: events.Focus) -> None:
        event.prevent_default()
        self.take_focus(True, events.DescendantFocus(self))

    def on_blur(self, event: events.Blur) -> None:
        event.prevent_default()
        self.take_focus(False, events.DescendantBlur(self))

    def watch_has_focus(self, _has_focus: bool) -> None:
        """Nothing in the style sheets of a list depends on the focus: they need not be gone through again."""

    def take_focus(self, focused: bool, told: events.DescendantFocus | events.DescendantBlur) -> None:
        """What Textual does, but only the line of the cursor is drawn anew: no other looks different."""
        self.has_focus = focused
        self.refresh_line(self.cursor)
        if self.parent is not None:
            self.parent.post_message(told)

    def render_line(self, y: int) -> Strip:
        line = self.scroll_offset.y + y
        width, looks, base = self.width, styles(self.app), self.base
        pieces: Iterable[Piece] = ()
        if line < min(self.virtual_size.height, self.total()):  # lines may have gone that were not taken up yet
            pieces = self.pieces(line, width)
            if line == self.cursor and self.LINE_CURSOR:
                base += looks["cursor-focus" if self.has_focus else "cursor"]
        elif not self.virtual_size.height:
            pieces = [("  " + text, "dim") for text in self.placeholder()[y : y + 1]]
        return paint(((self.MARGIN, "rule"), *pieces), self.inner.width, base, looks)

    # Hands

    def action_move(self, step: int) -> None:
        self.move_to(self.cursor + step)

    def action_page(self, pages: float) -> None:
        """Move the view and the cursor together, so that the cursor keeps its place on the screen."""
        step = int(max(1, self.height - 1) * pages) or (1 if pages > 0 else -1)
        top = self.scroll_offset.y + step
        self.cursor = max(0, min(self.cursor + step, self.virtual_size.height - 1))
        self.scroll_to(y=max(0, min(top, self.virtual_size.height - self.height)), animate=False)
        self.show_cursor()

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.take_up()
        self.move_to(self.virtual_size.height - 1)

    def action_choose(self) -> None:
        if self.virtual_size.height:
            self.post_message(self.Chosen(self))

    def on_click(self, event: events.Click) -> None:
        line = self.scroll_offset.y + event.y
        if line < self.virtual_size.height:
            self.move_to(line)
            if event.chain == 2:
                self.action_choose()

    def on_resize(self) -> None:
        self.show_cursor()
