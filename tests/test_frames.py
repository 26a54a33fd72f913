"""What was said about a frame is said again only where decoding would say the same."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpscope.capture.files import open_capture
from rtmpscope.export.frames import KEPT, UNITS, Frames, Said
from rtmpscope.export.jsonl import body_text
from rtmpscope.model import Field, Message
from rtmpscope.pipeline import Run
from rtmpscope.rtmp import messages
from rtmpscope.rtmp.summary import summarize

CAPTURES = sorted(Path(__file__).parent.parent.joinpath("captures").glob("*.pcap*"))
AUDIO, VIDEO = 8, 9


def frame(payload: bytes, type_id: int = AUDIO) -> Message:
    return Message(0, 0, 1, 0, 0, 4, type_id, 1, 0, len(payload), payload)


def body(message: Message) -> Field:
    return messages.decode(message.type_id, message.payload, message.length)


def said(message: Message) -> Said:
    """What decoding says."""
    described = body(message)
    return Said(summarize(message, described), body_text(described))


def keep(frames: Frames, message: Message) -> None:
    frames.keep(message, body(message), said(message))


def recalled(frames: Frames, message: Message) -> tuple[str, str] | None:
    found = frames.recall(message)
    return None if found is None else (found.summary, found.body)


def decoded(message: Message) -> tuple[str, str]:
    found = said(message)
    return found.summary, found.body


def avc(*units: bytes, head: str = "2701000000") -> bytes:
    return bytes.fromhex(head) + b"".join([len(unit).to_bytes(4, "big") + unit for unit in units])


SLICE = bytes.fromhex("419a24")
IDR = bytes.fromhex("658884")
SEI = bytes.fromhex("0605ff")


def test_frame_of_headers_and_data_is_recalled_by_its_headers() -> None:
    frames = Frames()
    keep(frames, frame(b"\xaf\x01abc"))
    assert recalled(frames, frame(b"\xaf\x01another")) == decoded(frame(b"\xaf\x01another"))
    assert frames.recall(frame(b"\xaf\x00\x12\x10")) is None
    assert frames.recall(frame(b"\xaf\x01")) is None
    assert frames.recall(frame(b"\xaf\x01abc", VIDEO)) is None


def test_frame_of_units_is_recalled_with_its_own_units() -> None:
    frames = Frames()
    keep(frames, frame(avc(SLICE), VIDEO))
    other = frame(avc(SLICE + bytes(1000), SLICE), VIDEO)
    assert recalled(frames, other) == decoded(other)
    assert json.loads(decoded(other)[1])["nal_units"] == [{"size": 1003, "type": "slice"}, {"size": 3, "type": "slice"}]
    assert frames.recall(frame(avc(SLICE, IDR), VIDEO)) is None
    keep(frames, frame(avc(SEI, IDR), VIDEO))
    mixed = frame(avc(SEI, IDR, SLICE, SLICE), VIDEO)
    assert recalled(frames, mixed) == decoded(mixed)


def test_frame_of_another_head_is_not_taken_for_it() -> None:
    frames = Frames()
    keep(frames, frame(avc(SLICE), VIDEO))
    assert frames.recall(frame(avc(SLICE, head="2701000010"), VIDEO)) is None
    assert frames.recall(frame(avc(SLICE, head="1701000000"), VIDEO)) is None


@pytest.mark.parametrize(
    "payload",
    [
        avc(SLICE)[:-1],
        avc(SLICE) + b"\0",
        avc(SLICE, b""),
        bytes.fromhex("2701000000") + b"\0\0\0\1" + SLICE,
        avc(*[SLICE] * (UNITS + 1)),
        bytes.fromhex("2701000000"),
    ],
)
def test_frame_whose_lengths_say_something_else_is_decoded(payload: bytes) -> None:
    frames = Frames()
    keep(frames, frame(avc(SLICE), VIDEO))
    assert recalled(frames, frame(payload, VIDEO)) in (None, decoded(frame(payload, VIDEO)))
    keep(frames, frame(payload, VIDEO))
    assert recalled(frames, frame(avc(SLICE), VIDEO)) in (None, decoded(frame(avc(SLICE), VIDEO)))


@pytest.mark.parametrize("type_id", [AUDIO, VIDEO])
def test_incomplete_frame_is_neither_kept_nor_recalled(type_id: int) -> None:
    payload = avc(SLICE) if type_id == VIDEO else b"\xaf\x01abc"
    frames = Frames()
    for attribute, value in (("captured", len(payload) - 1), ("whole", False), ("aborted", True)):
        cut = frame(payload, type_id)
        setattr(cut, attribute, value)
        keep(frames, cut)
        assert frames.recall(frame(payload, type_id)) is None
    keep(frames, frame(payload, type_id))
    for attribute, value in (("captured", len(payload) - 1), ("whole", False), ("aborted", True)):
        cut = frame(payload, type_id)
        setattr(cut, attribute, value)
        assert frames.recall(cut) is None


def test_frame_that_a_plugin_says_more_about_is_not_kept() -> None:
    for payload, type_id in ((b"\xaf\x01abc", AUDIO), (avc(SLICE), VIDEO)):
        for start, end in ((0, 0), (0, len(payload))):
            frames = Frames()
            message = frame(payload, type_id)
            described = body(message)
            described.children.insert(0, Field("volume", 3, start, end))
            frames.keep(message, described, Said("loud", "{}"))
            described = body(message)
            described.children.append(Field("volume", 3, start, end))
            frames.keep(message, described, Said("loud", "{}"))
            assert frames.recall(message) is None


def test_line_alone_may_be_kept() -> None:
    frames = Frames()
    for payload, type_id in ((b"\xaf\x01abc", AUDIO), (avc(SLICE), VIDEO)):
        message = frame(payload, type_id)
        frames.keep(message, body(message), Said(summarize(message, body(message)), ""))
        assert recalled(frames, message) == (summarize(message, body(message)), "")


def test_memory_is_bounded() -> None:
    frames = Frames()
    for number in range(KEPT + 100):
        keep(frames, frame(avc(SLICE, head=f"2701{number:06x}"), VIDEO))
    assert len(frames._units) == KEPT


@given(st.lists(st.tuples(st.sampled_from([AUDIO, VIDEO]), st.binary(min_size=1, max_size=24)), max_size=30))
def test_recalled_is_what_decoding_would_say(payloads: list[tuple[int, bytes]]) -> None:
    frames = Frames()
    for type_id, payload in payloads:
        message = frame(payload, type_id)
        assert recalled(frames, message) in (None, decoded(message))
        keep(frames, message)


def test_recalled_is_what_decoding_would_say_of_mutated_frames() -> None:
    rng = random.Random(3)
    frames = Frames()
    seeds = [
        avc(SLICE),
        avc(SEI, IDR),
        bytes.fromhex("93687663310000000000000003 020101"),
        b"\xaf\x01abcdef",
        b"\x2f\xff\xfb\x90",
    ]
    hits = 0
    for _ in range(5000):
        payload = bytearray(rng.choice(seeds))
        if rng.random() < 0.7:
            payload[rng.randrange(len(payload))] = rng.choice([0, 1, 4, 0x41, 0x65, rng.randrange(256)])
        message = frame(bytes(payload), rng.choice([AUDIO, VIDEO]))
        found = recalled(frames, message)
        hits += found is not None
        assert found in (None, decoded(message))
        keep(frames, message)
    assert hits > 500


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_recalled_is_right_on_real_media(path: Path) -> None:
    run = Run(open_capture([str(path)]), whole_payloads=True)
    frames = Frames()
    count = hits = 0
    for event in run.events():
        if isinstance(event, Message) and event.type_id in (AUDIO, VIDEO):
            found = recalled(frames, event)
            count += 1
            hits += found is not None
            if found is None:
                keep(frames, event)
            else:
                assert found == decoded(event)
    if path.name.startswith("nginx-publish"):
        assert hits > 0.9 * count
