"""Whether a header fits what its csid is known for: evidence in the light of what came before."""

from __future__ import annotations

from mypy_extensions import i64

from rtmpscope.bits import u32
from rtmpscope.model import ACKNOWLEDGEMENT, AUDIO, SET_PEER_BANDWIDTH, UNKNOWN, USER_CONTROL, VIDEO
from rtmpscope.rtmp.chunk_stream import ChunkStream
from rtmpscope.rtmp.evidence import (
    CONTROL_CSID,
    LARGEST_STEP,
    UNLIMITED,
    delta_bits,
    interleaved_sizes,
    is_type,
    length_bits,
    stream_bits,
    timestamp_bits,
    type_bits,
    usual_sizes,
)


def is_doubtful(
    stream: ChunkStream, distrust: bool, fmt: i64, value: i64, length: i64, type_id: i64, message_stream_id: i64
) -> bool:
    """Whether a header in the flow of reading is so unlikely that what follows must confirm it.

    distrust: synchronisation was lost before, so that headers are looked at more closely.
    """
    if not is_type(type_id) or message_stream_id > 0xFFFFFF or (type_id <= SET_PEER_BANDWIDTH and length > 64):
        return True
    if not stream.seen and (fmt or distrust):
        return True
    if not distrust:
        return False
    if stream.stale and fmt >= 2:
        return True
    return header_bits(stream, fmt, value, length, type_id, message_stream_id) < 0


def header_bits(stream: ChunkStream, fmt: i64, value: i64, length: i64, type_id: i64, message_stream_id: i64) -> i64:
    """The evidence in the fields of a message header; negative where no header would hold them."""
    bits: i64 = 4 if stream.seen else 0
    if fmt == 0:
        bits += timestamp_bits(value, stream.last_timestamp)
        bits += stream_bits(message_stream_id, stream.message_stream_id, type_id)
    elif fmt < 3:
        bits += delta_bits(value)
    if stream.csid == CONTROL_CSID and type_id > SET_PEER_BANDWIDTH:
        bits -= 20
    if fmt < 2:
        bits += type_bits(type_id, stream.type_id) + length_bits(length, stream.length, type_id)
    return bits


def may_inherit(stream: ChunkStream, data: bytes, at: i64, visible: i64) -> bool:
    """Whether a short header after a loss means the type that is known.

    Four bytes of control may be anything; sound and pictures go on in the codec that they were in.
    """
    if stream.type_id == ACKNOWLEDGEMENT and visible >= 4:
        return 0 < u32(data, at) - stream.acknowledged < LARGEST_STEP
    if visible and stream.first_byte != UNKNOWN:
        changed: i64 = data[at] ^ stream.first_byte
        if stream.type_id == AUDIO:
            return changed == 0
        if stream.type_id == VIDEO:
            return changed & (0x80 if stream.first_byte & 0x80 else 0x8F) == 0  # the codec, or that it has a FourCC
    return stream.type_id > SET_PEER_BANDWIDTH or stream.type_id == USER_CONTROL


def looks_cut(chunk_size: i64, data: bytes, at: i64, shown: i64, continuation: i64) -> bool:
    """Whether a payload of which so much is shown could hold chunk headers, though it is taken for one chunk."""
    if chunk_size == UNLIMITED and len(interleaved_sizes(data, at, shown, UNLIMITED)) > 0:
        return True
    return len(usual_sizes(data, at, shown, continuation)) > 0
