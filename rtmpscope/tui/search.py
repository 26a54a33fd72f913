"""Finding a text or bytes: row by row from the cursor on, round the end, in a worker that can be stopped.

A text is looked for in what the rows read, upper and lower case alike, so that a masked key is not found.  Bytes
are looked for in the payloads, which means opening every row; that takes its time and says how far it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from time import monotonic
from typing import NamedTuple

from rtmpscope.model import Handshake, Message
from rtmpscope.tui.columns import type_name
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.turns import give_way

HEX = re.compile(r"0x((?:[0-9a-f]{2}[\s:]*)+)", re.IGNORECASE)
REPORT = 0.1  # seconds between two words about how far it is, and two looks at whether to stop


class Needle(NamedTuple):
    """text in lower case, or bytes where they are not empty."""

    text: str
    octets: bytes


def needle(text: str) -> Needle:
    """ "0x00 17" looks for bytes, anything else for a text."""
    written = HEX.fullmatch(text.strip())
    if written is None:
        return Needle(text.lower(), b"")
    return Needle("", bytes.fromhex(written[1].replace(":", " ")))


def matches(sight: Sight, row: int, wanted: Needle) -> bool:
    if wanted.octets:
        event = sight.store.open(row)
        if isinstance(event, Message):
            return wanted.octets in event.payload
        return isinstance(event, Handshake) and wanted.octets in event.data
    type_text = type_name(sight, row, sight.store.row(row))
    return wanted.text in sight.summary(row).lower() or wanted.text in type_text.lower()


def places(count: int, start: int, step: int) -> Iterator[int]:
    """Every position once, from the one after `start` on, round the end."""
    for distance in range(1, count + 1):
        yield (start + step * distance) % count


def find(sight: Sight, wanted: Needle, row: int, step: int, goes_on: Callable[[int], bool]) -> int | None:
    """The next row that is shown and matches.

    `goes_on` is told now and then how many rows were looked at; when it answers False the search ends.
    """
    view = sight.view
    if not len(view):
        return None
    due = monotonic() + REPORT
    for looked, position in enumerate(places(len(view), view.position(row), step)):
        if monotonic() >= due:
            if not goes_on(looked):
                return None
            due = monotonic() + REPORT
        give_way()
        if matches(sight, view.row(position), wanted):
            return view.row(position)
    return None
