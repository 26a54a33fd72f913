"""The header that Enhanced RTMP puts before audio and video alike: ModEx, multitrack, FourCC.

A `Side` says what is audio's and what is video's; the walk is the same: packet type, ModEx parts while they last,
then either one body or tracks, each with a body of its own.

Source: Enhanced RTMP v2, ExAudioTagHeader, ExAudioTagBody, ExVideoTagHeader, ExVideoTagBody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from rtmpscope.media import tag
from rtmpscope.media.bit_reader import BitReader, Damaged

_MULTITRACK_TYPES: Final[dict[int, str]] = {
    0: "one_track",
    tag.MANY_TRACKS: "many_tracks",
    tag.MANY_CODECS: "many_tracks_many_codecs",
}
_MOD_EX_TYPES: Final[dict[int, str]] = {0: "timestamp_offset_nano"}
_NANO: Final = 0
_NANO_BYTES: Final = 3
_LONG_DATA: Final = 256  # the size that says that the size follows in 16 bits


class Side:
    """Audio or video: packet types, which of them means multitrack, FourCCs, and body(reader, packet type, codec)."""

    __slots__ = ("packet_types", "multitrack", "codecs", "body")

    def __init__(
        self,
        packet_types: Mapping[int, str],
        multitrack: int,
        codecs: dict[bytes, str],
        body: Callable[[BitReader, str, str], None],
    ) -> None:
        self.packet_types: Final = packet_types
        self.multitrack: Final = multitrack
        self.codecs: Final = codecs
        self.body: Final = body


def packet_type(reader: BitReader, side: Side) -> int:
    """The low half of the first byte, and behind ModEx parts the half byte that holds instead."""
    first = reader.at
    kind = reader.number(4)
    if kind == tag.MOD_EX:
        reader.add("outer_packet_type", side.packet_types[kind], first, str(kind), "display")
        with reader.group("mod_ex", "list"):
            while kind == tag.MOD_EX:
                with reader.group("part"):
                    _mod_ex(reader)
                first = reader.at
                kind = reader.number(4)
    word = side.packet_types.get(kind, f"unknown_{kind}")
    if kind == side.multitrack:
        reader.add("outer_packet_type", word, first, str(kind), "display")
    else:
        reader.add("packet_type", word, first, str(kind))
    return kind


def _mod_ex(reader: BitReader) -> None:
    """Size, data and type of one extension."""
    first = reader.at
    size = reader.number(8) + 1
    if size == _LONG_DATA:
        size = reader.number(16) + 1
    reader.add("size", size, first, kind="display")
    type_at = (reader.at >> 3) + size
    if type_at >= reader.end >> 3:
        raise Damaged("a ModEx part ends too early")
    if reader.data[type_at] >> 4 == _NANO and size >= _NANO_BYTES:
        reader.u("nanoseconds", 8 * _NANO_BYTES)
        size -= _NANO_BYTES
    if size:
        reader.octets("data", size, kind="")
    reader.word("type", 4, _MOD_EX_TYPES)


def message(reader: BitReader, side: Side, kind: int) -> None:
    """What follows the packet type: one body, or tracks."""
    if kind != side.multitrack:
        codec = _fourcc(reader, side)
        side.body(reader, side.packet_types.get(kind, ""), codec)
        return
    multitrack = reader.number(4)
    reader.add("multitrack", _MULTITRACK_TYPES.get(multitrack, f"unknown_{multitrack}"), reader.at - 4, str(multitrack))
    word = reader.word("packet_type", 4, side.packet_types)
    codec = "" if multitrack == tag.MANY_CODECS else _fourcc(reader, side)
    with reader.group("tracks", "list"):
        if multitrack not in (tag.MANY_TRACKS, tag.MANY_CODECS):
            reader.part("track", partial(_track, side, word, codec, False))
            return
        while reader.left:
            size_at = (reader.at >> 3) + (1 if codec else 5)  # behind the track id, and the FourCC if there is one
            if size_at + 3 > reader.end >> 3:
                raise Damaged("a track's header ends too early")
            stop = size_at + 3 + int.from_bytes(reader.data[size_at : size_at + 3], "big")
            reader.part("track", partial(_track, side, word, codec, True), stop - (reader.at >> 3))


def _track(side: Side, word: str, codec: str, with_size: bool, reader: BitReader) -> None:
    codec = codec or _fourcc(reader, side)
    reader.u("track_id", 8)
    if with_size:
        reader.u("size", 24)
    side.body(reader, word, codec)


def _fourcc(reader: BitReader, side: Side) -> str:
    first = reader.at
    code = reader.number(32).to_bytes(4, "big")
    codec = tag.codec_name(code, side.codecs)
    reader.add("codec", codec, first)
    reader.add("fourcc", code.decode("ascii", "backslashreplace"), first)
    return codec
