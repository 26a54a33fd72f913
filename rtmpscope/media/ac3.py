"""AC-3 and E-AC-3: the header of a sync frame, which stands in every message (ATSC A/52 5.3, E.1.2)."""

from __future__ import annotations

from typing import Final

from rtmpscope.media.bit_reader import BitReader, Damaged

_SYNC: Final = 0x0B77
_SAMPLE_RATES: Final = (48_000, 44_100, 32_000)
_REDUCED: Final = 3  # fscod of E-AC-3 that announces half of a rate
_BLOCKS: Final = (1, 2, 3, 6)
_SAMPLES_PER_BLOCK: Final = 256
# kbit/s of AC-3 by half of frmsizecod.
_BIT_RATES: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_CHANNEL_MODES: Final[dict[int, str]] = {
    0: "1+1",
    1: "1/0",
    2: "2/0",
    3: "3/0",
    4: "2/1",
    5: "3/1",
    6: "2/2",
    7: "3/2",
}
_CHANNELS: Final = (2, 1, 2, 3, 3, 4, 4, 5)
_STREAM_TYPES: Final[dict[int, str]] = {0: "independent", 1: "dependent", 2: "converted from AC-3"}


def ac3_frame(reader: BitReader) -> None:
    """syncinfo and the beginning of bsi."""
    start = reader.place()
    _sync(reader)
    reader.u("crc1", 16, kind="display")
    code = reader.u("fscod", 2)
    reader.fact("sample_rate", _SAMPLE_RATES[code] if code < len(_SAMPLE_RATES) else 0, start)
    code = reader.u("frmsizecod", 6)
    reader.fact("bit_rate", 1000 * _BIT_RATES[code >> 1] if code >> 1 < len(_BIT_RATES) else 0, start)
    reader.u("bsid", 5)
    reader.u("bsmod", 3)
    mode = reader.u("acmod", 3, _CHANNEL_MODES)
    if mode & 1 and mode != 1:
        reader.u("cmixlev", 2)
    if mode & 4:
        reader.u("surmixlev", 2)
    if mode == 2:
        reader.u("dsurmod", 2)
    reader.fact("channels", _CHANNELS[mode] + reader.flag("lfeon"), start)
    reader.fact("samples_per_frame", 6 * _SAMPLES_PER_BLOCK, start)
    reader.rest()


def eac3_frame(reader: BitReader) -> None:
    """syncinfo and the beginning of bsi (E.1.2.2)."""
    start = reader.place()
    _sync(reader)
    reader.u("strmtyp", 2, _STREAM_TYPES)
    reader.u("substreamid", 3)
    size = 2 * reader.plus("frame_words", 11, 1)
    code = reader.u("fscod", 2)
    divisor, blocks = 1, 6
    if code == _REDUCED:
        code, divisor = reader.u("fscod2", 2), 2
    else:
        blocks = _BLOCKS[reader.u("numblkscod", 2, dict(enumerate(map(str, _BLOCKS))))]
    rate = _SAMPLE_RATES[code] // divisor if code < len(_SAMPLE_RATES) else 0
    mode = reader.u("acmod", 3, _CHANNEL_MODES)
    low = reader.flag("lfeon")
    reader.u("bsid", 5)
    reader.fact("sample_rate", rate, start)
    reader.fact("channels", _CHANNELS[mode] + low, start)
    reader.fact("samples_per_frame", blocks * _SAMPLES_PER_BLOCK, start)
    reader.fact("bit_rate", size * 8 * rate // (blocks * _SAMPLES_PER_BLOCK), start)
    reader.rest()


def _sync(reader: BitReader) -> None:
    if reader.u("sync_word", 16, kind="display") != _SYNC:
        raise Damaged("no sync word")
