"""What the prompt can ask: a filter, a text to find, a place to go to, a file to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rtmpscope import filters
from rtmpscope.tui import navigate
from rtmpscope.tui.prompt import Completion, Fault, Question
from rtmpscope.tui.sight import Sight

Done = Callable[[str], None]


def ask_filter(done: Done) -> Question:
    hint = "a display filter, such as rtmp.type == video; empty shows every row"
    return Question("filter", "/", hint, done, check_filter, complete_filter)


def check_filter(text: str) -> Fault | None:
    try:
        filters.compile(text)
    except filters.FilterError as error:
        return Fault(error.message, error.position)
    return None


def complete_filter(text: str, cursor: int) -> list[Completion]:
    return [Completion(*offer) for offer in filters.complete(text, cursor)]


def ask_find(done: Done) -> Question:
    return Question("find", "find", "a text in the rows, or bytes as 0x00 17", done)


def ask_place(sight: Sight, done: Done) -> Question:
    def check(text: str) -> Fault | None:
        return Fault("no such place", 0) if navigate.place(sight, text) is None else None

    hint = "a message number, 12.5s from the start, 14:02:03, p61 for a packet, 50%"
    return Question("place", ":", hint, done, check)


def ask_file(done: Done) -> Question:
    def check(text: str) -> Fault | None:
        folder = Path(text).expanduser().parent
        return None if folder.is_dir() else Fault(f"there is no folder {folder}", 0)

    hint = "a file for the JSON trace of the rows shown, such as shown.jsonl"
    return Question("file", "export to", hint, done, check)
