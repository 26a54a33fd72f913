"""Aggregate messages, type 22 (RTMP 7.1.6): FLV tags, each followed by a back pointer.

`parts` walks the tags once.  The engine makes messages of what it gives, with timestamps moved so that the
first part has that of the aggregate; `decode` describes the same parts as fields.  A tag that declares more
than is there ends the walk with what is there.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.bits import u24, u32
from rtmpscope.limits import MESSAGE_PARTS
from rtmpscope.model import UNKNOWN, Field
from rtmpscope.rtmp.layout import Reader, lost

_TAG_BYTES: Final = 11


class AggregatePart:
    """One message inside an aggregate.

    timestamp     to play it at; tag_timestamp is what the tag says
    start, end    where the captured bytes of its payload are; `length` is what the tag declares
    back_pointer  what stands after the payload, UNKNOWN where nothing does
    stop          where the next tag begins
    overrun       by how many bytes it goes beyond the end of the aggregate
    """

    __slots__ = ("type_id", "timestamp", "tag_timestamp", "start", "end", "length", "back_pointer", "stop", "overrun")

    def __init__(self, type_id: int, timestamp: int, tag_timestamp: int, start: int, end: int, length: int) -> None:
        self.type_id: Final = type_id
        self.timestamp: Final = timestamp
        self.tag_timestamp: Final = tag_timestamp
        self.start: Final = start
        self.end: Final = end
        self.length: Final = length
        self.back_pointer = UNKNOWN
        self.stop = end
        self.overrun = 0


def parts(payload: bytes, length: int, timestamp: int) -> list[AggregatePart]:
    """The parts of an aggregate of `length` declared bytes that is sent for `timestamp` (FLV 10.1, E.4.1)."""
    found: list[AggregatePart] = []
    at, end, first = 0, len(payload), UNKNOWN
    while at + _TAG_BYTES <= end and len(found) < MESSAGE_PARTS:
        size = u24(payload, at + 1)
        tag_timestamp = u24(payload, at + 4) | payload[at + 7] << 24  # bits 24 to 31 come last
        # u24(payload, at + 8) is a stream id: that of the aggregate holds instead
        if first == UNKNOWN:
            first = tag_timestamp
        start = at + _TAG_BYTES
        stop = start + size
        rebased = (tag_timestamp - first + timestamp) % 2**32
        part = AggregatePart(payload[at], rebased, tag_timestamp, start, min(stop, end), size)
        part.overrun = max(0, stop - length)
        found.append(part)
        if stop + 4 > end:  # the back pointer of the last part may be missing
            break
        part.back_pointer = u32(payload, stop)
        part.stop = at = stop + 4
    return found


def decode(payload: bytes, length: int) -> Field:
    """The headers of the parts; their payloads are messages of their own."""
    found = parts(payload, length, 0)
    end = found[-1].stop if found else 0
    groups = [_fields(f"[{index}]", part, found[0].tag_timestamp) for index, part in enumerate(found)]
    body = Field("aggregate", None, 0, len(payload), children=[Field("parts", None, 0, end, "", "list", groups)])
    why = lost(payload, length)
    if not why and end < len(payload):
        why = "too short for another part" if len(found) < MESSAGE_PARTS else f"more than {MESSAGE_PARTS:,} parts"
    Reader(payload, end).leftover(body.children, why)
    return body


def _fields(name: str, part: AggregatePart, first: int) -> Field:
    at = part.start - _TAG_BYTES
    overrun = f"goes {part.overrun:,} bytes beyond the end of the aggregate" if part.overrun else ""
    fields = [
        Field("type_id", part.type_id, at, at + 1),
        Field("length", part.length, at + 1, at + 4, overrun),
        Field(
            "timestamp", part.tag_timestamp, at + 4, at + 8, f"{part.tag_timestamp - first:+,} ms from the first part"
        ),
        Field("payload", None, part.start, part.end, "a message of its own", "display"),
    ]
    if part.back_pointer != UNKNOWN:
        # FLV counts the header; the description in rtmplite does not
        right = part.back_pointer in (part.length + _TAG_BYTES, part.length)
        text = "" if right else f"should be {part.length + _TAG_BYTES:,}"
        fields.append(Field("back_pointer", part.back_pointer, part.stop - 4, part.stop, text, "display"))
    return Field(name, None, at, part.stop, "", "", fields)
