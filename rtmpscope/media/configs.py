"""Sequence headers: the decoder of each codec's configuration record, and what it says about the stream.

`read` makes the record's tree, which begins with the facts that matter to a person; `parameters` takes these facts
alone.  Codecs without a record state them in every frame: see `frame_facts`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from rtmpscope.media import aac, av1, flac, h264, hevc, opus, vpx, vvc
from rtmpscope.media.bit_reader import BitReader, Decoder
from rtmpscope.model import Field

_RECORDS: Final[dict[str, Decoder]] = {
    "h264": h264.record,
    "hevc": hevc.record,
    "vvc": vvc.record,
    "av1": av1.record,
    "vp8": vpx.record,
    "vp9": vpx.record,
    "aac": aac.config,
    "opus": opus.config,
    "flac": flac.config,
}


class Parameters(NamedTuple):
    """What a stream is, as far as it says so; 0, "" and None where it does not.

    width and height are those of the picture that is shown, frame_rate is per second, sample_rate in hertz,
    samples_per_frame at that rate, bit_rate per second.  Colours have FFmpeg's names, aspect ratio is "4:3".
    """

    profile: str = ""
    level: str = ""
    tier: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    chroma: str = ""
    bit_depth: int = 0
    interlaced: bool | None = None
    sample_aspect_ratio: str = ""
    full_range: bool | None = None
    color_primaries: str = ""
    color_transfer: str = ""
    color_space: str = ""
    sample_rate: int = 0
    channels: int = 0
    samples_per_frame: int = 0
    bit_rate: int = 0

    @classmethod
    def of(cls, field: Field) -> Parameters:
        """Those that are children of a decoded record or frame."""
        found: dict[str, Any] = {child.name: child.value for child in reversed(field.children)}
        return cls(**{name: found[name] for name in cls._fields if name in found})

    def __str__(self) -> str:
        parts = [
            f"{self.profile} {self.level}".strip(),
            f"{self.width} x {self.height}" if self.width else "",
            f"{self.frame_rate:.6g} fps" if self.frame_rate else "",
            f"{self.sample_rate:,} Hz" if self.sample_rate else "",
            f"{self.channels} channel{'s'[: self.channels > 1]}" if self.channels else "",
        ]
        return ", ".join(part for part in parts if part)


def read(reader: BitReader, codec: str) -> None:
    """The configuration record that fills what is left, as the field "config"; codecs without one leave nothing."""
    decoder = _RECORDS.get(codec)
    if decoder is None:
        reader.rest("config", kind="")
    else:
        config = reader.record("config", decoder)
        config.text = str(Parameters.of(config))


def decode(codec: str, record: bytes) -> Field:
    """The tree of a configuration record: avcC, hvcC, VVC, av1C, vpcC, AudioSpecificConfig, OpusHead or FLAC's."""
    return BitReader(record).record("config", _RECORDS.get(codec, BitReader.rest))


def parameters(codec: str, record: bytes) -> Parameters:
    """What a configuration record says."""
    return Parameters.of(decode(codec, record))
