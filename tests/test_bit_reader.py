"""Fields out of bits: places, damage, parts, facts, emulation prevention."""

from __future__ import annotations

import pytest

from rtmpscope.limits import MEDIA_FIELDS
from rtmpscope.media.bit_reader import BitReader, Damaged, unescaped
from tests.fields import undecoded, walk


def read(data: bytes, decoder, missing: int = 0):
    reader = BitReader(data)
    reader.missing = missing
    return reader.decode("root", decoder)


def values(field):
    return {child.name: child.value for child in field.children}


def places(field):
    return {child.name: (child.start, child.end) for child in field.children}


def test_bits_are_read_from_the_top_and_know_their_bytes():
    def decoder(reader):
        reader.u("three", 3)
        reader.flag("flag")
        reader.u("twelve", 12)
        reader.plus("plus", 8, 1)

    field = read(bytes([0b101_1_0000, 0b11110000, 9]), decoder)
    assert values(field) == {"three": 5, "flag": True, "twelve": 0xF0, "plus": 10}
    assert places(field) == {"three": (0, 1), "flag": (0, 1), "twelve": (0, 2), "plus": (2, 3)}


def test_golomb_codes_follow_table_9_2_of_h264():
    def decoder(reader):
        for index in range(5):
            reader.ue(f"ue{index}")
        for index in range(5):
            reader.se(f"se{index}")

    bits = "1010011001000010110100110010000101"
    data = int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8, "big")
    assert list(values(read(data, decoder)).values()) == [0, 1, 2, 3, 4, 0, 1, -1, 2, -2]


def test_an_endless_golomb_code_is_damage():
    field = read(bytes(100), lambda reader: reader.ue("code"))
    assert undecoded(field)[0].text == "an Exp-Golomb code is too long"


def test_a_number_beyond_what_is_possible_is_named():
    field = read(b"\x00\x40\x00", lambda reader: reader.ue("count", most=16))
    assert undecoded(field)[0].text == "count is 511, and no more than 16 is possible"


def test_a_cut_keeps_what_was_read_and_shows_the_rest():
    def decoder(reader):
        reader.u("one", 8)
        with reader.group("group"):
            reader.u("two", 8)
            reader.u("three", 16)

    field = read(b"\1\2\3", decoder)
    assert [child.name for child in field.children] == ["one", "group", "undecoded"]
    assert values(field.children[1]) == {"two": 2}
    assert (field.children[2].value, field.children[2].text) == (b"\3", "ends too early")


def test_bytes_that_nobody_asked_for_are_shown():
    field = read(b"\1\2\3", lambda reader: reader.u("one", 8))
    assert (undecoded(field)[0].value, undecoded(field)[0].text) == (b"\2\3", "more than is defined here")


def test_bytes_that_were_not_captured_are_counted_once():
    field = read(b"\1", lambda reader: reader.part("body", lambda inner: inner.u("word", 32)), missing=3)
    assert [(part.start, part.text) for part in undecoded(field)] == [(0, "ends too early"), (1, "3 bytes are missing")]


def test_damage_in_a_part_stays_in_the_part():
    def decoder(reader):
        reader.part("first", lambda inner: inner.u("long", 64), 2)
        reader.u("next", 8)

    field = read(b"\1\2\3", decoder)
    assert field.get("next") == 3
    assert undecoded(field.children[0])[0].value == b"\1\2"


def test_a_part_that_claims_more_than_there_is_gets_what_there_is():
    field = read(b"\0\0\0\5ab", lambda reader: reader.sized("unit", 32, BitReader.rest))
    unit = field.children[0]
    assert values(unit) == {"size": 5, "data": b"ab", "undecoded": b""}
    assert (unit.start, unit.end, unit.children[-1].text) == (0, 6, "3 bytes are missing")


def test_a_record_begins_with_the_facts_of_its_parts():
    def part(reader):
        start = reader.place()
        reader.fact("size", reader.u("raw", 8) * 2, start, "doubled")

    def record(reader):
        reader.u("version", 8)
        reader.part("part", part)

    field = read(b"\0\1\7", lambda reader: (reader.u("head", 8), reader.record("record", record)))
    fact, version, inner = field.children[1].children
    assert (fact.name, fact.value, fact.start, fact.end, fact.text) == ("size", 14, 2, 3, "doubled")
    assert (version.name, inner.name) == ("version", "part")


@pytest.mark.parametrize(
    ("escaped", "clean", "removed"),
    [
        (b"abc", b"abc", []),
        (b"\0\0\3\1", b"\0\0\1", [2]),
        (b"\0\0\0\3\0", b"\0\0\0\0", [3]),
        (b"\0\0\3\0\0\3\0", b"\0\0\0\0\0", [2, 4]),
        (b"x\0\0\3", b"x\0\0", [3]),
    ],
)
def test_emulation_prevention_bytes_are_taken_out(escaped, clean, removed):
    assert unescaped(escaped) == (clean, removed)


def test_places_count_the_bytes_that_were_taken_out():
    def decoder(reader):
        reader.u("header", 8)
        reader.unescape()
        for name in "abcde":
            reader.u(name, 8)

    field = read(b"\x67\0\0\3\1\0\0\3\2", decoder)
    assert places(field) == {"header": (0, 1), "a": (1, 2), "b": (2, 3), "c": (4, 5), "d": (5, 6), "e": (6, 7)} | {
        "undecoded": (8, 9)
    }


def test_looking_ahead_leaves_the_place():
    def decoder(reader):
        reader.u("header", 8)
        reader.ahead(4).u("seen", 8)
        reader.rest()

    assert values(read(b"\1\2\3", decoder)) == {"header": 1, "seen": 2, "data": b"\2\3"}


def test_the_tree_has_a_limit_that_no_part_survives():
    def decoder(reader):
        with reader.group("list", "list"):
            while reader.left:
                reader.part("item", lambda inner: inner.u("byte", 8), 1)

    field = read(bytes(MEDIA_FIELDS), decoder)
    assert sum(1 for _ in walk(field)) <= MEDIA_FIELDS + 2
    assert undecoded(field)[-1].text == "more than 20,000 fields"


def test_damage_outside_a_tree_is_the_callers():
    with pytest.raises(Damaged):
        BitReader(b"").number(1)


def test_an_empty_group_behind_a_removed_byte_is_within_the_one_around_it():
    def decoder(reader):
        reader.unescape()
        with reader.group("outer"):
            reader.u("zeros", 16)
            with reader.group("list", "list"), reader.group("item"):
                pass
        reader.u("last", 8)

    field = read(bytes.fromhex("00000301"), decoder)
    for parent in walk(field):
        assert all(parent.start <= child.start <= child.end <= parent.end for child in parent.children)
