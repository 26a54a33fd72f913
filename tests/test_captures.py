"""Every recorded capture says what was really sent, by witnesses of which none is rtmpscope; and golden traces.

The ground truth lists the messages of each direction as servers, players and tshark saw them.  Where they say the
same, so must we, message by message and column by column.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rtmpscope import __version__
from rtmpscope.capture.files import open_capture
from rtmpscope.export.jsonl import Trace
from rtmpscope.model import C2S, S2C, End, Gap, Message
from rtmpscope.pipeline import Run
from rtmpscope.redact import Redactor
from tests import strict
from tests.runs import CAPTURES, CARRIED, PLAIN, PROVENANCE, digest, path_of, run_of

GOLDEN = CAPTURES / "golden"
# Small, and together of every kind of record, role and outcome.
TRACED = [
    "adobe-authentication",
    "create-stream-unanswered",
    "enhanced-hevc-hdr",
    "handshake-stalled",
    "media-never-starts",
    "nginx-token",
    "nginx-wrong-app",
    "not-rtmp",
    "play-not-found",
    "publish-refused",
    "rtmpe",
    "rtmpsrv-play",
    "shared-objects",
]

DIRECTIONS = {"client_to_server": C2S, "server_to_client": S2C}
# What a witness that does not list every type lists.
LISTED = {
    "ffmpeg trace log": lambda message: message.type_id in (8, 9),
    "rtmpdump file": lambda message: message.type_id in (8, 9) or message.payload.startswith(b"\x02\x00\x0aonMetaData"),
}
# Players that leave while media still comes: theirs is the beginning of the list.
LEAVING = ("librtmp (wrapped)", "ffmpeg trace log", "rtmpdump file")


@cache
def truth(name: str) -> dict[str, Any]:
    return json.loads((CAPTURES / PROVENANCE[name]["truth"]).read_text())  # type: ignore[no-any-return]


def witnesses(name: str) -> Iterator[tuple[str, list[Message], list[list[Any]]]]:
    """Who saw what of each direction of each connection, and the messages that we found there."""
    run = run_of(name)
    numbers = {(str(found.client), str(found.server)): found.id for found in run.connections}
    for told in truth(name)["connections"]:
        for key, direction in DIRECTIONS.items():
            messages = run.messages(numbers[told["client"], told["server"]], direction)
            for witness, rows in told[key].items():
                listed = LISTED.get(witness, lambda message: True)
                yield witness, [message for message in messages if listed(message)], rows


def told(message: Message, row: list[Any]) -> tuple[list[Any], list[Any]]:
    """A message and what a witness says of it, in the columns that the witness knows.

    tshark's packet is the one in which it could read the message, which is later than its last byte where
    packets came out of order.
    """
    ours = [
        message.type_id, message.timestamp, message.length, message.csid, message.message_stream_id,
        digest(message.payload), message.ready,
    ]  # fmt: skip
    known = [(one, other) for one, other in zip(ours, row, strict=False) if other is not None]
    return [one for one, _ in known], [other for _, other in known]


@pytest.mark.parametrize("name", PLAIN)
def test_capture_has_the_messages_that_its_witnesses_saw(name: str) -> None:
    for witness, messages, rows in witnesses(name):
        for number, (message, row) in enumerate(zip(messages, rows, strict=False)):
            ours, theirs = told(message, row)
            assert ours == theirs, f"{witness}, message {number}"


@pytest.mark.parametrize("name", PLAIN)
def test_capture_has_no_message_that_nobody_saw(name: str) -> None:
    differ = " ".join(PROVENANCE[name].get("witnesses_differ", ()))
    for witness, messages, rows in witnesses(name):
        if witness in LEAVING or f"{len(rows)} messages and {len(messages)}" in differ:
            assert len(messages) * 0.7 <= len(rows) <= len(messages), witness
        else:
            assert len(messages) == len(rows), witness


@pytest.mark.parametrize("name", PLAIN)
def test_capture_counts_by_type_as_its_witnesses_do(name: str) -> None:
    run = run_of(name)
    for connection, told in zip(run.connections, PROVENANCE[name]["connection"], strict=True):
        assert (str(connection.client), str(connection.server)) == (told["client"], told["server"])
        for key, direction in DIRECTIONS.items():
            counted = {str(type_id): count for type_id, count in connection.counts[direction].items()}
            messages = run.messages(connection.id, direction)
            assert counted == {str(type_id): n for type_id, n in Counter(m.type_id for m in messages).items()}
            if "tshark" in told.get(key, {}):
                assert counted == told[key]["tshark"]


def test_ground_truth_covers_every_type_and_many_messages() -> None:
    rows = [(witness, row) for name in PLAIN for witness, _, rows in witnesses(name) for row in rows]
    assert {row[0] for _, row in rows} >= {1, 3, 4, 5, 6, 8, 9, 18, 19, 20}
    assert len({witness for witness, _ in rows}) >= 8
    assert len(rows) > 30_000


@pytest.mark.parametrize("name", PLAIN)
def test_capture_without_loss_has_no_gap_and_nothing_left_over(name: str) -> None:
    run = run_of(name)
    assert not run.of(Gap)
    assert [end.incomplete for end in run.of(End)] == [0, 0] * len(run.connections)


@pytest.mark.parametrize("name", CARRIED)
def test_what_is_packed_into_tls_or_http_is_not_taken_for_rtmp(name: str) -> None:
    assert run_of(name).connections == []


# --- golden traces ---------------------------------------------------------------------------------------


def trace(name: str) -> str:
    """The JSON trace of a capture, with tags that do not change from run to run."""
    run = Run(open_capture([path_of(name)]), whole_payloads=True)
    lines: list[str] = []
    written = Trace(lines.append, run.connections, run.describe, Redactor(key=b"golden"))
    written.header([(PROVENANCE[name]["capture"], "pcap")], None)
    for event in run.events():
        written.event(event)
    written.finish(run.files)
    text = "\n".join(lines) + "\n"
    return text.replace(f'"version":"{__version__}"', '"version":"0"').replace(f"{CAPTURES}/", "")


@pytest.mark.parametrize("name", TRACED)
def test_trace_is_the_golden_one(name: str, request: pytest.FixtureRequest) -> None:
    found = trace(name)
    golden = GOLDEN / f"{name}.jsonl"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found)
    expected = golden.read_text().splitlines()
    for number, (one, other) in enumerate(zip(found.splitlines(), expected, strict=False), 1):
        assert strict.parse(one) == strict.parse(other), f"record {number}"
    assert found.splitlines() == expected


def test_golden_traces_are_those_of_this_list() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(TRACED)


@pytest.mark.parametrize("name", TRACED)
def test_golden_trace_follows_the_schema_and_keeps_every_secret(name: str) -> None:
    text = (GOLDEN / f"{name}.jsonl").read_text()
    assert "s3cr3t" not in text
    for line in text.splitlines():
        strict.check(strict.parse(line))


def test_golden_traces_hold_every_kind_of_record() -> None:
    kinds = set(re.findall(r'"record":"(\w+)"', "".join(path.read_text() for path in GOLDEN.iterdir())))
    assert kinds >= {"header", "connection", "handshake", "message", "end", "summary"}
    assert all(path.stat().st_size < 100_000 for path in Path(GOLDEN).iterdir())
