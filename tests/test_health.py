"""The figures of a connection: complete, finite, and those that the annotators measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.export.health import health
from rtmpscope.export.jsonl import summary
from rtmpscope.model import Connection, Endpoint
from rtmpscope.pipeline import Run
from tests.strict import check, parse

CAPTURES = sorted(Path(__file__).parent.parent.joinpath("captures").glob("*.pcap*"))


def analysed(name: str) -> Run:
    run = Run(open_capture([str(CAPTURES[0].parent / name)]))
    for _ in run.events():
        pass
    return run


def test_connection_that_nobody_watched_has_no_figures() -> None:
    alone = Connection(0, Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 1935), "syn", 1, 0)
    figures = health(alone)
    check(figures, "health")
    assert figures["flow_control"] is None and figures["streams"] == [] and figures["tcp"]["round_trip_ms"] is None
    assert figures["software"] == {"client": None, "server": None}


def test_publish_has_its_streams_tracks_and_software() -> None:
    run = analysed("nginx-small-windows.pcap")
    figures = health(run.connections[0])
    (stream,) = [one for one in figures["streams"] if one["direction"] == "c2s"]
    video, audio = stream["tracks"]
    assert (video["kind"], video["codec"], audio["kind"], audio["codec"]) == ("video", "h264", "audio", "aac")
    assert video["frames"] + audio["frames"] + 2 + 1 == stream["messages"]  # two sequence headers, one end of sequence
    assert 14.9 < video["frames_per_second"] < 15.1 and video["key_interval_ms"] == 2000
    assert figures["software"] == {"client": "FFmpeg", "server": "nginx with its rtmp module"}
    assert figures["flow_control"]["s2c"]["window"] and figures["tcp"]["c2s"]["bytes"] > 100_000


def test_acknowledgements_are_counted() -> None:
    counted = [health(connection)["flow_control"] for connection in analysed("nginx-small-windows.pcap").connections]
    acknowledged = [flow[direction] for flow in counted for direction in ("c2s", "s2c")]
    assert any(one["acknowledgements"] > 5 and one["most_unacknowledged"] > 0 for one in acknowledged)


def test_sequence_headers_gops_and_replies_are_told() -> None:
    figures = health(analysed("nginx-small-windows.pcap").connections[0])
    video, audio = figures["streams"][0]["tracks"]
    assert "320 x 180" in video["description"] and "44,100 Hz" in audio["description"]
    picture, sound = video["parameters"], audio["parameters"]
    assert (picture["profile"], picture["level"], picture["width"]) == ("Constrained Baseline", "1.2", 320)
    assert (sound["sample_rate"], sound["channels"], "length_size" in picture) == (44_100, 1, False)
    assert (video["key_interval_longest_ms"], video["frames_per_gop"]) == (2000, 30)
    assert abs(audio["clock_drift_ms"]) < 50
    assert figures["replies"].keys() == {"connect", "createStream", "publish"}
    connect = figures["replies"]["connect"]
    assert connect["count"] == 1 and 0 < connect["mean_ms"] <= connect["longest_ms"] < 1000


def test_side_that_resets_is_counted() -> None:
    figures = health(analysed("nginx-vlc-play.pcap").connections[1])["tcp"]
    assert (figures["c2s"]["resets"] > 0, figures["s2c"]["resets"]) == (True, 0)


def test_stalls_are_told() -> None:
    stalled = [
        one for connection in analysed("publisher-stalled.pcap").connections for one in health(connection)["streams"]
    ]
    assert any(stream["stalls"] and stream["stalled_ms"] >= 1000 for stream in stalled)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_figures_of_real_captures_are_as_the_schema_says(path: Path) -> None:
    run = analysed(path.name)
    for connection in run.connections:
        check(parse(json.dumps(health(connection), allow_nan=False)), "health")
    check(parse(summary(run.files, run.connections, run.redactor)))
