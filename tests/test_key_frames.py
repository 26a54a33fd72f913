"""What is said about key frames by their first bytes."""

import pytest

from rtmpscope.analysis.key_frames import faults
from rtmpscope.model import C2S, Message
from tests.talk import AVC_HEADER, OTHER_SPS, avc_header, key_frame

SEI = b"\x06" + bytes(20)
IDR = b"\x65" + bytes(400)
SLICE = b"\x41" + bytes(400)


def codes(payload: bytes, codec: str = "h264", *, size: object = 4, header: bytes = AVC_HEADER) -> list[str]:
    """Of a message of which the first 64 bytes were kept."""
    message = Message(0, C2S, 1, 0, 0, 6, 9, 1, 0, len(payload), payload[:64])
    return [code for code, _, _ in faults(message, codec, size, header)]


@pytest.mark.parametrize("units", [(IDR,), (SEI, IDR), (bytes(500), IDR), (b"", IDR), (b"\x06" + bytes(900), SLICE)])
def test_frame_that_begins_with_an_idr_slice_or_out_of_sight_is_in_order(units):
    assert codes(key_frame(*units)) == []


@pytest.mark.parametrize(
    ("codec", "slice_type", "found"),
    [
        ("h264", "65", []),
        ("h264", "41", ["key-frame-false"]),
        ("hevc", "2601", []),  # IDR_W_RADL
        ("hevc", "2a01", []),  # CRA
        ("hevc", "0201", ["key-frame-false"]),  # TRAIL_R
        ("vvc", "0039", []),  # IDR_W_RADL
        ("vvc", "0049", []),  # CRA
        ("vvc", "0001", ["key-frame-false"]),  # TRAIL
        ("av1", "0a0b", []),
    ],
)
def test_slice_that_decoding_cannot_begin_with(codec, slice_type, found):
    first = {"h264": b"\x17\1\0\0\0", "hevc": b"\x93hvc1", "vvc": b"\x93vvc1", "av1": b"\x91av01"}[codec]
    unit = bytes.fromhex(slice_type) + bytes(40)
    assert codes(first + len(unit).to_bytes(4, "big") + unit, codec) == found


def test_other_parameter_set_than_that_of_the_sequence_header():
    frame = key_frame(OTHER_SPS, IDR)
    assert codes(frame) == ["sps-differs"]
    assert codes(frame, header=avc_header(OTHER_SPS)) == []
    assert codes(frame, header=b"") == []


def test_parameter_set_that_was_kept_in_part_is_compared_as_far_as_it_goes():
    long_sps = OTHER_SPS + bytes(60)
    assert codes(key_frame(long_sps, IDR), header=avc_header(long_sps)) == []
    assert codes(key_frame(long_sps, IDR), header=avc_header(OTHER_SPS[:5] + bytes(65))) == ["sps-differs"]


def test_unit_beyond_the_end_of_its_message():
    assert codes(key_frame(IDR)[:-1]) == ["nal-overrun"]
    assert codes(key_frame(SEI, IDR)[:-1]) == ["nal-overrun"]


def test_lengths_of_another_size():
    frame = b"\x17\1\0\0\0" + len(SLICE).to_bytes(2, "big") + SLICE
    assert codes(frame, size=2) == ["key-frame-false"]
    assert codes(frame, size=None) == []


def test_start_codes_where_lengths_belong():
    assert codes(b"\x17\1\0\0\0\0\0\0\1\x65" + bytes(40), size=None) == ["annex-b"]


def test_what_lies_behind_a_hole_is_not_judged():
    message = Message(0, C2S, 1, 0, 0, 6, 9, 1, 0, 60, key_frame(SEI) + b"\0\0\0\x10\x41")
    message.holes = [(20, 4)]
    assert list(faults(message, "h264", 4, AVC_HEADER)) == []
