"""The bytes of an event as the hex pane needs them: by place in the message, with holes and with masked parts."""

from __future__ import annotations

from rtmpscope.model import Event, Handshake, Message
from rtmpscope.tui.sight import Body

SHOWN, MISSING, HIDDEN = range(3)
Span = tuple[int, int]


class Octets:
    """data is what was captured, length the places to show; `missing` and `hidden` are spans of places."""

    def __init__(self, data: bytes = b"", length: int = 0, holes: list[Span] | None = None) -> None:
        self.length = length
        self.missing: list[Span] = []
        self.hidden: list[Span] = []
        self.data = bytearray()
        taken = 0
        for place, size in holes or []:
            part = data[taken : taken + place - len(self.data)]
            taken += len(part)
            self.data += part
            self.missing.append((len(self.data), len(self.data) + size))
            self.data += bytes(size)
        self.data += data[taken:]
        if len(self.data) < length:
            self.missing.append((len(self.data), length))

    def place(self, captured: int) -> int:
        """Where a byte of those that were captured stands."""
        for start, end in self.missing:
            captured += end - start if start <= captured else 0
        return captured

    def state(self, place: int) -> int:
        if any(start <= place < end for start, end in self.missing):
            return MISSING
        if any(start <= place < end for start, end in self.hidden):
            return HIDDEN
        return SHOWN

    def hex(self, span: Span) -> str:
        """The bytes of the span for the clipboard; what is missing or hidden is left as two marks."""
        marks = ("", "--", "••")
        parts = []
        for place in range(span[0], min(span[1], self.length)):
            state = self.state(place)
            parts.append(f"{self.data[place]:02x}" if state == SHOWN else marks[state])
        return " ".join(parts)


def octets(event: Event | None, body: Body) -> Octets:
    """The event's bytes, without those that its body hides."""
    if isinstance(event, Handshake):
        return Octets(event.data, len(event.data))
    if not isinstance(event, Message):
        return Octets()
    found = Octets(event.payload, event.length, event.holes)
    found.hidden = [(found.place(start), found.place(end - 1) + 1) for start, end in body.hidden if start < end]
    return found
