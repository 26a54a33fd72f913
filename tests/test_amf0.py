"""AMF0: every marker whole, cut and followed by more; what senders get wrong; what attackers try."""

import math
import random
from datetime import datetime, timedelta

import pyamf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmpscope.amf.amf0 import Decoder, plain
from rtmpscope.limits import AMF_DEPTH, AMF_ITEMS
from rtmpscope.model import Field
from tests.amf_cases import EveryMarker
from tests.fields import all_values, assert_sane, damaged, shape, undecoded, walk
from tests.wire import amf0 as encode

ONE = ("number", 1.0)
F64_ONE, F64_TWO = "3ff0000000000000", "4000000000000000"

CASES = {
    "number": (f"00 {F64_ONE}", ONE),
    "number infinite": ("00 fff0000000000000", ("number", -math.inf)),
    "boolean false": ("01 00", ("boolean", False)),
    "boolean true": ("01 01", ("boolean", True)),
    "boolean other than 0 and 1": ("01 02", ("boolean", True)),
    "string": ("02 0003 c3a961", ("string", "éa")),
    "string empty": ("02 0000", ("string", "")),
    "object": (f"03 0001 61 00 {F64_ONE} 0001 62 05 000009", ("object", None, [("a", ONE), ("b", ("null", None))])),
    "object empty": ("03 000009", ("object", None)),
    "object with an empty key": (f"03 0000 00 {F64_ONE} 000009", ("object", None, [("", ONE)])),
    "object with a key twice": ("03 0001 61 05 0001 61 06 000009",
        ("object", None, [("a", ("null", None)), ("a", ("undefined", None))])),
    "null": ("05", ("null", None)),
    "undefined": ("06", ("undefined", None)),
    "reference": ("03 000161 03 000009 000162 07 0001 000009",
        ("object", None, [("a", ("object", None)), ("b", ("reference", 1))])),
    "ecma array": (f"08 00000001 0001 61 00 {F64_ONE} 000009", ("ecma_array", None, [("a", ONE)])),
    "strict array": (f"0a 00000002 00 {F64_ONE} 05", ("strict_array", None, [("[0]", ONE), ("[1]", ("null", None))])),
    "strict array empty": ("0a 00000000", ("strict_array", None)),
    "date": ("0b 4278bcfe56800000 ffc4", ("date", 1.7e12, [("time_zone", ("display", -60))])),
    "long string": ("0c 00000002 6869", ("long_string", "hi")),
    "unsupported": ("0d", ("unsupported", None)),
    "xml": ("0f 00000004 3c612f3e", ("xml", "<a/>")),
    "typed object": (f"10 0003 782e59 0001 61 00 {F64_ONE} 000009", ("typed_object", "x.Y", [("a", ONE)])),
    "avmplus": ("11 04 07", ("integer", 7)),
    "int64": ("22 fffffffffffffffe", ("int64", -2)),
    "worked example: a reference to an inner object": ("03 0001 61 03 0000 09 0001 62 07 0001 0000 09",
        ("object", None, [("a", ("object", None)), ("b", ("reference", 1))])),
    "worked example: date 1700000000000": ("0b 4278bcfe56800000 0000",
        ("date", 1_700_000_000_000.0, [("time_zone", ("display", 0))])),
    "worked example: width and height": ("08 00000002 0005 7769647468 00 4094000000000000"
        " 0006 686569676874 00 4086800000000000 000009",
        ("ecma_array", None, [("width", ("number", 1280.0)), ("height", ("number", 720.0))])),
}  # fmt: skip


def decode(data: bytes) -> tuple[Field, Decoder]:
    decoder = Decoder(data, len(data))
    return decoder.value(0, "v"), decoder


def message(data: bytes) -> tuple[list[Field], Decoder]:
    decoder = Decoder(data, len(data))
    return all_values(decoder.value, len(data)), decoder


@pytest.mark.parametrize(("spelled", "expected"), CASES.values(), ids=CASES)
class TestEveryMarker(EveryMarker):
    decoder = Decoder

    def check_cut(self, field, decoder, kind):
        assert field.kind in (kind, "")
        open_ended = any("no end marker" in part.text for part in walk(field))
        assert open_ended if decoder.failed == "" else len(undecoded(field)) == 1


def test_range_covers_marker_and_contents_of_each_property():
    data = encode({"ab": "xyz", "c": None})
    field, _ = decode(data)
    assert [data[child.start : child.end] for child in field.children] == [b"\x02\x00\x03xyz", b"\x05"]


@pytest.mark.parametrize(
    ("spelled", "why"),
    [
        ("09", "unknown AMF0 marker 0x09"),
        ("12", "unknown AMF0 marker 0x12"),
        ("ff", "unknown AMF0 marker 0xff"),
        ("04", "movieclip is reserved and has no published layout"),
        ("0e", "recordset is reserved and has no published layout"),
    ],
)
def test_marker_without_meaning_stops_and_keeps_the_rest(spelled, why):
    data = encode({"a": 1})[:-3] + b"\x00\x01b" + bytes.fromhex(spelled) + b"rest"
    field, decoder = decode(data)
    assert decoder.failed == why
    assert field.end == len(data)
    assert field.get("a") == 1.0
    (rest,) = undecoded(field)
    assert rest.text == why
    assert data[rest.start : rest.end] == rest.value
    assert bytes(rest.value).endswith(b"rest")


@pytest.mark.parametrize("start", [b"\x03", b"\x08\x00\x00\x00\x02", b"\x10\x00\x01X"])
def test_object_may_end_with_its_message(start):
    """Envivio encoders leave the end marker out."""
    field, decoder = decode(start + encode({"a": 1, "b": 2})[1:-3])
    assert decoder.failed == ""
    assert field.text == "no end marker"
    assert [(child.name, child.value) for child in field.children] == [("a", 1.0), ("b", 2.0)]


@pytest.mark.parametrize("count", [0, 3, 20, 2**32 - 1])
def test_ecma_count_is_a_hint(count):
    field, decoder = decode(b"\x08" + count.to_bytes(4, "big") + encode({"a": 1})[1:] + b"\x05")
    assert decoder.failed == ""
    assert field.get("a") == 1.0
    assert field.end == 20
    assert field.text == f"the count says {count:,}"


def test_end_marker_wins_over_an_empty_key():
    field, _ = decode(bytes.fromhex("03 0000 09 0000 05"))
    assert field.children == []
    assert field.end == 4


def test_text_that_is_not_utf8_is_escaped_and_said():
    text, _ = decode(b"\x02\x00\x02a\xff")
    assert (text.value, text.text) == ("a\\xff", "not valid UTF-8")
    surrogate, _ = decode(b"\x02\x00\x03\xed\xa0\x80")
    assert (surrogate.value, surrogate.text) == ("\\xed\\xa0\\x80", "not valid UTF-8")
    parent, _ = decode(b"\x03\x00\x01\xff\x05\x00\x00\x09")
    assert (parent.children[0].name, parent.children[0].text) == ("\\xff", "name: not valid UTF-8")
    typed, _ = decode(b"\x10\x00\x01\xff\x00\x00\x09")
    assert (typed.value, typed.text) == ("\\xff", "not valid UTF-8")


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        ("4278bcfe56800000", "2023-11-14 22:13:20.000 UTC"),
        ("0000000000000000", "1970-01-01 00:00:00.000 UTC"),
        ("c2cc4189166c0000", "0001-01-01 00:00:00.000 UTC"),
        ("7ff8000000000000", "not a date"),
        ("7fefffffffffffff", "not a date"),
        ("fff0000000000000", "not a date"),
    ],
)
def test_date_in_words_for_any_double(spelled, text):
    assert decode(bytes.fromhex("0b" + spelled + "0000"))[0].text == text


def test_not_a_number_is_a_number():
    field, decoder = decode(bytes.fromhex("00 7ff8000000000000"))
    assert math.isnan(field.value)
    assert decoder.failed == ""


def test_references_count_every_kind_of_object_in_order_of_appearance():
    inner = encode({"o": {}, "e": b"\x08\x00\x00\x00\x00\x00\x00\x09", "s": [b"\x10\x00\x01X\x00\x00\x09"]})
    fields, _ = message(inner + b"".join(b"\x07" + index.to_bytes(2, "big") for index in range(6)))
    kinds = ["object", "object", "ecma_array", "strict_array", "typed_object"]
    assert [field.text.split(" at ")[0] for field in fields[1:]] == [f"the {kind}" for kind in kinds] + [
        "no such object in this message"
    ]
    assert fields[1].text == "the object at byte 0"


def test_object_that_contains_itself_ends():
    field, decoder = decode(bytes.fromhex("03 0001 61 07 0000 000009"))
    assert decoder.failed == ""
    assert shape(field) == ("object", None, [("a", ("reference", 0))])


def test_switch_to_amf3_holds_for_one_value_inside_an_object():
    field, decoder = decode(bytes.fromhex("03 0001 61 11 04 ffffffff 0001 62 02 0001 78 000009"))
    assert decoder.failed == ""
    assert shape(field) == ("object", None, [("a", ("integer", -1)), ("b", ("string", "x"))])
    assert (field.children[0].start, field.children[0].end) == (4, 10)


def test_amf3_tables_are_shared_by_the_values_of_a_message():
    fields, _ = message(bytes.fromhex("11 06 05 6162 05 11 06 00"))
    assert [field.value for field in fields] == ["ab", None, "ab"]


def test_reading_resumes_at_another_end():
    data = bytes.fromhex("02 0009 61 11 06 05 6162 11 06 00")
    decoder = Decoder(data, 4)
    decoder.value(0, "cut")
    assert decoder.failed
    decoder.within(len(data))
    assert decoder.value(4, "v").value == "ab"
    assert decoder.value(9, "v").value == "ab"
    assert decoder.failed == ""


def nested(marker: str, levels: int) -> bytes:
    return bytes.fromhex(marker) * levels


@pytest.mark.parametrize(
    "data",
    [
        nested("0a00000001", 1000),
        nested("03000161", 1000),
        nested("0800000000000161", 1000),
        nested("100000000161", 1000),
        nested("0a00000001", 40) + b"\x11" + nested("090301", 1000),
    ],
    ids=["strict arrays", "objects", "ecma arrays", "typed objects", "amf0 around amf3"],
)
def test_nesting_ends_at_the_limit(data):
    field, decoder = decode(data)
    assert decoder.failed == f"nested deeper than {AMF_DEPTH}"
    assert sum(part.kind != "" for part in walk(field)) == AMF_DEPTH + 1
    assert field.end == len(data)
    assert_sane(field, 0, len(data))


def test_nesting_up_to_the_limit_is_read_again_and_again():
    data = nested("0a00000001", AMF_DEPTH) + b"\x05"
    fields, decoder = message(data * 3)
    assert decoder.failed == ""
    assert len(fields) == 3


@pytest.mark.parametrize(
    "spelled", ["0a ffffffff 05 05", "08 ffffffff 000161 05 000162", "0c ffffffff 61", "0f ffffffff 61"]
)
def test_huge_counts_cost_nothing(spelled):
    field, decoder = decode(bytes.fromhex(spelled))
    assert decoder.failed
    assert len(list(walk(field))) < 7


def test_items_of_a_message_are_limited():
    size = AMF_ITEMS + 50
    field, decoder = decode(b"\x0a" + size.to_bytes(4, "big") + b"\x05" * size)
    assert decoder.failed == "more than 100,000 values"
    assert len(field.children) == AMF_ITEMS
    assert [len(bytes(rest.value)) for rest in undecoded(field)] == [51]
    assert field.end == size + 5


def test_plain_gives_what_logic_needs():
    body = {"a": [1, "x", None, True], "b": {}, "c": b"\x0b" + bytes(10), "d": b"\x07\x00\x00", "e": b"\x12"}
    field, _ = decode(encode(body))
    assert plain(field) == {"a": [1.0, "x", None, True], "b": {}, "c": 0.0, "d": None, "e": None}


# --- against another implementation ----------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False),
    TEXT,
    st.just("long " * 20_000),
    st.just(pyamf.Undefined),
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda date: date.replace(microsecond=0)),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(TEXT, inner, max_size=5),
        st.dictionaries(TEXT.filter(lambda key: key and not key.isdigit()), inner, max_size=5).map(pyamf.MixedArray),
    ),
    max_leaves=20,
)


def expected(value: object) -> object:
    """What plain() is to make of a value that Py3AMF encoded."""
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case datetime():
            return (value - datetime(1970, 1, 1)) / timedelta(milliseconds=1)
        case list():
            return [expected(item) for item in value]
        case dict():
            return {name: expected(item) for name, item in value.items()}
    return None if value is pyamf.Undefined else value


@settings(max_examples=200)
@given(st.lists(TREES, min_size=1, max_size=3))
def test_decodes_what_py3amf_encodes(values):
    data = b"".join(pyamf.encode(value, encoding=pyamf.AMF0).getvalue() for value in values)
    fields, decoder = message(data)
    assert decoder.failed == ""
    for field, value in zip(fields, values, strict=True):
        assert plain(field) == expected(value)


def test_resolves_the_references_that_py3amf_writes():
    shared, other = {"a": 1}, [True]
    data = pyamf.encode([shared, other, shared, {"again": other}], encoding=pyamf.AMF0).getvalue()
    field, _ = decode(data)
    assert plain(field) == [{"a": 1.0}, [True], None, {"again": None}]
    references = [(part.value, part.text) for part in walk(field) if part.kind == "reference"]
    places = [child.start for child in field.children[:2]]
    assert references == [(1, f"the object at byte {places[0]}"), (2, f"the strict_array at byte {places[1]}")]


# --- damage ----------------------------------------------------------------------------------------------


def test_damage_never_raises_and_ranges_stay_sane():
    rng = random.Random(7)
    bodies = [bytes.fromhex(spelled) for spelled, _ in CASES.values()]
    bodies.append(
        encode("connect", 1, {"app": "live", "list": [1, {"x": b"\x11\x09\x05\x03a\x01\x01\x04\x01\x06\x00"}]})
    )
    for _ in range(20_000):
        data = damaged(rng, b"".join(rng.sample(bodies, 3)))
        fields, decoder = message(data)
        assert sum(len(list(walk(field))) for field in fields) <= 2 * len(data) + 2
        assert sum(len(undecoded(field)) for field in fields) == (1 if decoder.failed else 0)
