"""What frames say of themselves, from as many bytes as the first pass keeps of them."""

import pytest

from rtmpscope.media.frame_facts import described, frame_facts
from tests.media_samples import MESSAGES


@pytest.mark.parametrize(
    ("type_id", "first", "rate", "channels"),
    [
        (8, 0x3E, 44_100, 1),  # PCM
        (8, 0x1F, 44_100, 2),  # ADPCM
        (8, 0x4F, 16_000, 1),  # Nellymoser, which has its own rate
        (8, 0x52, 8_000, 1),
        (8, 0x6A, 22_050, 1),
        (8, 0x72, 8_000, 1),  # G.711
        (8, 0xB6, 16_000, 1),  # Speex
    ],
)
def test_sound_that_says_nothing_itself_is_described_by_the_header_before_it(type_id, first, rate, channels):
    facts = frame_facts(type_id, bytes([first]) + bytes(40), 41)
    assert facts == {"sample_rate": rate, "channels": channels}


def test_aac_is_not_described_by_the_header_before_it():
    assert frame_facts(8, b"\xaf\x01" + bytes(20), 22) == {}
    assert frame_facts(8, b"\xf0" + bytes(20), 21) == {}  # device-specific
    assert frame_facts(8, b"", 0) == {}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("vp09_key", {"profile": "Profile 0", "width": 318, "height": 182, "bit_depth": 8}),
        ("vp08_key", {"width": 318, "height": 182}),
        ("flv1_key", {"width": 318, "height": 182}),
        ("mp3", {"sample_rate": 44_100, "channels": 1}),
        ("eac3_frame", {"sample_rate": 44_100, "channels": 1}),
        ("ac3_frame", {"sample_rate": 48_000, "channels": 6}),
        ("avc_key", {"width": None}),
    ],
)
def test_frames_that_say_what_they_are(name, wanted):
    type_id, payload = MESSAGES[name][0], MESSAGES[name][1]
    facts = frame_facts(type_id, payload[:64], len(payload))
    assert {key: facts.get(key) for key in wanted} == wanted


def test_facts_in_words():
    assert described({"profile": "Profile 0", "level": "1.1", "width": 320, "height": 180, "array_count": 3}) == (
        "Profile 0 1.1, 320 x 180"
    )
    assert described({}) == ""
