"""The figures of a connection: complete, finite, and those that the annotators measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import Engine
from rtmpscope.export.health import health
from rtmpscope.export.jsonl import summary
from rtmpscope.export.stats import tables
from rtmpscope.model import ACK, C2S, S2C, Connection, Endpoint
from rtmpscope.pipeline import Run
from rtmpscope.plugins import Registry, load_builtin
from tests import wire
from tests.strict import check, parse
from tests.talk import AAC_FRAME, AAC_HEADER, AVC_HEADER, INTER_FRAME, Talk

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


# --- each figure moves with its condition, and with nothing else ---------------------------------------

Case = Callable[[], Connection]
Step = Callable[[Talk], object]


def live(**options: float) -> Case:
    """Twelve seconds of a healthy publish, or of one with something about it."""
    return lambda: Talk().publish().media(12, **options).end().connection  # type: ignore[arg-type]


def said(*steps: Step) -> Case:
    """A publish of which half a second is sent, and then this."""

    def made() -> Connection:
        talk = Talk(step_ms=40).publish().media(0.5)
        for step in steps:
            step(talk)
        return talk.end().connection

    return made


def frames(*times: int, payload: bytes = INTER_FRAME) -> Step:
    def send(talk: Talk) -> None:
        for time in times:
            talk.message(C2S, wire.VIDEO, payload, 1, time % 2**32, 6)

    return send


def seek(talk: Talk) -> None:
    talk.command(C2S, "seek", 0, None, 0.0, msid=1)


def paused(seconds: float, speed: float = 1) -> Case:
    def made() -> Connection:
        talk = Talk().publish().media(3).wait(seconds)
        return talk.media(6, start_ms=3000, headers=False, speed=speed).end().connection

    return made


def acknowledged(*values: int, wait: float = 0) -> Case:
    """20,000 bytes before each acknowledgement, and a window of as many."""

    def made() -> Connection:
        talk = Talk().connect()
        talk.control(C2S, 5, 20_000)
        for value in values:
            talk.message(C2S, 18, bytes(20_000), 1)
            talk.wait(wait).control(S2C, 3, value)
        talk.message(C2S, 18, bytes(100), 1)
        return talk.end().connection

    return made


def counted(last: int, value: int) -> Case:
    """An acknowledgement after one that stood for gigabytes, which no test sends."""

    def made() -> Connection:
        talk = Talk()
        talk.handshake()
        ledger = talk.connection.analysis["flow_control"].ledgers[C2S]  # type: ignore[attr-defined]
        ledger.acks, ledger.ack_value, ledger.acked, ledger.sent = 1, last, last, last
        talk.sent[C2S] = last
        talk.message(C2S, wire.VIDEO, INTER_FRAME, 2)
        talk.control(S2C, 3, value)
        return talk.connection

    return made


def limited(value: int, limit_type: int) -> Step:
    return lambda talk: talk.message(S2C, 6, wire.set_peer_bandwidth(value, limit_type))


def pinged(*seconds: float) -> Case:
    """Pings that are answered after so many seconds; more than thirty are too many."""

    def ask(talk: Talk) -> None:
        for number, answer in enumerate(seconds):
            talk.message(S2C, 4, wire.user_control(6, number))
            talk.wait(answer)
            talk.message(C2S, 4, wire.user_control(7, number) if answer < 30 else wire.user_control(3, 1, 0))

    return said(ask)


def on_the_wire(disturb: Callable[[wire.Tcp, bytes], object]) -> Case:
    """A connection whose client has one more message to send, by TCP."""

    def made() -> Connection:
        client, server = wire.handshake()
        tcp = wire.Tcp().open().send(C2S, client[:1537]).send(S2C, server).send(C2S, client[1537:])
        disturb(tcp, wire.ChunkWriter().message(3, 20, wire.command("connect", 1, {"app": "live"})))
        registry = Registry()
        load_builtin(registry)
        engine = Engine(registry)
        engine.feed(wire.packets(tcp.close().frames))
        engine.finish()
        return engine.connections[0]

    return made


def sent(tcp: wire.Tcp, data: bytes) -> None:
    tcp.send(C2S, data)


def sent_twice(tcp: wire.Tcp, data: bytes) -> None:
    tcp.send(C2S, data).segment(C2S, tcp.next[C2S] - len(data), ACK, data)


def not_read(tcp: wire.Tcp, data: bytes) -> None:
    tcp.send(C2S, data).ack(S2C, window=0)


VIDEO_TRACK = "streams.0.tracks.0."
AUDIO_TRACK = "streams.0.tracks.1."
SENT = "flow_control.c2s."
WHOLE = said(frames(500, 540))
LATER = b"\x27\1\0\0\x78" + bytes(9)  # shown 120 ms after it is decoded

# The figure, a case with its value, another with its value, and what stats says of the first only.
FIGURES: list[tuple[str, Case, object, Case, object, str]] = [
    (VIDEO_TRACK + "frames_per_second", live(frame_ms=20), 50, live(), 25, "at 50 fps"),
    (VIDEO_TRACK + "key_interval_ms", live(gop=100), 4000, live(), 2000, "GOP 4.0 s of 100 frames"),
    (VIDEO_TRACK + "frames_per_gop", live(gop=100), 100, live(), 50, "100 frames"),
    (VIDEO_TRACK + "key_interval_longest_ms", live(gop=75), 3000, live(), 2000, "GOP 3.0 s"),
    (VIDEO_TRACK + "over_time.frames_per_second.5", live(frame_ms=20), 50, live(), 25, ""),
    (AUDIO_TRACK + "clock_drift_ms", live(audio_speed=1.05), 598, live(), 0, "drifting"),
    ("streams.0.skew_ms", live(audio_speed=1.1), 1126, live(), -20, "A/V +1,126 ms"),
    ("streams.0.drift_ms_per_minute", live(audio_speed=1.1), 5998, live(), -0.942, "drifting"),
    ("streams.0.skew_over_time.10.1", live(audio_speed=1.1), 1028, live(), -20, ""),
    (VIDEO_TRACK + "jumps", said(frames(500, 9_000)), 1, WHOLE, 0, "1 timestamp jumps"),
    (VIDEO_TRACK + "backwards", said(frames(500, 100)), 1, WHOLE, 0, "1 timestamps backwards"),
    (VIDEO_TRACK + "truncations", said(seek, frames(2**24 - 40, 0)), 1, WHOLE, 0, "cut to 24 or 31 bits"),
    (VIDEO_TRACK + "truncations", said(seek, frames(2**31 - 40, 0)), 1, WHOLE, 0, "cut to 24 or 31 bits"),
    (VIDEO_TRACK + "wraps", said(seek, frames(2**32 - 40, 2**32)), 1, WHOLE, 0, "1 timestamp wraps"),
    (VIDEO_TRACK + "codec_changes", said(frames(500, payload=b"\x22" + bytes(20))), 1, WHOLE, 0, "1 codec changes"),
    (VIDEO_TRACK + "sequence_header_changes", said(frames(500, payload=AVC_HEADER + b"\0")), 1, WHOLE, 0, "changes of"),
    (VIDEO_TRACK + "sequence_headers", live(), 1, live(headers=False), 0, ""),
    (VIDEO_TRACK + "composition_longest_ms", said(frames(500, payload=LATER)), 120, WHOLE, 0, ""),
    ("streams.0.stalls", paused(3), 1, paused(0.5), 0, "1 stall"),
    ("streams.0.stalled_ms", paused(3), 2960, paused(0.5), 0, "3.0 s in all"),
    ("streams.0.lateness_ms", paused(3), 2960, paused(0), -40, ""),
    ("streams.0.bursts", paused(3, speed=4), 1, paused(3), 0, "made good"),
    (SENT + "acknowledgements", acknowledged(20_000, 40_000), 2, WHOLE, 0, "2 acknowledgements"),
    (SENT + "acknowledged_as", acknowledged(20_000, 40_000), "total", acknowledged(20_000, 19_000), "sawtooth", ""),
    (SENT + "acknowledged_as", acknowledged(20_000, 19_000), "sawtooth", WHOLE, None, "counted from 0 each time"),
    (SENT + "counter_restarts", counted(0xF0000005, 50), 1, counted(0xF0000005, 0xF0000037), 0, "began again 1 times"),
    (SENT + "counter_restarts", counted(2**32 - 9, 50), 1, counted(0xF0000005, 0xF0000037), 0, "began again 1 times"),
    (SENT + "window", acknowledged(), 20_000, WHOLE, None, "window 20,000 bytes"),
    (SENT + "peer_bandwidth", said(limited(9_000, 2)), 9_000, WHOLE, None, "limited to 9,000 bytes (dynamic)"),
    (SENT + "limit_type", said(limited(9_000, 0)), 0, WHOLE, None, "(hard)"),
    (SENT + "waits", acknowledged(20_000, wait=2), 1, acknowledged(20_000, wait=0.2), 0, "waited 1 times for one"),
    ("flow_control.pings", pinged(0.2, 0.4), 2, WHOLE, 0, "2, 340.0 ms on average"),
    ("flow_control.ping_longest_ms", pinged(0.1, 0.1, 0.9), 940, WHOLE, None, "longest 940.0 ms"),
    ("flow_control.pings_unanswered", pinged(31), 1, pinged(0.2), 0, "1 unanswered"),
    ("replies.publish.count", live(), 1, acknowledged(), None, "publish 1 ms"),
    ("tcp.round_trip_ms", on_the_wire(sent), 2, WHOLE, 0.001, "TCP round trip 2 ms"),
    ("tcp.c2s.retransmissions", on_the_wire(sent_twice), 1, on_the_wire(sent), 0, "1 retransmitted"),
    ("tcp.s2c.zero_windows", on_the_wire(not_read), 1, on_the_wire(sent), 0, "1 zero windows"),
]


def figure(connection: Connection, path: str) -> Any:
    found: Any = health(connection)
    for name in path.split("."):
        if isinstance(found, dict) and name not in found:
            return None
        found = found[int(name)] if isinstance(found, list) else found[name]
    return found


@pytest.mark.parametrize(
    ("path", "one", "value", "other", "usual", "words"), FIGURES, ids=[f"{n}-{row[0]}" for n, row in enumerate(FIGURES)]
)
def test_figure_tells_the_condition_from_its_absence(
    path: str, one: Case, value: object, other: Case, usual: object, words: str
) -> None:
    with_it, without = one(), other()
    for connection, expected in ((with_it, value), (without, usual)):
        found = figure(connection, path)
        measured = isinstance(expected, int) and expected > 9
        assert found == (pytest.approx(expected, rel=0.03) if measured else expected)
        check(parse(json.dumps(health(connection), allow_nan=False)), "health")
    said_of_it, said_without = (tables([], [one], None).replace("\n", " ") for one in (with_it, without))
    assert " ".join(words.split()) in " ".join(said_of_it.split())
    assert not words or " ".join(words.split()) not in " ".join(said_without.split())


def test_bit_rate_is_that_of_the_bytes_sent() -> None:
    track = figure(Talk().publish().media(12).end().connection, "streams.0.tracks.0")
    assert track["bits_per_second"] == round(track["bytes"] * 8000 / track["duration_ms"])
    per_second = track["over_time"]["bits_per_second"]
    assert len(per_second) in (12, 13) and sum(per_second) == track["bytes"] * 8


def test_track_without_a_frame_is_not_compared_with_the_other() -> None:
    talk = Talk().play()
    talk.message(S2C, 9, AVC_HEADER, 1, 0, 6)
    talk.message(S2C, 8, AAC_HEADER, 1, 0, 4)
    talk.message(S2C, 8, AAC_FRAME, 1, 0, 4)
    connection = talk.end().connection
    assert figure(connection, "streams.0.skew_ms") is None
    assert "A/V" not in tables([], [connection], None)
