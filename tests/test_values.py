"""Field trees as JSON: each kind of value as the schema says, and strict JSON for any input."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpscope.amf import amf0, amf3
from rtmpscope.export import values
from rtmpscope.model import Field
from rtmpscope.text import printable
from tests.strict import check, parse
from tests.wire import Ecma, Undefined
from tests.wire import amf0 as encode


def written(field: Field) -> Any:
    value = parse(values.value(field))
    check(value, "value")
    return value


def decoded(data: bytes) -> Any:
    """What becomes of one AMF0 value on the wire."""
    return written(amf0.Decoder(data, len(data)).value(0, "value"))


def decoded3(data: bytes) -> Any:
    return written(amf3.Decoder(data, len(data)).value(0, "value"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1280.0, 1280),
        (0.0, 0),
        (-2.5, -2.5),
        (1e300, 1e300),
        (2.0**60, 2.0**60),
        (math.nan, {"$number": "NaN"}),
        (math.inf, {"$number": "Infinity"}),
        (-math.inf, {"$number": "-Infinity"}),
        (True, True),
        ("live", "live"),
        (None, None),
        (Undefined(), {"$undefined": True}),
        ({"a": {"b": 1.0}}, {"a": {"b": 1}}),
        (Ecma({"width": 2.0}), {"$ecma": {"width": 2}}),
        ([1.0, "x"], [1, "x"]),
        ({}, {}),
        ([], []),
    ],
)
def test_amf0_value_becomes_json(value: object, expected: object) -> None:
    assert decoded(encode(value)) == expected


def test_negative_zero_keeps_its_sign() -> None:
    assert math.copysign(1, decoded(encode(-0.0))) == -1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0b 42 78 bc fe 56 80 00 00 00 00", {"$date": "2023-11-14T22:13:20.000Z", "tz": 0}),
        ("0b 7f f8 00 00 00 00 00 00 ff c4", {"$date": {"$number": "NaN"}, "tz": -60}),
        ("0b 7e 37 e4 3c 88 00 75 9c 00 00", {"$date": 1e300, "tz": 0}),
        ("0f 00 00 00 04 3c 61 2f 3e", {"$xml": "<a/>"}),
        ("10 00 01 43 00 01 61 05 00 00 09", {"$type": "C", "value": {"a": None}}),
        ("0d", {"$unsupported": "unsupported"}),
        ("22 7f ff ff ff ff ff ff ff", "9223372036854775807"),
        ("03 00 01 61 03 00 00 09 00 01 62 07 00 01 00 00 09", {"a": {}, "b": {"$ref": 1}}),
        ("03 00 04 24 72 65 66 05 00 00 09", {"$$ref": None}),
        ("03 00 01 61 05 00 01 62 05 00 01 61 01 01 00 00 09", {"$pairs": [["a", None], ["b", None], ["a", True]]}),
        ("08 00 00 00 02 00 01 61 05 00 01 61 05 00 00 09", {"$ecma": {"$pairs": [["a", None], ["a", None]]}}),
        ("02 00 03 61 ff 62", {"$string": "a\\xffb", "utf8": False}),
        ("02 00 03 ed a0 80", {"$string": "\\xed\\xa0\\x80", "utf8": False}),
        ("02 00 09 61", {"$undecoded": {"$bytes": "02000961", "length": 4}}),
        ("03 00 01 61 02 00 09", {"a": {"$undecoded": {"$bytes": "020009", "length": 3}}}),
        ("03 00 09 75 6e 64 65 63 6f 64 65 64 05 00 00 09", {"undecoded": None}),
        ("0a 00 00 00 02 05 44", [None, {"$undecoded": {"$bytes": "44", "length": 1}}]),
    ],
)
def test_rare_amf0_value_becomes_an_object_with_a_dollar_key(data: str, expected: object) -> None:
    assert decoded(bytes.fromhex(data)) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("04 ff ff ff ff", -1),
        ("0c 05 01 02", {"$bytes": "0102", "length": 2}),
        ("09 05 01 04 01 04 02", [1, 2]),
        ("09 03 03 61 04 01 01 04 02", {"$ecma": {"a": 1}, "$dense": [2]}),
        ("09 01 03 61 04 01 01", {"$ecma": {"a": 1}, "$dense": []}),
        ("0a 0b 01 03 61 03 01", {"a": True}),
        ("0a 13 03 43 03 78 04 01", {"$type": "C", "value": {"x": 1}}),
        (
            "0a 07 43 66 6c 65 78 2e 6d 65 73 73 61 67 69 6e 67 2e 69 6f 2e 41 72 72 61 79 43 6f 6c 6c 65 63"
            "74 69 6f 6e"
            "09 03 01 04 05",
            {"$external": "flex.messaging.io.ArrayCollection", "value": {"source": [5]}},
        ),
        ("0d 03 00 ff ff ff fe", {"$vector": "int", "value": [-2]}),
        ("0e 03 01 ff ff ff fe", {"$vector": "uint", "value": [4294967294]}),
        ("0f 03 00 7f f8 00 00 00 00 00 00", {"$vector": "double", "value": [{"$number": "NaN"}]}),
        ("10 03 00 03 54 0a 0b 01 01", {"$vector": "object", "type": "T", "value": [{}]}),
        ("11 03 00 06 03 6b 04 01", {"$dictionary": [["k", 1]]}),
        ("08 01 42 78 bc fe 56 80 00 00", {"$date": "2023-11-14T22:13:20.000Z"}),
        ("07 07 3c 61 3e", {"$xml": "<a>"}),
        ("0b 07 3c 61 3e", {"$xml": "<a>"}),
        ("00", {"$undefined": True}),
        ("01", None),
        ("02", False),
    ],
)
def test_amf3_value_becomes_json(data: str, expected: object) -> None:
    assert decoded3(bytes.fromhex(data)) == expected


def test_long_bytes_are_cut_and_their_length_kept() -> None:
    assert written(Field("undecoded", bytes(10_000))) == {"$bytes": "00" * 4096, "length": 10_000}


def test_display_fields_are_left_out() -> None:
    group = Field("video", children=[Field("codec", "h264"), Field("reserved", 3, kind="display")])
    assert written(group) == {"codec": "h264"}


def test_withheld_bytes_say_how_many() -> None:
    group = Field("command", children=[Field("undecoded", 12, kind="redacted")])
    assert written(group) == {"$undecoded": {"$redacted": 12}}


@pytest.mark.parametrize("hostile", ["\x1b]0;title\x07", "\x9b31m", "\u202eevil", "a\u200bb", "\x7f", "\u2028"])
def test_no_character_that_a_terminal_obeys_is_written(hostile: str) -> None:
    text = values.quoted(f"stream {hostile} é")
    assert printable(text) == text
    assert parse(text) == f"stream {hostile} é"


def test_ordinary_letters_of_any_script_stay_readable() -> None:
    assert values.quoted("直播 été") == '"直播 été"'


def test_lone_surrogate_is_spelled_out() -> None:
    assert parse(values.quoted("a\ud800b")) == "a\\ud800b"


@given(st.text(alphabet=st.characters()))
def test_any_text_survives(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert parse(values.quoted(text)) == text


@given(st.binary(max_size=200))
def test_any_bytes_give_strict_json_that_the_schema_knows(data: bytes) -> None:
    decoded(data)
    decoded3(data)
