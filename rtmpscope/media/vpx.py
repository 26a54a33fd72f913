"""VP8 and VP9: the configuration record they share, and the headers of their frames.

Sources: VP Codec ISO Media File Format Binding 1.0; RFC 6386 9.1; VP9 Bitstream 6.2, 7.2.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.media import color
from rtmpscope.media.bit_reader import BitReader, Damaged

_CHROMA: Final[dict[int, str]] = {0: "4:2:0", 1: "4:2:0", 2: "4:2:2", 3: "4:4:4"}
_PROFILES: Final[dict[int, str]] = {number: f"Profile {number}" for number in range(4)}
_LEVELS: Final[dict[int, str]] = {
    number: f"{number // 10}.{number % 10}" for number in (10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 52, 60, 61, 62)
}
_FULL_BOX: Final = b"\1\0\0\0"  # version and flags of the box that the record is in an MP4 file
_VP8_START: Final = b"\x9d\x01\x2a"
_VP9_SYNC: Final = 0x498342
_FRAME_TYPES: Final[dict[int, str]] = {0: "key", 1: "inter"}
_VP9_COLOR_SPACES: Final[dict[int, str]] = {
    0: "unspecified",
    1: "bt470bg",
    2: "bt709",
    3: "smpte170m",
    4: "smpte240m",
    5: "bt2020",
    7: "gbr",
}


def record(reader: BitReader) -> None:
    """VPCodecConfigurationRecord, with the box's version and flags before it or, as some write it, without."""
    if reader.data.startswith(_FULL_BOX, reader.at >> 3):
        reader.u("version", 8)
        reader.u("flags", 24, kind="display")
    reader.word("profile", 8, _PROFILES)
    reader.word("level", 8, _LEVELS)
    reader.u("bit_depth", 4)
    reader.word("chroma", 3, _CHROMA)
    reader.flag("full_range")
    color.description(reader, "colour_primaries", "transfer_characteristics", "matrix_coefficients")
    reader.octets("codec_initialization_data", reader.u("codec_initialization_data_size", 16, kind="display"))


def vp8_frame(reader: BitReader) -> None:
    """The uncompressed data chunk (RFC 6386 9.1), whose integers are little-endian."""
    first = reader.at
    tag = reader.little(3)
    inter = tag & 1
    reader.add("frame_type", _FRAME_TYPES[inter], first, str(inter))
    reader.add("version", tag >> 1 & 7, first)
    reader.add("show_frame", bool(tag >> 4 & 1), first)
    reader.add("first_part_size", tag >> 5, first)
    if not inter:
        if reader.octets("start_code", 3) != _VP8_START:
            raise Damaged("not the start code of a key frame")
        for name, scale in (("width", "horizontal_scale"), ("height", "vertical_scale")):
            first = reader.at
            number = reader.little(2)
            reader.add(name, number & 0x3FFF, first)
            reader.add(scale, number >> 14, first)
    reader.rest()


def vp9_frame(reader: BitReader) -> None:
    """uncompressed_header (VP9 6.2) up to the picture size of a key frame; of a superframe, the first one's."""
    start = reader.place()
    if reader.u("frame_marker", 2, kind="display") != 2:
        raise Damaged("not a VP9 frame")
    low = reader.number(1)
    profile = low | reader.number(1) << 1
    reader.add("profile", _PROFILES[profile], reader.at - 2)
    if profile == 3:
        reader.reserved(1)
    if reader.flag("show_existing_frame"):
        reader.u("frame_to_show_map_idx", 3)
        reader.rest()
        return
    kind = reader.word("frame_type", 1, _FRAME_TYPES)
    reader.flag("show_frame")
    reader.flag("error_resilient_mode")
    if kind == "key":
        if reader.u("frame_sync_code", 24, kind="display") != _VP9_SYNC:
            raise Damaged("not the sync code of a key frame")
        _vp9_color_config(reader, profile, start)
        reader.fact("width", reader.plus("frame_width", 16, 1), start)
        reader.fact("height", reader.plus("frame_height", 16, 1), start)
    reader.rest()


def _vp9_color_config(reader: BitReader, profile: int, start: int) -> None:
    """color_config (VP9 6.2.2)."""
    depth = 8
    if profile >= 2:
        depth = 12 if reader.flag("ten_or_twelve_bit") else 10
    rgb = reader.word("color_space", 3, _VP9_COLOR_SPACES) == "gbr"
    reader.fact("full_range", rgb or reader.flag("color_range"), start)
    x = y = not rgb
    if profile & 1:
        if not rgb:
            x, y = reader.flag("subsampling_x"), reader.flag("subsampling_y")
        reader.reserved(1)
    reader.fact("bit_depth", depth, start)
    reader.fact("chroma", "4:2:0" if x and y else "4:2:2" if x else "4:4:0" if y else "4:4:4", start)
