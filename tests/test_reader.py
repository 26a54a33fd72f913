"""One direction from its first byte to its last, with holes anywhere."""

from __future__ import annotations

from random import Random

import pytest

from rtmpscope.model import UNKNOWN, End, Handshake, Message, Severity
from tests import wire
from tests.accounts import account
from tests.line import Line, joined, read, send_with_holes, shaken
from tests.runs import facts
from tests.wire import AUDIO, VIDEO, ChunkWriter, chunk, u32

CLIENT = wire.handshake()[0]
PARTS = {"C0": (0, 1), "C1": (1, 1537), "C2": (1537, 3073)}
BASE = 3073
VIDEO_FRAME = b"\x22" + wire.filler(999)


def audio(at: int = 0) -> bytes:
    """A full header and a frame that every search recognises."""
    return chunk(0, 4, 23 * at, type_id=AUDIO, msid=1, payload=b"\xaf\x01" + wire.filler(60, at))


def told(line: Line) -> list[tuple[int, int, int, bytes]]:
    return [(one.csid, one.type_id, one.timestamp, one.payload) for one in line.messages]


def parts(line: Line) -> dict[str, bytes]:
    return {part.part: part.data for part in line.of(Handshake)}


# --- handshake -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [0, 1, 2, 700, 1536, 1537, 1538, 3000, 3072, 3073, 3074, 3080])
def test_handshake_is_taken_apart_wherever_it_is_cut(cut: int) -> None:
    data = CLIENT + audio()
    line = Line().send(data[:cut]).send(data[cut:]) if cut else Line().send(data, 7)
    assert parts(line) == {name: CLIENT[start:end] for name, (start, end) in PARTS.items()}
    assert [part.offset for part in line.of(Handshake)] == [0, 1, 1537]
    assert line.reader.handshaken == BASE
    assert [message.offset for message in line.messages] == [BASE]


def test_server_parts_carry_the_names_of_the_server() -> None:
    line = Line(direction=1).send(wire.handshake()[1])
    assert list(parts(line)) == ["S0", "S1", "S2"]


def test_handshake_part_knows_the_packet_of_its_last_byte() -> None:
    line = Line().send(CLIENT[:1]).send(CLIENT[1:1000]).send(CLIENT[1000:])
    assert [(part.packet, part.time_ns, part.ready) for part in line.of(Handshake)] == [
        (1, 1000, 1), (3, 3000, 3), (3, 3000, 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 1, {"C1": (1, 1537), "C2": (1537, 3073)}),
        (0, 100, {"C1": (100, 1537), "C2": (1537, 3073)}),
        (100, 600, {"C0": (0, 1), "C1": (600, 1537), "C2": (1537, 3073)}),
        (1, 1537, {"C0": (0, 1), "C2": (1537, 3073)}),
        (1000, 2000, {"C0": (0, 1), "C2": (2000, 3073)}),
        (2000, 2500, {"C0": (0, 1), "C1": (1, 1537), "C2": (2500, 3073)}),
        (2000, 3073, {"C0": (0, 1), "C1": (1, 1537)}),
        (0, 3073, {}),
    ],
)
def test_hole_in_the_handshake_costs_only_what_it_fell_into(
    start: int, end: int, expected: dict[str, tuple[int, int]]
) -> None:
    line = send_with_holes(Line(), CLIENT + audio() + audio(1), [(start, end)]).end()
    assert parts(line) == {name: CLIENT[begin:stop] for name, (begin, stop) in expected.items()}
    assert [(gap.offset, gap.length, gap.resumed) for gap in line.gaps] == [(start, end - start, 0)]
    assert len(line.messages) == 2
    assert line.is_accounted


def test_hole_beyond_the_handshake_is_searched_behind() -> None:
    data = CLIENT + b"".join(map(audio, range(4)))
    line = send_with_holes(Line(), data, [(3000, 3100)]).end()
    assert list(parts(line)) == ["C0", "C1"]
    assert [message.offset for message in line.messages] == [BASE + 74 * at for at in (1, 2, 3)]
    assert [(gap.offset, gap.length, gap.resumed) for gap in line.gaps] == [(3000, 100, BASE + 74 - 3100)]
    assert line.is_accounted


@pytest.mark.parametrize("version", [6, 8, 9])
def test_rtmpe_is_counted_and_not_read(version: int) -> None:
    line = Line().send(wire.handshake(version=version)[0]).send(audio()).lose(500).send(audio(1)).end()
    assert list(parts(line)) == ["C0", "C1", "C2"]
    assert line.reader.encrypted and not line.reader.in_sync
    assert line.messages == []
    assert [(gap.offset, gap.length, gap.resumed) for gap in line.gaps] == [(BASE + 74, 500, UNKNOWN)]
    assert (line.reader.handshaken, line.reader.framed) == (BASE, 0)
    assert [(end.offset, end.incomplete) for end in line.of(End)] == [(BASE + 648, 0)]


# --- captures that begin late ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 100])
@pytest.mark.parametrize("digest", [None, 8])
def test_capture_that_begins_before_the_handshake_reads_it(digest: int | None, size: int) -> None:
    data = wire.handshake(digest)[0]
    line = Line(late=True).send(data + audio(), size).end()
    assert parts(line) == {name: data[start:end] for name, (start, end) in PARTS.items()}
    assert line.gaps == [] and len(line.messages) == 1


@pytest.mark.parametrize("start", [1, 700, 1537, 2000, BASE, BASE + 20])
def test_capture_that_begins_later_finds_the_messages(start: int) -> None:
    data = CLIENT + b"".join(map(audio, range(5)))
    line = Line(late=True).send(data[start:], 300).end()
    first = max(0, -(-(start - BASE) // 74))
    assert [message.offset + start for message in line.messages] == [BASE + 74 * at for at in range(first, 5)]
    (gap,) = line.gaps
    assert (gap.reason, gap.length, gap.resumed) == ("mid_stream", 0, BASE + 74 * first - start)
    assert parts(line) == {}
    assert line.is_accounted


def test_capture_that_begins_with_a_3_that_is_no_handshake_is_read_as_messages() -> None:
    data = b"".join(
        chunk(0, 3, 0, type_id=20, payload=wire.command("releaseStream", at, None, "x" * 99)) for at in range(30)
    )
    for size in (0, 100):
        line = Line(late=True).send(data, size).end()
        assert len(line.messages) == 30
    short = Line(late=True).send(data[:600]).end()
    assert short.messages and short.is_accounted


# --- holes in the chunk stream ---------------------------------------------------------------------------


def test_hole_inside_a_chunk_is_a_hole_in_its_message() -> None:
    set_size = ChunkWriter().set_chunk_size(4096)
    data = set_size + chunk(0, 6, 40, type_id=VIDEO, msid=1, payload=VIDEO_FRAME) + audio()
    start = len(set_size) + 12
    line = send_with_holes(shaken(), data, [(start + 300, start + 500), (start + 600, start + 650)]).end()
    _, video, sound = line.messages
    assert (video.length, video.captured, video.holes) == (1000, 750, [(300, 200), (600, 50)])
    assert video.payload == VIDEO_FRAME[:300] + VIDEO_FRAME[500:600] + VIDEO_FRAME[650:]
    assert sound.holes is None
    assert [gap.resumed for gap in line.gaps] == [0, 0]
    assert line.is_accounted


def test_snaplen_leaves_a_hole_in_every_packet() -> None:
    writer = ChunkWriter()
    line = shaken().send(writer.set_chunk_size(65536))
    data = writer.message(6, VIDEO, b"\x22" + wire.filler(9999), 40, 1)
    for at in range(0, len(data), 1000):
        line.send(data[at : at + 200]).lose(len(data[at + 200 : at + 1000]), "snaplen")
    line.end()
    (video,) = line.messages[1:]
    assert (video.length, video.captured) == (10_000, 2000)
    assert {(gap.reason, gap.resumed) for gap in line.gaps} == {("snaplen", 0)}
    assert len(line.gaps) == 11 and line.is_accounted


def test_hole_over_headers_is_searched_behind() -> None:
    data = b"".join(map(audio, range(10)))
    line = send_with_holes(shaken(), data, [(74 * 2 + 30, 74 * 4 + 30)]).end()
    assert [message.offset - BASE for message in line.messages] == [74 * at for at in (0, 1, 2, 5, 6, 7, 8, 9)]
    cut = line.messages[2]
    assert (cut.length, cut.captured, cut.holes) == (62, 18, [(18, 44)])
    (gap,) = line.gaps
    assert (gap.offset - BASE, gap.length, gap.resumed) == (74 * 2 + 30, 148, 44)
    assert 50 < gap.confidence <= 99
    assert line.is_accounted


def test_hole_through_a_header_that_is_cut_is_searched_behind() -> None:
    data = b"".join(map(audio, range(10)))
    line = send_with_holes(shaken(), data, [(74 * 2 + 5, 74 * 3)]).end()
    assert [message.offset - BASE for message in line.messages] == [74 * at for at in (0, 1, 3, 4, 5, 6, 7, 8, 9)]
    assert line.is_accounted


def test_hole_at_the_very_end_is_a_gap_that_nothing_follows() -> None:
    line = shaken().send(audio()).lose(5000).end()
    assert [(gap.offset, gap.length, gap.resumed) for gap in line.gaps] == [(BASE + 74, 5000, UNKNOWN)]
    assert [(end.offset, end.incomplete) for end in line.of(End)] == [(BASE + 5074, 0)]
    assert not line.reader.in_sync


# --- the end ---------------------------------------------------------------------------------------------


def test_end_counts_the_bytes_of_an_unfinished_message() -> None:
    line = shaken().send(audio() + chunk(0, 6, 40, 1000, VIDEO, 1, VIDEO_FRAME[:100])).end("rst")
    (end,) = line.of(End)
    assert (end.how, end.incomplete, end.offset, end.packet) == ("rst", 100, BASE + 74 + 112, 3)
    assert [(note.severity, note.text) for note in end.notes] == [
        (Severity.NOTE, "100 bytes of an unfinished message: the sender was cut off")
    ]
    assert len(line.messages) == 1 and line.is_accounted


def test_capture_that_ends_within_a_message_is_no_fault_of_the_sender() -> None:
    line = shaken().send(chunk(0, 6, 40, 1000, VIDEO, 1, VIDEO_FRAME[:100])).end("capture_end")
    (end,) = line.of(End)
    assert [(note.severity, note.text) for note in end.notes] == [
        (Severity.COMMENT, "100 bytes of an unfinished message: the capture ends before the rest")
    ]


def test_end_after_a_whole_message_leaves_nothing() -> None:
    line = shaken().send(audio()).end()
    assert ([end.incomplete for end in line.of(End)], line.codes) == ([0], [])


@pytest.mark.parametrize("shown", [1, 5, 11])
def test_end_counts_a_header_that_is_cut(shown: int) -> None:
    line = shaken().send(audio() + audio(1)[:shown]).end()
    assert [end.incomplete for end in line.of(End)] == [shown]
    assert len(line.messages) == 1 and line.is_accounted


def test_last_message_without_repeated_extended_timestamp_is_complete_at_the_end() -> None:
    """Its last bytes could be the beginning of the time; that the earlier message had none there decides."""
    writer = ChunkWriter(repeat="never")
    payload = b"\x22" + wire.filler(127) + b"\1\0"
    line = shaken().send(writer.message(6, VIDEO, b"\x22" * 300, 0x1000000, 1))
    line.send(writer.message(6, VIDEO, payload, 0x1000000, 1, 0))
    assert len(line.messages) == 1
    line.end()
    assert told(line)[1:] == [(6, VIDEO, 0x1000000, payload)]
    assert line.messages[1].ready == 4
    assert [end.incomplete for end in line.of(End)] == [0] and line.is_accounted


@pytest.mark.parametrize("repeat", ["same", "never"])
@pytest.mark.parametrize("seed", range(10))
def test_message_says_that_it_is_certain_with_the_packet_that_made_it_so(seed: int, repeat: str) -> None:
    """Last chunks of few bytes, which may look like the extended timestamp."""
    chance = Random(seed)
    writer = ChunkWriter(repeat=repeat)
    line = shaken()
    for _ in range(20):
        payload = b"\x22" + wire.filler(127) * chance.randrange(3) + u32(0x1000000)[: chance.randrange(4)]
        for byte in writer.message(6, VIDEO, payload, 0x1000000, 1, 0):
            known = len(line.messages)
            line.send(bytes([byte]))
            assert all(message.ready == line.packet for message in line.messages[known:])
    line.end()
    assert len(line.messages) == 20
    for _ in range(3):
        assert [facts(event) for event in read(joined(line.items, chance))] == [facts(event) for event in line.events]


# --- checkpoints -----------------------------------------------------------------------------------------


def test_snapshot_reads_on_without_touching_its_reader() -> None:
    writer = ChunkWriter()
    data = b"".join(
        writer.message(6, VIDEO, b"\x22" + wire.filler(300, at), 40 * at, 1)
        + writer.message(4, AUDIO, b"\xaf\x01" + wire.filler(30, at), 40 * at, 1)
        for at in range(3)
    )
    whole = shaken().send(data).end()
    for cut in range(0, len(data), 13):
        line = shaken().send(data[:cut])
        other = Line()
        other.reader = line.reader.snapshot()
        other.offset, other.packet = line.offset, line.packet
        before = len(line.events)
        other.send(data[cut:]).end()
        assert len(line.events) == before
        line.send(data[cut:]).end()
        assert [facts(event) for event in other.events] == [facts(event) for event in line.events[before:]]
        assert len(line.messages) == len(whole.messages)
        assert other.reader.in_sync


def test_only_a_reader_that_is_in_the_chunk_stream_is_in_sync() -> None:
    line = Line()
    states = []
    for piece in (CLIENT[:2000], CLIENT[2000:], audio()[:40]):
        line.send(piece)
        states.append(line.reader.in_sync)
    states.append(line.lose(500).reader.in_sync)
    states.append(line.send(b"".join(map(audio, range(3)))).reader.in_sync)
    assert states == [False, True, True, False, True]


def test_position_is_where_headers_have_been_read_up_to() -> None:
    line = shaken().send(audio() + audio(1)[:5])
    assert line.reader.position == BASE + 74
    line.send(audio(1)[5:])
    assert line.reader.position == BASE + 148


def test_reader_that_learns_its_name_tells_it_in_every_event() -> None:
    line = shaken().send(audio()[:30]).lose(1000).send(audio(1)[20:])
    line.reader.name(7, 1)
    before = len(line.events)
    line.send(b"".join(map(audio, range(2, 6)))).end()
    later = line.events[before:]
    assert later and {(event.connection, event.direction) for event in later} == {(7, 1)}


# --- every byte ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_every_byte_is_handshake_chunk_hole_or_skipped(seed: int) -> None:
    chance = Random(seed)
    writer = ChunkWriter()
    data = CLIENT + writer.set_chunk_size(chance.choice((128, 1000, 4096)))
    for at in range(60):
        data += writer.message(6, VIDEO, b"\x22" + chance.randbytes(chance.randrange(1, 3000)), 40 * at, 1, at % 2)
        data += writer.message(4, AUDIO, b"\xaf\x01" + chance.randbytes(100), 40 * at, 1)
    cuts = sorted(chance.sample(range(len(data) - 6000), 6))
    holes = list(zip(cuts[::2], cuts[1::2], strict=True))
    line = send_with_holes(Line(), data, holes, chance.choice((0, 700))).end()
    one = account(line.offset, line.reader, line.events)
    behind = [gap.offset for gap in line.gaps[1:]] + [len(data)]
    given_up = sum(
        following - gap.offset - gap.length
        for gap, following in zip(line.gaps, behind, strict=True)
        if gap.resumed == UNKNOWN
    )
    assert one.accounted + given_up == one.length == len(data)
    assert [event.ready for event in line.events] == sorted(event.ready for event in line.events)
    assert len(line.of(Message)) > 10
