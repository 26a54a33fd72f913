"""Connections that failed though no message says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmpscope.analysis.failures import Failures
from rtmpscope.capture.files import open_capture
from rtmpscope.engine import RTMP_PORTS
from rtmpscope.model import UNKNOWN, Severity
from rtmpscope.pipeline import registry
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.store import Store
from rtmpscope.tui import navigate
from rtmpscope.tui.columns import layout
from rtmpscope.tui.sight import Sight

CAPTURES = Path(__file__).parent.parent / "captures"


def sight_of(name: str) -> Sight:
    known = registry(())
    known.annotator(Failures)
    store = Store(open_capture([str(CAPTURES / name)]), known, RTMP_PORTS)
    sight = Sight(store, Redactor(style=DOTS))
    known.annotator(sight.learn)
    store.load()
    return sight


def problems(sight: Sight, row: int, step: int) -> list[int]:
    found = []
    while (next_row := navigate.next_problem(sight, row, step)) is not None:
        found.append(row := next_row)
    return found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("server-killed.pcap", ["then the server closed the connection"]),
        ("media-never-starts.pcap", ["the client never sent media"]),
        ("handshake-stalled.pcap", ["the client did not finish it", "the server did not answer"]),
    ],
)
def test_the_end_of_a_connection_that_failed_without_a_word_is_a_problem(name: str, words: list[str]) -> None:
    sight = sight_of(name)
    rows = problems(sight, UNKNOWN, 1)
    assert len(rows) == len(words) == sight.store.problems
    assert problems(sight, sight.store.count, -1) == rows[::-1]
    for row, said in zip(rows, words, strict=True):
        event = sight.store.open(row)
        assert [(note.code, note.severity) for note in sight.body(event).notes] == [("session-failed", Severity.ERROR)]
        assert said in sight.body(event).notes[0].text and said in sight.summary(row)
        line = "".join(text for text, _ in layout(200, 10, False).line(sight, row, sight.store.row(row), False))
        assert "✖" in line and said in line


@pytest.mark.parametrize("name", ["nginx-duplicate-publish.pcap", "play-not-found.pcap"])
def test_a_failure_that_a_message_tells_is_told_once(name: str) -> None:
    sight = sight_of(name)
    assert len(problems(sight, UNKNOWN, 1)) == sight.store.problems == 1


def test_a_connection_without_a_problem_has_none() -> None:
    assert problems(sight_of("nginx-publish-play.pcap"), UNKNOWN, 1) == []
