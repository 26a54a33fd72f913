"""The lines of the pane of connections."""

from __future__ import annotations

import pytest

from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.model import C2S, Verdict
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.tui.sessions import OUTCOMES, session_line
from rtmpscope.tui.sight import Sight
from tests.fake_store import FakeStore, connection, message
from tests.test_tui_failures import sight_of


def verdict(outcome: str, text: str = "Publish of live/cam1: 5.0 s of media.", code: str | None = None) -> Verdict:
    return Verdict("publish", "media", outcome, code, None, text)


def line(
    outcome: str,
    width: int,
    text: str = "as it should",
    code: str | None = None,
    frames: int = 0,
    redactor: Redactor | None = None,
) -> str:
    made = connection(7, verdict(outcome, text, code))
    timeline = made.analysis["media_timeline"] = MediaTimeline(made)
    for place in range(frames):
        video = b"\x17\x01\0\0\0" if place % 10 == 0 else b"\x27\x01\0\0\0"
        timeline.on_message(message(2 * place + 1, C2S, 9, video + bytes(400), place * 40), None)
        timeline.on_message(message(2 * place + 2, C2S, 8, b"\xaf\x01" + bytes(100), place * 40), None)
    pieces = session_line(Sight(FakeStore([], [made], []), redactor), made, width)  # type: ignore[arg-type]
    return "".join(text for text, _ in pieces)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_has_its_mark_its_word_and_its_sentence(outcome: str) -> None:
    mark, _, word = OUTCOMES[outcome]
    text = line(outcome, 100, text="the sentence")
    assert "# 7 10.77.0.1:38290 → :1935" in text and f"{mark} {word}" in text and text.endswith("the sentence")


def test_a_healthy_stream_shows_its_figures_where_there_is_room() -> None:
    figures = line("ok", 119, frames=50)
    assert " kb/s  " in figures and "25 fps" in figures and "GOP 0.4 s" in figures and "A/V " in figures
    assert "as it should" not in figures and line("ok", 199, frames=50).endswith("as it should")
    assert "kb/s" not in line("ok", 80, frames=50)


def test_stalls_come_before_the_other_figures() -> None:
    sight = sight_of("publisher-stalled.pcap")
    stalled = "".join(text for text, _ in session_line(sight, sight.store.connections[0], 119))
    assert "  1 stall  " in stalled and stalled.index("1 stall ") < stalled.index(" kb/s")


def test_a_failed_session_says_why_instead() -> None:
    assert "kb/s" not in line("failed", 199, frames=50)


def test_a_status_code_comes_first_where_it_would_fall_off_the_end() -> None:
    text = "Publish of live/cam1 rejected by the server: NetStream.Publish.BadName, already in use"
    assert line("failed", 199, text=text, code="NetStream.Publish.BadName").endswith(text)
    assert "failed     NetStream.Publish.BadName: Publish of" in line("failed", 80, text, "NetStream.Publish.BadName")
    assert "failed     Publish of live/cam1 rejected" in line("failed", 80, text, "NetConnection.Connect.Success")


def test_keys_in_a_verdict_are_masked() -> None:
    redactor = Redactor(style=DOTS)
    redactor.secret("s3cretkey99")
    assert "s3cret" not in line("failed", 199, text="'s3cretkey99' is taken", redactor=redactor)
