"""Streams and tracks, and what lets their timestamps start anew."""

from rtmpscope.analysis.media_stream import MediaStream
from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.model import C2S, S2C, Severity
from tests import wire
from tests.talk import AVC_HEADER, INTER_FRAME, KEY_FRAME, Talk

VIDEO, AUDIO = 9, 8


def timeline(talk: Talk) -> MediaTimeline:
    found = talk.connection.analysis["media_timeline"]
    assert isinstance(found, MediaTimeline)
    return found


def stream(talk: Talk) -> MediaStream:
    [only] = timeline(talk).streams
    return only


def stream_of(talk: Talk, msid: int) -> MediaStream:
    return next(s for s in timeline(talk).streams if s.message_stream_id == msid)


def said(talk: Talk) -> list[tuple[str, Severity]]:
    """What the timeline says; the end of a talk is the place where it says the last of it."""
    others = ("client-software", "server-software", "no-reply")
    return [(note.code, note.severity) for note in talk.notes if note.code not in others]


def frame(talk: Talk, ms: int, payload: bytes = INTER_FRAME, direction: int = C2S) -> None:
    """A video frame on time."""
    talk.message(direction, VIDEO, payload, 1, ms % 2**32, 6)


def frames(talk: Talk, *times: int) -> Talk:
    for ms in times:
        frame(talk, ms)
    return talk


def started() -> Talk:
    """A publish whose headers and first key frame came, events 40 ms apart."""
    talk = Talk(step_ms=40).publish()
    talk.message(C2S, VIDEO, AVC_HEADER, 1, 0, 6)
    talk.message(C2S, VIDEO, KEY_FRAME, 1, 0, 6)
    return talk


def metadata(talk: Talk, **properties: object) -> list[str]:
    """The notes on a metadata message."""
    body = wire.amf0("@setDataFrame", "onMetaData", wire.Ecma(properties))
    return [note.text for note in talk.message(C2S, 18, body, 1).notes or ()]


def test_directions_and_streams_are_apart():
    talk = Talk().publish()
    for direction, msid in ((C2S, 1), (S2C, 1), (C2S, 2)):
        talk.message(direction, VIDEO, KEY_FRAME, msid)
    assert [(s.direction, s.message_stream_id) for s in timeline(talk).streams] == [(C2S, 1), (S2C, 1), (C2S, 2)]
    assert timeline(talk).span(C2S)[0] == 2
    assert (timeline(Talk()).span(C2S), timeline(Talk()).duration_ms(C2S)) == ((0, 0), 0)


def test_tracks_and_streams_are_bounded():
    talk = Talk().publish()
    for number in range(200):
        talk.message(C2S, VIDEO, b"\x96\x01avc1" + bytes([number % 255 + 1]) + bytes(20), 1)
        talk.message(C2S, VIDEO, KEY_FRAME, number + 2)
    assert len(stream_of(talk, 1).tracks) == 64
    assert stream_of(talk, 1).tracks[-1].track_id == 200
    assert len(timeline(talk).streams) == 64
    assert timeline(talk).streams[-1].message_stream_id == 201


def test_commands_let_timestamps_start_anew():
    talk = frames(started(), 40, 80)
    talk.command(C2S, "seek", 0, None, 0.0, msid=1)
    frames(talk, 0, 40)
    talk.message(S2C, 4, wire.user_control(0, 1), csid=2)
    frames(talk, 0, 40)
    talk.status("NetStream.Publish.Start")
    frames(talk, 90_000, 90_040)
    assert said(talk) == []


def test_command_whose_stream_is_not_known_lets_all_timestamps_start_anew():
    talk = started()
    frames(talk, 5000, 5040)
    talk.wait(8).command(C2S, "publish", 6, None, "x", msid=-1)
    frames(talk, 0, 40)
    assert said(talk) == [("timestamp-jump", Severity.NOTE)]
    assert stream(talk).stalls == 0


def test_metadata_before_the_media_is_held_against_it():
    talk = Talk().publish()
    assert metadata(talk, audiosamplerate=48_000.0) == []
    header = talk.message(C2S, AUDIO, b"\xaf\x00\x12\x10", 1, 0, 4)
    assert [note.code for note in header.notes] == ["metadata-differs"]


def test_media_on_stream_0():
    talk = Talk()
    talk.message(C2S, VIDEO, KEY_FRAME, 0)
    talk.message(C2S, VIDEO, INTER_FRAME, 0, 40)
    assert said(talk) == [("media-on-stream-0", Severity.WARNING)]


def test_media_before_publish_is_granted():
    talk = Talk()
    talk.connect().create()
    talk.command(C2S, "publish", 5, None, "x", "live", msid=1)
    talk.message(C2S, VIDEO, AVC_HEADER, 1)
    assert said(talk) == [("media-before-publish", Severity.CHAT)]


def test_empty_audio_and_reserved_bytes_are_survived():
    talk = Talk().publish()
    for payload in (b"", b"\xff", b"\xaf", b"\x80", b"\x17"):
        talk.message(C2S, AUDIO, payload, 1)
        talk.message(C2S, VIDEO, payload, 1)
    talk.end()


def test_duration_is_that_of_the_capture_where_timestamps_are_unknown():
    talk = Talk().publish().media(2)
    talk.gap(C2S)
    for _ in range(3):
        talk.wait(1).message(C2S, 9, INTER_FRAME, 1, -1, 6)
    assert timeline(talk).duration_ms(C2S) // 1000 == 4


def test_media_behind_the_end_is_in_the_series():
    talk = Talk().publish().media(2).end("rst")
    talk.media(1, headers=False, start_ms=2000)
    for track in stream(talk).tracks:
        assert sum(track.frame_series.values) == track.frames == 75
