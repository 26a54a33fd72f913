"""The ways in which captures are cut for bench.recovery: each is a row of its table.

A way makes a capture worse, as a sniffer does that is too slow, starts late, keeps too little of each packet or sees
one direction.  It takes packets, the uncut capture they come from, and chance; it returns the packets that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import NamedTuple

from bench.originals import Original, other_end, rechunked
from rtmpscope.model import C2S, S2C, Packet
from rtmpscope.net.decode import Decoder
from tests.wire import SET_CHUNK_SIZE

Cut = Callable[[list[Packet], Original, Random], list[Packet]]
Source = Callable[[Original], Original | None]


class Way(NamedTuple):
    """source makes what is cut out of a recorded capture, None where it cannot; rounds are cuts of each capture.

    headers: judged by the messages whose first header is in the capture, not by those of which every byte is.
    """

    name: str
    cut: Cut
    rounds: int
    source: Source | None = None
    headers: bool = False


def nothing(packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    return packets


def every(number: int, packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    """Drop every Nth packet, counted from anywhere."""
    first = chance.randrange(number)
    return [packet for index, packet in enumerate(packets) if index % number != first]


def burst(count: int, packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    """Drop that many packets in a row."""
    start = chance.randrange(max(1, len(packets) - count))
    return packets[:start] + packets[start + count :]


def late(most: int, packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    """Begin somewhere within the first packets."""
    return packets[chance.randint(1, most) :]


def late_by_share(share: float, packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    """Begin somewhere in the first part of the capture."""
    return packets[int(chance.uniform(0, share) * len(packets)) :]


def one_sided(direction: int, packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    """Keep what one side sent."""
    kept = set()
    for segment in Decoder().decode(packets):
        if (segment.key in original.server_keys) == (direction == S2C):
            kept.add(segment.packet)
    return [packet for packet in packets if packet.number in kept]


def random_loss(share: float, packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    return [packet for packet in packets if chance.random() >= share]


def snaplen(size: int, packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    """Keep the first bytes of each packet."""
    return [
        Packet(
            packet.number,
            packet.time_ns,
            packet.link_type,
            packet.block,
            packet.start,
            min(packet.captured, size),
            packet.wire_length,
        )
        for packet in packets
    ]


def new_chunk_size_lost(packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    """Drop up to six packets in a row, among them one with a Set Chunk Size sent in mid-session."""
    changes = [
        message.packet
        for session in original.sessions
        for message in session[len(session) // 4 :]
        if message.type_id == SET_CHUNK_SIZE
    ]
    first = chance.choice(changes) - chance.randrange(4)
    return burst_at(first, chance.randint(4, 6), packets)


def burst_at(first: int, count: int, packets: list[Packet]) -> list[Packet]:
    return [packet for packet in packets if not first <= packet.number < first + count]


def mixed(packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    """One damage of those a real capture has."""
    return chance.choice(DAMAGES)(packets, original, chance)


def combined(packets: list[Packet], original: Original, chance: Random) -> list[Packet]:
    """Two or three of them, one after the other."""
    for damage in chance.sample(DAMAGES + SIGHTS, chance.randint(2, 3)):
        packets = damage(packets, original, chance)
    return packets


DAMAGES: list[Cut] = [
    partial(burst, 1),
    partial(burst, 5),
    partial(burst, 40),
    partial(every, 10),
    partial(every, 30),
    partial(random_loss, 0.01),
    partial(random_loss, 0.05),
    partial(late_by_share, 0.8),
]
SIGHTS: list[Cut] = [partial(one_sided, C2S), partial(one_sided, S2C), partial(snaplen, 1200), partial(snaplen, 256)]

CHUNK_SIZES = (128, 256, 1024, 4096, 10_000, 60_000, 65_536)
CHANGES = ((128, 4096), (4096, 128), (4096, 60_000), (1024, 5000))


def _rechunked(*sizes: int, interleaved: bool = False) -> Source:
    return partial(rechunked, sizes=sizes, interleaved=interleaved)


def _ways() -> Iterator[Way]:
    for number in (3, 5, 10, 20, 50, 100):
        yield Way(f"every {number}th packet lost", partial(every, number), 2)
    for count in (1, 2, 5, 10, 20, 50, 100, 200):
        yield Way(f"{count} packets in a row lost", partial(burst, count), 6)
    for share in (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        yield Way(f"{share:.1%} lost at random", partial(random_loss, share), 2)
    yield Way("starts within the first 30 packets", partial(late, 30), 3)
    for share in (0.25, 0.5, 0.9):
        yield Way(f"starts in the first {share:.0%}", partial(late_by_share, share), 3)
    yield Way("client's side only", partial(one_sided, C2S), 1)
    yield Way("server's side only", partial(one_sided, S2C), 1)
    yield Way("two or three of these at once", combined, 8)
    for size in CHUNK_SIZES:
        yield Way(f"chunk size {size:,}, one of these", mixed, 2, _rechunked(size))
    for size in (128, 4096):
        yield Way(f"chunk size {size:,}, interleaved", mixed, 3, _rechunked(size, interleaved=True))
    for before, after in CHANGES:
        yield Way(
            f"chunk size {before:,} to {after:,} in a hole", new_chunk_size_lost, 2, _rechunked(before, after, before)
        )
    yield Way("lossy path, from its other end", nothing, 1, other_end)
    yield Way("lossy path and one of these", mixed, 20, other_end)
    yield Way("snaplen 64 (no TCP options)", partial(snaplen, 64), 1, _rechunked(4096), headers=True)
    for size in (96, 128, 256, 512, 1024, 1400):
        yield Way(f"snaplen {size:,}", partial(snaplen, size), 1, headers=True)


WAYS = list(_ways())
