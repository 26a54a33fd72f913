"""The engine as a whole: what it reports in which order, and when it lets go."""

from __future__ import annotations

import pytest

from rtmpscope.engine import Engine
from rtmpscope.model import C2S, S2C, UNKNOWN, Event, Gap, Message, Opened
from rtmpscope.net.reassembly import LINGER_NS
from rtmpscope.plugins import Registry, load_builtin
from tests import sender, wire


def engine(**options: int) -> Engine:
    registry = Registry()
    load_builtin(registry)
    return Engine(registry, **options)


def everything(made: Engine, packets: list, batch: int = 1000) -> list[Event]:
    events = []
    for start in range(0, len(packets), batch):
        events += made.feed(packets[start : start + batch])
    return events + made.finish()


def opened(port: int) -> list[wire.Frame]:
    return wire.Tcp(client=("10.0.0.1", port)).open().frames


@pytest.mark.parametrize("name", sender.SESSIONS)
def test_sent_messages_come_out_byte_for_byte(name: str):
    session = sender.SESSIONS[name]()
    messages = [
        event
        for event in everything(engine(whole_payloads=True), session.packets())
        if isinstance(event, Message) and not event.aborted
    ]
    for direction in (C2S, S2C):
        got = [
            (m.type_id, m.timestamp, m.message_stream_id, m.payload, m.aggregate > 0)
            for m in messages
            if m.direction == direction
        ]
        sent = [
            (s.type_id, s.timestamp, s.msid, s.payload, s.part) for s in session.messages if s.direction == direction
        ]
        assert got == sent
    assert [m.number for m in messages if m.number] == sorted(m.number for m in messages)


def facts(packets: list, batch: int) -> list[tuple]:
    return [
        (type(e).__name__, e.connection, e.direction, e.packet, e.ready, getattr(e, "payload", b""))
        + tuple((note.code, note.text) for note in e.notes or ())
        for e in everything(engine(), packets, batch)
    ]


@pytest.mark.parametrize("name", sender.SESSIONS)
def test_cut_into_batches_leaves_no_trace(name: str):
    packets = sender.SESSIONS[name]().packets()
    assert facts(packets, 1) == facts(packets, 7) == facts(packets, 10_000)


def test_cut_into_batches_leaves_no_trace_where_times_go_back():
    """Two files of one side each, one behind the other, of connections that are far apart in time."""
    sides: tuple[list[wire.Frame], ...] = ([], [])
    for number in range(3):
        hello = wire.handshake()
        tcp = wire.Tcp(("10.0.0.1", 50_000 + number), start_ns=wire.START_NS + number * 2 * LINGER_NS).open()
        tcp.send(C2S, hello[C2S][:1537]).send(S2C, hello[S2C]).send(C2S, hello[C2S][1537:]).rst(C2S)
        for time_ns, frame in tcp.frames:
            sides[frame[26:30] == bytes((10, 0, 0, 2))].append((time_ns, frame))
    packets = wire.packets(sides[0] + sides[1])
    found = facts(packets, 10_000)
    assert [name for name, *_ in found].count("Handshake") == 3 * 6
    assert facts(packets, 1) == facts(packets, 7) == found


def test_cut_into_batches_leaves_no_trace_where_retransmissions_differ():
    hello = wire.handshake()
    tcp = wire.Tcp().open().send(C2S, hello[C2S][:1537]).send(S2C, hello[S2C])
    for length in (9, 5):
        tcp.segment(C2S, tcp.next[C2S] - length, wire.ACK, b"?" * length)
    tcp.send(C2S, hello[C2S][1537:]).segment(C2S, tcp.next[C2S] - 3, wire.ACK, b"???")
    packets = wire.packets(tcp.close().frames)
    found = facts(packets, 10_000)
    noted = [(name, text[:1]) for name, *rest in found for code, text in rest[5:] if code == "retransmission-differs"]
    assert noted == [("Handshake", "2"), ("End", "1")]
    assert facts(packets, 1) == facts(packets, 2) == found


def test_every_connection_knows_when_packets_of_any_were_last_missing():
    hello = wire.handshake()
    frames = [frame for port in (1, 2) for frame in opened(port)]
    tcp = wire.Tcp(client=("10.0.0.1", 1), start_ns=frames[-1][0] + 1)
    tcp.next = [1001, 5001]
    tcp.send(C2S, hello[C2S][:1537]).send(S2C, hello[S2C]).send(C2S, hello[C2S][1537:]).close()
    complete, lossy = engine(), engine()
    everything(complete, wire.packets(frames + tcp.frames))
    assert [connection.missed_ns for connection in complete.connections] == [UNKNOWN, UNKNOWN]
    packets = wire.packets(frames + tcp.frames[:1] + tcp.frames[2:])
    gap = next(event for event in everything(lossy, packets) if isinstance(event, Gap))
    assert [connection.missed_ns for connection in lossy.connections] == [gap.time_ns, gap.time_ns]


def test_connections_beyond_the_limit_are_said_not_to_be_shown():
    made = engine(most_connections=2)
    events = everything(made, wire.packets([frame for port in (1, 2, 3, 4) for frame in opened(port)]))
    assert len(made.connections) == 2
    assert sum(isinstance(event, Opened) for event in events) == 2
    assert [note.code for note in made._registry.problems] == ["limit-connections"]


def test_connections_within_the_limit_are_all_shown():
    made = engine(most_connections=2)
    everything(made, wire.packets([frame for port in (1, 2) for frame in opened(port)]))
    assert len(made.connections) == 2
    assert not made._registry.problems
