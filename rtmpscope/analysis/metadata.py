"""What onMetaData promises, held against what the sequence headers and frames say.

Encoders fill it in by hand, so a difference is nothing rare; but players that lay out a picture or choose a
decoder by it show nothing, or something wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtmpscope.media.tag import AUDIO_CODECS, AUDIO_FOURCC, VIDEO_CODECS, VIDEO_FOURCC
from rtmpscope.model import Field

# By kind of track: the metadata's property, the fact of the sequence header, what to call it.
COMPARED: Final = {
    "video": (("width", "width", "width"), ("height", "height", "height")),
    "audio": (("audiosamplerate", "sample_rate", "sample rate"),),
}
CODECS: Final = {
    "video": ("videocodecid", VIDEO_CODECS, VIDEO_FOURCC),
    "audio": ("audiocodecid", AUDIO_CODECS, AUDIO_FOURCC),
}
USED: Final = frozenset({"width", "height", "framerate", "audiosamplerate", "videocodecid", "audiocodecid"})
FRAME_RATE_TOLERANCE: Final = 0.2


def promises(body: Field) -> dict[str, object] | None:
    """The properties of an onMetaData message that can be checked, None for any other data message."""
    arguments = body.child("arguments")
    metadata = arguments.child("metadata") if arguments is not None else None
    if metadata is None:
        return None
    return {field.name: field.value for field in metadata.children if field.name in USED}


def differences(kind: str, codec: str, promised: Mapping[str, object], facts: Mapping[str, object]) -> list[str]:
    """What a track is not as promised, in words; a promise of 0 or of nothing is none."""
    found = [
        f"{words} {_shown(promised[name])}, really {_shown(facts[fact])}"
        for name, fact, words in COMPARED[kind]
        if promised.get(name) and facts.get(fact) and promised[name] != facts[fact]
    ]
    name, numbers, fourccs = CODECS[kind]
    promised_codec = _codec(promised.get(name), numbers, fourccs)
    if promised_codec and codec and promised_codec != codec:
        found.append(f"{kind} codec {promised_codec}, really {codec}")
    return found


def frame_rate_differs(promised: Mapping[str, object], measured: float) -> bool:
    """Whether the frame rate measured is not the one promised, by more than the tolerance."""
    rate = promised.get("framerate")
    return isinstance(rate, float) and rate > 0 and abs(measured - rate) > FRAME_RATE_TOLERANCE * rate


def _codec(promised: object, numbers: dict[int, str], fourccs: dict[bytes, str]) -> str:
    """The name of a codec given as FLV's number or as a FourCC, as a number or as text (Enhanced RTMP); or ""."""
    if isinstance(promised, str):
        return fourccs.get(promised.encode(), "")
    if not isinstance(promised, float) or not 0 <= promised < 1 << 32 or promised != int(promised):
        return ""
    number = int(promised)
    return numbers.get(number) or fourccs.get(number.to_bytes(4, "big"), "")


def _shown(value: object) -> str:
    return f"{value:,.6g}" if isinstance(value, (int, float)) else "of another kind"
