"""The codecs of FLV before AVC and AAC, as far as FLV and SWF define their headers.

Sources: FLV 10.1 E.4.2 and E.4.3; SWF 19, video bitstream formats and ADPCM; VP6 as FFmpeg and Ruffle read it.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.media.bit_reader import BitReader, Damaged

# Sorenson H.263

_H263_SIZES: Final[dict[int, tuple[int, int]]] = {
    2: (352, 288),
    3: (176, 144),
    4: (128, 96),
    5: (320, 240),
    6: (160, 120),
}
_H263_SIZE_TEXTS: Final[dict[int, str]] = {
    0: "8 bits follow",
    1: "16 bits follow",
    **{code: f"{width} x {height}" for code, (width, height) in _H263_SIZES.items()},
}
_H263_PICTURES: Final[dict[int, str]] = {0: "intra", 1: "inter", 2: "disposable inter"}


def sorenson_h263(reader: BitReader) -> None:
    """H263VIDEOPACKET up to the macroblocks."""
    start = reader.place()
    if reader.u("picture_start_code", 17, kind="display") != 1:
        raise Damaged("no picture start code")
    reader.u("version", 5)
    reader.u("temporal_reference", 8)
    code = reader.u("picture_size", 3, _H263_SIZE_TEXTS)
    if code < 2:
        width, height = reader.u("custom_width", 8 << code), reader.u("custom_height", 8 << code)
    else:
        width, height = _H263_SIZES.get(code, (0, 0))
    reader.fact("width", width, start)
    reader.fact("height", height, start)
    reader.word("picture_type", 2, _H263_PICTURES)
    reader.flag("deblocking_flag")
    reader.u("quantizer", 5)
    while reader.flag("extra_information_flag", "display"):
        reader.u("extra_information", 8, kind="display")
    reader.rest("macroblocks")


# Screen video


def screen(reader: BitReader) -> None:
    """SCREENVIDEOPACKET: the picture in blocks; one of size 0 did not change."""
    _screen_size(reader)
    _blocks(reader)


def screen2(reader: BitReader) -> None:
    """SCREENV2VIDEOPACKET."""
    _screen_size(reader)
    reader.reserved(6)
    reader.flag("has_iframe_image")
    if reader.flag("has_palette_info"):
        reader.octets("palette", reader.u("palette_size", 16))
    _blocks(reader)


def _screen_size(reader: BitReader) -> None:
    for side in ("width", "height"):
        first = reader.at
        reader.add(f"block_{side}", 16 * (reader.number(4) + 1), first)
        reader.u(side, 12)


def _blocks(reader: BitReader) -> None:
    with reader.group("blocks", "display"):
        while reader.left:
            reader.sized("block", 16, BitReader.rest)


# VP6


def vp6(reader: BitReader) -> None:
    """VP6FLVVIDEOPACKET."""
    _vp6_frame(reader, reader.u("horizontal_adjustment", 4), reader.u("vertical_adjustment", 4))


def vp6a(reader: BitReader) -> None:
    """VP6FLVALPHAVIDEOPACKET."""
    horizontal, vertical = reader.u("horizontal_adjustment", 4), reader.u("vertical_adjustment", 4)
    reader.u("offset_to_alpha", 24)
    _vp6_frame(reader, horizontal, vertical)


def _vp6_frame(reader: BitReader, horizontal: int, vertical: int) -> None:
    start = reader.place()
    inter = reader.u("inter_frame", 1, {0: "key frame", 1: "inter frame"})
    reader.u("quantizer", 6)
    separated = reader.flag("separated_coefficients")
    if not inter:
        reader.u("sub_version", 5)
        profile = reader.u("vp6_profile", 2, {0: "simple", 3: "advanced"})
        reader.flag("interlaced")
        if separated or not profile:
            reader.u("coefficients_offset", 16)
        rows, columns = reader.u("macroblock_rows", 8), reader.u("macroblock_columns", 8)
        reader.u("display_rows", 8)
        reader.u("display_columns", 8)
        reader.fact("width", 16 * columns - horizontal, start)
        reader.fact("height", 16 * rows - vertical, start)
    reader.rest()


# ADPCM


def adpcm(channels: int, reader: BitReader) -> None:
    """ADPCMSOUNDDATA: how many bits a code has, and where each channel of the first packet begins."""
    reader.plus("code_bits", 2, 2)
    with reader.group("first_packet", "list"):
        for _ in range(channels):
            with reader.group("channel"):
                first = reader.at
                sample = reader.number(16)
                reader.add("initial_sample", sample - (sample >> 15 << 16), first)
                reader.u("initial_index", 6)
    reader.rest("codes")
