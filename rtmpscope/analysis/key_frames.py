"""What is wrong with a key frame, as far as its first bytes tell: no more of a frame is kept.

The NAL units at its beginning are walked by their lengths.  What lies beyond the bytes at hand, or behind a hole, is
taken to be in order.

Sources: ISO/IEC 14496-15 5.3.4.2 (lengths, parameter sets); ITU-T H.264 7.4.1.2.4, H.265 7.4.2.2, H.266 7.4.2.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtmpscope.media import tag
from rtmpscope.model import VIDEO, Message, Severity

START_CODE: Final = b"\0\0\0\1"  # with 4-byte lengths that would be a NAL unit of one byte
SPS_BYTES: Final = 8  # fewer say too little

Fault = tuple[str, Severity, str]


class _Codec:
    """The byte of a NAL unit that holds its type, and where in it; types of slices, of those to begin with, of SPS."""

    __slots__ = ("byte", "shift", "mask", "slices", "intra", "sps")

    def __init__(self, byte: int, shift: int, mask: int, slices: range, intra: range, sps: int) -> None:
        self.byte: Final = byte
        self.shift: Final = shift
        self.mask: Final = mask
        self.slices: Final = slices
        self.intra: Final = intra
        self.sps: Final = sps


CODECS: Final = {
    "h264": _Codec(0, 0, 0x1F, range(1, 6), range(5, 6), 7),
    "hevc": _Codec(0, 1, 0x3F, range(32), range(16, 24), 33),
    "vvc": _Codec(1, 3, 0x1F, range(13), range(7, 11), 15),
}


def faults(message: Message, codec: str, length_size: object, header: bytes) -> Iterator[Fault]:
    """Of a key frame in a message of one track; `header` is the message with its sequence header, b"" for none."""
    known = CODECS.get(codec)
    if known is None:
        return
    data = message.prefix
    at = tag.body_start(VIDEO, data)
    if data.startswith(START_CODE, at):
        text = "NAL units begin with start codes (Annex B) where lengths belong: players cannot decode this"
        yield "annex-b", Severity.WARNING, text
        return
    if not isinstance(length_size, int):
        return
    while at + length_size + known.byte < len(data):
        start = at + length_size
        at = start + int.from_bytes(data[at:start], "big")
        if at > message.length:
            text = f"a NAL unit ends {at - message.length:,} bytes behind the end of the message: decoders drop it"
            yield "nal-overrun", Severity.WARNING, text
            return
        if at == start:
            continue
        kind = data[start + known.byte] >> known.shift & known.mask
        unit = data[start:at]
        if kind == known.sps and len(unit) >= SPS_BYTES and header and unit not in header:
            text = "the frame carries another SPS than the sequence header: players that trust the header show garbage"
            yield "sps-differs", Severity.NOTE, text
        if kind in known.slices:
            if kind not in known.intra:
                text = "a key frame without an IDR slice (open GOP?): players that begin here may show broken pictures"
                yield "key-frame-false", Severity.NOTE, text
            return
