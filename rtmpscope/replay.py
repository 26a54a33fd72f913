"""Opening a message again: read its connection once more, from the nearest checkpoint.

While a capture is loaded no payload is kept.  A Checkpoint is the state of one connection before some batch:
its two streams and how far its chunks have been read.  A Replay starts from one, reads the batches that
follow, takes the segments of that connection alone, and lets the same code find the same messages, this time
with every payload and every chunk header.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from typing import Final

from rtmpscope.capture.files import Batch, Bookmark, CaptureReader
from rtmpscope.conversation import Conversation
from rtmpscope.model import AUDIO, VIDEO, Connection, Message, Segment
from rtmpscope.net.decode import Decoder
from rtmpscope.net.reassembly import Reassembler

# A checkpoint is due after so many stream bytes of the connection, each message counting as some more, or bytes of the
# file: reading on to a message from the one before takes some milliseconds.
STREAM_STEP: Final = 1 << 20
MESSAGE_BYTES: Final = 512
FILE_STEP: Final = 64 << 20

# Batches are remembered at this distance, as places where a replay may begin.
BOOKMARK_STEP: Final = 1 << 20

# Messages kept by a replay, other than audio and video, because their neighbours are looked at next.
REMEMBERED: Final = 2_048

REPLAYS: Final = 8


class Checkpoint:
    """The state of a connection before the batch that the bookmark names; state is None before its first packet."""

    __slots__ = ("bookmark", "state")

    def __init__(self, bookmark: Bookmark, state: Conversation | None) -> None:
        self.bookmark: Final = bookmark
        self.state: Final = state


class Track:
    """What is known of one connection in order to replay it; offsets[direction] are those of its checkpoints."""

    __slots__ = ("conversation", "checkpoints", "offsets", "progress", "file_bytes")

    def __init__(self, conversation: Conversation, first: Checkpoint, position: int) -> None:
        self.conversation: Final = conversation
        self.checkpoints = [first]
        self.offsets = (array("q", [0]), array("q", [0]))
        self.progress = 0
        self.file_bytes = position

    def add(self, bookmark: Bookmark, state: Conversation) -> None:
        self.checkpoints.append(Checkpoint(bookmark, state))
        for direction, offsets in enumerate(self.offsets):
            offsets.append(state.read_up_to(direction))

    def let_go(self, packet: int) -> None:
        """Forget the checkpoints that open nothing from this packet on."""
        later = bisect_right(self.checkpoints, packet, key=lambda one: one.bookmark.number)
        for kept in (self.checkpoints, *self.offsets):
            del kept[: max(0, later - 1)]

    def nearest(self, direction: int, offset: int) -> Checkpoint:
        """The last checkpoint before a stream offset."""
        return self.checkpoints[self._place(direction, offset)]

    def is_between(self, direction: int, passed: int, offset: int) -> bool:
        """Whether there is a checkpoint between two stream offsets."""
        return self.offsets[direction][self._place(direction, offset)] > passed

    def _place(self, direction: int, offset: int) -> int:
        return max(0, bisect_right(self.offsets[direction], offset) - 1)


class Checkpoints:
    """Takes checkpoints while a capture is loaded, and finds them again.  `connections` are the engine's."""

    def __init__(self, ports: frozenset[int], connections: list[Connection]) -> None:
        self.ports: Final = ports
        self._connections: Final = connections
        self._tracks: Final[dict[int, Track]] = {}
        self._packets: Final[list[int]] = []
        self._bookmarks: Final[list[Bookmark]] = []
        self._next_bookmark = 0

    def before(self, batch: Batch, touched: list[Conversation]) -> None:
        """A batch comes next; `touched` are the conversations of the one before."""
        if batch.bookmark is None or not batch.packets:
            return
        for conversation in touched:
            self._consider(conversation, batch)
        if batch.position >= self._next_bookmark:
            self._next_bookmark = batch.position + BOOKMARK_STEP
            self._packets.append(batch.packets[0].number)
            self._bookmarks.append(batch.bookmark)

    def _consider(self, conversation: Conversation, batch: Batch) -> None:
        track = self.track(conversation)
        progress = self._progress(conversation)
        due = progress - track.progress >= STREAM_STEP or batch.position - track.file_bytes >= FILE_STEP
        if due and batch.bookmark is not None and conversation.quiet:
            track.add(batch.bookmark, conversation.copy())
            track.progress = progress
            track.file_bytes = batch.position

    def _progress(self, conversation: Conversation) -> int:
        messages = sum(sum(by_type.values()) for by_type in self._connections[conversation.id].counts)
        return sum(side.offset for side in conversation.flow.sides) + messages * MESSAGE_BYTES

    def track(self, conversation: Conversation) -> Track:
        """The track of a conversation, begun with the batch that holds its first packet."""
        track = self._tracks.get(conversation.id)
        if track is None:
            place = max(0, bisect_right(self._packets, conversation.flow.packet) - 1)
            track = Track(conversation, Checkpoint(self._bookmarks[place], None), 0)
            self._tracks[conversation.id] = track
        return track

    def let_go(self, packet: int) -> None:
        """Forget what only opens messages that begin before a packet."""
        for connection, track in list(self._tracks.items()):
            flow = track.conversation.flow
            if flow.ignored and flow.last_packet < packet:  # nothing more of it is read
                del self._tracks[connection]
            track.let_go(packet)
        later = max(0, bisect_right(self._packets, packet) - 1)
        del self._packets[:later], self._bookmarks[:later]

    def of(self, connection: int) -> Track:
        """Raises KeyError for a connection that was let go."""
        return self._tracks[connection]


class Replay:
    """One connection being read again, forward."""

    def __init__(
        self,
        reader: CaptureReader,
        track: Track,
        ports: frozenset[int],
        start: Checkpoint,
        give_way: Callable[[], object],
    ) -> None:
        self._keys: Final = {side.key for side in track.conversation.flow.sides}
        self._first_packet: Final = track.conversation.flow.packet
        self._track: Final = track
        self._ports: Final = ports
        self._give_way: Final = give_way
        self._reassembler: Final = Reassembler()
        self._conversation: Conversation | None = None
        if start.state is not None:
            self._conversation = start.state.copy()
            self._conversation.in_detail()
            self._reassembler.adopt(self._conversation.flow)
        self._batches: Final = reader.batches(start.bookmark)
        self._messages: Final = self._read()
        self._remembered: Final[OrderedDict[tuple[int, int], Message]] = OrderedDict()
        self.passed = [-1, -1]

    def find(self, direction: int, offset: int) -> Message | None:
        """The message that begins at a stream offset; None where it is not ahead."""
        wanted = (direction, offset)
        if wanted in self._remembered:
            return self._remembered[wanted]
        for message in self._messages:
            self.passed[message.direction] = message.offset
            found = message.direction == direction and message.offset == offset
            if found or message.type_id not in (AUDIO, VIDEO):
                self._remembered[message.direction, message.offset] = message
                if len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)
            if found:
                return message
        return None

    def remembers(self, direction: int, offset: int) -> bool:
        return (direction, offset) in self._remembered

    def close(self) -> None:
        """Let go of the file and of all that was read: the iterator refers back to the replay."""
        self._messages.close()

    def _read(self) -> Generator[Message, None, None]:
        decoder = Decoder()
        for batch in self._batches:
            self._give_way()
            yield from self._feed([segment for segment in decoder.decode(batch.packets) if self._is_ours(segment)])
        for flow in self._reassembler.finish():
            if self._conversation is not None and flow is self._conversation.flow:
                yield from self._taken(self._conversation)

    def _is_ours(self, segment: Segment) -> bool:
        return segment.key in self._keys and segment.packet >= self._first_packet

    def _feed(self, segments: list[Segment]) -> Iterator[Message]:
        for flow in self._reassembler.feed(segments):
            if self._conversation is None:
                self._conversation = Conversation(flow, self._ports, True)
                self._conversation.opened_ready = self._track.conversation.opened_ready  # it needs no proof any more
                self._conversation.in_detail()
            if flow is self._conversation.flow:
                yield from self._taken(self._conversation)

    def _taken(self, conversation: Conversation) -> Iterator[Message]:
        original = self._track.conversation
        conversation.advance()
        conversation.client_side = original.client_side
        conversation.settle(original.id)
        for events in conversation.take():
            for event in events:
                if isinstance(event, Message):
                    yield event


class Opener:
    """Opens messages by connection, direction and stream offset.  Not to be shared between threads.

    `give_way` is called between two batches, every millisecond or so.
    """

    def __init__(
        self, reader: CaptureReader, checkpoints: Checkpoints, give_way: Callable[[], object] = lambda: None
    ) -> None:
        self._reader: Final = reader
        self._checkpoints: Final = checkpoints
        self._give_way: Final = give_way
        self._replays: Final[OrderedDict[int, Replay]] = OrderedDict()

    def open(self, connection: int, direction: int, offset: int) -> Message | None:
        """The message that begins there; None where there is none, or where it has been let go."""
        try:
            return self._opened(connection, direction, offset)
        except KeyError:
            return None

    def _opened(self, connection: int, direction: int, offset: int) -> Message | None:
        replay = self._replays.pop(connection, None)
        message = None
        if replay is not None and not self._is_far(replay, connection, direction, offset):
            message = replay.find(direction, offset)
        if message is None:
            if replay is not None:
                replay.close()
            replay = self._start(connection, direction, offset)
            message = replay.find(direction, offset)
        if replay is not None:
            self._replays[connection] = replay
            if len(self._replays) > REPLAYS:
                self._replays.popitem(last=False)[1].close()
        return message

    def _is_far(self, replay: Replay, connection: int, direction: int, offset: int) -> bool:
        """Whether a checkpoint is nearer than the place the replay has come to, or the replay may be past it."""
        if replay.remembers(direction, offset):
            return False
        passed = replay.passed[direction]
        return passed >= offset or self._checkpoints.of(connection).is_between(direction, passed, offset)

    def _start(self, connection: int, direction: int, offset: int) -> Replay:
        track = self._checkpoints.of(connection)
        start = track.nearest(direction, offset)
        return Replay(self._reader, track, self._checkpoints.ports, start, self._give_way)
