"""Audio messages to the bit: every legacy format, Enhanced RTMP, damage."""

from __future__ import annotations

import json
import random

import pytest

from rtmpscope.export import values
from rtmpscope.media import audio
from tests import bodies
from tests.fields import undecoded, walk
from tests.media_samples import MESSAGES

AUDIO = [name for name, (type_id, _) in MESSAGES.items() if type_id == 8]


def body(name: str):
    payload = MESSAGES[name][1]
    return audio.decode(payload, len(payload))


def plain(field):
    return json.loads(values.value(field))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pcm", {"codec": "pcm", "sound_rate": 44100, "sound_size": 16, "sound_type": "stereo"}),
        ("nellymoser_8k", {"codec": "nellymoser", "sound_rate": 5512, "sound_size": 16, "sound_type": "mono"}),
        ("alaw", {"codec": "g711_alaw", "sound_rate": 5512, "sound_size": 16, "sound_type": "mono"}),
        ("speex", {"codec": "speex", "sound_rate": 5512, "sound_size": 16, "sound_type": "mono"}),
        ("reserved_sound", {"codec": "unknown_12", "sound_rate": 5512, "sound_size": 8, "sound_type": "mono"}),
        (
            "aac_frame",
            {"codec": "aac", "sound_rate": 44100, "sound_size": 16, "sound_type": "stereo", "packet_type": "raw"},
        ),
        ("ac3_start", {"packet_type": "sequence_start", "codec": "ac3", "fourcc": "ac-3"}),
        ("audio_end", {"packet_type": "sequence_end", "codec": "opus", "fourcc": "Opus"}),
        (
            "multichannel_native",
            {
                "packet_type": "multichannel_config",
                "codec": "opus",
                "fourcc": "Opus",
                "multichannel_config": {
                    "channel_order": "native",
                    "channel_count": 6,
                    "channels": [
                        "front_left",
                        "front_right",
                        "front_center",
                        "low_frequency_1",
                        "back_left",
                        "back_right",
                    ],
                },
            },
        ),
        (
            "multichannel_custom",
            {
                "packet_type": "multichannel_config",
                "codec": "opus",
                "fourcc": "Opus",
                "multichannel_config": {
                    "channel_order": "custom",
                    "channel_count": 3,
                    "channels": ["front_left", "front_right", "unused"],
                },
            },
        ),
        (
            "multichannel_unspecified",
            {
                "packet_type": "multichannel_config",
                "codec": "opus",
                "fourcc": "Opus",
                "multichannel_config": {"channel_order": "unspecified", "channel_count": 2},
            },
        ),
        (
            "audio_track",
            {
                "multitrack": "one_track",
                "packet_type": "coded_frames",
                "codec": "opus",
                "fourcc": "Opus",
                "tracks": [{"track_id": 3, "frame": {"config": 31, "stereo": 1, "frame_count_code": 0}}],
            },
        ),
        ("unknown_sound", {"packet_type": "coded_frames", "codec": "unknown_abcd", "fourcc": "abcd"}),
    ],
)
def test_message_in_the_trace(name, expected):
    assert plain(body(name)) == expected


@pytest.mark.parametrize(
    ("name", "rate", "says"),
    [
        ("aac_frame", 44_100, "the rate is that of the sequence header"),
        ("nellymoser_16k", 5_512, "this format has 16,000 Hz"),
        ("speex", 5_512, "this format has 16,000 Hz"),
        ("mp3_8k", 5_512, "this format has 8,000 Hz"),
    ],
)
def test_a_rate_that_says_nothing_says_so(name, rate, says):
    field = body(name).child("sound_rate")
    assert (field.value, says in field.text) == (rate, True)


def test_speex_with_the_top_bit_set_is_not_enhanced():
    assert body("speex").get("codec") == body("speex_of_ffmpeg").get("codec") == "speex"


def test_aac_sequence_header_is_opened():
    config = body("aac_header").child("config")
    assert (config.text, config.start, config.end) == ("LC, 44,100 Hz, 2 channels", 2, 7)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("opus_start", "48,000 Hz, 2 channels"),
        ("aac_start", "LC, 44,100 Hz, 2 channels"),
        ("flac_start", "96,000 Hz, 2 channels"),
    ],
)
def test_enhanced_sequence_start_is_opened(name, text):
    config = body(name).child("config")
    assert (config.text, config.start) == (text, 5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mp3", {"sample_rate": 44_100, "channels": 1, "bit_rate": 64_000, "samples_per_frame": 1152}),
        ("mp3_8k", {"sample_rate": 8_000, "channels": 1, "bit_rate": 8_000, "samples_per_frame": 576}),
        ("mp3_enhanced", {"sample_rate": 44_100, "channels": 1, "bit_rate": 64_000, "samples_per_frame": 1152}),
        ("ac3_frame", {"sample_rate": 48_000, "channels": 6, "bit_rate": 448_000, "samples_per_frame": 1536}),
        ("eac3_frame", {"sample_rate": 44_100, "channels": 1, "bit_rate": 95_550, "samples_per_frame": 1536}),
    ],
)
def test_frames_that_are_their_own_sequence_header(name, expected):
    frame = body(name).child("frame")
    assert {key: frame.get(key) for key in expected} == expected


def test_opus_packet_tells_its_mode():
    assert body("opus_frame").child("frame").child("config").text == "CELT fullband, 20 ms"


@pytest.mark.parametrize(("name", "expected"), [("adpcm", [(0, 0)]), ("adpcm_stereo", [(-2147, 29), (-2147, 29)])])
def test_adpcm_begins_each_channel_anew(name, expected):
    frame = body(name).child("frame")
    channels = frame.child("first_packet").children
    assert frame.get("code_bits") == 4
    assert [(channel.get("initial_sample"), channel.get("initial_index")) for channel in channels] == expected


def test_no_sync_word_is_said():
    payload = b"\x2e\x12\x34\x56\x78"
    frame = audio.decode(payload, len(payload)).child("frame")
    assert undecoded(frame)[0].text == "no sync word"


def test_empty_audio_marks_silence():
    field = audio.decode(b"", 0)
    assert (field.name, field.children, "silence" in field.text) == ("audio", [], True)


def test_audio_of_which_nothing_was_captured():
    field = audio.decode(b"", 5)
    assert [(part.name, part.text) for part in field.children] == [("undecoded", "5 bytes are missing")]


@pytest.mark.parametrize("name", AUDIO)
def test_message_is_read_to_its_last_byte(name):
    payload = MESSAGES[name][1]
    field = body(name)
    assert not undecoded(field)
    assert '"$pairs"' not in values.value(field)
    covered = {at for leaf in walk(field) if not leaf.children for at in range(leaf.start, leaf.end)}
    assert covered == set(range(len(payload)))


@pytest.mark.parametrize("name", AUDIO)
def test_a_cut_message_keeps_its_place_and_says_what_is_missing(name):
    bodies.check_media_cuts(audio.decode, MESSAGES[name][1])


def test_damage_never_raises():
    rng = random.Random(8)
    for name in AUDIO:
        bodies.check_media_damage(audio.decode, MESSAGES[name][1], rng)
