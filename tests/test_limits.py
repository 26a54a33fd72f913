"""Hostile input costs no more than any other: linear time, bounded memory, and every limit is reached and named."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from rtmpscope import limits
from rtmpscope.capture.files import open_capture
from rtmpscope.engine import Engine
from rtmpscope.export import values
from rtmpscope.export.jsonl import Trace
from rtmpscope.limits import (
    CALLS_REMEMBERED,
    CONNECTIONS,
    EXPANSION_RATIO,
    FORGOTTEN,
    FRAGMENT_NS,
    HELD_BYTES,
    HELD_CHARACTERS,
    JSON_BYTES,
    NOTES_OF_A_KIND,
    PARTIAL_BYTES,
    PINGS_REMEMBERED,
    SECRET_LENGTH,
    TRACKS,
    TRIALS,
)
from rtmpscope.model import C2S, S2C, SYN, End, Event, Message, Note, Packet, Segment
from rtmpscope.net.decode import Decoder
from rtmpscope.net.reassembly import Reassembler
from rtmpscope.redact import Redactor
from tests import costs, runs, segments, wire
from tests.attacks import ATTACKS, key, opening, said
from tests.segments import Piece
from tests.talk import Talk
from tests.test_jsonl import Traced, call, message
from tests.test_media_timeline import timeline

MEMORY = 96 << 20  # bytes that reading any of these captures may add to a process


@pytest.mark.parametrize("name", ATTACKS)
def test_ten_times_the_attack_takes_less_than_fifteen_times_the_time(name: str, tmp_path: Path) -> None:
    make, size = ATTACKS[name]
    once, tenfold = tmp_path / "once.pcap", tmp_path / "tenfold.pcap"
    once.write_bytes(make(size))
    tenfold.write_bytes(make(10 * size))

    def seconds(path: Path) -> float:
        taken, memory = costs.of_capture(path)
        assert memory < MEMORY
        return taken

    costs.assert_scales(15, lambda: seconds(once), lambda: seconds(tenfold))


# --- limits that are reached in no other file (a disk with less than SPOOL_RESERVE: test_live) -----------------


def test_every_limit_is_reached_by_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    names = {name for name in vars(limits) if name.isupper() and not re.search(rf"\b{name}\b", tests)}
    assert not names


def test_unfinished_messages_are_dropped_beyond_a_bound_and_named() -> None:
    """Seventy of a megabyte, and then the first is finished."""
    size = 1 << 20
    count = PARTIAL_BYTES // size + 6
    out = [wire.ChunkWriter().set_chunk_size(size)]
    out += [wire.chunk(0, 5 + number, 0, size + 1, wire.DATA_AMF0, 1, bytes(size)) for number in range(count)]
    out += [wire.chunk(3, 5, 0, 0, 0, 0, b"\0"), wire.chunk(3, 4 + count, 0, 0, 0, 0, b"\0")]
    first, last = runs.run(segments.packets([*opening(), *said(b"".join(out), 60_000)])).messages(0, C2S)[1:3]
    assert (first.csid, first.captured, first.length) == (5, size + 1, size + 1) and not first.whole
    assert [note.text for note in first.notes or ()][0].startswith("unfinished messages held more than 64 MiB")
    assert last.csid == 4 + count and len(last.payload) == size + 1


def test_connections_beyond_a_bound_are_named_once() -> None:
    registry = runs.built_in()
    engine = Engine(registry, most_connections=3)
    engine.feed(segments.packets([piece for number in range(6) for piece in opening(number)]))
    assert len(engine.connections) == 3
    assert [problem.code for problem in registry.problems] == ["limit-connections"]
    assert CONNECTIONS == 50_000


def test_oldest_of_too_many_connections_that_say_nothing_is_given_up_and_named() -> None:
    registry = runs.built_in()
    engine = Engine(registry, ports=frozenset(), most_trials=2)
    first, *rest = zip(*(opening(number) for number in range(4)), strict=True)
    engine.feed(segments.packets(list(first)))
    engine.feed(segments.packets([piece for pieces in rest for piece in pieces]))
    assert [connection.packet for connection in engine.connections] == [3, 4]
    assert [problem.code for problem in registry.problems] == ["limit-trials"]
    assert TRIALS == 16_384


def hoard(count: int, size: int) -> list[Packet]:
    """Connections that each hold so many bytes behind a hole, and as many in a message that is never finished."""
    sent: list[Piece] = []
    for number in range(count):
        message = wire.chunk(0, 5, 0, 2 * size, wire.DATA_AMF0, 1, bytes(size))
        partial = wire.ChunkWriter().set_chunk_size(size) + message
        sent += opening(number)
        for piece in (*said(partial), *said(bytes(size), seq=20_000_000)):
            sent.append(piece._replace(key=key(C2S, number)))
    return segments.packets(sent)


def held_in_batches(packets: list[Packet], size: int) -> tuple[list[Event], list[Note], int]:
    """The events of a run that may hold a megabyte, the problems it names, and the most that it held."""
    registry = runs.built_in()
    engine = Engine(registry, most_held=1 << 20)
    told: list[Event] = []
    most = 0
    for at in range(0, len(packets), size):
        told += engine.feed(packets[at : at + size])
        most = max(most, sum(conversation.held_bytes for conversation in engine._conversations.values()))
    return told + engine.finish(), registry.problems, most


def test_connections_that_hold_most_are_given_up_and_named() -> None:
    told, problems, most = held_in_batches(hoard(40, 60_000), 7)
    assert [problem.code for problem in problems] == ["limit-held-bytes"]
    assert 700_000 < most <= 1 << 20 < 40 * 120_000
    ends = [event for event in told if isinstance(event, End) and event.how == "given_up"]
    assert ends and all([note.code for note in end.notes or ()][-1:] == ["limit-held-bytes"] for end in ends[::2])
    assert HELD_BYTES == 256 << 20


@pytest.mark.parametrize("size", [1, 50, 10**6])
def test_who_is_given_up_does_not_depend_on_batches(size: int) -> None:
    packets = hoard(20, 60_000)
    events, seven = held_in_batches(packets, size)[0], held_in_batches(packets, 7)[0]
    assert [runs.facts(event) for event in events] == [runs.facts(event) for event in seven]


def test_ports_of_connections_that_are_read_no_more_are_forgotten_in_the_end() -> None:
    assert FORGOTTEN == 262_144
    line = Reassembler()
    for number in range(FORGOTTEN + 10):
        [flow] = line.feed([Segment(number, 0, key(C2S, number), 1, 0, SYN, 9, b"", 0, 0, 0)])
        line.forget(flow)
    assert not line.flows and FORGOTTEN < len(line.forgotten) <= 2 * FORGOTTEN
    assert key(C2S, 0) not in line.forgotten and key(C2S, FORGOTTEN) in line.forgotten


def test_compressed_bomb_is_named(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(wire.pcap([])[:24] + bytes(4_000_000)))
    reader = open_capture([str(bomb)])
    assert sum(len(batch.packets) for batch in reader.batches()) > 0
    assert reader.files[0].outcome == "corrupt" and f"{EXPANSION_RATIO}-fold" in reader.files[0].reason


def test_fragments_that_come_too_late_are_not_put_together() -> None:
    def packets(wait_ns: int) -> list[Packet]:
        segment = wire.tcp_segment(("10.0.0.1", 5000), ("10.0.0.2", 1935), 1, 0, 16, b"x" * 60)
        whole = wire.ipv4("10.0.0.1", "10.0.0.2", segment)
        head, rest = bytearray(whole[:60]), bytearray(whole[:20] + whole[60:])
        head[6:8], rest[6:8] = wire.u16(0x2000), wire.u16(5)
        return [
            Packet(number, number * wait_ns, segments.RAW, bytes(data), 0, len(data), len(data))
            for number, data in enumerate((head, rest))
        ]

    assert len(Decoder().decode(packets(FRAGMENT_NS))) == 1
    assert len(Decoder().decode(packets(FRAGMENT_NS + 1))) == 0


def test_what_waits_for_an_answer_is_bounded_in_characters() -> None:
    traced = Traced()
    asked = message(1, 20, wire.command("createStream", 2, None))
    call(asked, None)
    traced.trace.event(asked)
    text = wire.amf0("x", "y" * 60_000)
    waiting = HELD_CHARACTERS // 60_000
    for number in range(waiting + 2):
        traced.trace.event(message(number + 2, 18, text))
        if number == waiting // 2:
            assert len(traced.texts) == 1
    assert len(traced.texts) >= waiting


def test_long_bytes_are_cut_in_a_trace_and_their_length_is_said() -> None:
    text = values.octets(bytes(JSON_BYTES + 1))
    assert text == f'{{"$bytes":"{"00" * JSON_BYTES}","length":{JSON_BYTES + 1}}}'


def test_secret_that_is_too_long_to_remember_is_replaced_in_its_place() -> None:
    redactor = Redactor(b"k")
    long = "x" * (SECRET_LENGTH + 1)
    assert redactor.secret(long).startswith("key#") and redactor.text(f"a {long}") == f"a {long}"
    assert redactor.secret(long[1:]).startswith("key#") and "key#" in redactor.text(f"a {long[1:]}")


def test_calls_beyond_a_bound_are_forgotten_oldest_first() -> None:
    talk = Talk().handshake().connect()
    for number in range(CALLS_REMEMBERED + 1):
        talk.command(C2S, "call", number + 10, None)
    oldest = talk.command(S2C, "_result", 10, None)
    newest = talk.command(S2C, "_result", CALLS_REMEMBERED + 10, None)
    assert oldest.call is None and newest.call is not None


def test_notes_of_one_kind_on_a_track_end_with_a_word() -> None:
    talk = Talk().handshake().connect().create().publish()
    for number in range(2 * NOTES_OF_A_KIND + 4):
        talk.message(C2S, 9, b"\x27\1\0\0\0" + bytes(9), 1, 100_000 * (number % 2), 6)
    texts = [note.text for note in talk.notes if note.code == "timestamp-backwards"]
    assert len(texts) == NOTES_OF_A_KIND and texts[-1].endswith("more of these are counted only")


def test_streams_of_a_connection_are_bounded() -> None:
    talk = Talk().handshake().connect()
    for number in range(TRACKS + 5):
        talk.message(C2S, 8, b"\xaf\1" + bytes(9), number + 1, 0, 6)
    assert len(timeline(talk).streams) == TRACKS


def test_pings_beyond_a_bound_are_not_awaited() -> None:
    talk = Talk().handshake().connect()
    for number in range(PINGS_REMEMBERED + 50):
        talk.message(S2C, 4, wire.user_control(6, number))
    for number in range(PINGS_REMEMBERED + 50):
        talk.message(C2S, 4, wire.user_control(7, number))
    assert talk.connection.analysis["flow_control"].pings.count == PINGS_REMEMBERED


@pytest.mark.parametrize("time_ns", [-(2**63), -1, 0, 2**32 * 10**9, 2**63 - 1])
def test_clocks_before_1970_and_after_2106_are_written(time_ns: int) -> None:
    frames = wire.conversation(*(data + wire.ChunkWriter().set_chunk_size(9) for data in wire.handshake()))
    packets = wire.packets(frames)
    for packet in packets:
        packet.time_ns = time_ns
    run = runs.run(packets)
    records: list[str] = []
    trace = Trace(records.append, run.connections, lambda event: event.body)
    for event in run.events:
        if not isinstance(event, Message):
            trace.event(event)
    assert records and all(str(time_ns) in record for record in records if "time_ns" in record)
