"""Video messages to the bit: every legacy codec, Enhanced RTMP, NAL units and OBUs, damage."""

from __future__ import annotations

import json
import random

import pytest

from rtmpscope.export import values
from rtmpscope.media import video
from rtmpscope.media.configs import Parameters
from tests import bodies
from tests.fields import undecoded, walk
from tests.media_samples import AVC_UNITS, HEVC, MESSAGES

VIDEO = [name for name, (type_id, _) in MESSAGES.items() if type_id == 9]


def body(name: str):
    return decode(MESSAGES[name][1])


def decode(payload: bytes):
    return video.decode(payload, len(payload))


def plain(field):
    return json.loads(values.value(field))


def units(field):
    return [(unit.get("type"), unit.get("size")) for unit in field.child("nal_units").children]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "avc_inter",
            {
                "frame_type": "inter",
                "codec": "h264",
                "packet_type": "nalu",
                "composition_time": 40,
                "nal_units": [{"size": 2, "type": "slice", "first_mb_in_slice": 0, "slice_type": "P"}],
            },
        ),
        (
            "avc_end",
            {"frame_type": "key", "codec": "h264", "packet_type": "end_of_sequence", "composition_time": 0},
        ),
        ("seek_command", {"frame_type": "command", "codec": "h264", "command": "start_seek"}),
        ("enhanced_command", {"frame_type": "command", "packet_type": "coded_frames", "command": "end_seek"}),
        ("jpeg", {"frame_type": "key", "codec": "jpeg"}),
        ("reserved_codec", {"frame_type": "key", "codec": "unknown_8"}),
        (
            "codec_12_key",
            {
                "frame_type": "key",
                "codec": "hevc",
                "packet_type": "nalu",
                "composition_time": 80,
                "nal_units": [{"size": 2, "type": "IDR_W_RADL"}],
            },
        ),
        (
            "hvc1_frames",
            {
                "frame_type": "key",
                "packet_type": "coded_frames",
                "codec": "hevc",
                "fourcc": "hvc1",
                "composition_time": 80,
                "nal_units": [{"size": 2, "type": "IDR_W_RADL"}],
            },
        ),
        (
            "hvc1_frames_x",
            {
                "frame_type": "inter",
                "packet_type": "coded_frames_x",
                "codec": "hevc",
                "fourcc": "hvc1",
                "composition_time": 0,
                "nal_units": [{"size": 2, "type": "TRAIL_R"}],
            },
        ),
        (
            "vvc1_frames",
            {
                "frame_type": "key",
                "packet_type": "coded_frames",
                "codec": "vvc",
                "fourcc": "vvc1",
                "composition_time": 0,
                "nal_units": [{"size": 3, "type": "IDR_W_RADL"}],
            },
        ),
        (
            "color_info",
            {
                "frame_type": "unknown_0",
                "packet_type": "metadata",
                "codec": "hevc",
                "fourcc": "hvc1",
                "metadata": {"colorInfo": {"colorConfig": {"bitDepth": 10}}},
            },
        ),
        (
            "color_reset",
            {
                "frame_type": "command",
                "packet_type": "metadata",
                "codec": "hevc",
                "fourcc": "hvc1",
                "metadata": {"colorInfo": {"$undefined": True}},
            },
        ),
        (
            "one_track",
            {
                "frame_type": "key",
                "multitrack": "one_track",
                "packet_type": "coded_frames",
                "codec": "h264",
                "fourcc": "avc1",
                "tracks": [
                    {
                        "track_id": 1,
                        "composition_time": 0,
                        "nal_units": [
                            {"size": 2, "type": "AUD"},
                            {
                                "size": 5,
                                "type": "SEI",
                                "messages": [{"payload_type": "user_data_unregistered", "payload_size": 1}],
                            },
                            {"size": 4, "type": "IDR", "first_mb_in_slice": 0, "slice_type": "I"},
                        ],
                    }
                ],
            },
        ),
        (
            "many_tracks",
            {
                "frame_type": "key",
                "multitrack": "many_tracks",
                "packet_type": "coded_frames",
                "codec": "h264",
                "fourcc": "avc1",
                "tracks": [
                    {
                        "track_id": 0,
                        "size": 10,
                        "composition_time": 0,
                        "nal_units": [{"size": 3, "type": "IDR", "first_mb_in_slice": 0, "slice_type": "I"}],
                    },
                    {
                        "track_id": 2,
                        "size": 9,
                        "composition_time": 40,
                        "nal_units": [{"size": 2, "type": "IDR", "first_mb_in_slice": 0, "slice_type": "I"}],
                    },
                ],
            },
        ),
        (
            "many_codecs",
            {
                "frame_type": "key",
                "multitrack": "many_tracks_many_codecs",
                "packet_type": "coded_frames",
                "tracks": [
                    {
                        "codec": "h264",
                        "fourcc": "avc1",
                        "track_id": 0,
                        "size": 10,
                        "composition_time": 0,
                        "nal_units": [{"size": 3, "type": "IDR", "first_mb_in_slice": 0, "slice_type": "I"}],
                    },
                    {
                        "codec": "av1",
                        "fourcc": "av01",
                        "track_id": 1,
                        "size": 2,
                        "obus": [{"type": "temporal_delimiter", "size": 0}],
                    },
                ],
            },
        ),
        (
            "mod_ex",
            {
                "frame_type": "inter",
                "mod_ex": [{"nanoseconds": 500000, "type": "timestamp_offset_nano"}],
                "packet_type": "coded_frames",
                "codec": "hevc",
                "fourcc": "hvc1",
                "composition_time": 0,
                "nal_units": [{"size": 2, "type": "IDR_W_RADL"}],
            },
        ),
        (
            "mod_ex_twice",
            {
                "frame_type": "inter",
                "mod_ex": [
                    {"nanoseconds": 1, "type": "timestamp_offset_nano"},
                    {"data": {"$bytes": "aa", "length": 1}, "type": "unknown_1"},
                ],
                "packet_type": "coded_frames",
                "codec": "hevc",
                "fourcc": "hvc1",
                "composition_time": 0,
                "nal_units": [{"size": 2, "type": "IDR_W_RADL"}],
            },
        ),
        (
            "reserved_packet_type",
            {"frame_type": "key", "packet_type": "unknown_14", "codec": "hevc", "fourcc": "hvc1"},
        ),
    ],
)
def test_message_in_the_trace(name, expected):
    assert plain(body(name)) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("avc_header", "Main 2.1, 426 x 240, 29.97 fps"),
        ("codec_12_header", "Main 2.0, 318 x 182, 25 fps"),
        ("hvc1_start", "Main 2.0, 318 x 182, 25 fps"),
        ("vvc1_start", "Main 10 2.0, 318 x 182"),
        ("av01_start", "Main 2.0, 318 x 182"),
        ("vp09_start", "Profile 0 1.1"),
    ],
)
def test_sequence_header_is_opened(name, text):
    config = body(name).child("config")
    assert (config.text, config.end) == (text, len(MESSAGES[name][1]))


def test_av1_descriptor_of_mpeg_ts_is_opened():
    config = body("av01_ts_start").child("config")
    assert (config.get("profile"), config.get("level"), config.get("chroma")) == ("Main", "2.0", "4:2:0")


def test_composition_time_may_be_negative():
    assert body("avc_earlier").get("composition_time") == -40


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [
        ("flv1_key", 318, 182),
        ("screen", 318, 182),
        ("screen2", 318, 182),
        ("vp6_key", 318, 182),
        ("vp6a", 320, 192),
        ("vp09_key", 318, 182),
        ("vp08_key", 318, 182),
    ],
)
def test_frames_that_are_their_own_sequence_header(name, width, height):
    found = Parameters.of(body(name).child("frame"))
    assert (found.width, found.height) == (width, height)


@pytest.mark.parametrize("name", VIDEO)
def test_what_a_frame_says_of_itself_has_the_promised_types(name):
    frame = body(name).child("frame")
    if frame is not None:
        for slot, value in Parameters.of(frame)._asdict().items():
            default = getattr(Parameters(), slot)
            assert isinstance(value, bool | None if default is None else type(default)), slot


def test_inter_frames_of_those_codecs_say_no_size():
    assert body("vp6").child("frame").child("width") is None
    assert body("flv1_disposable").child("frame").get("picture_type") == "disposable inter"


def test_screen_video_lists_its_blocks():
    blocks = body("screen").child("frame").child("blocks").children
    assert [block.get("size") for block in blocks] == [3, 0]
    frame = body("screen2").child("frame")
    assert (frame.get("has_iframe_image"), frame.get("palette"), frame.get("block_width")) == (False, b"\xaa\xbb", 64)


def test_vp8_reads_its_little_endian_header():
    frame = body("vp08_key").child("frame")
    assert (frame.get("frame_type"), frame.get("show_frame"), frame.get("first_part_size")) == ("key", True, 10)


def test_obus_are_listed_by_type_with_sizes():
    listed = [(obu.get("type"), obu.get("size")) for obu in body("av01_frames").child("obus").children]
    assert listed == [("temporal_delimiter", 0), ("sequence_header", 11), ("frame", 3)]
    header, frame = body("av01_frames").child("obus").children[1:]
    assert (header.get("width"), header.get("height")) == (318, 182)
    assert frame.get("frame_type") == "key"


def test_an_obu_without_a_size_reaches_to_the_end():
    (obu,) = decode(bytes.fromhex("91") + b"av01" + bytes.fromhex("30 102030")).child("obus").children
    assert (obu.get("type"), obu.get("size"), obu.end) == ("frame", 3, 9)


def test_a_parameter_set_in_a_frame_says_what_it_says_in_the_record():
    sps = HEVC[57:100]  # behind its length
    assert sps[:2] == b"\x42\x01"
    (unit,) = (
        decode(bytes.fromhex("91") + b"hvc1" + bytes(3) + len(sps).to_bytes(4, "big") + sps).child("nal_units").children
    )
    assert (unit.get("type"), unit.get("width"), unit.get("height")) == ("SPS", 318, 182)


# Lengths of NAL units


def test_start_codes_where_lengths_belong_are_seen():
    found = body("avc_annex_b").child("nal_units")
    assert found.text == "Annex B start codes stand where lengths belong"
    assert [unit.get("type") for unit in found.children if unit.name == "nal_unit"] == ["AUD", "IDR", "AUD"]


def test_a_length_of_one_is_no_start_code():
    """The aggregate of protocol texts: a unit of one byte, whose length reads 00 00 00 01."""
    field = decode(bytes.fromhex("27010000000000000109"))
    assert units(field) == [("AUD", 1)]
    assert field.child("nal_units").text == ""


def test_other_sizes_of_a_length_are_found_by_their_fit():
    found = body("avc_short_lengths")
    assert found.child("nal_units").text == "lengths of 2 bytes"
    assert units(found) == [("AUD", 2), ("IDR", 3)]


def test_a_length_that_overruns_the_message_is_said():
    field = decode(bytes.fromhex("1701000000 00000009 65b804"))
    assert units(field) == [("IDR", 9)]
    assert undecoded(field)[0].text == "6 bytes are missing"


def test_units_up_to_the_cut_are_listed():
    payload = bytes.fromhex("1701000000") + AVC_UNITS
    field = video.decode(payload[:20], len(payload))
    assert units(field) == [("AUD", 2), ("SEI", 5)]
    assert undecoded(field)[-1].text == f"{len(payload) - 20} bytes are missing"


def test_a_message_of_nothing_but_empty_units_stays_small():
    payload = bytes.fromhex("1701000000") + bytes(4 << 20)
    field = decode(payload)
    assert undecoded(field)[-1].text == "more than 20,000 fields"
    assert sum(1 for _ in walk(field)) < 60_000


def test_metadata_without_a_value_is_said():
    field = decode(bytes.fromhex("84") + b"hvc1" + bytes.fromhex("020001 61"))
    assert undecoded(field)[0].text == "a name and a value belong together"


def test_empty_video_is_a_marker():
    assert video.decode(b"", 0).text == "empty"


# Whole, cut, damaged


@pytest.mark.parametrize("name", VIDEO)
def test_message_is_read_to_its_last_byte(name):
    payload = MESSAGES[name][1]
    field = body(name)
    assert not undecoded(field)
    assert '"$pairs"' not in values.value(field)
    covered = {at for leaf in walk(field) if not leaf.children for at in range(leaf.start, leaf.end)}
    assert covered == set(range(len(payload))) or "metadata" in field.get("packet_type")  # whose keys are no fields


@pytest.mark.parametrize("name", VIDEO)
def test_a_cut_message_keeps_its_place_and_says_what_is_missing(name):
    bodies.check_media_cuts(video.decode, MESSAGES[name][1])


def test_bytes_behind_the_end_are_shown():
    for name in ("avc_end", "video_end", "enhanced_command", "vp09_start"):
        payload = MESSAGES[name][1] + b"\xee\xff"
        assert any(leaf.end == len(payload) and leaf.value == b"\xee\xff" for leaf in walk(decode(payload)))


def test_damage_never_raises():
    rng = random.Random(9)
    for name in VIDEO:
        bodies.check_media_damage(video.decode, MESSAGES[name][1], rng)
