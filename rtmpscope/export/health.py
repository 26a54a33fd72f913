"""How a connection fared, for programs: media by stream and track, flow control, TCP, and whose software it was.

These are the figures that `rtmpscope stats` shows as tables and that the summary record carries.
"""

from __future__ import annotations

from typing import Any, Final

from rtmpscope.analysis.flow_control import FlowControl, Ledger
from rtmpscope.analysis.media_timeline import MediaStream, MediaTimeline, Track
from rtmpscope.model import DIRECTIONS, UNKNOWN, Connection, TcpStats

Figures = dict[str, Any]

_TCP: Final = ("packets", "bytes", "retransmissions", "out_of_order", "zero_windows", "conflicts", "gaps", "lost_bytes")


def health(connection: Connection) -> Figures:
    """The figures of one connection; what nobody measured is null or empty."""
    software = connection.analysis.get("fingerprints")
    timeline = connection.analysis.get("media_timeline")
    flow = connection.analysis.get("flow_control")
    return {
        "duration_ms": _milliseconds(connection.last_time_ns - connection.time_ns),
        "software": {name: getattr(software, name, "") or None for name in ("client", "server")},
        "tcp": {"round_trip_ms": None if connection.tcp_rtt_ns == UNKNOWN else _milliseconds(connection.tcp_rtt_ns)}
        | {name: _tcp(stats) for name, stats in zip(DIRECTIONS, connection.tcp, strict=True)},
        "flow_control": _flow(flow) if isinstance(flow, FlowControl) else None,
        "streams": [_stream(stream) for stream in timeline.streams] if isinstance(timeline, MediaTimeline) else [],
    }


def _tcp(stats: TcpStats) -> Figures:
    return {name: int(getattr(stats, name)) for name in _TCP}


def _flow(flow: FlowControl) -> Figures:
    return {name: _ledger(ledger) for name, ledger in zip(DIRECTIONS, flow.ledgers, strict=True)} | {
        "pings": int(flow.pings.count),
        "pings_unanswered": int(flow.pings_unanswered),
        "ping_ms": _milliseconds(flow.pings.mean) if flow.pings.count else None,
    }


def _ledger(ledger: Ledger) -> Figures:
    return {
        "sent": int(ledger.sent),
        "window": int(ledger.window) or None,
        "acknowledgements": int(ledger.acks),
        "most_unacknowledged": int(ledger.most_unacked),
        "waits": int(ledger.waits),
        "waited_ms": _milliseconds(int(ledger.waited_ns)),
    }


def _stream(stream: MediaStream) -> Figures:
    both = stream.audio is not None and stream.video is not None
    return {
        "message_stream_id": None if stream.message_stream_id == UNKNOWN else stream.message_stream_id,
        "direction": DIRECTIONS[stream.direction],
        "messages": int(stream.messages),
        "skew_ms": int(stream.skew_ms) if both else None,
        "drift_ms_per_minute": round(stream.drift(), 3) if both else None,
        "stalls": int(stream.stalls),
        "stalled_ms": int(stream.stalled_ms),
        "tracks": [_track(track) for track in stream.tracks],
    }


def _track(track: Track) -> Figures:
    return {
        "kind": track.kind,
        "track_id": track.track_id,
        "codec": track.codec or None,
        "frames": int(track.frames),
        "bytes": int(track.bytes),
        "duration_ms": track.duration_ms,
        "bits_per_second": round(track.bitrate),
        "frames_per_second": round(track.frame_rate, 3),
        "key_frames": int(track.key_frames),
        "key_interval_ms": round(track.key_intervals.mean, 3) if track.key_intervals.count else None,
        "sequence_headers": int(track.headers),
        "sequence_header_changes": int(track.changes),
        "backwards": int(track.backwards),
        "jumps": int(track.jumps),
    }


def _milliseconds(nanoseconds: float) -> float:
    return nanoseconds / 1e6
