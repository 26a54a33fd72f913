"""No secret of a session gets out that goes as encoders and servers are used to, nor is it in a sanitised copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from rtmpscope.capture.files import Batch, CaptureReader, open_capture
from rtmpscope.export.flv import FlvExtractor
from rtmpscope.model import C2S, S2C
from rtmpscope.pipeline import Run
from tests import wire
from tests.test_leaks import (
    AFTER,
    Said,
    amf3_object,
    amf3_text,
    connect,
    data0,
    error,
    outputs,
    say0,
    say3,
    session,
    so0,
    status,
    written_as,
)
from tests.test_sanitize import payloads, sanitised, streams
from tests.wire import Ecma, amf0, command

PART = 8  # characters: so much of a secret is one too


def publishing(name: str) -> list[Said]:
    """What FMLE says, and all who do as it does, and what servers answer."""
    asked = [(C2S, say0, command(verb, 2, None, name)) for verb in ("releaseStream", "FCPublish")]
    ended = [(C2S, say0, command("FCUnpublish", 6, None, name)), (C2S, say0, command("deleteStream", 7, None, 1.0))]
    told = {"code": "NetStream.Publish.Start", "description": name}
    started = status(description=f"{name} is now published.", details=name, clientid="Xy12")
    return [
        (C2S, say0, connect()), *asked, (C2S, say0, command("createStream", 4, None)),
        (S2C, say0, command("_result", 4, None, 1.0)), (S2C, say0, command("onFCPublish", 0, None, told)),
        (C2S, say0, command("publish", 5, None, name, "live")), (S2C, say0, started), *AFTER, *ended,
        (S2C, say0, command("onFCUnpublish", 0, None, {**told, "code": "NetStream.Unpublish.Success"})),
        (S2C, say0, status(code="NetStream.Unpublish.Success", description=f"{name} is now unpublished.")),
    ]  # fmt: skip


def playing(name: str) -> list[Said]:
    return [
        (C2S, say0, connect()), (C2S, say0, command("play", 4, None, name, -2000.0)),
        (S2C, say0, status(code="NetStream.Play.Reset", description=f"Playing and resetting {name}.", details=name)),
        (S2C, say0, status(code="NetStream.Play.StreamNotFound", description=f"Failed to play {name}; not found.")),
    ]  # fmt: skip


def with_query(query: str) -> list[Said]:
    url = f"rtmp://10.0.0.2/live/cam77x?{query}"
    refused = f"auth failed: {url} refused by http://10.0.0.9:8080/hook?name=cam77x&{query}"
    return [*publishing(f"cam77x?{query}"), (S2C, say0, status(level="error", description=refused))]


def asked_to_log_in(method: str, *rounds: str) -> list[Said]:
    """A server that refuses, names what it wants, and is asked again with that."""
    said = [(C2S, say0, connect(app=f"live?authmod={method}&user=caster77"))]
    for words in rounds:
        said.append((S2C, say0, error(description=f"[ AccessManager.Reject ] : [ authmod={method} ] : ?{words}")))
        asked = f"live?authmod={method}&{words}&response=cmVzcG9uc2UxMjM=="
        said.append((C2S, say0, connect(app=asked, tcUrl=f"rtmp://10.0.0.2/{asked}")))
    return said


def in_amf3(key: str) -> list[Said]:
    told = amf3_object(code="NetStream.Publish.Start", description=f"{key} is published", details=key)
    return [
        (C2S, say3, b"\0" + command("publish", 4, None, key, "live")),
        (S2C, say3, b"\0" + amf0("onStatus", 0.0, None) + told),
        (S2C, say3, b"\0" + amf0("custom", 0.0, None) + b"\x11" + amf3_text(key)),
        (C2S, so0, wire.shared_object(key, 1, 0, wire.so_event(3, wire.amf0_key("x") + amf0(key)))),
    ]


def refused(sentence: str) -> list[Said]:
    """Nothing but the refusal was captured."""
    return [(S2C, say0, status(level="error", code="NetStream.Publish.BadName", description=sentence)), *AFTER]


CASE = "CaseKey-AbCdEf99"
ODD = "My Key+/=77&x"
REDIRECTED = {"code": 302.0, "redirect": "rtmp://10.0.0.3:1935/live?token=redir-55AA77ee"}
JSON = '{"token":"jsonTok-11223344","a":1}'
BEARER = "Authorization: Bearer eyJhbGciOi.eyJzdWIi.sIgNaTuRe"

# What is secret, and the session.
SESSIONS: dict[str, tuple[list[str], list[Said]]] = {
    "live_ and a key": (["live_1234567_AbCdEfGhIjKl"], publishing("live_1234567_AbCdEfGhIjKl")),
    "groups": (["x7q2-9mfk-z0wd-p3hv-77ab"], publishing("x7q2-9mfk-z0wd-p3hv-77ab")),
    "a word": (["kitchencamera"], publishing("kitchencamera")),
    "a number": (["8374629105"], publishing("8374629105")),
    "not ASCII": (["schlüssel-直播-ñ42"], publishing("schlüssel-直播-ñ42")),
    "percent": ([ODD, "My%20Key"], [*publishing(quote(ODD, safe="")), (C2S, data0, amf0("note", ODD))]),
    "case": ([CASE, CASE.lower()], [*publishing(CASE), (C2S, data0, amf0("n", CASE.upper(), CASE.lower()))]),
    "twice": (["again-Key-55"], publishing("again-Key-55") * 2),
    "txSecret": (["5a1e77b3c2d94f0e", "cam77x"], with_query("txSecret=5a1e77b3c2d94f0e&txTime=5F3C0A11")),
    "auth_key": (["1600000-0-0-23bfe0aa9917c4d5"], with_query("auth_key=1600000-0-0-23bfe0aa9917c4d5")),
    "hdnts": (["0a9b8c7d6e5f4a3b"], with_query("hdnts=exp=1600000~acl=/*~hmac=0a9b8c7d6e5f4a3b")),
    "played": (["movie77key", "c1d2e3f4a5b6"], playing("mp4:movie77key.mp4?sign=c1d2e3f4a5b6")),
    "adobe": (["caster77", "c2FsdHNh", "b3BhcXVl", "cmVzcG9u"], asked_to_log_in("adobe", "user=caster77&salt=c2FsdHNh&opaque=b3BhcXVl")),  # noqa: E501
    "llnw": (["caster77", "n0nceN0nce11"], asked_to_log_in("llnw", "reason=needauth&user=caster77&nonce=n0nceN0nce11")),
    "arguments of connect": (["Sx7token99", "7715539"], [(C2S, say0, connect() + amf0("Sx7token99", {"NS": 7715539.0}))]),  # noqa: E501
    "redirect": (["redir-55AA77ee"], [(C2S, say0, connect()), (S2C, say0, error(description="moved", ex=REDIRECTED))]),
    "metadata": (["metakey-9x8y7z"], [(C2S, data0, amf0("@setDataFrame", "onMetaData", Ecma(stream_key="metakey-9x8y7z")))]),  # noqa: E501
    "AMF3": (["amf3key-77-zzz"], in_amf3("amf3key-77-zzz")),
    "JSON": (["jsonTok-11223344"], [(S2C, say0, command("onCustom", 0, None, JSON))]),
    "bearer": (["eyJhbGciOi.eyJzdWIi.sIgNaTuRe"], [(C2S, data0, amf0("onTextData", {"text": BEARER}))]),
    "refusal": (["onlyPart-33xyz77"], refused("Unauthorized: onlyPart-33xyz77")),
    "refusal of a path": (["onlyPart-33xyz77"], refused("/live/onlyPart-33xyz77 not found")),
}  # fmt: skip


def forms(secret: str) -> Iterator[str]:
    """How it may be written, backwards too, and what is much of it."""
    data = secret.encode()
    yield from (secret, secret.lower(), secret.upper(), secret[::-1], data[::-1].hex(), data.decode("latin-1"))
    yield from (secret.encode("utf-16-le").hex(), *written_as(secret))
    for at in range(len(secret) - PART + 1):
        yield from (secret[at : at + PART], secret[at : at + PART].encode().hex())


def one_by_one(reader: CaptureReader, *_: object) -> Iterator[Batch]:
    """Each packet as soon as it comes, as in a live capture."""
    for batch in read_in_batches(reader):
        yield from (Batch([packet], batch.bookmark, batch.position) for packet in batch.packets)


read_in_batches = CaptureReader.batches


def extracted(path: Path, folder: Path) -> str:
    """The names of files with media, and what is said of them."""
    run = Run(open_capture([str(path)]), whole_payloads=True)
    with FlvExtractor(str(folder)) as extractor:
        for event in run.events():
            extractor.event(event)
        report = extractor.finish()
    return "\n".join([*report, *(path.name for path in folder.iterdir())])


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("name", SESSIONS)
def test_secret_of_a_session_is_nowhere(name: str, live: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if live:
        monkeypatch.setattr(CaptureReader, "batches", one_by_one)
    secrets, said = SESSIONS[name]
    shown = outputs(session(said, chunk=5 if live else 128, port=8443 if live else 1935), tmp_path)
    shown += extracted(tmp_path / "sent.pcap", tmp_path)
    for secret in secrets:
        assert not [form for form in forms(secret) if form in shown]


@pytest.mark.parametrize("name", SESSIONS)
def test_secret_of_a_session_is_nowhere_in_a_copy(name: str, tmp_path: Path) -> None:
    secrets, said = SESSIONS[name]
    path = tmp_path / "in.pcap"
    path.write_bytes(wire.pcap(session(said, chunk=5, mss=30)))
    copy = sanitised(path, tmp_path)
    data = b"\0".join([copy.read_bytes(), *streams(copy), *payloads(copy)])
    for secret in secrets:
        assert not [form for form in forms(secret) if form.encode() in data]
