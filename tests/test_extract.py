"""Messages of a capture sorted into media streams, each with a clock and an account of what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmpscope.export import OutputError
from rtmpscope.export.extract import Extractor, Spool, single_tracks
from rtmpscope.media import tag
from rtmpscope.model import C2S, S2C, UNKNOWN, Field, Gap, Message
from tests.media_samples import MESSAGES

KEY = MESSAGES["avc_key"][1]
INTER = MESSAGES["avc_inter"][1]
SOUND = MESSAGES["aac_frame"][1]


class Notebook:
    """A writer that remembers."""

    suffix = ".txt"
    made: list[Notebook] = []

    def __init__(self, scratch: Path) -> None:
        self.frames: list[tuple[int, int, bytes]] = []
        self.data_times: list[int] = []
        self.path: Path | None = None
        Notebook.made.append(self)

    def media(self, type_id, payload, facts, time, known):
        self.frames.append((type_id, time, payload))

    def data(self, message, time):
        self.data_times.append(time)

    def close(self, path):
        self.path = path
        return []

    @property
    def times(self):
        return [time for _, time, _ in self.frames]


@pytest.fixture
def extractor(tmp_path):
    Notebook.made = []
    with Extractor(str(tmp_path / "out"), Notebook) as made:
        yield made


def message(type_id, payload, timestamp=0, *, msid=1, connection=0, direction=C2S, time_ns=None, length=None):
    time_ns = 10**18 + max(timestamp, 0) * 10**6 if time_ns is None else time_ns
    length = len(payload) if length is None else length
    made = Message(connection, direction, 1, time_ns, 0, 4, type_id, msid, timestamp, length, payload)
    made.captured = len(payload)
    return made


def command(name, msid=1, connection=0):
    made = message(20, b"", msid=msid, connection=connection)
    made.body = Field("command", children=[Field("name", name)])
    return made


def video(timestamp, payload=KEY, **facts):
    return message(9, payload, timestamp, **facts)


def feed(extractor, *events):
    for event in events:
        extractor.event(event)
    return extractor.finish()


def test_each_direction_of_each_message_stream_is_a_stream(extractor):
    report = feed(
        extractor,
        video(0, connection=0),
        video(0, connection=1, direction=S2C),
        video(0, connection=0, msid=5),
        video(40, connection=0),
    )
    assert report == [
        "connection-0-stream-1-publish.txt: 0.0 s, video h264 (2 messages)",
        "connection-1-stream-1-play.txt: 0.0 s, video h264 (1 message)",
        "connection-0-stream-5-publish.txt: 0.0 s, video h264 (1 message)",
    ]


def test_another_publish_on_the_same_stream_begins_another_file(extractor):
    report = feed(extractor, command("publish"), video(0), command("publish"), video(0), command("publish", msid=2))
    assert [line.split(":")[0] for line in report] == [
        "connection-0-stream-1-publish.txt",
        "connection-0-stream-1-publish-2.txt",
    ]


def test_a_command_that_comes_to_light_after_what_it_began_divides_nothing(extractor):
    assert len(feed(extractor, video(40), command("play"), video(80))) == 1


def test_a_stream_without_frames_makes_no_file(extractor):
    assert feed(extractor, message(18, b"\2\0\1a"), video(0, MESSAGES["avc_header"][1]), message(8, b"")) == []
    assert Notebook.made[0].path is None


def test_a_shared_object_called_publish_begins_nothing(extractor):
    other = command("publish")
    other.type_id = 19
    assert len(feed(extractor, video(0), other, video(40))) == 1


def test_names_stay_in_the_folder(extractor, tmp_path):
    feed(extractor, command("publish"), video(0))
    assert Notebook.made[0].path == tmp_path / "out" / "connection-0-stream-1-publish"


def test_messages_with_missing_bytes_are_left_out_and_counted(extractor):
    aborted = video(80)
    aborted.aborted = True
    report = feed(extractor, video(0), video(40, KEY[:9], length=len(KEY)), aborted, video(120, INTER))
    assert report[1:] == ["  left out: 2 messages with missing bytes"]
    assert Notebook.made[0].times == [0, 120]


def test_a_head_alone_is_not_a_message(extractor):
    headed = video(0, KEY[:9], length=len(KEY))
    headed.captured = len(KEY)
    assert feed(extractor, headed) == []


def test_gaps_of_the_direction_are_reported(extractor):
    gaps = [Gap(0, direction, 1, 1, 0, 1448, "capture_loss") for direction in (C2S, C2S, S2C)]
    report = feed(extractor, video(0), *gaps, video(40))
    assert report[1:] == ["  missing from the capture: 2,896 bytes in 2 places"]


def test_frames_before_the_first_key_frame_are_counted(extractor):
    report = feed(extractor, video(0, INTER), message(8, SOUND, 10), video(40, INTER), video(80), video(120, INTER))
    assert report[1:] == ["  2 video frames at the beginning before any key frame"]


# Time


def test_time_goes_on_over_2_to_the_32(extractor):
    feed(extractor, video(2**32 - 40), video(0), video(40))
    assert Notebook.made[0].times == [2**32 - 40, 2**32, 2**32 + 40]


@pytest.mark.parametrize("bits", [24, 31])
def test_time_goes_on_over_the_wraps_of_senders_that_keep_fewer_bits(extractor, bits):
    end = 2**bits
    feed(extractor, video(end - 40), video(5), message(8, SOUND, end - 10), video(40))
    assert Notebook.made[0].times == [end - 40, end + 5, end - 10, end + 40]


def test_a_seek_back_stays_a_step_back(extractor):
    report = feed(extractor, video(300_000), video(300_040), video(1_000))
    assert Notebook.made[0].times == [300_000, 300_040, 1_000]
    assert report[0].startswith("connection-0-stream-1-publish.txt: 299.0 s")


def test_headers_and_metadata_do_not_set_the_clock(extractor):
    header = MESSAGES["avc_header"][1]
    feed(
        extractor,
        video(0, header),
        message(18, b"\2\0\1a", 0),
        video(3_000_000_000),
        video(0, header),
        video(3_000_000_040),
    )
    assert Notebook.made[0].times[1] == 3_000_000_000
    assert Notebook.made[0].times[3] == 3_000_000_040


def test_without_timestamps_the_clock_of_the_capture_counts(extractor):
    second = 10**9
    report = feed(
        extractor,
        video(UNKNOWN, time_ns=10 * second),
        video(UNKNOWN, time_ns=11 * second),
        video(UNKNOWN, time_ns=11 * second + 40_000_000),
    )
    assert Notebook.made[0].times == [0, 1000, 1040]
    assert report[1].startswith("  3 frames without a known timestamp")


def test_frames_without_timestamps_that_come_at_once_follow_each_other(extractor):
    at = 10**18
    feed(extractor, video(5000, time_ns=at), *[video(UNKNOWN, time_ns=at + 40_000_000) for _ in range(3)])
    assert Notebook.made[0].times == [5000, 5040, 5041, 5042]


def test_frames_with_timestamps_keep_them_between_those_without(extractor):
    at = 10**18
    feed(
        extractor,
        message(8, SOUND, UNKNOWN, time_ns=at),
        video(5000, time_ns=at + 20_000_000),
        message(8, SOUND, UNKNOWN, time_ns=at + 30_000_000),
        video(5040, time_ns=at + 90_000_000),
        video(5080, time_ns=at + 91_000_000),
    )
    assert Notebook.made[0].times == [0, 20, 30, 60, 100]


# A capture that began late


def test_a_stream_whose_number_is_learned_later_stays_one_stream(extractor):
    report = feed(extractor, video(0, msid=UNKNOWN), video(40, msid=7), message(8, SOUND, 50, msid=UNKNOWN))
    assert report[0] == "connection-0-stream-7-publish.txt: 0.1 s, video h264 (2 messages), audio aac (1 message)"


def test_a_stream_whose_number_stays_unknown_has_a_name_too(extractor):
    assert feed(extractor, video(0, msid=UNKNOWN))[0].startswith("connection-0-stream-unknown-publish.txt:")


# Many tracks in one message


def test_messages_of_many_tracks_become_one_for_each(extractor):
    report = feed(extractor, video(0, MESSAGES["many_tracks"][1]))
    facts = [tag.video(payload) for _, _, payload in Notebook.made[0].frames]
    assert [(fact.track, fact.composition_time, fact.many) for fact in facts] == [(0, 0, False), (2, 40, False)]
    assert report[1:] == ["  1 message with several tracks became one for each track"]


def test_tracks_of_many_codecs_keep_their_codecs():
    first, second = single_tracks(9, MESSAGES["many_codecs"][1])
    assert first == bytes.fromhex("96 01") + b"avc1" + bytes.fromhex("00 000000 00000003 65b804")
    assert second == bytes.fromhex("96 01") + b"av01" + bytes.fromhex("01 1200")


def test_mod_ex_before_the_tracks_goes_with_each():
    head = bytes.fromhex("a7 02 07a120 06")
    payload = head + bytes.fromhex("11") + b"avc1" + bytes.fromhex("03 000003 000000")
    assert single_tracks(9, payload) == [head + bytes.fromhex("01") + b"avc1" + bytes.fromhex("03 000000")]


# Files


def test_the_folder_holds_no_scratch_files_in_the_end(extractor, tmp_path):
    feed(extractor, video(0))
    assert list((tmp_path / "out").iterdir()) == []


def test_nothing_unfinished_stays_behind(tmp_path):
    with pytest.raises(KeyboardInterrupt), Extractor(str(tmp_path / "out"), Notebook) as extractor:
        extractor.event(video(0))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_nothing_goes_again_unless_it_was_there_before(tmp_path):
    (tmp_path / "old").mkdir()
    for name in ("old", "new"):
        with Extractor(str(tmp_path / name), Notebook) as made:
            made.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write to .*file"):
        Extractor(str(tmp_path / "file" / "out"), Notebook)


def test_a_spool_gives_back_what_it_got(tmp_path):
    spool = Spool(tmp_path / "spool")
    pieces = [(number % 3, number % 2 == 0, -number, bytes([number]) * 1000) for number in range(200)]
    for piece in pieces:
        spool.add(*piece)
    assert list(spool.pieces()) == pieces
    assert not (tmp_path / "spool").exists()
