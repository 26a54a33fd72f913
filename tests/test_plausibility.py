"""Which headers are believed, by what their csid is known for and by what was lost before."""

from __future__ import annotations

import pytest

from rtmpscope.model import UNKNOWN
from rtmpscope.rtmp.chunk_stream import ChunkStream
from rtmpscope.rtmp.evidence import LARGEST_STEP, UNLIMITED
from rtmpscope.rtmp.plausibility import header_bits, is_doubtful, looks_cut, may_inherit
from tests.wire import ABORT, ACKNOWLEDGEMENT, AUDIO, COMMAND_AMF0, DATA_AMF0, USER_CONTROL, VIDEO, chunk, u32


def known(*, stale: bool = False, type_id: int = VIDEO) -> ChunkStream:
    """A csid whose last message had 500 bytes, at 10 s on message stream 1."""
    stream = ChunkStream(6)
    stream.seen = True
    stream.stale = int(stale)
    stream.type_id = type_id
    stream.length = 500
    stream.message_stream_id = 1
    stream.timestamp = stream.last_timestamp = 10_000
    return stream


# --- in the flow of reading ------------------------------------------------------------------------------

# fmt, timestamp or delta, length, type, message stream: as in a header, with what it inherits filled in
LIKELY = {
    "the_same_again": (3, 0, 500, VIDEO, 1),
    "another_time": (2, 40, 500, VIDEO, 1),
    "another_length": (1, 40, 700, VIDEO, 1),
    "everything_anew": (0, 10_040, 700, VIDEO, 1),
    "another_type": (1, 40, 60, DATA_AMF0, 1),
    "far_in_time": (0, 90_000_000, 700, VIDEO, 1),
    "a_pause_of_minutes": (2, 100_000, 500, VIDEO, 1),
}
UNLIKELY_AT_ALL = {
    "type_there_is_none": (1, 40, 700, 77, 1),
    "stream_beyond_24_bits": (0, 10_040, 700, VIDEO, 1 << 24),
    "control_of_65_bytes": (1, 40, 65, ACKNOWLEDGEMENT, 0),
}


@pytest.mark.parametrize("name", LIKELY)
def test_likely_header_is_believed_while_nothing_was_lost(name: str) -> None:
    assert not is_doubtful(known(), False, *LIKELY[name])


@pytest.mark.parametrize("distrust", [False, True])
@pytest.mark.parametrize("name", UNLIKELY_AT_ALL)
def test_header_that_nobody_writes_is_doubted_always(name: str, distrust: bool) -> None:
    assert is_doubtful(known(), distrust, *UNLIKELY_AT_ALL[name])


@pytest.mark.parametrize(("fmt", "doubted"), [(0, False), (1, True), (2, True), (3, True)])
def test_csid_that_begins_without_a_full_header_is_doubted(fmt: int, doubted: bool) -> None:
    assert is_doubtful(ChunkStream(6), False, fmt, 40, 500, VIDEO, 1) == doubted


@pytest.mark.parametrize("fmt", range(4))
def test_new_csid_after_a_loss_is_doubted(fmt: int) -> None:
    assert is_doubtful(ChunkStream(6), True, fmt, 40, 500, VIDEO, 1)


@pytest.mark.parametrize(("fmt", "doubted"), [(0, False), (1, False), (2, True), (3, True)])
def test_short_header_after_a_loss_is_doubted_until_a_full_one_came(fmt: int, doubted: bool) -> None:
    assert is_doubtful(known(stale=True), True, fmt, 10_040 if fmt == 0 else 40, 500, VIDEO, 1) == doubted
    assert not is_doubtful(known(), True, fmt, 10_040 if fmt == 0 else 40, 500, VIDEO, 1)


@pytest.mark.parametrize(
    "header", [(2, 100_000, 500, VIDEO, 1), (0, 10_040, 700, VIDEO, 70_000), (1, 40, 9 << 20, VIDEO, 1)]
)
def test_odd_header_is_doubted_only_after_a_loss(header: tuple[int, int, int, int, int]) -> None:
    assert not is_doubtful(known(), False, *header)
    assert is_doubtful(known(), True, *header)


# --- evidence --------------------------------------------------------------------------------------------


def test_full_header_like_the_last_is_worth_most() -> None:
    stream = known()
    same = header_bits(stream, 0, 10_040, 500, VIDEO, 1)
    for other in (
        header_bits(stream, 0, 900_000_000, 500, VIDEO, 1),
        header_bits(stream, 0, 10_040, 501, VIDEO, 1),
        header_bits(stream, 0, 10_040, 500, AUDIO, 1),
        header_bits(stream, 0, 10_040, 500, VIDEO, 2),
        header_bits(ChunkStream(6), 0, 10_040, 500, VIDEO, 1),
        header_bits(stream, 1, 40, 500, VIDEO, 1),
    ):
        assert 0 < other < same


def test_each_header_counts_only_what_it_says() -> None:
    stream = known()
    assert [header_bits(stream, fmt, 40, 500, VIDEO, 1) for fmt in (1, 2, 3)] == [4 + 12 + 7 + 8, 4 + 12, 4]
    assert header_bits(stream, 3, UNKNOWN, 9 << 20, 77, 1 << 30) == 4


@pytest.mark.parametrize(
    "header",
    [
        (0, 10_040, 500, VIDEO, 70_000),
        (0, 10_040, 500, 77, 1),
        (0, 10_040, 9 << 20, VIDEO, 1),
        (0, 10_040, 4, ABORT, 1),
        (1, 70_000, 500, VIDEO, 1),
        (2, 70_000, 500, VIDEO, 1),
    ],
)
def test_one_impossible_field_outweighs_all_others(header: tuple[int, int, int, int, int]) -> None:
    assert header_bits(known(), *header) < 0


# --- what a short header after a loss may mean -----------------------------------------------------------


@pytest.mark.parametrize(
    ("type_id", "may"), [(1, False), (2, False), (5, False), (6, False), (USER_CONTROL, True), (AUDIO, True),
                         (VIDEO, True), (COMMAND_AMF0, True)],
)  # fmt: skip
def test_short_header_inherits_any_type_but_control(type_id: int, may: bool) -> None:
    assert may_inherit(known(type_id=type_id), u32(0), 0, 4) == may


@pytest.mark.parametrize(
    ("value", "may"), [(4_999, False), (5_000, False), (5_001, True), (5_000 + LARGEST_STEP - 1, True),
                       (5_000 + LARGEST_STEP, False)],
)  # fmt: skip
def test_acknowledgement_is_inherited_only_where_its_number_grows(value: int, may: bool) -> None:
    stream = known(type_id=ACKNOWLEDGEMENT)
    stream.acknowledged = 5_000
    assert may_inherit(stream, b"#" + u32(value), 1, 4) == may
    assert not may_inherit(stream, b"#" + u32(value)[:3], 1, 3)


# --- whether a payload is one chunk ----------------------------------------------------------------------


def test_payload_with_continuation_headers_where_they_would_stand_looks_cut() -> None:
    payload = b"\xc6".join(bytes(128) for _ in range(5))
    assert looks_cut(4096, b"#" + payload, 1, len(payload), 0xC6)
    assert not looks_cut(4096, b"#" + payload, 1, len(payload), 0xC4)
    assert not looks_cut(4096, b"#" + payload, 1, 128, 0xC6)


def test_payload_with_another_message_in_it_looks_cut_only_where_no_size_is_known() -> None:
    payload = bytes(128) + chunk(0, 4, 40, 20, AUDIO, 1, bytes(20)) + bytes(300)
    assert looks_cut(UNLIMITED, payload, 0, len(payload), 0xC6)
    assert not looks_cut(4096, payload, 0, len(payload), 0xC6)


def test_control_csid_is_an_unlikely_one_for_anything_else() -> None:
    control, other = ChunkStream(2), ChunkStream(6)
    header = (0, 40, 500, AUDIO, 1)
    assert header_bits(control, *header) == header_bits(other, *header) - 20
    assert header_bits(control, 0, 0, 4, ACKNOWLEDGEMENT, 0) == header_bits(other, 0, 0, 4, ACKNOWLEDGEMENT, 0) > 0


@pytest.mark.parametrize(
    ("type_id", "seen", "first", "may"),
    [
        (AUDIO, 0xAF, 0xAF, True), (AUDIO, 0xAF, 0x2F, False), (VIDEO, 0x27, 0x17, True), (VIDEO, 0x27, 0x22, False),
        (VIDEO, 0x91, 0xA3, True), (VIDEO, 0x91, 0x32, False), (VIDEO, 0x27, 0x91, False),
        (VIDEO, UNKNOWN, 0x91, True), (COMMAND_AMF0, 2, 0x91, True),
    ],
)  # fmt: skip
def test_what_is_inherited_goes_on_in_its_codec(type_id: int, seen: int, first: int, may: bool) -> None:
    stream = known(type_id=type_id)
    stream.first_byte = seen
    assert may_inherit(stream, bytes((0, first)), 1, 1) == may
    assert may_inherit(stream, b"", 0, 0)
