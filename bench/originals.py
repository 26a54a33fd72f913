"""What was really sent: the messages of an uncut capture, where each stood, and in which packets.

A cut capture is the same packets, some of them gone or shorter.  A message that is found in it is looked up here by
its place: the stream, named by the key of its segments, and the offset in it.  Places are those of the uncut capture;
what a reader of a cut one counts from its own beginning is brought back to them by a packet both know.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import NamedTuple

from rtmpscope.capture.files import open_capture
from rtmpscope.conversation import Conversation
from rtmpscope.engine import RTMP_PORTS
from rtmpscope.model import C2S, S2C, UNKNOWN, Message, Packet, Segment
from rtmpscope.net.decode import Decoder
from rtmpscope.net.reassembly import Flow, Reassembler
from rtmpscope.rtmp.chunk_stream import ChunkStream
from tests import wire

Place = tuple[bytes, int]

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
ENDS = {"lossy-path.pcap": "lossy-path-client.pcap", "lossy-path-client.pcap": "lossy-path.pcap"}


class Sent(NamedTuple):
    """A message as it was sent.  `payload` ends early where the sender was cut off.

    packet is the one with its last byte, header the range of stream offsets of its first chunk header, ranges those
    of all its chunks, joined where they touch.
    """

    direction: int
    type_id: int
    length: int
    fmt: int
    csid: int
    message_stream_id: int
    timestamp: int
    payload: bytes
    packet: int
    header: tuple[int, int]
    ranges: tuple[tuple[int, int], ...]


class Original:
    """An uncut capture: `sent` are its messages by place, `placed` says where each packet's payload stood.

    sessions are the messages of each connection in the order in which they were complete, both directions together;
    server_keys name the streams that servers sent.
    """

    def __init__(self, name: str, packets: list[Packet]) -> None:
        self.name = name
        self.packets = packets
        segments, flows = reassemble(packets)
        self.sent: dict[Place, Sent] = {}
        self.sessions: list[list[Sent]] = []
        self.server_keys: set[bytes] = set()
        for flow in flows:
            self._read(flow)
        self.placed: dict[int, Place] = {segment.packet: (segment.key, segment.offset) for segment in segments}

    def _read(self, flow: Flow) -> None:
        conversation = Conversation(flow, RTMP_PORTS, True)
        conversation.in_detail()
        conversation.advance()
        conversation.settle(0)
        client = conversation.client_side
        self.server_keys.add(flow.sides[1 - client].key)
        session: list[Sent] = []
        for direction, events in enumerate(conversation.take()):
            side = client if direction == C2S else 1 - client
            sent = [_sent(event) for event in events if isinstance(event, Message)]
            for stream in conversation.readers[side].parser.streams.values():
                if stream.remaining:
                    sent.append(_unfinished(direction, stream))
            for message in sent:
                place = flow.sides[side].key, message.header[0]
                assert place not in self.sent, f"{self.name} uses its ports twice"
                self.sent[place] = message
            session += sent
        self.sessions.append(sorted(session, key=lambda message: message.packet))

    def locate(self, packets: list[Packet]) -> tuple[dict[bytes, Coverage], dict[int, Place]]:
        """Where the payloads of a cut capture belong.

        First the bytes of each stream that it holds; then for each packet its stream, and what to add to the offsets of
        a reader of the cut capture, who counts from where it begins.
        """
        ranges: dict[bytes, list[tuple[int, int]]] = {}
        shifts = {}
        for segment in reassemble(packets)[0]:
            key, offset = self.placed[segment.packet]
            ranges.setdefault(key, []).append((offset, offset + segment.length))
            shifts[segment.packet] = key, offset - segment.offset
        return {key: Coverage(found) for key, found in ranges.items()}, shifts


class Coverage:
    """A set of stream offsets."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(ranges):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def holds(self, start: int, end: int) -> bool:
        before = bisect_right(self._starts, start) - 1
        return before >= 0 and end <= self._ends[before]


NOTHING = Coverage(())


def load(path: Path) -> Original:
    return Original(path.name, read_packets(path))


def read_packets(path: Path) -> list[Packet]:
    return [packet for batch in open_capture([str(path)]).batches() for packet in batch.packets]


def reassemble(packets: list[Packet]) -> tuple[list[Segment], list[Flow]]:
    """The segments, now with their places, and the flows with all they have to take."""
    segments = Decoder().decode(packets)
    reassembler = Reassembler()
    flows = reassembler.feed(segments)
    reassembler.finish()
    return segments, flows


def _sent(message: Message) -> Sent:
    assert message.chunk_headers is not None
    chunks = [(chunk.offset, chunk.offset + chunk.size + chunk.payload_size) for chunk in message.chunk_headers]
    first = message.chunk_headers[0]
    return Sent(
        message.direction,
        message.type_id,
        message.length,
        message.fmt,
        message.csid,
        message.message_stream_id,
        message.timestamp,
        message.payload,
        message.packet,
        (first.offset, first.offset + first.size),
        tuple(_joined(chunks)),
    )


def _unfinished(direction: int, stream: ChunkStream) -> Sent:
    """A message that the capture ends in: no reader can have all of it."""
    assert stream.headers is not None
    first = stream.headers[0]
    return Sent(
        direction,
        stream.type_id,
        stream.length,
        stream.fmt,
        stream.csid,
        stream.message_stream_id,
        stream.timestamp,
        b"".join(stream.parts),
        stream.headers[-1].packet,
        (first.offset, first.offset + first.size),
        ((first.offset, 1 << 62),),
    )


def _joined(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start, end = ranges[0]
    for following, its_end in ranges[1:]:
        if following > end:
            yield start, end
            start = following
        end = its_end
    yield start, end


def other_end(original: Original) -> Original | None:
    """What the other end of a lossy path saw, to be compared with what this end knows; None for other captures."""
    if original.name not in ENDS:
        return None
    other = load(CAPTURES / ENDS[original.name])
    seen, _ = original.locate(original.packets)
    unseen = {place: sent for place, sent in other.sent.items() if not seen[place[0]].holds(*sent.header)}
    other.sent = original.sent | unseen
    return other


# --- the same messages in other chunks -------------------------------------------------------------------

Turn = tuple[int, bytes]  # direction and what is sent at once


def rechunked(original: Original, sizes: tuple[int, ...], interleaved: bool = False) -> Original:
    """The messages of a capture sent again with other chunk sizes, each of `sizes` for an equal part of a session.

    interleaved: messages of one direction that follow each other on different csids go chunk by chunk in turns.
    """
    frames: list[wire.Frame] = []
    for number, session in enumerate(original.sessions):
        messages = [message for message in session if _can_be_sent(message)]
        if messages:
            tcp = wire.Tcp(("10.0.0.1", 50000 + number), start_ns=wire.START_NS + number).open()
            hello = wire.handshake()
            tcp.send(C2S, hello[C2S][:1537]).send(S2C, hello[S2C]).send(C2S, hello[C2S][1537:])
            for direction, data in _turns(messages, sizes, interleaved):
                tcp.send(direction, data)
            frames += tcp.close().frames
    frames.sort()
    return Original(f"{original.name} in chunks of {' and '.join(map(str, sizes))}", wire.packets(frames))


def _can_be_sent(message: Sent) -> bool:
    known = UNKNOWN not in (message.timestamp, message.message_stream_id)
    return known and message.type_id != wire.SET_CHUNK_SIZE and len(message.payload) == message.length


def _turns(messages: list[Sent], sizes: tuple[int, ...], interleaved: bool) -> Iterator[Turn]:
    """What the two sides write, one to four messages with one write, as senders do that fill a buffer."""
    chance = Random(1)
    writers = wire.ChunkWriter(), wire.ChunkWriter()
    due = len(messages) // len(sizes) + 1
    for start in range(0, len(messages), due):
        for direction, writer in enumerate(writers):
            yield direction, writer.set_chunk_size(sizes[start // due])
        part = messages[start : start + due]
        while part:
            count = chance.randint(1, 4)
            together = [message for message in part[:count] if message.direction == part[0].direction]
            part = [message for message in part[:count] if message.direction != part[0].direction] + part[count:]
            yield together[0].direction, _written(writers[together[0].direction], together, interleaved)


def _written(writer: wire.ChunkWriter, messages: list[Sent], interleaved: bool) -> bytes:
    running: list[Iterator[bytes]] = []
    busy: set[int] = set()
    out: list[bytes] = []
    for message in messages:
        if message.csid in busy or not interleaved:
            out += _in_turns(running)
            running, busy = [], set()
        busy.add(message.csid)
        running.append(
            writer.chunks(message.csid, message.type_id, message.payload, message.timestamp, message.message_stream_id)
        )
    out += _in_turns(running)
    return b"".join(out)


def _in_turns(running: list[Iterator[bytes]]) -> Iterator[bytes]:
    for turn in zip_longest(*running, fillvalue=b""):
        yield from turn
