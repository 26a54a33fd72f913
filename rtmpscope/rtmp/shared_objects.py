"""Shared object messages, types 19 and 16 (RTMP 7.1.3): a header, then events, each with a type and a length.

The length of an event is what leads to the next one, whatever its type and however its data went wrong, so an
event that nobody knows costs only itself.  The word after the flags is in every implementation and not in the
figure of the specification.  Events 12 to 14 come from one description of a server of Adobe's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtmpscope.model import Field
from rtmpscope.rtmp import status_codes
from rtmpscope.rtmp.layout import Part, ValueReader, lost

PERSISTENT: Final = 2

_FLAGS: Final[dict[int, str]] = {
    0: "temporary",
    2: "persistent",
    16: "normal, by one description",
    32: "removed by the server, by one description",
    48: "use granted or reading denied, by one description",
}
_EVENT_HEAD: Final = (Part("event", 1), Part("length", 4, kind="display"))


def _flags(value: int) -> str:
    return _FLAGS.get(value, "not known")


_SELECTOR: Final = (Part("format_selector", 1, kind="display"),)
_HEAD: Final = (Part("version", 4), Part("flags", 4, _flags), Part("reserved", 4, kind="display"))
_NUMBER: Final = (Part("number", 4),)


def _nothing(reader: ValueReader, fields: list[Field]) -> None:
    """Whatever there is was not expected."""


def _keys(reader: ValueReader, fields: list[Field]) -> None:
    """Names of properties, up to the end."""
    start = reader.at
    keys: list[Field] = []
    while reader.more():
        key = reader.string(f"[{len(keys)}]")
        if key is None:
            break
        keys.append(key)
    fields.append(Field("keys", None, start, reader.at, "", "list", keys))


def _properties(reader: ValueReader, fields: list[Field]) -> None:
    """Names and AMF values, up to the end: one pair by the specification, several from Red5 and crtmpserver."""
    start = reader.at
    properties: list[Field] = []
    while reader.more():
        key = reader.string("key")
        if key is None:
            break
        properties.append(reader.value(str(key.value)))
    fields.append(Field("properties", None, start, reader.at, "", "object", properties))


def _call(reader: ValueReader, fields: list[Field]) -> None:
    """The name of a handler, with its marker, and the values it is called with."""
    if reader.more():
        fields.append(reader.value("handler"))
    start = reader.at
    arguments: list[Field] = []
    while reader.more():
        arguments.append(reader.value(f"[{len(arguments)}]"))
    fields.append(Field("arguments", None, start, reader.at, "", "list", arguments))


def _status(reader: ValueReader, fields: list[Field]) -> None:
    code = reader.string("code")
    if code is None:
        return
    code.text = code.text or status_codes.meaning(code.value)
    fields.append(code)
    level = reader.string("level")
    if level is not None:
        fields.append(level)


def _lock(reader: ValueReader, fields: list[Field]) -> None:
    key = reader.string("key")
    if key is not None:
        fields.append(key)
        reader.parts(_NUMBER, fields)


class Event:
    """One event type: its slug and name, what it says, and the reader of its data."""

    __slots__ = ("slug", "name", "meaning", "read")

    def __init__(
        self, slug: str, name: str, meaning: str, read: Callable[[ValueReader, list[Field]], None] = _nothing
    ) -> None:
        self.slug: Final = slug
        self.name: Final = name
        self.meaning: Final = meaning
        self.read: Final = read


EVENTS: Final[dict[int, Event]] = {
    1: Event("use", "Use", "the client wants to share the object"),
    2: Event("release", "Release", "the client is done with the object"),
    3: Event("request_change", "Request Change", "the client wants properties set", _properties),
    4: Event("change", "Change", "somebody else has set properties", _properties),
    5: Event("success", "Success", "the change this client asked for is made", _keys),
    6: Event("send_message", "Send Message", "a handler is called at every client", _call),
    7: Event("status", "Status", "the server has something to say about the object", _status),
    8: Event("clear", "Clear", "all properties are to be forgotten"),
    9: Event("remove", "Remove", "properties are gone", _keys),
    10: Event("request_remove", "Request Remove", "the client wants properties removed", _keys),
    11: Event("use_success", "Use Success", "the client shares the object now"),
    12: Event("lock", "Lock", "not certain: one description only", _lock),
    13: Event("change_echo", "Change Echo", "not certain: one description only", _properties),
    14: Event("request_clear", "Request Clear", "not certain: one description only"),
}

NAMES: Final = {event.slug: event.name for event in EVENTS.values()}


def amf0_body(payload: bytes, length: int) -> Field:
    """The body of a type 19 message."""
    return _body(ValueReader(payload), length, [])


def amf3_body(payload: bytes, length: int) -> Field:
    """The body of a type 16 message: a zero byte first, and values that may switch to AMF3."""
    reader = ValueReader(payload)
    fields: list[Field] = []
    reader.parts(_SELECTOR, fields)
    return _body(reader, length, fields)


def _body(reader: ValueReader, length: int, fields: list[Field]) -> Field:
    end = reader.end
    name = reader.string("name")
    if name is not None:
        fields.append(name)
        if reader.parts(_HEAD, fields):
            flags = fields[-2]
            persistent = bool(int.from_bytes(reader.payload[flags.start : flags.end], "big") & PERSISTENT)
            fields.insert(-2, Field("persistent", persistent, flags.start, flags.end))
            fields.append(_events(reader, length))
    reader.leftover(fields, lost(reader.payload, length))
    return Field("shared_object", None, 0, end, "", "", fields)


def _events(reader: ValueReader, length: int) -> Field:
    start, end = reader.at, reader.end
    events: list[Field] = []
    while reader.more():
        events.append(_event(reader, f"[{len(events)}]", length))
        reader.until(end)
    return Field("events", None, start, reader.at, "", "list", events)


def _event(reader: ValueReader, name: str, length: int) -> Field:
    """Read one event, with its type at least, and leave the reader behind it."""
    start, end = reader.at, reader.end
    type_id = reader.payload[start]
    event = EVENTS.get(type_id, Event(f"unknown_{type_id}", "not known", "skipped by its length"))
    fields: list[Field] = []
    why = ""
    if reader.parts(_EVENT_HEAD, fields):
        stop = reader.at + int.from_bytes(reader.payload[start + 1 : start + 5], "big")
        reader.until(min(stop, end))
        event.read(reader, fields)
        if stop > length:
            why = f"the event goes {stop - length:,} bytes beyond the end of the message"
        elif stop > end:
            why = lost(reader.payload, length)
    fields[0].value = event.slug
    fields[0].text = f"event {type_id}, {event.name}: {event.meaning}"
    reader.leftover(fields, why)
    return Field(name, None, start, reader.at, "", "", fields)
