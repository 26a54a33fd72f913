"""One line that says what a message is about, for the timeline, the text output and the trace.

The line is made of the body's fields and of facts of the message, never of the payload, so a redacted body gives a
redacted line.  Text from the wire stands in single quotes, cut in the middle where it is long, unless it cannot be
mistaken for anything else; control characters are left for `rtmpscope.text.printable`.  Two spaces separate what
does not belong together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from rtmpscope.model import UNKNOWN, Field, Message
from rtmpscope.rtmp import commands, shared_objects, user_control
from rtmpscope.rtmp.messages import LIMIT_TYPES, type_slug
from rtmpscope.text import elided

TEXT: Final = 48  # characters of one text
REASON: Final = 120  # of the server's words for an error, whose middle may be what matters
ITEMS: Final = 6  # arguments, properties or events
OCTETS: Final = 16

_WORD: Final = re.compile(r"[^\s'\"(),]+").fullmatch  # what can stand without quotes
_OBJECTS: Final = frozenset({"object", "ecma_array", "typed_object", "amf3_object", "external", "dictionary"})
_LISTS: Final = frozenset({"strict_array", "array", "vector_int", "vector_uint", "vector_double", "vector_object"})
_WORDS: Final = {"undefined": "undefined", "amf3_undefined": "undefined"}
_AS_TEXT: Final = frozenset({"date", "amf3_date", "reference", "amf3_reference"})  # their meaning says it best


def summarize(message: Message, body: Field) -> str:
    """The message in one line; `body` is its decoded body, redacted or not."""
    return _joined(_LINES.get(body.name, _other)(message, body), _missing(message))


def _joined(*parts: str) -> str:
    return "  ".join([part for part in parts if part])


def _missing(message: Message) -> str:
    """What the message lacks, and where its first hole is unless that is its end."""
    captured, length = message.captured, message.length
    if message.aborted:
        return f"aborted after {captured:,} of {length:,} bytes"
    if captured >= length:
        return ""
    text = f"{captured:,} of {length:,} bytes captured"
    if message.holes and message.holes[0][0] < captured:
        at, size = message.holes[0]
        text += f", {size:,} bytes missing at {at:,}"
    return text


# --- values ----------------------------------------------------------------------------------------------------


def quoted(text: str, limit: int = TEXT) -> str:
    """Text of the wire in single quotes."""
    return "'" + elided(text, limit).replace("'", "\\'") + "'"


def word(value: object) -> str:
    """Text of the wire that is one word, as it stands; any other in quotes."""
    text = str(value)
    return elided(text, TEXT) if _WORD(text) else quoted(text)


def shown(field: Field) -> str:
    """A value in as few characters as say what it is."""
    value = field.value
    if field.kind in _OBJECTS:
        return f"{{{len(field.children)}}}"
    if field.kind in _LISTS:
        return f"[{len(field.children)}]"
    if field.kind in _AS_TEXT:
        return field.text
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _WORDS.get(field.kind, "null") if value is None else str(value)


def _listed(fields: list[Field]) -> str:
    texts = [shown(field) for field in fields[:ITEMS]]
    if len(fields) > ITEMS:
        texts.append("…")
    return ", ".join(texts)


def _children(body: Field, name: str) -> list[Field]:
    field = body.child(name)
    return [] if field is None else field.children


def _number(body: Field, name: str) -> int:
    value = body.get(name)
    return value if isinstance(value, int) else UNKNOWN


# --- control -----------------------------------------------------------------------------------------------------


def _other(message: Message, body: Field) -> str:
    """A body that could not be read: why, unless it is that the bytes are missing, and the first of its bytes."""
    field = body.child("undecoded")
    if field is None:
        return body.text
    why = field.text if message.captured >= message.length else ""
    data = field.value
    if not isinstance(data, bytes):
        return _joined(why, "" if data is None else str(data))
    return _joined(why, data[:OCTETS].hex(" ") + ("…" if len(data) > OCTETS else ""))


def _set_chunk_size(message: Message, body: Field) -> str:
    size, field = _number(body, "chunk_size"), body.child("chunk_size")
    if field is None or size < 0:
        return _other(message, body)
    return f"{size:,} bytes{', ' if field.text else ''}{field.text}"


def _window_ack_size(message: Message, body: Field) -> str:
    size = _number(body, "window_size")
    return _other(message, body) if size < 0 else f"{size:,} bytes"


def _event_name(names: dict[str, str], slug: str) -> str:
    return names.get(slug) or slug.replace("unknown_", "unknown event ")


def _acknowledgement(message: Message, body: Field) -> str:
    number = _number(body, "sequence_number")
    return _other(message, body) if number < 0 else f"{number:,} bytes received"


def _abort(message: Message, body: Field) -> str:
    csid = _number(body, "csid")
    return _other(message, body) if csid < 0 else f"csid {csid}"


def _set_peer_bandwidth(message: Message, body: Field) -> str:
    size, limit_type = _number(body, "window_size"), _number(body, "limit_type")
    if size < 0:
        return _other(message, body)
    if limit_type < 0:
        return f"{size:,} bytes, no limit type"
    limit, _ = LIMIT_TYPES.get(limit_type, (f"limit type {limit_type}", ""))
    return f"{size:,} bytes, {limit}"


def _user_control(message: Message, body: Field) -> str:
    event = body.get("event")
    if not isinstance(event, str):
        return _other(message, body)
    parts = [_event_name(user_control.NAMES, event)]
    stream = _number(body, "message_stream_id")
    if stream >= 0:
        parts.append(f"stream {stream}")
    for name in ("buffer_length", "timestamp"):
        milliseconds = _number(body, name)
        if milliseconds >= 0:
            parts.append(f"{milliseconds:,} ms")
    return ", ".join(parts)


# --- commands and data -----------------------------------------------------------------------------------------


def _command(message: Message, body: Field) -> str:
    name = body.get("name")
    if not isinstance(name, str):
        return _other(message, body)
    arguments = _children(body, "arguments")
    answers = message.call is not None and message.call.request != message.number
    if answers or name in ("_result", "_error") or commands.information(body) is not None:
        return _joined(word(name) + _asked(message, body), _answer(message, body, arguments), _latency(message))
    if name == "connect":
        return _connect(body, arguments)
    return f"{word(name)}({_listed(arguments)})"


def _connect(body: Field, arguments: list[Field]) -> str:
    properties = body.child("command_object")
    if properties is None:
        return "connect()"
    app, url = properties.child("app"), properties.child("tcUrl")
    line = f"connect({_listed(arguments if app is None else [app, *arguments])})"
    return line if url is None else f"{line} tcUrl {word(url.value)}"


def _asked(message: Message, body: Field) -> str:
    """What an answer answers: the number of that message, or a transaction that was not seen to begin."""
    call = message.call
    if call is not None and call.request != message.number:
        return f" → {call.request:,}"
    transaction = body.child("transaction_id")
    return f" to transaction {shown(transaction)}" if transaction is not None and transaction.value else ""


def _answer(message: Message, body: Field, arguments: list[Field]) -> str:
    information = commands.information(body)
    if information is not None:
        return _status(body, information)
    call = message.call
    values = [field for field in arguments if field.value is not None or field.children]
    if call is not None and call.name == "createStream" and len(values) == 1:
        return f"stream {shown(values[0])}"
    return _listed(values)


def _status(body: Field, information: Field) -> str:
    """The code; the level unless it is the usual one; for an error the server's own words, for a new address that."""
    code, level = word(information.get("code")), information.get("level")
    if commands.is_error(body):
        reason = information.get("description")
        said = code if body.get("name") == "_error" else f"{code} (error)"
        return _joined(said, quoted(reason, REASON) if isinstance(reason, str) and reason else "")
    if isinstance(level, str) and level.lower() != "status":
        return f"{code} ({word(level)})"
    url = information.get("tcUrl")
    return f"{code}  tcUrl {word(url)}" if isinstance(url, str) else code


def _latency(message: Message) -> str:
    call = message.call
    if call is None or call.answer != message.number:
        return ""
    nanoseconds = call.latency_ns
    if abs(nanoseconds) < 1_000_000_000:
        return f"{nanoseconds / 1e6:+.1f} ms"
    return f"{nanoseconds / 1e9:+.2f} s"


def _data(message: Message, body: Field) -> str:
    name = body.get("name")
    if not isinstance(name, str):
        return _other(message, body)
    arguments = _children(body, "arguments")
    for field in arguments:
        if field.name == "metadata" and field.children:
            handler = [argument for argument in arguments if argument.name == "handler"]
            return _joined(word(name) + "".join(f" {word(each.value)}" for each in handler), *_metadata(field))
    information = commands.information(body)
    if information is not None:
        return _joined(word(name), _status(body, information))
    return f"{word(name)}({_listed(arguments)})"


def _metadata(metadata: Field) -> list[str]:
    """Picture, sound and encoder, as far as the metadata names them."""
    parts: list[str] = []
    width, height, rate = metadata.child("width"), metadata.child("height"), metadata.child("framerate")
    if width is not None and height is not None:
        parts.append(f"{shown(width)}x{shown(height)}")
    if rate is not None:
        parts.append(f"{shown(rate)} fps")
    for name in ("videocodecid", "audiocodecid"):
        codec = metadata.child(name)
        if codec is not None:
            parts.append(codec.text or shown(codec))
    encoder = metadata.get("encoder")
    if isinstance(encoder, str):
        parts.append(quoted(encoder))
    return parts or [f"{len(metadata.children)} properties"]


# --- shared objects, aggregates --------------------------------------------------------------------------------


def _shared_object(message: Message, body: Field) -> str:
    name = body.get("name")
    if not isinstance(name, str):
        return _other(message, body)
    events = _children(body, "events")
    texts = [_event(event) for event in events[:ITEMS]]
    if len(events) > ITEMS:
        texts.append(f"{len(events) - ITEMS:,} more")
    version = _number(body, "version")
    return _joined(quoted(name), f"version {version}" if version >= 0 else "", ", ".join(texts))


def _event(event: Field) -> str:
    name = _event_name(shared_objects.NAMES, str(event.get("event")))
    properties, handler, code = _children(event, "properties"), event.child("handler"), event.get("code")
    if len(properties) == 1:
        return f"{name} {word(properties[0].name)} = {shown(properties[0])}"
    if handler is not None and isinstance(handler.value, str):
        return f"{name} {word(handler.value)}({_listed(_children(event, 'arguments'))})"
    if isinstance(code, str):
        return f"{name} {word(code)}"
    named = [word(each.name) for each in properties] or [word(each.value) for each in _children(event, "keys")]
    key = event.get("key")
    if isinstance(key, str):
        named.append(word(key))
    more = " …" if len(named) > ITEMS else ""
    return f"{name} {' '.join(named[:ITEMS])}{more}" if named else name


def _aggregate(message: Message, body: Field) -> str:
    parts = _children(body, "parts")
    kinds = Counter([type_slug(_number(part, "type_id")) for part in parts])
    counted = ", ".join([f"{count:,} {slug}" for slug, count in kinds.items()])
    return f"{len(parts):,} part{'' if len(parts) == 1 else 's'}{': ' if counted else ''}{counted}"


# --- audio and video -------------------------------------------------------------------------------------------


_KINDS: Final = {
    "sequence_header": "sequence header",
    "sequence_start": "sequence header",
    "mpeg2ts_sequence_start": "sequence header",
    "end_of_sequence": "end of sequence",
    "sequence_end": "end of sequence",
    "metadata": "metadata",
    "multichannel_config": "channel layout",
}
_FRAMES: Final = {
    "key": "key frame",
    "inter": "inter frame",
    "disposable": "disposable frame",
    "generated_key": "key frame, made by the server",
}


def _media(message: Message, body: Field) -> str:
    """Codec, what it is, and of each track what it holds."""
    command = body.get("command")
    if isinstance(command, str):
        return f"command {command.replace('_', ' ')}"
    codec, packet_type, frame_type = str(body.get("codec") or ""), body.get("packet_type"), body.get("frame_type")
    if not codec and packet_type is None:
        return _other(message, body)
    kind = _KINDS.get(str(packet_type))
    line = f"{codec} {kind or _FRAMES.get(str(frame_type), 'frame')}".lstrip()
    tracks = _children(body, "tracks")
    if not tracks:
        return _joined(line, _contents(body, kind is None))
    return _joined(line, *[_track(track, kind is None) for track in tracks[:ITEMS]])


def _track(track: Field, is_frame: bool) -> str:
    codec = track.get("codec")
    named = f"track {track.get('track_id')}" + (f" {codec}" if isinstance(codec, str) else "")
    return _joined(named, _contents(track, is_frame))


def _contents(body: Field, is_frame: bool) -> str:
    """Composition time and units of a frame, or what a sequence header says about the stream."""
    config, time = body.child("config"), body.get("composition_time")
    units = _children(body, "nal_units") or _children(body, "obus")
    names = [str(name) for name in dict.fromkeys([unit.get("type") for unit in units]) if name is not None]
    return _joined(
        "" if config is None else config.text,
        f"cts {time}" if is_frame and time is not None else "",
        " ".join(names[:ITEMS]),
    )


_LINES: Final[dict[str, Callable[[Message, Field], str]]] = {
    "set_chunk_size": _set_chunk_size,
    "abort": _abort,
    "acknowledgement": _acknowledgement,
    "user_control": _user_control,
    "window_ack_size": _window_ack_size,
    "set_peer_bandwidth": _set_peer_bandwidth,
    "audio": _media,
    "video": _media,
    "command": _command,
    "data": _data,
    "shared_object": _shared_object,
    "aggregate": _aggregate,
}
