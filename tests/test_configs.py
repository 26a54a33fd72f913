"""Configuration records: what they say, beside what ffprobe says of the same stream, and what damage leaves of them."""

from __future__ import annotations

import json
import random
import shutil
import subprocess

import pytest

from rtmpscope.export import values
from rtmpscope.media import configs, h264
from rtmpscope.media.bit_reader import BitReader
from tests.fields import damaged, undecoded, walk
from tests.media_samples import RECORDS, cuts
from tests.patience import PATIENCE


def tree(codec: str, record: bytes):
    reader = BitReader(record)
    configs.read(reader, codec)
    return reader.fields[0]


def said(name: str) -> dict[str, object]:
    """The parameters that are known."""
    found = configs.parameters(*RECORDS[name])._asdict()
    return {slot: value for slot, value in found.items() if value not in ("", 0, 0.0, None)}


# As ffprobe 5.1 says of the files (ffmpeg 9 of VVC), but for `interlaced`, where it names the field order, and
# `h264_gray`, which it decodes as 4:2:0.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "h264_main",
            {
                "profile": "Main",
                "level": "2.1",
                "width": 426,
                "height": 240,
                "frame_rate": 30000 / 1001,
                "chroma": "4:2:0",
                "bit_depth": 8,
                "sample_aspect_ratio": "1:1",
                "full_range": True,
                "color_primaries": "bt709",
                "color_transfer": "bt709",
                "color_space": "bt709",
            },
        ),
        (
            "h264_baseline",
            {
                "profile": "Constrained Baseline",
                "level": "1.2",
                "width": 318,
                "height": 182,
                "frame_rate": 25.0,
                "chroma": "4:2:0",
                "bit_depth": 8,
                "sample_aspect_ratio": "4:3",
            },
        ),
        (
            "h264_1080",
            {
                "profile": "Constrained Baseline",
                "level": "4.2",
                "width": 1920,
                "height": 1080,
                "frame_rate": 60.0,
                "chroma": "4:2:0",
                "bit_depth": 8,
                "sample_aspect_ratio": "1:1",
            },
        ),
        (
            "h264_422_10",
            {
                "profile": "High 4:2:2",
                "level": "1.2",
                "width": 318,
                "height": 182,
                "frame_rate": 25.0,
                "chroma": "4:2:2",
                "bit_depth": 10,
                "sample_aspect_ratio": "1:1",
            },
        ),
        (
            "h264_444",
            {
                "profile": "High 4:4:4 Predictive",
                "level": "1.2",
                "width": 318,
                "height": 182,
                "frame_rate": 25.0,
                "chroma": "4:4:4",
                "bit_depth": 8,
                "sample_aspect_ratio": "1:1",
            },
        ),
        (
            "h264_gray",
            {
                "profile": "High",
                "level": "1.2",
                "width": 318,
                "height": 182,
                "frame_rate": 25.0,
                "chroma": "4:0:0",
                "bit_depth": 8,
                "sample_aspect_ratio": "1:1",
                "full_range": True,
            },
        ),
        (
            "h264_interlaced",
            {
                "profile": "High",
                "level": "2.1",
                "width": 320,
                "height": 192,
                "frame_rate": 12.5,
                "chroma": "4:2:0",
                "bit_depth": 8,
                "interlaced": True,
                "sample_aspect_ratio": "477:455",
            },
        ),
        (
            "h264_hrd",
            {
                "profile": "High",
                "level": "3.0",
                "width": 640,
                "height": 360,
                "frame_rate": 30000 / 1001,
                "chroma": "4:2:0",
                "bit_depth": 8,
                "sample_aspect_ratio": "1:1",
            },
        ),
        (
            "hevc_main",
            {
                "profile": "Main",
                "level": "2.0",
                "tier": "Main",
                "width": 318,
                "height": 182,
                "frame_rate": 25.0,
                "chroma": "4:2:0",
                "bit_depth": 8,
                "sample_aspect_ratio": "1:1",
            },
        ),
        (
            "hevc_hdr",
            {
                "profile": "Main 10",
                "level": "3.0",
                "tier": "Main",
                "width": 640,
                "height": 360,
                "frame_rate": 50.0,
                "chroma": "4:2:0",
                "bit_depth": 10,
                "sample_aspect_ratio": "1:1",
                "color_primaries": "bt2020",
                "color_transfer": "smpte2084",
                "color_space": "bt2020nc",
            },
        ),
        (
            "hevc_444",
            {
                "profile": "Rext",
                "level": "2.0",
                "tier": "Main",
                "width": 318,
                "height": 182,
                "frame_rate": 30000 / 1001,
                "chroma": "4:4:4",
                "bit_depth": 8,
                "sample_aspect_ratio": "1:1",
            },
        ),
        (
            "av1_main",
            {
                "profile": "Main",
                "level": "2.0",
                "tier": "Main",
                "width": 318,
                "height": 182,
                "chroma": "4:2:0",
                "bit_depth": 8,
            },
        ),
        (
            "av1_hdr",
            {
                "profile": "Main",
                "level": "3.0",
                "tier": "Main",
                "width": 640,
                "height": 360,
                "chroma": "4:2:0",
                "bit_depth": 10,
                "color_primaries": "bt2020",
                "color_transfer": "smpte2084",
                "color_space": "bt2020nc",
            },
        ),
        (
            "av1_444",
            {
                "profile": "High",
                "level": "2.0",
                "tier": "Main",
                "width": 320,
                "height": 180,
                "chroma": "4:4:4",
                "bit_depth": 8,
                "full_range": True,
                "color_space": "gbr",
            },
        ),
        (
            "vp9_main",
            {"profile": "Profile 0", "level": "1.1", "chroma": "4:2:0", "bit_depth": 8, "color_space": "bt709"},
        ),
        ("vp9_422_10", {"profile": "Profile 3", "level": "1.1", "chroma": "4:2:2", "bit_depth": 10}),
        (
            "vvc_main10",
            {
                "profile": "Main 10",
                "level": "2.0",
                "tier": "Main",
                "width": 318,
                "height": 182,
                "chroma": "4:2:0",
                "bit_depth": 10,
            },
        ),
        ("aac_stereo", {"profile": "LC", "sample_rate": 44100, "channels": 2, "samples_per_frame": 1024}),
        ("aac_51", {"profile": "LC", "sample_rate": 48000, "channels": 6, "samples_per_frame": 1024}),
        ("aac_71", {"profile": "LC", "sample_rate": 96000, "channels": 8, "samples_per_frame": 1024}),
        ("aac_7350", {"profile": "LC", "sample_rate": 7350, "channels": 1, "samples_per_frame": 1024}),
        ("opus_stereo", {"sample_rate": 48000, "channels": 2}),
        ("opus_51", {"sample_rate": 48000, "channels": 6}),
        ("flac_24", {"sample_rate": 96000, "channels": 2, "bit_depth": 24, "samples_per_frame": 1024}),
    ],
)
def test_record_says_what_ffprobe_says(name, expected):
    assert said(name) == {slot: value for slot, value in expected.items() if value is not False}


@pytest.mark.parametrize("name", RECORDS)
def test_record_is_read_to_its_last_byte(name):
    config = tree(*RECORDS[name])
    assert not undecoded(config)
    assert config.end == len(RECORDS[name][1])


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_of_a_record_has_a_name_of_its_own_and_a_place(name):
    codec, record = RECORDS[name]
    config = tree(codec, record)
    assert '"$pairs"' not in values.value(config)
    for field in walk(config):
        assert 0 <= field.start <= field.end <= len(record), field


@pytest.mark.parametrize("name", RECORDS)
def test_a_cut_record_keeps_what_it_has_and_says_so(name):
    codec, record = RECORDS[name]
    for part in cuts(record):
        reader = BitReader(part)
        reader.missing = len(record) - len(part)
        body = reader.decode("video", lambda reader: configs.read(reader, codec))  # noqa: B023
        assert undecoded(body)[-1].text.endswith("missing")
        configs.parameters(codec, part)


@pytest.mark.parametrize("name", RECORDS)
def test_bytes_behind_a_record_are_shown_as_they_are(name):
    codec, record = RECORDS[name]
    config = tree(codec, record + b"\xff\xfe\xfd")
    assert any(field.end == len(record) + 3 and isinstance(field.value, bytes) for field in walk(config))
    if codec not in ("av1", "flac"):  # whose records have no end of their own
        assert configs.parameters(codec, record + b"\xff\xfe\xfd") == configs.parameters(codec, record)


def test_damage_never_raises_and_stays_in_place():
    rng = random.Random(5)
    for codec, record in RECORDS.values():
        for _ in range(150):
            data = damaged(rng, record)
            for field in walk(tree(codec, data)):
                assert 0 <= field.start <= field.end <= len(data), field
            str(configs.parameters(codec, data))


def test_bytes_of_an_unknown_codec_are_kept():
    assert tree("jpeg", b"ab").value == b"ab"
    assert configs.parameters("jpeg", b"ab") == configs.Parameters()


def test_a_person_reads_one_line():
    assert tree(*RECORDS["h264_main"]).text == "Main 2.1, 426 x 240, 29.97 fps"
    assert tree(*RECORDS["opus_51"]).text == "48,000 Hz, 6 channels"


# H.264


def test_avcc_lists_its_parameter_sets_by_type_and_size():
    config = tree(*RECORDS["h264_422_10"])
    assert config.get("length_size") == 4
    assert [(unit.get("size"), unit.get("type")) for unit in config.child("sps").children] == [(27, "SPS")]
    assert [(unit.get("size"), unit.get("type")) for unit in config.child("pps").children] == [(6, "PPS")]
    assert (config.get("bit_depth_luma"), config.child("chroma_format").text) == (10, "4:2:2")


def test_avcc_of_high_profile_may_end_before_its_extension():
    codec, record = RECORDS["h264_gray"]
    config = tree(codec, record[:-4])
    assert not undecoded(config)
    assert config.child("chroma_format") is None


def test_sps_fields_are_found_behind_emulation_prevention():
    """Both halves of 25 fps hold three zero bytes, which 03 keeps apart on the wire."""
    codec, record = RECORDS["h264_baseline"]
    vui = tree(codec, record).child("sps").children[0].child("vui")
    assert (vui.get("num_units_in_tick"), vui.get("time_scale")) == (1, 50)
    ticks, scale = vui.child("num_units_in_tick"), vui.child("time_scale")
    assert record[ticks.start : ticks.end].hex() == "840000030004"
    assert record[scale.start : scale.end].hex() == "0400000300c8"


def test_hrd_of_h264_gives_the_bit_rate():
    vui = tree(*RECORDS["h264_hrd"]).child("sps").children[0].child("vui")
    hrd = vui.child("nal_hrd")
    scale, schedule = hrd.get("bit_rate_scale"), hrd.child("schedules").children[0]
    assert (schedule.get("bit_rate_value_minus1") + 1) << (6 + scale) == 2_000_000
    assert schedule.get("cbr_flag") is True


@pytest.mark.parametrize(
    ("profile", "constraints", "name"),
    [
        (66, 0x00, "Baseline"),
        (66, 0x40, "Constrained Baseline"),
        (100, 0x00, "High"),
        (100, 0x0C, "Constrained High"),
        (110, 0x10, "High 10 Intra"),
        (99, 0x00, "profile 99"),
    ],
)
def test_profiles_of_h264_are_narrowed_by_their_flags(profile, constraints, name):
    assert h264.profile_name(profile, constraints) == name


@pytest.mark.parametrize(
    ("profile", "level", "constraints", "name"),
    [(66, 11, 0x10, "1b"), (66, 11, 0, "1.1"), (100, 9, 0, "1b"), (100, 11, 0x10, "1.1"), (100, 52, 0, "5.2")],
)
def test_level_1b_is_told_from_1_1(profile, level, constraints, name):
    assert h264.level_name(profile, level, constraints) == name


# HEVC, VVC, AV1, VP9


def test_hvcc_lists_its_arrays_by_type():
    arrays = tree(*RECORDS["hevc_hdr"]).child("arrays").children
    assert [array.get("type") for array in arrays] == ["VPS", "SPS", "PPS", "SEI"]
    assert [array.child("nal_units").children[0].get("size") for array in arrays] == [24, 57, 7, 6]


def test_sei_messages_are_named():
    messages = tree(*RECORDS["hevc_hdr"]).child("arrays").children[3].child("nal_units").children[0].child("messages")
    assert [(message.get("payload_type"), message.get("payload_size")) for message in messages.children] == [
        ("active_parameter_sets", 1)
    ]


def test_hevc_frame_rate_of_the_record_counts_256_seconds():
    codec, record = RECORDS["hevc_main"]
    rated = record[:19] + bytes.fromhex("1900") + record[21:22] + b"\0"  # no arrays
    assert configs.parameters(codec, rated).frame_rate == 25.0


def test_vvc_record_lists_its_arrays_by_type():
    arrays = tree(*RECORDS["vvc_main10"]).child("arrays").children
    assert [array.get("type") for array in arrays] == ["SPS", "PPS"]


def test_av1_record_holds_its_sequence_header():
    (obu,) = tree(*RECORDS["av1_main"]).child("obus").children
    assert (obu.get("type"), obu.get("size")) == ("sequence_header", 11)


def test_av1_timing_gives_the_frame_rate():
    """The header of libaom's 318 x 182 with timing put in: 1 tick of 1/30 s for every picture."""
    bits = "000001" + f"{1:032b}{30:032b}" + "110000000" + f"{0:012b}" + "00000"
    bits += "10000111" + f"{317:09b}{181:08b}" + "0" * 40
    body = int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8, "big")
    found = configs.parameters("av1", bytes.fromhex("81000c00") + bytes([0x0A, len(body)]) + body)
    assert (found.frame_rate, found.width, found.height) == (30.0, 318, 182)


def test_vpcc_may_come_without_the_head_of_its_box():
    codec, record = RECORDS["vp9_main"]
    assert configs.parameters(codec, record[4:]) == configs.parameters(codec, record)


# Audio


@pytest.mark.parametrize(
    ("record", "profile", "rate", "channels", "samples"),
    [
        ("1210", "LC", 44_100, 2, 1024),
        ("1190", "LC", 48_000, 2, 1024),
        ("2b920800", "HE-AAC", 44_100, 2, 2048),
        ("eb8a0800", "HE-AACv2", 44_100, 2, 2048),  # mono, which PS makes stereo
        ("131056e598", "HE-AAC", 48_000, 2, 2048),  # the extension behind the config
        ("131056e500", "LC", 24_000, 2, 1024),  # the extension that says there is none
        ("130856e59d4880", "HE-AACv2", 48_000, 2, 2048),
        ("1780562208", "LC", 44_100, 1, 1024),  # explicit rate
        ("1214", "LC", 44_100, 2, 960),
        ("0a10", "Main", 44_100, 2, 1024),
    ],
)
def test_audio_specific_config(record, profile, rate, channels, samples):
    found = configs.parameters("aac", bytes.fromhex(record))
    assert (found.profile, found.sample_rate, found.channels, found.samples_per_frame) == (
        profile,
        rate,
        channels,
        samples,
    )


def test_channels_without_a_configuration_are_counted_from_the_program():
    front_and_back = "001000000001010000000000" + "0000010000" + "10001" + "0000"
    bits = "0001001000000000" + "0000010100" + front_and_back
    bits += "0" * (-len(bits) % 8) + "00000010" + f"{0x6869:016b}"
    config = tree("aac", int(bits, 2).to_bytes(len(bits) // 8, "big"))
    assert config.get("channels") == 6
    assert config.child("ga_specific_config").child("program_config_element").get("comment_field") == b"hi"


def test_an_object_type_beyond_31_has_six_more_bits():
    config = tree("aac", bytes.fromhex("f8e85000"))  # 31, then 7: ELD
    assert (config.get("audio_object_type"), config.child("audio_object_type").text) == (39, "ELD")


def test_opus_gain_is_a_fraction_of_a_decibel():
    head = b"OpusHead" + bytes.fromhex("01 02 3801 80bb0000 00ff 00")
    assert tree("opus", head).child("output_gain").text == "-1 dB"


def test_opus_comments_are_not_taken_for_the_header():
    assert configs.parameters("opus", b"OpusTags\0\0\0\0") == configs.Parameters()


@pytest.mark.parametrize("head", [b"", b"fLaC" + bytes.fromhex("80000022"), bytes.fromhex("80000022")])
def test_flac_streaminfo_with_or_without_what_belongs_before_it(head):
    codec, record = RECORDS["flac_24"]
    assert configs.parameters(codec, head + record) == configs.parameters(codec, record)


# Against ffprobe, with whatever encoders are here

ENCODERS = {
    "libx264": ("yuv420p", ["-profile:v", "high", "-x264opts", "tff=1"]),
    "libx265": ("yuv420p10le", ["-x265-params", "log-level=none"]),
    "libaom-av1": ("yuv420p", ["-cpu-used", "8"]),
    "aac": ("", []),
    "libopus": ("", []),
    "flac": ("", []),
}


def _encoders() -> set[str]:
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        return set()
    listed = subprocess.run(["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=PATIENCE)
    return {line.split()[1] for line in listed.stdout.splitlines() if len(line.split()) > 1}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_ffprobe_agrees_about_a_fresh_stream(encoder, tmp_path):
    if encoder not in _encoders():
        pytest.skip(f"no ffmpeg with {encoder} and ffprobe here")
    pixels, options = ENCODERS[encoder]
    if pixels:
        source = ["-f", "lavfi", "-i", "testsrc2=size=322x180:rate=24000/1001:duration=0.2", "-pix_fmt", pixels, "-c:v"]
    else:
        source = ["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=0.2", "-ac", "2", "-c:a"]
    path = tmp_path / "stream.mkv"
    subprocess.run(["ffmpeg", "-v", "error", *source, encoder, *options, path], check=True, timeout=PATIENCE)
    probe = ["ffprobe", "-v", "error", "-show_streams", "-show_data", "-of", "json", path]
    stream = json.loads(subprocess.run(probe, capture_output=True, check=True, timeout=PATIENCE).stdout)["streams"][0]
    dump = "".join(line[10:50] for line in stream["extradata"].strip().splitlines())
    codec = stream["codec_name"]
    found = configs.parameters(codec, bytes.fromhex(dump))
    if pixels:
        assert (found.width, found.height) == (stream["width"], stream["height"])
        assert found.profile == stream["profile"]
        depth = {"yuv420p": 8, "yuv420p10le": 10}[stream["pix_fmt"]]
        assert (found.chroma, found.bit_depth) == ("4:2:0", depth)
        levels = {"h264": stream["level"] / 10, "hevc": stream["level"] / 30, "av1": 2 + stream["level"] / 4}
        assert float(found.level) == levels[codec]
        if codec != "av1":
            over, under = map(int, stream["avg_frame_rate"].split("/"))
            assert found.frame_rate == pytest.approx(over / under)
    else:
        assert (found.sample_rate, found.channels) == (int(stream["sample_rate"]), stream["channels"])
