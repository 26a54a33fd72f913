"""User control messages, type 4 (RTMP 6.2 and 7.1.7): a 16-bit event type, then what that event carries.

One table says it all.  Events that the specification does not have are described as the servers that send them
do; an event that nobody describes keeps its bytes.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.model import Field
from rtmpscope.rtmp.layout import Layout, Part, Reader, lost


class Event:
    """One event type: its slug and name, its meaning in words, and the parts of its data."""

    __slots__ = ("slug", "name", "meaning", "layout")

    def __init__(self, slug: str, name: str, meaning: str, layout: Layout = ()) -> None:
        self.slug: Final = slug
        self.name: Final = name
        self.meaning: Final = meaning
        self.layout: Final = layout


def _milliseconds(value: int) -> str:
    return f"{value:,} ms"


_STREAM: Final = (Part("message_stream_id", 4),)
_TIMESTAMP: Final = (Part("timestamp", 4, _milliseconds),)
_BUFFER: Final = (*_STREAM, Part("buffer_length", 4, _milliseconds))
_SWF_RESPONSE: Final = (
    Part("marker", 2, kind="display"),  # 0x0101 in librtmp and FFmpeg
    Part("swf_size", 4),
    Part("swf_size_again", 4),
    Part("hash", 32, raw=True),
)

EVENTS: Final[dict[int, Event]] = {
    0: Event("stream_begin", "Stream Begin", "the stream can be used now", _STREAM),
    1: Event("stream_eof", "Stream EOF", "playback of the stream is over", _STREAM),
    2: Event("stream_dry", "Stream Dry", "there is no more data on the stream for now", _STREAM),
    3: Event("set_buffer_length", "Set Buffer Length", "how much the client will buffer", _BUFFER),
    4: Event("stream_is_recorded", "Stream Is Recorded", "the stream is a recording", _STREAM),
    5: Event("unknown_5", "Event 5", "reserved, no meaning known"),
    6: Event("ping_request", "Ping Request", "is the client still there? carries the server's clock", _TIMESTAMP),
    7: Event("ping_response", "Ping Response", "the client is there; echoes the request's timestamp", _TIMESTAMP),
    8: Event("unknown_8", "Event 8", "named by Red5 and nginx, no meaning known"),
    26: Event(
        "swf_verification_request",
        "SWF Verification Request",
        "the server asks the player to prove which SWF it runs",
        (Part("verification_type", 1),),
    ),
    27: Event(
        "swf_verification_response",
        "SWF Verification Response",
        "the player's proof of the SWF it runs; it cannot be checked without the file",
        _SWF_RESPONSE,
    ),
    31: Event("buffer_empty", "Buffer Empty", "the server has sent all it had buffered", _STREAM),
    32: Event("buffer_ready", "Buffer Ready", "the server has filled its buffer again", _STREAM),
}

NAMES: Final = {event.slug: event.name for event in EVENTS.values()}

_EVENT_TYPE: Final = (Part("event", 2),)


def decode(payload: bytes, length: int) -> Field:
    """The body of a type 4 message: "event", the slug of its type, then what it carries."""
    body = Field("user_control", None, 0, len(payload))
    fields = body.children
    reader = Reader(payload)
    if reader.parts(_EVENT_TYPE, fields):
        type_id = int.from_bytes(payload[:2], "big")
        event = EVENTS.get(type_id)
        if event is None:
            fields[0].value = f"unknown_{type_id}"
            fields[0].text = f"event {type_id}, not known"
        else:
            fields[0].value = event.slug
            fields[0].text = f"event {type_id}, {event.name}: {event.meaning}"
            reader.parts(event.layout, fields)
    reader.leftover(fields, lost(payload, length))
    return body
