"""Graphs: what they are made of and how they are drawn."""

from __future__ import annotations

from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.model import C2S, S2C
from rtmpscope.tui.canvas import Canvas, Chart, Line, draw
from rtmpscope.tui.charts import POINTS, Walk, charts, told_apart
from rtmpscope.tui.palette import width_of
from tests import wire
from tests.fake_store import SECOND, START, FakeStore, connection, message
from tests.test_tui_sessions import verdict


def streamed(late_ms: int = 0) -> FakeStore:
    """Ten seconds of video at 10 frames a second, acknowledged once a second; the second half comes late."""
    made = connection(0, verdict("ok"))
    timeline = made.analysis["media_timeline"] = MediaTimeline(made)
    events = []
    for place in range(100):
        late = late_ms if place >= 50 else 0
        frame = message(2 * place + 1, C2S, 9, b"\x27\x01\0\0\0" + bytes(995), place * 100 + late)
        frame.timestamp = place * 100
        frame.offset = place * 1000
        events.append(frame)
        timeline.on_message(frame, None)
        if place % 10 == 9:
            events.append(message(2 * place + 2, S2C, 3, wire.u32(place * 1000), place * 100 + late))
    made.last_time_ns = START + 10 * SECOND
    return FakeStore(events, [made], [""] * len(events))


def points(chart: Chart) -> dict[str, list[float]]:
    return {line.name: [value for _, value in line.points] for line in chart.lines}


def test_the_bitrate_of_a_track_is_bits_per_second() -> None:
    store = streamed()
    rates = points(charts(store, store.connections[0])[0])["video →"]  # type: ignore[arg-type]
    assert len(rates) >= 8 and all(70_000 < rate < 90_000 for rate in rates)


def test_the_lag_is_what_media_is_behind_its_timestamps() -> None:
    store = streamed(late_ms=700)
    lags = Walk(store, store.connections[0]).lag_lines()[0].points  # type: ignore[arg-type]
    assert [round(lag) for _, lag in lags][:3] == [0, 0, 0] and round(lags[-1][1]) == 700


def test_a_lag_survives_the_wrap_of_timestamps() -> None:
    store = streamed()
    for event in store.events:
        event.timestamp = (0xFFFFFE00 + event.timestamp) % (1 << 32)  # type: ignore[attr-defined]
    lags = Walk(store, store.connections[0]).lag_lines()[0].points  # type: ignore[arg-type]
    assert all(abs(lag) < 1 for _, lag in lags)


def test_sent_bytes_stand_beside_what_was_acknowledged() -> None:
    store = streamed()
    lines = points(charts(store, store.connections[0])[4])  # type: ignore[arg-type]
    assert max(lines["sent c2s"]) == 100_000 and lines["acknowledged"][-1] == 99_000
    assert list(lines) == ["sent c2s", "acknowledged"]


def test_an_acknowledgement_that_begins_again_goes_on_from_the_last() -> None:
    store = streamed()
    store.events.append(message(999, S2C, 3, wire.u32(500), 9990))
    store.visible += 1
    lines = points(charts(store, store.connections[0])[4])  # type: ignore[arg-type]
    assert lines["acknowledged"][-2:] == [99_000, 99_500]


def test_the_frame_rate_of_video_is_frames_per_second() -> None:
    store = streamed()
    assert set(points(charts(store, store.connections[0])[1])["video →"]) == {10.0}  # type: ignore[arg-type]


def test_a_long_connection_is_sampled() -> None:
    store = streamed()
    store.connections[0].last_time_ns = START + 10 * SECOND
    assert len(Walk(store, store.connections[0]).lag_lines()[0].points) <= POINTS  # type: ignore[arg-type]


def drawn(chart: Chart, width: int, height: int, now: float | None = None) -> list[str]:
    return ["".join(text for text, _ in line) for line in draw(chart, width, height, now, lambda time: f"{time:.0f} s")]


def test_lines_of_a_chart_are_told_apart_by_number_and_by_look() -> None:
    rising = [(float(time), float(time)) for time in range(11)]
    lines = told_apart([Line(name, "video", rising) for name in ("one", "other", "third")])
    assert len({line.style for line in lines}) == 3
    legend, *drawing = drawn(Chart("both", lines, str, 0.0, 10.0), 60, 12)
    assert "1 one  2 other  3 third" in legend
    assert all(any(sign in line[12:] for line in drawing[:-1]) for sign in "123")


def test_a_chart_has_its_legend_its_scale_and_its_times() -> None:
    chart = Chart("bitrate", [Line("video", "video", [(0, 0), (10, 100)])], lambda value: f"{value:.0f} b", 0, 10)
    lines = drawn(chart, 60, 10, now=5)
    assert len(lines) == 10 and lines[0].startswith(" bitrate") and "━ video" in lines[0]
    assert lines[1].strip().startswith("100 b") and lines[8].strip().startswith("0 b")
    assert lines[9].split() == ["0", "s", "10", "s"] and any("│" in line for line in lines)
    assert all(width_of(line) <= 60 for line in lines)


def test_a_rising_line_rises() -> None:
    canvas = Canvas(4, 2)
    canvas.stroke((0, 0), (7, 7), "video")
    assert [canvas.row(0)[-1][0][-1] != " ", canvas.row(1)[0][0][0] != " "] == [True, True]
    assert canvas.row(0)[0] == ("  ", "")


def test_a_chart_is_drawn_at_every_size() -> None:
    store = streamed(300)
    for chart in charts(store, store.connections[0]):  # type: ignore[arg-type]
        for width in (1, 5, 14, 200):
            for height in (1, 2, 3, 30):
                drawn(chart, width, height, now=START / SECOND)


def test_a_connection_without_media_says_that_there_is_nothing() -> None:
    store = FakeStore([], [connection(0, verdict("ok"))], [])
    assert "nothing to draw" in drawn(charts(store, store.connections[0])[0], 60, 9)[1]  # type: ignore[arg-type]
