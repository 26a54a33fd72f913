"""A copy keeps of two packets that say different things at one place what the reader took, and nothing of the other."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from rtmpscope.model import ACK, C2S, S2C, SYN, StreamData
from rtmpscope.net.decode import Decoder
from rtmpscope.net.reassembly import Reassembler
from tests import records, segments, wire
from tests.segments import Piece
from tests.test_sanitize import packets, sanitised, trace, without_text

MESSAGES = 30  # of each kind
LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789"
KEYS = (b"\x0a\0\0\1\x0a\0\0\2\xc3\x50\x07\x8f", b"\x0a\0\0\2\x0a\0\0\1\x07\x8f\xc3\x50")
FIRST = 1_000_000
CUT_AT = 150  # bytes of an IP packet that are captured, where some of it is not


def said(chance: Random) -> bytes:
    """Handshake and messages of a client."""
    writer = wire.ChunkWriter()
    out = [wire.handshake()[0]]
    for number in range(MESSAGES):
        name = bytes(chance.choices(LETTERS, k=chance.randint(8, 300))).decode()
        out.append(writer.message(3, 20, wire.command("publish", number, None, name, "live"), 0, 1))
        out.append(writer.message(4, 9, b"\x27\1\0\0\0" + bytes(chance.choices(LETTERS, k=200)), number * 40, 1))
    return b"".join(out)


def disordered(seed: int, whole: bool) -> list[Piece]:
    """What a client says, in segments that are late, repeated and contradicted; if not whole, lost and forestalled."""
    chance = Random(seed)
    data = said(chance)
    sent: list[tuple[float, int, bytes]] = []
    at, lost, late = 0, 0 if whole else chance.choice((0, 0.03)), chance.choice((200, 1000, 4000))
    while at < len(data):
        size = chance.randint(1, 200)
        if chance.random() >= lost:
            sent.append((at + chance.choice((0, 0, late)) * chance.random(), at, data[at : at + size]))
        for _ in range(chance.choice((0, 0, 1, 2))):
            start = max(0, at + chance.randint(-300, 300))
            other = bytes(chance.choices(LETTERS, k=chance.randint(1, 400)))
            part = other if chance.random() < 0.7 else data[start : start + len(other)]
            first = start + len(part) + late if whole else at - 100
            sent.append((first + chance.random() * late, start, part))
        at += size
    sent.sort()
    pieces = [Piece(0, KEYS[C2S], FIRST - 1, 0, SYN, 9), Piece(0, KEYS[S2C], 4999, FIRST, SYN | ACK, 9)]
    for _, at, part in sent:
        if at < len(data):
            pieces.append(Piece(0, KEYS[C2S], FIRST + at, 5000, ACK, 9, part[: len(data) - at]))
        if not whole:
            pieces.append(Piece(0, KEYS[S2C], 5000, FIRST + at + len(part), ACK, 9))
    return [piece._replace(time_ns=wire.START_NS + number * 20_000_000) for number, piece in enumerate(pieces)]


def capture(path: Path, sent: list[Piece], cut: float = 0) -> Path:
    """A capture of these, of which a share is cut."""
    chance = Random(len(sent))
    out = [records.pcap_header(records.NANOSECONDS, link_type=segments.RAW)]
    for packet in segments.packets(sent):
        data = packet.data[: CUT_AT if chance.random() < cut else None]
        seconds, fraction = divmod(packet.time_ns, 10**9)
        out.append(records.pcap_record(data, seconds, fraction, wire_length=len(packet.data)))
    path.write_bytes(b"".join(out))
    return path


def taken(path: Path) -> tuple[dict[int, int], set[tuple[int, int]]]:
    """The bytes that the reader took of the client's stream, by place; and which packet brought the byte of a place."""
    reassembler = Reassembler()
    flows = reassembler.feed(Decoder().decode(packets(path)))
    stream: dict[int, int] = {}
    brought: set[tuple[int, int]] = set()
    for flow in [*flows, *reassembler.finish()]:
        for item in flow.sides[0].take():
            if isinstance(item, StreamData):
                stream |= enumerate(item.data, item.offset)
                brought |= {(one.packet, one.offset + at) for one in item.segments for at in range(one.length)}
    return stream, brought


def lost(path: Path, copy: Path) -> list[tuple[int, int]]:
    """The letters that no reader took and that are still in the copy: packet, place in the stream."""
    stream, brought = taken(path)
    old, new = (Decoder().decode(packets(file)) for file in (path, copy))
    found = []
    for before, after in zip(old, new, strict=True):
        for at, byte in enumerate(before.payload if before.key == KEYS[C2S] else b""):
            place = before.seq - FIRST + at
            is_taken = (before.packet, place) in brought or stream.get(place) == byte
            if not is_taken and byte in LETTERS and after.payload[at] == byte:
                found.append((int(before.packet), place))
    return found


def without_conflicts(path: Path) -> list[Any]:
    """The trace without notes on what was sent otherwise again: which event has them is for batches to say."""
    records = []
    for record in trace(path):
        notes = [note for note in record.pop("notes", ()) if note["code"] != "retransmission-differs"]
        records.append(without_text({**record, "notes": notes}))
    return records


@pytest.mark.parametrize("seed", range(8))
def test_nothing_stays_that_the_reader_did_not_take(seed: int, tmp_path: Path) -> None:
    path = capture(tmp_path / "in.pcap", disordered(seed, False), cut=(0, 0.1)[seed % 2])
    assert lost(path, sanitised(path, tmp_path)) == []


@pytest.mark.parametrize("seed", range(4))
def test_copy_of_a_stream_that_is_contradicted_decodes_alike(seed: int, tmp_path: Path) -> None:
    path = capture(tmp_path / "in.pcap", disordered(seed, True))
    copy = sanitised(path, tmp_path)
    assert lost(path, copy) == []
    records = without_conflicts(path)
    assert records == without_conflicts(copy)
    assert len([record for record in records if record.get("type_id") == 20]) == MESSAGES
