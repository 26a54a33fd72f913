"""What the graphs of a connection show, from what its annotators and the store's columns hold.

The columns are walked once, which for millions of rows takes a second or two: this belongs in a worker.  Points
are sampled, so a chart has some hundred of them however long the connection was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtmpscope.analysis.media_stream import MediaStream
from rtmpscope.analysis.track import Track
from rtmpscope.model import C2S, DIRECTIONS, S2C, UNKNOWN, Connection
from rtmpscope.tui.canvas import Chart, Line, Point
from rtmpscope.tui.columns import ARROWS
from rtmpscope.tui.sessions import media_streams
from rtmpscope.tui.summaries import AUDIO, VIDEO
from rtmpscope.tui.times import SECOND, amount, rate

if TYPE_CHECKING:
    from rtmpscope.store import Store

POINTS = 400  # of a line
ACKNOWLEDGEMENT = 3
WRAP = 1 << 32


def charts(store: Store, connection: Connection) -> list[Chart]:
    walk = Walk(store, connection)
    span = connection.time_ns / SECOND, connection.last_time_ns / SECOND
    return [
        Chart("bitrate", list(bitrates(connection)), rate, *span),
        Chart("media behind its timestamps", walk.lag_lines(), milliseconds, *span),
        Chart("audio ahead of video", list(skews(connection)), milliseconds, *span),
        Chart("sent and acknowledged", walk.byte_lines(), amount, *span),
    ]


def milliseconds(value: float) -> str:
    return f"{value:,.0f} ms"


def bitrates(connection: Connection) -> Iterator[Line]:
    """Each track's, and each direction's where it has several tracks."""
    for direction in (C2S, S2C):
        streams = [stream for stream in media_streams(connection) if stream.direction == direction]
        tracks = [track for stream in streams for track in stream.tracks]
        if len(tracks) > 1:
            yield Line(f"all {ARROWS[direction]}", "dim", total_rate(tracks))
        for track in tracks:
            number = f" {track.track_id}" if track.track_id else ""
            yield Line(f"{track.kind}{number} {ARROWS[direction]}", track.kind, track_rate(track))


def track_rate(track: Track) -> list[Point]:
    """Bits per second in each bucket of the track's series, without the last one, which is not full."""
    series = track.byte_series
    values = series.values[:-1] or series.values
    start, step = series.start_ns / SECOND, series.step_ns / SECOND
    return [(start + place * step, value * 8 / step) for place, value in enumerate(values)]


def total_rate(tracks: list[Track]) -> list[Point]:
    """The rates of the tracks added up, second by second from the first one's start."""
    rates = [track_rate(track) for track in tracks]
    start = min(points[0][0] for points in rates)
    sums: dict[int, float] = {}
    for points in rates:
        for time, value in points:
            second = round(time - start)
            sums[second] = sums.get(second, 0.0) + value
    return [(start + second, value) for second, value in sorted(sums.items())]


def skews(connection: Connection) -> Iterator[Line]:
    for stream in media_streams(connection):
        points = [(time_ns / SECOND, value) for time_ns, value in stream.skew()]
        if points:
            yield Line(stream_name(stream), "audio", points)


def stream_name(stream: MediaStream) -> str:
    return f"stream {stream.message_stream_id} {ARROWS[stream.direction]}"


class Walk:
    """One pass over the rows of a connection: how late media came, what was sent, what was acknowledged."""

    def __init__(self, store: Store, connection: Connection) -> None:
        self.lags: dict[tuple[int, int], list[Point]] = {}
        self.sent: list[list[Point]] = [[], []]
        self.acknowledged: list[list[Point]] = [[], []]
        self._origins: dict[tuple[int, int], tuple[int, int, int]] = {}
        step = max(1, (connection.last_time_ns - connection.time_ns) // POINTS)
        due = 0
        sent = [0, 0]
        names = ("connection", "direction", "type_id", "message_stream_id", "timestamp", "time_ns", "length")
        columns = [store.columns[name][: store.count] for name in names]
        rows = zip(*columns, strict=False)  # the store may have grown between two of them
        for row, (number, direction, type_id, stream_id, timestamp, time_ns, length) in enumerate(rows):
            if number != connection.id:
                continue
            sent[direction] += length
            if type_id == ACKNOWLEDGEMENT:
                value = int.from_bytes(store.row(row).head[:4], "big")
                self.acknowledged[1 - direction].append((time_ns / SECOND, value))
            elif time_ns >= due:
                self.sent[direction].append((time_ns / SECOND, sent[direction]))
                if type_id in (AUDIO, VIDEO) and timestamp != UNKNOWN:
                    self._lag((direction, stream_id), timestamp, time_ns)
                    due = time_ns + step

    def _lag(self, key: tuple[int, int], timestamp: int, time_ns: int) -> None:
        """Capture time that has passed since the stream's first frame, less RTMP time that has."""
        start_ns, before, passed = self._origins.get(key, (time_ns, timestamp, 0))
        passed += (timestamp - before + WRAP // 2) % WRAP - WRAP // 2
        self._origins[key] = start_ns, timestamp, passed
        self.lags.setdefault(key, []).append((time_ns / SECOND, (time_ns - start_ns) / 1e6 - passed))

    def lag_lines(self) -> list[Line]:
        return [
            Line(f"stream {stream_id} {ARROWS[direction]}", "video", points)
            for (direction, stream_id), points in self.lags.items()
        ]

    def byte_lines(self) -> list[Line]:
        """Of the direction that is acknowledged, or of both where none is."""
        lines = []
        for direction in (C2S, S2C):
            if self.acknowledged[direction] or not any(self.acknowledged):
                lines.append(Line(f"sent {DIRECTIONS[direction]}", "video", self.sent[direction]))
                lines.append(Line("acknowledged", "audio", self.acknowledged[direction]))
        return [line for line in lines if line.points]
