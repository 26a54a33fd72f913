"""Packets through the engine and captures out of their folder, for every test that looks at what comes out."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import RTMP_PORTS, Engine
from rtmpscope.model import Connection, End, Event, Gap, Handshake, Message, Packet
from rtmpscope.plugins import Registry, load_builtin

CAPTURES = Path(__file__).parent.parent / "captures"
PROVENANCE: dict[str, dict[str, Any]] = {
    path.stem: tomllib.loads(path.read_text()) for path in sorted(CAPTURES.glob("*.toml"))
}
# RTMP that is packed into something else, which is not unpacked.
CARRIED = [
    name
    for name, told in PROVENANCE.items()
    if any(connection.get("transport") in ("rtmps", "rtmpt") for connection in told["connection"])
]
PLAIN = [name for name in PROVENANCE if name not in CARRIED]


class Run(NamedTuple):
    """What an engine said of some packets."""

    events: list[Event]
    connections: list[Connection]

    def messages(self, connection: int | None = None, direction: int | None = None) -> list[Message]:
        """Those that came over the wire themselves, not in an aggregate."""
        return [
            event
            for event in self.events
            if isinstance(event, Message)
            and not event.aggregate
            and connection in (None, event.connection)
            and direction in (None, event.direction)
        ]

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]

    @property
    def codes(self) -> set[str]:
        return {note.code for event in self.events for note in event.notes or ()}


def built_in() -> Registry:
    registry = Registry()
    load_builtin(registry)
    return registry


def path_of(name: str) -> str:
    return str(CAPTURES / PROVENANCE[name]["capture"])


@cache
def packets_of(name: str) -> list[Packet]:
    """The packets of a capture."""
    return [packet for batch in open_capture([path_of(name)]).batches() for packet in batch.packets]


def run(
    packets: Sequence[Packet], at_once: int = 0, ports: frozenset[int] = RTMP_PORTS, whole_payloads: bool = True
) -> Run:
    """Feed packets, so many at once or all of them."""
    engine = Engine(built_in(), ports=ports, whole_payloads=whole_payloads)
    events: list[Event] = []
    step = at_once or max(1, len(packets))
    for start in range(0, len(packets), step):
        events += engine.feed(list(packets[start : start + step]))
    events += engine.finish()
    return Run(events, engine.connections)


@cache
def run_of(name: str) -> Run:
    """A capture as it was recorded, with whole payloads.  Shared: look, do not touch."""
    return run(packets_of(name))


def digest(payload: bytes) -> str:
    """As in the ground truth."""
    return hashlib.sha1(payload).hexdigest()[:12]


def content(event: Event) -> tuple[object, ...]:
    """What an event says of the stream it was in, whatever packets the stream came in."""
    place = (type(event).__name__, event.connection, event.direction)
    match event:
        case Message():
            head = (event.fmt, event.csid, event.type_id, event.message_stream_id, event.timestamp)
            size = (event.length, event.captured, event.chunks, event.offset, event.aborted, event.aggregate)
            return *place, *head, *size, tuple(event.holes or ()), digest(event.payload)
        case Handshake():
            return *place, event.part, event.offset, event.version, event.style, event.echo, digest(event.data)
        case Gap():
            return *place, event.offset, event.length, event.reason, event.resumed, event.confidence
        case End():
            return *place, event.how, event.incomplete, event.offset
    return place


def facts(event: Event) -> tuple[object, ...]:
    """Everything that a sink can see of an event."""
    notes = tuple((note.code, note.severity, note.text) for note in event.notes or ())
    when = (event.packet, event.time_ns, event.ready)
    if not isinstance(event, Message):
        return *content(event), *when, notes
    call = None if event.call is None else (event.call.request, event.call.answer, event.call.latency_ns)
    first = (event.number, event.first_packet, event.first_time_ns)
    return *content(event), *when, *first, notes, call, repr(event.body)


def by_direction(events: Sequence[Event]) -> dict[tuple[int, int], list[tuple[object, ...]]]:
    """The handshake parts and messages of each direction: what must survive whatever TCP does."""
    found: dict[tuple[int, int], list[tuple[object, ...]]] = {}
    for event in events:
        if isinstance(event, Message):
            told = content(event)
        elif isinstance(event, Handshake):
            told = (event.part, event.offset, digest(event.data))  # how it answers the other side is another matter
        else:
            continue
        found.setdefault((event.connection, event.direction), []).append(told)
    return found
