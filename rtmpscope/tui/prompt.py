"""The line in which a filter, a text to find, a place or a file name is typed, and the list of completions over it.

One prompt serves all: what is asked is a Question.  Nothing slow happens while somebody types: `check` and
`complete` look at the text only.  Shut, the prompt is still there, without a line: were it taken out of the layout,
every other widget would have another place in the order of drawing, and would be drawn anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input

from rtmpscope.text import printable
from rtmpscope.tui.lines import Bar, LineList
from rtmpscope.tui.palette import Piece, fit

SHOWN = 8  # completions on the screen at once
PROMPT = Binding.Group("Prompt")


class Completion(NamedTuple):
    """A text that may stand from `start` up to the cursor, and what it means."""

    start: int
    text: str
    meaning: str


class Fault(NamedTuple):
    """Why a text cannot be taken, and at which character."""

    text: str
    position: int


class Question(NamedTuple):
    """Something to be asked: `check` gives what is wrong with a text, `complete` what could stand at the cursor.

    `doubt` gives what one should know before a text is taken; enter has to be pressed once more.
    """

    name: str
    sign: str
    placeholder: str
    done: Callable[[str], None]
    check: Callable[[str], Fault | None] = lambda text: None
    complete: Callable[[str, int], Sequence[Completion]] = lambda text, cursor: ()
    doubt: Callable[[str], Fault | None] = lambda text: None


class Completions(LineList, can_focus=False):
    DEFAULT_CSS = "Completions { background: $surface; height: auto; max-height: 8; }"

    def __init__(self) -> None:
        super().__init__()
        self.offers: Sequence[Completion] = ()

    def show(self, offers: Sequence[Completion]) -> None:
        self.offers = offers
        self.styles.height = min(SHOWN, len(offers))
        self.display = bool(offers)
        self.reload()
        self.move_to(0)

    def total(self) -> int:
        return len(self.offers)

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        offer = self.offers[line]
        yield "  " + fit(printable(offer.text), max(8, min(32, width // 2))) + "  ", "command"
        yield printable(offer.meaning), "dim"

    def on_click(self, event: events.Click) -> None:
        """One click is enough to take a completion."""
        event.prevent_default()
        self.move_to(self.scroll_offset.y + event.y)
        self.action_choose()


class Complaint(Bar):
    """What is wrong with the text, under the place where it is wrong."""

    DEFAULT_CSS = "Complaint { background: $surface; }"
    fault: Fault | None = None

    def pieces(self, width: int) -> Iterable[Piece]:
        if self.fault is not None:
            text = f"↓ {printable(self.fault.text)}"
            yield " " * max(0, min(2 + self.fault.position, width - len(text))) + text, "warning"


class Prompt(Vertical):
    DEFAULT_CSS = """
    Prompt {
        layer: above;
        dock: bottom;
        height: 0;
        & > Horizontal { height: 1; }
        & Sign { width: auto; }
        & Input { width: 1fr; height: 1; border: none; padding: 0; background: $surface; }
        & Input:focus { border: none; }
        & Input.-bad { color: $text-error; }
        & Input.-good { color: $text-success; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave things as they were", group=PROMPT),
        Binding("tab", "complete", "Take the completion", group=PROMPT, priority=True),
        Binding("down", "look(1)", "Next completion, or newer text", group=PROMPT, priority=True),
        Binding("up", "look(-1)", "Previous completion, or older text", group=PROMPT, priority=True),
    ]

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.question = Question("", "", "", lambda text: None)
        self.history: dict[str, list[str]] = {}
        self.back = 0  # how many texts ago the one in the line was used
        self.came_from: Widget | None = None
        self.doubted = ""  # the text on which enter was pressed, and has to be once more
        self._open = False

    def compose(self) -> ComposeResult:
        yield Completions()
        yield Complaint()
        with Horizontal():
            yield Sign()
            yield Input(restrict=r"[^\x00-\x1f\x7f-\x9f]*", select_on_focus=False)

    @property
    def open(self) -> bool:
        """Something is being asked."""
        return self._open

    @property
    def input(self) -> Input:
        return self.query_one(Input)

    def ask(self, question: Question, text: str = "") -> None:
        self.question = question
        self.back = 0
        self.doubted = ""
        self._open = True
        self.styles.height = "auto"
        sign = self.query_one(Sign)
        sign.text = question.sign
        sign.refresh(layout=True)
        self.input.placeholder = question.placeholder
        self.input.value = text
        self.input.cursor_position = len(text)
        self.came_from = self.screen.focused
        self.screen.set_focus(self.input)  # at once: `focus` would let the next key go astray
        self.judge()

    def close(self) -> None:
        self._open = False
        self.styles.height = 0
        self.screen.set_focus(self.came_from)

    @on(Input.Changed)
    def judge(self) -> None:
        """Say what is wrong with the text, and what could stand at the cursor."""
        text = self.input.value
        fault = self.question.check(text) if text else None
        offers = self.question.complete(text, self.input.cursor_position)
        self.complain(fault, not offers)
        self.input.set_class(fault is not None, "-bad")
        self.input.set_class(bool(text) and fault is None, "-good")
        self.query_one(Completions).show(offers)

    def complain(self, fault: Fault | None, room: bool = True) -> None:
        complaint = self.query_one(Complaint)
        complaint.fault = fault
        complaint.display = fault is not None and room
        complaint.refresh()

    @on(Input.Submitted)
    def take(self) -> None:
        text = self.input.value
        fault = self.question.check(text) if text else None
        if fault is None and text != self.doubted:
            fault = self.question.doubt(text)
            self.doubted = text
        if fault is not None:
            self.query_one(Completions).show(())
            self.complain(fault)
            return
        used = self.history.setdefault(self.question.name, [])
        if text and text not in used[-1:]:
            used.append(text)
        self.close()
        self.question.done(text)

    def action_leave(self) -> None:
        self.close()

    @on(LineList.Chosen)
    def action_complete(self) -> None:
        completions = self.query_one(Completions)
        if completions.offers:
            offer = completions.offers[completions.cursor]
            cursor = self.input.cursor_position
            self.input.replace(offer.text, offer.start, cursor)
            self.input.cursor_position = offer.start + len(offer.text)

    def action_look(self, step: int) -> None:
        completions = self.query_one(Completions)
        remembering = self.back or (step < 0 and not self.input.value)
        if completions.offers and not remembering:
            completions.action_move(step)
            return
        used = self.history.get(self.question.name, [])
        self.back = max(0, min(self.back - step, len(used)))
        self.input.value = used[-self.back] if self.back else ""
        self.input.cursor_position = len(self.input.value)


class Sign(Bar):
    """What kind of text is asked for: "/" a filter, ":" a place."""

    text = ""

    def get_content_width(self, *_: object) -> int:
        return len(self.text) + 2

    def pieces(self, width: int) -> Iterable[Piece]:
        yield f" {self.text} ", "mark"
