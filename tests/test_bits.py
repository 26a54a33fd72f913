"""Integers out of bytes, in both orders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpscope import bits

READERS = {
    "u16": (bits.u16, 2, "big"),
    "u24": (bits.u24, 3, "big"),
    "u32": (bits.u32, 4, "big"),
    "u16le": (bits.u16le, 2, "little"),
    "u32le": (bits.u32le, 4, "little"),
    "u16_by, little": (lambda data, at: bits.u16_by(data, at, True), 2, "little"),
    "u16_by, big": (lambda data, at: bits.u16_by(data, at, False), 2, "big"),
    "u32_by, little": (lambda data, at: bits.u32_by(data, at, True), 4, "little"),
    "u32_by, big": (lambda data, at: bits.u32_by(data, at, False), 4, "big"),
}


@pytest.mark.parametrize("name", READERS)
@given(before=st.binary(max_size=5), value=st.binary(min_size=4, max_size=4), after=st.binary(max_size=5))
def test_integers_are_read_where_they_stand(name, before, value, after):
    read, size, order = READERS[name]
    assert read(before + value[:size] + after, len(before)) == int.from_bytes(value[:size], order)


@pytest.mark.parametrize("name", READERS)
def test_integers_that_are_not_there_raise(name):
    read, size, _ = READERS[name]
    with pytest.raises(IndexError):
        read(bytes(size), 1)
