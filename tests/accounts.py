"""Where the bytes of each direction went: to the handshake, to chunks, into gaps, or skipped behind one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rtmpscope.conversation import Conversation
from rtmpscope.engine import RTMP_PORTS
from rtmpscope.model import UNKNOWN, Event, Gap, Packet
from rtmpscope.net.decode import Decoder
from rtmpscope.net.reassembly import Reassembler
from rtmpscope.rtmp.reader import DirectionReader


class Account(NamedTuple):
    """The bytes of one direction: handshake, chunks, gaps and what was skipped behind them; searches without result."""

    length: int
    accounted: int
    given_up: int


def conversations(packets: Sequence[Packet]) -> list[Conversation]:
    decoder, reassembler = Decoder(), Reassembler()
    found: dict[int, Conversation] = {}
    batches = [decoder.decode(list(packets[start : start + 1000])) for start in range(0, len(packets), 1000)]
    for flows in (*map(reassembler.feed, batches), reassembler.finish()):
        for flow in flows:
            found.setdefault(flow.id, Conversation(flow, RTMP_PORTS, True)).advance()
    return list(found.values())


def accounts(packets: Sequence[Packet]) -> list[Account]:
    return [one for conversation in conversations(packets) for one in _of(conversation)]


def _of(conversation: Conversation) -> list[Account]:
    sides = zip(conversation.flow.sides, conversation.readers, conversation.held, strict=True)
    return [account(side.offset, reader, events) for side, reader, events in sides]


def account(length: int, reader: DirectionReader, events: Sequence[Event]) -> Account:
    gaps = [event for event in events if isinstance(event, Gap)]
    lost = sum(gap.length + max(gap.resumed, 0) for gap in gaps)
    accounted = reader.handshaken + reader.framed + lost + len(reader.tail)
    return Account(length, accounted, sum(gap.resumed == UNKNOWN for gap in gaps))


def check_accounts(packets: Sequence[Packet]) -> None:
    """Every byte is accounted for once; fewer are only where a search had no result."""
    for conversation in conversations(packets):
        if conversation.carries == "rtmp" and not conversation.flow.ignored:
            for one in _of(conversation):
                assert one.accounted == one.length or (one.given_up and one.accounted < one.length), one
