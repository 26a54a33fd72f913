"""What was said about a frame is said again about every frame that begins with the same bytes.

Most messages are audio and video frames of which the decoder reads a few bytes and takes the rest as data.  What is
said about such a frame depends on those bytes only, so it is kept under them, and the next frame that begins so is
not decoded at all.  Frames that are read further, such as video with NAL units, are not kept.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.model import Field, Message

MEDIA: Final = (8, 9)
WITHIN: Final = 8  # bytes that may decide what is said
KEPT: Final = 4096


class Frames:
    """Texts by the first bytes of frames."""

    def __init__(self) -> None:
        self._said: dict[tuple[int, bytes], str] = {}
        self._sizes: set[int] = set()

    def recall(self, message: Message) -> str:
        """What was said about a frame that begins like this one; "" where it has to be decoded."""
        if message.type_id not in MEDIA or not _complete(message):
            return ""
        payload = message.payload
        for size in self._sizes:
            said = self._said.get((message.type_id, payload[:size]))
            if said is not None and len(payload) > size:
                return said
        return ""

    def keep(self, message: Message, body: Field, said: str) -> None:
        """Remember what was said, if the body is a few fields and then data up to the end.

        A field that does not stand in the first bytes may be what a plugin made of the data.
        """
        if message.type_id not in MEDIA or not _complete(message) or not body.children:
            return
        *head, rest = body.children
        opaque = rest.kind == "display" and rest.start < rest.end == message.length
        opaque = opaque and all(field.start < field.end <= rest.start for field in head)
        if opaque and 0 < rest.start <= WITHIN and len(self._said) < KEPT:
            self._said[message.type_id, message.payload[: rest.start]] = said
            self._sizes.add(rest.start)


def _complete(message: Message) -> bool:
    return message.whole and message.captured == message.length and not message.aborted
