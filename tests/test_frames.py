"""Texts about frames are kept where a few bytes decide them, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpscope.capture.files import open_capture
from rtmpscope.export import values
from rtmpscope.export.frames import KEPT, Frames
from rtmpscope.model import Field, Message
from rtmpscope.pipeline import Run
from rtmpscope.rtmp import messages
from rtmpscope.rtmp.summary import summarize

CAPTURES = sorted(Path(__file__).parent.parent.joinpath("captures").glob("*.pcap*"))


def frame(payload: bytes, type_id: int = 8) -> Message:
    return Message(0, 0, 1, 0, 0, 4, type_id, 1, 0, len(payload), payload)


def body(message: Message) -> Field:
    return messages.decode(message.type_id, message.payload, message.length)


def test_frame_that_begins_as_another_is_recalled() -> None:
    frames = Frames()
    first = frame(b"\xaf\x01abc")
    frames.keep(first, body(first), "aac frame")
    assert frames.recall(frame(b"\xaf\x01another")) == "aac frame"
    assert frames.recall(frame(b"\xaf\x00\x12\x10")) == ""
    assert frames.recall(frame(b"\xaf\x01")) == ""
    assert frames.recall(frame(b"\xaf\x01abc", 9)) == ""


def test_incomplete_frame_is_neither_kept_nor_recalled() -> None:
    frames = Frames()
    cut = frame(b"\xaf\x01abc")
    cut.captured = 4
    frames.keep(cut, body(cut), "cut")
    assert frames.recall(frame(b"\xaf\x01abc")) == ""
    whole = frame(b"\xaf\x01abc")
    frames.keep(whole, body(whole), "aac frame")
    assert frames.recall(cut) == ""


def test_frame_that_is_read_further_is_not_kept() -> None:
    frames = Frames()
    video = frame(bytes.fromhex("2701000000 00000003 419a00"), 9)
    frames.keep(video, body(video), "slice")
    assert frames.recall(video) == ""


def test_frame_that_a_plugin_says_more_about_is_not_kept() -> None:
    for start, end in ((0, 0), (0, 5)):
        frames = Frames()
        message = frame(b"\xaf\x01abc")
        described = body(message)
        described.children.insert(0, Field("volume", 3, start, end))
        frames.keep(message, described, "loud")
        assert frames.recall(message) == ""


def test_memory_is_bounded() -> None:
    frames = Frames()
    for number in range(KEPT + 100):
        head = b"\xff" + number.to_bytes(3, "big")
        message = frame(head + b"data")
        described = Field("audio", children=[Field("data", b"data", 4, 8, kind="display")])
        frames.keep(message, described, "x")
    assert len(frames._said) == KEPT


def said(message: Message) -> str:
    described = body(message)
    return summarize(message, described) + values.value(described)


@given(st.lists(st.tuples(st.sampled_from([8, 9]), st.binary(min_size=1, max_size=20)), max_size=30))
def test_recalled_text_is_what_decoding_would_say(payloads: list[tuple[int, bytes]]) -> None:
    frames = Frames()
    for type_id, payload in payloads:
        message = frame(payload, type_id)
        recalled = frames.recall(message)
        assert recalled in ("", said(message))
        frames.keep(message, body(message), said(message))


@pytest.mark.parametrize("name", ["legacy-codecs.pcap", "enhanced-multitrack.pcap", "nginx-publish-play.pcap"])
def test_recalled_text_is_right_on_real_media(name: str) -> None:
    run = Run(open_capture([str(CAPTURES[0].parent / name)]), whole_payloads=True)
    frames = Frames()
    recalled = 0
    for event in run.events():
        if isinstance(event, Message) and event.type_id in (8, 9):
            found = frames.recall(event)
            recalled += bool(found)
            assert found in ("", said(event))
            frames.keep(event, body(event), said(event))
    assert recalled or name == "enhanced-multitrack.pcap"
