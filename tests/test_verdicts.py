"""Every recorded capture gets the verdict that its provenance tells, and healthy sessions are left in peace."""

import operator
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import Engine
from rtmpscope.model import Connection, Event, Note, Packet, Severity, Verdict
from rtmpscope.net.address import ports
from rtmpscope.net.decode import Decoder
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


Damage = Callable[[list[Packet]], list[Packet]]


def cut(packet: Packet, snaplen: int) -> Packet:
    size = min(packet.captured, snaplen)
    return Packet(packet.number, packet.time_ns, packet.link_type, packet.block, packet.start, size, packet.wire_length)


def clocks_apart(ahead_ns: int, packets: list[Packet]) -> list[Packet]:
    """As merged from captures at both ends, of which the server's has a clock that is ahead."""
    from_server = {segment.packet for segment in Decoder().decode(packets) if operator.lt(*ports(segment.key))}
    shifted = [(packet.time_ns + ahead_ns * (packet.number in from_server), packet) for packet in packets]
    return [
        Packet(number, time_ns, packet.link_type, packet.block, packet.start, packet.captured, packet.wire_length)
        for number, (time_ns, packet) in enumerate(sorted(shifted, key=operator.itemgetter(0)), 1)
    ]


DAMAGES: dict[str, Damage] = {
    "begun late": lambda packets: packets[len(packets) // 5 :],
    "ended early": lambda packets: packets[: len(packets) * 2 // 3],
    "every 29th packet lost": lambda packets: [packet for packet in packets if packet.number % 29],
    "cut at 96 bytes": lambda packets: [cut(packet, 96) for packet in packets],
    "server's clock ahead": partial(clocks_apart, 1_300_000_000),
    "server's clock behind": partial(clocks_apart, -50_000_000),
    "out of order": lambda packets: sorted(packets, key=lambda packet: packet.number + 2 * (packet.number % 7 == 6)),
}


def capture(name: str) -> str:
    return str(CAPTURES / PROVENANCE[name]["capture"])


class Session:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.verdict: Verdict = connection.analysis["session"].verdict()
        self.notes: list[Note] = []


def sessions(name: str, packets_at_once: int = 0, damage: Damage = list) -> list[Session]:
    registry = Registry()
    load_builtin(registry)
    engine = Engine(registry)
    events: list[Event] = []
    captured = [packet for batch in open_capture([capture(name)]).batches() for packet in batch.packets]
    packets = damage(captured)
    size = packets_at_once or 2000
    for start in range(0, len(packets), size):
        events += engine.feed(packets[start : start + size])
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
    for damage in (list, DAMAGES["server's clock ahead"], DAMAGES["server's clock behind"]):
        whole = [(s.verdict.text, [repr(note) for note in s.notes]) for s in sessions(name, damage=damage)]
        single = [(s.verdict.text, [repr(note) for note in s.notes]) for s in sessions(name, 1, damage)]
        assert whole == single


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", sorted(PROVENANCE.keys() - UNREAD))
def test_damage_to_a_capture_is_held_against_nobody(name, damage):
    """What went well did not fail, and nothing is a fault that is none in the whole capture."""
    healthy = {ends(session) for session in sessions(name) if session.verdict.outcome == "ok"}
    for session in sessions(name, damage=DAMAGES[damage]):
        if ends(session) in healthy:
            assert session.verdict.outcome != "failed", session.verdict.text
            grave = {note.code for note in session.notes if note.severity > Severity.NOTE}
            assert grave <= {*FAULTS.get(name, set()), "incomplete-message", "lost-sync"}


def ends(session: Session) -> frozenset[str]:
    """Both endpoints; which of them is the client may be unknown."""
    return frozenset((str(session.connection.client), str(session.connection.server)))
