"""Every recorded capture gets the verdict that its provenance tells, and healthy sessions are left in peace."""

import tomllib
from pathlib import Path

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import Engine
from rtmpscope.model import Connection, Event, Note, Severity, Verdict
from rtmpscope.plugins import Registry, load_builtin

CAPTURES = Path(__file__).parent.parent / "captures"
PROVENANCE = {path.stem: tomllib.loads(path.read_text()) for path in sorted(CAPTURES.glob("*.toml"))}

# By what the provenance says of the end: what a verdict must say of it.
EXPECTED = {
    "published": ("publish", "ok"),
    "played": ("play", "ok"),
    "relayed": ("publish", "ok"),
    "a file played": ("play", "ok"),
    "the publisher's process dies": ("publish", "ok"),
    "the publisher vanishes": ("publish", "failed"),
    "the server's process dies": ("publish", "failed"),
    "dropped by the server": ("publish", "failed"),
    "connect rejected": ("publish", "incomplete"),  # what it says is that authentication goes on
    "connect unanswered": ("publish", "failed"),
    "createStream unanswered": ("publish", "failed"),
    "publish granted, media never starts": ("publish", "failed"),
    "publish granted, then denied": ("publish", "failed"),
    "play granted, then denied": ("play", "failed"),
    "publish rejected": ("publish", "failed"),
    "publish refused": ("publish", "failed"),
    "play granted and at once stopped": ("play", "failed"),
    "play refused": ("play", "failed"),
    "handshake stalled": ("unknown", "failed"),
    "encrypted after the handshake": ("unknown", "encrypted"),
    "closed by the client without a byte": ("probe", "incomplete"),
    "an HTTP request": ("unknown", "not_rtmp"),
    "a TLS ClientHello": ("unknown", "encrypted"),
    "an RTMPS client": ("unknown", "encrypted"),
    "a Flash policy request": ("probe", "not_rtmp"),
    "connected, then ended": ("shared_object", "ok"),
}
# Their carriers, TLS and HTTP, are not read yet.
UNREAD = {"rtmps-tls12", "rtmps-tls13", "rtmpt"}
# Sessions that went well and had a fault all the same.
FAULTS = {
    "publisher-stalled": {"media-stall"},
    "publisher-throttled": {"media-stall"},
    "shared-objects": {"call-failed"},  # a method that does not exist, on purpose
}
# What else must be said.
REMARKS = {
    "audio-drift": "audio-drift",
    "long-gop": "key-frames-far-apart",
    "timestamps-31-bit": "timestamp-truncated",
    "timestamps-32-bit": "timestamp-wrapped",
    "nginx-obs-publish": "client-software",
    "adobe-authentication": "authentication-wanted",
    "rtmpe": "rtmpe-encrypted",
    "publisher-stalled": "media-burst",
}


class Session:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.verdict: Verdict = connection.analysis["session"].verdict()
        self.notes: list[Note] = []


def sessions(name: str, packets_at_once: int = 0) -> list[Session]:
    registry = Registry()
    load_builtin(registry)
    engine = Engine(registry)
    events: list[Event] = []
    for batch in open_capture([str(CAPTURES / PROVENANCE[name]["capture"])]).batches():
        size = packets_at_once or len(batch.packets) or 1
        for start in range(0, len(batch.packets), size):
            events += engine.feed(batch.packets[start : start + size])
    events += engine.finish()
    found = [Session(connection) for connection in engine.connections]
    for event in events:
        found[event.connection].notes += event.notes or []
    return found


def expected(outcome: str) -> tuple[str, str]:
    return next(verdict for start, verdict in EXPECTED.items() if outcome.startswith(start))


@pytest.mark.parametrize("name", sorted(PROVENANCE.keys() - UNREAD))
def test_capture_gets_the_verdicts_of_its_provenance(name):
    found = sessions(name)
    assert found
    for truth, session in zip(PROVENANCE[name].get("connection", []), found, strict=True):
        verdict = session.verdict
        assert (verdict.role, verdict.outcome) == expected(truth["outcome"]), verdict.text
        if "." in str(truth.get("decided_by")):
            assert verdict.code == truth["decided_by"]
        assert "s3cr3t" not in verdict.text
        if verdict.outcome == "ok":
            grave = {note.code for note in session.notes if note.severity > Severity.NOTE}
            assert grave <= FAULTS.get(name, set())
    said = {note.code for session in found for note in session.notes}
    assert FAULTS.get(name, set()) <= said
    assert REMARKS.get(name) in {None, *said}
    assert all("s3cr3t" not in note.text for session in found for note in session.notes)


@pytest.mark.parametrize("name", ["nginx-publish-play", "publisher-stalled", "server-drop", "shared-objects"])
def test_batches_change_no_word(name):
    whole = [(s.verdict.text, [repr(note) for note in s.notes]) for s in sessions(name)]
    single = [(s.verdict.text, [repr(note) for note in s.notes]) for s in sessions(name, 1)]
    assert whole == single
