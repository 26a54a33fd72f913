"""FLAC: the STREAMINFO block (RFC 9639 8.2), with the signature and block header before it or without."""

from __future__ import annotations

from typing import Final

from rtmpscope.media.bit_reader import BitReader

_SIGNATURE: Final = b"fLaC"
_BLOCK_TYPES: Final[dict[int, str]] = {
    0: "STREAMINFO",
    1: "PADDING",
    2: "APPLICATION",
    3: "SEEKTABLE",
    4: "VORBIS_COMMENT",
    5: "CUESHEET",
    6: "PICTURE",
}
_STREAMINFO_BYTES: Final = 34


def config(reader: BitReader) -> None:
    """STREAMINFO alone, or with what a FLAC file has before it."""
    if reader.data.startswith(_SIGNATURE, reader.at >> 3):
        reader.octets("signature", len(_SIGNATURE))
    if reader.left == _STREAMINFO_BYTES:
        reader.part("streaminfo", _streaminfo)
        return
    last = False
    with reader.group("blocks", "list"):
        while not last and reader.left:
            with reader.group("block"):
                last = reader.flag("last", "display")
                kind = reader.word("type", 7, _BLOCK_TYPES)
                size = reader.u("size", 24)
                if kind == "STREAMINFO":
                    reader.part("streaminfo", _streaminfo, size)
                else:
                    reader.octets("data", size)


def _streaminfo(reader: BitReader) -> None:
    start = reader.place()
    reader.u("min_block_size", 16)
    block = reader.u("max_block_size", 16)
    reader.u("min_frame_size", 24)
    reader.u("max_frame_size", 24)
    rate = reader.u("sample_rate", 20)
    channels = reader.plus("channels", 3, 1)
    depth = reader.plus("bits_per_sample", 5, 1)
    reader.u("total_samples", 36)
    reader.octets("md5", 16)
    reader.fact("sample_rate", rate, start)
    reader.fact("channels", channels, start)
    reader.fact("bit_depth", depth, start)
    reader.fact("samples_per_frame", block, start)
