"""Replay: the same messages again, from whichever checkpoint is nearest."""

from __future__ import annotations

import gc
from pathlib import Path
from weakref import ref

import pytest

from rtmpscope import replay
from rtmpscope.capture.files import BLOCK, open_capture
from rtmpscope.engine import Engine
from rtmpscope.model import C2S, RST, Message
from rtmpscope.plugins import Registry
from rtmpscope.replay import Checkpoints, Opener
from rtmpscope.store import Store
from tests import wire
from tests.attacks import capture, key, opening
from tests.segments import Piece
from tests.sender import Sender

CAPTURES = Path(__file__).parent.parent / "captures"
PORTS = frozenset({1935})


@pytest.fixture(autouse=True)
def many_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STREAM_STEP", "BOOKMARK_STEP"):
        monkeypatch.setattr(replay, name, 20_000)


def passed(path: Path, block_size: int = BLOCK) -> tuple[Opener, Checkpoints, list[Message]]:
    """Read a capture once, taking checkpoints; its messages, with what a replay can reach."""
    reader = open_capture([str(path)], spool=True, block_size=block_size)
    engine = Engine(Registry(), ports=PORTS, whole_payloads=True)
    checkpoints = Checkpoints(PORTS, engine.connections)
    events = []
    for batch in reader.batches():
        checkpoints.before(batch, engine.touched)
        events += engine.feed(batch.packets)
        for conversation in engine.touched:
            checkpoints.track(conversation)
    events += engine.finish()
    messages = [event for event in events if isinstance(event, Message) and not event.aggregate]
    return Opener(reader, checkpoints), checkpoints, messages


@pytest.mark.parametrize("name", ["nginx-many-players.pcapng", "lossy-path.pcap", "loopback.pcap.zst", "ipv6.pcap"])
def test_any_message_is_found_from_its_nearest_checkpoint(name: str):
    opener, checkpoints, messages = passed(CAPTURES / name)
    assert any(len(checkpoints.of(message.connection).checkpoints) > 2 for message in messages)
    for message in messages[::-5] + messages[::7]:
        found = opener.open(message.connection, message.direction, message.offset)
        assert found is not None
        assert (found.payload, found.timestamp, found.type_id) == (message.payload, message.timestamp, message.type_id)


def test_messages_count_on_the_way_to_a_checkpoint_however_small_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.undo()
    sender = Sender().start()
    for number in range(6_000):
        sender.message(C2S, 4, wire.AUDIO, b"\xaf\x01", number, 1)
    path = tmp_path / "small.pcap"
    path.write_bytes(sender.finish().pcap())
    _, checkpoints, messages = passed(path, 4096)
    assert messages[-1].offset < replay.STREAM_STEP
    assert len(checkpoints.of(0).checkpoints) == 1 + 6_000 // (replay.STREAM_STEP // replay.MESSAGE_BYTES)


def test_others_are_let_go_first_between_two_batches():
    opener, checkpoints, messages = passed(CAPTURES / "nginx-many-players.pcapng")
    given = []
    polite = Opener(opener._reader, checkpoints, lambda: given.append(True))
    last = messages[-1]
    assert polite.open(last.connection, last.direction, last.offset) is not None
    assert given


def test_a_replay_that_is_left_lets_go_of_what_it_read_at_once():
    opener, _, messages = passed(CAPTURES / "nginx-many-players.pcapng")
    media = [message for message in messages if message.type_id == 9 and message.connection == messages[-1].connection]
    gc.disable()
    try:
        opener.open(media[-1].connection, media[-1].direction, media[-1].offset)
        left = ref(opener._replays[media[-1].connection])
        opener.open(media[0].connection, media[0].direction, media[0].offset)
        assert left() is None
    finally:
        gc.enable()


def test_offset_without_a_message_gives_nothing():
    opener, _, messages = passed(CAPTURES / "vlan.pcap")
    assert opener.open(messages[-1].connection, messages[-1].direction, 1 << 40) is None


def test_finished_connections_are_forgotten_with_their_rows(tmp_path: Path):
    path = tmp_path / "short.pcap"
    reset = (Piece(0, key(C2S, number), 10_000, 0, RST, 9) for number in range(40))
    pieces = (piece for number, end in enumerate(reset) for piece in (*opening(number), end))
    path.write_bytes(capture(pieces, 10**9))
    store = Store(open_capture([str(path)], spool=True, block_size=4096), Registry(), PORTS, keep=20)
    store.load()
    assert len(store.connections) == 40
    assert len(store._checkpoints._tracks) < 15
    assert store._opener.open(0, C2S, 0) is None
