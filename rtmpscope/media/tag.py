"""What the first bytes of an audio or video message say: codec, kind, key frame, composition time.

Every media message of a capture passes here once, so this reads no more than it must, keeps nothing, and hands
out shared objects where the first bytes leave no choice.  The names of codecs live here too.  What the bytes mean
in full is `audio.decode` and `video.decode`.

Sources: FLV 10.1 E.4.2 and E.4.3; Enhanced RTMP v2, ExAudioTagHeader and ExVideoTagHeader.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.bits import u16, u24
from rtmpscope.model import AUDIO

AUDIO_CODECS: Final[dict[int, str]] = {
    0: "pcm",
    1: "adpcm",
    2: "mp3",
    3: "pcm",
    4: "nellymoser",
    5: "nellymoser",
    6: "nellymoser",
    7: "g711_alaw",
    8: "g711_mulaw",
    10: "aac",
    11: "speex",
    14: "mp3",
}
AUDIO_FOURCC: Final[dict[bytes, str]] = {
    b"ac-3": "ac3",
    b"ec-3": "eac3",
    b"Opus": "opus",
    b".mp3": "mp3",
    b"fLaC": "flac",
    b"mp4a": "aac",
}
VIDEO_CODECS: Final[dict[int, str]] = {
    1: "jpeg",
    2: "flv1",
    3: "screen",
    4: "vp6",
    5: "vp6a",
    6: "screen2",
    7: "h264",
    12: "hevc",  # never standardised; FFmpeg reads it, with the layout of AVC
}
VIDEO_FOURCC: Final[dict[bytes, str]] = {
    b"vp08": "vp8",
    b"vp09": "vp9",
    b"av01": "av1",
    b"avc1": "h264",
    b"hvc1": "hevc",
    b"vvc1": "vvc",
}
# Codecs whose coded frames begin with a composition time, in Enhanced RTMP and before.
TIMED: Final = frozenset({"h264", "hevc", "vvc"})

AAC: Final = 10
EX_AUDIO: Final = 9  # the sound format that says: ExAudioTagHeader
EX_VIDEO: Final = 0x80  # the bit that says: ExVideoTagHeader
COMMAND: Final = 5  # the frame type of a message without a frame
KEY_FRAMES: Final = frozenset({1, 4})  # 4 is a key frame that a server made up

# Packet types of Enhanced RTMP with a meaning of their own; the others are in the two tables.
CODED_FRAMES: Final = 1
METADATA: Final = 4  # video
MOD_EX: Final = 7
AUDIO_MULTITRACK: Final = 5
VIDEO_MULTITRACK: Final = 6
MANY_TRACKS: Final = 1
MANY_CODECS: Final = 2

# Kinds by packet type: that of AVC and of Enhanced audio, and what Enhanced video adds.
_KINDS: Final[dict[int, str]] = {0: "sequence_header", 1: "frame", 2: "sequence_end"}
_VIDEO_KINDS: Final[dict[int, str]] = {**_KINDS, 3: "frame", 4: "metadata", 5: "sequence_header"}


class MediaTag:
    """The facts of one media message, or of the first track of a multitrack one.

    codec             a name of the tables above, or "unknown_..." with the number or FourCC; "" where cut
    kind              sequence_header, frame, sequence_end, metadata, command, empty, other (cut, or reserved values)
    key               a coded frame that decoding can start from
    composition_time  milliseconds from decoding to presentation
    track             the track id, 0 where the message has no tracks
    enhanced          the header is that of Enhanced RTMP
    many              the message may hold more tracks than this one
    """

    __slots__ = ("codec", "kind", "key", "composition_time", "track", "enhanced", "many")

    def __init__(
        self, codec: str, kind: str, key: bool, composition_time: i64, track: i64, enhanced: bool, many: bool
    ) -> None:
        self.codec: Final = codec
        self.kind: Final = kind
        self.key: Final = key
        self.composition_time: Final = composition_time
        self.track: Final = track
        self.enhanced: Final = enhanced
        self.many: Final = many


def _shared(codec: str, kind: str, key: bool = False, enhanced: bool = False) -> MediaTag:
    return MediaTag(codec, kind, key, 0, 0, enhanced, False)


_EMPTY: Final = _shared("", "empty")
_EX_CUT: Final = _shared("", "other", enhanced=True)
_AUDIO_FRAMES: Final = [_shared(AUDIO_CODECS.get(number, f"unknown_{number}"), "frame") for number in range(16)]
_AAC_HEADER: Final = _shared("aac", "sequence_header")
_AAC_FRAME: Final = _AUDIO_FRAMES[AAC]
_AAC_OTHER: Final = _shared("aac", "other")
# Video without packet types, by the first byte: frame type and codec.
_VIDEO_FRAMES: Final = [
    _shared(
        VIDEO_CODECS.get(first & 15, f"unknown_{first & 15}"),
        "command" if first >> 4 == COMMAND else "frame",
        first >> 4 in KEY_FRAMES,
    )
    for first in range(128)
]


def audio(payload: bytes) -> MediaTag:
    """The tag of an audio message; its first 64 bytes are enough."""
    size: i64 = len(payload)
    if size == 0:
        return _EMPTY
    first: i64 = payload[0]
    sound_format: i64 = first >> 4
    if sound_format == AAC:
        if size == 1 or payload[1] > 1:
            return _AAC_OTHER
        return _AAC_FRAME if payload[1] else _AAC_HEADER
    if sound_format == EX_AUDIO:
        return _enhanced(payload, first & 15, AUDIO_MULTITRACK, _KINDS, AUDIO_FOURCC, False)
    return _AUDIO_FRAMES[sound_format]


def video(payload: bytes) -> MediaTag:
    """The tag of a video message; its first 64 bytes are enough."""
    size: i64 = len(payload)
    if size == 0:
        return _EMPTY
    first: i64 = payload[0]
    if first & EX_VIDEO:
        return _enhanced_video(payload, first >> 4 & 7, first & 15)
    plain = _VIDEO_FRAMES[first]
    if plain.kind == "command" or plain.codec not in TIMED:
        return plain
    kind = _KINDS.get(payload[1], "other") if size > 1 else "other"
    if kind != "frame":
        return _shared(plain.codec, kind)
    time: i64 = _s24(payload, 2) if size >= 5 else 0
    return MediaTag(plain.codec, "frame", plain.key, time, 0, False, False) if time else plain


def wants_whole(type_id: i64, head: bytes) -> bool:
    """Whether the meaning of this message for the stream lies beyond its head: anything but one track's coded frame."""
    tag = audio(head) if type_id == AUDIO else video(head)
    return tag.many or tag.kind in ("sequence_header", "metadata", "other")


def body_start(type_id: i64, payload: bytes) -> i64:
    """Where the record or the coded data of a message of one track begins, behind every header."""
    size: i64 = len(payload)
    if size == 0:
        return 0
    first: i64 = payload[0]
    if first >> 4 == EX_AUDIO if type_id == AUDIO else first & EX_VIDEO:
        return min(_enhanced_start(type_id, payload, first & 15), size)
    if type_id == AUDIO:
        return min(2 if first >> 4 == AAC else 1, size)
    return min(5 if VIDEO_CODECS.get(first & 15, "") in TIMED else 1, size)


def _enhanced_start(type_id: i64, payload: bytes, packet_type: i64) -> i64:
    size: i64 = len(payload)
    packet_type, at = _after_mod_ex(payload, packet_type)
    in_track = packet_type == (AUDIO_MULTITRACK if type_id == AUDIO else VIDEO_MULTITRACK)
    if in_track and at < size:
        packet_type = payload[at] & 15
        at += 1
    timed = packet_type == CODED_FRAMES and VIDEO_FOURCC.get(payload[at : at + 4], "") in TIMED
    return at + 4 + (1 if in_track else 0) + (3 if timed else 0)


def codec_name(fourcc: bytes, names: dict[bytes, str]) -> str:
    """The codec's name; "unknown_" and the FourCC where there is none."""
    name = names.get(fourcc)
    if name is not None:
        return name
    return "unknown_" + (fourcc.decode() if fourcc.isascii() and fourcc.decode().isprintable() else fourcc.hex())


def _enhanced_video(payload: bytes, frame_type: i64, packet_type: i64) -> MediaTag:
    if frame_type == COMMAND:
        last, _ = _after_mod_ex(payload, packet_type)
        if last >= 0 and last != METADATA:
            return _shared("", "command", enhanced=True)
    return _enhanced(payload, packet_type, VIDEO_MULTITRACK, _VIDEO_KINDS, VIDEO_FOURCC, frame_type in KEY_FRAMES)


def _enhanced(
    payload: bytes, packet_type: i64, multitrack: i64, kinds: dict[int, str], codecs: dict[bytes, str], key: bool
) -> MediaTag:
    """The rest of an extended header, audio or video: ModEx, multitrack, FourCC, track, composition time."""
    packet_type, at = _after_mod_ex(payload, packet_type)
    size: i64 = len(payload)
    track: i64 = 0
    many = False
    in_tracks = packet_type == multitrack
    multitrack_type: i64 = 0
    if in_tracks:
        if at >= size:
            return _EX_CUT
        multitrack_type = payload[at] >> 4
        packet_type = payload[at] & 15
        many = multitrack_type in (MANY_TRACKS, MANY_CODECS)
        at += 1
    if packet_type < 0 or at + 4 > size:
        return _EX_CUT
    codec = codec_name(payload[at : at + 4], codecs)
    at += 4
    if in_tracks and at < size:
        track = payload[at]
        at += 4 if many else 1
    kind = kinds.get(packet_type, "other")
    time: i64 = 0
    if packet_type == CODED_FRAMES and codec in TIMED and at + 3 <= size:
        time = _s24(payload, at)
    return MediaTag(codec, kind, key and kind == "frame", time, track, True, many)


def _after_mod_ex(payload: bytes, packet_type: i64) -> tuple[i64, i64]:
    """The packet type behind all ModEx parts and where the header goes on; -1 and the end where it is cut."""
    size: i64 = len(payload)
    at: i64 = 1
    while packet_type == MOD_EX:
        if at >= size:
            return -1, size
        data: i64 = payload[at] + 1
        at += 1
        if data == 256:
            if at + 2 > size:
                return -1, size
            data = u16(payload, at) + 1
            at += 2
        at += data
        if at >= size:
            return -1, size
        packet_type = payload[at] & 15
        at += 1
    return packet_type, at


def _s24(data: bytes, at: i64) -> i64:
    value: i64 = u24(data, at)
    return value - 0x1000000 if value & 0x800000 else value
