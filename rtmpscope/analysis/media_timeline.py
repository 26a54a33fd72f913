"""The media streams of a connection, as audio, video, and the commands that begin and move them pass.

Timestamps start anew when a command or stream event says so (publish, play, seek, pause); only what happens
between two of these is held against the sender.  How a stream fares is told by `media_stream`.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.analysis.annotator import Door
from rtmpscope.analysis.media_stream import MediaStream
from rtmpscope.analysis.metadata import promises
from rtmpscope.limits import TRACKS
from rtmpscope.media import tag
from rtmpscope.model import (
    AUDIO,
    C2S,
    COMMAND_TYPES,
    DATA_TYPES,
    UNKNOWN,
    USER_CONTROL,
    VIDEO,
    Connection,
    End,
    Field,
    Gap,
    Message,
    Severity,
)

# Commands that begin a stream; commands and user control events after which its timestamps may start anew.
BEGINNINGS: Final = frozenset({"publish", "play", "play2"})
RESTARTS: Final = BEGINNINGS | {"seek", "pause", "pauseRaw", "closeStream", "onStatus", "onPlayStatus"}
STREAM_EVENTS: Final = frozenset({"stream_begin", "stream_eof"})


class MediaTimeline:
    """streams lists the media streams of a connection in the order in which they appeared."""

    name: Final = "media_timeline"
    types: Final = frozenset({USER_CONTROL, AUDIO, VIDEO, *DATA_TYPES, *COMMAND_TYPES})

    __slots__ = ("streams", "_by_key", "_promised", "_connected", "_begun", "_granted", "_ends")

    def __init__(self, connection: Connection) -> None:
        self.streams: list[MediaStream] = []
        self._by_key: dict[int, MediaStream] = {}
        self._promised: dict[int, dict[str, object]] = {}  # metadata of streams without media so far
        self._connected = False  # the connect command was seen
        self._begun: set[int] = set()  # message streams on which publish or play was seen
        self._granted: set[int] = set()  # and those on which publishing was granted
        self._ends = 0

    def on_message(self, message: Message, body: Field | None) -> None:
        type_id = message.type_id
        if type_id == AUDIO:
            facts = tag.audio(message.payload if message.holes is None else message.prefix)
        elif type_id == VIDEO:
            facts = tag.video(message.payload if message.holes is None else message.prefix)
        else:
            self._control(message, body)
            return
        stream = self._by_key.get(message.message_stream_id << 1 | message.direction)
        if stream is None:
            stream = self._open(message)
        stream.media(message, facts)
        if self._ends == 2:  # what comes behind a reset
            stream.flush()

    def on_gap(self, gap: Gap) -> None:
        """What was lost may have been a sequence header or a command."""
        for stream in self.streams:
            if stream.direction == gap.direction:
                stream.began = False
                stream.lossy = True
                for track in stream.tracks:
                    track.fresh = True
                    track.header = b""
        self._begun.clear()
        self._connected = False

    def on_end(self, end: End) -> None:
        self._ends += 1
        if self._ends == 2:
            for stream in self.streams:
                stream.end(end)

    def span(self, direction: int) -> tuple[int, int]:
        """Of a direction's media: how many messages beside sequence headers, and the capture time in ns of the last."""
        streams = self._of(direction)
        headers = sum(track.headers for stream in streams for track in stream.tracks)
        frames = sum(track.frames for stream in streams for track in stream.tracks)
        last_ns = max((stream.last_ns for stream in streams), default=0)
        return max(frames, sum(stream.messages for stream in streams) - headers), last_ns

    def duration_ms(self, direction: int) -> int:
        """RTMP time of a direction's media, its longest stream."""
        return max((stream.duration_ms for stream in self._of(direction)), default=0)

    def _of(self, direction: int) -> list[MediaStream]:
        return [stream for stream in self.streams if stream.direction == direction]

    def _open(self, message: Message) -> MediaStream:
        msid = message.message_stream_id
        stream = MediaStream(msid, message.direction, message.time_ns)
        if len(self.streams) >= TRACKS:
            silent = min(self.streams, key=_last_ns)
            self.streams.remove(silent)
            del self._by_key[silent.message_stream_id << 1 | silent.direction]
        self.streams.append(stream)
        key: int = msid << 1 | message.direction
        self._by_key[key] = stream
        stream.promised = self._promised.pop(key, {})
        stream.began = msid in self._begun
        if msid == 0:
            severity = Severity.WARNING if message.direction == C2S else Severity.NOTE  # node-media-server 4 does
            text = "media on message stream 0, which is the connection itself: the sender ignores createStream"
            message.note("media-on-stream-0", severity, text)
        if message.direction == C2S and self._connected and msid not in self._granted:
            text = "media before the server granted publish: common, it counts for the stream that is asked for"
            message.note("media-before-publish", Severity.CHAT, text)
        return stream

    def _control(self, message: Message, body: Field | None) -> None:
        """Commands and stream events that start a stream or move its timestamps."""
        if body is None:
            return
        if message.type_id == USER_CONTROL:
            if body.get("event") in STREAM_EVENTS:
                self._restart(body.get("message_stream_id"))
            return
        promised = promises(body)
        if promised is not None:
            self._promise(message, promised)
            return
        name = body.get("name")
        msid = message.message_stream_id
        if name == "connect":
            self._connected = True
        elif name in RESTARTS:
            if name in BEGINNINGS:
                if len(self._begun) >= TRACKS:
                    self._begun.clear()
                    self._granted.clear()
                self._begun.add(msid)
            elif message.call is not None and message.call.name == "publish":
                self._granted.add(msid)
            self._restart(msid)

    def _promise(self, message: Message, promised: dict[str, object]) -> None:
        """Metadata, before its stream's media or in between."""
        key: int = message.message_stream_id << 1 | message.direction
        stream = self._by_key.get(key)
        if stream is not None:
            stream.promised = promised
            stream.compare(message)
        elif len(self._promised) < TRACKS:
            self._promised[key] = promised

    def _restart(self, msid: object) -> None:
        """One stream, or every one where the capture does not tell which."""
        for stream in self.streams:
            if msid in (stream.message_stream_id, UNKNOWN):
                stream.restart()
                stream.began = stream.began or stream.message_stream_id in self._begun


def _last_ns(stream: MediaStream) -> int:
    return stream.last_ns


def register(registry: Door) -> None:
    registry.annotator(MediaTimeline)
