"""The connections, each with how far its session got: the first thing to read when a stream failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtmpscope.analysis.media_stream import MediaStream
from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.model import Connection, Verdict
from rtmpscope.tui.lines import LineList
from rtmpscope.tui.palette import Piece, Pieces, fit, sum_of, width_of
from rtmpscope.tui.sight import Sight
from rtmpscope.tui.times import counted, duration, rate

OUTCOMES = {  # outcome: mark, style, word
    "ok": ("●", "ok", "ok"),
    "failed": ("✖", "error", "failed"),
    "incomplete": ("◐", "warning", "incomplete"),
    "not_rtmp": ("○", "dim", "not RTMP"),
    "encrypted": ("◌", "dim", "encrypted"),
}
WORD_FROM = 40  # cells that have room for the outcome in a word, beside its mark
CLIENT_FROM = 60  # cells that have room for the client's address beside the verdict
PEERS_AND_ROLE_FROM = 90  # and for the server's port and the role, which the verdict says too
DURATION_FROM = 100  # and for how long it took, where nothing went wrong
FIGURES_FROM = 110  # cells that have room for the figures of a healthy stream
FIGURES_AND_TEXT_FROM = 160  # and for everything


def verdict_of(connection: Connection) -> Verdict:
    session = connection.analysis.get("session")
    verdict: Verdict = session.verdict()  # type: ignore[attr-defined]
    return verdict


class Sessions(LineList):
    DEFAULT_CSS = "Sessions { height: 3; }"

    def __init__(self, sight: Sight, id: str) -> None:
        super().__init__(id=id)
        self.sight = sight
        self.rows_seen = 0

    def take_up(self) -> None:
        """Verdicts and figures may change with every row."""
        super().take_up()
        if self.rows_seen != self.sight.store.count:
            self.rows_seen = self.sight.store.count
            self.refresh()

    def total(self) -> int:
        return len(self.sight.store.connections)

    @property
    def connection(self) -> Connection | None:
        connections = self.sight.store.connections
        return connections[self.cursor] if self.cursor < len(connections) else None

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        connection = self.sight.store.connections[line]
        followed = self.sight.followed == connection.id
        yield "▸" if followed else " ", "mark"
        yield from session_line(self.sight, connection, width)


def session_line(sight: Sight, connection: Connection, width: int) -> Pieces:
    verdict = verdict_of(connection)
    mark, style, word = OUTCOMES[verdict.outcome]
    digits = max(2, len(str(len(sight.store.connections) - 1)))
    pieces = [(f"#{connection.id:>{digits}} ", "dim")]
    if width >= PEERS_AND_ROLE_FROM:
        peers = f"{connection.client} → :{connection.server.port}"
        pieces.append((fit(peers, 32 if width >= FIGURES_FROM else 26) + " ", ""))
        pieces.append((fit(verdict.role.replace("_", " "), 8) + " ", ""))
    elif width >= CLIENT_FROM:
        pieces.append((fit(str(connection.client), 20) + " ", ""))
    pieces.append((f"{mark} {fit(word, 10)} " if width >= WORD_FROM else f"{mark} ", style))
    if width >= (DURATION_FROM if verdict.outcome == "ok" else FIGURES_AND_TEXT_FROM):
        pieces.append((fit(duration(connection.last_time_ns - connection.time_ns), 11, True) + "  ", "dim"))
    if width >= FIGURES_FROM and verdict.outcome == "ok":
        pieces.extend((f"{figure}  ", "") for figure in figures(connection))
        if width < FIGURES_AND_TEXT_FROM and media_streams(connection):
            return pieces
    sentence = sight.text(told(verdict, width - 1 - sum_of(pieces)))
    pieces.append((sentence, style if style in ("error", "warning") else "dim"))
    return pieces


def told(verdict: Verdict, room: int) -> str:
    """The verdict's sentence; if it names a status code that may fall off the end, that comes first."""
    if verdict.code and verdict.code in verdict.text and width_of(verdict.text) > room:
        return f"{verdict.code}: {verdict.text}"
    return verdict.text


def figures(connection: Connection) -> Iterator[str]:
    """The health of the first media stream in a few numbers, trouble first."""
    streams = media_streams(connection)
    if not streams:
        return
    stream = streams[0]
    if stream.stalls:
        yield counted(stream.stalls, "stall")
    yield rate(sum(track.bitrate for track in stream.tracks))
    if stream.video is not None and stream.video.frame_rate:
        yield f"{stream.video.frame_rate:.3g} fps"
        if stream.video.key_intervals.count:
            yield f"GOP {stream.video.key_intervals.mean / 1000:.1f} s"
    if stream.has_both:
        yield f"A/V {stream.skew_ms:+,} ms"


def media_streams(connection: Connection) -> list[MediaStream]:
    timeline = connection.analysis.get("media_timeline")
    return timeline.streams if isinstance(timeline, MediaTimeline) else []
