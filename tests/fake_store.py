"""Stores for tests of the screen: one made of events that a test builds, one of a million synthetic rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from rtmpscope.model import (
    C2S,
    S2C,
    Call,
    Connection,
    Endpoint,
    Event,
    Field,
    Handshake,
    Message,
    Severity,
    Verdict,
)  # fmt: skip
from rtmpscope.plugins import Registry
from rtmpscope.redact import Redactor
from rtmpscope.rtmp import handshake, messages
from rtmpscope.rtmp.summary import summarize
from tests import wire

SECOND = 1_000_000_000
START = 1_795_224_000 * SECOND
COLUMNS = (
    "severity", "number", "time_ns", "connection", "direction", "type_id", "message_stream_id", "packet", "timestamp",
    "length", "offset",
)  # fmt: skip


class Session:
    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def verdict(self) -> Verdict:
        return self._verdict


def connection(number: int, verdict: Verdict, port: int = 38290) -> Connection:
    made = Connection(number, Endpoint("10.77.0.1", port), Endpoint("10.77.0.2", 1935), "syn", 1, START)
    made.last_time_ns = START + SECOND // 10
    made.analysis["session"] = Session(verdict)
    return made


class FakeStore:
    """The store's interface over a list of events; `visible` rows are loaded, all of them unless a test says so."""

    def __init__(self, events: Sequence[Event], connections: Sequence[Connection], summaries: Sequence[str]) -> None:
        self.events = list(events)
        self.connections = list(connections)
        self.summaries = list(summaries)
        self.visible = len(self.events)
        self.complete = True
        self.registry = Registry()
        self.reader = SimpleNamespace(files=[], size=1000)
        self.opened: list[int] = []

    @property
    def count(self) -> int:
        return self.visible

    @property
    def messages(self) -> int:
        return sum(isinstance(event, Message) for event in self.events[: self.visible])

    @property
    def problems(self) -> int:
        return sum(self.severity(row) >= Severity.WARNING for row in range(self.visible))

    progress_text = "loaded 100 %"
    error = ""

    def load(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def severity(self, row: int) -> int:
        return max((note.severity for note in self.events[row].notes or []), default=-1)

    @property
    def columns(self) -> dict[str, array[int]]:
        rows = [self.row(row) for row in range(self.visible)]
        codes = {"severity": "b"}
        return {name: array(codes.get(name, "q"), [getattr(row, name) for row in rows]) for name in COLUMNS}

    def row(self, row: int) -> Any:
        event = self.events[row]
        plain = {
            "kind": type(event).__name__.lower(), "number": 0, "type_id": -1, "fmt": -1, "csid": -1,
            "message_stream_id": -1, "timestamp": -1, "length": 0, "captured": 0, "first_packet": event.packet,
            "severity": self.severity(row), "head": event.payload[:8] if isinstance(event, Message) else b"",
            "offset": 0,
        }  # fmt: skip
        for name in plain.keys() - {"kind", "severity", "head", "first_packet"}:
            plain[name] = getattr(event, name, plain[name])
        for name in ("time_ns", "connection", "direction", "packet"):
            plain[name] = getattr(event, name)
        return SimpleNamespace(**plain)

    def summary(self, row: int, redactor: Redactor | None = None) -> str:
        event = self.events[row]
        if redactor is not None and isinstance(event, Message):
            return summarize(event, redactor.body(event, self.describe(event)))
        return self.summaries[row]

    def open(self, row: int) -> Event:
        self.opened.append(row)
        return self.events[row]

    def light(self, row: int) -> Event:
        return self.events[row]

    def tells(self, row: int) -> bool:
        event = self.events[row]
        return not isinstance(event, Message) or event.type_id in (8, 9) or event.captured <= 8

    def describe(self, event: Event) -> Field:
        if isinstance(event, Handshake):
            return handshake.describe(event)
        assert isinstance(event, Message)
        return event.body or messages.decode(event.type_id, event.prefix, event.length)

    def scan(self, predicate: Any, start: int, stop: int) -> Iterator[list[int]]:
        for row in range(start, min(stop, self.visible)):
            event = self.events[row]
            body = self.describe(event) if isinstance(event, Message) else None
            if predicate.match(event, self.connections[event.connection], body):
                yield [row]


def message(number: int, direction: int, type_id: int, payload: bytes, ms: int = 0, connection: int = 0) -> Message:
    time_ns = START + ms * 1_000_000
    made = Message(connection, direction, 10 + number, time_ns, 0, 3, type_id, 1, ms, len(payload), payload)
    made.number = number
    return made


def rejected_publish(key: str = "s3cretkey99") -> FakeStore:
    """A publisher that is turned away on connection 0, and a player that is served on connection 1."""
    events: list[Event] = []
    for part, direction in (("C0", C2S), ("C1", C2S), ("S0", S2C), ("S1", S2C), ("S2", S2C), ("C2", C2S)):
        data = b"\x03" if part.endswith("0") else wire.simple_block()
        events.append(Handshake(0, direction, 4, START, part, 0, data))
    summaries = ["version 3", "handshake, simple", "version 3", "simple", "echoes C1", "echoes S1"]
    connect = wire.command("connect", 1, {"app": "live"})
    result = wire.command("_result", 1, None, None)
    publish = wire.command("publish", 5, None, key, "live")
    status = wire.command("onStatus", 0, None, {"level": "error", "code": "NetStream.Publish.BadName"})
    made = [
        (message(1, C2S, 20, connect, 1), "connect('live')"),
        (message(2, S2C, 5, (5_000_000).to_bytes(4, "big"), 2), "5,000,000 bytes"),
        (message(3, S2C, 20, result, 2), "_result → 1  +1.1 ms"),
        (message(4, C2S, 20, publish, 5), f"publish('{key}', 'live')"),
        (message(5, S2C, 20, status, 6), "onStatus → 4  NetStream.Publish.BadName  +0.4 ms"),
        (message(6, C2S, 9, b"\x17\x01" + bytes(300), 40, connection=1), "h264 key frame  cts 0"),
        (message(7, C2S, 8, b"\xaf\x01" + bytes(100), 42, connection=1), "aac frame"),
        (message(8, C2S, 9, b"\x27\x01" + bytes(300), 80, connection=1), "h264 frame  cts 0"),
    ]
    made[4][0].note("publish-rejected", Severity.ERROR, "the stream name is already in use: another publisher holds it")
    call = Call("publish", 4, made[3][0].time_ns)
    call.answer, call.answer_time_ns = 5, made[4][0].time_ns
    made[3][0].call = made[4][0].call = call
    events += [one for one, _ in made]
    failed = Verdict("publish", "publish", "failed", "NetStream.Publish.BadName", 5, "NetStream.Publish.BadName")
    fine = Verdict("play", "media", "ok", None, None, "plays live/cam1")
    return FakeStore(
        events, [connection(0, failed), connection(1, fine, 38302)], summaries + [summary for _, summary in made]
    )


class HugeStore(FakeStore):
    """So many rows that whoever asks for all of them is found out; `asked` counts the rows that were asked for."""

    def __init__(self, count: int) -> None:
        super().__init__([], [connection(0, Verdict("publish", "media", "ok", None, None, "publishes"))], [])
        self.visible = count
        self.asked = 0
        self.made = {"number": array("q", range(1, count + 1)), "connection": array("b", bytes(count))}
        self.made["severity"] = array("b", b"\xff" * count)
        self.made["time_ns"] = array("q", range(START, START + count * 1_000_000, 1_000_000))

    def tells(self, row: int) -> bool:
        return True

    messages = problems = 0

    @property
    def columns(self) -> Any:
        return self.made

    def row(self, row: int) -> Any:
        self.asked += 1
        return SimpleNamespace(
            kind="message", number=row + 1, time_ns=START + row * 1_000_000, connection=0, direction=row % 2,
            type_id=8 + row % 2, fmt=1, csid=4, message_stream_id=1, timestamp=row, length=300, captured=300,
            first_packet=row, packet=row, severity=-1, head=b"",
        )  # fmt: skip

    def summary(self, row: int, redactor: Redactor | None = None) -> str:
        return f"frame {row}"

    def open(self, row: int) -> Event:
        return message(row + 1, C2S, 9, b"\x17\x01" + bytes(300), row)

    def scan(self, predicate: Any, start: int, stop: int) -> Iterator[range]:
        yield range(start, stop)
