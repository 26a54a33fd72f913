"""Field trees as JSON text, each kind of value by its line in one table.

What JSON has, it gets: text, numbers, booleans, null, objects, lists.  What it lacks becomes an object with one
key that begins with "$" (the schema beside this module lists them), so a key of the wire that begins with "$" is
written with "$$".  Fields of kind "display" are for the screen and left out.  The text that comes out is strict
JSON for any input: no NaN, no Infinity, no lone surrogate, no key twice; and no character a terminal would obey.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from json.encoder import encode_basestring, encode_basestring_ascii
from math import isfinite
from typing import Final

from rtmpscope.amf.reader import NOT_UTF8
from rtmpscope.limits import JSON_BYTES
from rtmpscope.model import Field
from rtmpscope.text import printable

SAFE_INTEGER: Final = 1 << 53  # beyond it readers that keep numbers as doubles lose digits

_EPOCH: Final = datetime(1970, 1, 1)


def quoted(text: str) -> str:
    """A JSON string; readable where that is safe, else in ASCII escapes."""
    if text.isascii():
        return encode_basestring_ascii(text).replace("\x7f", "\\u007f")
    if printable(text) == text:
        return encode_basestring(text)
    return encode_basestring_ascii(text.encode("utf-8", "backslashreplace").decode()).replace("\x7f", "\\u007f")


def integer(value: int) -> str:
    """A number where any reader keeps all of its digits, else text."""
    return str(value) if -SAFE_INTEGER <= value <= SAFE_INTEGER else f'"{value}"'


def number(value: float) -> str:
    """A double; a whole one without its ".0", NaN and the infinities under $number."""
    if not isfinite(value):
        name = "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
        return f'{{"$number":"{name}"}}'
    if value.is_integer() and -SAFE_INTEGER <= value <= SAFE_INTEGER and (value or str(value) == "0.0"):
        return str(int(value))
    return repr(value)


def octets(data: bytes) -> str:
    """The first bytes as hex digits, and how many there are."""
    return f'{{"$bytes":"{data[:JSON_BYTES].hex()}","length":{len(data)}}}'


def scalar(value: object) -> str:
    """A value without parts, whatever field it is of."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return integer(value)
        case float():
            return number(value)
        case str():
            return quoted(value)
        case bytes():
            return octets(value)
    return quoted(str(value))


def value(field: Field) -> str:
    """The field's value and what is below it, without its name."""
    container = _CONTAINERS.get(field.kind)
    if container is not None:
        return container(field)
    if field.value is None and field.children:  # a group, or a value that was cut short
        return members(field.children)
    leaf = _LEAVES.get(field.kind)
    return scalar(field.value) if leaf is None else leaf(field)


def members(children: Iterable[Field]) -> str:
    """An object of the children; as a list of pairs under $pairs where two have the same name."""
    pairs = [(quoted(_key(child)), value(child)) for child in children if child.kind != "display"]
    if len({key for key, _ in pairs}) < len(pairs):
        return '{"$pairs":[' + ",".join([f"[{key},{text}]" for key, text in pairs]) + "]}"
    return "{" + ",".join([f"{key}:{text}" for key, text in pairs]) + "}"


def items(children: Iterable[Field]) -> str:
    """A list of the children; what could not be decoded stands at its end as an object with that one key."""
    return "[" + ",".join([_item(child) for child in children if child.kind != "display"]) + "]"


def _undecoded(field: Field) -> bool:
    return field.name == "undecoded" and field.kind in ("", "redacted")


def _key(field: Field) -> str:
    if _undecoded(field):
        return "$undecoded"
    return "$" + field.name if field.name.startswith("$") else field.name


def _item(field: Field) -> str:
    return f'{{"$undecoded":{value(field)}}}' if _undecoded(field) else value(field)


def _plain(field: Field) -> str:
    """The text of a field says so where a string was not valid UTF-8."""
    if isinstance(field.value, str) and field.text.startswith(NOT_UTF8):
        return f'{{"$string":{quoted(field.value)},"utf8":false}}'
    return scalar(field.value)


def _reference(field: Field) -> str:
    return f'{{"$ref":{scalar(field.value)}}}'


def _xml(field: Field) -> str:
    return f'{{"$xml":{scalar(field.value)}}}'


def _constant(text: str) -> Callable[[Field], str]:
    return lambda field: text


def _date(field: Field) -> str:
    """ISO 8601 in UTC; the milliseconds themselves where no calendar holds them."""
    milliseconds = field.value
    if not isinstance(milliseconds, float):
        return scalar(milliseconds)
    try:
        moment = quoted((_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds") + "Z")
    except (OverflowError, ValueError):
        moment = number(milliseconds)
    zone = field.get("time_zone")
    return f'{{"$date":{moment},"tz":{zone}}}' if isinstance(zone, int) else f'{{"$date":{moment}}}'


def _array(field: Field) -> str:
    """An AMF3 array: a list, or both parts of it where it has keys; the dense part comes last, its names counted."""
    shown = [child for child in field.children if child.kind != "display"]
    size = len(shown) - 1 if shown and _undecoded(shown[-1]) else len(shown)
    dense = 0
    if size and shown[size - 1].name[:1] == "[" and shown[size - 1].name[1:-1].isdecimal():
        dense = min(int(shown[size - 1].name[1:-1]) + 1, size)
    if dense == size:
        return items(shown)
    return f'{{"$ecma":{members(shown[: size - dense])},"$dense":{items(shown[size - dense :])}}}'


def _entry(field: Field) -> str:
    return items(field.children) if field.name == "entry" else _item(field)


def _dictionary(field: Field) -> str:
    return '{"$dictionary":[' + ",".join([_entry(child) for child in field.children if child.kind != "display"]) + "]}"


def _object(field: Field) -> str:
    if isinstance(field.value, str):
        return f'{{"$type":{quoted(field.value)},"value":{members(field.children)}}}'
    return members(field.children)


def _vector(element: str) -> Callable[[Field], str]:
    return lambda field: f'{{"$vector":"{element}","value":{items(field.children)}}}'


def _vector_of_objects(field: Field) -> str:
    return f'{{"$vector":"object","type":{quoted(str(field.value or ""))},"value":{items(field.children)}}}'


_LEAVES: Final[dict[str, Callable[[Field], str]]] = {
    "": _plain,
    "redacted": lambda field: f'{{"$redacted":{scalar(field.value)}}}',
    "string": _plain,
    "long_string": _plain,
    "undefined": _constant('{"$undefined":true}'),
    "reference": _reference,
    "date": _date,
    "xml": _xml,
    "unsupported": _constant('{"$unsupported":"unsupported"}'),
    "movieclip": _constant('{"$unsupported":"movieclip"}'),
    "recordset": _constant('{"$unsupported":"recordset"}'),
    "amf3_undefined": _constant('{"$undefined":true}'),
    "amf3_string": _plain,
    "amf3_date": _date,
    "amf3_reference": _reference,
    "amf3_xml": _xml,
    "xml_document": _xml,
}
_CONTAINERS: Final[dict[str, Callable[[Field], str]]] = {
    "list": lambda field: items(field.children),
    "object": _object,
    "typed_object": _object,
    "ecma_array": lambda field: f'{{"$ecma":{members(field.children)}}}',
    "strict_array": lambda field: items(field.children),
    "array": _array,
    "amf3_object": _object,
    "vector_int": _vector("int"),
    "vector_uint": _vector("uint"),
    "vector_double": _vector("double"),
    "vector_object": _vector_of_objects,
    "dictionary": _dictionary,
    "external": lambda field: f'{{"$external":{quoted(str(field.value))},"value":{members(field.children)}}}',
}
