"""What was said about a frame is said again about every frame like it, which is then not decoded at all.

Most messages are audio and video frames.  What is said about one depends on few of its bytes: those before the
coded data, where the decoder takes that as it is; those and the size and type of every NAL unit, where it lists
units.  So what was said is kept under the first bytes, and units are walked by their lengths.  A frame in which
anything else matters is never kept, and one that differs in anything that matters is not taken for another.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.bits import u32
from rtmpscope.media.tag import body_start
from rtmpscope.model import AUDIO, VIDEO, Field, Message
from rtmpscope.rtmp.summary import ITEMS

WITHIN: Final = 16  # bytes of headers that may decide what is said
KEPT: Final = 4096  # for each type
UNITS: Final = 32  # in one frame: one with more is decoded

ONE_BYTE_TYPES: Final = ("h264", "hevc")  # codecs whose units have their type in the first byte


class Said:
    """The line and the JSON object about a message, the object "" where nobody wants it."""

    __slots__ = ("summary", "body")

    def __init__(self, summary: str, body: str) -> None:
        self.summary: Final = summary
        self.body: Final = body


class Frames:
    """What was said, by the first bytes of frames.

    data   of frames that are headers and data: complete
    units  of frames with NAL units: up to where they are listed
    names  of the types of units, by codec and first byte
    """

    def __init__(self) -> None:
        self._data: Final[tuple[dict[bytes, Said], ...]] = ({}, {})
        self._units: Final[dict[bytes, tuple[Said, dict[int, str]]]] = {}
        self._names: Final[dict[str, dict[int, str]]] = {codec: {} for codec in ONE_BYTE_TYPES}

    def recall(self, message: Message) -> Said | None:
        """What there is to say about a frame like one before; None where it has to be decoded."""
        type_id = message.type_id
        if (type_id != AUDIO and type_id != VIDEO) or not _complete(message):
            return None
        payload = message.payload
        start = body_start(type_id, payload)
        head = payload[:start]
        said = self._data[type_id - AUDIO].get(head)
        if said is not None:
            return said if len(payload) > start else None
        known = self._units.get(head) if type_id == VIDEO else None
        if known is None:
            return None
        said, names = known
        units = _units(names, payload, start)
        if units is None:
            return None
        return Said(f"{said.summary}  {units.summary}", said.body and f"{said.body}{units.body}")

    def keep(self, message: Message, body: Field, said: Said) -> None:
        """Remember what was said, if it is said of every frame that begins like this one.

        A field that does not stand in the first bytes may be what a plugin made of the data.
        """
        if (message.type_id != AUDIO and message.type_id != VIDEO) or not _complete(message) or not body.children:
            return
        start = body_start(message.type_id, message.payload)
        *head, rest = body.children
        if rest.start != start or rest.end != message.length or not 0 < start <= WITHIN or start == message.length:
            return
        if not all([field.start < field.end <= start for field in head]):
            return
        if rest.kind == "display" or rest.name == "frame":
            known = self._data[message.type_id - AUDIO]
            if len(known) < KEPT:
                known[message.payload[:start]] = said
        elif rest.name == "nal_units" and not rest.text and body.get("codec") in ONE_BYTE_TYPES:
            self._keep_units(message.payload, start, str(body.get("codec")), rest.children, said)

    def _keep_units(self, payload: bytes, start: int, codec: str, fields: list[Field], said: Said) -> None:
        """Remember what was said before the units, and what their types are called."""
        names = self._names[codec]
        for field in fields:
            name = field.get("type")
            if field.get("size") and isinstance(name, str) and field.start + 4 < field.end:
                names[payload[field.start + 4]] = name
        units = _units(names, payload, start)
        if units is None or not said.summary.endswith("  " + units.summary):
            return
        if said.body and not said.body.endswith(units.body) or len(self._units) == KEPT:
            return
        before = Said(said.summary.removesuffix("  " + units.summary), said.body.removesuffix(units.body))
        self._units[payload[:start]] = (before, names)


def _complete(message: Message) -> bool:
    return message.whole and message.captured == message.length and not message.aborted


def _units(names: dict[int, str], payload: bytes, at: int) -> Said | None:
    """What is said of the units alone; None where their 4-byte lengths do not lead to the end of the frame."""
    end = len(payload)
    listed: list[str] = []
    types: list[str] = []
    while at < end:
        if at + 5 > end or len(listed) == UNITS:
            return None
        size = int(u32(payload, at))
        name = names.get(payload[at + 4])
        if name is None or size == 0:
            return None
        listed.append(f'{{"size":{size},"type":"{name}"}}')
        if name not in types:
            types.append(name)
        at += 4 + size
    if at != end or not listed:
        return None
    return Said(" ".join(types[:ITEMS]), f',"nal_units":[{",".join(listed)}]}}')
