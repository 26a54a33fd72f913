"""Captures cut in every way of the bench: what is still there is found, and nothing is made up.

`python -m bench.recovery` does the same over every recorded capture, many times.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import pytest

from bench.damage import WAYS, Way
from bench.originals import CAPTURES, Original, load
from bench.recovery import Reading, Tally, judge

# Small ones of many kinds: publish and play, constant bit rates, two-part codecs, a lossy path.
NAMES = (
    "cooked-v1.pcapng",
    "enhanced-vp9-ac3.pcap",
    "lossy-path-client.pcap",
    "rtmpsrv-play.pcap",
    "shared-objects.pcap",
)
MANY = 20  # wanted messages without which a share says little


@cache
def recorded(name: str) -> Original:
    return load(CAPTURES / name)


@cache
def readings(way: Way) -> list[Reading]:
    """One cut of each capture."""
    found = []
    for name in NAMES:
        original = way.source(recorded(name)) if way.source else recorded(name)
        if original is not None:
            packets = way.cut(original.packets, original, Random(f"{name}, {way.name}"))
            found.append(judge(original, packets, way.headers))
    return found


def total(found: list[Reading]) -> Tally:
    tally = Tally()
    for reading in found:
        tally.add(reading.tally)
    return tally


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_cut_capture_tells_what_is_there_and_nothing_that_was_not_sent(way: Way) -> None:
    found = readings(way)
    assert [text for reading in found for text in reading.false] == []
    tally = total(found)
    assert tally.wanted > MANY
    assert tally.share >= 0.95, [text for reading in found for text in reading.missed]


def test_all_cuts_together_tell_nearly_everything() -> None:
    assert total([reading for way in WAYS for reading in readings(way)]).share >= 0.99


def test_judge_sees_what_is_missed_and_what_is_made_up() -> None:
    """The bench itself: messages moved by one byte are false, packets that are left out make theirs unwanted."""
    original = recorded("rtmpsrv-play.pcap")
    assert judge(original, original.packets).tally.share == 1
    moved = load(Path(CAPTURES, "rtmpsrv-play.pcap"))
    moved.sent = {(key, offset + 1): sent for (key, offset), sent in moved.sent.items()}
    reading = judge(moved, moved.packets)
    assert reading.tally.recovered == 0
    assert len(reading.false) == len(original.sent)
    some = [packet for packet in original.packets if packet.number % 7]
    assert 0 < judge(original, some).tally.wanted < len(original.sent)
