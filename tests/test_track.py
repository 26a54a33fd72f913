"""The figures of one track and the words for it."""

import pytest

from rtmpscope.model import C2S, UNKNOWN
from tests.talk import AAC_FRAME, INTER_FRAME, Talk
from tests.test_media_timeline import AUDIO, VIDEO, frames, metadata, said, started, stream


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


def test_flood_of_notes_is_counted_only():
    talk = started()
    for count in range(100):
        frames(talk, 40 + 40 * (count % 2))
    notes = [note for note in talk.notes if note.code == "timestamp-backwards"]
    assert len(notes) == 20
    assert notes[-1].text.endswith("counted only")
    assert stream(talk).video.backwards == 49


@pytest.mark.parametrize(("speed", "words"), [(0.93, "7.0 % too slow"), (1.02, "2.0 % too fast")])
def test_audio_timestamps_are_held_against_the_samples(speed, words):
    talk = Talk().publish().media(40, audio_speed=speed)
    [text] = [note.text for note in talk.notes if note.code == "audio-drift"]
    assert words in text


def test_frames_without_timestamps_behind_a_loss_are_no_drift_and_count_by_the_clock():
    talk = Talk().publish()
    metadata(talk, framerate=25.0)
    talk.media(3).gap(C2S)
    for _ in range(75):
        talk.wait(0.04)
        talk.message(C2S, VIDEO, INTER_FRAME, 1, UNKNOWN, 6)
        talk.message(C2S, AUDIO, AAC_FRAME, 1, UNKNOWN, 4)
    talk.media(3, start_ms=6000, headers=False).end()
    video, audio = stream(talk).tracks
    assert said(talk) == []
    assert (video.frames, audio.frames) == (225, 225)
    assert video.frame_rate == pytest.approx(25, rel=0.05)
    assert audio.duration_ms == pytest.approx(9000, rel=0.05)


def test_frame_rate_is_not_held_against_frames_that_were_lost():
    talk = Talk().publish()
    metadata(talk, framerate=25.0)
    talk.media(3).gap(C2S)
    talk.wait(3).media(3, start_ms=6000, headers=False).end()
    assert stream(talk).video.frame_rate < 20
    assert "metadata-frame-rate" not in talk.codes


def test_sequence_header_says_what_the_track_is():
    talk = started()
    talk.message(C2S, AUDIO, b"\xaf\x00\x12\x10", 1, 0, 4)
    sound = stream(talk).audio
    assert (sound.facts["sample_rate"], sound.facts["channels"], sound.facts["profile"]) == (44_100, 2, "LC")
    assert sound.description == "LC, 44,100 Hz, 2 channels"


def test_track_without_a_sequence_header_is_described_by_its_frames():
    talk = Talk().publish()
    talk.message(C2S, AUDIO, b"\x3f" + bytes(40), 1, 0, 4)
    assert stream(talk).audio.description == "44,100 Hz, 2 channels"
    assert stream(talk).audio.facts["sample_rate"] == 44_100
    talk.message(C2S, AUDIO, b"\xb2" + bytes(40), 1, 20, 4)
    assert stream(talk).audio.description == "16,000 Hz, 1 channel"


def test_track_whose_frames_have_no_timestamps_lasts_no_less_than_nothing_where_clocks_go_back():
    talk = started()
    for _ in range(3):
        talk.message(C2S, VIDEO, INTER_FRAME, 1, UNKNOWN, 6)
        talk.wait(-1000)
    assert stream(talk).video.untimed
    assert stream(talk).video.duration_ms == 0
