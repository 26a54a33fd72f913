import pytest

from rtmpscope.analysis.media_timeline import MediaStream, MediaTimeline
from rtmpscope.model import C2S, S2C, Severity
from tests import wire
from tests.talk import AAC_FRAME, AAC_HEADER, AVC_HEADER, INTER_FRAME, KEY_FRAME, Talk

VIDEO, AUDIO = 9, 8


def timeline(talk: Talk) -> MediaTimeline:
    found = talk.connection.analysis["media_timeline"]
    assert isinstance(found, MediaTimeline)
    return found


def stream(talk: Talk) -> MediaStream:
    [only] = timeline(talk).streams
    return only


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


def test_rates_of_a_healthy_stream():
    talk = Talk().publish().media(20).goodbye().end()
    video, audio = stream(talk).tracks
    assert (video.kind, video.codec, video.frames, video.key_frames) == ("video", "h264", 500, 10)
    assert (audio.kind, audio.codec, audio.frames) == ("audio", "aac", 500)
    assert round(video.frame_rate, 3) == 25
    assert round(video.bitrate) == round(video.bytes * 8 / 19.96)
    assert (video.key_intervals.mean, video.gop_frames.mean) == (2000, 50)
    assert abs(stream(talk).skew_ms) <= 40
    assert abs(stream(talk).drift()) < 5
    assert stream(talk).lateness_ms == 0
    assert said(talk) == []


def test_series_hold_every_byte_and_frame_in_its_second():
    talk = Talk().publish().media(10).end()
    video, audio = stream(talk).tracks
    assert video.frame_series.values == [25] * 10
    assert sum(video.byte_series.values) == video.bytes
    assert sum(audio.byte_series.values) == audio.bytes
    assert video.byte_series.start_ns == audio.byte_series.start_ns


def test_directions_and_streams_are_apart():
    talk = Talk().publish()
    for direction, msid in ((C2S, 1), (S2C, 1), (C2S, 2)):
        talk.message(direction, VIDEO, KEY_FRAME, msid)
    assert [(s.direction, s.message_stream_id) for s in timeline(talk).streams] == [(C2S, 1), (S2C, 1), (C2S, 2)]
    assert timeline(talk).span(C2S)[0] == 2
    assert (timeline(Talk()).span(C2S), timeline(Talk()).duration_ms(C2S)) == ((0, 0), 0)


def test_tracks_of_enhanced_streams_are_apart():
    talk = Talk().publish()
    multi = b"\x96\x01avc1"
    talk.message(C2S, VIDEO, b"\x90avc1" + bytes(20), 1)
    talk.message(C2S, VIDEO, b"\x91avc1\x00\x00\x00" + bytes(20), 1)
    talk.message(C2S, VIDEO, multi + b"\x01\x00\x00\x00" + bytes(20), 1)
    assert [(t.track_id, t.codec, t.frames) for t in stream(talk).tracks] == [(0, "h264", 1), (1, "h264", 1)]


def test_tracks_and_streams_are_bounded():
    talk = Talk().publish()
    for number in range(200):
        talk.message(C2S, VIDEO, b"\x96\x01avc1" + bytes([number % 255 + 1]) + bytes(20), 1)
        talk.message(C2S, VIDEO, KEY_FRAME, number + 2)
    assert len(stream_of(talk, 1).tracks) == 64
    assert stream_of(talk, 1).tracks[-1].track_id == 200
    assert len(timeline(talk).streams) == 64
    assert timeline(talk).streams[-1].message_stream_id == 201


def stream_of(talk: Talk, msid: int) -> MediaStream:
    return next(s for s in timeline(talk).streams if s.message_stream_id == msid)


# Timestamps


def test_wrap_at_32_bits_goes_on():
    talk = frames(started(), 40)
    talk.command(C2S, "seek", 0, None, 0.0, msid=1)
    frames(talk, 2**32 - 40, 2**32, 2**32 + 40)
    assert said(talk) == [("timestamp-wrapped", Severity.NOTE)]
    assert stream(talk).video.duration_ms == 120


@pytest.mark.parametrize("bits", [24, 31])
def test_truncated_timestamps_are_told_from_an_encoder_that_restarts(bits):
    talk = frames(started(), 40)
    talk.command(C2S, "seek", 0, None, 0.0, msid=1)
    frames(talk, 2**bits - 40, 0, 40)
    assert said(talk) == [("timestamp-truncated", Severity.NOTE)]
    assert stream(talk).video.duration_ms == 120


def test_backwards_step():
    talk = frames(started(), 40, 80, 60, 100)
    assert said(talk) == [("timestamp-backwards", Severity.WARNING)]
    assert stream(talk).video.backwards == 1


def test_tracks_may_overlap_as_they_like():
    talk = started()
    talk.message(C2S, AUDIO, AAC_HEADER, 1, 0, 4)
    for ms in range(40, 400, 40):
        frame(talk, ms)
        talk.message(C2S, AUDIO, AAC_FRAME, 1, max(0, ms - 100), 4)
    assert said(talk) == []


def test_jump_ahead_of_the_clock():
    talk = frames(started(), 40, 80, 9_000, 9_040)
    assert said(talk) == [("timestamp-jump", Severity.NOTE)]
    assert stream(talk).video.jumps == 1


def test_pause_of_both_clocks_is_no_jump():
    talk = frames(started(), 40)
    talk.wait(9)
    assert said(frames(talk, 9_080)) == []


def test_commands_let_timestamps_start_anew():
    talk = frames(started(), 40, 80)
    talk.command(C2S, "seek", 0, None, 0.0, msid=1)
    frames(talk, 0, 40)
    talk.message(S2C, 4, wire.user_control(0, 1), csid=2)
    frames(talk, 0, 40)
    talk.status("NetStream.Publish.Start")
    frames(talk, 90_000, 90_040)
    assert said(talk) == []


def test_flood_of_notes_is_counted_only():
    talk = started()
    for count in range(100):
        frames(talk, 40 + 40 * (count % 2))
    notes = [note for note in talk.notes if note.code == "timestamp-backwards"]
    assert len(notes) == 20
    assert notes[-1].text.endswith("counted only")
    assert stream(talk).video.backwards == 49


def test_frames_whose_time_is_not_known_are_counted_only():
    talk = Talk(step_ms=40)
    for _ in range(3):
        talk.message(C2S, VIDEO, INTER_FRAME, 1, -1, 6)
    frames(talk, 5000, 5040)
    assert said(talk) == []
    assert (stream(talk).video.frames, stream(talk).video.duration_ms) == (5, 40)


# Lateness


def test_stall_and_the_burst_that_makes_it_good():
    talk = Talk().publish().media(3)
    talk.wait(4).media(2, start_ms=3000, headers=False, speed=4).media(10, start_ms=5000, headers=False, speed=4)
    assert said(talk) == [("media-stall", Severity.WARNING), ("media-burst", Severity.CHAT)]
    assert stream(talk).stalls == 1
    assert 3_900 <= stream(talk).stalled_ms <= 4_100


def test_sender_that_is_too_slow_falls_behind_again_and_again():
    talk = Talk().publish().media(10, speed=0.7)
    assert [code for code, _ in said(talk)] == ["media-stall"] * 4


def test_slow_drift_between_the_clocks_is_no_stall():
    talk = Talk().publish().media(600, speed=0.995, frame_ms=200, gop=10)
    assert stream(talk).lateness_ms > 2_000
    assert said(talk) == []


def test_media_sent_ahead_may_pause():
    talk = Talk().play()
    talk.media(10, S2C, speed=100).wait(5).media(5, S2C, start_ms=10_000, headers=False)
    assert said(talk) == []


# Skew


def test_audio_that_runs_ahead():
    talk = Talk().publish().media(60, audio_speed=1.05)
    assert said(talk) == [("audio-drift", Severity.NOTE), ("av-skew", Severity.NOTE)]
    assert 1_500 < stream(talk).skew_ms < 3_100
    assert 2_900 < stream(talk).drift() < 3_100


def test_audio_that_falls_behind():
    talk = Talk().publish().media(60, audio_speed=0.95)
    assert -3_100 < stream(talk).drift() < -2_900
    assert "behind video" in talk.notes[-1].text


@pytest.mark.parametrize(("speed", "words"), [(0.93, "7.0 % too slow"), (1.02, "2.0 % too fast")])
def test_audio_timestamps_are_held_against_the_samples(speed, words):
    talk = Talk().publish().media(40, audio_speed=speed)
    [text] = [note.text for note in talk.notes if note.code == "audio-drift"]
    assert words in text


def test_lost_audio_is_no_drift():
    talk = Talk().publish().media(5)
    talk.gap(C2S)
    talk.wait(0.8).media(20, start_ms=5800, headers=False)
    assert said(talk) == []
    assert stream(talk).audio.drift_ms == 0


# Headers, key frames, codecs


def test_frames_before_their_headers():
    talk = Talk(step_ms=40).publish()
    frame(talk, 0, KEY_FRAME)
    talk.message(C2S, AUDIO, AAC_FRAME, 1, 0, 4)
    talk.message(C2S, VIDEO, AVC_HEADER, 1, 40, 6)
    error, note = ("sequence-header-missing", Severity.ERROR), ("sequence-header-late", Severity.NOTE)
    assert said(talk) == [error, error, note]


def test_missing_header_is_not_held_against_a_capture_that_began_late_or_lost_bytes():
    assert said(frames(Talk(step_ms=40), 0, 40)) == []
    talk = Talk(step_ms=40).publish()
    talk.gap(C2S)
    assert said(frames(talk, 0, 40)) == []


def test_codecs_without_headers_need_none():
    talk = Talk().publish()
    talk.message(C2S, AUDIO, b"\x2f" + bytes(20), 1)
    talk.message(C2S, VIDEO, b"\x22" + bytes(20), 1)
    assert said(talk) == []


def test_header_that_comes_again_and_one_that_differs():
    talk = frames(started(), 40)
    talk.message(C2S, VIDEO, AVC_HEADER, 1, 40, 6)
    talk.message(C2S, VIDEO, AVC_HEADER + b"\x00", 1, 40, 6)
    expected = [("sequence-header-repeated", Severity.COMMENT), ("sequence-header-changed", Severity.NOTE)]
    assert said(talk) == expected
    assert (stream(talk).video.headers, stream(talk).video.changes) == (3, 1)


def test_codec_that_changes():
    talk = frames(started(), 40)
    talk.message(C2S, VIDEO, b"\x22" + bytes(20), 1, 80, 6)
    assert said(talk) == [("codec-changed", Severity.NOTE)]
    assert stream(talk).video.codec == "flv1"


def test_key_frames_far_apart():
    talk = Talk().publish().media(20, gop=250).end()
    assert said(talk) == [("key-frames-far-apart", Severity.NOTE)]
    assert stream(talk).video.key_intervals.most == 10_000


def test_single_key_frame_is_seen_at_the_end():
    talk = Talk().publish().media(8, gop=1000)
    assert said(talk) == []
    assert said(talk.end()) == [("key-frames-far-apart", Severity.NOTE)]


def test_composition_time_beyond_reason():
    talk = started()
    frame(talk, 40, b"\x27\x01\x00\x0b\xb8" + bytes(40))
    frame(talk, 80, b"\x27\x01\x00\x00\x50" + bytes(40))
    assert said(talk) == [("composition-time-large", Severity.NOTE)]


@pytest.mark.parametrize("head", [b"\x17\x01\x00\x00\x00", b"\x91avc1\x00\x00\x00", b"\x93avc1"])
def test_start_codes_where_lengths_belong(head):
    talk = started()
    frame(talk, 40, head + b"\x00\x00\x00\x01\x65" + bytes(40))
    assert said(talk) == [("annex-b", Severity.WARNING)]


def test_sequence_header_says_what_the_track_is():
    talk = started()
    talk.message(C2S, AUDIO, b"\xaf\x00\x12\x10", 1, 0, 4)
    sound = stream(talk).audio
    assert (sound.facts["sample_rate"], sound.facts["channels"], sound.facts["profile"]) == (44_100, 2, "LC")
    assert sound.description == "LC, 44,100 Hz, 2 channels"


def metadata(talk: Talk, **properties: object) -> list[str]:
    """The notes on a metadata message."""
    body = wire.amf0("@setDataFrame", "onMetaData", wire.Ecma(properties))
    return [note.text for note in talk.message(C2S, 18, body, 1).notes or ()]


def test_metadata_that_is_right_is_not_mentioned():
    talk = Talk().publish()
    right = {"audiosamplerate": 25_600.0, "audiocodecid": 10.0, "videocodecid": 7.0, "width": 0.0, "framerate": 25.0}
    assert metadata(talk, **right) == []
    talk.media(4).end()
    assert "metadata-differs" not in talk.codes
    assert "metadata-frame-rate" not in talk.codes


def test_metadata_that_is_wrong_is_said_once():
    talk = Talk().publish()
    talk.message(C2S, AUDIO, b"\xaf\x00\x12\x10", 1, 0, 4)
    wrong = {"audiosamplerate": 48_000.0, "audiocodecid": "Opus"}
    expected = "onMetaData is wrong: sample rate 48,000, really 44,100; audio codec opus, really aac"
    assert metadata(talk, **wrong) == [expected]
    assert metadata(talk, **wrong) == []


def test_metadata_before_the_media_is_held_against_it():
    talk = Talk().publish()
    assert metadata(talk, audiosamplerate=48_000.0) == []
    header = talk.message(C2S, AUDIO, b"\xaf\x00\x12\x10", 1, 0, 4)
    assert [note.code for note in header.notes] == ["metadata-differs"]


def test_frame_rate_of_the_metadata_is_held_against_the_frames():
    talk = Talk().publish()
    metadata(talk, framerate=60.0)
    assert "metadata-frame-rate" in talk.media(4).end().codes


def test_tracks_that_share_a_message_are_counted_apart():
    talk = Talk().publish()
    parts = b"".join(bytes([track]) + wire.u24(20 + track) + bytes(20 + track) for track in (0, 3))
    talk.message(C2S, VIDEO, b"\x96\x13avc1" + parts, 1)
    assert [(t.track_id, t.codec, t.frames) for t in stream(talk).tracks] == [(0, "h264", 1), (3, "h264", 1)]
    assert stream(talk).tracks[1].bytes > stream(talk).tracks[0].bytes


def test_huge_frame():
    talk = started()
    talk.message(C2S, VIDEO, INTER_FRAME, 1, 40, 6, length=11 << 20)
    assert said(talk) == [("message-huge", Severity.WARNING)]


# Where media does not belong


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


@pytest.mark.parametrize("wrap", [1 << 24, 1 << 31])
def test_timestamps_that_are_cut_while_packets_are_missing_are_no_stall(wrap):
    talk = Talk().publish().media(3, start_ms=wrap - 3500)
    talk.gap(C2S)
    talk.wait(1).media(3, headers=False, start_ms=500)
    assert said(talk) == []
    assert timeline(talk).duration_ms(C2S) // 1000 == 6


def test_track_without_a_sequence_header_is_described_by_its_frames():
    talk = Talk().publish()
    talk.message(C2S, AUDIO, b"\x3f" + bytes(40), 1, 0, 4)
    assert stream(talk).audio.description == "44,100 Hz, 2 channels"
    assert stream(talk).audio.facts["sample_rate"] == 44_100
    talk.message(C2S, AUDIO, b"\xb2" + bytes(40), 1, 20, 4)
    assert stream(talk).audio.description == "16,000 Hz, 1 channel"


def test_first_record_of_all_is_none_where_the_sequence_header_is_empty():
    talk = Talk().publish()
    talk.message(C2S, VIDEO, b"\x90av01", 1, 0, 6)
    talk.message(C2S, VIDEO, b"\x90av01\x81\x00\x0c\x00", 1, 0, 6)
    assert said(talk) == []
