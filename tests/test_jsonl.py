"""The JSON trace: strict, as the schema says, every event in its place, requests with their answers, no secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.export.jsonl import JsonArray, Trace, json_lines, summary
from rtmpscope.limits import HELD_NS, HELD_RECORDS
from rtmpscope.model import (
    UNKNOWN,
    Call,
    Connection,
    End,
    Endpoint,
    Event,
    Field,
    Gap,
    Handshake,
    Message,
    Opened,
    Severity,
    Verdict,
)
from rtmpscope.pipeline import Run
from rtmpscope.redact import Redactor
from rtmpscope.rtmp import messages
from tests.strict import check, parse
from tests.wire import amf0, command

CAPTURES = sorted(Path(__file__).parent.parent.joinpath("captures").glob("*.pcap*"))
START = 1_700_000_000_123_456_789
SECOND = 1_000_000_000


class Report:
    """What a capture reader says of a file."""

    path, format, packets, bytes, outcome, offset, reason = "a.pcap", "pcap", 3, 400, "truncated", 399, "cut"
    dropped = 7


def connection() -> Connection:
    return Connection(0, Endpoint("10.0.0.1", 40000), Endpoint("fe80::1", 1935), "syn", 1, START)


def describe(message: Message) -> Field:
    return messages.decode(message.type_id, message.prefix, message.length)


def message(number: int, type_id: int, payload: bytes, time_ns: int = START, length: int | None = None) -> Message:
    made = Message(0, 0, number, time_ns, 0, 3, type_id, 1, 40, len(payload) if length is None else length, payload)
    made.number = number
    made.captured = len(payload)
    return made


class Traced:
    """A trace and the records it has written so far."""

    def __init__(self, redactor: Redactor | None = None, payload: bool = False) -> None:
        self.texts: list[str] = []
        self.trace = Trace(self.texts.append, [connection()], describe, redactor, payload)

    def events(self, *events: Event) -> list[Any]:
        for event in events:
            self.trace.event(event)
        return self.records

    @property
    def records(self) -> list[Any]:
        records = [parse(text) for text in self.texts]
        for record in records:
            check(record)
        return records


def one(event: Event, redactor: Redactor | None = None, payload: bool = False) -> Any:
    """The record of one event, which stands behind that of its connection."""
    traced = Traced(redactor, payload)
    connection_record, record = traced.events(event)
    assert connection_record["record"] == "connection"
    return record


def test_header_says_what_was_read_and_how() -> None:
    traced = Traced(Redactor())
    traced.trace.header([("a.pcap", "pcap")], "rtmp.type == video")
    (record,) = traced.records
    assert list(record) == ["record", "schema", "tool", "captures", "filter", "redacted"]
    assert record["schema"] == "rtmpscope.trace/1"
    assert record["captures"] == [{"path": "a.pcap", "format": "pcap"}]
    assert record["filter"] == "rtmp.type == video" and record["redacted"] is True


def test_unredacted_header_says_so() -> None:
    traced = Traced()
    traced.trace.header([], None)
    assert traced.records[0]["redacted"] is False and traced.records[0]["filter"] is None


def test_connection_is_introduced_once() -> None:
    traced = Traced()
    records = traced.events(Opened(0, 0, 1, START), End(0, 0, 9, START, "fin", 0, 0))
    assert [record["record"] for record in records] == ["connection", "end"]
    assert records[0] == {
        "record": "connection",
        "id": 0,
        "client": {"address": "10.0.0.1", "port": 40000},
        "server": {"address": "fe80::1", "port": 1935},
        "client_known_by": "syn",
        "transport": "rtmp",
        "time": "2023-11-14T22:13:20.123456789Z",
        "packet": 1,
    }


def test_handshake_gap_and_end_have_their_keys() -> None:
    part = Handshake(0, 1, 7, START, "S1", 0, b"")
    part.version, part.style, part.digest_block = "13.14.10.13", "digest", 8
    gap = Gap(0, 1, 8, START, 3073, 1448, "capture_loss")
    records = Traced().events(part, gap, End(0, 1, 9, START, "rst", 12, 5000))[1:]
    time = "2023-11-14T22:13:20.123456789Z"
    at = {"connection": 0, "direction": "s2c", "time": time}
    assert records[0] == {
        "record": "handshake", **at, "packet": 7, "part": "S1", "version": "13.14.10.13", "style": "digest",
        "digest_block": 8, "echo": "none",
    }  # fmt: skip
    assert records[1] == {"record": "gap", **at, "packet": 8, "bytes": 1448, "reason": "capture_loss", "resumed": None}
    assert records[2] == {"record": "end", **at, "packet": 9, "how": "rst", "incomplete": 12}


def test_notes_of_gaps_are_kept() -> None:
    gap = Gap(0, 1, 8, START, 3073, 1448, "capture_loss")
    gap.note("guessed", Severity.NOTE, "sure to 90 %")
    assert one(gap)["notes"] == [{"code": "guessed", "severity": "note", "text": "sure to 90 %"}]


def test_message_has_all_keys_in_order() -> None:
    event = message(5, 1, b"\0\0\x10\0")
    event.note("chunk-size", Severity.WARNING, "odd")
    record = one(event)
    assert list(record) == [
        "record", "number", "connection", "direction", "time", "time_ns", "packets", "chunks", "fmt", "csid", "type_id",
        "type", "message_stream_id", "timestamp", "length", "captured", "summary", "body", "notes",
    ]  # fmt: skip
    assert record["time_ns"] == str(START) and record["time"] == "2023-11-14T22:13:20.123456789Z"
    assert record["type"] == "set_chunk_size" and record["body"] == {"chunk_size": 4096}
    assert record["summary"] == "4,096 bytes"
    assert record["notes"] == [{"code": "chunk-size", "severity": "warning", "text": "odd"}]


def test_what_a_late_start_leaves_unknown_is_null() -> None:
    event = message(5, 8, b"\xaf\x01\x00")
    event.timestamp = event.message_stream_id = UNKNOWN
    record = one(event)
    assert record["timestamp"] is None and record["message_stream_id"] is None


@pytest.mark.parametrize(
    ("time_ns", "expected"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (4_300_000_000 * SECOND, "2106-04-06T12:26:40.000000000Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
        (-(2**63), "1677-09-21T00:12:43.145224192Z"),
    ],
)
def test_any_clock_gives_a_time(time_ns: int, expected: str) -> None:
    assert one(message(1, 1, b"\0\0\x10\0", time_ns))["time"] == expected


def test_trace_may_begin_in_the_last_second_before_1970() -> None:
    early = Connection(0, Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.2", 1935), "syn", 1, -1)
    texts: list[str] = []
    Trace(texts.append, [early], describe).event(End(0, 0, 1, -1, "fin", 0, 0))
    assert [parse(text)["time"] for text in texts] == ["1969-12-31T23:59:59.999999999Z"] * 2


def test_part_of_an_aggregate_names_it() -> None:
    event = message(6, 8, b"\xaf\x01\x00")
    event.aggregate = 5
    assert one(event)["aggregate"] == 5


def test_payload_is_hex_on_request() -> None:
    assert one(message(6, 8, b"\xaf\x01\x00"), payload=True)["payload"] == "af0100"


def test_payload_of_each_frame_is_its_own_though_all_else_is_alike() -> None:
    frames = [message(number, 8, b"\xaf\x01" + bytes([number])) for number in (6, 7)]
    records = Traced(payload=True).events(*frames)[-2:]
    assert [record["payload"] for record in records] == ["af0106", "af0107"]


def test_payload_with_a_secret_is_withheld() -> None:
    event = message(6, 20, command("publish", 2, None, "secret-name"))
    record = one(event, Redactor(), payload=True)
    assert record["payload"] == {"$redacted": len(event.payload)}
    assert b"secret-name".hex() not in json.dumps(record) and "secret-name" not in json.dumps(record)


def test_frames_that_begin_alike_keep_their_own_facts() -> None:
    frames = [message(number, 8, b"\xaf\x01" + bytes(number)) for number in range(1, 5)]
    frames[2].captured, frames[2].holes = 2, [(2, 3)]
    frames.append(message(5, 8, b"\xaf\x00\x12\x10"))
    whole = Traced().events(*frames)
    alone = [one(frame) for frame in frames]
    assert whole[1:] == alone
    assert len({json.dumps(record["body"]) for record in alone}) == 3


# --- requests and answers


def call(asked: Message, answered: Message | None, *, later: bool = False) -> Callable[[], None]:
    """Link two messages as the transactions do: the request at once, the answer when the function is called."""
    link = Call("x", asked.number, asked.time_ns)
    asked.call = link

    def answer() -> None:
        assert answered is not None
        link.answer, link.answer_time_ns = answered.number, answered.time_ns
        answered.call = link

    return answer


def test_request_waits_for_its_answer_and_names_it() -> None:
    traced = Traced()
    asked = message(1, 20, command("createStream", 2, None))
    answered = message(3, 20, command("_result", 2, None, 1.0), START + 1_500_000)
    answer = call(asked, answered)
    assert len(traced.events(asked, message(2, 8, b"\xaf\x01\x00"))) == 1
    answer()
    records = traced.events(answered)
    assert [record.get("number") for record in records] == [None, 1, 2, 3]
    assert records[1]["body"]["answered_by"] == 3 and records[1]["body"]["latency_ms"] == 1.5
    assert records[3]["body"]["reply_to"] == 1 and records[3]["body"]["latency_ms"] == 1.5


def test_request_waits_two_seconds_of_capture_time() -> None:
    traced = Traced()
    asked = message(1, 20, command("createStream", 2, None))
    call(asked, None)
    assert len(traced.events(asked, message(2, 8, b"\xaf\x01\x00", START + HELD_NS))) == 1
    records = traced.events(message(3, 8, b"\xaf\x01\x00", START + HELD_NS + 1))
    assert [record.get("number") for record in records] == [None, 1, 2, 3]
    assert records[1]["body"]["answered_by"] is None and records[1]["body"]["latency_ms"] is None


def test_request_waits_for_a_bounded_number_of_records() -> None:
    traced = Traced()
    asked = message(1, 20, command("createStream", 2, None))
    call(asked, None)
    traced.trace.event(asked)
    for number in range(HELD_RECORDS):
        assert len(traced.texts) == 1
        traced.trace.event(message(number + 2, 8, b"\xaf\x01\x00"))
    assert len(traced.texts) == HELD_RECORDS + 2


def test_everything_held_back_is_written_at_the_end() -> None:
    traced = Traced()
    asked = message(1, 20, command("createStream", 2, None))
    call(asked, None)
    traced.events(asked, message(2, 8, b"\xaf\x01\x00"))
    traced.trace.finish([Report()])
    assert [record["record"] for record in traced.records] == ["connection", "message", "message", "summary"]


def test_command_without_a_call_has_neither_key() -> None:
    body = one(message(1, 20, command("onBWDone", 0, None)))["body"]
    assert "reply_to" not in body and "answered_by" not in body


def test_empty_command_may_have_an_answer() -> None:
    asked = message(1, 20, b"")
    call(asked, None)
    traced = Traced()
    traced.trace.event(asked)
    traced.trace.finish([])
    check(parse(traced.texts[1]))


# --- summary


class Session:
    def verdict(self) -> Verdict:
        return Verdict("publish", "media", "ok", "NetStream.Publish.Start", 12, "fine: sk-secret-1")


def test_summary_has_captures_counts_notes_and_verdicts() -> None:
    made = connection()
    made.counts[0][20] = 3
    made.note_counts["x"] = 2
    made.gaps = 1
    made.analysis["session"] = Session()
    redactor = Redactor()
    redactor.secret("sk-secret-1")
    record = parse(summary([Report()], [made, connection()], redactor))  # type: ignore[list-item]
    check(record)
    (told,) = record["captures"]
    assert (told["path"], told["packets"], told["bytes"]) == ("a.pcap", 3, 400)
    assert (told["outcome"], told["offset"], told["dropped"]) == ("truncated", 399, 7)
    first, second = record["connections"]
    assert first["messages"] == {"c2s": {"20": 3}, "s2c": {}} and first["gaps"] == 1 and first["notes"] == {"x": 2}
    assert first["verdict"]["message"] == 12 and "sk-secret" not in first["verdict"]["text"]
    assert second["verdict"] is None


# --- forms


def test_lines_and_array_hold_the_same_records() -> None:
    lines: list[str] = []
    texts: list[str] = []
    write, array = json_lines(lines.append), JsonArray(texts.append)
    for record in ('{"a":1}', '{"b":2}'):
        write(record)
        array(record)
    array.close()
    assert [parse(line) for line in "".join(lines).splitlines()] == parse("".join(texts)) == [{"a": 1}, {"b": 2}]


def test_empty_array_is_still_an_array() -> None:
    texts: list[str] = []
    JsonArray(texts.append).close()
    assert parse("".join(texts)) == []


# --- real captures


def trace_of(path: Path, redact: bool = True, payload: bool = False) -> Iterator[str]:
    run = Run(open_capture([str(path)]), redact=redact, whole_payloads=True)
    texts: list[str] = []
    trace = Trace(texts.append, run.connections, run.describe, run.redactor, payload)
    trace.header([(file.path, file.format) for file in run.files], None)
    for event in run.events():
        trace.event(event)
    trace.finish(run.files)
    return iter(texts)


def shape(value: Any) -> Any:
    """The structure of a value without its contents, so that each is held against the schema once."""
    if isinstance(value, dict):
        return tuple((key, shape(item)) for key, item in value.items())
    if isinstance(value, list):
        return ("list", *dict.fromkeys(shape(item) for item in value))
    return type(value).__name__


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_every_record_of_a_real_capture_is_as_the_schema_says(path: Path) -> None:
    seen = set()
    records = []
    for text in trace_of(path, payload=True):
        record = parse(text)
        records.append(record)
        form = (record.get("type"), shape(record))
        if form not in seen:
            seen.add(form)
            check(record)
    assert records[0]["record"] == "header" and records[-1]["record"] == "summary"
    numbers = [record["number"] for record in records if record["record"] == "message"]
    assert numbers == list(range(1, len(numbers) + 1))
    replies = {record["number"]: record["body"].get("reply_to") for record in records if record["record"] == "message"}
    for record in records:
        answer = record.get("body", {}).get("answered_by")
        assert answer is None or replies[answer] == record["number"]
    counted = sum(
        count
        for each in records[-1]["connections"]
        for direction in each["messages"].values()
        for count in direction.values()
    )
    assert counted == len(numbers)


def test_text_that_is_not_utf8_and_numbers_that_are_none_survive() -> None:
    payload = amf0("onMetaData") + b"\x02\x00\x02\xff\x1b" + amf0(float("nan"), 2.0**60)
    record = one(message(1, 18, payload))
    assert record["body"]["arguments"][0] == {"$string": "\\xff\x1b", "utf8": False}
    assert record["body"]["arguments"][1] == {"$number": "NaN"}
    assert "\x1b" not in record["summary"] or "\\u001b" in json.dumps(record)
