"""Strict reading of JSON, for every test that reads some: what a careful parser in another language would refuse."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator


def parse(text: str) -> Any:
    """The value; no NaN, no Infinity, no lone surrogate, no key twice, no integer that doubles cannot hold."""
    value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse, parse_int=_integer)
    text.encode("utf-8")
    _refuse_surrogates(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    assert len(found) == len(pairs), f"a key twice: {[key for key, _ in pairs]}"
    return found


def _refuse(constant: str) -> None:
    raise AssertionError(f"not JSON: {constant}")


def _integer(digits: str) -> int:
    assert abs(int(digits)) <= 2**53, f"more than a double holds: {digits}"
    return int(digits)


def _refuse_surrogates(value: Any) -> None:
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, dict):
        for key, item in value.items():
            key.encode("utf-8")
            _refuse_surrogates(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_surrogates(item)


@cache
def schema() -> dict[str, Any]:
    text = resources.files("rtmpscope.export").joinpath("schema/trace-1.schema.json").read_text("utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


@cache
def validator(part: str = "") -> Draft202012Validator:
    """Of whole records, or of one definition of the schema."""
    if not part:
        return Draft202012Validator(schema())
    return Draft202012Validator({"$ref": f"#/$defs/{part}", "$defs": schema()["$defs"]})


def check(record: Any, part: str = "") -> None:
    """Fail unless the record is as the published schema says."""
    error = next(iter(sorted(validator(part).iter_errors(record), key=lambda error: len(error.path))), None)
    assert error is None, f"{list(error.absolute_path)}: {error.message[:500]}" if error else ""
