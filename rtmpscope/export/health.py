"""How a connection fared, for programs: media by stream and track, flow control, TCP, and whose software it was.

These are the figures that `rtmpscope stats` shows as tables and that the summary record carries.
"""

from __future__ import annotations

from typing import Any, Final

from rtmpscope.analysis.flow_control import FlowControl, Ledger
from rtmpscope.analysis.measure import Spread
from rtmpscope.analysis.media_stream import MediaStream
from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.analysis.track import Track
from rtmpscope.model import DIRECTIONS, UNKNOWN, Connection, TcpStats

Figures = dict[str, Any]

# What is counted on a track by its notes only.
_COUNTED_AS_NOTES: Final = {
    "truncations": "timestamp-truncated",
    "wraps": "timestamp-wrapped",
    "codec_changes": "codec-changed",
}

_TCP: Final = (
    "packets", "bytes", "retransmissions", "out_of_order", "zero_windows", "resets", "conflicts", "gaps", "lost_bytes",
)  # fmt: skip


def health(connection: Connection) -> Figures:
    """The figures of one connection; what nobody measured is null or empty."""
    software = connection.analysis.get("fingerprints")
    timeline = connection.analysis.get("media_timeline")
    flow = connection.analysis.get("flow_control")
    transactions = connection.analysis.get("transactions")
    return {
        "duration_ms": _milliseconds(connection.last_time_ns - connection.time_ns),
        "software": {name: getattr(software, name, "") or None for name in ("client", "server")},
        "tcp": {"round_trip_ms": None if connection.tcp_rtt_ns == UNKNOWN else _milliseconds(connection.tcp_rtt_ns)}
        | {name: _tcp(stats) for name, stats in zip(DIRECTIONS, connection.tcp, strict=True)},
        "flow_control": _flow(flow) if isinstance(flow, FlowControl) else None,
        "replies": {name: _replies(spread) for name, spread in getattr(transactions, "latencies", {}).items()},
        "streams": [_stream(stream) for stream in timeline.streams] if isinstance(timeline, MediaTimeline) else [],
    }


def _tcp(stats: TcpStats) -> Figures:
    return {name: int(getattr(stats, name)) for name in _TCP}


def _flow(flow: FlowControl) -> Figures:
    return {name: _ledger(ledger) for name, ledger in zip(DIRECTIONS, flow.ledgers, strict=True)} | {
        "pings": int(flow.pings.count),
        "pings_unanswered": int(flow.pings_unanswered),
        "ping_ms": _milliseconds(flow.pings.mean) if flow.pings.count else None,
        "ping_longest_ms": _milliseconds(int(flow.pings.most)) if flow.pings.count else None,
    }


def _replies(spread: Spread) -> Figures:
    return {
        "count": int(spread.count),
        "mean_ms": _milliseconds(spread.mean),
        "longest_ms": _milliseconds(int(spread.most)),
    }


def _ledger(ledger: Ledger) -> Figures:
    return {
        "sent": int(ledger.sent),
        "window": int(ledger.window) or None,
        "peer_bandwidth": int(ledger.limit) or None,
        "limit_type": None if ledger.limit_type == UNKNOWN else int(ledger.limit_type),
        "acknowledgements": int(ledger.acks),
        "acknowledged": int(ledger.acked),
        "acknowledged_as": ledger.dialect or None,
        "counter_restarts": int(ledger.restarts),
        "most_unacknowledged": int(ledger.most_unacked),
        "waits": int(ledger.waits),
        "waited_ms": _milliseconds(int(ledger.waited_ns)),
    }


def _stream(stream: MediaStream) -> Figures:
    both = stream.has_both
    return {
        "message_stream_id": None if stream.message_stream_id == UNKNOWN else stream.message_stream_id,
        "direction": DIRECTIONS[stream.direction],
        "messages": int(stream.messages),
        "skew_ms": int(stream.skew_ms) if both else None,
        "drift_ms_per_minute": round(stream.drift(), 3) if both else None,
        "lateness_ms": int(stream.lateness_ms),
        "stalls": int(stream.stalls),
        "stalled_ms": int(stream.stalled_ms),
        "bursts": sum(track.notes.get("media-burst", 0) for track in stream.tracks),
        "skew_over_time": [[_since(stream, time_ns), round(skew)] for time_ns, skew in stream.skew()],
        "tracks": [_track(track, stream) for track in stream.tracks],
    }


def _track(track: Track, stream: MediaStream) -> Figures:
    return {
        "kind": track.kind,
        "track_id": track.track_id,
        "codec": track.codec or None,
        "description": track.description or None,
        "parameters": _parameters(track),
        "frames": int(track.frames),
        "bytes": int(track.bytes),
        "duration_ms": track.duration_ms,
        "bits_per_second": round(track.bitrate),
        "frames_per_second": round(track.frame_rate, 3),
        "key_frames": int(track.key_frames),
        "key_interval_ms": round(track.key_intervals.mean, 3) if track.key_intervals.count else None,
        "key_interval_longest_ms": int(track.key_intervals.most) if track.key_intervals.count else None,
        "frames_per_gop": round(track.gop_frames.mean, 3) if track.gop_frames.count else None,
        "composition_longest_ms": int(track.longest_composition),
        "clock_drift_ms": int(track.drift_ms),
        "sequence_headers": int(track.headers),
        "sequence_header_changes": int(track.changes),
        "backwards": int(track.backwards),
        "jumps": int(track.jumps),
        **{name: track.notes.get(code, 0) for name, code in _COUNTED_AS_NOTES.items()},
        "over_time": _over_time(track, stream),
    }


def _over_time(track: Track, stream: MediaStream) -> Figures:
    """Bits and frames per second, bucket by bucket."""
    sent, shown = track.byte_series, track.frame_series
    seconds = int(sent.step_ns) / 1e9
    return {
        "start_ms": _since(stream, sent.start_ns),
        "step_ms": round(seconds * 1000),
        "bits_per_second": [round(value * 8 / seconds) for value in sent.values],
        "frames_per_second": [round(value / seconds, 3) for value in shown.values],
    }


def _since(stream: MediaStream, time_ns: int) -> int:
    """Milliseconds from the stream's first message on."""
    return (time_ns - stream.first_ns) // 1_000_000


def _parameters(track: Track) -> Figures:
    """What the sequence header, or a frame, says of picture and sound."""
    if not track.facts:
        return {}
    from rtmpscope.media.configs import Parameters

    return {name: track.facts[name] for name in Parameters._fields if name in track.facts}


def _milliseconds(nanoseconds: float) -> float:
    return nanoseconds / 1e6
