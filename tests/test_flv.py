"""FLV files of media streams: what is in them, and that players read every one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import Engine
from rtmpscope.export import OutputError
from rtmpscope.export.flv import FlvExtractor
from rtmpscope.media import tag
from rtmpscope.model import C2S, UNKNOWN, Message
from rtmpscope.plugins import Registry, load_builtin
from tests.flv_files import decode, have_ffmpeg, packets, tags
from tests.media_samples import MESSAGES

CAPTURES = Path(__file__).parent.parent / "captures"

HEADER, KEY, INTER = (MESSAGES[name][1] for name in ("avc_header", "avc_key", "avc_inter"))
AAC_HEADER, SOUND = MESSAGES["aac_header"][1], MESSAGES["aac_frame"][1]
METADATA = b"\2\0\x0aonMetaData\x08\0\0\0\0\0\0\x09"
SET_DATA_FRAME = b"\2\0\x0d@setDataFrame"
AUDIO, VIDEO, DATA = 8, 9, 18


def message(type_id, timestamp, payload):
    return Message(0, C2S, 1, 10**18, 0, 4, type_id, 1, timestamp, len(payload), payload)


def extract(folder, *messages):
    """The tags of the one file, and the report."""
    with FlvExtractor(str(folder)) as extractor:
        for type_id, timestamp, payload in messages:
            extractor.event(message(type_id, timestamp, payload))
        report = extractor.finish()
    (path,) = folder.iterdir()
    data = path.read_bytes()
    return data[4], list(tags(data)), report


def test_messages_become_tags_in_their_order(tmp_path):
    sent = [
        (DATA, 0, METADATA),
        (VIDEO, 0, HEADER),
        (AUDIO, 0, AAC_HEADER),
        (VIDEO, 0, KEY),
        (AUDIO, 10, SOUND),
        (VIDEO, 40, INTER),
    ]
    flags, found, report = extract(tmp_path, *sent)
    assert (flags, found) == (5, sent)
    assert report == ["connection-0-stream-1-publish.flv: 0.0 s, video h264 (2 messages), audio aac (1 message)"]


@pytest.mark.parametrize(("type_id", "payload", "flags"), [(AUDIO, SOUND, 4), (VIDEO, INTER, 1)])
def test_the_file_says_what_it_holds(tmp_path, type_id, payload, flags):
    assert extract(tmp_path, (type_id, 0, payload))[0] == flags


def test_time_begins_with_the_earliest_frame(tmp_path):
    _, found, _ = extract(
        tmp_path, (VIDEO, 0, HEADER), (VIDEO, 5_000_000, KEY), (AUDIO, 4_999_990, SOUND), (VIDEO, 5_000_040, INTER)
    )
    assert [time for _, time, _ in found] == [0, 10, 0, 50]


def times(folder, *frames):
    """Those of the tags of video frames, of (timestamp or UNKNOWN, ms of the capture)."""
    with FlvExtractor(str(folder)) as extractor:
        for timestamp, at_ms in frames:
            frame = message(VIDEO, timestamp, INTER)
            frame.first_time_ns = frame.time_ns = at_ms * 1_000_000
            extractor.event(frame)
        extractor.finish()
    (path,) = folder.iterdir()
    return [time for _, time, _ in tags(path.read_bytes())]


def test_guessed_times_do_not_go_beyond_the_next_that_is_known(tmp_path):
    late = [(0, 0), (UNKNOWN, 40), (UNKNOWN, 300), (UNKNOWN, 310), (120, 320), (UNKNOWN, 360), (200, 400)]
    assert times(tmp_path, *late) == [0, 40, 120, 120, 120, 160, 200]


def test_guessed_times_before_a_step_back_stay(tmp_path):
    assert times(tmp_path, (5000, 0), (UNKNOWN, 40), (2000, 80)) == [3000, 3040, 0]


def test_time_beyond_24_bits_has_its_top_byte_behind(tmp_path):
    _, found, _ = extract(tmp_path, (VIDEO, 0, KEY), (VIDEO, 0x1234567, INTER))
    assert found[-1][1] == 0x1234567


def test_time_goes_on_over_the_wrap(tmp_path):
    _, found, _ = extract(tmp_path, (VIDEO, 2**32 - 40, KEY), (VIDEO, 0, INTER), (VIDEO, 40, INTER))
    assert [time for _, time, _ in found] == [0, 40, 80]


def test_late_sequence_headers_come_first(tmp_path):
    sent = [(VIDEO, 0, INTER), (AUDIO, 5, SOUND), (VIDEO, 40, HEADER), (AUDIO, 40, AAC_HEADER), (VIDEO, 40, KEY)]
    _, found, report = extract(tmp_path, *sent)
    assert found == [(VIDEO, 0, HEADER), (AUDIO, 0, AAC_HEADER), *sent]
    assert report[1:3] == [
        "  the h264 sequence header was captured late and put first",
        "  the aac sequence header was captured late and put first",
    ]


def test_a_missing_sequence_header_is_said(tmp_path):
    _, _, report = extract(tmp_path, (AUDIO, 0, SOUND))
    assert report[1:] == ["  no aac sequence header was captured: players cannot decode it"]


def test_codecs_without_sequence_headers_miss_none(tmp_path):
    _, _, report = extract(tmp_path, (AUDIO, 0, MESSAGES["mp3"][1]), (VIDEO, 0, MESSAGES["flv1_key"][1]))
    assert len(report) == 1


def test_each_track_has_a_sequence_header_of_its_own(tmp_path):
    start = b"\x95\x00Opus\1" + MESSAGES["opus_start"][1][5:]
    frame = b"\x95\x01Opus\1\xfc\xff"
    _, found, report = extract(
        tmp_path, (AUDIO, 0, AAC_HEADER), (AUDIO, 0, SOUND), (AUDIO, 0, frame), (AUDIO, 9, start)
    )
    assert found[0] == (AUDIO, 0, start)
    assert report[1:] == ["  the opus sequence header was captured late and put first"]


@pytest.mark.parametrize(
    ("type_id", "payload"),
    [(18, METADATA), (18, SET_DATA_FRAME + METADATA), (15, b"\0" + METADATA), (15, b"\0" + SET_DATA_FRAME + METADATA)],
)
def test_metadata_is_kept_without_the_instruction_to_servers(tmp_path, type_id, payload):
    _, found, _ = extract(tmp_path, (type_id, 0, payload), (VIDEO, 0, KEY))
    assert found[0] == (DATA, 0, METADATA)


@pytest.mark.parametrize(
    "payload",
    [b"\2\0\x11|RtmpSampleAccess\1\0\1\0", b"\2\0\x08onStatus\x05", b"\2\0\x0f@clearDataFrame\5", b"\x05", b""],
)
def test_data_about_the_connection_stays_out(tmp_path, payload):
    _, found, _ = extract(tmp_path, (DATA, 0, payload), (VIDEO, 0, KEY))
    assert found == [(VIDEO, 0, KEY)]


def test_many_tracks_in_a_message_become_tags_that_players_read(tmp_path):
    _, found, _ = extract(tmp_path, (VIDEO, 0, MESSAGES["many_tracks"][1]))
    assert [tag.video(payload).track for _, _, payload in found] == [0, 2]


def test_an_old_file_gives_way_only_to_a_whole_new_one(tmp_path):
    path = tmp_path / "connection-0-stream-1-publish.flv"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), FlvExtractor(str(tmp_path)) as extractor:
        extractor.event(message(VIDEO, 0, KEY))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    extract(tmp_path, (VIDEO, 0, KEY))
    assert path.read_bytes().startswith(b"FLV")


def test_a_target_that_is_a_folder_is_one_line(tmp_path):
    (tmp_path / "connection-0-stream-1-publish.flv").mkdir()
    with pytest.raises(OutputError), FlvExtractor(str(tmp_path)) as extractor:
        extractor.event(message(VIDEO, 0, KEY))
        extractor.finish()


# Recorded captures

RECORDED = [
    "nginx-publish-play.pcap",
    "nginx-obs-publish.pcap",
    "nginx-vod-seek.pcap",
    "timestamps-31-bit.pcap",
    "timestamps-32-bit.pcap",
    "legacy-codecs.pcap",
    "enhanced-multitrack.pcap",
    "enhanced-hevc-opus.pcap",
]


DAMAGES = {
    "every 37th packet lost": lambda packets: [packet for packet in packets if packet.number % 37],
    "begun late": lambda packets: packets[len(packets) // 3 :],
    "ended early": lambda packets: packets[: len(packets) // 2],
    "doubled": lambda packets: [packet for packet in packets for _ in range(1 + (packet.number % 5 == 0))],
}


def events(name, damage=lambda packets: packets):
    registry = Registry()
    load_builtin(registry)
    engine = Engine(registry, whole_payloads=True)
    captured = [packet for batch in open_capture([str(CAPTURES / name)]).batches() for packet in batch.packets]
    yield from engine.feed(damage(captured))
    yield from engine.finish()


def recorded(name, folder):
    """Frames that were sent, (direction, msid) of a connection → [(type, timestamp, composition time, key)]."""
    if not (CAPTURES / name).exists():
        pytest.skip(f"{name} is not here")
    sent: dict[tuple[int, int], list[tuple[str, int, int, bool]]] = {}
    with FlvExtractor(str(folder)) as extractor:
        for event in events(name):
            extractor.event(event)
            if isinstance(event, Message) and event.type_id in (AUDIO, VIDEO) and event.captured == event.length:
                facts = (tag.audio if event.type_id == AUDIO else tag.video)(event.payload)
                if facts.kind == "frame":
                    kind = "audio" if event.type_id == AUDIO else "video"
                    frame = (kind, event.timestamp, facts.composition_time, facts.key or kind == "audio")
                    sent.setdefault((event.connection, event.direction), []).append(frame)
        extractor.finish()
    return sent


@pytest.mark.parametrize("name", RECORDED)
def test_every_frame_of_a_recorded_stream_is_in_its_file(name, tmp_path):
    sent = recorded(name, tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == len(sent)
    for (_, frames), path in zip(sorted(sent.items()), files, strict=True):
        read = [
            time
            for type_id, time, payload in tags(path.read_bytes())
            if type_id != DATA and (tag.audio if type_id == AUDIO else tag.video)(payload).kind == "frame"
        ]
        # Equal steps, whatever the sender's clock did at its wrap.
        steps = [(after - before) % 2**31 for before, after in zip(read, read[1:], strict=False)]
        times = [time for _, time, _, _ in frames]
        assert steps == [(after - before) % 2**31 for before, after in zip(times, times[1:], strict=False)]
        assert min(read) == 0


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["nginx-publish-play.pcap", "enhanced-hevc-opus.pcap", "nginx-obs-publish.pcap"])
def test_what_is_extracted_from_a_damaged_capture_was_sent_then(name, damage, tmp_path):
    times: dict[bytes, set[int]] = {}
    for event in events(name):
        if isinstance(event, Message) and event.type_id in (AUDIO, VIDEO):
            times.setdefault(event.payload, set()).add(event.timestamp)
    alone = {payload: time for payload, (time, *more) in times.items() if not more}
    with FlvExtractor(str(tmp_path)) as extractor:
        for event in events(name, DAMAGES[damage]):
            extractor.event(event)
        timed = not any("without a known timestamp" in line for line in extractor.finish())
    assert list(tmp_path.iterdir())
    for path in tmp_path.iterdir():
        frames = [(time, payload) for type_id, time, payload in tags(path.read_bytes()) if type_id != DATA]
        assert frames and times.keys() >= {payload for _, payload in frames}
        shifts = {alone[payload] - time for time, payload in frames if payload in alone and payload[1:2] != b"\0"}
        assert not timed or len(shifts) == 1


@pytest.mark.skipif(not have_ffmpeg(), reason="no ffmpeg and ffprobe here")
@pytest.mark.parametrize("name", [name for name in RECORDED if not name.startswith("enhanced")])
def test_ffprobe_finds_the_frames_that_were_sent(name, tmp_path):
    sent = recorded(name, tmp_path)
    for (_, frames), path in zip(sorted(sent.items()), sorted(tmp_path.iterdir()), strict=True):
        found = packets(path)
        for kind in ("audio", "video"):
            mine = [(time, composition, key) for what, time, composition, key in frames if what == kind]
            theirs = [(dts, pts - dts, key) for what, dts, pts, key in found if what == kind]
            assert [rest for _, *rest in theirs] == [rest for _, *rest in mine]
            steps = [(after[0] - before[0]) % 2**31 for before, after in zip(mine, mine[1:], strict=False)]
            assert [(b[0] - a[0]) % 2**31 for a, b in zip(theirs, theirs[1:], strict=False)] == steps
        assert not decode(path)
