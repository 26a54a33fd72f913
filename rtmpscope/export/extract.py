"""Media taken out of a capture: which messages belong to one stream, and when each of them is to be played.

A media stream is one direction of one message stream of one connection, from a publish or play command to the next.
An `Extractor` is fed every event, with whole payloads; it gives the messages of each stream, with a time that does not
wrap, to a writer of its own, and says in the end what each file holds and what is missing from it.  Messages with
missing bytes are left out and counted.  Names of files are made of numbers alone: no stream name gets into them.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, Self

from rtmpscope.export import OutputError
from rtmpscope.export.files import reason
from rtmpscope.media import audio, tag, video
from rtmpscope.media.tag import MediaTag
from rtmpscope.model import AUDIO, C2S, COMMAND_TYPES, DATA_TYPES, S2C, UNKNOWN, VIDEO, Event, Gap, Message

_ROLES: Final = ("publish", "play")  # by direction
_BEGINNINGS: Final = frozenset({"publish", "play"})
_ONE_TRACK: Final = 0
_WRAP: Final = 1 << 32
_EARLY_WRAPS: Final = (1 << 31, 1 << 24)  # FFmpeg and SRS keep 31 bits, go2rtc 24
_NEAR: Final = 60_000  # ms from a wrap
_NS_PER_MS: Final = 1_000_000


class Writer(Protocol):
    """What makes files of one stream; the report names them with `suffix`."""

    suffix: str

    def media(self, type_id: int, payload: bytes, facts: MediaTag, time: int, known: bool) -> None:
        """A whole audio or video message of one track, to be decoded at `time` ms, which may be no more than likely."""

    def data(self, message: Message, time: int) -> None:
        """A whole data message."""

    def close(self, path: Path) -> list[str]:
        """Write the files, called `path` with a suffix; say what a user of them should know."""


class Spool:
    """Pieces of a stream in a scratch file, until the stream is over: three numbers and some bytes each.

    The file is opened for each write: a capture may have more streams than a process may have open files.
    """

    _HEAD: Final = struct.Struct(">BBIq")
    _BUFFER: Final = 1 << 16

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._pending = bytearray()

    def add(self, kind: int, flag: bool, time: int, data: bytes) -> None:
        """Append a piece: `kind` is one byte that only the caller understands, `time` is in ms."""
        self._pending += self._HEAD.pack(kind, flag, len(data), time)
        self._pending += data
        if len(self._pending) > self._BUFFER:
            self._flush()

    def pieces(self) -> Iterator[tuple[int, bool, int, bytes]]:
        """(kind, flag, time, data) of each, in order; the file is gone afterwards."""
        self._flush()
        with open(self._path, "rb") as scratch:
            while head := scratch.read(self._HEAD.size):
                kind, flag, size, time = self._HEAD.unpack(head)
                yield kind, bool(flag), time, scratch.read(size)
        self._path.unlink()

    def _flush(self) -> None:
        with open(self._path, "ab") as scratch:
            scratch.write(self._pending)
        self._pending.clear()


class Extractor:
    """event() for every event, then finish(); as a context manager it leaves nothing unfinished behind.

    make(scratch) gives a writer for a stream, which may use that file and others whose names begin like it.
    Methods raise OutputError where something cannot be written.
    """

    def __init__(self, directory: str, make: Callable[[Path], Writer]) -> None:
        self._directory: Final = Path(directory)
        self._is_ours: Final = not self._directory.exists()
        with self._explained():
            self._directory.mkdir(parents=True, exist_ok=True)
            self._scratch: Final = tempfile.TemporaryDirectory(prefix=".rtmpscope-", dir=self._directory)
        self._make: Final = make
        # By connection and direction, then by message stream id.
        self._open: Final[dict[tuple[int, int], dict[int, _Stream]]] = {}
        self._opened = 0
        self._names: Final[dict[str, int]] = {}
        self._report: Final[dict[int, list[str]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()
        if self._is_ours:
            with suppress(OSError):  # there are files in it
                self._directory.rmdir()

    def event(self, event: Event) -> None:
        """Take the next event; messages need their whole payloads."""
        if isinstance(event, Message):
            with self._explained():
                self._message(event)
        elif isinstance(event, Gap):
            for stream in self._open.get((event.connection, event.direction), {}).values():
                stream.gaps += 1
                stream.lost += event.length

    def finish(self) -> list[str]:
        """Close every file; a few lines about each, which begin with its name."""
        with self._explained():
            for (connection, direction), streams in self._open.items():
                for number, stream in streams.items():
                    self._close(connection, direction, number, stream)
            self._open.clear()
            self._scratch.cleanup()
        return [line for _, lines in sorted(self._report.items()) for line in lines]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"cannot write to {self._directory}: {reason(error)}") from None

    def _message(self, message: Message) -> None:
        if message.type_id in (AUDIO, VIDEO):
            self._stream(message).media(message)
        elif message.type_id in DATA_TYPES:
            self._stream(message).data(message)
        elif _begins(message):
            for direction in (C2S, S2C):
                streams = self._open.get((message.connection, direction), {})
                stream = streams.get(message.message_stream_id)
                if stream is not None and stream.first_ns <= message.time_ns:  # else the command came to light late
                    del streams[message.message_stream_id]
                    self._close(message.connection, direction, message.message_stream_id, stream)

    def _stream(self, message: Message) -> _Stream:
        streams = self._open.setdefault((message.connection, message.direction), {})
        number = message.message_stream_id
        # Where the capture began late, the number is learned later, and on one csid before the other.
        if number == UNKNOWN and len(streams) == 1:
            (number,) = streams
        elif UNKNOWN in streams and number not in streams:
            streams[number] = streams.pop(UNKNOWN)
        stream = streams.get(number)
        if stream is None:
            self._opened += 1
            scratch = Path(self._scratch.name) / str(self._opened)
            stream = streams[number] = _Stream(self._opened, message.time_ns, self._make(scratch))
        return stream

    def _close(self, connection: int, direction: int, number: int, stream: _Stream) -> None:
        name = f"connection-{connection}-stream-{'unknown' if number == UNKNOWN else number}-{_ROLES[direction]}"
        if stream.has_frames:
            times = self._names[name] = self._names.get(name, 0) + 1
            if times > 1:
                name = f"{name}-{times}"
        self._report[stream.order] = stream.close(self._directory / name)


class _Stream:
    """One media stream: its clock, and the count of everything that did and did not get into the files."""

    def __init__(self, order: int, first_ns: int, writer: Writer) -> None:
        self.order: Final = order
        self.first_ns: Final = first_ns
        self.gaps = 0
        self.lost = 0
        self._writer: Final = writer
        self._clock: Final = _Clock()
        self._frames: Final[dict[str, dict[str, int]]] = {"video": {}, "audio": {}}
        self._incomplete = 0
        self._divided = 0
        self._before_key = 0
        self._has_key = False

    @property
    def has_frames(self) -> bool:
        return any(self._frames.values())

    def media(self, message: Message) -> None:
        if not _is_whole(message):
            self._incomplete += 1
            return
        read = tag.audio if message.type_id == AUDIO else tag.video
        facts = read(message.payload)
        time = self._clock.time(message, facts.kind == "frame")
        known = message.timestamp != UNKNOWN
        if facts.many:
            self._divided += 1
            for payload in single_tracks(message.type_id, message.payload):
                self._one(message.type_id, payload, read(payload), time, known)
        elif facts.kind != "empty":
            self._one(message.type_id, message.payload, facts, time, known)

    def _one(self, type_id: int, payload: bytes, facts: MediaTag, time: int, known: bool) -> None:
        self._writer.media(type_id, payload, facts, time, known)
        if facts.kind == "frame":
            counts = self._frames["audio" if type_id == AUDIO else "video"]
            counts[facts.codec] = counts.get(facts.codec, 0) + 1
            self._has_key = self._has_key or facts.key
            if type_id == VIDEO and not self._has_key:
                self._before_key += 1

    def data(self, message: Message) -> None:
        if _is_whole(message):
            self._writer.data(message, self._clock.time(message, False))

    def close(self, path: Path) -> list[str]:
        """Write the files called `path` with a suffix; what is in them, in a line, and what is wrong with it."""
        if not self.has_frames:
            return []
        remarks = self._writer.close(path)
        if self._divided:
            remarks.append(f"{_counted(self._divided, 'message')} with several tracks became one for each track")
        if self._before_key:
            remarks.append(f"{_counted(self._before_key, 'video frame')} at the beginning before any key frame")
        if self._incomplete:
            remarks.append(f"left out: {_counted(self._incomplete, 'message')} with missing bytes")
        if self.gaps:
            remarks.append(f"missing from the capture: {_counted(self.lost, 'byte')} in {_counted(self.gaps, 'place')}")
        if self._clock.unknown:
            remarks.append(
                f"{_counted(self._clock.unknown, 'frame')} without a known timestamp, because the capture began late:"
                " played as captured"
            )
        streams = [
            f"{kind} {codec} ({_counted(count, 'message')})"
            for kind, counts in self._frames.items()
            for codec, count in counts.items()
        ]
        head = f"{path.name}{self._writer.suffix}: {self._clock.seconds:,.1f} s, {', '.join(streams)}"
        return [head, *(f"  {remark}" for remark in remarks)]


class _Clock:
    """When to play messages, in ms that no wrap stops; only frames set it."""

    def __init__(self) -> None:
        self.unknown = 0  # frames without a timestamp
        # Timestamp, time and capture time of the last frame whose timestamp is known, or else of the first frame.
        self._reference: tuple[int, int, int] | None = None
        self._latest: Final[dict[int, int]] = {}  # time of the last frame, by type
        self._first = 0
        self._last = 0

    @property
    def seconds(self) -> float:
        return (self._last - self._first) / 1000

    def time(self, message: Message, is_frame: bool) -> int:
        """When to play a message, in ms."""
        timestamp, now_ns = message.timestamp, message.first_time_ns
        if self._reference is None:
            time = max(timestamp, 0)
        else:
            known, then, then_ns = self._reference
            if UNKNOWN in (known, timestamp):
                time = then + (now_ns - then_ns) // _NS_PER_MS
                if is_frame and timestamp == UNKNOWN:  # several may have come at once
                    time = max(time, self._latest.get(message.type_id, time - 1) + 1)
            else:
                time = then + _step(known, timestamp)
        if is_frame:
            self._first = time if self._reference is None else min(self._first, time)
            self._last = time if self._reference is None else max(self._last, time)
            if self._reference is None or timestamp != UNKNOWN:
                self._reference = (timestamp, time, now_ns)
            self._latest[message.type_id] = time
            self.unknown += timestamp == UNKNOWN
        return time


def _step(before: int, after: int) -> int:
    """From one timestamp to the next in ms: the nearer way around 2^32, and across the wraps that some senders make."""
    step = (after - before + _WRAP // 2) % _WRAP - _WRAP // 2
    for wrap in _EARLY_WRAPS:
        if wrap - _NEAR <= before < wrap and after < _NEAR:
            return step + wrap
        if before < _NEAR and wrap - _NEAR <= after < wrap:
            return step - wrap
    return step


def _begins(message: Message) -> bool:
    """Whether another stream is to come under the same number."""
    if message.type_id not in COMMAND_TYPES or message.direction != C2S or message.body is None:
        return False
    return message.body.get("name") in _BEGINNINGS


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def _is_whole(message: Message) -> bool:
    return not message.aborted and message.captured == message.length == len(message.payload)


def single_tracks(type_id: int, payload: bytes) -> list[bytes]:
    """A message of many tracks as messages of one track, with the same bytes for each (Enhanced RTMP, Multitrack)."""
    body = (audio if type_id == AUDIO else video).decode(payload, len(payload))
    kind, tracks = body.child("multitrack"), body.child("tracks")
    found: list[bytes] = []
    for track in tracks.children if tracks is not None else ():
        fourcc = track.child("fourcc") or body.child("fourcc")
        number, size = track.child("track_id"), track.child("size")
        if kind is not None and fourcc is not None and number is not None and size is not None:
            head = payload[: kind.start] + bytes([_ONE_TRACK | payload[kind.start] & 15])
            ids = payload[fourcc.start : fourcc.end] + payload[number.start : number.end]
            found.append(head + ids + payload[size.end : track.end])
    return found
