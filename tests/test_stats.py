"""Stats for people: every connection with its verdict, figures and troubles; with a filter, what matched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rtmpscope import filters
from rtmpscope.capture.files import open_capture
from rtmpscope.export.jsonl import summary
from rtmpscope.export.stats import Tally, tables
from rtmpscope.model import Connection, End, Endpoint, Gap, Message, Severity, Verdict
from rtmpscope.pipeline import Run
from rtmpscope.redact import Redactor
from rtmpscope.text import printable
from tests.strict import check, parse

CAPTURES = Path(__file__).parent.parent / "captures"
START = 1_700_000_000_000_000_000


class Report:
    path, format, packets, bytes, outcome, offset, reason = "a.pcap", "pcap", 3, 400, "truncated", 399, "it ends early"
    dropped = 0


class Session:
    def verdict(self) -> Verdict:
        return Verdict(
            "publish", "publish", "failed", "NetStream.Publish.BadName", 12, "rejected: 'sk-secret-1' is taken"
        )


def connection() -> Connection:
    made = Connection(0, Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.2", 1935), "syn", 1, START)
    made.last_time_ns = START + 2_500_000_000
    return made


def report(*connections: Connection, redactor: Redactor | None = None) -> str:
    return tables([Report()], list(connections), redactor)  # type: ignore[list-item]


def test_capture_line_says_how_the_file_ended() -> None:
    assert report().splitlines()[0] == "a.pcap  pcap  3 packets  400 bytes  truncated at byte 399: it ends early"
    assert "no connections" in report()
    whole = Report()
    whole.outcome, whole.dropped = "complete", 7
    text = tables([whole], [], None)  # type: ignore[list-item]
    assert text.splitlines()[0] == "a.pcap  pcap  3 packets  400 bytes  complete  7 packets dropped"


def test_capture_that_is_still_being_read_has_no_end() -> None:
    running = Report()
    running.outcome, running.reason = "", ""
    assert tables([running], [], None).splitlines()[0] == "a.pcap  pcap  3 packets  400 bytes  so far"  # type: ignore[list-item]


def test_figures_of_a_capture_stand_below_a_long_name() -> None:
    file = Report()
    file.path = "captures-of-a-long-day/" * 3 + "one.pcap"
    first, second, *_ = tables([file], [], None).splitlines()  # type: ignore[list-item]
    assert first == file.path
    assert second == "    pcap  3 packets  400 bytes  truncated at byte 399: it ends early"


def test_colour_marks_the_outcome_and_nothing_else_changes() -> None:
    made = connection()
    made.analysis["session"] = Session()
    plain, coloured = (tables([Report()], [made], None, colour) for colour in (False, True))  # type: ignore[list-item]
    assert "\x1b[1;31m✖ failed\x1b[0m\n" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_connection_has_verdict_counts_and_troubles() -> None:
    made = connection()
    made.analysis["session"] = Session()
    made.counts[0].update({20: 3, 9: 1204})
    made.stream_bytes[0] = 5_000_000
    made.tcp[0].retransmissions = 7
    made.tcp_rtt_ns = 1_500_000
    made.gaps, made.lost_bytes = 2, 2896
    made.note_counts.update({"rare": 1, "client-software": 1, "frequent": 9})
    text = report(made)
    assert "connection 0  10.0.0.1:40000 → 10.0.0.2:1935  publish  ✖ failed" in text
    assert "decided by message 12, NetStream.Publish.BadName" in text
    assert "2.500 s, TCP round trip 1.5 ms" in text
    assert "5,000,000 bytes, 1,204 Video, 3 Command (AMF0), 7 retransmitted" in text
    assert "gaps       2, 2,896 bytes missing" in text
    assert "notes      9 frequent, 1 rare\n" in text


class Judged:
    def __init__(self, outcome: str) -> None:
        self.outcome = outcome

    def verdict(self) -> Verdict:
        return Verdict("publish", "media", self.outcome, None, None, "so it was")


def test_what_went_wrong_is_told_before_everything_else() -> None:
    made = []
    for number, outcome in enumerate(["ok", "failed", "ok", "incomplete", "failed"]):
        one = Connection(number, Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 1935), "syn", 1, START)
        one.analysis["session"] = Judged(outcome)
        made.append(one)
    assert report(*made).splitlines()[1] == "5 connections: ✖ 2 failed (1, 4), ◐ 1 incomplete (3), ● 2 ok"
    assert "connections:" not in report(made[0])
    assert report(*made * 3).splitlines()[1].endswith("(1, 4, 1, 4, 1, 4), ◐ 3 incomplete (3, 3, 3), ● 6 ok")
    assert "…" in report(*made * 6)


def test_verdict_is_redacted_and_escaped() -> None:
    made = connection()
    made.analysis["session"] = Session()
    redactor = Redactor()
    redactor.secret("sk-secret-1")
    assert "sk-secret" not in report(made, redactor=redactor)
    made.note_counts["\x1b[2J"] = 1
    assert "\x1b" not in report(made)


def test_tally_counts_what_passed_and_nothing_else() -> None:
    made = connection()
    made.counts[0][8] = 100
    tally = Tally()
    video = Message(0, 0, 7, START, 0, 3, 9, 1, 0, 5, b"12345")
    video.note("x", Severity.NOTE, "y")
    for event in (video, video, Gap(0, 1, 8, START, 0, 1448, "capture_loss"), End(0, 0, 9, START, "fin", 0, 0)):
        tally.event(event, made)
    (counted,) = tally.connections
    assert counted.counts == ({9: 2}, {}) and counted.gaps == 1 and counted.lost_bytes == 1448
    assert counted.note_counts == {"x": 2}
    assert counted.client is made.client and counted.last_time_ns == made.last_time_ns
    assert made.counts[0] == {8: 100}


def test_tally_lists_connections_by_number_and_only_those_with_events() -> None:
    tally = Tally()
    for number in (3, 1):
        over = Connection(number, Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 1935), "syn", 1, START)
        tally.event(End(number, 0, 9, START, "fin", 0, 0), over)
    assert [counted.id for counted in tally.connections] == [1, 3]


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda path: path.name)
def test_real_capture_gives_a_report_and_a_summary(path: Path) -> None:
    run = Run(open_capture([str(path)]))
    for _ in run.events():
        pass
    text = tables(run.files, run.connections, run.redactor)
    assert text.count("connection ") >= len(run.connections)
    fitting = [line for line in text.splitlines() if line.startswith("    ")]
    assert max((len(line) for line in fitting), default=0) <= 80
    assert printable(text.replace("\n", "")) == text.replace("\n", "")
    check(parse(summary(run.files, run.connections, run.redactor)))


def test_streams_and_flow_are_in_the_report_of_a_real_publish() -> None:
    run = Run(open_capture([str(CAPTURES / "nginx-small-windows.pcap")]))
    for _ in run.events():
        pass
    text = tables(run.files, run.connections, None)
    assert "video  h264" in text and "audio  aac" in text and "GOP" in text and "acknowledgements" in text
    assert "320 x 180" in text and "frames at 15 fps" in text and "44,100 Hz" in text
    assert "replies    connect 44" in text


def test_filtered_run_gives_the_same_verdicts() -> None:
    path = str(CAPTURES / "nginx-duplicate-publish.pcap")
    run = Run(open_capture([path]), wanted=filters.compile("rtmp.type == command_amf0"))
    tally = Tally()
    for event in run.events():
        tally.event(event, run.connections[event.connection])
    text = tables(run.files, tally.connections, None)
    assert "✖ failed" in text and "Video" not in text.replace("video", "")
