"""What is known of one csid."""

from __future__ import annotations

from tests.chunk_feed import Feed
from tests.wire import AUDIO, ChunkWriter


def test_habits_are_the_kinds_of_messages_that_said_as_before() -> None:
    writer = ChunkWriter()
    frames = [b"\xaf\x01" + bytes(size) for size in (30, 30, 40, 40, 40, 50)]
    feed = Feed()(b"".join(writer.message(4, AUDIO, frame, 20 * at, 1) for at, frame in enumerate(frames)))
    assert [(habit.type_id, habit.length, habit.first_byte) for habit in feed.parser.streams[4].habits] == [
        (AUDIO, 32, 0xAF), (AUDIO, 42, 0xAF),
    ]  # fmt: skip


def test_few_habits_are_remembered_of_a_csid() -> None:
    writer = ChunkWriter()
    feed = Feed()
    for size in range(20):
        for time in (0, 20, 40):
            feed(writer.message(4, AUDIO, b"\xaf\x01" + bytes(size), 60 * size + time, 1))
    assert [habit.length for habit in feed.parser.streams[4].habits] == [18, 19, 20, 21]
