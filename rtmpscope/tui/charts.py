"""What the graphs of a connection show, from what its annotators and the store's columns hold.

The columns are walked a block at a time; for millions of rows that takes some tenths of a second and belongs in a
worker.  Points are sampled, so a chart has some hundred of them however long the connection was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rtmpscope.analysis.flow_control import FlowControl
from rtmpscope.analysis.measure import Series
from rtmpscope.analysis.media_stream import MediaStream
from rtmpscope.analysis.track import Track
from rtmpscope.model import ACKNOWLEDGEMENT, AUDIO, C2S, DIRECTIONS, S2C, UNKNOWN, VIDEO, Connection
from rtmpscope.tui.canvas import Chart, Line, Point
from rtmpscope.tui.columns import ARROWS
from rtmpscope.tui.sessions import media_streams
from rtmpscope.tui.times import SECOND, amount, rate
from rtmpscope.tui.turns import give_way

if TYPE_CHECKING:
    from rtmpscope.store import Store

STYLES = ("video", "audio", "command", "data", "warning")
POINTS = 400  # of a line
BLOCK = 65_536  # rows looked at in one go
WRAP = 1 << 32
COLUMNS = ("connection", "direction", "type_id", "message_stream_id", "timestamp", "time_ns", "length", "offset")


def charts(store: Store, connection: Connection) -> list[Chart]:
    walk = Walk(store, connection)
    span = connection.time_ns / SECOND, connection.last_time_ns / SECOND
    return [
        Chart("bitrate", told_apart(bitrates(connection)), rate, *span),
        Chart("frame rate", told_apart(frame_rates(connection)), frames_per_second, *span),
        Chart("media behind its timestamps", told_apart(walk.lag_lines()), milliseconds, *span),
        Chart("audio ahead of video", told_apart(skews(connection)), milliseconds, *span),
        Chart("sent and acknowledged", told_apart(walk.byte_lines()), amount, *span),
    ]


def told_apart(lines: Iterable[Line]) -> list[Line]:
    """The lines of a chart, each with a look of its own as long as there are some."""
    lines = list(lines)
    free = [style for style in STYLES if all(style != line.style for line in lines)]
    told: list[Line] = []
    for line in lines:
        taken = any(line.style == other.style for other in told)
        told.append(line._replace(style=free.pop(0)) if taken and free else line)
    return told


def milliseconds(value: float) -> str:
    return f"{value:,.0f} ms"


def frames_per_second(value: float) -> str:
    return f"{value:.3g} fps"


def bitrates(connection: Connection) -> Iterator[Line]:
    """Each track's, and each direction's where it has several tracks."""
    for direction in (C2S, S2C):
        streams = [stream for stream in media_streams(connection) if stream.direction == direction]
        tracks = [track for stream in streams for track in stream.tracks]
        if len(tracks) > 1:
            yield Line(f"all {ARROWS[direction]}", "dim", total_rate(tracks))
        for track in tracks:
            yield Line(f"{track_name(track)} {ARROWS[direction]}", track.kind, track_rate(track))


def frame_rates(connection: Connection) -> Iterator[Line]:
    """Each video track's."""
    for stream in media_streams(connection):
        for track in stream.tracks:
            if track.kind == "video":
                name = f"{track_name(track)} {ARROWS[stream.direction]}"
                yield Line(name, track.kind, per_second(track.frame_series))


def track_name(track: Track) -> str:
    return f"{track.kind} {track.track_id}" if track.track_id else track.kind


def track_rate(track: Track) -> list[Point]:
    """Bits per second."""
    return [(time, value * 8) for time, value in per_second(track.byte_series)]


def per_second(series: Series) -> list[Point]:
    """The mean of each bucket but the last one, which is not full."""
    values = series.values[:-1] or series.values
    start, step = series.start_ns / SECOND, series.step_ns / SECOND
    return [(start + place * step, value / step) for place, value in enumerate(values)]


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
    """One pass over the rows of a connection: how late media came, what was sent, what was acknowledged.

    Bytes count from the beginning of the stream, as acknowledgements do.
    """

    def __init__(self, store: Store, connection: Connection) -> None:
        import numpy as np

        self.lags: dict[tuple[int, int], list[Point]] = {}
        self.sent: list[list[Point]] = [[], []]
        self.acknowledged: list[list[Point]] = [[], []]
        self._store = store
        self._connection = connection
        self._step = max(1, (connection.last_time_ns - connection.time_ns) // POINTS)
        self._origins: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._buckets: dict[object, int] = {}  # the last bucket of time with a point, by what is sampled
        self._before = [0, 0]  # acknowledged before the counter began again
        self._values = [0, 0]  # acknowledged last, as sent
        columns = store.columns
        for start in range(0, store.count, BLOCK):
            give_way()
            stop = min(start + BLOCK, store.count)
            block = {name: np.asarray(columns[name][start:stop]) for name in COLUMNS}
            rows = np.flatnonzero(block["connection"] == connection.id)
            if len(rows):
                self._take(start + rows, {name: values[rows] for name, values in block.items()})

    def _take(self, rows: Any, of: dict[str, Any]) -> None:
        """Some rows of the connection, and their columns."""
        messages = of["type_id"] != UNKNOWN
        media = (of["type_id"] == AUDIO) | (of["type_id"] == VIDEO)
        for direction in (C2S, S2C):
            mine = of["direction"] == direction
            for place in self._sample(direction, of["time_ns"], mine & messages):
                end = int(of["offset"][place]) + int(of["length"][place])
                self.sent[direction].append((int(of["time_ns"][place]) / SECOND, end))
            for place in (mine & (of["type_id"] == ACKNOWLEDGEMENT)).nonzero()[0]:
                self._acknowledge(1 - direction, int(of["time_ns"][place]), self._store.row(int(rows[place])).head)
            timed = mine & media & (of["timestamp"] != UNKNOWN)
            for stream_id in sorted(set(of["message_stream_id"][timed].tolist())):
                key = (direction, stream_id)
                for place in self._sample(key, of["time_ns"], timed & (of["message_stream_id"] == stream_id)):
                    self._lag(key, int(of["timestamp"][place]), int(of["time_ns"][place]))

    def _sample(self, what: object, times: Any, wanted: Any) -> Any:
        """The first wanted place in each bucket of time."""
        import numpy as np

        places = np.flatnonzero(wanted)
        if not len(places):
            return places
        buckets = (times[places] - self._connection.time_ns) // self._step
        fresh = np.diff(buckets, prepend=self._buckets.get(what, -1)) > 0
        self._buckets[what] = int(buckets[-1])
        return places[fresh]

    def _acknowledge(self, direction: int, time_ns: int, head: bytes) -> None:
        """A counter that begins again, for it is full or counts from the last one, goes on from where it was."""
        if len(head) < 4:
            return
        value = int.from_bytes(head[:4], "big")
        if value < self._values[direction] or self._counts_anew(direction):
            self._before[direction] += self._values[direction]
        self._values[direction] = value
        self.acknowledged[direction].append((time_ns / SECOND, self._before[direction] + value))

    def _counts_anew(self, direction: int) -> bool:
        flow = self._connection.analysis.get("flow_control")
        return isinstance(flow, FlowControl) and flow.ledgers[direction].dialect == "sawtooth"

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
