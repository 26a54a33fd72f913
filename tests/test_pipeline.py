"""A run gives the wanted events in order, and shows how far it has come."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtmpscope import filters
from rtmpscope.capture import CaptureError
from rtmpscope.capture.files import Batch, open_capture
from rtmpscope.model import Message, Opened
from rtmpscope.pipeline import Progress, Run

CAPTURES = Path(__file__).parent.parent / "captures"
CAPTURE = str(CAPTURES / "nginx-publish-play.pcap")


def test_run_gives_every_event_of_every_connection() -> None:
    run = Run(open_capture([CAPTURE]))
    events = list(run.events())
    assert run.shown == len(events)
    assert sum(isinstance(event, Opened) for event in events) == len(run.connections)
    assert run.start_ns == run.connections[0].time_ns
    assert [file.outcome for file in run.files] == ["complete"]


def test_filtered_run_is_what_the_filter_wants_of_it() -> None:
    wanted = filters.compile("frame.time_relative < 1 and rtmp.video")
    chosen = list(Run(open_capture([CAPTURE]), wanted=wanted).events())
    whole = Run(open_capture([CAPTURE]))
    expected = [
        event.number
        for event in whole.events()
        if isinstance(event, Message) and event.type_id == 9 and event.time_ns - whole.start_ns < 1_000_000_000
    ]
    assert [event.number for event in chosen if isinstance(event, Message)] == expected != []
    assert len(chosen) == len(expected)


def test_body_that_a_filter_decoded_is_kept_for_the_sink() -> None:
    run = Run(open_capture([CAPTURE]), wanted=filters.compile("rtmp.video.frame_type == key"), whole_payloads=True)
    events = list(run.events())
    assert events and all(isinstance(event, Message) and event.body is not None for event in events)


def test_capture_without_packets_is_a_run_without_events(tmp_path: Path) -> None:
    alone = tmp_path / "nothing.pcap"
    alone.write_bytes(Path(CAPTURE).read_bytes()[:24])
    run = Run(open_capture([str(alone)]))
    assert list(run.events()) == [] and run.start_ns == 0


def test_what_cannot_be_opened_is_said_before_anything_else(tmp_path: Path) -> None:
    with pytest.raises(CaptureError):
        Run(open_capture([str(tmp_path / "missing")]))


def test_secrets_are_redacted_unless_asked_for() -> None:
    assert Run(open_capture([CAPTURE])).redactor is not None
    assert Run(open_capture([CAPTURE]), redact=False).redactor is None


def a_run(size: int | None, shown: int) -> Any:
    return SimpleNamespace(reader=SimpleNamespace(size=size), shown=shown)


def test_progress_shows_a_part_and_clears_its_line() -> None:
    output = io.StringIO()
    progress = Progress(a_run(1000, 1204), output)
    progress.show(Batch([], None, 500))
    progress.show(Batch([], None, 600))  # at once: not shown
    progress.clear()
    assert output.getvalue() == "\r\x1b[K50 %  1,204 records\r\x1b[K"


def test_progress_of_a_pipe_counts_bytes() -> None:
    output = io.StringIO()
    Progress(a_run(None, 0), output).show(Batch([], None, 5_400_000))
    assert output.getvalue().endswith("5 MB  0 records")


def test_watcher_looks_in_after_every_batch_and_once_at_the_end() -> None:
    seen: list[str] = []
    watcher = SimpleNamespace(show=lambda batch: seen.append("batch"), clear=lambda: seen.append("end"))
    run = Run(open_capture([CAPTURE]))
    list(run.events(watcher))
    assert seen == ["batch"] * (len(seen) - 1) + ["end"] and len(seen) > 2


def test_nothing_shown_needs_no_clearing() -> None:
    output = io.StringIO()
    Progress(a_run(None, 0), output).clear()
    assert output.getvalue() == ""
