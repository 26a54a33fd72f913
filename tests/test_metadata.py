"""What onMetaData promises, held against what there is."""

from __future__ import annotations

import pytest

from rtmpscope.analysis.metadata import differences, frame_rate_differs, promises
from rtmpscope.model import Field
from rtmpscope.rtmp.commands import data_amf0
from tests.wire import Ecma, amf0


def said(properties: dict[str, object], handler: str = "onMetaData") -> Field:
    payload = amf0(handler) + amf0(Ecma(properties))
    return data_amf0(payload, len(payload))


def test_only_what_can_be_checked_is_a_promise() -> None:
    assert promises(said({"width": 1280, "encoder": "x", "framerate": 30})) == {"width": 1280.0, "framerate": 30.0}
    assert promises(said({"width": 1280}, "onCuePoint")) is None


def test_picture_and_sound_are_compared_with_their_sequence_headers() -> None:
    promised = {"width": 1280.0, "height": 720.0, "audiosamplerate": 48_000.0}
    facts: dict[str, object] = {"width": 640, "height": 720, "sample_rate": 44_100}
    assert differences("video", "h264", promised, facts) == ["width 1,280, really 640"]
    assert differences("audio", "aac", promised, facts) == ["sample rate 48,000, really 44,100"]


def test_promise_of_nothing_is_none() -> None:
    assert differences("video", "", {"width": 0.0, "videocodecid": 0.0}, {"width": 640}) == []
    assert differences("video", "h264", {"width": 1280.0}, {}) == []


def test_text_where_a_number_belongs_is_a_difference_that_is_not_repeated() -> None:
    assert differences("video", "h264", {"width": "s3cr3t"}, {"width": 640}) == ["width of another kind, really 640"]


@pytest.mark.parametrize("promised", [12.0, float(int.from_bytes(b"hvc1", "big")), "hvc1"])
def test_codec_is_known_by_number_and_by_fourcc(promised: object) -> None:
    assert differences("video", "h264", {"videocodecid": promised}, {}) == ["video codec hevc, really h264"]
    assert differences("video", "hevc", {"videocodecid": promised}, {}) == []


@pytest.mark.parametrize("promised", [-1.0, 7.5, 2.0**32, float("nan"), "nobody"])
def test_codec_that_nobody_knows_is_no_promise(promised: object) -> None:
    assert differences("video", "h264", {"videocodecid": promised}, {}) == []


@pytest.mark.parametrize(("measured", "differs"), [(24.1, False), (23.9, True), (35.9, False), (36.1, True)])
def test_frame_rate_may_be_a_fifth_off(measured: float, differs: bool) -> None:
    assert frame_rate_differs({"framerate": 30.0}, measured) == differs
    assert not frame_rate_differs({"framerate": 0.0}, measured) and not frame_rate_differs({}, measured)
