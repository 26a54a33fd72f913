"""AMF3: every marker whole, cut and followed by more; the three reference tables; what attackers try."""

import math
import random
import struct
from datetime import datetime, timedelta

import pyamf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyamf import amf3 as peer
from pyamf import flex
from pyamf.flex import messaging

from rtmpscope.amf.amf0 import plain
from rtmpscope.amf.amf3 import Decoder
from rtmpscope.limits import AMF_DEPTH, AMF_ITEMS, AMF_REPEATED
from rtmpscope.model import Field
from tests.amf_cases import EveryMarker
from tests.fields import all_values, assert_sane, damaged, shape, undecoded, walk


def integers(*values: int) -> list[tuple[str, tuple[str, int]]]:
    return [(f"[{index}]", ("integer", value)) for index, value in enumerate(values)]


def flag(name: str, value: bool) -> tuple[str, tuple[str, bool]]:
    return name, ("display", value)


def flags(value: int) -> tuple[str, tuple[str, int]]:
    return "flags", ("display", value)


NULL = ("amf3_null", None)
ARRAY_COLLECTION = b"flex.messaging.io.ArrayCollection".hex()
OBJECT_PROXY = b"flex.messaging.io.ObjectProxy".hex()

CASES = {
    "undefined": ("00", ("amf3_undefined", None)),
    "null": ("01", NULL),
    "false": ("02", ("amf3_false", False)),
    "true": ("03", ("amf3_true", True)),
    "integer 0": ("04 00", ("integer", 0)),
    "integer 0x7f": ("04 7f", ("integer", 0x7F)),
    "integer 0x80": ("04 8100", ("integer", 0x80)),
    "integer 0x3fff": ("04 ff7f", ("integer", 0x3FFF)),
    "integer 0x4000": ("04 818000", ("integer", 0x4000)),
    "integer 0x1fffff": ("04 ffff7f", ("integer", 0x1FFFFF)),
    "integer 0x200000": ("04 80c08000", ("integer", 0x200000)),
    "integer largest": ("04 bfffffff", ("integer", 2**28 - 1)),
    "integer smallest": ("04 c0808000", ("integer", -(2**28))),
    "integer -1": ("04 ffffffff", ("integer", -1)),
    "double": ("05 3ff8000000000000", ("double", 1.5)),
    "double infinite": ("05 7ff0000000000000", ("double", math.inf)),
    "string": ("06 07 c3a961", ("amf3_string", "éa")),
    "string empty": ("06 01", ("amf3_string", "")),
    "xml document": ("07 09 3c612f3e", ("xml_document", "<a/>")),
    "date": ("08 01 4278bcfe56800000", ("amf3_date", 1.7e12)),
    "array": ("09 05 01 04 01 01", ("array", None, [("[0]", ("integer", 1)), ("[1]", NULL)])),
    "array empty": ("09 01 01", ("array", None)),
    "array associative": ("09 01 03 61 04 01 01", ("array", None, [("a", ("integer", 1))])),
    "array of both parts": ("09 03 03 61 04 01 01 04 02",
        ("array", None, [("a", ("integer", 1)), ("[0]", ("integer", 2))])),
    "object anonymous and dynamic": ("0a 0b 01 03 61 03 01", ("amf3_object", None, [("a", ("amf3_true", True))])),
    "object sealed": ("0a 23 0b 506f696e74 03 78 03 79 04 01 04 02",
        ("amf3_object", "Point", [("x", ("integer", 1)), ("y", ("integer", 2))])),
    "object sealed and dynamic": ("0a 1b 03 50 03 78 04 01 03 7a 01 01",
        ("amf3_object", "P", [("x", ("integer", 1)), ("z", NULL)])),
    "object without members": ("0a 03 03 50", ("amf3_object", "P")),
    "xml": ("0b 09 3c612f3e", ("amf3_xml", "<a/>")),
    "byte array": ("0c 07 00ff10", ("byte_array", b"\x00\xff\x10")),
    "byte array empty": ("0c 01", ("byte_array", b"")),
    "vector int": ("0d 05 00 ffffffff 00000001", ("vector_int", None, [flag("fixed", False), *integers(-1, 1)])),
    "vector uint": ("0e 05 01 ffffffff 00000001",
        ("vector_uint", None, [flag("fixed", True), *integers(2**32 - 1, 1)])),
    "vector double": ("0f 03 01 3ff8000000000000",
        ("vector_double", None, [flag("fixed", True), ("[0]", ("double", 1.5))])),
    "vector object": ("10 05 00 03 50 0a 03 00 01",
        ("vector_object", "P", [flag("fixed", False), ("[0]", ("amf3_object", "P")), ("[1]", NULL)])),
    "vector empty": ("0d 01 00", ("vector_int", None, [flag("fixed", False)])),
    "dictionary": ("11 05 01 06 03 61 04 01 04 02 09 01 01",
        ("dictionary", None, [
            flag("weak_keys", True),
            ("entry", ("", None, [("key", ("amf3_string", "a")), ("value", ("integer", 1))])),
            ("entry", ("", None, [("key", ("integer", 2)), ("value", ("array", None))])),
        ])),
    "string by reference": ("09 07 01 06 05 6162 06 00 06 01", ("array", None,
        [("[0]", ("amf3_string", "ab")), ("[1]", ("amf3_string", "ab")), ("[2]", ("amf3_string", ""))])),
    "traits by reference": ("09 05 01 0a 23 0b 506f696e74 03 78 03 79 04 01 04 02 0a 01 04 03 04 ffffffff",
        ("array", None, [
            ("[0]", ("amf3_object", "Point", [("x", ("integer", 1)), ("y", ("integer", 2))])),
            ("[1]", ("amf3_object", "Point", [("x", ("integer", 3)), ("y", ("integer", -1))])),
        ])),
    "object by reference": ("09 05 01 0a 0b 01 01 0a 02",
        ("array", None, [("[0]", ("amf3_object", None)), ("[1]", ("amf3_reference", 1))])),
    "array collection": (f"0a 07 43 {ARRAY_COLLECTION} 09 03 01 04 05",
        ("external", "flex.messaging.io.ArrayCollection", [("source", ("array", None, integers(5)))])),
    "object proxy": (f"0a 07 3b {OBJECT_PROXY} 0a 0b 01 03 61 04 01 01",
        ("external", "flex.messaging.io.ObjectProxy", [("object", ("amf3_object", None, [("a", ("integer", 1))]))])),
    "async message": ("0a 07 07 445341 81 03 04 05 04 06 04 07 02 04 08",
        ("external", "DSA", [flags(0x81), flags(3), ("body", ("integer", 5)), ("clientIdBytes", ("integer", 6)),
            ("messageIdBytes", ("integer", 7)), flags(2), ("correlationIdBytes", ("integer", 8))])),
    "command message": ("0a 07 07 445343 7e 01 01 01 01 01 01 01 06 03 61 01 04 05",
        ("external", "DSC", [flags(0x7E), ("clientId", NULL), ("destination", NULL), ("headers", NULL),
            ("messageId", NULL), ("timestamp", NULL), ("timeToLive", NULL),
            flags(1), ("correlationId", ("amf3_string", "a")), flags(1), ("operation", ("integer", 5))])),
    "acknowledge message": ("0a 07 07 44534b 00 00 00", ("external", "DSK", [flags(0), flags(0), flags(0)])),
    "small message with flags nobody knows": ("0a 07 07 445341 80 84 01 04 02 04 03 10 04 04",
        ("external", "DSA", [flags(0x80), flags(0x84), flags(1), ("flag_1_2", ("integer", 2)),
            ("flag_2_0", ("integer", 3)), flags(0x10), ("flag_0_4", ("integer", 4))])),
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
        assert field.kind in (kind, "amf3_object", "")
        assert decoder.failed.startswith("the bytes end")
        assert len(undecoded(field)) == 1


def test_range_covers_marker_and_contents_of_each_part():
    data = bytes.fromhex("0a 1b 03 50 03 78 06 05 6162 03 7a 01 01")
    field, _ = decode(data)
    assert [data[child.start : child.end].hex() for child in field.children] == ["06056162", "01"]


def test_values_after_bytes_and_xml_are_read():
    field, decoder = decode(bytes.fromhex("09 09 01 0c 03 aa 0b 03 61 07 03 62 04 07"))
    assert plain(field) == [b"\xaa", "a", "b", 7]
    assert decoder.failed == ""


@pytest.mark.parametrize(
    ("spelled", "why"),
    [
        ("12", "unknown AMF3 marker 0x12"),
        ("ff", "unknown AMF3 marker 0xff"),
        ("0a 05", "reference to traits 1, which this message does not have"),
        ("0a 07 03 58", "an externalizable class with a format of its own"),
    ],
)
def test_what_cannot_be_read_stops_and_keeps_the_rest(spelled, why):
    data = bytes.fromhex("09 07 01 0a 03 01" + spelled) + b"rest"
    field, decoder = decode(data)
    assert decoder.failed == why
    assert field.end == len(data)
    (rest,) = undecoded(field)
    assert (rest.text, rest.end) == (why, len(data))
    assert bytes(rest.value).endswith(b"rest")


def test_unknown_external_class_is_named():
    field, _ = decode(bytes.fromhex("0a 07 03 58") + b"rest")
    assert shape(field) == ("external", "X", [("undecoded", ("", b"rest"))])


def test_strings_enter_the_table_wherever_they_stand():
    """Class names, sealed names, dynamic names, keys and type names count; the empty string does not."""
    data = "09 13 03 6b 01 01  0a 1b 03 43 03 73 01 03 64 01 01  10 01 00 03 74  06 01"
    field, _ = decode(bytes.fromhex(data + "06 00 06 02 06 04 06 06 06 08 06 0a"))
    strings = [part.value for part in walk(field) if part.kind == "amf3_string"]
    assert strings == ["", "k", "C", "s", "d", "t", "invalid reference 5"]


def test_objects_enter_the_table_wherever_they_stand():
    """Array, date, xml, bytes, vectors, dictionary, object and externalizable count, a container before its parts."""
    parts = [
        "0a 0b 01 01", "08 01 0000000000000000", "07 03 61", "0b 03 61", "0c 01", "0d 01 00", "0e 01 00", "0f 01 00",
        "10 01 00 01", "11 01 00", f"0a 07 43 {ARRAY_COLLECTION} 09 01 01",
    ]  # fmt: skip
    references = [f"0a {index << 1:02x}" for index in range(14)]
    field, decoder = decode(bytes.fromhex("09 33 01" + "".join(parts) + "".join(references)))
    assert decoder.failed == ""
    found = [child for child in field.children if child.kind == "amf3_reference"]
    assert [child.value for child in found] == list(range(14))
    targets = [field, *field.children[:11], field.children[10].children[0]]
    assert [child.text for child in found] == [f"the {target.kind} at byte {target.start}" for target in targets] + [
        "no such object in this message"
    ]


def test_object_that_contains_itself_ends():
    field, decoder = decode(bytes.fromhex("0a 0b 01 03 61 0a 00 01"))
    assert decoder.failed == ""
    assert shape(field) == ("amf3_object", None, [("a", ("amf3_reference", 0))])


def test_string_reference_to_nothing_is_said_and_reading_goes_on():
    field, decoder = decode(bytes.fromhex("09 05 01 06 0e 04 07"))
    assert decoder.failed == ""
    assert (field.children[0].value, field.children[0].text) == (
        "invalid reference 7",
        "no such string in this message",
    )
    assert field.children[1].value == 7


def test_text_that_is_not_utf8_is_escaped_and_said_each_time():
    field, _ = decode(bytes.fromhex("09 05 01 06 05 61ff 06 00"))
    assert [(child.value, child.text) for child in field.children] == [("a\\xff", "not valid UTF-8")] * 2
    field, _ = decode(bytes.fromhex("0a 1b 03 fe 03 ff 01 03 fd 01 01"))
    assert (field.value, field.text) == ("\\xfe", "not valid UTF-8")
    assert [(child.name, child.text) for child in field.children] == [
        ("\\xff", "name: not valid UTF-8"),
        ("\\xfd", "name: not valid UTF-8"),
    ]


def test_date_in_words_for_any_double():
    assert decode(bytes.fromhex("08 01 4278bcfe56800000"))[0].text == "2023-11-14 22:13:20.000 UTC"
    for milliseconds in (math.nan, math.inf, 1e300, -1e300):
        field, decoder = decode(b"\x08\x01" + struct.pack(">d", milliseconds))
        assert (field.text, decoder.failed) == ("not a date", "")


@pytest.mark.parametrize(
    "level", ["09 03 01", "09 01 03 61", "0a 0b 01 03 61", "0a 13 01 03 61", "10 03 00 01", "11 03 00 01"]
)
def test_nesting_ends_at_the_limit(level):
    data = bytes.fromhex(level) * 1000
    field, decoder = decode(data)
    assert decoder.failed == f"nested deeper than {AMF_DEPTH}"
    containers = [part for part in walk(field) if part.kind not in ("", "display", "amf3_null")]
    assert len(containers) == AMF_DEPTH + 1
    assert field.end == len(data)
    assert_sane(field, 0, len(data))


def test_nesting_up_to_the_limit_is_read_again_and_again():
    fields, decoder = message((bytes.fromhex("09 03 01") * AMF_DEPTH + b"\x01") * 3)
    assert decoder.failed == ""
    assert len(fields) == 3


@pytest.mark.parametrize(
    "spelled",
    [
        "06 ffffffff 61",
        "07 ffffffff 61",
        "09 ffffffff 01 01",
        "0a ffffffff 03 50",
        "0a fffffff3 03 50 03 61 04",
        "0c ffffffff 61",
        "0d ffffffff 00 00000000",
        "0e ffffffff 00 00000000",
        "0f ffffffff 00 0000000000000000",
        "10 ffffffff 00 01 01",
        "11 ffffffff 00 01 01",
    ],
)
def test_huge_counts_cost_nothing(spelled):
    field, decoder = decode(bytes.fromhex(spelled))
    assert decoder.failed
    assert len(list(walk(field))) < 10


def u29(value: int) -> bytes:
    assert 0x200000 <= value < 2**29
    return bytes([0x80 | value >> 22, 0x80 | value >> 15 & 0x7F, 0x80 | value >> 8 & 0x7F, value & 0xFF])


MANY = 2**20 + 50  # values, more than AMF_ITEMS and enough to need the longest U29
ARRAY_OF_MANY = b"\x09" + u29(MANY << 1 | 1) + b"\x01"
LONG_TEXT = u29(2**21 << 1 | 1) + b"s" * 2**21


@pytest.mark.parametrize(
    "data",
    [
        ARRAY_OF_MANY + b"\x01" * MANY,
        b"\x09\x01" + b"\x03a\x01" + b"\x00\x01" * MANY + b"\x01",
        b"\x0a\x0b\x01" + b"\x03a\x01" + b"\x00\x01" * MANY + b"\x01",
        b"\x0a" + u29(MANY << 4 | 3) + b"\x01" + b"\x01" * MANY,
        b"\x0d" + u29(MANY << 1 | 1) + b"\x00" + bytes(4 * MANY),
        b"\x10" + u29(MANY << 1 | 1) + b"\x00\x01" + b"\x01" * MANY,
        b"\x11" + u29(MANY << 1 | 1) + b"\x00" + b"\x01" * 2 * MANY,
    ],
    ids=["array", "keys", "dynamic", "sealed names", "vector int", "vector object", "dictionary"],
)
def test_items_of_a_message_are_limited(data):
    field, decoder = decode(data)
    assert decoder.failed == "more than 100,000 values"
    assert sum(1 for _ in walk(field)) <= 1.5 * AMF_ITEMS + 10
    assert field.end == len(data)


def test_arrays_that_reference_arrays_stay_as_small_as_they_were_sent():
    """Each of 30 arrays holds the one before it twice: a billion values for who expands them."""
    data = b"\x09\x3f\x01" + b"\x09\x01\x01"
    data += b"".join(b"\x09\x05\x01" + bytes([9, level << 1, 9, level << 1]) for level in range(1, 31))
    field, decoder = decode(data)
    assert decoder.failed == ""
    assert len(list(walk(field))) == 1 + 31 + 60


@pytest.mark.parametrize(
    "data",
    [
        ARRAY_OF_MANY + b"\x06" + LONG_TEXT + b"\x06\x00" * 1000,
        b"\x09\x01" + LONG_TEXT + b"\x01" + b"\x00\x01" * 1000,
        ARRAY_OF_MANY + b"\x0a\x03" + LONG_TEXT + b"\x0a\x01" * 1000,
        ARRAY_OF_MANY + b"\x0a\x13\x01" + LONG_TEXT + b"\x01" + b"\x0a\x01\x01" * 1000,
    ],
    ids=["strings", "keys", "class names", "sealed names"],
)
def test_text_that_references_repeat_is_limited(data):
    field, decoder = decode(data)
    assert decoder.failed == f"references repeat more than {AMF_REPEATED:,} characters"
    texts = [text for part in walk(field) for text in (part.name, part.value) if isinstance(text, str)]
    assert sum(map(len, texts)) < AMF_REPEATED + 2**21 + 10_000


# --- against another implementation ----------------------------------------------------------------------


class Point:
    """Sealed members, no dynamic ones."""

    class __amf__:
        static = ("x", "y")
        dynamic = False

    def __init__(self, x: object = None, y: object = None) -> None:
        self.x = x
        self.y = y


pyamf.register_class(Point, "test.Point")

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KEYS = TEXT.filter(lambda key: key and not key.isdigit())
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.integers(-(2**29), 2**29),
    st.floats(allow_nan=False),
    TEXT,
    st.just(pyamf.Undefined),
    st.binary(max_size=20).map(peer.ByteArray),
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda date: date.replace(microsecond=0)),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(KEYS, inner, max_size=5),
        st.dictionaries(KEYS, inner, min_size=1, max_size=5).map(pyamf.MixedArray),
        st.tuples(inner, inner).map(lambda pair: Point(*pair)),
        st.lists(inner, max_size=3).map(flex.ArrayCollection),
        st.dictionaries(KEYS, inner, max_size=3).map(flex.ObjectProxy),
        st.tuples(inner, KEYS).map(lambda pair: messaging.CommandMessageExt(body=[pair[0]], correlationId=pair[1])),
    ),
    max_leaves=20,
)


def expected(value: object) -> object:
    """What plain() is to make of a value that Py3AMF encoded."""
    match value:
        case peer.ByteArray():
            return value.getvalue()
        case datetime():
            return (value - datetime(1970, 1, 1)) / timedelta(milliseconds=1)
        case Point():
            return {"x": expected(value.x), "y": expected(value.y)}
        case flex.ArrayCollection():
            return {"source": [expected(item) for item in value]}
        case flex.ObjectProxy():
            return {"object": expected(value._amf_object)}
        case messaging.CommandMessageExt():
            return {"body": expected(value.body), "correlationId": value.correlationId}
        case list():
            return [expected(item) for item in value]
        case dict():
            return {name: expected(item) for name, item in value.items()}
    return None if value is pyamf.Undefined else value


@settings(max_examples=200)
@given(TREES)
def test_decodes_what_py3amf_encodes(value):
    data = pyamf.encode(value, encoding=pyamf.AMF3).getvalue()
    field, decoder = decode(data)
    assert decoder.failed == ""
    assert field.end == len(data)
    assert plain(field) == expected(value)


def test_resolves_the_references_that_py3amf_writes():
    shared, when, octets = {"a": "text"}, datetime(2020, 1, 2), peer.ByteArray(b"abc")
    values = [shared, when, octets, Point("text", shared), when, octets, shared, "text"]
    field, _ = decode(pyamf.encode(values, encoding=pyamf.AMF3).getvalue())
    references = {part.start: part.text for part in walk(field) if part.kind == "amf3_reference"}
    first = [f"the {child.kind} at byte {child.start}" for child in field.children]
    again = [field.children[3].children[1], *field.children[4:7]]
    assert [references[part.start] for part in again] == [first[0], first[1], first[2], first[0]]
    assert field.children[3].get("x") == field.children[7].value == "text"


# --- damage ----------------------------------------------------------------------------------------------


def test_damage_never_raises_and_ranges_stay_sane():
    rng = random.Random(7)
    bodies = [bytes.fromhex(spelled) for spelled, _ in CASES.values()]
    for _ in range(20_000):
        fields, decoder = message(data := damaged(rng, b"".join(rng.sample(bodies, 3))))
        assert sum(len(list(walk(field))) for field in fields) <= 2 * len(data) + 2
        assert sum(len(undecoded(field)) for field in fields) == (1 if decoder.failed else 0)
