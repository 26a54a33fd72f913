"""The detail pane: the field tree of the selected row and its bytes, each leading to the other.

While the pane of connections has the focus, it has what is known of the connection under the cursor there.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from rtmpscope.model import Event
from rtmpscope.tui.borders import Border
from rtmpscope.tui.hexpane import COUNTS, HexPane, width_for
from rtmpscope.tui.lines import LineList
from rtmpscope.tui.octets import Octets, octets
from rtmpscope.tui.palette import Piece, fit, width_of
from rtmpscope.tui.sight import Body
from rtmpscope.tui.tree import NAME_WIDTH, Node, event_tree, lines, report_nodes

LEAST_WIDTH = 8  # cells that a sentence is broken to

TREE = Binding.Group("Field tree")


class FieldTree(LineList):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "open", "Open the group", group=TREE),
        Binding("left,h", "close", "Close the group, or go to its parent", group=TREE),
        Binding("plus,asterisk", "open_all", "Open everything", group=TREE),
        Binding("enter", "choose", "Open or close the group, or read the whole value", group=TREE),
    ]

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.roots: list[Node] = []
        self.shown: list[tuple[Node, int, str]] = []  # node, depth, and the part of its sentence if it has one

    def show(self, roots: list[Node]) -> None:
        self.roots = roots
        self.lay_out()
        self.move_to(0)

    def lay_out(self) -> None:
        self.shown = [
            (node, depth, part)
            for node, depth in lines(self.roots)
            for part in (self.broken(node.name, depth) if node.sentence else ("",))
        ]
        self.reload()

    def broken(self, sentence: str, depth: int) -> list[str]:
        """A sentence in lines; all but the first are set in under its second word."""
        return wrap(sentence, max(LEAST_WIDTH, self.width - 2 * depth - 2), subsequent_indent="  ") or [""]

    def on_resize(self) -> None:
        self.lay_out()
        self.show_cursor()

    @property
    def node(self) -> Node | None:
        return self.shown[self.cursor][0] if self.cursor < len(self.shown) else None

    def total(self) -> int:
        return len(self.shown)

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        node, depth, part = self.shown[line]
        if part:
            yield "  " * depth + "  " + part, node.style
            return
        sign = ("▾ " if node.open else "▸ ") if node.has_children else "  "
        yield "  " * depth + sign, "dim"
        title = node.style in ("strong", "dim")
        column = min(NAME_WIDTH, width * 2 // 5) - 2 * depth
        aligned = node.value and not title and width_of(node.name) <= column
        yield (fit(node.name, column) if aligned else node.name) + "  ", node.style
        yield node.value + "  " if node.value else "", node.style if title else ""
        yield node.meaning, "dim"

    def copied(self) -> str:
        return "" if self.node is None else self.node.plain or self.node.name

    def select(self, path: list[Node]) -> None:
        """Open the way to a node and put the cursor on it, without telling the bytes."""
        for node in path[:-1]:
            node.open = True
        self.lay_out()
        for line, (node, _, _) in enumerate(self.shown):
            if path and node is path[-1]:
                with self.prevent(LineList.Moved):
                    self.move_to(line, middle=True)

    def toggle(self, node: Node, open: bool) -> None:
        node.open = open
        self.lay_out()

    def action_choose(self) -> None:
        if self.node is not None and self.node.has_children:
            self.toggle(self.node, not self.node.open)
        else:
            super().action_choose()

    def action_open(self) -> None:
        if self.node is not None and self.node.has_children and not self.node.open:
            self.toggle(self.node, True)
        else:
            self.action_move(1)

    def action_close(self) -> None:
        if self.node is None:
            return
        if self.node.open and self.node.has_children:
            self.toggle(self.node, False)
            return
        depth = self.shown[self.cursor][1]
        for line in range(self.cursor, -1, -1):
            if self.shown[line][1] < depth:
                self.move_to(line)
                return

    def action_open_all(self) -> None:
        """Open what stands open to be read; groups of thousands included, for somebody asked."""
        waiting = list(self.roots)
        while waiting:
            node = waiting.pop()
            if node.has_children:
                node.open = True
                waiting.extend(node.children)
        self.lay_out()


class Detail(Horizontal):
    DEFAULT_CSS = """
    Detail {
        height: 1fr;
        & > FieldTree { width: 1fr; }
    }
    """
    HEX_SHARE = 0.55  # the bytes and their border take no more of the width than this by themselves
    HEX_FRAME = len(HexPane.MARGIN) + 1  # and the scroll bar
    LEAST_TREE = 16  # cells that the tree keeps when the border is moved

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.hex_cells: int | None = None  # that somebody gave the bytes

    def compose(self) -> ComposeResult:
        yield FieldTree(id="fields")
        yield Border("beside-bytes", upright=True)
        yield HexPane(id="bytes")

    @property
    def fields(self) -> FieldTree:
        return self.query_one(FieldTree)

    @property
    def border(self) -> Border:
        return self.query_one(Border)

    @property
    def hex(self) -> HexPane:
        return self.query_one(HexPane)

    def show(self, event: Event | None, body: Body) -> None:
        self.hex.show(octets(event, body))
        self.fields.show([] if event is None else [event_tree(event, body.shown, body.notes)])

    def show_report(self, report: str) -> None:
        """Lines of text in the place of an event."""
        self.hex.show(Octets())
        self.fields.show(report_nodes(report))

    def on_resize(self) -> None:
        """The bytes have the width of whole lines, or what somebody gave them."""
        cells = self.hex_cells
        if cells is None:
            room = int(self.size.width * self.HEX_SHARE) - self.HEX_FRAME - 1
            cells = width_for(next((count for count in COUNTS if width_for(count) <= room), 1)) + self.HEX_FRAME
        least, most = width_for(1) + self.HEX_FRAME, self.size.width - 1 - self.LEAST_TREE
        self.hex.styles.width = max(least, min(cells, most))

    @on(Border.Moved)
    def size_bytes(self, moved: Border.Moved) -> None:
        self.hex_cells = None if moved.place is None else self.region.right - moved.place - 1
        self.on_resize()

    @on(LineList.Moved, "#fields")
    def light_bytes(self) -> None:
        node = self.fields.node
        if node is not None:
            self.hex.light((node.start, node.end))

    @on(HexPane.Pointed)
    def select_field(self, pointed: HexPane.Pointed) -> None:
        if self.fields.roots:
            path = [self.fields.roots[0], *self.fields.roots[0].path_to(pointed.place)]
            self.fields.select(path)
            self.hex.lit = (path[-1].start, path[-1].end)
