"""What is found again after a loss, and that nothing is made up.

A session is cut with holes; every message reported must be one that was sent, and those behind the place where
reading went on must all be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpscope.model import UNKNOWN, Event, Gap, Message
from rtmpscope.rtmp.resync import Recovery
from tests import costs, wire
from tests.line import Line, joined, read, send_with_holes, shaken
from tests.runs import facts
from tests.wire import ACKNOWLEDGEMENT, AUDIO, COMMAND_AMF0, DATA_AMF0, VIDEO, ChunkWriter, chunk, u32

BASE = 3073


class Sent(NamedTuple):
    """One message, and where its first header stands behind the handshake."""

    offset: int
    end: int
    csid: int
    type_id: int
    timestamp: int
    message_stream_id: int
    payload: bytes


class Session:
    """The chunk stream of a publisher, message by message."""

    def __init__(self, chunk_size: int = 128, *, repeat: str = "same") -> None:
        self.writer = ChunkWriter(repeat=repeat)
        self.data = b""
        self.sent: list[Sent] = []
        if chunk_size != 128:
            self.resize(chunk_size)

    def resize(self, size: int) -> Session:
        self._add(2, 1, u32(size), 0, 0, None)
        self.writer.chunk_size = size
        return self

    def _add(self, csid: int, type_id: int, payload: bytes, time: int, msid: int, fmt: int | None) -> None:
        start = len(self.data)
        self.data += self.writer.message(csid, type_id, payload, time, msid, fmt)
        self.sent.append(Sent(start, len(self.data), csid, type_id, time, msid, payload))

    def command(self, name: str) -> Session:
        self._add(3, COMMAND_AMF0, wire.command(name, len(self.sent), None, "camera"), 0, 0, 0)
        return self

    def frame(self, size: int, time: int, fmt: int | None = None) -> Session:
        """An H.264 frame with one NAL unit of random bytes."""
        head = b"\x27\x01\x00\x00\x00" + u32(size - 9)
        self._add(6, VIDEO, head + wire.filler(size - 9, len(self.sent)), time, 1, fmt)
        return self

    def sound(self, size: int, time: int, fmt: int | None = None) -> Session:
        self._add(4, AUDIO, b"\xaf\x01" + wire.filler(size - 2, len(self.sent)), time, 1, fmt)
        return self

    def metadata(self, time: int, fmt: int) -> Session:
        """Three chunks of 128 bytes, less some."""
        payload = wire.amf0("@setDataFrame", "onMetaData", {"encoder": "x" * 250, "width": 1280.0})
        self._add(5, DATA_AMF0, payload, time, 1, fmt)
        return self

    def interleave(self, chunk_size: int = 128) -> Session:
        """The chunks of the last two messages by turns."""
        messages = self.sent[-2:]
        queues: list[list[bytes]] = []
        for one in messages:
            rest = self.data[one.offset : one.end]
            first = len(rest) - len(one.payload) - (len(one.payload) - 1) // chunk_size + chunk_size
            starts = range(first, len(rest), chunk_size + 1)
            queues.append([rest[:first], *(rest[at : at + chunk_size + 1] for at in starts)])
        start, end = messages[0].offset, self.end
        turns = [chunk for pair in zip_longest(*queues, fillvalue=b"") for chunk in pair]
        self.data = self.data[:start] + b"".join(turns)
        self.sent[-2:] = [messages[0]._replace(end=end), messages[1]._replace(offset=start + len(queues[0][0]))]
        return self

    def show(self, count: int, start: int = 0, size: int = 700) -> Session:
        """So many video frames of about that size, each with a frame of audio."""
        for at in range(start, start + count):
            self.frame(size + at * 37 % 300, 40 * at).sound(90 + at * 7 % 20, 40 * at + 3)
        return self

    @property
    def end(self) -> int:
        return len(self.data)


def check(line: Line, session: Session, start: int = BASE) -> list[Message]:
    """Fail for a message that was not sent; the messages that were read to their end."""
    sent = {one.offset: one for one in session.sent}
    for message in line.messages:
        one = sent[message.offset - start]
        kept, at = b"", 0
        for place, length in message.holes or ():
            kept += one.payload[at:place]
            at = place + length
        assert (message.csid, message.type_id, message.length) == (one.csid, one.type_id, len(one.payload))
        assert message.payload == kept + one.payload[at:]
        assert message.timestamp in (one.timestamp, UNKNOWN)
        assert message.message_stream_id in (one.message_stream_id, UNKNOWN)
    return [message for message in line.messages if message.captured == message.length]


def found(line: Line, session: Session, start: int = BASE) -> list[int]:
    """Which messages were read, by their place in the session."""
    places = {one.offset: index for index, one in enumerate(session.sent)}
    return [places[message.offset - start] for message in check(line, session, start)]


def whole(session: Session, holes: Sequence[tuple[int, int]]) -> list[int]:
    """Which messages lie outside the holes."""
    return [
        index for index, one in enumerate(session.sent) if not any(a < one.end and one.offset < b for a, b in holes)
    ]


def cut(session: Session, *holes: tuple[int, int], size: int = 1000) -> Line:
    return send_with_holes(shaken(), session.data, holes, size).end()


# --- through a message -----------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_size", [128, 1000])
def test_message_goes_on_behind_a_hole_over_its_continuation_headers(chunk_size: int) -> None:
    session = Session(chunk_size).show(4).frame(6000, 200).show(4, 6)
    long = max(session.sent, key=lambda one: len(one.payload))
    line = cut(session, (long.offset + 1500, long.offset + 4321))
    assert found(line, session) == [at for at in range(len(session.sent)) if session.sent[at] != long]
    (message,) = [one for one in line.messages if one.length == 6000]
    assert message.holes is not None and 0 < message.captured < 6000
    assert [gap.resumed for gap in line.gaps] == [0] and line.is_accounted


@pytest.mark.parametrize("lost", [*range(1, 12), 100, 128, 129, 130, 258])
def test_hole_may_end_anywhere_around_a_continuation_header(lost: int) -> None:
    session = Session().show(2).frame(2000, 100).show(3, 4)
    long = max(session.sent, key=lambda one: len(one.payload))
    start = long.offset + 8 + 128 - 6
    line = cut(session, (start, start + lost))
    assert found(line, session) == whole(session, [(start, start + lost)])
    assert line.is_accounted


def test_odd_chunk_size_is_told_by_holes_that_end_with_a_chunk() -> None:
    session = Session(300).command("publish")
    start = session.end
    for at in range(6):
        session.frame(520 + at, 40 * at, 1 if at else None).sound(90 + at, 40 * at + 3, 1 if at else None)
    frames = [one for one in session.sent if one.type_id == VIDEO]
    ends = [one.end - len(one.payload) - 1 + 300 for one in frames]  # of their first chunks
    holes = [(end - 278 - start, end - start) for end in ends]
    line = send_with_holes(Line(late=True), session.data[start:], holes, 9000).end()
    read = check(line, session, -start)
    assert [message.type_id for message in read] == [AUDIO] * 6
    cut_ones = [message for message in line.messages if message.type_id == VIDEO]
    assert [(message.captured, message.holes) for message in cut_ones[-3:]] == [
        (len(one.payload) - 278, [(22, 278)]) for one in frames[-3:]
    ]


def test_extended_timestamps_are_repeated_across_a_hole_as_before() -> None:
    for repeat in ("same", "never"):
        session = Session(repeat=repeat)
        for at in range(8):
            session.frame(2000, 0x1000000 + 40 * at, 0).sound(90, 0x1000000 + 40 * at, 0)
        hole = (session.sent[6].offset + 300, session.sent[6].offset + 1200)
        line = cut(session, hole)
        assert found(line, session) == whole(session, [hole])
        assert {message.timestamp & ~0xFFF for message in line.messages} == {0x1000000}


# --- over messages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_size", [128, 4096])
@pytest.mark.parametrize("lost", [50, 1000, 5000, 20_000])
def test_reading_goes_on_at_the_next_message_with_a_full_header(chunk_size: int, lost: int) -> None:
    session = Session(chunk_size).command("publish").show(60)
    start = session.end // 3
    line = cut(session, (start, start + lost))
    expected = whole(session, [(start, start + lost)])
    assert set(expected) >= set(found(line, session)) >= set(expected[:-1]) - set(missed(line, session))
    assert len(missed(line, session)) <= 1
    assert line.is_accounted


def missed(line: Line, session: Session) -> list[int]:
    """Messages that were skipped while searching."""
    skipped = [(gap.offset - BASE, gap.offset - BASE + gap.length + max(gap.resumed, 0)) for gap in line.gaps]
    holes = [(gap.offset - BASE, gap.offset - BASE + gap.length) for gap in line.gaps]
    return sorted(set(whole(session, holes)) - set(whole(session, skipped)))


def test_acknowledgements_go_on_though_the_only_one_with_a_header_is_lost() -> None:
    session = Session().command("play")
    session._add(2, 5, u32(5_000_000), 0, 0, 0)
    for at in range(20):
        session._add(2, ACKNOWLEDGEMENT, u32(40_000_000 + 50_000 * at), 0, 0, 3 if at else 0)
    first = session.sent[2]
    assert found(cut(session, (first.offset, first.end + 7)), session) == [0, 1, *range(5, 22)]


def test_times_and_streams_are_unknown_until_a_full_header_tells_them() -> None:
    session = Session(4096).show(10)
    session.frame(700, 400, 0).show(5, 11)
    start = session.sent[6].offset + 100
    line = cut(session, (start, start + 3000))
    again = next(one for one in session.sent if one.timestamp == 400)
    found(line, session)
    video = [message for message in line.messages if message.csid == 6 and message.offset - BASE > start]
    before = [message for message in video if message.offset - BASE < again.offset]
    after = [message for message in video if message.offset - BASE >= again.offset]
    assert before and {message.timestamp for message in before} == {UNKNOWN}
    assert after and UNKNOWN not in {message.timestamp for message in after}


@pytest.mark.parametrize(("before", "after"), [(128, 4096), (4096, 128), (4096, 65536)])
def test_chunk_size_that_changed_in_a_hole_is_found(before: int, after: int) -> None:
    session = Session(before).command("publish").show(12, size=900)
    start = session.end - 500
    session.resize(after)
    end = session.end
    session.frame(900, 500, 0).sound(100, 503, 0).show(30, 13, size=5000 if after > 4096 else 900)
    line = cut(session, (start, end))
    expected = whole(session, [(start, end)])
    assert found(line, session) == expected


def test_chunk_size_that_is_unusual_is_found_by_the_continuation_headers_of_long_messages() -> None:
    session = Session().command("publish").show(12)
    start = session.end - 500
    session.resize(777)
    end = session.end
    session.frame(3000, 500, 0).sound(100, 503, 0).show(30, 13, size=3000)
    assert found(cut(session, (start, end)), session) == whole(session, [(start, end)])


def test_chunk_size_that_is_unusual_is_found_by_the_only_continuation_header_of_a_message() -> None:
    session = Session(200).command("publish").sound(171, 0, 0).sound(108, 23, 1).frame(237, 40, 0).sound(155, 46, 1)
    session.frame(190, 80, 1).sound(140, 92, 1)
    start = session.sent[2].offset
    line = Line(late=True).send(session.data[start:]).end()
    assert found(line, session, -start) == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("before", range(1, 10))
def test_odd_chunk_size_is_not_guessed_where_several_would_do_but_told_by_the_messages_together(before: int) -> None:
    session = Session(777).show(before)
    start = session.end
    for at in range(12):
        session.frame(1000 + at * 37 % 300, 40 * at, 1 if at else None).sound(90 + at, 40 * at + 3, 1 if at else None)
    line = Line(late=True).send(session.data[start:]).end()
    read = [message for message in check(line, session, -start) if message.type_id == VIDEO]
    assert len(read) >= 9


@pytest.mark.parametrize("before", range(10))
def test_length_that_is_inherited_one_short_speaks_for_no_chunk_size(before: int) -> None:
    """A length of 187 is lost, so messages of 187 bytes inherit 186: payload may look like the header they lack."""
    session = Session(4096).show(before).sound(186, 0, 0)
    start = session.sent[-1].offset
    for at in range(1, 13):
        session.sound(187 if 6 <= at < 10 else 186, 23 * at, 1 if at in (6, 10) else 2)
    lost = session.sent[-7].offset - start
    line = send_with_holes(Line(late=True), session.data[start:], [(lost - 50, lost + 60)], 1000).end()
    check(line, session, -start)


def test_header_that_inherits_what_was_lost_is_no_fault_of_the_sender() -> None:
    session = Session().sound(100, 0, 0).frame(120, 20, 0).sound(110, 40, 1)
    line = Line(late=True).send(session.data[session.sent[1].offset :]).end()
    assert [(one.csid, one.timestamp, one.notes) for one in line.messages] == [(6, 20, None), (4, UNKNOWN, None)]


@pytest.mark.parametrize("chunk_size", [32, 64, 100])
def test_chunk_size_below_the_default_is_found(chunk_size: int) -> None:
    session = Session(chunk_size).command("publish")
    start = session.end
    for at in range(12):
        session.sound(101 + at % 5, 23 * at, 1 if at else None)
    session.command("deleteStream")
    assert len(found(Line(late=True).send(session.data[start:]).end(), session, -start)) >= 12


@pytest.mark.parametrize("chunk_size", [128, 4096, 60_000])
def test_chunk_size_that_nobody_told_is_found(chunk_size: int) -> None:
    session = Session(chunk_size).command("publish").show(40, size=5000)
    start = session.sent[20].offset - 300
    line = Line(late=True).send(session.data[start:], 1460).end()
    got = found(line, session, -start)
    assert got == sorted(got)
    assert len(got) >= len(session.sent) - 20 - 2
    assert line.is_accounted


def test_several_holes_in_a_row_are_bridged() -> None:
    session = Session(4096).command("publish").show(60)
    holes = [(start, start + 900) for start in range(20_000, 32_000, 3000)]
    line = cut(session, *holes)
    assert len(line.gaps) == 4
    expected = whole(session, holes)
    got = found(line, session)
    assert set(got) <= set(expected) and len(got) >= 0.9 * len(expected)
    assert line.is_accounted


def test_hole_of_four_billion_bytes_is_one_gap() -> None:
    session = Session(4096).show(20)
    start, lost = session.sent[10].offset + 5, (1 << 32) + 12_345
    line = shaken().send(session.data[:start]).lose(lost)
    resumed = session.sent[20].offset
    line.send(session.data[resumed:], 500).end()
    (gap,) = line.gaps
    assert (gap.length, gap.resumed) == (lost, 0)
    assert [message.offset for message in line.messages][-21:] == [
        one.offset - resumed + BASE + start + lost for one in session.sent[20:]
    ]
    assert line.is_accounted


# --- streams of short headers ----------------------------------------------------------------------------


def test_length_of_messages_is_learned_where_only_fmt_3_is_sent() -> None:
    """Audio of a constant bit rate, of which the capture has nothing but short headers."""
    data, frames = b"", {}
    for at in range(120):
        data += chunk(0, 6, 40 * at, type_id=VIDEO, msid=1, payload=b"\x27\x01\0\0\0" + u32(91) + wire.filler(91, at))
        for _ in range(2):
            frames[len(data) - 40] = payload = b"\xaf\x01" + wire.filler(78, len(data))
            data += chunk(3, 4, payload=payload)
    line = Line(late=True).send(data[40:], 500).end()
    audio = [message for message in line.messages if message.csid == 4]
    assert len(audio) > 200
    for message in audio:
        assert (message.type_id, message.payload) == (AUDIO, frames[message.offset])
        assert (message.timestamp, message.message_stream_id) == (UNKNOWN, UNKNOWN)
    assert line.is_accounted


def test_length_of_before_a_hole_is_not_borne_out_by_another_message_between_its_chunks() -> None:
    session = Session().show(6, 700).sound(257, 300, 1).frame(700, 310, 1).sound(262, 320, 1)
    lost = session.sent[-1]
    session.sound(262, 340, 2).frame(1276, 341, 1).interleave().show(6, 400)
    hole = lost.offset, lost.end
    assert found(cut(session, hole), session)[-12:] == whole(session, [hole])[-12:]


def test_first_chunk_of_a_long_message_is_not_learned_as_a_message_of_its_own() -> None:
    session = Session().metadata(0, 0).show(6)
    start = session.sent[1].offset
    for turn in range(6, 12):
        session.metadata(40 * turn, 2).frame(700, 40 * turn, 1).interleave().show(1, turn)
    check(cut(session, (0, start)), session)


def test_acknowledgements_without_headers_are_recognised() -> None:
    """What a player sends: how much it has received, and nothing else for minutes."""
    totals = [250_000 * at for at in range(1, 40)]
    data = b"".join(chunk(3, 2, payload=u32(total)) for total in totals)
    line = Line(late=True).send(data[2:], 5).end()
    assert {message.type_id for message in line.messages} == {ACKNOWLEDGEMENT}
    assert [message.payload for message in line.messages] == [u32(total) for total in totals[1:]]


def test_numbers_that_do_not_grow_are_no_acknowledgements() -> None:
    data = b"".join(chunk(3, 2, payload=u32(250_000 * (40 - at))) for at in range(39))
    assert Line(late=True).send(data, 5).end().messages == []


# --- bytes that are no chunk stream ----------------------------------------------------------------------


def test_garbage_is_skipped_with_a_note() -> None:
    session = Session(4096).command("publish").show(20)
    place = session.sent[20].offset
    line = shaken().send(session.data[:place], 500).send(b"\xff" * 3000, 700).send(session.data[place:], 500).end()
    assert "lost-sync" in line.codes
    got = [message.offset - BASE for message in line.messages if message.captured == message.length]
    assert got[:20] == [one.offset for one in session.sent[:20]]
    behind = [one.offset + 3000 for one in session.sent[20:]]
    assert set(got[20:]) <= set(behind) and len(got) > 35
    (gap,) = line.gaps
    assert (gap.offset - BASE, gap.length, gap.reason) == (place, 0, "mid_stream")
    assert gap.resumed >= 3000 and line.is_accounted


def test_direction_that_never_makes_sense_again_is_given_up_in_one_gap() -> None:
    line = shaken().send(Session(4096).show(5).data).send(b"\xff" * 50_000, 1000).end()
    assert [gap.resumed for gap in line.gaps] == [UNKNOWN]
    assert len(line.messages) == 11 and line.codes.count("lost-sync") == 1


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from((0, 100, 1460)))
def test_no_message_is_made_of_random_bytes(seed: int, size: int) -> None:
    noise = Random(seed).randbytes(20_000)
    assert Line(late=True).send(noise, size).end().messages == []
    line = shaken().send(Session(4096).show(3).data).lose(100).send(noise, size).end()
    assert len(line.messages) == 7


def test_header_that_stands_alone_in_random_bytes_is_no_message() -> None:
    noise = b"".join(
        wire.filler(700, at) + chunk(0, 4, 40 * at, 300, AUDIO, 1, b"\x2f" + wire.filler(200, at)) for at in range(40)
    )
    assert Line(late=True).send(noise, 500).end().messages == []


# --- when and in what pieces -----------------------------------------------------------------------------


def damaged(chance: Random) -> Line:
    """A session with holes, garbage, chunk sizes that change and late beginnings, in packets of any size."""
    session = Session(chance.choice((128, 500, 4096))).command("publish").show(12, size=chance.choice((100, 900)))
    session.resize(chance.choice((128, 4096))).show(12, 12, size=chance.choice((300, 2500)))
    line = Line(late=True) if chance.random() < 0.3 else shaken()
    data = session.data[chance.randrange(300) if line.offset == 0 else 0 :]
    while data:
        size = chance.choice((1, 30, 700, 1460, 3000))
        kind = chance.random()
        if kind < 0.1:
            line.lose(min(size, len(data)))
        else:
            line.send(chance.randbytes(min(size, len(data))) if kind < 0.13 else data[:size])
        data = data[size:]
    return line.end()


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_batches_change_neither_events_nor_when_they_are_certain(seed: int) -> None:
    chance = Random(seed)
    line = damaged(chance)
    expected = [facts(event) for event in line.events]
    for _ in range(2):
        assert [facts(event) for event in read(joined(line.items, chance))] == expected


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_events_come_in_the_order_in_which_they_are_certain(seed: int) -> None:
    line = damaged(Random(seed))
    ready = [event.ready for event in line.events]
    assert ready == sorted(ready)
    assert all(event.ready >= event.packet for event in line.events)


def test_message_behind_a_hole_is_certain_only_with_what_confirms_it() -> None:
    session = Session(4096).show(20)
    start = session.sent[10].offset + 50
    line = send_with_holes(shaken(), session.data, [(start, start + 2000)], 300).end()
    (gap,) = line.gaps
    first = next(message for message in line.messages if message.offset >= gap.offset + gap.length)
    assert first.ready >= gap.ready > gap.packet


# --- headers that are almost there ---------------------------------------------------------------------------


def test_command_of_two_chunks_is_no_command_of_one_though_a_header_could_stand_behind_it() -> None:
    """The last byte of the first answer, taken for a basic header, makes the next header one of another command."""
    session = Session()
    session._add(2, 5, u32(5_000_000), 11, 0, 0)
    session._add(3, COMMAND_AMF0, wire.command("_result", 1, {"description": "x" * 99}), 0, 0, 0)
    for _ in range(3):
        session._add(3, COMMAND_AMF0, wire.command("_result", 2, None), 0x12, 0, 0)
    line = Line(late=True).send(session.data, 151).end()
    assert found(line, session, 0) == [0, 1, 2, 3, 4]


def test_first_chunk_that_a_hole_took_may_not_be_all_of_the_message() -> None:
    """The chunk size is not known, and what is missing is as long as the first chunk."""
    session = Session().sound(108, 0, 0).frame(100, 20, 0).sound(107, 40, 1).sound(106, 60, 1).frame(205, 100, 1)
    session.sound(108, 120, 1).sound(109, 140, 1)
    start = session.sent[4].offset + 8
    line = send_with_holes(Line(late=True), session.data, [(start, start + 128)]).end()
    assert found(line, session, 0) == [0, 1, 2, 3, 5, 6]
    (broken,) = [message for message in line.messages if message.holes]
    assert (broken.holes, broken.captured) == ([(0, 128)], 77)


def test_basic_header_of_two_bytes_is_none_where_the_second_is_that_of_a_known_csid() -> None:
    """A message ends with a byte of which six bits are 0, and is read one byte short: its chunks are smaller now."""
    session = Session(5000).show(3)
    hole = session.end
    session.resize(1024)
    hole = (hole, session.end)
    session._add(6, VIDEO, b"\x27\x01\x00\x00\x00" + u32(1104) + wire.filler(1103) + b"\x40", 200, 1, 1)
    session.sound(152, 224, 1).show(5, 7)
    line = send_with_holes(shaken(), session.data, [hole]).end()
    assert found(line, session) == whole(session, [hole])


@pytest.mark.parametrize("start", [0, 3])
def test_inherited_length_is_not_borne_out_by_headers_taken_for_payload(start: int) -> None:
    """In the hole the messages become one byte shorter: as much as the header between their two chunks."""
    session = Session()
    for at in range(6):
        session.sound(204, 23 * at, 1 if at else 0)
    hole = session.end
    session.sound(203, 150, 1)
    holes = [(hole, session.end)]
    for at in range(2):
        session.sound(203, 173 + 23 * at, 2)
    for at in range(6):
        session.sound(200 + at, 220 + 23 * at, 1)
    data, offset = session.data[session.sent[start].offset :], session.sent[start].offset
    line = send_with_holes(Line(late=True) if start else shaken(), data, [(a - offset, b - offset) for a, b in holes])
    got = found(line.end(), session, BASE if not start else -offset)
    assert got[-6:] == list(range(9, 15))


def test_inherited_length_that_has_not_changed_is_borne_out() -> None:
    session = Session()
    for at in range(6):
        session.sound(204, 23 * at, 1 if at else 0)
    hole = (session.end, session.sound(204, 150, 2).end)
    for at in range(6):
        session.sound(204, 173 + 23 * at, 2)
    assert found(cut(session, hole), session) == whole(session, [hole])


def test_what_began_other_messages_of_a_csid_says_nothing_of_those_that_inherit() -> None:
    """Of the first sound there is the header and no more, and metadata came before it on this csid."""
    session = Session(4096).show(3).metadata(100, 0)
    for at in range(9):
        session._add(5, AUDIO, b"\xaf\x01" + wire.filler(498, at), 123 + 23 * at, 1, 2 if at else 1)
    first = session.sent[-9]
    hole = (first.offset + 8, session.sent[-8].offset + 100)
    assert found(cut(session, hole, size=5), session) == whole(session, [hole])


# --- cost ------------------------------------------------------------------------------------------------


def test_searching_ten_times_the_bytes_takes_less_than_fifteen_times_the_time() -> None:
    noise = Random(3).randbytes(4_000_000)

    def seconds(size: int) -> float:
        line = shaken().send(Session().show(3).data).lose(9)
        return costs.cpu(lambda: line.send(noise[:size], 1460))

    costs.assert_scales(15, lambda: seconds(400_000), lambda: seconds(4_000_000))


def test_long_message_under_doubt_is_not_joined_anew_for_every_packet() -> None:
    """Its chunk size is not known, so all of it is kept until another header stands behind it."""
    data = bytes(16_000_000)

    def seconds(size: int) -> float:
        line = shaken().send(chunk(0, 2, length=4, type_id=1, payload=b"\0")).lose(3)
        line.send(chunk(0, 6, 40, (1 << 24) - 1, VIDEO, 1, b"\x22"))
        return costs.cpu(lambda: line.send(data[:size], 4000))

    costs.assert_scales(15, lambda: seconds(1_600_000), lambda: seconds(16_000_000))


def test_bytes_searched_in_vain_are_let_go() -> None:
    """No header is in them: 0xff begins a short one of a csid nobody has used."""
    line = shaken().lose(1000)
    most = 0
    for _ in range(500):
        line.send(b"\xff" * 20_000)
        line.items.clear()
        most = max(most, kept(line.reader.recovery))
    assert 0 < most < 200_000
    assert line.messages == []


def kept(recovery: Recovery | None) -> int:
    return 0 if recovery is None else sum(len(region.data) + region.waiting for region in recovery.regions)


def kinds(events: Sequence[Event]) -> list[str]:
    return ["gap" if isinstance(event, Gap) else "message" for event in events]


def test_gap_comes_before_the_messages_behind_it() -> None:
    session = Session(4096).show(6)
    start = session.sent[4].end
    line = send_with_holes(shaken(), session.data, [(start, session.sent[5].end)], 300)
    assert kinds(line.events[3:])[:7] == ["message"] * 5 + ["gap", "message"]
