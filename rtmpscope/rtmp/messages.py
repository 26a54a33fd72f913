"""Message types and their bodies: `decode` turns a payload into a field tree by one table.

A body decoder takes the payload and the declared length of the message, of which the payload may be only the
beginning, and gives the root field of the body.  It never raises: what cannot be read ends up in a field
"undecoded" that says why.  The protocol control messages live here; every other body has a module of its own.
The decoders of audio and video, with the tables of all their codecs, are loaded when the first frame is described.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtmpscope.model import (
    ABORT,
    ACKNOWLEDGEMENT,
    AGGREGATE,
    AUDIO,
    COMMAND_AMF0,
    COMMAND_AMF3,
    DATA_AMF0,
    DATA_AMF3,
    EDGE_ORIGIN,
    SET_CHUNK_SIZE,
    SET_PEER_BANDWIDTH,
    SHARED_OBJECT_AMF0,
    SHARED_OBJECT_AMF3,
    USER_CONTROL,
    VIDEO,
    WINDOW_ACK_SIZE,
    Field,
)
from rtmpscope.rtmp import aggregate, commands, shared_objects, user_control
from rtmpscope.rtmp.layout import Layout, Part, Reader, lost

# RTMP 5.4.5.  The constants of nginx-rtmp have Hard and Soft swapped.
LIMIT_TYPES: Final[dict[int, tuple[str, str]]] = {
    0: ("hard", "send no more than this without an acknowledgement"),
    1: ("soft", "this or the limit in force, whichever is smaller"),
    2: ("dynamic", "hard if the limit before it was hard, else to be ignored"),
}


def _chunk_size(value: int) -> str:
    if value == 0:
        return "not allowed: a chunk must carry at least one byte"
    if value > 0x7FFFFFFF:
        return "the top bit is set, which must be 0; it does not count"
    if value > 0xFFFFFF:
        return "larger than any message can be"
    return "smaller than the 128 bytes that are the default and the advised minimum" if value < 128 else ""


def _limit_type(value: int) -> str:
    name, meaning = LIMIT_TYPES.get(value, ("not defined", "the specification has 0, 1 and 2"))
    return f"{name}: {meaning}"


# The five protocol control messages (RTMP 5.4).
_CHUNK_SIZE: Final = (Part("chunk_size", 4, _chunk_size),)
_ABORT: Final = (Part("csid", 4),)
_ACKNOWLEDGEMENT: Final = (Part("sequence_number", 4),)
_WINDOW: Final = (Part("window_size", 4),)
_BANDWIDTH: Final = (*_WINDOW, Part("limit_type", 1, _limit_type))  # FFmpeg accepts it without the limit type


def _integers(name: str, layout: Layout, payload: bytes, length: int) -> Field:
    body = Field(name, None, 0, len(payload))
    reader = Reader(payload)
    reader.parts(layout, body.children)
    reader.leftover(body.children, lost(payload, length))
    return body


def _set_chunk_size(payload: bytes, length: int) -> Field:
    body = _integers("set_chunk_size", _CHUNK_SIZE, payload, length)
    if len(payload) >= 4:
        body.children[0].value = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
    return body


def _abort(payload: bytes, length: int) -> Field:
    return _integers("abort", _ABORT, payload, length)


def _acknowledgement(payload: bytes, length: int) -> Field:
    return _integers("acknowledgement", _ACKNOWLEDGEMENT, payload, length)


def _window_ack_size(payload: bytes, length: int) -> Field:
    return _integers("window_ack_size", _WINDOW, payload, length)


def _set_peer_bandwidth(payload: bytes, length: int) -> Field:
    return _integers("set_peer_bandwidth", _BANDWIDTH, payload, length)


def _audio(payload: bytes, length: int) -> Field:
    from rtmpscope.media import audio

    return audio.decode(payload, length)


def _video(payload: bytes, length: int) -> Field:
    from rtmpscope.media import video

    return video.decode(payload, length)


class MessageType:
    """A type id in words: `historical` is what older software and texts call it, "" where they agree."""

    __slots__ = ("slug", "name", "historical", "decode")

    def __init__(self, slug: str, name: str, historical: str, decode: Callable[[bytes, int], Field]) -> None:
        self.slug: Final = slug
        self.name: Final = name
        self.historical: Final = historical
        self.decode: Final = decode

    @property
    def full_name(self) -> str:
        """Both names: "Window Ack Size [Server BW]"."""
        return f"{self.name} [{self.historical}]" if self.historical else self.name


def _unknown(payload: bytes, length: int) -> Field:
    body = Field("unknown", None, 0, len(payload))
    Reader(payload).leftover(body.children, lost(payload, length) or "no description of this message type exists")
    return body


TYPES: Final[dict[int, MessageType]] = {
    SET_CHUNK_SIZE: MessageType("set_chunk_size", "Set Chunk Size", "", _set_chunk_size),
    ABORT: MessageType("abort", "Abort", "", _abort),
    ACKNOWLEDGEMENT: MessageType("acknowledgement", "Acknowledgement", "Bytes Read", _acknowledgement),
    USER_CONTROL: MessageType("user_control", "User Control", "Ping", user_control.decode),
    WINDOW_ACK_SIZE: MessageType("window_ack_size", "Window Ack Size", "Server BW", _window_ack_size),
    SET_PEER_BANDWIDTH: MessageType("set_peer_bandwidth", "Set Peer Bandwidth", "Client BW", _set_peer_bandwidth),
    # Named by nginx, Red5 and SRS, described by nobody.
    EDGE_ORIGIN: MessageType("edge_origin", "Edge/Origin", "", _unknown),
    AUDIO: MessageType("audio", "Audio", "", _audio),
    VIDEO: MessageType("video", "Video", "", _video),
    DATA_AMF3: MessageType("data_amf3", "Data (AMF3)", "Flex Stream Send", commands.data_amf3),
    SHARED_OBJECT_AMF3: MessageType(
        "shared_object_amf3", "Shared Object (AMF3)", "Flex Shared Object", shared_objects.amf3_body
    ),
    COMMAND_AMF3: MessageType("command_amf3", "Command (AMF3)", "Flex Message", commands.command_amf3),
    DATA_AMF0: MessageType("data_amf0", "Data (AMF0)", "Notify", commands.data_amf0),
    SHARED_OBJECT_AMF0: MessageType("shared_object_amf0", "Shared Object (AMF0)", "", shared_objects.amf0_body),
    COMMAND_AMF0: MessageType("command_amf0", "Command (AMF0)", "Invoke", commands.command_amf0),
    AGGREGATE: MessageType("aggregate", "Aggregate", "FLV data", aggregate.decode),
}


def type_slug(type_id: int) -> str:
    """The name of a type in the trace and in filters."""
    known = TYPES.get(type_id)
    return f"unknown_{type_id}" if known is None else known.slug


def type_name(type_id: int) -> str:
    """The name of a type for people."""
    known = TYPES.get(type_id)
    return f"Type {type_id}" if known is None else known.name


def decode(type_id: int, payload: bytes, length: int) -> Field:
    """The body of a message whose payload was captured up to its first missing byte; `length` was declared."""
    known = TYPES.get(type_id)
    return _unknown(payload, length) if known is None else known.decode(payload, length)
