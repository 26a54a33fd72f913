"""MP3: the frame header (ISO/IEC 11172-3 2.4.2.3, 13818-3), which stands in every message."""

from __future__ import annotations

from typing import Final

from rtmpscope.media.bit_reader import BitReader, Damaged

_SYNC: Final = 0x7FF
_VERSIONS: Final[dict[int, str]] = {0: "MPEG 2.5", 2: "MPEG 2", 3: "MPEG 1"}
_LAYERS: Final[dict[int, str]] = {1: "layer III", 2: "layer II", 3: "layer I"}
_SAMPLE_RATES: Final = (44_100, 48_000, 32_000)  # of MPEG 1; half for MPEG 2, a quarter for MPEG 2.5
_RATE_DIVISORS: Final[dict[int, int]] = {0: 4, 2: 2, 3: 1}
_LAYER_3: Final = 1
_MPEG_1: Final = 3
# kbit/s of layer III by index; 0 is free format.
_BIT_RATES_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BIT_RATES_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MODES: Final[dict[int, str]] = {0: "stereo", 1: "joint stereo", 2: "dual channel", 3: "mono"}


def frame(reader: BitReader) -> None:
    """The frame header; what follows stays bytes."""
    start = reader.place()
    if reader.u("sync_word", 11, kind="display") != _SYNC:
        raise Damaged("no sync word")
    version = reader.u("version", 2, _VERSIONS)
    layer = reader.u("layer", 2, _LAYERS)
    reader.flag("protection_absent")
    first = reader.at
    index = reader.number(4)
    rates = _BIT_RATES_1 if version == _MPEG_1 else _BIT_RATES_2
    bit_rate = 1000 * rates[index] if layer == _LAYER_3 and index < len(rates) else 0
    reader.add("bit_rate", bit_rate, first, f"index {index}")
    first = reader.at
    index = reader.number(2)
    divisor = _RATE_DIVISORS.get(version)
    rate = _SAMPLE_RATES[index] // divisor if divisor and index < len(_SAMPLE_RATES) else 0
    reader.add("sample_rate", rate, first, f"index {index}")
    reader.flag("padding")
    reader.flag("private")
    mode = reader.u("channel_mode", 2, _MODES)
    reader.u("mode_extension", 2)
    reader.flag("copyright")
    reader.flag("original")
    reader.u("emphasis", 2)
    reader.fact("channels", 1 if mode == 3 else 2, start)
    if layer == _LAYER_3:
        reader.fact("samples_per_frame", 1152 if version == _MPEG_1 else 576, start)
    reader.rest()
