"""Writing the rows that are shown as a JSON trace, in a worker that can be stopped."""

from __future__ import annotations

import os
from collections.abc import Callable

from rtmpscope import filters
from rtmpscope.export.files import output
from rtmpscope.export.jsonl import Trace, json_lines
from rtmpscope.redact import TAGS
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.turns import give_way

REPORT = 1000  # rows between two words about how far it is


class Stopped(Exception):
    """Somebody stopped the export; the file was not written."""


def save(sight: Sight, path: str, goes_on: Callable[[int], bool]) -> int:
    """Write the rows shown now to the file; their number.

    Keys become tags, revealed on the screen or not, unless rtmpscope was started with --no-redact.  `goes_on` is
    told how many rows were written; when it answers False, Stopped is raised and the file is left as it was.
    Raises OutputError.
    """
    view = sight.view
    count = len(view)
    redactor = None if sight.redactor is None else sight.redactor.in_style(TAGS)
    wanted = filters.compile(sight.expression) if sight.expression else None
    text = None if wanted is None else wanted.text if redactor is None else wanted.redacted(redactor)
    with output(os.path.expanduser(path)) as file:
        trace = Trace(json_lines(file.write), sight.store.connections, sight.store.describe, redactor)
        trace.header([(report.path, report.format) for report in sight.store.reader.files], text)
        for position in range(count):
            if position % REPORT == 0 and not goes_on(position):
                raise Stopped
            give_way()
            trace.event(sight.store.open(view.row(position)))
        trace.finish(sight.store.reader.files)
    return count
