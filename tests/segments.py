"""The TCP segments of a capture taken apart and sent again in another way: cut, joined, swapped, repeated, renumbered.

Every function takes and gives a list of segments in the order of their arrival; `packets` makes a capture of them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from rtmpscope.model import ACK, FIN, SYN, Packet
from rtmpscope.net.decode import Decoder

RAW = 101  # link type


class Piece(NamedTuple):
    """One TCP segment.  key is as in model.Segment."""

    time_ns: int
    key: bytes
    seq: int
    ack: int
    flags: int
    window: int
    payload: bytes = b""

    @property
    def end(self) -> int:
        return self.seq + len(self.payload)


def pieces(packets: list[Packet]) -> list[Piece]:
    return [
        Piece(one.time_ns, one.key, one.seq, one.ack, one.flags, one.window, one.payload)
        for one in Decoder().decode(packets)
    ]


def packets(sent: Sequence[Piece]) -> list[Packet]:
    """A capture without link headers.  Checksums are left out, as where the network card fills them in."""
    found = []
    for number, piece in enumerate(sent, 1):
        ports = len(piece.key) - 4
        ends = piece.key[:ports]
        tcp = piece.key[ports:] + struct.pack(
            ">IIBBHI", piece.seq % 2**32, piece.ack % 2**32, 0x50, piece.flags, piece.window, 0
        )
        size = len(tcp) + len(piece.payload)
        if len(ends) == 8:
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, 64, 6, 0) + ends
        else:
            ip = struct.pack(">IHBB", 6 << 28, size, 6, 64) + ends
        data = ip + tcp + piece.payload
        found.append(Packet(number, piece.time_ns, RAW, data, 0, len(data), len(data)))
    return found


def cut(sent: Sequence[Piece], chance: Random, largest: int) -> list[Piece]:
    """Each segment in pieces of 1 to `largest` bytes; a FIN goes with the last."""
    found = []
    for piece in sent:
        at = 0
        while len(piece.payload) - at > largest:
            size = chance.randint(1, largest)
            part = piece.payload[at : at + size]
            found.append(piece._replace(seq=piece.seq + at, flags=piece.flags & ~FIN, payload=part))
            at += size
        found.append(piece._replace(seq=piece.seq + at, payload=piece.payload[at:]))
    return found


def joined(sent: Sequence[Piece], largest: int) -> list[Piece]:
    """Neighbouring segments of one direction as one, as receive offload hands them over."""
    found: list[Piece] = []
    for piece in sent:
        last = found[-1] if found else None
        if (
            last is not None
            and (last.key, last.end, last.flags) == (piece.key, piece.seq, piece.flags)
            and piece.payload
            and not piece.flags & (SYN | FIN)
            and len(last.payload) + len(piece.payload) <= largest
        ):
            found[-1] = piece._replace(seq=last.seq, payload=last.payload + piece.payload)
        else:
            found.append(piece)
    return found


def in_order(sent: Sequence[Piece], order: Sequence[int]) -> list[Piece]:
    """These of them, by index, at ascending times."""
    times = sorted(sent[index].time_ns for index in order)
    return [sent[index]._replace(time_ns=time) for index, time in zip(order, times, strict=True)]


def shuffled(sent: Sequence[Piece], chance: Random, window: int) -> list[Piece]:
    """Data segments change places with others at most `window` places away; those that open or end stay behind them."""
    places = [index + (chance.uniform(0, window) if piece.payload else window) for index, piece in enumerate(sent)]
    opening = {index for index, piece in enumerate(sent) if piece.flags & SYN}
    order = sorted(range(len(sent)), key=lambda index: (index if index in opening else places[index], index))
    return in_order(sent, order)


def doubled(sent: Sequence[Piece], chance: Random, share: float, later: int) -> list[Piece]:
    """Some segments come once more, up to `later` places behind."""
    again = [
        (index + chance.uniform(0, later), index)
        for index, piece in enumerate(sent)
        if piece.payload and chance.random() < share
    ]
    order = sorted([(float(index), index) for index in range(len(sent))] + again)
    return in_order(sent, [index for _, index in order])


def overlapping(sent: Sequence[Piece], chance: Random, share: float) -> list[Piece]:
    """Some segments begin earlier than the one before them ended: old and new bytes together."""
    before: dict[bytes, Piece] = {}
    found = []
    for piece in sent:
        last = before.get(piece.key)
        if piece.payload:
            before[piece.key] = piece
        if last is not None and last.end == piece.seq and piece.payload and chance.random() < share:
            back = chance.randint(1, min(1000, len(last.payload)))
            piece = piece._replace(seq=piece.seq - back, payload=last.payload[-back:] + piece.payload)
        found.append(piece)
    return found


def renumbered(sent: Sequence[Piece], shifts: dict[bytes, int]) -> list[Piece]:
    """Each direction's sequence numbers moved on, and the peer's acknowledgements of them."""
    reverse = {piece.key: piece.key for piece in sent}
    for key in reverse:
        half = (len(key) - 4) // 2
        reverse[key] = key[half : 2 * half] + key[:half] + key[-2:] + key[-4:-2]
    return [
        piece._replace(
            seq=(piece.seq + shifts.get(piece.key, 0)) % 2**32,
            ack=(piece.ack + shifts.get(reverse[piece.key], 0)) % 2**32 if piece.flags & ACK else 0,
        )
        for piece in sent
    ]
