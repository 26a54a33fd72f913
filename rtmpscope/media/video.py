"""Video messages, type 9: the FLV video tag without its header, decoded to the bit.

Sources: FLV 10.1 E.4.3.1; Enhanced RTMP v2, ExVideoTagHeader, ExVideoTagBody and Metadata Frame.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.amf import amf0
from rtmpscope.media import av1, configs, enhanced, h264, hevc, legacy, nal, tag, vpx, vvc
from rtmpscope.media.bit_reader import BitReader, Damaged, Decoder
from rtmpscope.media.enhanced import Side
from rtmpscope.model import Field

FRAME_TYPES: Final[dict[int, str]] = {
    1: "key",
    2: "inter",
    3: "disposable",
    4: "generated_key",
    tag.COMMAND: "command",
}
_COMMANDS: Final[dict[int, str]] = {0: "start_seek", 1: "end_seek"}
_CODECS: Final[dict[int, str]] = {
    1: "JPEG",
    2: "Sorenson H.263",
    3: "Screen video",
    4: "On2 VP6",
    5: "On2 VP6 with alpha channel",
    6: "Screen video version 2",
    7: "AVC",
    8: "reserved; FFmpeg reads H.263",
    9: "reserved; FFmpeg reads MPEG-4",
    12: "reserved; widely used for HEVC",
}
_AVC_PACKET_TYPES: Final[dict[int, str]] = {0: "sequence_header", 1: "nalu", 2: "end_of_sequence"}

_PACKET_TYPES: Final[dict[int, str]] = {
    0: "sequence_start",
    tag.CODED_FRAMES: "coded_frames",
    2: "sequence_end",
    3: "coded_frames_x",
    tag.METADATA: "metadata",
    5: "mpeg2ts_sequence_start",
    tag.VIDEO_MULTITRACK: "multitrack",
    tag.MOD_EX: "mod_ex",
}
_NAL_UNITS: Final[dict[str, Decoder]] = {"h264": h264.unit, "hevc": hevc.unit, "vvc": vvc.unit}
_FRAMES: Final[dict[str, Decoder]] = {
    "flv1": legacy.sorenson_h263,
    "screen": legacy.screen,
    "screen2": legacy.screen2,
    "vp6": legacy.vp6,
    "vp6a": legacy.vp6a,
    "vp8": vpx.vp8_frame,
    "vp9": vpx.vp9_frame,
}


def decode(payload: bytes, length: int) -> Field:
    """The body of a video message of `length` bytes, of which `payload` was captured."""
    if length == 0:
        return Field("video", None, 0, 0, "empty")
    reader = BitReader(payload)
    reader.missing = max(length - len(payload), 0)
    return reader.decode("video", _video)


def _video(reader: BitReader) -> None:
    extended = reader.data[0] & tag.EX_VIDEO if reader.left else 0
    if extended:
        reader.flag("is_ex_header", "display")
        frame_type = reader.word("frame_type", 3, FRAME_TYPES)
        kind = enhanced.packet_type(reader, _SIDE)
        if frame_type == "command" and kind != tag.METADATA:
            _command(reader)
        else:
            enhanced.message(reader, _SIDE, kind)
        return
    frame_type = reader.word("frame_type", 4, FRAME_TYPES)
    first = reader.at
    number = reader.number(4)
    codec = tag.VIDEO_CODECS.get(number, f"unknown_{number}")
    reader.add("codec", codec, first, f"{number}: {_CODECS.get(number, 'reserved')}")
    if frame_type == "command":
        _command(reader)
    elif codec in tag.TIMED:
        _avc(reader, codec)
    else:
        _frame(reader, codec)


def _command(reader: BitReader) -> None:
    reader.word("command", 8, _COMMANDS)


def _avc(reader: BitReader, codec: str) -> None:
    """AVCVIDEOPACKET (E.4.3.2), which HEVC under codec 12 shares."""
    packet_type = reader.word("packet_type", 8, _AVC_PACKET_TYPES)
    _composition_time(reader)
    if packet_type == "sequence_header":
        configs.read(reader, codec)
    elif packet_type == "nalu":
        nal.units(reader, _NAL_UNITS[codec])
    else:
        reader.rest()


def _composition_time(reader: BitReader) -> None:
    first = reader.at
    time = reader.number(24)
    reader.add("composition_time", time - (time >> 23 << 24), first, "ms")


def _frame(reader: BitReader, codec: str) -> None:
    decoder = _FRAMES.get(codec)
    if decoder is None:
        reader.rest()
    else:
        reader.record("frame", decoder)


def frame_parameters(codec: str, data: bytes) -> configs.Parameters:
    """What a coded frame itself says of the picture, for codecs that do without a sequence header."""
    return configs.Parameters.of(BitReader(data).record("frame", _FRAMES.get(codec, BitReader.rest)))


def _body(reader: BitReader, packet_type: str, codec: str) -> None:
    """ExVideoTagBody of one track."""
    _BODIES.get(packet_type, _other)(reader, codec)


def _coded_frames(reader: BitReader, codec: str) -> None:
    if codec in tag.TIMED:
        _composition_time(reader)
    _coded_data(reader, codec)


def _coded_frames_x(reader: BitReader, codec: str) -> None:
    if codec in tag.TIMED:
        reader.add("composition_time", 0, reader.at, "ms, not sent")
    _coded_data(reader, codec)


def _coded_data(reader: BitReader, codec: str) -> None:
    unit = _NAL_UNITS.get(codec)
    if unit is not None:
        nal.units(reader, unit)
    elif codec == "av1":
        with reader.group("obus", "list"):
            av1.obus(reader)
    else:
        _frame(reader, codec)


def _mpeg2ts_sequence_start(reader: BitReader, codec: str) -> None:
    if codec == "av1":
        reader.record("config", av1.descriptor)
    else:
        reader.rest()


def _metadata(reader: BitReader, codec: str) -> None:
    """Pairs of a name and a value in AMF0; AMF3 values come behind AMF0's marker for them."""
    with reader.group("metadata"):
        decoder = amf0.Decoder(reader.data, reader.end >> 3)
        while reader.left and not decoder.failed:
            name = decoder.value(reader.at >> 3, "name")
            reader.at = name.end * 8
            if not isinstance(name.value, str) or not reader.left:
                reader.fields.append(name)
                raise Damaged("a name and a value belong together")
            value = decoder.value(reader.at >> 3, name.value)
            reader.at = value.end * 8
            reader.fields.append(value)


def _other(reader: BitReader, codec: str) -> None:
    reader.rest()


_BODIES: Final = {
    "sequence_start": configs.read,
    "coded_frames": _coded_frames,
    "coded_frames_x": _coded_frames_x,
    "metadata": _metadata,
    "mpeg2ts_sequence_start": _mpeg2ts_sequence_start,
}
_SIDE: Final = Side(_PACKET_TYPES, tag.VIDEO_MULTITRACK, tag.VIDEO_FOURCC, _body)
