"""The head of a media message: what pass one must know of it."""

from __future__ import annotations

import random

import pytest

from rtmpscope.media import audio, tag, video
from rtmpscope.model import AUDIO
from tests.fields import damaged
from tests.media_samples import MESSAGES, cuts

FACTS = ("codec", "kind", "key", "composition_time", "track", "enhanced", "many")


def facts(name: str):
    type_id, payload = MESSAGES[name]
    found = (tag.audio if type_id == AUDIO else tag.video)(payload)
    return tuple(getattr(found, fact) for fact in FACTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aac_header", ("aac", "sequence_header", False, 0, 0, False, False)),
        ("aac_frame", ("aac", "frame", False, 0, 0, False, False)),
        ("aac_reserved", ("aac", "other", False, 0, 0, False, False)),
        ("speex", ("speex", "frame", False, 0, 0, False, False)),
        ("speex_of_ffmpeg", ("speex", "frame", False, 0, 0, False, False)),
        ("mp3_8k", ("mp3", "frame", False, 0, 0, False, False)),
        ("pcm", ("pcm", "frame", False, 0, 0, False, False)),
        ("pcm_le", ("pcm", "frame", False, 0, 0, False, False)),
        ("adpcm", ("adpcm", "frame", False, 0, 0, False, False)),
        ("nellymoser_8k", ("nellymoser", "frame", False, 0, 0, False, False)),
        ("alaw", ("g711_alaw", "frame", False, 0, 0, False, False)),
        ("mulaw", ("g711_mulaw", "frame", False, 0, 0, False, False)),
        ("device_specific", ("unknown_15", "frame", False, 0, 0, False, False)),
        ("opus_start", ("opus", "sequence_header", False, 0, 0, True, False)),
        ("opus_frame", ("opus", "frame", False, 0, 0, True, False)),
        ("audio_end", ("opus", "sequence_end", False, 0, 0, True, False)),
        ("multichannel_native", ("opus", "other", False, 0, 0, True, False)),
        ("audio_track", ("opus", "frame", False, 0, 3, True, False)),
        ("unknown_sound", ("unknown_abcd", "frame", False, 0, 0, True, False)),
        ("avc_header", ("h264", "sequence_header", False, 0, 0, False, False)),
        ("avc_key", ("h264", "frame", True, 0, 0, False, False)),
        ("avc_inter", ("h264", "frame", False, 40, 0, False, False)),
        ("avc_earlier", ("h264", "frame", False, -40, 0, False, False)),
        ("avc_end", ("h264", "sequence_end", False, 0, 0, False, False)),
        ("codec_12_key", ("hevc", "frame", True, 80, 0, False, False)),
        ("seek_command", ("h264", "command", False, 0, 0, False, False)),
        ("flv1_key", ("flv1", "frame", True, 0, 0, False, False)),
        ("flv1_disposable", ("flv1", "frame", False, 0, 0, False, False)),
        ("screen2", ("screen2", "frame", True, 0, 0, False, False)),
        ("vp6a", ("vp6a", "frame", True, 0, 0, False, False)),
        ("reserved_codec", ("unknown_8", "frame", True, 0, 0, False, False)),
        ("hvc1_start", ("hevc", "sequence_header", False, 0, 0, True, False)),
        ("hvc1_frames", ("hevc", "frame", True, 80, 0, True, False)),
        ("hvc1_frames_x", ("hevc", "frame", False, 0, 0, True, False)),
        ("av01_frames", ("av1", "frame", True, 0, 0, True, False)),
        ("av01_ts_start", ("av1", "sequence_header", False, 0, 0, True, False)),
        ("video_end", ("hevc", "sequence_end", False, 0, 0, True, False)),
        ("color_info", ("hevc", "metadata", False, 0, 0, True, False)),
        ("color_reset", ("hevc", "metadata", False, 0, 0, True, False)),  # frame type 5, which metadata overrules
        ("enhanced_command", ("", "command", False, 0, 0, True, False)),
        ("one_track", ("h264", "frame", True, 0, 1, True, False)),
        ("many_tracks", ("h264", "frame", True, 0, 0, True, True)),
        ("many_codecs", ("h264", "frame", True, 0, 0, True, True)),
        ("mod_ex", ("hevc", "frame", False, 0, 0, True, False)),
        ("mod_ex_twice", ("hevc", "frame", False, 0, 0, True, False)),
        ("mod_ex_long", ("hevc", "frame", False, 0, 0, True, False)),
        ("reserved_packet_type", ("hevc", "other", False, 0, 0, True, False)),
    ],
)
def test_message_tells_its_facts(name, expected):
    assert facts(name) == expected


def test_composition_time_of_the_second_of_many_codecs_stands_behind_its_size():
    payload = bytes.fromhex("a621") + b"hvc1" + bytes.fromhex("05 000009 000050 00000002 0201")
    found = tag.video(payload)
    assert (found.codec, found.track, found.composition_time) == ("hevc", 5, 80)


def test_empty_message_is_a_kind_of_its_own():
    assert tag.audio(b"").kind == tag.video(b"").kind == "empty"


@pytest.mark.parametrize("name", MESSAGES.keys() - {"mod_ex_long"})
def test_the_first_64_bytes_are_enough(name):
    type_id, payload = MESSAGES[name]
    read = tag.audio if type_id == AUDIO else tag.video
    whole, head = read(payload), read(payload[:64])
    assert [getattr(whole, fact) for fact in FACTS] == [getattr(head, fact) for fact in FACTS]


def test_only_what_goes_beyond_a_frame_is_wanted_whole():
    wanted = {name for name, (type_id, payload) in MESSAGES.items() if tag.wants_whole(type_id, payload[:64])}
    assert wanted == {
        "aac_header", "aac_reserved", "opus_start", "opus_tags", "aac_start", "flac_start", "ac3_start",
        "multichannel_native", "multichannel_custom", "multichannel_unspecified",
        "avc_header", "codec_12_header", "hvc1_start", "vvc1_start", "av01_start", "av01_ts_start", "vp09_start",
        "color_info", "color_reset", "many_tracks", "many_codecs", "mod_ex_long", "reserved_packet_type",
    }  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_a_cut_head_never_raises(name):
    type_id, payload = MESSAGES[name]
    for part in cuts(payload):
        tag.wants_whole(type_id, part)


def test_damage_never_raises_and_the_tag_agrees_with_the_tree():
    rng = random.Random(12)
    for name in MESSAGES:
        type_id, payload = MESSAGES[name]
        for data in [payload, *(damaged(rng, payload) for _ in range(200))]:
            found = (tag.audio if type_id == AUDIO else tag.video)(data)
            body = (audio if type_id == AUDIO else video).decode(data, len(data))
            if found.kind != "other" and not found.many and body.child("codec") is not None:
                assert found.codec == body.get("codec")
                key = found.kind == "frame" and body.get("frame_type") in ("key", "generated_key")
                assert found.key == key
            time = body.child("composition_time")
            if time is not None and found.kind == "frame":
                assert found.composition_time == time.value
