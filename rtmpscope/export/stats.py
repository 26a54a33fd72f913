"""What `rtmpscope stats` writes for people: captures, then each connection with its verdict, figures and streams.

With a filter only what matched is counted: a `Tally` counts as the events pass.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from rtmpscope.analysis.flow_control import FlowControl, Ledger
from rtmpscope.analysis.measure import Spread
from rtmpscope.analysis.media_stream import MediaStream
from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.analysis.session import verdict_of
from rtmpscope.analysis.track import Track
from rtmpscope.export.text import sgr
from rtmpscope.model import DIRECTIONS, UNKNOWN, Connection, Event, Gap, Message
from rtmpscope.rtmp.messages import LIMIT_TYPES, type_name
from rtmpscope.text import printable

if TYPE_CHECKING:
    from rtmpscope.capture.sources import FileReport
    from rtmpscope.redact import Redactor

_WIDTH: Final = 80
_INDENT: Final = "    "
_OUTCOMES: Final = {  # the worst first
    "failed": "✖ failed",
    "incomplete": "◐ incomplete",
    "encrypted": "◌ encrypted",
    "not_rtmp": "○ not RTMP",
    "ok": "● ok",
}
_STYLES: Final = {"failed": "1;31", "incomplete": "33", "ok": "32"}  # SGR parameters, by outcome
_DRIFT: Final = 10  # ms a minute, from which on it is worth telling
_LISTED: Final = 10  # numbers of connections with the same outcome
_SOFTWARE: Final = frozenset({"client-software", "server-software"})  # notes that have a row of their own


class Tally:
    """Counts of the events that passed, in place of the engine's where a filter chose."""

    def __init__(self) -> None:
        self._connections: dict[int, Connection] = {}

    def event(self, event: Event, connection: Connection) -> None:
        """Count an event that the filter let through."""
        counted = self._connections.get(connection.id)
        if counted is None:
            counted = self._connections[connection.id] = _without_counts(connection)
        if isinstance(event, Message):
            counts = counted.counts[event.direction]
            counts[event.type_id] = counts.get(event.type_id, 0) + 1
        elif isinstance(event, Gap):
            counted.gaps += 1
            counted.lost_bytes += event.length
        for note in event.notes or ():
            counted.note_counts[note.code] = counted.note_counts.get(note.code, 0) + 1

    @property
    def connections(self) -> list[Connection]:
        return [self._connections[number] for number in sorted(self._connections)]


def _without_counts(connection: Connection) -> Connection:
    """The same connection, counting anew."""
    counted = Connection(
        connection.id, connection.client, connection.server, connection.client_known_by, connection.packet,
        connection.time_ns,
    )  # fmt: skip
    for name in ("transport", "carries", "last_time_ns", "stream_bytes", "tcp", "tcp_rtt_ns", "ends", "analysis"):
        setattr(counted, name, getattr(connection, name))
    return counted


class _Line(NamedTuple):
    """lead and value, which is wrapped where it is too long, with `indent` before what follows; \\0 does not break."""

    lead: str
    value: str = ""
    indent: str = ""

    def wrapped(self, width: int) -> list[str]:
        if len(self.lead) + len(self.value) <= width or not self.value:
            parts = [self.lead + self.value]
        else:
            parts = textwrap.wrap(
                self.value, width, initial_indent=self.lead, subsequent_indent=self.indent or self.lead,
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
        return [part.replace("\0", " ") for part in parts]


def tables(
    files: Iterable[FileReport],
    connections: list[Connection],
    redactor: Redactor | None,
    colour: bool = False,
    width: int = _WIDTH,
) -> str:
    """The whole report, for so many columns."""

    def text(value: str) -> str:
        return printable(value if redactor is None else redactor.text(value))

    lines = [*_captures(files, text, width), *_overview(connections), _Line("")]
    if not connections:
        lines.append(_Line("no connections"))
    for connection in connections:
        lines += [*_connection(connection, text, colour), _Line("")]
    return "\n".join([part for line in lines for part in line.wrapped(width)]).rstrip("\n") + "\n"


def _captures(files: Iterable[FileReport], text: Callable[[str], str], width: int) -> Iterator[_Line]:
    for file in files:
        how = file.outcome or "so far"
        if file.outcome not in ("", "complete"):
            how += f" at byte {file.offset:,}: {text(file.reason)}"
        lost = f"  {file.dropped:,} packets dropped" if file.dropped else ""
        path = text(file.path)
        figures = f"{file.format}  {file.packets:,} packets  {file.bytes:,} bytes  {how}{lost}"
        if len(path) + 2 + len(figures) <= width:
            yield _Line(f"{path}  {figures}")
        else:
            yield _Line(path)
            yield _Line(_INDENT, figures)


def _overview(connections: list[Connection]) -> Iterator[_Line]:
    """Where there are several connections: how many ended how, and which of them not well."""
    if len(connections) < 2:
        return
    numbers: dict[str, list[int]] = {}
    for connection in connections:
        verdict = verdict_of(connection)
        if verdict is not None:
            numbers.setdefault(verdict.outcome, []).append(connection.id)
    parts = []
    for outcome, words in _OUTCOMES.items():
        found = numbers.get(outcome, [])
        more = ", …" if len(found) > _LISTED else ""
        which = "" if outcome == "ok" else f" ({', '.join(map(str, found[:_LISTED]))}{more})"
        if found:
            mark, name = words.split(" ", 1)
            parts.append(f"{mark} {len(found):,} {name}{which}")
    if parts:
        yield _Line("", f"{len(connections):,} connections: {', '.join(parts)}", _INDENT)


def _connection(connection: Connection, text: Callable[[str], str], colour: bool) -> Iterator[_Line]:
    verdict = verdict_of(connection)
    head = f"connection {connection.id}  {connection.client} → {connection.server}"
    if verdict is not None:
        outcome, style = _OUTCOMES[verdict.outcome], _STYLES.get(verdict.outcome)
        head += f"  {verdict.role.replace('_', ' ')}  {sgr(outcome, style) if colour and style else outcome}"
    yield _Line(head)
    if verdict is not None:
        yield _Line(_INDENT, text(verdict.text))
        if verdict.message is not None:
            code = f", {text(verdict.code)}" if verdict.code else ""
            yield _Line(_INDENT, f"decided by message {verdict.message:,}{code}")
    yield _row("time", f"{_duration(connection.last_time_ns - connection.time_ns)}{_round_trip(connection)}")
    yield from _software(connection)
    for direction, counts in enumerate(connection.counts):
        total = f"{connection.stream_bytes[direction]:,} bytes"
        listed = [f"{count:,} {type_name(type_id)}" for type_id, count in sorted(counts.items())]
        yield _row(DIRECTIONS[direction], ", ".join([total, *listed]) + _tcp(connection, direction))
    for stream in _streams(connection):
        yield from _stream(stream)
    yield from _flow(connection)
    yield from _replies(connection)
    if connection.gaps:
        yield _row("gaps", f"{connection.gaps:,}, {connection.lost_bytes:,} bytes missing")
    noted = [(code, count) for code, count in connection.note_counts.items() if code not in _SOFTWARE]
    if noted:
        noted.sort(key=lambda item: -item[1])
        yield _row("notes", ", ".join([f"{count:,} {text(code)}" for code, count in noted]))


def _row(name: str, value: str, hang: int = 0) -> _Line:
    """A name and its figures; lines break after commas, and go on indented by `hang` more."""
    lead = f"{_INDENT}{name:<10} "
    return _Line(lead, value.replace(" ", "\0").replace(",\0", ", "), " " * (len(lead) + hang))


def _software(connection: Connection) -> Iterator[_Line]:
    found = connection.analysis.get("fingerprints")
    named = [f"{side} {name}" for side in ("client", "server") if (name := getattr(found, side, ""))]
    if named:
        yield _row("probably", ", ".join(named))


def _round_trip(connection: Connection) -> str:
    return f", TCP round trip {connection.tcp_rtt_ns / 1e6:.3g} ms" if connection.tcp_rtt_ns >= 0 else ""


def _tcp(connection: Connection, direction: int) -> str:
    """What TCP tells about a stall; nothing where it had no trouble."""
    stats = connection.tcp[direction]
    troubles = (
        (stats.retransmissions, "retransmitted"),
        (stats.out_of_order, "out of order"),
        (stats.zero_windows, "zero windows"),
        (stats.conflicts, "retransmitted with other bytes"),
    )
    return "".join([f", {count:,} {name}" for count, name in troubles if count])


def _streams(connection: Connection) -> list[MediaStream]:
    timeline = connection.analysis.get("media_timeline")
    return timeline.streams if isinstance(timeline, MediaTimeline) else []


def _stream(stream: MediaStream) -> Iterator[_Line]:
    name = "stream ?" if stream.message_stream_id == UNKNOWN else f"stream {stream.message_stream_id}"
    for track in stream.tracks:
        yield _row(name, f"{DIRECTIONS[stream.direction]}  {_track(track)}", 5)
        name = ""
    health = []
    if stream.has_both:
        drift = stream.drift()
        health.append(
            f"A/V {stream.skew_ms:+,} ms" + (f", drifting {drift:+.0f} ms a minute" if abs(drift) >= _DRIFT else "")
        )
    if stream.stalls:
        bursts = sum(track.notes.get("media-burst", 0) for track in stream.tracks)
        stalls = "1 stall" if stream.stalls == 1 else f"{stream.stalls:,} stalls"
        made_good = f", {bursts:,} made good in a burst" if bursts else ""
        health.append(f"{stalls}, {stream.stalled_ms / 1000:.1f} s in all{made_good}")
    if health:
        yield _row("", "     " + ", ".join(health))


def _track(track: Track) -> str:
    number = f" {track.track_id}" if track.track_id else ""
    parts = [
        f"{track.kind}{number}  {track.codec or 'unknown codec'} {track.description}".rstrip(),
        f"{track.frames:,} frames" + (f" at {track.frame_rate:.3g} fps" if track.kind == "video" else ""),
        f"{track.duration_ms / 1000:.1f} s",
        f"{track.bitrate / 1000:,.0f} kb/s",
    ]
    if track.key_intervals.count:
        longest = f", longest {track.key_intervals.most / 1000:.1f} s" if _is_uneven(track.key_intervals) else ""
        parts.append(f"GOP {track.key_intervals.mean / 1000:.1f} s of {track.gop_frames.mean:.3g} frames{longest}")
    for count, words in (
        (track.changes, "changes of the sequence header"),
        (track.backwards, "timestamps backwards"),
        (track.jumps, "timestamp jumps"),
        (track.notes.get("timestamp-truncated", 0), "timestamps cut to 24 or 31 bits"),
        (track.notes.get("timestamp-wrapped", 0), "timestamp wraps"),
        (track.notes.get("codec-changed", 0), "codec changes"),
    ):
        if count:
            parts.append(f"{count:,} {words}")
    return ", ".join(parts)


def _is_uneven(spread: Spread) -> bool:
    return int(spread.most) > 1.5 * spread.mean


def _flow(connection: Connection) -> Iterator[_Line]:
    flow = connection.analysis.get("flow_control")
    if not isinstance(flow, FlowControl):
        return
    for direction, ledger in enumerate(flow.ledgers):
        parts = list(_ledger(ledger))
        if parts:
            yield _row("flow", f"{DIRECTIONS[direction]}  {', '.join(parts)}")
    pings = []
    if flow.pings.count:
        pings += [f"{flow.pings.count:,}", f"{flow.pings.mean / 1e6:.1f} ms on average"]
        pings += [f"longest {int(flow.pings.most) / 1e6:.1f} ms"] if _is_uneven(flow.pings) else []
    if flow.pings_unanswered:
        pings.append(f"{flow.pings_unanswered:,} unanswered")
    if pings:
        yield _row("pings", ", ".join(pings))


def _ledger(ledger: Ledger) -> Iterator[str]:
    if ledger.window:
        yield f"window {ledger.window:,} bytes"
    if ledger.limit:
        known = LIMIT_TYPES.get(int(ledger.limit_type))
        yield f"limited to {ledger.limit:,} bytes" + (f" ({known[0]})" if known else "")
    if ledger.acks:
        yield f"{ledger.acks:,} acknowledgements, at most {ledger.most_unacked:,} bytes unacknowledged"
    if ledger.dialect == "sawtooth":
        yield "counted from 0 each time"
    if ledger.restarts:
        yield f"the counter began again {ledger.restarts:,} times"
    if ledger.waits:
        yield f"waited {ledger.waits:,} times for one, {int(ledger.waited_ns) / 1e9:.1f} s in all"


def _replies(connection: Connection) -> Iterator[_Line]:
    latencies = getattr(connection.analysis.get("transactions"), "latencies", {})
    if latencies:
        slowest = sorted(latencies.items(), key=lambda item: -item[1].most)
        yield _row("replies", ", ".join(f"{name} {spread.most / 1e6:.3g} ms" for name, spread in slowest))


def _duration(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:,.3f} s"
