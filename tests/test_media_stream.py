"""The health of a stream by its two clocks, its headers and its metadata."""

import pytest

from rtmpscope.model import C2S, S2C, UNKNOWN, Message, Severity
from tests import wire
from tests.talk import AAC_FRAME, AAC_HEADER, AVC_HEADER, INTER_FRAME, KEY_FRAME, Talk
from tests.test_media_timeline import AUDIO, VIDEO, frame, frames, metadata, said, started, stream, timeline


def test_tracks_of_enhanced_streams_are_apart():
    talk = Talk().publish()
    multi = b"\x96\x01avc1"
    talk.message(C2S, VIDEO, b"\x90avc1" + bytes(20), 1)
    talk.message(C2S, VIDEO, b"\x91avc1\x00\x00\x00" + bytes(20), 1)
    talk.message(C2S, VIDEO, multi + b"\x01\x00\x00\x00" + bytes(20), 1)
    assert [(t.track_id, t.codec, t.frames) for t in stream(talk).tracks] == [(0, "h264", 1), (1, "h264", 1)]


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


def test_frames_whose_time_is_not_known_count_by_the_clock():
    talk = Talk(step_ms=40)
    for _ in range(3):
        talk.message(C2S, VIDEO, INTER_FRAME, 1, -1, 6)
    frames(talk, 5000, 5040)
    assert said(talk) == []
    assert (stream(talk).video.frames, stream(talk).video.duration_ms, stream(talk).video.frame_rate) == (5, 160, 25)


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


def test_lost_audio_is_no_drift():
    talk = Talk().publish().media(5)
    talk.gap(C2S)
    talk.wait(0.8).media(20, start_ms=5800, headers=False)
    assert said(talk) == []
    assert stream(talk).audio.drift_ms == 0


def test_audio_of_unknown_time_behind_a_loss_is_no_skew():
    talk = Talk().publish().media(3)
    talk.gap(C2S)
    for ms in range(3000, 9000, 40):
        talk.wait(0.04)
        frame(talk, ms)
        talk.message(C2S, AUDIO, AAC_FRAME, 1, UNKNOWN, 4)
    assert said(talk) == []
    assert abs(stream(talk).skew_ms) <= 40


# Headers, key frames, codecs


def test_message_whose_beginning_is_missing_says_nothing_of_the_codec():
    talk = Talk().publish().media(1)
    before = stream(talk).video.frames
    message = Message(0, C2S, 900, talk.now, 0, 6, VIDEO, 1, 1000, 500, b"\x15\x01" + bytes(100))
    message.captured = 102
    message.holes = [(0, 398)]
    timeline(talk).on_message(message, None)
    assert said(talk) == [] and message.notes is None
    assert (stream(talk).video.codec, stream(talk).video.frames) == ("h264", before)


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


@pytest.mark.parametrize("wrap", [1 << 24, 1 << 31])
def test_timestamps_that_are_cut_while_packets_are_missing_are_no_stall(wrap):
    talk = Talk().publish().media(3, start_ms=wrap - 3500)
    talk.gap(C2S)
    talk.wait(1).media(3, headers=False, start_ms=500)
    assert said(talk) == []
    assert timeline(talk).duration_ms(C2S) // 1000 == 6


def test_first_record_of_all_is_none_where_the_sequence_header_is_empty():
    talk = Talk().publish()
    talk.message(C2S, VIDEO, b"\x90av01", 1, 0, 6)
    talk.message(C2S, VIDEO, b"\x90av01\x81\x00\x0c\x00", 1, 0, 6)
    assert said(talk) == []
