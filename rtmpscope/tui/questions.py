"""What the prompt can ask: a filter, a text to find, a place to go to, a file to write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from os import path  # whose functions raise nothing, whatever somebody types

from rtmpscope import filters
from rtmpscope.model import Connection
from rtmpscope.tui import navigate
from rtmpscope.tui.prompt import Completion, Fault, Question
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.times import counted

Done = Callable[[str], None]


NAMED: dict[str, Callable[[Connection], str]] = {  # fields that tell connections from each other
    "rtmp.connection": lambda connection: str(connection.id),
    "rtmp.client.address": lambda connection: connection.client.address,
    "rtmp.server.address": lambda connection: connection.server.address,
}


def ask_filter(sight: Sight, done: Done) -> Question:
    def complete(text: str, cursor: int) -> list[Completion]:
        return [Completion(*offer) for offer in filters.complete(text, cursor, partial(occurring, connections))]

    connections = sight.store.connections
    hint = "a display filter, such as rtmp.type == video; empty shows every row"
    return Question("filter", "/", hint, done, check_filter, complete)


def occurring(connections: Sequence[Connection], field: str) -> Iterable[tuple[str, str]]:
    """Values of the field in the capture, as far as its connections know them, and what they mean."""
    if field == "rtmp.note.code":
        codes = Counter[str]()
        for connection in connections:
            codes.update(dict(connection.note_counts))  # which may grow meanwhile
        return [(code, counted(count, "time")) for code, count in codes.most_common()]
    if field in NAMED:
        return [(NAMED[field](each), f"{each.client} → {each.server}") for each in connections]
    return ()


def check_filter(text: str) -> Fault | None:
    try:
        filters.compile(text)
    except filters.FilterError as error:
        return Fault(error.message, error.position)
    return None


def ask_find(done: Done) -> Question:
    return Question("find", "find", "a text in the rows, or bytes as 0x00 17", done)


def ask_place(sight: Sight, done: Done) -> Question:
    def check(text: str) -> Fault | None:
        return Fault("no such place", 0) if navigate.place(sight, text) is None else None

    hint = "a message number, 12.5s from the start, 14:02:03, p61 for a packet, 50%"
    return Question("place", ":", hint, done, check)


def ask_file(done: Done) -> Question:
    def check(text: str) -> Fault | None:
        folder = path.dirname(path.expanduser(text)) or "."
        return None if path.isdir(folder) else Fault(f"there is no folder {folder}", 0)

    def doubt(text: str) -> Fault | None:
        there = path.exists(path.expanduser(text))
        return Fault("there is such a file: enter once more writes over it", 0) if there else None

    hint = "a file for the JSON trace of the rows shown, such as shown.jsonl"
    return Question("file", "export to", hint, done, check, doubt=doubt)
