"""No part of a secret gets out, wherever a peer says it, however it is sent, and however little of it was captured.

Each place where RTMP carries a secret is one message.  It is sent in many ways: in one piece, in chunks and segments
of a few bytes, twice, with any part of it missing, from the middle of the stream on, one side only.  All that is made
of the capture is then searched for the secret and for every part of it that is long enough to be one.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest

from rtmpscope import filters
from rtmpscope.capture.files import open_capture
from rtmpscope.export.jsonl import Trace
from rtmpscope.export.stats import tables
from rtmpscope.export.text import TextLines
from rtmpscope.model import C2S, S2C, Field, Message
from rtmpscope.pipeline import Run
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.tui.octets import octets
from rtmpscope.tui.sight import Body
from tests import wire
from tests.wire import Ecma, Frame, amf0, command

SECRET = "QzWxEcRv7TbYnUmIk0918dFgHj"
PART = 6  # characters: what is left of a secret that was cut may be shorter than that

Said = tuple[int, int, bytes]

say0, say3, data0, so0 = wire.COMMAND_AMF0, 17, wire.DATA_AMF0, 19


def amf3_text(text: str) -> bytes:
    data = text.encode()
    return b"\x06" + amf3_size(len(data)) + data


def amf3_size(size: int) -> bytes:
    number = size << 1 | 1
    return bytes([number >> 7 | 0x80, number & 0x7F]) if number > 0x7F else bytes([number])


def amf3_object(**properties: str) -> bytes:
    pairs = b"".join(amf3_text(name)[1:] + amf3_text(value) for name, value in properties.items())
    return b"\x11\x0a\x0b\x01" + pairs + b"\x01"


REASON = (
    "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : "
    f"?reason=needauth&user={SECRET}&salt={SECRET}&challenge={SECRET}&opaque={SECRET}"
)
CONNECT = {"app": "live", "flashVer": "FMLE/3.0", "tcUrl": "rtmp://10.0.0.2/live"}


def connect(**more: object) -> bytes:
    return command("connect", 1, {**CONNECT, **more})


def status(**more: object) -> bytes:
    return command("onStatus", 0, None, {"level": "status", "code": "NetStream.Publish.Start", **more})


def error(**more: object) -> bytes:
    return command("_error", 1, None, {"level": "error", "code": "NetConnection.Connect.Rejected", **more})


# Who says it, the type of the message, and its body.
PLACES: dict[str, Said] = {
    **{
        name: (C2S, say0, command(name, 4, None, SECRET))
        for name in (
            "publish",
            "play",
            "releaseStream",
            "FCPublish",
            "FCUnpublish",
            "FCSubscribe",
            "FCUnsubscribe",
            "getStreamLength",
            "deleteStream",
            "closeStream",
            "set_playlist",
            "bgHasStream",
        )
    },
    "publish with a type": (C2S, say0, command("publish", 4, None, SECRET, "live")),
    "publish with a query": (C2S, say0, command("publish", 4, None, f"cam?{SECRET}", "live")),
    "publish with a token": (C2S, say0, command("publish", 4, None, f"cam?sign={SECRET}&t=1", "live")),
    "publish of a path": (C2S, say0, command("publish", 4, None, f"live/{SECRET}", "live")),
    "publish of a file": (C2S, say0, command("publish", 4, None, f"mp4:{SECRET}.mp4", "live")),
    "play2": (C2S, say0, command("play2", 4, None, {"streamName": SECRET, "oldStreamName": SECRET, "start": -2.0})),
    "publish in amf3": (C2S, say3, b"\0" + command("publish", 4, None, SECRET, "live")),
    "publish in amf3 text": (C2S, say3, b"\0" + amf0("publish", 4.0, None) + b"\x11" + amf3_text(SECRET)),
    "object of amf3": (C2S, say3, b"\0" + amf0("setup", 4.0, None) + amf3_object(token=SECRET)),
    "play2 in amf3": (
        C2S,
        say3,
        b"\0" + amf0("play2", 4.0, None) + amf3_object(streamName=SECRET, oldStreamName=SECRET),
    ),
    "tcUrl query": (C2S, say0, connect(tcUrl=f"rtmp://10.0.0.2/live?token={SECRET}")),
    "tcUrl user": (C2S, say0, connect(tcUrl=f"rtmp://anna:{SECRET}@10.0.0.2/live")),
    "tcUrl with a key": (C2S, say0, connect(tcUrl=f"rtmp://10.0.0.2/live/{SECRET}")),
    "app query": (C2S, say0, connect(app=f"live?{SECRET}")),
    "app with a key": (C2S, say0, connect(app=f"live/{SECRET}")),
    "swfUrl": (C2S, say0, connect(swfUrl=f"http://a.b/c.swf?x={SECRET}")),
    "pageUrl": (C2S, say0, connect(pageUrl=f"http://a.b/c?x=1#{SECRET}")),
    "pubUser": (C2S, say0, connect(pubUser="anna", pubPasswd=SECRET)),
    "connect property": (C2S, say0, connect(anything=SECRET)),
    "connect arguments": (C2S, say0, connect() + amf0("anna", SECRET)),
    "connect object": (C2S, say0, connect() + amf0({"a": SECRET, "b": Ecma(c=SECRET)})),
    "adobe": (C2S, say0, connect(app=f"live?authmod=adobe&user={SECRET}&challenge={SECRET}&response={SECRET}")),
    "limelight": (
        C2S,
        say0,
        connect(tcUrl=f"rtmp://a/live?authmod=llnw&user=a&nonce={SECRET}&cnonce={SECRET}&nc=1&response={SECRET}"),
    ),
    "rejected": (S2C, say0, error(description=REASON)),
    "description": (S2C, say0, status(description=f"{SECRET} is now published.")),
    "description in quotes": (S2C, say0, status(description=f"Started playing '{SECRET}'.")),
    "details": (S2C, say0, status(details=SECRET, clientid="1")),
    "onFCPublish": (
        S2C,
        say0,
        command("onFCPublish", 0, None, {"code": "NetStream.Publish.Start", "description": SECRET}),
    ),
    "custom": (S2C, say0, command("onKey", 0, None, {"a": {"streamKey": SECRET}})),
    "custom tokens": (S2C, say0, command("hello", 0, None, {"auth": {"x": SECRET}, "session_token": [SECRET]})),
    "custom in amf3": (S2C, say3, b"\0" + amf0("hello", 0.0, None) + amf3_object(streamKey=SECRET)),
    "metadata": (C2S, data0, amf0("@setDataFrame", "onMetaData", Ecma(width=1.0, streamKey=SECRET))),
    "text": (C2S, data0, amf0("onTextData", {"text": f"see rtmp://a/live/{SECRET} or https://a/b?k={SECRET}"})),
    "text with a token": (C2S, data0, amf0("onTextData", {"text": f"token: {SECRET} password={SECRET}"})),
    "client id": (S2C, say0, status(clientid=SECRET)),
    "name of a shared object": (C2S, so0, wire.shared_object(f"room-{SECRET}", 1, 0)),
    "message of a shared object": (C2S, so0, wire.shared_object("room", 1, 0, wire.so_event(6, amf0("login", SECRET)))),
    "shared object": (
        C2S,
        so0,
        wire.shared_object("room", 1, 0, wire.so_event(3, wire.amf0_key("token") + amf0(SECRET))),
    ),
}


BEFORE = [
    (C2S, say0, connect()),
    (
        S2C,
        say0,
        command("_result", 1, {"fmsVer": "FMS/3"}, {"level": "status", "code": "NetConnection.Connect.Success"}),
    ),
    (C2S, say0, command("createStream", 2, None)),
    (S2C, say0, command("_result", 2, None, 1.0)),
]
AFTER = [(C2S, 8, b"\xaf\1" + bytes(50)), (C2S, 9, b"\x27\1\0\0\0" + bytes(300)), (C2S, 3, wire.u32(5000))]


# --- how it is sent ------------------------------------------------------------------------------------------


def session(
    said: list[Said], chunk: int = 128, mss: int = 1460, port: int = 1935, handshake: bool = True
) -> list[Frame]:
    tcp = wire.Tcp(("10.0.0.1", 50000), ("10.0.0.2", port), mss=mss).open()
    client, server = wire.handshake()
    if handshake:
        tcp.send(C2S, client[:1537]).send(S2C, server).send(C2S, client[1537:])
    writers = (wire.ChunkWriter(), wire.ChunkWriter())
    for direction, writer in enumerate(writers):
        tcp.send(direction, writer.set_chunk_size(chunk))
    for direction, type_id, payload in said:
        tcp.send(direction, writers[direction].message(3, type_id, payload, 0, 1))
    return tcp.frames


def lossy(frames: list[Frame], seed: int, share: float) -> list[Frame]:
    chance = Random(seed)
    return [frame for frame in frames if chance.random() > share]


def from_side(frames: list[Frame], side: int) -> list[Frame]:
    return [frame for frame in frames if frame[1][29] == 1 + side]


def ways(place: Said) -> Iterator[list[Frame]]:
    """The message in a session, in one piece and in many, damaged and not."""
    direction, type_id, payload = place
    said = [*BEFORE, place, *AFTER]
    small = session(said, mss=17)
    yield session(said)
    yield session(said, chunk=5)
    yield session(said, mss=7)
    yield session(said, port=8080)
    yield session(said, handshake=False)
    for seed in range(1):
        yield lossy(session(said, mss=9), seed, 0.02)
        yield lossy(session(said, mss=23), seed, 0.05)
        yield lossy(session(said, mss=100), seed, 0.1)
    for number in range(3):
        yield small[int(len(small) * (0.65 + number * 0.08)) :]
    for side in (C2S, S2C):
        yield from_side(session(said), side)
        yield from_side(small, side)[-20 - 3 * side :]
    for number in (1, 3):
        yield session([*BEFORE, (direction, type_id, payload[: len(payload) * number // 5]), *AFTER])
        changed = bytearray(payload)
        changed[Random(number).randrange(len(payload))] = Random(-number).randrange(256)
        yield session([*BEFORE, (direction, type_id, bytes(changed)), *AFTER])


# --- what is made of it ----------------------------------------------------------------------------------------


def outputs(frames: list[Frame], folder: Path, snaplen: int = 262_144) -> str:
    """The trace with payloads, and all that is meant for people."""
    path = folder / "sent.pcap"
    path.unlink(missing_ok=True)  # to write a file over waits for the disk
    path.write_bytes(wire.pcap(frames, snaplen=snaplen))
    run = Run(open_capture([str(path)]), whole_payloads=True)
    texts: list[str] = []
    trace = Trace(texts.append, run.connections, run.describe, run.redactor, payload=True)
    lines = TextLines(texts.append, run.connections, run.describe, run.start_ns, run.redactor)
    screen = Redactor(style=DOTS)
    for event in run.events():
        trace.event(event)
        lines.event(event)
        if isinstance(event, Message):
            described = run.describe(event)
            shown = octets(event, seen(screen, event, described))
            texts.append(shown.hex((0, shown.length)))
    trace.finish(run.files)
    texts.append(tables(run.files, run.connections, run.redactor))
    return "\n".join(texts)


def seen(screen: Redactor, event: Message, described: Field) -> Body:
    shown = screen.body(event, described)
    return Body(shown, [], screen.hidden(event, described, shown))


def written_as(part: str) -> Iterator[str]:
    data = part.encode()
    yield part
    yield data.hex()
    yield data.hex().upper()
    yield data.hex(" ")
    yield data.hex(":")
    yield "".join(f"%{byte:02x}" for byte in data)
    yield part.encode("utf-16-be").hex()
    yield "\\x00".join(part)
    yield "\\u0000".join(part)
    for shift in range(3):
        yield b64encode(bytes(shift) + data).decode()[-(-8 * shift // 6) : 8 * (shift + len(data)) // 6]


PARTS = [SECRET[at : at + PART] for at in range(len(SECRET) - PART + 1)]
CASES = [SECRET.upper(), SECRET.lower()]
FORMS = re.compile("|".join(re.escape(form) for part in PARTS + CASES for form in written_as(part)))


def leak(frames: list[Frame], folder: Path, snaplen: int = 262_144) -> str:
    text = outputs(frames, folder, snaplen)
    found = FORMS.search(text)
    return "" if found is None else text[max(0, found.start() - 300) : found.end() + 20]


@pytest.mark.parametrize("name", PLACES)
def test_secret_is_nowhere_however_it_was_sent(name: str, tmp_path: Path) -> None:
    for frames in ways(PLACES[name]):
        assert not leak(frames, tmp_path)
    for snaplen in (90, 150):
        assert not leak(session([*BEFORE, PLACES[name], *AFTER]), tmp_path, snaplen)


def repeated() -> Iterator[Said]:
    """A secret that was said before, in other words and where none belongs."""
    data = SECRET.encode()
    for form in (
        SECRET, quote(SECRET), "".join(f"%{byte:02x}" for byte in data), b64encode(data).decode(),
        b64encode(b"x" + data).decode(), b64encode(b"xy" + data).decode(), data.hex(), data.hex().upper(),
        data.hex(" "), data.hex(":"), "\0".join(SECRET), f"a{SECRET}b", SECRET.upper(), SECRET.lower(),
    ):  # fmt: skip
        yield S2C, data0, amf0("note", {"x": form, form: "y"})
    for raw in (data, SECRET.encode("utf-16-le"), SECRET.encode("utf-16-be")):
        yield S2C, 7, b"\1" + raw
        yield S2C, 4, wire.u16(77) + raw
        yield S2C, 8, b"\xaf\1" + raw
        yield S2C, 9, b"\x27\1\0\0\0" + raw
    yield S2C, 22, wire.aggregate((18, 0, amf0("note", SECRET)), (8, 0, b"\xaf\1" + data))


@pytest.mark.parametrize("said", repeated())
def test_secret_is_nowhere_however_it_is_repeated(said: Said, tmp_path: Path) -> None:
    assert not leak(session([*BEFORE, PLACES["publish"], said, *AFTER]), tmp_path)


REPEATING = [
    (S2C, say0, command("custom", 0, None, {"a": f"<{SECRET}>"}, SECRET)),
    (S2C, say0, status(description=f"Sorry, {SECRET}: no", level="error")),
    (S2C, say0, status(code=f"NetStream.Publish.{SECRET}", level="error")),
    (C2S, data0, amf0("@setDataFrame", "onMetaData", {"title": SECRET})),
]


@pytest.mark.parametrize("said", REPEATING)
def test_secret_is_nowhere_though_a_filter_hides_who_named_it(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "sent.pcap"
    path.write_bytes(wire.pcap(session([*BEFORE, PLACES["publish"], said, *AFTER])))
    shown = 'rtmp.command.name == "custom" or rtmp.note.severity == error or rtmp.type == data_amf0'
    for text in (shown, "rtmp.video"):
        run = Run(open_capture([str(path)]), wanted=filters.compile(text), whole_payloads=True)
        texts: list[str] = []
        lines = TextLines(texts.append, run.connections, run.describe, run.start_ns, run.redactor)
        for event in run.events():
            lines.event(event)
        texts.append(tables(run.files, run.connections, run.redactor))
        assert texts and FORMS.search("\n".join(texts)) is None


def test_secret_is_found_where_it_is_shown(tmp_path: Path) -> None:
    assert leak(session([*BEFORE, (C2S, 9, b"\x27\1\0\0\0" + SECRET.encode())]), tmp_path)
