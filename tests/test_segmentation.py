"""However TCP and the capture cut, swap, repeat and number the bytes: the messages stay what they are.

Every capture goes through all of it, with seeds of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from rtmpscope.model import Connection, End, Gap, Packet
from tests import segments
from tests.accounts import accounts
from tests.runs import PLAIN, Run, by_direction, facts, packets_of, run, run_of
from tests.segments import Piece
from tests.sender import SESSIONS


def wrapping(sent: list[Piece], chance: Random) -> list[Piece]:
    """Sequence numbers of both directions pass 2**32 somewhere in the middle."""
    shifts = {}
    for piece in sent:
        if piece.payload and piece.key not in shifts and chance.random() < 0.2:
            shifts[piece.key] = 2**32 - piece.seq - chance.randrange(1, len(piece.payload) + 1)
    return segments.renumbered(sent, shifts)


WAYS: dict[str, Callable[[list[Piece], Random], list[Piece]]] = {
    "untouched": lambda sent, chance: sent,
    "cut": lambda sent, chance: segments.cut(sent, chance, 400),
    "joined": lambda sent, chance: segments.joined(sent, 60_000),
    "shuffled": lambda sent, chance: segments.shuffled(sent, chance, 12),
    "doubled": lambda sent, chance: segments.doubled(sent, chance, 0.3, 40),
    "overlapping": lambda sent, chance: segments.overlapping(sent, chance, 0.3),
    "wrapping": wrapping,
    "everything": lambda sent, chance: segments.shuffled(
        segments.doubled(
            segments.overlapping(segments.cut(wrapping(sent, chance), chance, 1000), chance, 0.2), chance, 0.2, 30
        ),
        chance,
        8,
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PLAIN)
def test_capture_says_the_same_in_other_segments(name: str, way: str) -> None:
    sent = WAYS[way](segments.pieces(packets_of(name)), Random(f"{name} {way}"))
    again = run(segments.packets(sent))
    assert by_direction(again.events) == by_direction(run_of(name).events)
    assert not again.of(Gap)
    if name not in RESET:
        assert ends(again) == ends(run_of(name))


# Data still comes after the reset that ended its direction: how much, depends on the order.
RESET = ["lossy-path-client"]


def ends(run: Run) -> dict[tuple[int, int], tuple[str, int, int]]:
    return {(end.connection, end.direction): (end.how, end.incomplete, end.offset) for end in run.of(End)}


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("name", SESSIONS)
def test_session_says_the_same_in_segments_of_few_bytes(name: str, size: int) -> None:
    packets = SESSIONS[name]().packets()
    sent = segments.cut(segments.pieces(packets), Random(size), size)
    assert by_direction(run(segments.packets(sent)).events) == by_direction(run(packets).events)


# --- batches ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 7])
@pytest.mark.parametrize("name", PLAIN)
def test_cut_into_batches_changes_nothing(name: str, at_once: int) -> None:
    whole, cut = run_of(name), run(packets_of(name), at_once)
    assert [facts(event) for event in cut.events] == [facts(event) for event in whole.events]
    assert list(map(told, cut.connections)) == list(map(told, whole.connections))


@pytest.mark.parametrize("name", PLAIN)
def test_cut_into_batches_changes_nothing_of_a_damaged_capture(name: str) -> None:
    """Packets lost, the beginning lost, or packets out of order: what is found, and when it is said to be certain."""
    chance = Random(name)
    left = damaged(packets_of(name), chance)
    whole = [facts(event) for event in run(left).events]
    for at_once in (1, chance.randrange(2, 200)):
        assert [facts(event) for event in run(left, at_once).events] == whole


@pytest.mark.parametrize("name", PLAIN)
def test_events_come_in_the_order_in_which_they_are_certain(name: str) -> None:
    for packets in (packets_of(name), damaged(packets_of(name), Random(name))):
        events = run(packets).events
        assert all(event.ready >= event.packet for event in events)
        assert [event.ready for event in events] == sorted(event.ready for event in events)


def damaged(packets: list[Packet], chance: Random) -> list[Packet]:
    rate = chance.choice((0, 0.01, 0.03, 0.1, 0.3))
    left = [packet for packet in packets if chance.random() > rate][chance.choice((0, chance.randrange(100))) :]
    if chance.random() < 0.3:
        left = segments.packets(segments.shuffled(segments.pieces(left), chance, 12))
    return left


def told(connection: Connection) -> list[str]:
    """What is known of a connection in the end."""
    names = "client server client_known_by carries packet counts stream_bytes ends note_counts"
    return [str(getattr(connection, name)) for name in names.split()]


# --- bytes -----------------------------------------------------------------------------------------------


READ = [name for name in PLAIN if name not in ("not-rtmp", "rtmpe")]


@pytest.mark.parametrize("name", READ)
def test_every_byte_is_handshake_or_message(name: str) -> None:
    directions = accounts(packets_of(name))
    assert directions
    assert [one.accounted for one in directions] == [one.length for one in directions]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", READ)
def test_every_byte_is_handshake_message_gap_or_skipped(name: str, seed: int) -> None:
    for one in accounts(damaged(packets_of(name), Random(f"{name} {seed}"))):
        assert one.accounted == one.length or (one.given_up and one.accounted < one.length)
