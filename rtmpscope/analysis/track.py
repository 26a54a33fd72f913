"""One audio or video track of a stream: how much, how often, how regular.

Frames pass by the thousand, so the stream adds to the track's figures itself; what is here is what they are, what
follows from them, and the sums per second for graphs.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.analysis.measure import Series, Spread
from rtmpscope.limits import NOTES_OF_A_KIND
from rtmpscope.model import End, Field, Message, Severity


class Track:
    """One audio or video track.  Times of the capture are in ns, of RTMP in ms.

    frames, bytes      coded frames, and the bytes of all messages with their headers
    first_ms, now_ms   RTMP time of the first and the last frame, unwrapped
    key_frames         video frames that decoding can start from; key_intervals and gop_frames what lies between
    headers            sequence headers; changes how many differed from the one before
    description        what the last one says in words; facts its properties by name (width, sample_rate, ...)
    drift_ms           audio: how far the timestamps ran ahead of the samples since they were last in order
    backwards, jumps   frames whose timestamp fell, or leapt ahead of the clock
    byte_series, frame_series  per bucket of capture time; all tracks of a stream have the same buckets
    """

    __slots__ = (
        "kind", "track_id", "codec", "frames", "bytes", "first_ns", "last_ns", "first_ms", "now_ms", "key_frames",
        "key_intervals", "gop_frames", "headers", "changes", "header", "backwards", "jumps", "longest_composition",
        "byte_series", "frame_series", "wire", "timed", "fresh", "keyed", "key_ms", "key_at", "notes", "sampled_bytes",
        "sampled_frames", "untimed", "description", "facts", "samples", "rate", "drift_ms", "clock_frames", "clock_ms",
        "drifted", "described",
    )  # fmt: skip

    def __init__(self, kind: str, track_id: int, message: Message, start_ns: i64) -> None:
        self.kind: Final = kind
        self.track_id: Final = track_id
        self.codec = ""
        self.frames: i64 = 0
        self.bytes: i64 = 0
        self.first_ns: i64 = message.time_ns
        self.last_ns: i64 = message.time_ns
        self.first_ms: i64 = 0
        self.now_ms: i64 = 0
        self.key_frames: i64 = 0
        self.key_intervals = Spread()
        self.gop_frames = Spread()
        self.headers: i64 = 0
        self.changes: i64 = 0
        self.header = b""
        self.backwards: i64 = 0
        self.jumps: i64 = 0
        self.longest_composition: i64 = 0
        self.byte_series = Series(start_ns)
        self.frame_series = Series(start_ns)
        self.wire: i64 = message.timestamp
        self.timed = False
        self.untimed: i64 = 0  # frames whose timestamp is not known, behind a gap
        self.fresh = True
        self.keyed = False
        self.key_ms: i64 = 0
        self.key_at: i64 = 0
        self.notes: dict[str, int] = {}
        self.sampled_bytes: i64 = 0
        self.sampled_frames: i64 = 0
        self.description = ""
        self.facts: dict[str, object] = {}
        self.samples: i64 = 0  # of one audio frame
        self.rate: i64 = 0  # of samples a second
        self.drift_ms: i64 = 0
        self.clock_frames: i64 = 0
        self.clock_ms: i64 = 0
        self.drifted = False
        self.described = False  # a frame was asked what no sequence header says

    @property
    def duration_ms(self) -> int:
        """RTMP time from the first to the last frame, capture time where not all timestamps are known."""
        if self.untimed:
            return max(0, self.last_ns - self.first_ns) // 1_000_000
        return max(0, self.now_ms - self.first_ms)

    @property
    def bitrate(self) -> float:
        """Bits per second of that time, 0.0 where there is too little to say."""
        duration = self.duration_ms
        return int(self.bytes) * 8000 / duration if duration else 0.0

    @property
    def frame_rate(self) -> float:
        """Frames per second of that time, 0.0 where there is too little to say."""
        duration = self.duration_ms
        return (int(self.frames) - 1) * 1000 / duration if duration else 0.0

    def note(self, event: Message | End, code: str, severity: Severity, text: str) -> None:
        """A note on the event, while there are not too many of its kind on this track."""
        count = self.notes.get(code, 0)
        self.notes[code] = count + 1
        if count < NOTES_OF_A_KIND:
            last = "; more of these are counted only" if count == NOTES_OF_A_KIND - 1 else ""
            event.note(code, severity, text + last)

    def configure(self, config: Field | None) -> None:
        """Take over what a decoded sequence header says."""
        if config is None:
            return
        self.described = False
        self.description = config.text
        self.facts = {field.name: field.value for field in config.children if not field.children}
        samples, rate = self.facts.get("samples_per_frame"), self.facts.get("sample_rate")
        self.samples = samples if isinstance(samples, int) else 0
        self.rate = rate if isinstance(rate, int) else 0
        self.reset_clock()

    def describe(self, message: Message) -> None:
        """Take over what a frame says of picture or sound, as far as no sequence header does."""
        from rtmpscope.media.frame_facts import described, frame_facts

        self.described = True
        found = frame_facts(message.type_id, message.prefix, message.length)
        if found:
            self.facts = {**found, **self.facts}
            self.description = described(self.facts)

    def reset_clock(self) -> None:
        """Timestamps and samples are in step from here on."""
        self.clock_frames = self.frames - self.untimed
        self.clock_ms = self.now_ms
        self.drift_ms = 0

    def sample(self, time_ns: i64) -> None:
        """Bring series and drift up to date: what came since the last sample belongs to this time, in ns."""
        self.byte_series.add(time_ns, self.bytes - self.sampled_bytes)
        self.frame_series.add(time_ns, self.frames - self.sampled_frames)
        self.sampled_bytes = self.bytes
        self.sampled_frames = self.frames
        if self.rate and self.samples:
            played: i64 = (self.frames - self.untimed - self.clock_frames) * self.samples * 1000 // self.rate
            self.drift_ms = self.now_ms - self.clock_ms - played
