"""No secret of any recording is in anything that is written, in any encoding, unless it was asked for.

Whatever was secret when the captures were recorded has "s3cr3t" in it; what the rounds of authentication exchange
is taken from the unredacted trace.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.export.jsonl import Trace
from rtmpscope.export.stats import tables
from rtmpscope.export.text import TextLines
from rtmpscope.pipeline import Run

CAPTURES = sorted(Path(__file__).parent.parent.joinpath("captures").glob("*.pcap*"))
MARK = "s3cr3t"
OPEN = {"adobe", "llnw", "needauth", "live", "publish"}


def outputs(path: Path, redact: bool = True) -> tuple[list[str], str]:
    """The trace with payloads, and all that is meant for people."""
    run = Run(open_capture([str(path)]), redact=redact, whole_payloads=True)
    records: list[str] = []
    texts: list[str] = []
    trace = Trace(records.append, run.connections, run.describe, run.redactor, payload=True)
    lines = TextLines(texts.append, run.connections, run.describe, run.start_ns, run.redactor)
    for event in run.events():
        trace.event(event)
        lines.event(event)
    trace.finish(run.files)
    texts.append(tables(run.files, run.connections, run.redactor))
    return records, "".join(texts)


def written_as(secret: str) -> Iterator[str]:
    """The secret itself, in hex, and the part of its base64 that does not depend on its neighbours."""
    data = secret.encode()
    yield secret
    yield data.hex()
    yield data.hex().upper()
    if len(data) > 5:
        for shift in range(3):
            yield b64encode(bytes(shift) + data).decode()[-(-8 * shift // 6) : 8 * (shift + len(data)) // 6]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_no_secret_of_a_recording_is_written(path: Path) -> None:
    records, text = outputs(path)
    for form in written_as(MARK):
        assert form not in text
        assert not [record for record in records if form in record]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(item)


@pytest.mark.parametrize("name", ["adobe-authentication.pcap", "limelight-authentication.pcap"])
def test_nothing_that_authentication_exchanges_is_written(name: str) -> None:
    path = CAPTURES[0].parent / name
    plain, _ = outputs(path, redact=False)
    exchanged = {
        value
        for record in plain
        for text in strings(json.loads(record).get("body", {}))
        for _, value in parse_qsl(text.partition("?")[2])
        if value not in OPEN and not value.isdecimal()
    }
    assert "anna" in exchanged and len(exchanged) >= 4
    records, text = outputs(path)
    for secret in exchanged:
        for form in written_as(secret):
            assert form not in text
            assert not [record for record in records if form in record], (secret, form)


@pytest.mark.parametrize("name", ["nginx-token.pcap", "nginx-duplicate-publish.pcap"])
def test_secrets_are_there_when_asked_for(name: str) -> None:
    records, text = outputs(CAPTURES[0].parent / name, redact=False)
    assert MARK in text and any(MARK in record for record in records)
