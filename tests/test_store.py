"""The store: rows that never change, and messages opened again exactly as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import Engine
from rtmpscope.filters import compile
from rtmpscope.limits import PAYLOADS_BYTES, SAID_BYTES
from rtmpscope.model import Event, Message, Opened
from rtmpscope.plugins import Registry, load_builtin
from rtmpscope.store import COLUMNS, HEAD, Store
from tests import sender, wire

CAPTURES = Path(__file__).parent.parent / "captures"
PORTS = frozenset({1935})

# Loss, several connections, recovery, shared objects, a packed file.
SAMPLE = (
    "nginx-publish-play.pcap",
    "lossy-path.pcap",
    "pyrtmp-publish.pcap",
    "shared-objects.pcap",
    "nms4-publish-play.pcap.gz",
)


def registry() -> Registry:
    made = Registry()
    load_builtin(made)
    return made


def unloaded(path: Path) -> Store:
    return Store(open_capture([str(path)], spool=True), registry(), PORTS)


def loaded(path: Path) -> Store:
    store = unloaded(path)
    store.load()
    return store


def streamed(path: Path) -> list[Event]:
    """The same events by a run that keeps every payload."""
    engine = Engine(registry(), ports=PORTS, whole_payloads=True)
    events = [event for batch in open_capture([str(path)]).batches() for event in engine.feed(batch.packets)]
    return [event for event in events + engine.finish() if not isinstance(event, Opened)]


def facts(event: Event) -> tuple[object, ...]:
    if not isinstance(event, Message):
        return (type(event).__name__, event.connection, event.direction, event.packet)
    notes = [note.code for note in event.notes or ()]
    return (
        event.number, event.connection, event.direction, event.type_id, event.timestamp, event.length, event.captured,
        event.payload, event.holes, event.packet, event.first_packet, notes, event.aggregate > 0,
    )  # fmt: skip


@pytest.mark.parametrize("name", SAMPLE)
def test_every_row_opens_as_the_event_that_was_appended(name: str):
    store = loaded(CAPTURES / name)
    events = streamed(CAPTURES / name)
    assert store.count == len(events)
    step = 1 if store.count < 200 else 7
    for index in [*range(0, store.count, step), *range(store.count - 1, -1, -3 * step)]:
        assert facts(store.open(index)) == facts(events[index])


def test_part_of_an_aggregate_opens_as_itself(tmp_path: Path):
    path = tmp_path / "aggregates.pcap"
    path.write_bytes(sender.SESSIONS["aggregates"]().pcap())
    store, events = loaded(path), streamed(path)
    parts = [index for index, event in enumerate(events) if isinstance(event, Message) and event.aggregate]
    assert parts
    for index in parts:
        assert facts(store.open(index)) == facts(events[index])


def test_opened_message_has_its_chunks():
    store = loaded(CAPTURES / "nginx-gst-rtmp2sink.pcap")
    index = max(range(store.count), key=lambda row: store.columns["length"][row])
    message = store.open(index)
    assert isinstance(message, Message) and message.chunk_headers
    assert len(message.chunk_headers) == message.chunks > 1
    assert sum(header.payload_size for header in message.chunk_headers) == message.length


def test_row_costs_64_bytes():
    store = loaded(CAPTURES / "vlan.pcap")
    assert sum(column.itemsize for column in store.columns.values()) + HEAD == 64
    assert all(len(store.columns[name]) == store.count for name in COLUMNS)


def test_row_tells_what_the_event_does():
    store, events = loaded(CAPTURES / "timestamps-32-bit.pcap"), streamed(CAPTURES / "timestamps-32-bit.pcap")
    for index, event in enumerate(events):
        row = store.row(index)
        assert (row.kind, row.packet, row.time_ns) == (type(event).__name__.lower(), event.packet, event.time_ns)
        if isinstance(event, Message):
            assert (row.timestamp, row.message_stream_id) == (event.timestamp, event.message_stream_id)
            assert row.head == event.payload[:HEAD]


@pytest.mark.parametrize(
    "text",
    [
        "rtmp.type == video",
        'rtmp.video.frame_type == "key"',
        'rtmp.command.name == "publish" || rtmp.note.severity >= warning',
        "rtmp.timestamp > 1000 && rtmp.direction == c2s",
    ],
)
def test_scan_finds_what_the_filter_matches_event_by_event(text: str):
    path = CAPTURES / "nginx-publish-play.pcap"
    store, events = loaded(path), streamed(path)
    wanted = compile(text)
    engine = Engine(registry())
    expected = [
        index
        for index, event in enumerate(events)
        if wanted.match(
            event,
            store.connections[event.connection],
            engine.describe(event) if isinstance(event, Message) else None,
        )
    ]
    assert expected
    assert [row for rows in store.scan(compile(text), 0, store.count) for row in rows] == expected


def test_summary_of_a_sequence_header_says_what_stands_behind_its_first_bytes():
    store = loaded(CAPTURES / "nginx-publish-play.pcap")
    summaries = [store.summary(index) for index in range(store.count)]
    assert summaries.count("h264 sequence header  Constrained Baseline 1.2, 320 x 180, 15 fps") == 2


@pytest.mark.parametrize("name", [name for name in SAMPLE if name.endswith(".pcap")])
def test_summaries_that_are_said_at_once_are_those_of_messages_read_again(name: str):
    store = loaded(CAPTURES / name)
    told = [store.summary(index) for index in range(store.count) if store.tells(index)]
    again = unloaded(CAPTURES / name)
    again._payloads_left = 0
    again.load()
    words = {index for index in range(store.count) if store.tells(index) and not again.tells(index)}
    assert words
    assert told == [again.summary(index) for index in range(store.count) if store.tells(index)]
    assert not {store.row(index).type_id for index in range(store.count) if not store.tells(index)} - {8, 9, 22}


def test_payloads_are_kept_as_long_as_there_is_room():
    store = unloaded(CAPTURES / "nginx-publish-play.pcap")
    store._payloads_left -= PAYLOADS_BYTES - 1000
    store.load()
    told = [store.tells(index) for index in range(store.count) if store.row(index).type_id == 20]
    assert told[0] and not all(told)
    assert 0 <= store._payloads_left < 1000


@pytest.mark.parametrize("over", [0, 1])
def test_payload_that_is_long_is_not_kept(tmp_path: Path, over: int):
    payload = wire.amf0("log", "x")
    payload = wire.amf0("log", "x" * (SAID_BYTES - len(payload) + 1 + over))
    c2s, s2c = wire.handshake()
    path = tmp_path / "long.pcap"
    path.write_bytes(wire.pcap(wire.conversation(c2s + wire.ChunkWriter().message(3, wire.DATA_AMF0, payload), s2c)))
    store = loaded(path)
    (index,) = [index for index in range(store.count) if store.row(index).length == SAID_BYTES + over]
    assert store.tells(index) == (not over) and store.summary(index).startswith("log")


def test_summary_of_a_redacted_row_holds_no_key():
    from rtmpscope.redact import Redactor

    store = loaded(CAPTURES / "nginx-publish-play.pcap")
    shown = [store.summary(index) for index in range(60)]
    masked = [store.summary(index, Redactor()) for index in range(60)]
    assert any("s3cr3t" in line for line in shown)
    assert not any("s3cr3t" in line for line in masked)


@pytest.mark.parametrize("name", SAMPLE)
def test_old_rows_are_let_go_while_totals_and_the_rest_stay(name: str):
    path = CAPTURES / name
    whole = loaded(path)
    keep = max(8, whole.count // 4)
    reader = open_capture([str(path)], spool=True, block_size=4096)
    store = Store(reader, registry(), PORTS, keep=keep)
    store.load()
    assert (store.count, store.messages, store.problems) == (whole.count, whole.messages, whole.problems)
    assert [one.counts for one in store.connections] == [one.counts for one in whole.connections]
    assert 0 < store.first <= store.count - keep
    for index in range(store.first, store.count):
        assert facts(store.open(index)) == facts(whole.open(index))
        assert store.row(index).head == whole.row(index).head
    assert {len(column._held[2]) for column in store.columns.values()} == {store.count - store.first}
    assert min([store.count, *store._events, *store._notes, *store._calls]) >= store.first
    assert store.row(0).time_ns == whole.row(0).time_ns  # what times are measured against
    for index in {0, store.first - 1}:
        assert isinstance(store.open(index), Message)
        assert store.summary(index) == "let go to save memory"
    found = [row for rows in store.scan(compile("rtmp.type"), 0, store.count) for row in rows]
    assert found == [index for index in range(store.first, store.count) if whole.row(index).kind == "message"]


def test_rows_of_a_capture_that_is_read_only_once_are_shown_as_far_as_they_were_kept():
    store = Store(open_capture([str(CAPTURES / "nms4-publish-play.pcap.gz")]), registry(), PORTS)
    store.load()
    whole = loaded(CAPTURES / "nms4-publish-play.pcap.gz")
    assert store.count == whole.count
    for index in range(store.count):
        event = store.open(index)
        assert (event.packet, event.time_ns) == (whole.open(index).packet, whole.open(index).time_ns)
        assert not isinstance(event, Message) or event.whole or event.payload == store.row(index).head


def test_a_filter_gives_way_before_each_row_that_it_reads_again():
    ways: list[bool] = []
    reader = open_capture([str(CAPTURES / "nginx-publish-play.pcap")])
    store = Store(reader, registry(), PORTS, give_way=lambda: ways.append(True))
    store.load()
    ways.clear()
    frames = sum(map(len, store.scan(compile("rtmp.video.frame_type >= 1"), 0, store.count)))
    assert frames > 50
    assert len(ways) >= frames
