"""Every note has its line on the page, a case in which it appears, and one, much like it, in which it does not."""

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import rtmpscope
from rtmpscope.engine import Engine
from rtmpscope.model import ACK, C2S, S2C, Event, Note, Segment, StreamData
from rtmpscope.plugins import Registry, load_builtin
from rtmpscope.rtmp.reader import DirectionReader
from tests import wire
from tests.talk import (
    AAC_FRAME,
    AAC_HEADER,
    AVC_HEADER,
    CONNECT,
    INTER_FRAME,
    KEY_FRAME,
    OTHER_SPS,
    SUCCESS,
    Talk,
    avc_header,
    key_frame,
)

PAGE = Path(__file__).parent.parent / "docs" / "notes.md"
ROWS = re.findall(r"^\| `([a-z0-9-]+)` \| ([a-z, ]+) \|", PAGE.read_text(), re.M)
SEVERITIES = {code: set(severities.split(", ")) for code, severities in ROWS}

# Texts that look like the code of a note.
OTHER_WORDS = {"latin-1", "utf-8", "ngx-local-relay", "node-media-server"}
# Parts of the package that say nothing about traffic.
OTHER_PARTS = {"capture", "export", "media", "tui"}


def codes_in_the_package() -> set[str]:
    """Every hyphenated lower-case text in the parts that make notes."""
    root = Path(rtmpscope.__file__).parent
    found: set[str] = set()
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] not in OTHER_PARTS:
            texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
            found |= {text for text in texts if isinstance(text, str) and re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", text)}
    return found - OTHER_WORDS


# Cases made of bytes

AMF = wire.command("connect", 1, CONNECT)
LONG = bytes(300)


def engine_notes(c2s: Iterable[bytes], *, order: Callable[[list[wire.Frame]], list[wire.Frame]] = list) -> list[Note]:
    """The notes of a connection whose client sends these pieces, one packet each, after the handshake."""
    client, server = wire.handshake()
    tcp = wire.Tcp(mss=60_000).open().send(C2S, client[:1537]).send(S2C, server).send(C2S, client[1537:])
    for piece in c2s:
        tcp.send(C2S, piece)
    registry = Registry()
    load_builtin(registry)
    engine = Engine(registry)
    events = engine.feed(wire.packets(order(tcp.close().frames))) + engine.finish()
    return [note for event in events for note in event.notes or ()]


def writer() -> wire.ChunkWriter:
    return wire.ChunkWriter()


def ambiguous(fmt: int) -> list[Note]:
    chunks = writer()
    first = chunks.message(6, 8, AAC_FRAME, 1000, 1, 0)
    return engine_notes([first, chunks.message(6, 8, AAC_FRAME, 1000, 1, fmt)])


def resized(size: int) -> list[Note]:
    return engine_notes([writer().control(1, wire.u32(size)), writer().message(3, 20, AMF)])


def resized_within(*, within: bool) -> list[Note]:
    chunks = writer()
    first, *rest = chunks.chunks(6, 9, INTER_FRAME + LONG, 0, 1)
    if not within:
        return engine_notes([first, *rest, chunks.set_chunk_size(4096)])
    control = wire.chunk(0, 2, 0, 4, 1, 0, wire.u32(128))
    return engine_notes([first, control, *rest])


def extended(repeat: str) -> list[Note]:
    chunks = wire.ChunkWriter(repeat=repeat)
    return engine_notes([chunks.message(6, 9, INTER_FRAME + LONG, 0x1000010, 1)])


def first_fmt(fmt: int) -> list[Note]:
    return engine_notes([writer().message(2, 4, wire.user_control(3, 0, 300), 0, 0, fmt), writer().message(3, 20, AMF)])


def ended(*, within: bool) -> list[Note]:
    pieces = list(writer().chunks(6, 9, INTER_FRAME + LONG, 0, 1))
    return engine_notes(pieces[:-1] if within else pieces)


def holed(*, header_lost: bool) -> list[Note]:
    """Many messages of which one packet is missing: with headers in it, or with payload only."""
    chunks = wire.ChunkWriter(chunk_size=4096)
    pieces = [chunks.set_chunk_size(4096)]
    for count in range(1, 30):
        whole = chunks.message(6, 9, INTER_FRAME + bytes(3000), 40 * count, 1)
        pieces += [whole[:1000], whole[1000:2000], whole[2000:]]

    def lose(frames: list[wire.Frame]) -> list[wire.Frame]:
        sent = [n for n, (_, data) in enumerate(frames) if len(data) > 1000]
        gone = sent[40:46] if header_lost else sent[41:42]
        return [frame for n, frame in enumerate(frames) if n not in gone]

    return engine_notes(pieces, order=lose)


def garbled(*, garbled: bool) -> list[Note]:
    chunks = writer()
    good = [chunks.message(6, 9, INTER_FRAME + bytes(50), 40 * count, 1) for count in range(60)]
    return engine_notes([*good[:20], *([b"\xff" * 200] if garbled else []), *good[20:]])


def aborted(csid: int) -> list[Note]:
    first, *rest = writer().chunks(6, 9, INTER_FRAME + LONG, 0, 1)
    abort = writer().control(2, wire.u32(csid))
    return engine_notes([first, abort, *(rest if csid != 6 else [])])


def restarted(*, early: bool) -> list[Note]:
    first, *rest = writer().chunks(6, 9, INTER_FRAME + LONG, 0, 1)
    again = writer().message(6, 9, INTER_FRAME + LONG, 40, 1, 0)
    return engine_notes([first, *([] if early else rest), again])


def sent_again(*, differently: bool) -> list[Note]:
    data = writer().message(3, 20, AMF)

    def again(frames: list[wire.Frame]) -> list[wire.Frame]:
        at = next(n for n, (_, frame) in enumerate(frames) if frame.endswith(data))
        time, frame = frames[at]
        other = wire.Tcp(seq=(1000, 5000))
        other.next[S2C] = 5001 + 3073
        other.segment(C2S, 1001 + 3073, ACK, b"\x7f" + data[1:] if differently else data)
        return [*frames[: at + 1], (time, other.frames[0][1]), *frames[at + 1 :]]

    return engine_notes([data, writer().message(2, 3, wire.u32(5000))], order=again)


def under_way(count: int) -> list[Note]:
    """So many messages of almost 16 MiB at once, of which the first is completed in the end; read without TCP."""
    size = 0xFFFFFF
    chunks = wire.ChunkWriter(size - 1)
    body = wire.amf0("x") + b"\x0c" + wire.u32(size - 9) + bytes(size - 9)
    started = [list(chunks.chunks(10 + n, 18, body)) for n in range(count)]
    control = writer().control(1, wire.u32(size - 1))
    data = b"".join([wire.handshake()[0], control, *(first for first, _ in started), started[0][1]])
    reader = DirectionReader(0, C2S, False)
    out: list[Event] = []
    segment = Segment(1, wire.START_NS, b"", 0, 0, ACK, 0, data, 0, len(data), 0)
    reader.feed(StreamData(0, data, [segment]), out)
    return [note for event in out for note in event.notes or ()]


# Cases made of messages


def talk(*steps: Callable[[Talk], object]) -> list[Note]:
    conversation = Talk(step_ms=40)
    for step in steps:
        step(conversation)
    return conversation.notes


def connected(conversation: Talk) -> None:
    conversation.connect()


def publishing(conversation: Talk) -> None:
    conversation.publish()
    conversation.message(C2S, 9, AVC_HEADER, 1)
    conversation.message(C2S, 9, KEY_FRAME, 1)


def command(direction: int, name: str, number: float, *values: object, msid: int = 0) -> Callable[[Talk], object]:
    return lambda conversation: conversation.command(direction, name, number, *values, msid=msid)


def message(
    direction: int, type_id: int, payload: bytes, msid: int = 1, ms: int = 0, **more: int
) -> Callable[[Talk], object]:
    return lambda conversation: conversation.message(direction, type_id, payload, msid, ms, **more)


def frame(ms: int, payload: bytes = INTER_FRAME) -> Callable[[Talk], object]:
    return message(C2S, 9, payload, 1, ms % 2**32)


def status(code: str, level: str = "status") -> Callable[[Talk], object]:
    return lambda conversation: conversation.status(code, level)


def part(name: str, data: bytes) -> Callable[[Talk], object]:
    return lambda conversation: conversation.part(name, data)


def wait(seconds: float) -> Callable[[Talk], object]:
    return lambda conversation: conversation.wait(seconds)


def end(how: str = "fin") -> Callable[[Talk], object]:
    return lambda conversation: conversation.end(how)


def seek(conversation: Talk) -> None:
    conversation.command(C2S, "seek", 0, None, 0.0, msid=1)


def shaken(conversation: Talk) -> None:
    conversation.handshake()
    conversation.command(C2S, "connect", 1, CONNECT)


def answered(name: str, **info: object) -> list[Note]:
    return talk(shaken, command(S2C, name, 1, None, info))


def metadata(**properties: object) -> Callable[[Talk], object]:
    return message(C2S, 18, wire.amf0("@setDataFrame", "onMetaData", wire.Ecma(properties)))


def acknowledged(*values: int, per_ack: int = 60_000) -> list[Note]:
    """A client that sends 60,000 bytes before each of these acknowledgements, with a window of 100,000."""

    def steps(conversation: Talk) -> None:
        conversation.handshake()
        conversation.control(S2C, 5, 5_000_000)
        conversation.control(C2S, 5, 100_000)
        for value in values:
            for _ in range(per_ack // 1000):
                conversation.message(C2S, 9, INTER_FRAME + bytes(940), 2)
            conversation.control(S2C, 3, value)

    return talk(steps)


def waiting(pause: float) -> list[Note]:
    def steps(conversation: Talk) -> None:
        conversation.handshake()
        conversation.control(C2S, 5, 20_000)
        conversation.message(C2S, 18, bytes(25_000), 1)
        conversation.wait(pause)
        conversation.control(S2C, 3, 25_000)
        conversation.message(C2S, 18, bytes(100), 1)

    return talk(steps)


def restarted_count(last: int, value: int) -> list[Note]:
    def steps(conversation: Talk) -> None:
        conversation.handshake()
        ledger = conversation.connection.analysis["flow_control"].ledgers[C2S]
        ledger.acks, ledger.ack_value, ledger.acked, ledger.sent = 1, last, last, last
        conversation.sent[C2S] = last
        conversation.message(C2S, 9, INTER_FRAME, 2)
        conversation.control(S2C, 3, value)

    return talk(steps)


def pinged(seconds: float) -> list[Note]:
    ping = message(S2C, 4, wire.user_control(6, 7), 0)
    return talk(connected, message(C2S, 18, wire.amf0("x")), ping, wait(seconds), message(C2S, 18, wire.amf0("x")))


def live(**options: float) -> list[Note]:
    return talk(lambda conversation: conversation.publish().media(20, **options).end())  # type: ignore[arg-type]


def stalled(seconds: float, speed: float = 4) -> list[Note]:
    def steps(conversation: Talk) -> None:
        conversation.publish().media(3)
        conversation.wait(seconds).media(10, start_ms=3000, headers=False, speed=speed)

    return talk(steps)


def nginx(csid: int) -> list[Note]:
    def steps(conversation: Talk) -> None:
        conversation.handshake(server_version=b"\x0d\x0e\x0a\x0d")
        conversation.command(C2S, "connect", 1, CONNECT)
        conversation.command(S2C, "_result", 1, {}, SUCCESS)

    return talk(steps, message(C2S, 18, wire.amf0("x"), csid=csid))


def plugin(function: Callable[..., object]) -> list[Note]:
    registry = Registry()
    load_builtin(registry)
    registry.register("mine", lambda: lambda door: door.annotator(function))
    conversation = Talk(registry)
    conversation.control(C2S, 3, 1)
    return conversation.notes


def fail(*arguments: object) -> None:
    raise ValueError


def versioned(block: bytes) -> bytes:
    return block[:4] + b"\x01\x02\x03\x04" + block[8:]


C1, S1 = wire.simple_block(1, 1), wire.simple_block(2, 2)
REJECTED = {"level": "error", "code": "NetConnection.Connect.Rejected"}

# Each code: when it is said, and when it is not.
CASES: dict[str, tuple[Callable[[], list[Note]], Callable[[], list[Note]]]] = {
    # handshake
    "data-before-handshake": (
        lambda: talk(part("C1", C1), part("S1", S1), message(C2S, 20, AMF, 0), part("S2", C1)),
        lambda: talk(part("C1", C1), part("S1", S1), part("S2", C1), message(C2S, 20, AMF, 0)),
    ),
    "handshake-digest-missing": (
        lambda: talk(part("C1", versioned(C1))),
        lambda: talk(part("C1", wire.digest_block(8, wire.FP_TEXT))),
    ),
    "handshake-echo": (
        lambda: talk(part("S1", S1), part("C2", C1)),
        lambda: talk(part("S1", S1), part("C2", S1)),
    ),
    "handshake-mirrored": (
        lambda: talk(part("C1", C1), part("S1", C1)),
        lambda: talk(part("C1", C1), part("S1", S1)),
    ),
    "handshake-version": (lambda: talk(part("C0", b"\x05")), lambda: talk(part("C0", b"\x03"))),
    "handshake-version-differs": (
        lambda: talk(part("C0", b"\x06"), part("S0", b"\x03")),
        lambda: talk(part("C0", b"\x03"), part("S0", b"\x03")),
    ),
    "rtmpe-encrypted": (lambda: talk(part("C0", b"\x06")), lambda: talk(part("C0", b"\x03"))),
    # chunk stream
    "ambiguous-fmt3": (lambda: ambiguous(3), lambda: ambiguous(2)),
    "chunk-size-changed-in-message": (lambda: resized_within(within=True), lambda: resized_within(within=False)),
    "chunk-size-invalid": (lambda: resized(0), lambda: resized(128)),
    "chunk-size-unusual": (
        lambda: talk(message(C2S, 1, wire.u32(65_537), 0)),
        lambda: talk(message(C2S, 1, wire.u32(65_536), 0)),
    ),
    "csid-high": (lambda: nginx(32), lambda: nginx(31)),
    "extended-timestamp-not-repeated": (lambda: extended("never"), lambda: extended("same")),
    "extended-timestamp-repeated": (lambda: extended("same"), lambda: extended("never")),
    "fmt-without-history": (lambda: first_fmt(1), lambda: first_fmt(0)),
    "incomplete-at-end": (lambda: ended(within=True), lambda: ended(within=False)),
    "incomplete-message": (lambda: holed(header_lost=True), lambda: holed(header_lost=False)),
    "limit-partial-bytes": (lambda: under_way(5), lambda: under_way(1)),
    "lost-sync": (lambda: garbled(garbled=True), lambda: garbled(garbled=False)),
    "message-aborted": (lambda: aborted(6), lambda: aborted(7)),
    "message-huge": (
        lambda: talk(message(C2S, 18, b"", length=(10 << 20) + 1)),
        lambda: talk(message(C2S, 18, b"", length=10 << 20)),
    ),
    "message-restarted": (lambda: restarted(early=True), lambda: restarted(early=False)),
    "retransmission-differs": (lambda: sent_again(differently=True), lambda: sent_again(differently=False)),
    # messages
    "amf-undecoded": (
        lambda: talk(connected, message(C2S, 18, wire.amf0("x") + b"\x99")),
        lambda: talk(connected, message(C2S, 18, wire.amf0("x", 1.0))),
    ),
    "amf-unterminated": (
        lambda: talk(connected, message(C2S, 18, wire.amf0("x", {"a": 1.0})[:-3])),
        lambda: talk(connected, message(C2S, 18, wire.amf0("x", {"a": 1.0}))),
    ),
    "control-malformed": (
        lambda: talk(message(C2S, 3, bytes(5), 0)),
        lambda: talk(message(C2S, 3, bytes(4), 0)),
    ),
    "format-selector-missing": (
        lambda: talk(connected, message(C2S, 17, wire.amf0("x", 0.0, None), 0)),
        lambda: talk(connected, message(C2S, 17, b"\x00" + wire.amf0("x", 0.0, None), 0)),
    ),
    "format-selector-stray": (
        lambda: talk(connected, message(C2S, 20, b"\x00" + wire.amf0("x", 0.0, None), 0)),
        lambda: talk(connected, message(C2S, 20, wire.amf0("x", 0.0, None), 0)),
    ),
    "metadata-on-stream-0": (
        lambda: talk(connected, message(C2S, 18, wire.amf0("@setDataFrame", "onMetaData", {}), 0)),
        lambda: talk(connected, message(C2S, 18, wire.amf0("@setDataFrame", "onMetaData", {}), 1)),
    ),
    "peer-bandwidth-short": (
        lambda: talk(message(S2C, 6, bytes(4), 0)),
        lambda: talk(message(S2C, 6, bytes(5), 0)),
    ),
    # commands
    "authentication-wanted": (
        lambda: answered("_error", **REJECTED, description="code=403 need auth; authmod=adobe"),
        lambda: answered("_error", **REJECTED, description="go away"),
    ),
    "call-failed": (
        lambda: talk(connected, command(C2S, "x", 2), command(S2C, "_error", 2)),
        lambda: talk(connected, command(C2S, "x", 2), command(S2C, "_result", 2)),
    ),
    "connect-redirected": (
        lambda: answered("_error", **REJECTED, ex={"code": 302, "redirect": "rtmp://elsewhere/live"}),
        lambda: answered("_error", **REJECTED, ex={"code": 500}),
    ),
    "connect-rejected": (lambda: answered("_error", **REJECTED), lambda: answered("_result", **SUCCESS)),
    "connect-repeated": (
        lambda: talk(connected, command(C2S, "connect", 2, CONNECT)),
        lambda: talk(connected),
    ),
    "no-reply": (
        lambda: talk(connected, command(C2S, "createStream", 2), end()),
        lambda: talk(connected, command(C2S, "createStream", 2), command(S2C, "_result", 2, None, 1.0), end()),
    ),
    "object-encoding-differs": (
        lambda: answered("_result", **{**SUCCESS, "objectEncoding": 3.0}),
        lambda: answered("_result", **SUCCESS),
    ),
    "reconnect-request": (
        lambda: talk(connected, status("NetConnection.Connect.ReconnectRequest")),
        lambda: talk(connected, status("NetConnection.Connect.Closed")),
    ),
    "reply-unmatched": (
        lambda: talk(connected, command(S2C, "_result", 0)),
        lambda: talk(connected, command(C2S, "x", 9), command(S2C, "_result", 9)),
    ),
    "status-error": (
        lambda: talk(connected, status("NetStream.Failed", "error")),
        lambda: talk(connected, status("NetStream.Play.Reset")),
    ),
    "status-warning": (
        lambda: talk(connected, status("NetStream.Play.InsufficientBW", "warning")),
        lambda: talk(connected, status("NetStream.Play.Reset")),
    ),
    "stream-not-created": (
        lambda: talk(connected, command(C2S, "publish", 2, None, "x")),
        lambda: talk(publishing),
    ),
    # flow control
    "ack-beyond-sent": (lambda: acknowledged(500_000), lambda: acknowledged(60_000)),
    "ack-missing": (lambda: acknowledged(0, per_ack=320_000), lambda: acknowledged(190_000, per_ack=190_000)),
    "ack-restarted": (lambda: restarted_count(0xF0000005, 50), lambda: restarted_count(0xF0000005, 0xF0000037)),
    "ack-sawtooth": (lambda: acknowledged(60_000, 58_000), lambda: acknowledged(60_000, 120_000)),
    "ping-unanswered": (lambda: pinged(31), lambda: pinged(29)),
    "waited-for-ack": (lambda: waiting(2), lambda: waiting(0.5)),
    # media
    "annex-b": (
        lambda: talk(publishing, frame(40, b"\x17\x01\x00\x00\x00\x00\x00\x00\x01\x65" + bytes(40))),
        lambda: talk(publishing, frame(40, KEY_FRAME)),
    ),
    "audio-drift": (lambda: live(audio_speed=0.95), live),
    "av-skew": (lambda: live(audio_speed=1.1), live),
    "codec-changed": (
        lambda: talk(publishing, frame(40, b"\x22" + bytes(20))),
        lambda: talk(publishing, frame(40)),
    ),
    "composition-time-large": (
        lambda: talk(publishing, frame(40, b"\x27\x01\x00\x0b\xb8" + bytes(20))),
        lambda: talk(publishing, frame(40, b"\x27\x01\x00\x00\x78" + bytes(20))),
    ),
    "key-frame-false": (
        lambda: talk(publishing, frame(40, key_frame(b"\x06" + bytes(9), b"\x41" + bytes(40)))),
        lambda: talk(publishing, frame(40, key_frame(b"\x06" + bytes(9), b"\x65" + bytes(40)))),
    ),
    "key-frames-far-apart": (lambda: live(gop=150), lambda: live(gop=100)),
    "media-before-publish": (
        lambda: talk(connected, message(C2S, 9, AVC_HEADER)),
        lambda: talk(publishing),
    ),
    "media-burst": (lambda: stalled(3), lambda: stalled(3, speed=1)),
    "media-on-stream-0": (lambda: talk(message(C2S, 9, KEY_FRAME, 0)), lambda: talk(message(C2S, 9, KEY_FRAME, 1))),
    "media-stall": (lambda: stalled(1.2), lambda: stalled(0.8)),
    "nal-overrun": (
        lambda: talk(publishing, frame(40, key_frame(b"\x65" + bytes(40))[:-1])),
        lambda: talk(publishing, frame(40, key_frame(b"\x65" + bytes(40)))),
    ),
    "sps-differs": (
        lambda: talk(publishing, frame(40, key_frame(OTHER_SPS))),
        lambda: talk(publishing, message(C2S, 9, avc_header(OTHER_SPS)), frame(40, key_frame(OTHER_SPS))),
    ),
    "metadata-differs": (
        lambda: talk(publishing, message(C2S, 8, AAC_HEADER), metadata(audiosamplerate=48_000.0)),
        lambda: talk(publishing, message(C2S, 8, AAC_HEADER), metadata(audiosamplerate=25_600.0)),
    ),
    "metadata-frame-rate": (
        lambda: talk(publishing, metadata(framerate=60.0), *(frame(40 * n) for n in range(1, 60)), end()),
        lambda: talk(publishing, metadata(framerate=25.0), *(frame(40 * n) for n in range(1, 60)), end()),
    ),
    "sequence-header-changed": (
        lambda: talk(publishing, message(C2S, 9, AVC_HEADER + b"\x00")),
        lambda: talk(publishing, message(C2S, 9, AVC_HEADER)),
    ),
    "sequence-header-late": (
        lambda: talk(lambda t: t.publish(), message(C2S, 8, AAC_FRAME), message(C2S, 8, AAC_HEADER)),
        lambda: talk(lambda t: t.publish(), message(C2S, 8, AAC_HEADER), message(C2S, 8, AAC_FRAME)),
    ),
    "sequence-header-missing": (
        lambda: talk(lambda t: t.publish(), message(C2S, 8, AAC_FRAME)),
        lambda: talk(lambda t: t.publish(), message(C2S, 8, AAC_HEADER), message(C2S, 8, AAC_FRAME)),
    ),
    "sequence-header-repeated": (
        lambda: talk(publishing, message(C2S, 9, AVC_HEADER)),
        lambda: talk(publishing),
    ),
    "timestamp-backwards": (
        lambda: talk(publishing, frame(80), frame(40)),
        lambda: talk(publishing, frame(40), frame(40)),
    ),
    "timestamp-jump": (
        lambda: talk(publishing, frame(40), frame(5_000)),
        lambda: talk(publishing, frame(40), wait(5), frame(5_000)),
    ),
    "timestamp-truncated": (
        lambda: talk(publishing, seek, frame(2**24 - 40), frame(0)),
        lambda: talk(publishing, seek, frame(2**24 - 40), frame(2**24)),
    ),
    "timestamp-wrapped": (
        lambda: talk(publishing, seek, frame(2**32 - 40), frame(2**32)),
        lambda: talk(publishing, seek, frame(2**32 - 80), frame(2**32 - 40)),
    ),
    # software
    "client-software": (
        lambda: talk(shaken),
        lambda: talk(command(C2S, "connect", 1, {"flashVer": "something new"})),
    ),
    "server-software": (lambda: nginx(3), lambda: answered("_result", **SUCCESS)),
    "plugin-failed": (lambda: plugin(fail), lambda: plugin(lambda *arguments: None)),
}
# Codes that need more than this module's helpers.
ELSEWHERE = {
    "limit-connections": "test_engine.py",
    "limit-edits": "test_sanitize.py",
    "limit-held-bytes": "test_limits.py",
    "limit-trials": "test_limits.py",
    "plugin-slow": "test_plugins.py",
    "session-failed": "test_tui_failures.py",
}


@pytest.mark.parametrize("fmt", [2, 3])
def test_first_chunk_on_a_csid_that_takes_over_what_nobody_said_is_lost_sync(fmt):
    chunks = writer()
    good = [chunks.message(6, 9, INTER_FRAME + bytes(50), 40 * count, 1) for count in range(20)]
    stray = bytes([fmt << 6 | 9]) + (b"\0\0\x28" if fmt == 2 else b"") + INTER_FRAME
    assert {note.severity.name for note in engine_notes([*good[:10], stray, *good[10:]]) if note.code == "lost-sync"}
    assert not [note for note in engine_notes(good) if note.code == "lost-sync"]


def test_page_lists_the_codes_of_the_package_and_no_others():
    assert set(SEVERITIES) == codes_in_the_package()
    assert len(ROWS) == len(SEVERITIES)


def test_every_code_has_its_two_cases():
    assert set(CASES) | set(ELSEWHERE) == set(SEVERITIES)
    for code, name in ELSEWHERE.items():
        assert f'"{code}"' in (Path(__file__).parent / name).read_text()


@pytest.mark.parametrize("code", CASES)
def test_code_is_said_when_it_should_be_as_gravely_as_the_page_says(code):
    said = [note for note in CASES[code][0]() if note.code == code]
    assert said
    assert {note.severity.name.lower() for note in said} <= SEVERITIES[code]


@pytest.mark.parametrize("code", CASES)
def test_code_is_not_said_when_it_should_not_be(code):
    assert code not in {note.code for note in CASES[code][1]()}
