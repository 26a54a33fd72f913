"""The health of one media stream: its tracks, and the two clocks that they are held against.

Every audio and video message passes here, so a frame costs a few comparisons and additions: the timestamp
against the one before it on its track, the clock against the timestamp.  Whatever is out of line is looked at
more closely by a method of its own.  Once a second the sums go into series for graphs; memory is bounded.

The RTMP clock is the timestamps, in ms, unwrapped so that they keep growing past 2^32.  The capture clock says when
a message was complete.  Lateness is how far media lies behind the RTMP clock as a player sees it that began with the
first frame: a stall is lateness that grows by a second or more.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.analysis.key_frames import faults
from rtmpscope.analysis.measure import SECOND_NS, Series
from rtmpscope.analysis.metadata import differences, frame_rate_differs
from rtmpscope.analysis.track import Track
from rtmpscope.limits import TRACKS
from rtmpscope.media import tag
from rtmpscope.media.tag import MediaTag
from rtmpscope.model import AUDIO, End, Field, Message, Severity
from rtmpscope.rtmp import messages

HALF: Final[i64] = 1 << 31
MASK: Final[i64] = (1 << 32) - 1
TRUNCATED: Final[i64] = 1 << 24  # where 24-bit timestamps begin again (go2rtc)

JUMP_MS: Final[i64] = 2_000  # a step worth a second look
STEP_MS: Final[i64] = 10_000  # how far a frame may be from its predecessor for a wrap to be believed
STALL_MS: Final[i64] = 1_000
CALM_NS: Final[i64] = 30 * SECOND_NS  # lateness that grew more slowly than this is the drift of clocks
SKEW_MS: Final[i64] = 1_000
KEY_MS: Final[i64] = 5_000  # streaming platforms ask for a key frame every 2 to 4 seconds
COMPOSITION_MS: Final[i64] = 2_000
NOTHING_MS: Final = 2_000  # how long a track may be without its first frame
AUDIO_DRIFT_MS: Final[i64] = 300
COUNTED: Final[i64] = 50  # frames from which on a frame rate can be told
HUGE: Final[i64] = 10 << 20

# Codecs that cannot be decoded without their sequence header.
NEEDS_HEADER: Final = frozenset({"h264", "hevc", "vvc", "av1", "aac", "flac"})


class MediaStream:
    """The tracks of one message stream in one direction.

    audio, video     track 0 of each, None while nothing came; `others` the rest by (kind, track id)
    lateness_ms      how late the last frame was; stalls how often that grew by STALL_MS, stalled_ms by how much
    promised         what the metadata says and can be checked
    skew_ms          audio time minus video time as frames arrive, over the last second
    """

    __slots__ = (
        "message_stream_id", "direction", "audio", "video", "others", "first_ns", "last_ns", "messages", "lateness_ms",
        "stalls", "stalled_ms", "skew_ms", "skew_sums", "skew_counts", "began", "lossy", "skewed", "fresh", "origin_ns",
        "origin_ms", "mark_ms", "mark_ns", "behind", "behind_ns", "calm_ms", "sample_ns", "skew_sum", "skew_count",
        "now_ms", "wire", "promised", "differing",
    )  # fmt: skip

    def __init__(self, message_stream_id: int, direction: int, time_ns: int) -> None:
        self.message_stream_id: Final = message_stream_id
        self.direction: Final = direction
        self.audio: Track | None = None
        self.video: Track | None = None
        self.others: dict[tuple[str, int], Track] = {}
        self.first_ns: i64 = time_ns
        self.last_ns: i64 = time_ns
        self.messages: i64 = 0
        self.lateness_ms: i64 = 0
        self.stalls: i64 = 0
        self.stalled_ms: i64 = 0
        self.skew_sums = Series(time_ns)
        self.skew_counts = Series(time_ns)
        self.skew_ms: i64 = 0
        self.began = False  # the publish or play that started it was seen, and nothing was lost since
        self.lossy = False  # something was lost
        self.skewed = False
        self.fresh = True
        self.origin_ns: i64 = 0
        self.origin_ms: i64 = 0
        self.mark_ms: i64 = 0
        self.mark_ns: i64 = 0
        self.behind = False  # a stall is not made good yet
        self.behind_ns: i64 = 0
        self.calm_ms: i64 = 0
        self.sample_ns: i64 = time_ns + SECOND_NS
        self.skew_sum: i64 = 0
        self.skew_count: i64 = 0
        self.now_ms: i64 = 0
        self.wire: i64 = 0
        self.promised: dict[str, object] = {}
        self.differing = ""

    @property
    def tracks(self) -> list[Track]:
        """All tracks, video first."""
        main = [track for track in (self.video, self.audio) if track is not None]
        return main + list(self.others.values())

    @property
    def headless(self) -> list[Track]:
        """Tracks whose sequence header never came, though none can have been missed."""
        return [track for track in self.tracks if self.began and track.codec in NEEDS_HEADER and not track.headers]

    @property
    def absent(self) -> list[Track]:
        """Tracks that were announced by their sequence header, and of which no frame came in all that time."""
        long = self.duration_ms > NOTHING_MS
        return [track for track in self.tracks if long and track.headers and not track.frames]

    @property
    def has_both(self) -> bool:
        """Whether there are frames of audio and of video, whose times can be compared."""
        return all([track is not None and track.frames > 0 for track in (self.audio, self.video)])

    def skew(self) -> list[tuple[int, float]]:
        """Audio time minus video time as frames arrive: (capture time in ns, mean in ms) per bucket."""
        step = self.skew_counts.step_ns
        start = self.skew_counts.start_ns
        counts = self.skew_counts.values
        sums = self.skew_sums.values
        return [(start + n * step, sums[n] / counts[n]) for n in range(len(counts)) if counts[n]]

    def drift(self) -> float:
        """How fast the skew grows, in ms per minute of capture time (least squares); 0.0 below ten buckets."""
        points = self.skew()
        if len(points) < 10:
            return 0.0
        minutes = [(time_ns - points[0][0]) / 60e9 for time_ns, _ in points]
        middle = sum(minutes) / len(minutes)
        weight = sum((minute - middle) ** 2 for minute in minutes)
        return sum((minutes[n] - middle) * points[n][1] for n in range(len(points))) / weight

    def restart(self) -> None:
        """What comes next need not go on where the last frame was."""
        self.fresh = True
        for track in self.tracks:
            track.fresh = True

    @property
    def duration_ms(self) -> int:
        """RTMP time of the longest track, capture time where not all timestamps are known."""
        if any([track.untimed for track in self.tracks]):
            return (self.last_ns - self.first_ns) // 1_000_000
        return max((track.duration_ms for track in self.tracks), default=0)

    def media(self, message: Message, facts: MediaTag) -> None:
        """One audio or video message."""
        if message.time_ns >= self.sample_ns:
            self._sample(message)
        self.messages += 1
        self.last_ns = message.time_ns
        if facts.many:
            self._many(message, facts)
        else:
            self._one(message, facts, message.length)

    def _one(self, message: Message, facts: MediaTag, length: i64) -> None:
        """What a message holds for one track."""
        is_audio = message.type_id == AUDIO
        track = self.audio if is_audio else self.video
        if track is None or facts.track != 0:
            track = self._other_track("audio" if is_audio else "video", facts.track, message)
        track.bytes += length
        if facts.kind == "frame":
            self._frame(track, message, facts)
        elif facts.kind == "sequence_header":
            self._header(track, message, facts)
        track.last_ns = message.time_ns

    def _many(self, message: Message, facts: MediaTag) -> None:
        """Several tracks in one message: each as if it had come alone."""
        for part in _tracks(message):
            track_id = part.get("track_id")
            if isinstance(track_id, int):
                codec = str(part.get("codec") or facts.codec)
                alone = MediaTag(codec, facts.kind, facts.key, facts.composition_time, track_id, True, True)
                self._one(message, alone, part.end - part.start)

    def _other_track(self, kind: str, track_id: int, message: Message) -> Track:
        """A track beyond the first two, or one that begins; where there are too many, the one silent longest goes."""
        found = self.others.get((kind, track_id))
        if found is not None:
            return found
        track = Track(kind, track_id, message, self.first_ns)
        if track_id != 0:
            if len(self.others) >= TRACKS:
                silent = min(self.others.values(), key=_last_ns)
                del self.others[(silent.kind, silent.track_id)]
            self.others[(kind, track_id)] = track
        elif kind == "audio":
            self.audio = track
        else:
            self.video = track
        return track

    def _header(self, track: Track, message: Message, facts: MediaTag) -> None:
        """A sequence header: the first, the same again, or another; one that is not whole is no measure."""
        record = message.length > tag.body_start(message.type_id, message.payload)  # FFmpeg's first for AV1 is empty
        header = message.payload if record and message.captured == message.length else b""
        if header and header == track.header:
            track.note(message, "sequence-header-repeated", Severity.COMMENT, "the same sequence header again")
        elif header and track.header:
            track.changes += 1
            text = f"another sequence header than before: {facts.codec} parameters change here, some players stumble"
            track.note(message, "sequence-header-changed", Severity.NOTE, text)
        elif track.frames and self.began and not track.headers:
            text = f"the sequence header comes after {track.frames:,} frames, which players cannot decode"
            message.note("sequence-header-late", Severity.NOTE, text)
        track.headers += 1
        track.header = header
        track.codec = track.codec or facts.codec
        track.configure(_config(message, track.track_id))
        self.compare(message)

    def compare(self, message: Message) -> None:
        """Hold the metadata against the sequence headers, once both are there; say what is new."""
        found: list[str] = []
        for track in (self.video, self.audio):
            if track is not None and track.headers:
                found += differences(track.kind, track.codec, self.promised, track.facts)
        differing = "; ".join(found)
        if differing and differing != self.differing:
            message.note("metadata-differs", Severity.NOTE, f"onMetaData is wrong: {differing}")
        self.differing = differing

    def _frame(self, track: Track, message: Message, facts: MediaTag) -> None:
        track.frames += 1
        timestamp = message.timestamp
        if timestamp < 0:  # not known, where a capture begins in the middle
            track.codec = facts.codec
            track.untimed += 1
            return
        if track.fresh:
            self._first(track, message, facts)
        else:
            delta: i64 = ((timestamp - track.wire + HALF) & MASK) - HALF
            if delta < 0 or delta > JUMP_MS or timestamp < track.wire:
                delta = self._step(track, message, delta)
                track.now_ms += delta
                track.reset_clock()
            else:
                track.now_ms += delta
        track.wire = timestamp
        self.wire = timestamp
        self.now_ms = track.now_ms
        if facts.codec != track.codec:
            self._codec(track, message, facts)
        if not track.described and (facts.key or message.type_id == AUDIO) and not facts.many:
            track.describe(message)
            self.compare(message)
        if facts.key:
            self._key(track, message, facts)
        if facts.composition_time > track.longest_composition:
            self._composition(track, message, facts)
        if message.length > HUGE:
            text = f"a frame of {message.length:,} bytes: more than any encoder sends, or the parse lost its way"
            track.note(message, "message-huge", Severity.WARNING, text)
        sound = self.audio
        picture = self.video
        if sound is not None and picture is not None and not (sound.fresh or picture.fresh):
            self.skew_sum += sound.now_ms - picture.now_ms
            self.skew_count += 1
        late: i64 = (message.time_ns - self.origin_ns) // 1_000_000 - (track.now_ms - self.origin_ms)
        self.lateness_ms = late
        if late - self.mark_ms > STALL_MS:
            self._stalled(track, message, late)
        elif self.behind and late < self.calm_ms + STALL_MS // 2:
            self._caught_up(track, message, late)

    def _first(self, track: Track, message: Message, facts: MediaTag) -> None:
        """The first frame of a track, or the first after a command that may have moved its timestamps."""
        track.fresh = False
        track.keyed = False
        if self.fresh:
            self._anchor(message)
        delta: i64 = ((message.timestamp - self.wire + HALF) & MASK) - HALF
        track.now_ms = self.now_ms + delta + _cut_off(self.wire, delta)
        track.reset_clock()
        if track.timed:
            return
        track.timed = True
        track.first_ms = track.now_ms
        if not track.untimed:
            track.first_ns = message.time_ns
        track.codec = facts.codec
        if self.began and not track.headers and facts.codec in NEEDS_HEADER:
            text = f"{facts.codec} frames before their sequence header: players show nothing until it comes"
            message.note("sequence-header-missing", Severity.ERROR, text)

    def _anchor(self, message: Message) -> None:
        """Both clocks begin here; the RTMP clock goes on from where it stood, if it ran before."""
        if self.origin_ns == 0:
            self.now_ms = message.timestamp
        self.fresh = False
        self.wire = message.timestamp
        self.origin_ns = message.time_ns
        self.origin_ms = self.now_ms
        self.mark_ms = 0
        self.mark_ns = message.time_ns
        self.behind = False

    def _step(self, track: Track, message: Message, delta: i64) -> i64:
        """A timestamp that does not follow the one before it closely: what it means, and the step to believe."""
        before, now = track.wire, message.timestamp
        if delta >= 0:
            if now < before:
                text = "timestamps wrap at 2^32 ms, as they do every 49.7 days"
                track.note(message, "timestamp-wrapped", Severity.NOTE, text)
            elif delta - (message.time_ns - track.last_ns) // 1_000_000 > JUMP_MS:
                track.jumps += 1
                text = f"{track.kind} time leaps {_seconds(delta)} ahead of the clock: players wait, or skip"
                track.note(message, "timestamp-jump", Severity.NOTE, text)
            return delta
        missing: i64 = _cut_off(before, delta)
        if missing:
            place = "2^24 ms (4 h 39 min)" if missing == TRUNCATED else "2^31 ms (24.8 days)"
            who = "24 bits (go2rtc does)" if missing == TRUNCATED else "31 bits (SRS and FFmpeg do)"
            text = f"timestamps begin again at {place}: the sender cuts them to {who}"
            track.note(message, "timestamp-truncated", Severity.NOTE, text)
            return delta + missing
        track.backwards += 1
        text = f"{track.kind} time goes back by {_seconds(-delta)}: the encoder restarted or mixes up its frames"
        track.note(message, "timestamp-backwards", Severity.WARNING, text)
        return delta

    def _codec(self, track: Track, message: Message, facts: MediaTag) -> None:
        text = f"{track.kind} changes from {track.codec} to {facts.codec} within the stream: many players stop here"
        track.note(message, "codec-changed", Severity.NOTE, text)
        track.codec = facts.codec
        track.description = ""
        track.facts = {}
        track.described = False

    def _key(self, track: Track, message: Message, facts: MediaTag) -> None:
        track.key_frames += 1
        if track.keyed:
            interval: i64 = track.now_ms - track.key_ms
            track.key_intervals.add(interval)
            track.gop_frames.add(track.frames - track.key_at)
            if interval > KEY_MS:
                self._far_apart(track, message, interval)
        track.keyed = True
        track.key_ms = track.now_ms
        track.key_at = track.frames
        if not facts.many:
            for code, severity, text in faults(message, facts.codec, track.facts.get("length_size"), track.header):
                track.note(message, code, severity, text)

    def _far_apart(self, track: Track, event: Message | End, interval: i64) -> None:
        text = (
            f"{_seconds(interval)} from one key frame to the next: players that join wait as long, "
            "platforms ask for 2 to 4 s; lower the encoder's key-frame interval"
        )
        track.note(event, "key-frames-far-apart", Severity.NOTE, text)

    def _composition(self, track: Track, message: Message, facts: MediaTag) -> None:
        track.longest_composition = facts.composition_time
        if facts.composition_time > COMPOSITION_MS:
            text = f"shown {_seconds(facts.composition_time)} after it is decoded: more than frame reordering needs"
            track.note(message, "composition-time-large", Severity.NOTE, text)

    # Two clocks

    def _stalled(self, track: Track, message: Message, late: i64) -> None:
        grown: i64 = late - self.mark_ms
        self.stalls += 1
        self.stalled_ms += grown
        if not self.behind:
            self.calm_ms = self.mark_ms
            self.behind = True
            self.behind_ns = message.time_ns
        self.mark_ms = late
        self.mark_ns = message.time_ns
        text = (
            f"media falls {_seconds(grown)} further behind its timestamps: players run dry; "
            "see whether the sender paused, or TCP sent again or waited for a window"
        )
        track.note(message, "media-stall", Severity.WARNING, text)

    def _caught_up(self, track: Track, message: Message, late: i64) -> None:
        took: i64 = (message.time_ns - self.behind_ns) // 1_000_000
        text = f"{_seconds(self.mark_ms - late)} of delay made good in a burst of {_seconds(took)}"
        track.note(message, "media-burst", Severity.CHAT, text)
        self.behind = False
        self.mark_ms = late if late > 0 else 0
        self.mark_ns = message.time_ns

    def _sample(self, message: Message) -> None:
        """Once a second: sums into series, skew looked at, lateness that crept up slowly forgiven."""
        self.flush()
        time_ns = message.time_ns
        self.sample_ns = time_ns + SECOND_NS - (time_ns - self.first_ns) % SECOND_NS
        if time_ns - self.mark_ns > CALM_NS:
            self.mark_ns = time_ns
            self.mark_ms = self.lateness_ms if self.lateness_ms > 0 else 0
        for track in self.tracks:
            drift: i64 = track.drift_ms if track.drift_ms > 0 else -track.drift_ms
            if (
                drift > AUDIO_DRIFT_MS
                and drift * 100 > track.now_ms - track.clock_ms - track.drift_ms
                and not track.drifted
            ):
                self._drifted(track, message)
        apart = self.skew_ms
        if apart > SKEW_MS or apart < -SKEW_MS:
            if not self.skewed:
                self.skewed = True
                gap = f"{_seconds(apart)} ahead of" if apart > 0 else f"{_seconds(-apart)} behind"
                text = f"audio is {gap} video as they arrive: the muxer drifts, or one of them stopped"
                message.note("av-skew", Severity.NOTE, text)
        elif -SKEW_MS < 2 * apart < SKEW_MS:
            self.skewed = False

    def _drifted(self, track: Track, message: Message) -> None:
        track.drifted = True
        drift: int = track.drift_ms
        played: int = track.now_ms - track.clock_ms - drift
        speed = "fast" if drift > 0 else "slow"
        text = (
            f"audio timestamps run {abs(drift) * 100 / played:.1f} % too {speed} for its samples: "
            "sound and picture drift apart, or players stretch the sound; see the encoder's audio clock"
        )
        message.note("audio-drift", Severity.NOTE, text)

    def flush(self) -> None:
        """Bring the series up to date: what was summed up belongs to the second before sample_ns."""
        time_ns: i64 = self.sample_ns - SECOND_NS
        for track in self.tracks:
            track.sample(time_ns)
        if self.skew_count:
            self.skew_sums.add(time_ns, self.skew_sum)
            self.skew_counts.add(time_ns, self.skew_count)
            self.skew_ms = self.skew_sum // self.skew_count
            self.skew_sum = 0
            self.skew_count = 0

    def end(self, end: End) -> None:
        """What only the end can tell."""
        self.flush()
        main = self.video
        counted = main is not None and main.frames > COUNTED and not self.lossy
        if main is not None and counted and frame_rate_differs(self.promised, main.frame_rate):
            text = (
                f"onMetaData promised {self.promised['framerate']:g} frames a second, there were {main.frame_rate:.1f}"
            )
            end.note("metadata-frame-rate", Severity.NOTE, text)
        for track in self.tracks:
            if track.keyed and track.now_ms - track.key_ms > KEY_MS and track.key_intervals.most <= KEY_MS:
                self._far_apart(track, end, track.now_ms - track.key_ms)


def _cut_off(before: i64, delta: i64) -> i64:
    """What a sender that cuts timestamps to 24 or 31 bits left out of a step back, 0 where it did not."""
    if before < TRUNCATED and -JUMP_MS <= delta + TRUNCATED <= STEP_MS:
        return TRUNCATED
    return HALF if 0 <= delta + HALF <= STEP_MS else 0


def _last_ns(track: Track) -> int:
    return track.last_ns


def _body(message: Message) -> Field:
    """The decoded message; only for the few whose whole payload is kept."""
    return messages.decode(message.type_id, message.prefix, message.length)


def _tracks(message: Message) -> list[Field]:
    tracks = _body(message).child("tracks")
    return [] if tracks is None else tracks.children


def _config(message: Message, track_id: i64) -> Field | None:
    """The configuration record of a sequence header: its own, or that of one track."""
    body = _body(message)
    tracks = body.child("tracks")
    if tracks is None:
        return body.child("config")
    for track in tracks.children:
        if track.get("track_id") == track_id:
            return track.child("config")
    return None


def _seconds(milliseconds: i64) -> str:
    whole: int = milliseconds
    return f"{whole / 1000:.1f} s"
