"""Chunk sizes told by the bytes of one message alone."""

from __future__ import annotations

import pytest

from rtmpscope.rtmp.chunk_sizes import is_whole, known_end, length_at, sizes_at, sizes_of_span
from rtmpscope.rtmp.chunks import ChunkParser
from rtmpscope.rtmp.evidence import LARGEST_SEARCHED, UNLIMITED
from tests import wire

TEXT = wire.command("onStatus", 0, None, {"description": "x" * 400})
PICTURE = b"\x27\1\0\0\0" + bytes(range(1, 0x80)) * 40


def parser(chunk_size: int = 4096) -> ChunkParser:
    """One that has just lost bytes."""
    made = ChunkParser(0, 0, False)
    made.chunk_size = chunk_size
    made.doubt_chunk_size()
    return made


def sent(type_id: int, payload: bytes, chunk_size: int, csid: int = 3) -> bytes:
    writer = wire.ChunkWriter()
    writer.set_chunk_size(chunk_size)
    return writer.message(csid, type_id, payload, msid=1)


@pytest.mark.parametrize("size", [128, 300, 1024])
def test_size_that_puts_headers_where_they_stand_is_tried(size: int) -> None:
    data = sent(wire.VIDEO, PICTURE, size) + bytes(100)
    assert size in (sizes_at(parser(), data, 0, len(PICTURE)) or ())


def test_nothing_is_tried_where_nothing_speaks_against_the_size_in_force() -> None:
    data = sent(wire.VIDEO, PICTURE[:200], 4096) + bytes(100)
    assert sizes_at(parser(), data, 0, 200) is None


def cut_once(size: int, *alike: int) -> bytes:
    """A picture in two chunks and a frame of audio; what stands at some places of the picture is like a header."""
    picture = bytearray(PICTURE[:1900])
    for place in alike:
        picture[place] = 0xC3
    return sent(wire.VIDEO, bytes(picture), size) + wire.chunk(0, 4, 0, 20, wire.AUDIO, 1, b"\xaf\1" + bytes(18))


def test_size_that_is_much_rounder_is_tried_of_those_that_cut_a_message_once() -> None:
    sizes = sizes_at(parser(), cut_once(1500, 1100, 1777), 0, 1900)
    assert sizes is not None and 1500 in sizes and not {1100, 1778} & set(sizes)


def test_no_size_is_tried_where_several_cut_a_message_once_until_another_message_tells_which_it_is() -> None:
    reader = parser()
    assert sizes_at(reader, cut_once(1555, 1333, 1777), 0, 1900) == []
    sizes = sizes_at(reader, cut_once(1555, 1222), 0, 1900)
    assert sizes is not None and 1555 in sizes and 1222 not in sizes


@pytest.mark.parametrize("csid", [3, 62])
def test_size_in_force_is_tried_first_where_its_header_stands(csid: int) -> None:
    data = sent(wire.VIDEO, PICTURE[:205], 128, csid) + bytes(100)
    assert sizes_at(parser(128), data, 0, 205) == [128, UNLIMITED]


def test_size_that_leaves_no_whole_values_of_a_command_is_not_tried() -> None:
    data = sent(wire.COMMAND_AMF0, TEXT, 128) + bytes(100)
    assert sizes_at(parser(), data, 0, len(TEXT)) == [128]


@pytest.mark.parametrize("size", [100, 333])
def test_odd_size_that_leaves_whole_values_of_a_command_is_told_though_nothing_follows(size: int) -> None:
    data = sent(wire.COMMAND_AMF0, TEXT, size)
    assert sizes_at(parser(), data, 0, len(TEXT)) == [size]


def test_values_are_whole_under_the_size_that_cuts_them_alone() -> None:
    payload = sent(wire.COMMAND_AMF0, TEXT, 128)[12:]
    assert is_whole(payload, 0, len(TEXT), 128)
    assert not is_whole(payload, 0, len(TEXT), 256)
    assert is_whole(TEXT, 0, len(TEXT), UNLIMITED)


def test_size_known_for_certain_is_the_only_one_of_a_span() -> None:
    sure = ChunkParser(0, 0, False)
    payload = sent(wire.VIDEO, PICTURE, 128)[12:]
    assert sizes_of_span(sure, payload, 0, len(payload), 0xC3) == [128]
    sure.chunk_size = 256
    assert sizes_of_span(sure, payload, 0, len(payload), 0xC3) == []


def test_span_without_headers_is_one_chunk() -> None:
    assert sizes_of_span(parser(), PICTURE, 0, len(PICTURE), 0xFF) == [UNLIMITED]


@pytest.mark.parametrize(("csid", "size"), [(3, 1), (64, 2), (320, 3)])
def test_length_is_read_behind_a_basic_header_of_any_size(csid: int, size: int) -> None:
    data = wire.chunk(0, csid, 0, 0x012345, wire.VIDEO, 1)
    assert len(data) == size + 11 and length_at(parser(), data, 0) == 0x012345


def test_length_of_a_short_header_is_that_of_the_message_before() -> None:
    made = parser()
    made.assume(5).length = 77
    assert (length_at(made, b"\xc5", 0), length_at(made, b"\xc6", 0)) == (77, 0)


def test_bytes_that_decide_are_bounded() -> None:
    assert known_end(10, 1 << 24) - known_end(10, 0) == LARGEST_SEARCHED
