"""Elementary streams: each track in the format that is usual for its codec."""

from __future__ import annotations

import struct
import subprocess

import pytest

from rtmpscope.export.elementary import ElementaryExtractor
from rtmpscope.media import opus, tag
from rtmpscope.model import C2S, Message
from tests.flv_files import decode, have_ffmpeg, tags
from tests.media_samples import MESSAGES, RECORDS
from tests.patience import PATIENCE

AUDIO, VIDEO = 8, 9


def sample(name, time=0):
    type_id, payload = MESSAGES[name]
    return type_id, time, payload


def extract(folder, *messages):
    """Names and bytes of the files, and the report."""
    with ElementaryExtractor(str(folder)) as extractor:
        for type_id, timestamp, payload in messages:
            extractor.event(Message(0, C2S, 1, 10**18, 0, 4, type_id, 1, timestamp, len(payload), payload))
        report = extractor.finish()
    prefix = "connection-0-stream-1-publish-"
    return {path.name.removeprefix(prefix): path.read_bytes() for path in folder.iterdir()}, report


def test_h264_gets_start_codes_and_parameter_sets_before_key_frames(tmp_path):
    inter = (VIDEO, 40, MESSAGES["avc_inter"][1])
    files, report = extract(tmp_path, sample("avc_header"), sample("avc_key"), inter)
    sps, pps = RECORDS["h264_main"][1][8:35], RECORDS["h264_main"][1][38:]
    units = [sps, pps, b"\x09\x10", b"\x06\x05\x01\xaa\x80", b"\x65\xb8\x04\x01", b"\x41\x9a"]
    assert files == {"video.h264": b"".join(b"\0\0\0\1" + unit for unit in units)}
    assert report[1] == f"  connection-0-stream-1-publish-video.h264: {len(files['video.h264'])} bytes of h264"


def test_hevc_takes_its_parameter_sets_from_the_arrays(tmp_path):
    files, _ = extract(tmp_path, sample("hvc1_start"), sample("hvc1_frames"))
    units = files["video.hevc"].split(b"\0\0\0\1")[1:]
    assert [unit[0] >> 1 & 63 for unit in units] == [32, 33, 34, 19]


def test_lengths_of_two_bytes_follow_the_record(tmp_path):
    header = bytearray(MESSAGES["avc_header"][1])
    header[9] = header[9] & 0xFC | 1
    files, _ = extract(tmp_path, (VIDEO, 0, bytes(header)), sample("avc_short_lengths"))
    assert files["video.h264"].endswith(b"\0\0\0\1\x09\x10\0\0\0\1\x65\x88\x04")


def test_annex_b_on_the_wire_stays_as_it_is(tmp_path):
    files, _ = extract(tmp_path, sample("avc_annex_b"))
    assert files["video.h264"] == MESSAGES["avc_annex_b"][1][5:]


def test_aac_frames_get_headers(tmp_path):
    files, _ = extract(tmp_path, sample("aac_header"), sample("aac_frame"))
    # sync, MPEG-4, no CRC | LC, 44,100 Hz | two channels | 10 bytes | variable rate
    assert files == {"audio.aac": bytes.fromhex("fff15080015ffc") + b"\x21\x10\x04"}


@pytest.mark.parametrize("headers", [[], [(AUDIO, 0, b"\xaf\x00" + bytes.fromhex("f8e85000"))]])
def test_aac_that_adts_cannot_describe_makes_no_file(tmp_path, headers):
    """Without a header, and with one of ELD."""
    files, report = extract(tmp_path, *headers, sample("aac_frame"))
    assert files == {}
    assert report[1].startswith("  no file for aac: connection-0-stream-1-publish-audio.aac needs a sequence header")


def test_aac_frame_longer_than_adts_can_say_is_left_out(tmp_path):
    long = (AUDIO, 40, b"\xaf\x01" + bytes((1 << 13) - 7))
    longest = (AUDIO, 80, b"\xaf\x01" + bytes((1 << 13) - 8))
    files, _ = extract(tmp_path, sample("aac_header"), long, longest)
    assert files == {"audio.aac": bytes.fromhex("fff15083fffffc") + longest[2][2:]}


def test_opus_header_longer_than_a_page_makes_no_file(tmp_path):
    header = (AUDIO, 0, b"\x90Opus" + opus.MAGIC + bytes(70_000))
    files, _ = extract(tmp_path, header, sample("opus_frame"))
    assert files == {}


def test_picture_wider_than_ivf_can_say_gets_the_widest(tmp_path):
    bits = "1000001" + "0" + f"{0x498342:024b}" + "001" + "0" + "1" * 32 + "0" * 8  # VP9 of 65,536 x 65,536
    frame = int(bits.ljust(80, "0"), 2).to_bytes(10, "big")
    files, _ = extract(tmp_path, (VIDEO, 0, b"\x91vp09" + frame))
    assert struct.unpack_from("<HH", files["video.ivf"], 12) == (65_535, 65_535)


def test_opus_goes_into_pages_that_count_samples(tmp_path):
    files, _ = extract(tmp_path, sample("opus_start"), sample("opus_frame"), sample("opus_frame", 20))
    pages = [page for page in files["audio.opus"].split(b"OggS") if page]
    flags, positions, numbers = zip(*(struct.unpack_from("<BqxxxxI", page, 1) for page in pages), strict=True)
    assert flags == (2, 0, 0, 0, 4)
    assert positions == (0, 0, 960, 1920, 1920)
    assert numbers == (0, 1, 2, 3, 4)
    assert pages[0].endswith(RECORDS["opus_stereo"][1])


@pytest.mark.parametrize(
    ("packet", "samples"),
    [("fc", 960), ("fd", 1920), ("f8", 960), ("e0", 120), ("18", 2880), ("ff03", 2880), ("ff", 0), ("", 0)],
)
def test_opus_packets_tell_their_length(packet, samples):
    assert opus.samples(bytes.fromhex(packet)) == samples


def test_flac_begins_with_its_first_streaminfo(tmp_path):
    frame = (AUDIO, 0, b"\x91fLaC\xff\xf8")
    files, _ = extract(tmp_path, sample("flac_start"), frame, sample("flac_start"), frame)
    assert files == {"audio.flac": b"fLaC\x80\0\0\x22" + RECORDS["flac_24"][1] + b"\xff\xf8" * 2}


def test_ivf_tells_size_and_times(tmp_path):
    files, _ = extract(tmp_path, sample("vp09_key", 5000), sample("vp09_key", 5040))
    data = files["video.ivf"]
    frame = MESSAGES["vp09_key"][1][5:]
    assert data[:4] == b"DKIF"
    assert struct.unpack_from("<4sHHII", data, 8) == (b"VP90", 318, 182, 1000, 1)
    assert data[32:] == b"".join(struct.pack("<IQ", len(frame), time) + frame for time in (0, 40))


def test_av1_units_begin_with_a_delimiter(tmp_path):
    bare = (VIDEO, 0, b"\x91av01" + bytes.fromhex("3203 102030"))
    files, _ = extract(tmp_path, sample("av01_start"), bare, sample("av01_frames", 40))
    data = files["video.ivf"]
    assert struct.unpack_from("<4sHH", data, 8) == (b"AV01", 318, 182)
    assert data[44:51] == bytes.fromhex("1200 3203 102030")
    assert data[51 + 12 :] == MESSAGES["av01_frames"][1][5:]


@pytest.mark.parametrize(
    ("name", "file"), [("mp3", "audio.mp3"), ("ac3_frame", "audio.ac3"), ("eac3_frame", "audio.eac3")]
)
def test_frames_with_headers_of_their_own_stand_as_they_are(tmp_path, name, file):
    type_id, payload = MESSAGES[name]
    files, _ = extract(tmp_path, sample(name))
    assert files == {file: payload[tag.body_start(type_id, payload) :]}


def test_tracks_have_files_of_their_own(tmp_path):
    files, _ = extract(tmp_path, sample("avc_key"), sample("one_track"), sample("many_codecs", 40))
    assert sorted(files) == ["video-1.h264", "video-1.ivf", "video.h264"]


def test_codecs_without_a_usual_format_are_named(tmp_path):
    files, report = extract(tmp_path, sample("speex"))
    assert files == {}
    assert report[1] == "  no file for speex, which has no usual format of its own: take the FLV"


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("aac_frame", 2),
        ("speex", 1),
        ("opus_frame", 5),
        ("audio_track", 7),
        ("avc_key", 5),
        ("flv1_key", 1),
        ("hvc1_frames", 8),
        ("hvc1_frames_x", 5),
        ("av01_frames", 5),
        ("one_track", 10),
        ("mod_ex", 13),
    ],
)
def test_the_body_of_a_message_begins_behind_its_headers(name, start):
    type_id, payload = MESSAGES[name]
    assert tag.body_start(type_id, payload) == start
    for size in range(len(payload)):
        assert 0 <= tag.body_start(type_id, payload[:size]) <= size


@pytest.mark.skipif(not have_ffmpeg(), reason="no ffmpeg and ffprobe here")
def test_ffmpeg_decodes_what_was_taken_out_of_its_own_stream(tmp_path):
    source = tmp_path / "source.flv"
    inputs = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1", "-f", "lavfi", "-i", "sine=duration=1"]
    encode = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-g", "10", "-c:a", "aac"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *encode, source], check=True, timeout=PATIENCE)
    messages = [(kind, time, payload) for kind, time, payload in tags(source.read_bytes()) if kind in (AUDIO, VIDEO)]
    extract(tmp_path / "out", *messages)
    for path, stream in (("video.h264", "v"), ("audio.aac", "a")):
        file = tmp_path / "out" / f"connection-0-stream-1-publish-{path}"
        assert not decode(file)
        assert digests(file, stream) == digests(source, stream)


def digests(path, stream):
    """A digest of every decoded frame."""
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        path,
        "-map",
        f"0:{stream}",
        "-fps_mode",
        "passthrough",
        "-f",
        "framemd5",
        "-",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    return [line.split(",")[-1] for line in done.stdout.splitlines() if not line.startswith("#")]
