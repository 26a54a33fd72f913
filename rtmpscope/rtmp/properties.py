"""What the properties of well-known objects mean: those of connect and its answer, of status, of metadata.

Each table goes from the wire's key to words, or to a function that finds words for a value.  The words never
repeat the wire's text, so they need no escaping and give no secret away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtmpscope.media.tag import AUDIO_CODECS, AUDIO_FOURCC, VIDEO_CODECS, VIDEO_FOURCC
from rtmpscope.model import Field
from rtmpscope.rtmp import status_codes

Meaning = str | Callable[[Field], str]
Meanings = dict[str, Meaning]

_CODECS: Final = {fourcc.decode(): name for fourcc, name in (*VIDEO_FOURCC.items(), *AUDIO_FOURCC.items())}
_CODECS["*"] = "any codec"

# RTMP 7.2.1.1; each table lists a mask and its name.
_AUDIO_CODECS: Final = (
    (0x0001, "PCM"),
    (0x0002, "ADPCM"),
    (0x0004, "MP3"),
    (0x0008, "Intel (unused)"),
    (0x0010, "0x10 (unused)"),
    (0x0020, "Nellymoser 8 kHz"),
    (0x0040, "Nellymoser 44 kHz"),
    (0x0080, "G.711 A-law"),
    (0x0100, "G.711 mu-law"),
    (0x0200, "Nellymoser 16 kHz"),
    (0x0400, "AAC"),
    (0x0800, "Speex"),
)
_VIDEO_CODECS: Final = (
    (0x01, "0x1 (unused)"),
    (0x02, "JPEG"),
    (0x04, "Sorenson H.263"),
    (0x08, "Screen Video"),
    (0x10, "VP6"),
    (0x20, "VP6 with alpha"),
    (0x40, "Screen Video 2"),
    (0x80, "H.264"),
)
_VIDEO_FUNCTION: Final = (  # all but the first are Enhanced RTMP's
    (1, "client seek"),
    (2, "HDR"),
    (4, "video metadata packets"),
    (8, "large-scale tile"),
)
# Enhanced RTMP, "Enhancing NetConnection connect Command"
_CAPS_EX: Final = ((1, "Reconnect"), (2, "Multitrack"), (4, "ModEx"), (8, "TimestampNanoOffset"))
_FOURCC_MASK: Final = ((1, "decode"), (2, "encode"), (4, "forward"))
_ENCODINGS: Final = {0: "AMF0", 3: "AMF3"}

# What the description says where a login is wanted (Adobe's and Limelight's scheme, as librtmp parses it).
_LOGIN: Final = (
    ("code=403 need auth", "publishing needs a login: the client is to connect again and name the user"),
    ("reason=needauth", "the server's challenge: the client is to connect again with a response to it"),
    ("reason=authfailed", "the password is wrong"),
    ("reason=nosuchuser", "there is no such user"),
)


def explain(fields: list[Field], meanings: Meanings) -> None:
    """Give fields that have no text yet the words for their names."""
    for field in fields:
        meaning = meanings.get(field.name)
        if meaning is not None and not field.text:
            field.text = meaning if isinstance(meaning, str) else meaning(field)


def whole(value: object) -> int:
    """A number of the wire as an integer, -1 where it is none or is negative."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1 << 53:
        return -1
    return int(value) if value == int(value) else -1


def _bits(value: object, names: tuple[tuple[int, str], ...]) -> str:
    number = whole(value)
    if number < 0:
        return ""
    found = [name for mask, name in names if number & mask]
    rest = number
    for mask, _ in names:
        rest &= ~mask
    if rest:
        found.append(f"0x{rest:x} (not defined)")
    return ", ".join(found) if found else "none"


def _audio_codecs(field: Field) -> str:
    return _bits(field.value, _AUDIO_CODECS)


def _video_codecs(field: Field) -> str:
    return _bits(field.value, _VIDEO_CODECS)


def _video_function(field: Field) -> str:
    return _bits(field.value, _VIDEO_FUNCTION)


def _caps_ex(field: Field) -> str:
    return _bits(field.value, _CAPS_EX)


def _object_encoding(field: Field) -> str:
    return _ENCODINGS.get(whole(field.value), "not defined: 0 is AMF0, 3 is AMF3")


def _proxy(field: Field) -> str:
    return "through a proxy" if field.value else "no proxy"


def _fourcc_list(field: Field) -> str:
    for item in field.children:
        item.text = item.text or _CODECS.get(str(item.value), "")
    return "codecs of Enhanced RTMP"


def _fourcc_map(field: Field) -> str:
    for item in field.children:
        codec = _CODECS.get(item.name, "codec not known")
        item.text = item.text or f"{codec}: {_bits(item.value, _FOURCC_MASK)}"
    return "codecs of Enhanced RTMP and what can be done with each"


def _code(field: Field) -> str:
    return status_codes.meaning(field.value)


def _description(field: Field) -> str:
    text = field.value
    if isinstance(text, str):
        for sign, meaning in _LOGIN:
            if sign in text:
                return meaning
    return ""


def _codec_id(value: object, codecs: dict[int, str]) -> str:
    """A codec of FLV by its number, or one of Enhanced RTMP by the number that its FourCC makes."""
    number = whole(value)
    if number > 0xFF:
        return _CODECS.get(number.to_bytes(8, "big")[-4:].decode("latin-1"), "not known")
    return codecs.get(number, "not known") if number >= 0 else ""


def _video_codec_id(field: Field) -> str:
    return _codec_id(field.value, VIDEO_CODECS)


def _audio_codec_id(field: Field) -> str:
    return _codec_id(field.value, AUDIO_CODECS)


def _tracks(field: Field) -> str:
    for track in field.children:
        explain(track.children, METADATA)
    return "by track id"


CONNECT: Final[Meanings] = {
    "audioCodecs": _audio_codecs,
    "audioFourCcInfoMap": _fourcc_map,
    "capsEx": _caps_ex,
    "fourCcList": _fourcc_list,
    "fpad": _proxy,
    "objectEncoding": _object_encoding,
    "videoCodecs": _video_codecs,
    "videoFourCcInfoMap": _fourcc_map,
    "videoFunction": _video_function,
}

# The answer to connect may repeat what the server supports, in either of its two objects.
STATUS: Final[Meanings] = {
    **CONNECT,
    "code": _code,
    "description": _description,
    "secureToken": "a challenge: the client is to answer with secureTokenResponse",
}

METADATA: Final[Meanings] = {
    "audiocodecid": _audio_codec_id,
    "audiodatarate": "kbit/s",
    "audiodelay": "seconds",
    "audiosamplerate": "Hz",
    "audiosamplesize": "bit",
    "audioTrackIdInfoMap": _tracks,
    "duration": "seconds",
    "fileSize": "bytes",
    "filesize": "bytes",
    "framerate": "frames a second",
    "height": "pixels",
    "videocodecid": _video_codec_id,
    "videodatarate": "kbit/s",
    "videoTrackIdInfoMap": _tracks,
    "width": "pixels",
}
