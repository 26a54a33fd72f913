"""Display filters: Wireshark's syntax, errors that say where, and columns that agree with decoded messages."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtmpscope import filters
from rtmpscope.capture.files import open_capture
from rtmpscope.engine import RTMP_PORTS, Engine
from rtmpscope.fields import ALIASES, FIELDS, RECORDS, find
from rtmpscope.filters import FilterError, complete, pointed
from rtmpscope.limits import FILTER_CHARACTERS, FILTER_DEPTH, PATTERN_CHARACTERS
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
)
from rtmpscope.pipeline import Run, registry
from rtmpscope.redact import Redactor
from rtmpscope.rtmp import messages
from rtmpscope.store import Store
from tests import wire
from tests.patience import PATIENCE
from tests.wire import Ecma, amf0, command, user_control

CAPTURES = Path(__file__).parent.parent / "captures"
START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def connection() -> Connection:
    return Connection(2, Endpoint("10.0.0.1", 40000), Endpoint("192.168.7.9", 1935), "syn", 1, START)


def message(type_id: int, payload: bytes = b"", **facts: Any) -> Message:
    made = Message(2, 0, 7, START + 5 * SECOND, 0, 3, type_id, 1, 4000, len(payload), payload)
    made.number = 12
    made.first_packet = 6
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def matches(text: str, event: Event, over: Connection | None = None) -> bool:
    """Whether the event matches; asked without its body first, which may not contradict."""
    wanted = filters.compile(text)
    wanted.start_ns = START
    body: Field | None = None
    if isinstance(event, Message):
        body = messages.decode(event.type_id, event.prefix, event.length)
    over = over or connection()
    found = wanted.match(event, over, body)
    assert wanted.decide(event, over) in (found, None)
    named = [find(word) for word in re.findall(r"[\w.]+", text)]
    assert wanted.decide(event, over) is found or any(field is not None and field.needs_body for field in named)
    return found


VIDEO = message(9, bytes.fromhex("1701000000"))
AUDIO = message(8, bytes.fromhex("af01ffff"), direction=1)
PUBLISH = message(20, command("publish", 5, None, "cam", "live"))
STATUS = message(
    20,
    command("onStatus", 0, None, {"level": "error", "code": "NetStream.Publish.BadName", "description": "cam in use"}),
    direction=1,
)
METADATA = message(18, amf0("@setDataFrame", "onMetaData", Ecma({"width": 1280.0, "stereo": True, "encoder": "Lavf"})))
PING = message(4, user_control(6, 123456))


@pytest.mark.parametrize(
    ("text", "event", "expected"),
    [
        # comparisons, in both spellings
        ("rtmp.type == video", VIDEO, True),
        ("rtmp.type eq audio", VIDEO, False),
        ("rtmp.type != audio", VIDEO, True),
        ("rtmp.type ne video", VIDEO, False),
        ("rtmp.type == VIDEO", VIDEO, True),
        ("rtmp.type == unknown_33", message(33), True),
        ("rtmp.type_id == 9", VIDEO, True),
        ("rtmp.type_id == 0x09", VIDEO, True),
        ("rtmp.timestamp > 3999", VIDEO, True),
        ("rtmp.timestamp gt 4000", VIDEO, False),
        ("rtmp.timestamp >= 4000", VIDEO, True),
        ("rtmp.timestamp ge 4001", VIDEO, False),
        ("rtmp.timestamp < 4001", VIDEO, True),
        ("rtmp.timestamp lt 4000", VIDEO, False),
        ("rtmp.timestamp <= 4000", VIDEO, True),
        ("rtmp.timestamp le 3999", VIDEO, False),
        ("rtmp.type == video && rtmp.timestamp > 5000", VIDEO, False),
        # what is unknown matches nothing, not even "differs"
        ("rtmp.timestamp != 5", message(9, timestamp=UNKNOWN), False),
        ("rtmp.timestamp", message(9, timestamp=UNKNOWN), False),
        ("not rtmp.timestamp == 5", message(9, timestamp=UNKNOWN), True),
        # and, or, not and their order
        ("rtmp.type == video or rtmp.type == audio and rtmp.csid == 99", VIDEO, True),
        ("(rtmp.type == video || rtmp.type == audio) && rtmp.csid == 99", VIDEO, False),
        ("!rtmp.type == video", VIDEO, False),
        ("not not rtmp.type == video", VIDEO, True),
        ("!(rtmp.type == audio)", VIDEO, True),
        # sets
        ("rtmp.type in {audio, video}", VIDEO, True),
        ("rtmp.type in {audio command_amf0}", VIDEO, False),
        ("rtmp.csid in {1, 3}", VIDEO, True),
        ("rtmp.csid in {10..20, 2..4}", VIDEO, True),
        ("rtmp.csid in {4..20}", VIDEO, False),
        # contains, matches
        ("rtmp.type contains amf0", PUBLISH, True),
        ("rtmp.type matches '^COMMAND'", PUBLISH, True),
        ("rtmp.command.name contains lis", PUBLISH, True),
        ("rtmp.command.name contains LIS", PUBLISH, False),
        ('rtmp.command.name matches "^PUB.*h$"', PUBLISH, True),
        ('rtmp.payload contains "onMeta"', METADATA, True),
        ("rtmp.payload contains 17:01", VIDEO, True),
        ("rtmp.payload contains 17:02", VIDEO, False),
        # strings and their escapes
        ('rtmp.command.name == "publish"', PUBLISH, True),
        ("rtmp.command.name == 'publish'", PUBLISH, True),
        (r'rtmp.command.name == "\x70ublish"', PUBLISH, True),
        (r'rtmp.command.name == r"\x70ublish"', PUBLISH, False),
        ("rtmp.command.name == publish", PUBLISH, True),
        # bodies
        ("rtmp.command", PUBLISH, True),
        ("rtmp.command", VIDEO, False),
        ("rtmp.command.arguments.stream_name == cam", PUBLISH, True),
        ("rtmp.command.arguments == live", PUBLISH, True),
        ("rtmp.command.transaction_id == 5", PUBLISH, True),
        ("rtmp.command.transaction_id > 4.5", PUBLISH, True),
        ("rtmp.command.arguments.information.code == NetStream.Publish.BadName", STATUS, True),
        ('rtmp.command.arguments.information.description contains "in use"', STATUS, True),
        ("rtmp.command.arguments.code == NetStream.Publish.BadName", STATUS, True),
        ("rtmp.command.arguments.information.nothing", STATUS, False),
        (
            "rtmp.shared_object.events.event == use",
            message(19, wire.shared_object("room", 0, 2, wire.so_event(1))),
            True,
        ),
        ("rtmp.data.arguments.metadata.width > 1000", METADATA, True),
        ("rtmp.data.arguments.metadata.stereo == true", METADATA, True),
        ("rtmp.data.arguments.metadata.encoder != 5", METADATA, True),
        ("rtmp.user_control.event == ping_request", PING, True),
        ("rtmp.user_control.timestamp == 123456", PING, True),
        ("rtmp.set_peer_bandwidth.limit_type == dynamic", message(6, b"\0\0\x10\0\x02"), True),
        ("rtmp.set_peer_bandwidth.limit_type == 2", message(6, b"\0\0\x10\0\x02"), True),
        ("rtmp.set_peer_bandwidth.limit_type != hard", message(6, b"\0\0\x10\0\x02"), True),
        ("rtmp.set_peer_bandwidth.limit_type != dynamic", message(6, b"\0\0\x10\0\x02"), False),
        ("rtmp.video.codec == h264", VIDEO, True),
        ("rtmp.video.codec == h264", AUDIO, False),
        ("rtmp.summary contains 'key frame'", VIDEO, True),
        # columns
        ("rtmp.record == message", VIDEO, True),
        ("rtmp.number == 12", VIDEO, True),
        ("rtmp.connection == 2", VIDEO, True),
        ("rtmp.direction == c2s", VIDEO, True),
        ("rtmp.direction == s2c", AUDIO, True),
        ("rtmp.fmt == 0", VIDEO, True),
        ("rtmp.message_stream_id == 1", VIDEO, True),
        ("rtmp.length == 5", VIDEO, True),
        ("rtmp.captured < rtmp.length", VIDEO, False),
        ("rtmp.captured < rtmp.length", message(9, b"12345", captured=3), True),
        ("rtmp.captured == rtmp.length", VIDEO, True),
        ("rtmp.captured != rtmp.length", VIDEO, False),
        ("rtmp.chunks == 1", VIDEO, True),
        ("rtmp.aggregate", VIDEO, False),
        ("rtmp.aggregate == 11", message(9, aggregate=11), True),
        ("rtmp.first_packet == 6 and rtmp.packet == 7", VIDEO, True),
        ("rtmp.transport == rtmp", VIDEO, True),
        ("rtmp.client.address == 10.0.0.1", VIDEO, True),
        ("rtmp.server.port == 1935", VIDEO, True),
        # Wireshark's names
        ("rtmpt", VIDEO, True),
        ("tcp and ip and not ipv6", VIDEO, True),
        ("amf", PUBLISH, True),
        ("amf", VIDEO, False),
        ("rtmpt.header.typeid == 9", VIDEO, True),
        ("rtmpt.header.csid == 3", VIDEO, True),
        ("rtmpt.header.bodysize == 5", VIDEO, True),
        ("rtmpt.header.timestamp == 4000", VIDEO, True),
        ("rtmpt.header.timestamp == 4000", message(9, fmt=1), False),
        ("rtmpt.video.format == 7 and rtmpt.video.type == 1", VIDEO, True),
        ("rtmpt.audio.format == 10", AUDIO, True),
        ("rtmpt.ucm.eventtype == 6", PING, True),
        ("rtmpt.scm.chunksize == 4096", message(1, b"\0\0\x10\0"), True),
        ("amf.string == cam", PUBLISH, True),
        ("amf.string contains Lav", METADATA, True),
        ("amf.number == 1280", METADATA, True),
        ("amf.boolean == true", METADATA, True),
        ("amf.ecmaarray", METADATA, True),
        ("amf.ecmaarray", PUBLISH, False),
        ("amf.object", STATUS, True),
        ("amf.membername == code", STATUS, True),
        ("ip.addr == 10.0.0.1", VIDEO, True),
        ("ip.addr == 10.0.0.1", AUDIO, True),
        ("ip.src == 10.0.0.1", VIDEO, True),
        ("ip.src == 10.0.0.1", AUDIO, False),
        ("ip.dst == 192.168.0.0/16", VIDEO, True),
        ("ip.addr != 10.0.0.1", VIDEO, False),
        ("ip.addr in {1.2.3.4, 10.0.0.0/8}", VIDEO, True),
        ("ipv6.addr == ::1", VIDEO, False),
        ("ipv6.addr", VIDEO, False),
        ("tcp.port == 1935", VIDEO, True),
        ("tcp.srcport == 1935", VIDEO, False),
        ("tcp.dstport == 1935", VIDEO, True),
        ("tcp.port != 80", VIDEO, True),
        ("frame.number == 7", VIDEO, True),
        ("frame.time_relative > 4.9 and frame.time_relative < 5.1", VIDEO, True),
        ("frame.time_relative == 5", VIDEO, True),
        ("frame.time_epoch >= 1700000005", VIDEO, True),
        ('frame.time == "2023-11-14 22:13:25"', VIDEO, True),
        ('frame.time > "2023-11-14T23:13:25+01:00"', VIDEO, False),
    ],
)
def test_filter_decides_about_a_message(text: str, event: Event, expected: bool) -> None:
    assert matches(text, event) is expected


@pytest.mark.parametrize(
    "text",
    [
        "rtmp.command.command_object < 5",
        "rtmp.command.command_object >= b",
        "rtmp.command.arguments.information > x",
        "rtmp.command.command_object < rtmp.command.arguments",
        "rtmp.command.command_object == rtmp.command.command_object",
    ],
)
def test_null_and_groups_are_less_or_greater_than_nothing(text: str) -> None:
    assert not matches(text, PUBLISH) and not matches(text, message(20, command("play", 0, None)))


def test_number_beyond_all_doubles_is_a_number() -> None:
    assert matches(f"rtmp.command.transaction_id < {'9' * 400}", PUBLISH)
    assert not matches(f"rtmp.command.transaction_id == {'9' * 400}", PUBLISH)


def handshake() -> Handshake:
    part = Handshake(2, 1, 5, START, "S1", 0, b"")
    part.style, part.digest_block, part.version = "digest", 772, "3.5.1.1"
    return part


@pytest.mark.parametrize(
    ("text", "event", "expected"),
    [
        ("rtmp.handshake.part == S1", handshake(), True),
        ("rtmp.handshake.part in {C1, s1}", handshake(), True),
        ("rtmp.handshake.digest_block == 772 and rtmp.handshake.style == digest", handshake(), True),
        ("rtmp.record == handshake", handshake(), True),
        ("rtmp.type == video", handshake(), False),
        ("rtmp.length >= 0", Gap(2, 0, 5, START, 0, 100, "capture_loss"), False),
        ("rtmp.gap.bytes == 100", Gap(2, 0, 5, START, 0, 100, "capture_loss"), True),
        ("rtmp.gap.reason == capture_loss", Gap(2, 0, 5, START, 0, 100, "capture_loss"), True),
        ("rtmp.gap.resumed", Gap(2, 0, 5, START, 0, 100, "capture_loss"), False),
        ("rtmp.end.how == rst", End(2, 0, 5, START, "rst", 0, 0), True),
        ("rtmp.end.how == fin", End(2, 0, 5, START, "rst", 0, 0), False),
        ("rtmp.connection == 2", Opened(2, 0, 5, START), True),
        ("rtmp.record == message", Opened(2, 0, 5, START), False),
    ],
)
def test_filter_decides_about_other_records(text: str, event: Event, expected: bool) -> None:
    assert matches(text, event) is expected


def test_notes_can_be_asked_for() -> None:
    event = message(9)
    assert not matches("rtmp.note", event)
    event.note("av-skew", Severity.NOTE, "audio is early")
    event.note("jump", Severity.WARNING, "timestamps jump")
    assert matches("rtmp.note and rtmp.note.severity >= warning", event)
    assert not matches("rtmp.note.severity == error", event)
    assert matches("rtmp.note.code == av-skew", event)
    assert matches("rtmp.note.text contains jump", event)


def test_calls_and_answers_can_be_asked_for() -> None:
    asked = message(20, command("createStream", 2, None), number=3)
    answered = message(20, command("_result", 2, None, 1.0), number=9)
    link = Call("createStream", 3, START)
    link.answer, link.answer_time_ns = 9, START + 30_000_000
    asked.call = answered.call = link
    assert matches("rtmp.command.answered_by == 9", asked) and not matches("rtmp.command.reply_to", asked)
    assert matches("rtmp.command.reply_to == 3 and rtmp.command.latency_ms > 29.5", answered)


def test_ipv6_has_names_of_its_own() -> None:
    over = Connection(0, Endpoint("fe80::1", 1), Endpoint("fd00::2", 1935), "syn", 1, START)
    assert matches("ipv6.src == fe80::/16", VIDEO, over) and matches("ipv6.addr == fd00::2", VIDEO, over)
    assert not matches("ip.addr", VIDEO, over)


def test_empty_filter_matches_everything() -> None:
    assert matches("", VIDEO) and matches("  ", handshake())


# --- errors


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("rtmp.tpye == 3", 0, "did you mean rtmp.type?"),
        ("video", 0, "no field video"),
        ("rtmp.type == vidoe", 13, "did you mean video?"),
        ("rtmp.length = 3", 12, "write =="),
        ("rtmp.length & 3", 12, "write && or and"),
        ("rtmp.length >", 13, "expected a value"),
        ("rtmp.length > abc", 14, "a whole number"),
        ("rtmp.length > 1.5", 14, "a whole number"),
        ("frame.time_relative > x", 22, "a number of seconds"),
        ("frame.time > yesterday", 13, "a date such as"),
        ("ip.addr == 10.0.0", 11, "an IP address"),
        ("(rtmp.length > 3", 0, "never closed"),
        ("rtmp.length > 3)", 15, "never opened"),
        ("rtmp.length > 3 rtmp.csid == 1", 16, "expected and, or"),
        ("rtmp.length 3", 12, "expected and, or"),
        ("&& rtmp.video", 0, "expected a field"),
        ("rtmp.video and", 14, "expected a field"),
        ("not", 3, "expected a field"),
        ("()", 1, "expected a field"),
        ('"x" == 3', 0, "expected a field"),
        ("rtmp.type > video", 10, "allows =="),
        ("rtmp.video == 1", 11, "no operator"),
        ("rtmp.length contains 3", 12, "allows"),
        ("rtmp.note.severity >= bad", 22, "comment, chat, note, warning, error"),
        ("rtmp.type in audio", 13, "expected a set"),
        ("rtmp.type in {}", 14, "empty set"),
        ("rtmp.type in {audio", 13, "never closed"),
        ("rtmp.type in {audio..video}", 19, "no ranges"),
        ("rtmp.type in {audio (", 20, "a comma or }"),
        ('rtmp.summary matches "("', 21, "not a regular expression"),
        ('rtmp.summary matches "' + "a" * (PATTERN_CHARACTERS + 1) + '"', 21, "characters"),
        ('rtmp.command.name == "x', 21, "never closed"),
        ("rtmp.connection == frame.time_relative", 19, "cannot be compared"),
        ("(" * (FILTER_DEPTH + 1) + "rtmp.video", FILTER_DEPTH, "nested deeper"),
        ("!" * (FILTER_DEPTH + 1) + "rtmp.video", FILTER_DEPTH, "nested deeper"),
        ("rtmp.video or " * 1000, FILTER_CHARACTERS, "longer than"),
    ],
)
def test_wrong_filter_says_where_and_what_was_expected(text: str, position: int, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        filters.compile(text)
    assert words in caught.value.message
    assert caught.value.position == position
    assert position < caught.value.end


def test_mark_stands_below_what_is_wrong() -> None:
    with pytest.raises(FilterError) as caught:
        filters.compile("rtmp.tpye == 3")
    assert pointed("rtmp.tpye == 3", caught.value) == "rtmp.tpye == 3\n^~~~~~~~~"


def test_any_text_is_a_filter_or_an_error() -> None:
    rng = random.Random(7)
    signs = "() { } , .. == != < and or not in contains matches ! 3 -1 0x 1e9 :: 10.0.0.1".split()
    parts = [
        *list(FIELDS)[:30], *ALIASES, *signs, '"x"', "'", '"', 'r"', "é", "\x1b", " ", "video", "{1..2}", "\\",
    ]  # fmt: skip
    accepted = 0
    for _ in range(3000):
        text = " ".join(rng.choices(parts, k=rng.randint(1, 7)))
        try:
            wanted = filters.compile(text)
        except FilterError as error:
            assert 0 <= error.position <= len(text)
            continue
        accepted += 1
        wanted.match(PUBLISH, connection(), messages.decode(20, PUBLISH.payload, PUBLISH.length))
        wanted.match(handshake(), connection(), None)
    assert accepted > 20


# --- columns


class Rows(SimpleNamespace):
    """What a store gives, made of events."""

    def __init__(self, events: list[Event], over: Connection) -> None:
        columns: dict[str, list[int]] = {}
        for event in events:
            record = type(event).__name__.lower()
            values = {
                "record": RECORDS.index(record),
                "time_ns": event.time_ns,
                "connection": 0,
                "direction": event.direction,
                "packet": event.packet,
                "severity": event.worst(),
            }
            for name in ("number", "fmt", "type_id", "csid", "message_stream_id", "timestamp", "length", "captured",
                         "first_packet"):  # fmt: skip
                values[name] = getattr(event, name, UNKNOWN) if record == "message" else UNKNOWN
            for name, value in values.items():
                columns.setdefault(name, []).append(value)
        super().__init__(**{name: np.array(column) for name, column in columns.items()}, connections=[over])


def test_columns_decide_alone_where_they_can() -> None:
    over = connection()
    events = [VIDEO, AUDIO, PUBLISH, handshake(), message(9, timestamp=UNKNOWN)]
    wanted = filters.compile("rtmp.type == video and rtmp.timestamp > 3000 and tcp.dstport == 1935")
    answers = wanted.match_columns(Rows(events, over))  # type: ignore[arg-type]
    assert answers.tolist() == [filters.YES, filters.NO, filters.NO, filters.NO, filters.NO]


def test_columns_leave_open_what_only_a_body_tells() -> None:
    wanted = filters.compile("rtmp.command.name == publish or rtmp.type == video")
    rows = Rows([VIDEO, AUDIO, PUBLISH, handshake()], connection())
    assert wanted.match_columns(rows).tolist() == [filters.YES, filters.NO, filters.MAYBE, filters.NO]  # type: ignore[arg-type]
    negated = filters.compile("not rtmp.command.name == publish")
    assert negated.match_columns(rows).tolist() == [filters.YES, filters.YES, filters.MAYBE, filters.YES]  # type: ignore[arg-type]


EVERYWHERE = [
    "rtmp and ip",
    "amf and ipv6",
    "rtmp.type == video",
    "rtmp.type != audio",
    "rtmp.type matches 'amf0'",
    "not rtmp.type == video",
    "rtmp.timestamp > 1000 and rtmp.direction == s2c",
    "rtmp.length in {1..100, 4096}",
    "rtmp.captured < rtmp.length",
    "rtmp.number < 20",
    "rtmp.csid != 4",
    "rtmp.record in {handshake, gap, end}",
    "rtmp.handshake.part == C1",
    "rtmp.end.how == fin",
    "rtmp.note",
    "rtmp.note.severity >= warning",
    "rtmp.note.code == client-software",
    "rtmp.command.name in {connect, publish, play}",
    "rtmp.command and not rtmp.command.name == connect",
    "rtmp.command.latency_ms > 1",
    "rtmp.command.answered_by or rtmp.command.reply_to",
    "rtmp.video.frame_type == key",
    "rtmp.audio.codec == aac and rtmp.timestamp < 500",
    "rtmp.summary contains 'sequence header'",
    "rtmp.chunks > 2",
    "rtmp.payload contains af:01",
    "rtmpt.video.type == 1",
    "frame.time_relative > 1.5",
    "frame.number <= 40",
    "ip.src == 10.0.0.0/8 or ipv6.src == fd00::/8",
    "tcp.srcport == 1935",
    "amf.string contains NetStream",
    "rtmp.fmt == 3 or rtmp.fmt == 0",
]


@pytest.mark.parametrize("name", ["nginx-publish-play.pcap", "ipv6.pcap"])
def test_store_and_stream_agree_on_every_filter(name: str) -> None:
    path = str(CAPTURES / name)
    store = Store(open_capture([path]), registry([]), RTMP_PORTS)
    store.load()
    run = Run(open_capture([path]), whole_payloads=True)
    events = [event for event in run.events() if not isinstance(event, Opened)]
    assert store.count == len(events)
    some = 0
    for text in EVERYWHERE:
        wanted = filters.compile(text)
        wanted.start_ns = run.start_ns
        expected = [
            row
            for row, event in enumerate(events)
            if wanted.match(
                event,
                run.connections[event.connection],
                run.describe(event) if isinstance(event, Message) else None,
            )
        ]
        assert [row for rows in store.scan(wanted, 0, store.count) for row in rows] == expected, text
        some += bool(expected)
    assert some > 20


def test_items_of_lists_have_no_names_in_a_path() -> None:
    wanted = filters.compile("rtmp.video.tracks.config.width == 96")
    run = Run(open_capture([str(CAPTURES / "enhanced-multitrack.pcap")]), wanted=wanted, whole_payloads=True)
    assert sum(isinstance(event, Message) for event in run.events()) > 0


def test_stream_decodes_only_what_the_columns_leave_open(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    describe = Engine.describe

    def watched(self: Engine, event: Event) -> Field:
        decoded.append(event.type_id if isinstance(event, Message) else 0)
        return describe(self, event)

    monkeypatch.setattr(Engine, "describe", watched)
    run = Run(open_capture([str(CAPTURES / "ipv6.pcap")]), wanted=filters.compile("rtmp.command.name == publish"))
    assert [event.type_id for event in run.events() if isinstance(event, Message)] == [20]
    assert set(decoded) == {20}


# --- what else there is


def test_filter_text_is_redacted_for_the_header() -> None:
    redactor = Redactor()
    text = 'rtmp.command.arguments.stream_name == "sk-secret" and rtmp.type == command_amf0 and rtmp.csid == 3'
    shown = filters.compile(text).redacted(redactor)
    assert "sk-secret" not in shown and redactor.secret("sk-secret") in shown
    assert shown.endswith("and rtmp.type == command_amf0 and rtmp.csid == 3")


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        ("rtmp.comm", "rtmp.command.name"),
        ("rtmp.type == vi", "video"),
        ("rtmp.direction == ", "s2c"),
        ("rtmp.type in {audio, vi", "video"),
        ("rtmp.type ", "=="),
        ("rtmp.type == video ", "and"),
        ("rtmp.video and not rtmpt.header.ty", "rtmpt.header.typeid"),
        ("rtmp.note.severity >= war", "warning"),
        ("", "rtmp.type"),
        ("rtmp.command.name == ", "publish"),
        ('rtmp.command.name == "pub', '"publish"'),
        ("rtmp.command.name == 'pub", "'publish'"),
        ("rtmp.command.arguments.information.code contains NetStream.Pub", "NetStream.Publish.BadName"),
        ("rtmp.data.name == ", '"|RtmpSampleAccess"'),
        ("rtmp.data.name == @", "@setDataFrame"),
        ("rtmp.video.frame_type == k", "key"),
        ("rtmp.audio.codec in {aac, op", "opus"),
    ],
)
def test_completion_offers_what_may_follow(text: str, offers: str) -> None:
    found = {offer: start for start, offer, meaning in complete(text, len(text))}
    assert offers in found
    finished = text[: found[offers]] + offers
    assert finished.startswith(text)
    if offers not in ("==", "and"):
        assert filters.compile(finished + ("}" if "{" in finished else ""))


def test_completion_offers_what_has_the_word_in_it_behind_what_begins_with_it() -> None:
    offers = [offer for _, offer, _ in complete("AUDIO", 5)]
    assert offers[0] == "rtmp.audio" and "rtmp.audio.codec" in offers and "rtmp.video" not in offers
    values = [offer for _, offer, _ in complete("rtmp.command.name == play", 25)]
    assert values == ["play2", "playlist_ready", "set_playlist"]


def test_completion_offers_values_that_occur() -> None:
    def occurring(field: str) -> list[tuple[str, str]]:
        return [("media-stall", "3 times")] if field == "rtmp.note.code" else []

    text = "rtmp.note.code == stall"
    assert complete(text, len(text), occurring) == [(18, "media-stall", "3 times")]


def test_completion_offers_nothing_inside_an_open_quotation_but_values() -> None:
    assert complete('rtmp.command.name == "x y', 25) == complete('"rtmp.ty', 8) == []


def test_every_field_has_a_meaning_and_every_alias_a_field() -> None:
    assert all(field.meaning for field in FIELDS.values())
    assert set(ALIASES.values()) <= set(FIELDS)
    assert not set(ALIASES) & set(FIELDS)


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if "==" not in field.type.operators])
def test_presence_field_stands_alone(name: str) -> None:
    filters.compile(name)


def test_wireshark_takes_our_aliases_for_fields() -> None:
    """Their names are Wireshark's own; skipped where there is no tshark."""
    try:
        known = subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True, timeout=PATIENCE).stdout
    except OSError:
        pytest.skip("no tshark")
    theirs = {line.split("\t")[2] for line in known.splitlines() if line.startswith("F\t")}
    ours = {name for name in [*FIELDS, *ALIASES] if not name.startswith("rtmp.") and "." in name}
    assert ours <= theirs


def test_filters_do_without_numpy() -> None:
    code = "import sys, rtmpscope.filters; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent).returncode == 0
