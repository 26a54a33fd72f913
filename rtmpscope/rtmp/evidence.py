"""How sure is it that these bytes are a chunk header?  The answer is in bits.

Recovery after a loss must tell a header from payload that happens to look like one.  Every field that could
have been anything and is what a header would hold counts with the bits of surprise that chance would have
needed: a message stream id seen before is worth some thirty, a type that fits some four.  A field that no
header would hold gives IMPOSSIBLE.  Payload counts as well, as far as it lies right behind the header: an
AVC tag, an AMF command name or an acknowledgement of exactly four bytes say what a type byte alone cannot.

Pure functions over bytes; `seen_*` is what the same chunk stream held before, UNKNOWN where it held nothing.
"""

from __future__ import annotations

import re
from typing import Final

from mypy_extensions import i64

from rtmpscope.bits import u16, u24, u32
from rtmpscope.media.tag import AUDIO_FOURCC, AUDIO_MULTITRACK, MOD_EX, VIDEO_FOURCC, VIDEO_MULTITRACK
from rtmpscope.model import (
    ABORT,
    AGGREGATE,
    AUDIO,
    COMMAND_AMF0,
    COMMAND_TYPES,
    DATA_AMF0,
    DATA_AMF3,
    DATA_TYPES,
    SET_CHUNK_SIZE,
    SET_PEER_BANDWIDTH,
    SHARED_OBJECT_AMF0,
    SHARED_OBJECT_AMF3,
    UNKNOWN,
    USER_CONTROL,
    VIDEO,
)

IMPOSSIBLE: Final = -1000

# Payload bytes behind a header that may be looked at.
PEEK: Final = 16

# What the first payload bytes must bring to show that a message begins, where its header does not say so.
CLEAR_BITS: Final = 24

# One bit for each of the types 1 to 6, 8, 9, 15 to 20 and 22.
_TYPES_AS_BITS: Final[i64] = 0b0101_1111_1000_0011_0111_1110

# The chunk stream of protocol control and user control messages (5.4, 6.2).
CONTROL_CSID: Final = 2

USER_CONTROL_LENGTHS: Final = frozenset((3, 6, 10, 44))
# Types whose payload begins with the name of a command or a handler.
NAMED_TYPES: Final = COMMAND_TYPES | DATA_TYPES

UNLIMITED: Final = 1 << 24  # a chunk size that cuts no message
USUAL_CHUNK_SIZES: Final = (128, 4096, 65536, 60000, 65535, 1024, 5000, 8192, 2048, 512, 256, 16384, 32768, 4000, 10000)
FULL_HEADERS: Final = (
    rb"[\x02-\x3f][\x00-\xff]{3}[\x00-\x7f][\x00-\xff]{2}[\x01-\x06\x08\x09\x0f-\x14\x16][\x00-\xff]{1}\x00\x00\x00"
    rb"|[\x42-\x7f]\x00[\x00-\xff]{2}[\x00-\x7f][\x00-\xff]{2}[\x01-\x06\x08\x09\x0f-\x14\x16]"
)
ANY_HEADER: Final = re.compile(rb"[\xc2-\xcf]|[\x82-\xbf]\x00|" + FULL_HEADERS)

# Payload bytes behind a header that are looked at for chunk sizes.
LARGEST_SEARCHED: Final = 70_000

# Bytes by which a receiver's acknowledgements are apart, at most.
LARGEST_STEP: Final = 1 << 24

MAX_DELTA_MS: Final = 60_000
NEAR_MS: Final = 600_000
MAX_LIKELY_LENGTH: Final = 8 << 20  # of video and aggregates
MAX_OTHER_LENGTH: Final = 1 << 20


def delta_bits(delta: i64) -> i64:
    """A timestamp delta: 24 bits by chance, in practice a few dozen milliseconds."""
    if delta > MAX_DELTA_MS:
        return IMPOSSIBLE
    return 12 if delta < 4_000 else 8


def timestamp_bits(timestamp: i64, seen: i64) -> i64:
    """An absolute timestamp against the last one known."""
    if seen == UNKNOWN:
        return 0
    distance: i64 = (timestamp - seen) & 0xFFFFFFFF
    if distance >= 0x80000000:
        distance = 0x100000000 - distance
    return 8 if distance < NEAR_MS else -4


def is_type(type_id: i64) -> bool:
    """Whether a message type is one that RTMP knows (protocol control to aggregate)."""
    return type_id < 32 and _TYPES_AS_BITS >> type_id & 1 == 1


def type_bits(type_id: i64, seen: i64) -> i64:
    """A message type: eight bits by chance, in practice the one before or one of fifteen."""
    if type_id == seen:
        return 7
    return 4 if is_type(type_id) else IMPOSSIBLE


def stream_bits(message_stream_id: i64, seen: i64, type_id: i64) -> i64:
    """A message stream id: 32 bits by chance, in practice one seen before or a very small number, 0 for control."""
    if type_id <= SET_PEER_BANDWIDTH and message_stream_id:
        return IMPOSSIBLE
    if message_stream_id == seen:
        return 30
    if message_stream_id >= 256:
        return IMPOSSIBLE
    return 20 if message_stream_id < 16 else 12  # a header that is read one byte early has the type here


def length_bits(length: i64, seen: i64, type_id: i64) -> i64:
    """A message length: 24 bits by chance, in practice that of the message before, or not long."""
    if length > (MAX_LIKELY_LENGTH if type_id == VIDEO or type_id == AGGREGATE else MAX_OTHER_LENGTH):
        return IMPOSSIBLE
    if length == seen:
        return 8
    return 4 if length < 1 << 18 else 0


def payload_bits(type_id: i64, length: i64, data: bytes, at: i64, available: i64, seen_first: i64) -> i64:
    """The start of a payload against what its type must begin with."""
    if type_id == AUDIO:
        return _audio_bits(length, data, at, available, seen_first)
    if type_id == VIDEO:
        return _video_bits(length, data, at, available, seen_first)
    if type_id in NAMED_TYPES:
        bits = _amf_name_bits(length, data, at, available)
        # A selector before AMF0 is rare; the last byte of a header that was read one byte early is none.
        return min(bits, 0) if type_id >= DATA_AMF0 and available and data[at] == 0 else bits
    if type_id <= SET_PEER_BANDWIDTH:
        return _control_bits(type_id, length, data, at, available)
    if type_id == AGGREGATE:
        if length < 11:
            return IMPOSSIBLE
        if available >= 4 and (data[at] not in (AUDIO, VIDEO, DATA_AMF3, DATA_AMF0) or u24(data, at + 1) > length):
            return IMPOSSIBLE
        return 10 if available >= 4 else 0
    if type_id == SHARED_OBJECT_AMF3 or type_id == SHARED_OBJECT_AMF0:
        skip: i64 = 1 if type_id == SHARED_OBJECT_AMF3 else 0
        if length < 14 + skip:
            return IMPOSSIBLE
        return _text_bits(length, data, at + skip, available - skip)
    return IMPOSSIBLE


def unseen_bits(csid: i64, delta: i64, data: bytes, at: i64, available: i64) -> i64:
    """A short header on a csid of which nothing is known; a payload behind it counts if it clearly is one."""
    if csid >= 64 or delta > MAX_DELTA_MS:
        return 0
    best: i64 = 0
    if available > 0:
        best = max(best, _audio_bits(MAX_LIKELY_LENGTH, data, at, available, UNKNOWN))
        best = max(best, _video_bits(MAX_LIKELY_LENGTH, data, at, available, UNKNOWN))
        best = max(best, _amf_name_bits(MAX_LIKELY_LENGTH, data, at, available))
    return (8 if csid < 16 else 0) + (best if best >= CLEAR_BITS else 0)


def likely_type(csid: i64, length: i64, data: bytes, at: i64, available: i64) -> i64:
    """The type that a payload of unknown type most likely has, UNKNOWN where none fits."""
    if csid == CONTROL_CSID:
        return USER_CONTROL if _control_bits(USER_CONTROL, length, data, at, available) > 16 else UNKNOWN
    if _amf_name_bits(length, data, at, available) > 16:
        return DATA_AMF0 if data[at + 3 : at + 4] == b"@" or data[at + 3 : at + 5] == b"on" else COMMAND_AMF0
    if _video_bits(length, data, at, available, UNKNOWN) > 20:
        return VIDEO
    return AUDIO if _audio_bits(length, data, at, available, UNKNOWN) > 0 else UNKNOWN


def _audio_bits(length: i64, data: bytes, at: i64, available: i64, seen_first: i64) -> i64:
    if available == 0:
        return 0
    first: i64 = data[at]
    bits: i64 = 7 if first == seen_first else 2
    codec = first >> 4
    if codec == 9:
        fourcc = _fourcc_bits(first & 15, AUDIO_MULTITRACK, AUDIO_FOURCC, data, at, available)
        return fourcc if fourcc < 0 else max(bits, fourcc)
    if codec == 10:
        if length < 2:
            return IMPOSSIBLE
        if available >= 2:
            second: i64 = data[at + 1]
            if second > 1 or (second == 0 and length > 64):
                return IMPOSSIBLE
            bits += 8
    elif codec == 12 or codec == 13:
        return IMPOSSIBLE
    return bits


def _video_bits(length: i64, data: bytes, at: i64, available: i64, seen_first: i64) -> i64:
    if available == 0:
        return 0
    first: i64 = data[at]
    if first & 0x80:
        return _fourcc_bits(first & 15, VIDEO_MULTITRACK, VIDEO_FOURCC, data, at, available)
    frame = first >> 4
    codec = first & 15
    if frame < 1 or frame > 5 or codec < 1 or (codec > 7 and codec != 12):
        return IMPOSSIBLE
    bits: i64 = 6 if seen_first != UNKNOWN and codec == seen_first & 15 else 2
    if codec != 7 and codec != 12 or frame == 5:
        return bits
    if length < 5:
        return IMPOSSIBLE
    if available >= 2:
        packet: i64 = data[at + 1]
        if packet > 2:
            return IMPOSSIBLE
        bits += 8
        if available >= 5:
            composition = u24(data, at + 2)
            if composition >= 0x800000:
                composition = 0x1000000 - composition
            if composition > 20_000:
                return IMPOSSIBLE
            bits += 8
        if packet == 1 and available >= 9:
            # A NAL unit that fits, or a start code; lengths of another size than four bytes fit nothing.
            fits = u32(data, at + 5) <= length - 9 or u32(data, at + 5) == 0x00000001
            bits += 8 if fits else -8
    return bits


def _fourcc_bits(packet: i64, multitrack: i64, known: dict[bytes, str], data: bytes, at: i64, available: i64) -> i64:
    """An Enhanced RTMP tag: packet type, then a FourCC, which multitrack puts off by one byte."""
    if packet > MOD_EX:
        return IMPOSSIBLE
    if packet == multitrack:
        at += 1
        available -= 1
        if available > 0 and data[at] & 15 >= multitrack:
            return IMPOSSIBLE
    shown = min(available - 1, 4)
    if packet == MOD_EX or shown < 1:
        return 2
    fourcc = data[at + 1 : at + 1 + shown]
    return 2 + 7 * shown if any(one.startswith(fourcc) for one in known) else IMPOSSIBLE


def _amf_name_bits(length: i64, data: bytes, at: i64, available: i64) -> i64:
    """An AMF0 string of a name's length, perhaps behind a format selector."""
    if length < 4:
        return IMPOSSIBLE
    if available and data[at] == 0:
        at += 1
        available -= 1
        length -= 1
    if available < 1:
        return 0
    if data[at] == 0x11:  # the name as an AMF3 value
        return 0
    if data[at] != 2:
        return IMPOSSIBLE
    return 7 + _text_bits(length - 1, data, at + 1, available - 1)


def _text_bits(length: i64, data: bytes, at: i64, available: i64) -> i64:
    """A 16-bit length and printable characters."""
    if available < 2:
        return 0
    size = u16(data, at)
    if size < 1 or size > 255 or size + 2 > length:
        return IMPOSSIBLE
    bits: i64 = 8
    stop = at + 2 + min(size, available - 2)
    for index in range(at + 2, stop):
        byte: i64 = data[index]
        if byte < 0x20 or byte > 0x7E:
            return IMPOSSIBLE
        bits += 1
    return bits


def _control_bits(type_id: i64, length: i64, data: bytes, at: i64, available: i64) -> i64:
    if type_id == USER_CONTROL:
        if available < 2:
            return 4 if length in USER_CONTROL_LENGTHS else IMPOSSIBLE
        event = u16(data, at)
        return 20 if length == _user_control_length(event) else IMPOSSIBLE
    if length != (5 if type_id == SET_PEER_BANDWIDTH else 4):
        return IMPOSSIBLE
    if available >= 4:
        value = u32(data, at)
        if type_id == SET_CHUNK_SIZE and (value == 0 or value > 0xFFFFFF) or type_id == ABORT and value > 65_599:
            return IMPOSSIBLE
    if type_id == SET_PEER_BANDWIDTH and available >= 5 and data[at + 4] > 2:
        return IMPOSSIBLE
    return 20


def _user_control_length(event: i64) -> i64:
    """The size of a user control message by its event (6.2, 7.1.7); UNKNOWN for an event that is not in use."""
    if event == 3:
        return 10
    if event == 26:
        return 3
    if event == 27:
        return 44
    return 6 if event <= 7 or event == 31 or event == 32 else UNKNOWN


def usual_sizes(data: bytes, at: i64, shown: i64, continuation: i64) -> list[int]:
    """The usual chunk sizes under which the first `shown` bytes of the payload at `at` have a header among them."""
    return [size for size in USUAL_CHUNK_SIZES if size < shown and data[at + size] == continuation]


def interleaved_sizes(data: bytes, at: i64, shown: i64, size: i64) -> list[int]:
    """`size` and the usual chunk sizes, where another message's chunk could stand so far into the payload at `at`."""
    sizes = (size, *USUAL_CHUNK_SIZES)
    return [each for each in sizes if each < shown and ANY_HEADER.match(data, at + each) is not None]
