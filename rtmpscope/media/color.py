"""Colour description by the code points of ITU-T H.273, in FFmpeg's names."""

from __future__ import annotations

from typing import Final

from rtmpscope.media.bit_reader import BitReader

UNSPECIFIED: Final = 2

PRIMARIES: Final[dict[int, str]] = {
    1: "bt709",
    2: "unspecified",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
TRANSFER: Final[dict[int, str]] = {
    1: "bt709",
    2: "unspecified",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
MATRIX: Final[dict[int, str]] = {
    0: "gbr",
    1: "bt709",
    2: "unspecified",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
}
# chroma_format_idc of H.264, HEVC and VVC.
CHROMA: Final[dict[int, str]] = {0: "4:0:0", 1: "4:2:0", 2: "4:2:2", 3: "4:4:4"}
# The horizontal and vertical step of a cropping unit in luma samples, by chroma_format_idc.
SUBSAMPLING: Final = ((1, 1), (2, 2), (2, 1), (1, 1))


def description(reader: BitReader, primaries: str, transfer: str, matrix: str) -> tuple[int, ...]:
    """The three code points that stand together in every codec, under the names that codec gives them."""
    start = reader.place()
    codes = []
    for fact, name, meaning in (
        ("color_primaries", primaries, PRIMARIES),
        ("color_transfer", transfer, TRANSFER),
        ("color_space", matrix, MATRIX),
    ):
        code = reader.u(name, 8, meaning)
        if code != UNSPECIFIED:
            reader.fact(fact, meaning.get(code, f"unknown_{code}"), start)
        codes.append(code)
    return tuple(codes)
