"""Command messages (types 20 and 17) and data messages (types 18 and 15), RTMP 7.1.1, 7.1.2 and 7.2.

A command is a name, a transaction id, a command object and arguments; a data message is the name of a handler
and arguments.  Tables know what the arguments of a name are called and what they mean; those of a name nobody
knows are numbered.

The AMF3 types start with a format selector, a zero byte, and go on in AMF0, where any value may switch to AMF3.
Some encoders leave the selector out and some put it before AMF0 types: no message starts with a Number, so what
is meant is always clear.  A payload that starts with no name is not AMF, and only said to be so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtmpscope.model import Field
from rtmpscope.rtmp.layout import ValueReader, lost
from rtmpscope.rtmp.properties import CONNECT, METADATA, STATUS, Meanings, explain
from rtmpscope.rtmp.status_codes import status


class Signature:
    """What follows the name of a command (after its object) or of a handler, and what objects among it hold."""

    __slots__ = ("arguments", "properties")

    def __init__(self, arguments: tuple[str, ...], properties: Meanings | None = None) -> None:
        self.arguments: Final = arguments
        self.properties: Final = properties


_NONE: Final = Signature(())
_STREAM: Final = Signature(("stream_name",))
_INFORMATION: Final = Signature(("information",), STATUS)
_RESPONSE: Final = Signature(("response",), STATUS)  # "information" where it has a code

# RTMP 7.2, and the products named.
COMMANDS: Final[dict[str, Signature]] = {
    # NetConnection
    "connect": Signature((), CONNECT),
    "close": _NONE,
    "createStream": _NONE,
    "deleteStream": Signature(("stream_id",)),
    "_result": _RESPONSE,
    "_error": _RESPONSE,
    "onStatus": _INFORMATION,
    # before and after publishing, since Flash Media Live Encoder
    "releaseStream": _STREAM,
    "FCPublish": _STREAM,
    "FCUnpublish": _STREAM,
    "FCSubscribe": _STREAM,
    "FCUnsubscribe": _STREAM,
    "onFCPublish": _INFORMATION,
    "onFCUnpublish": _INFORMATION,
    "onFCSubscribe": _INFORMATION,
    "onFCUnsubscribe": _INFORMATION,
    "getStreamLength": _STREAM,
    # bandwidth tests
    "onBWDone": Signature(("kbit_down", "delta_down", "delta_time", "latency")),  # Red5's four
    "_checkbw": _NONE,
    "checkBandwidth": _NONE,
    "onBWCheck": _NONE,
    "_onbwcheck": _NONE,
    "_onbwdone": _NONE,
    # NetStream
    "play": Signature(("stream_name", "start", "duration", "reset")),
    "play2": Signature(("parameters",)),
    "publish": Signature(("stream_name", "publish_type")),
    "closeStream": _NONE,
    "receiveAudio": Signature(("receive",)),
    "receiveVideo": Signature(("receive",)),
    "seek": Signature(("milliseconds",)),
    "pause": Signature(("pause", "milliseconds")),
    "pauseRaw": Signature(("pause", "milliseconds")),
    "pauseraw": Signature(("pause", "milliseconds")),
    # products
    "set_playlist": Signature(("playlist",)),  # librtmp
    "playlist_ready": _NONE,
    "secureTokenResponse": Signature(("token",)),
    "NetStream.Authenticate.UsherToken": Signature(("token",)),
    "ping": _NONE,
    "pong": _NONE,
    "initStream": _NONE,
    "bgHasStream": _NONE,
}

HANDLERS: Final[dict[str, Signature]] = {
    "@setDataFrame": Signature(("handler", "metadata"), METADATA),
    "@clearDataFrame": Signature(("handler",)),
    "onMetaData": Signature(("metadata",), METADATA),
    "|RtmpSampleAccess": Signature(("audio", "video")),  # SRS writes video first
    "onStatus": _INFORMATION,
    "onPlayStatus": _INFORMATION,
    "onCuePoint": Signature(("cue_point",)),
    "onTextData": Signature(("text_data",)),
    "onFI": Signature(("time_code",)),
    "onCaption": Signature(("caption",)),
    "onCaptionInfo": Signature(("caption_info",)),
    "onXMPData": Signature(("xmp",)),
    "onImageData": Signature(("image",)),
}

REDIRECT: Final = 302  # as in HTTP

PUBLISH_TYPES: Final = {
    "live": "not recorded",
    "record": "recorded as a new file",
    "append": "appended to the recording",
}


def _start(field: Field) -> str:
    """RTMP 7.2.2.1 says seconds; FFmpeg and librtmp send milliseconds, -2000 and -1000 too."""
    value = field.value
    if value == -2 or value == -2000:
        return "live if somebody publishes it, else recorded"
    if value == -1 or value == -1000:
        return "live only"
    return (
        "recorded, from there on; milliseconds from most clients, seconds by the specification"
        if _is_time(value)
        else ""
    )


def _duration(field: Field) -> str:
    value = field.value
    if value == -1 or value == -1000:
        return "to the end"
    if value == 0:
        return "a single frame"
    return "milliseconds from most clients, seconds by the specification" if _is_time(value) else ""


def _is_time(value: object) -> bool:
    return isinstance(value, float) and value >= 0


def _reset(field: Field) -> str:
    return "the playlist is emptied first" if field.value else "added to the playlist"


def _publish_type(field: Field) -> str:
    return PUBLISH_TYPES.get(str(field.value).lower(), "not defined")


def _pause(field: Field) -> str:
    return "pause" if field.value else "go on"


def _receive(field: Field) -> str:
    return "send it" if field.value else "do not send it"


_ARGUMENTS: Final[Meanings] = {
    "duration": _duration,
    "milliseconds": "ms",
    "pause": _pause,
    "publish_type": _publish_type,
    "receive": _receive,
    "reset": _reset,
    "start": _start,
}


# --- decoding ------------------------------------------------------------------------------------------------

_STRINGS: Final = (b"\x02", b"\x0c", b"\x11\x06")  # AMF0 string and long string, AMF3 string: what a name can be
_NUMBERS: Final = frozenset({"number", "integer", "double", "int64"})
_NOT_AMF: Final = "not AMF: it does not begin with a name"


def command_amf0(payload: bytes, length: int) -> Field:
    """The body of a type 20 message."""
    return _body("command", payload, length, False, _command)


def command_amf3(payload: bytes, length: int) -> Field:
    """The body of a type 17 message."""
    return _body("command", payload, length, True, _command)


def data_amf0(payload: bytes, length: int) -> Field:
    """The body of a type 18 message."""
    return _body("data", payload, length, False, _data)


def data_amf3(payload: bytes, length: int) -> Field:
    """The body of a type 15 message."""
    return _body("data", payload, length, True, _data)


def _body(
    root: str, payload: bytes, length: int, amf3: bool, read: Callable[[ValueReader, list[Field]], None]
) -> Field:
    reader = ValueReader(payload)
    fields: list[Field] = []
    why = lost(payload, length)
    if _selected(reader, amf3, fields):
        read(reader, fields)
    elif not why:
        why = _NOT_AMF
    reader.leftover(fields, why)
    return Field(root, None, 0, len(payload), "", "", fields)


def _command(reader: ValueReader, fields: list[Field]) -> None:
    name = reader.value("name")
    fields.append(name)
    if reader.more():
        fields.append(reader.value("transaction_id"))
    if fields[-1].name == "transaction_id" and fields[-1].kind not in _NUMBERS and not reader.values.failed:
        fields[-1].name = "command_object"  # the number was left out
    elif reader.more():
        fields.append(reader.value("command_object"))
    signature = COMMANDS.get(str(name.value), _NONE)
    if signature.properties is not None:
        explain(fields[-1].children, signature.properties)
    fields.append(_arguments(reader, signature))


def _data(reader: ValueReader, fields: list[Field]) -> None:
    name = reader.value("name")
    fields += [name, _arguments(reader, HANDLERS.get(str(name.value), _NONE))]


def _selected(reader: ValueReader, amf3: bool, fields: list[Field]) -> bool:
    """Read the format selector, where it belongs and where it does not; False where no name follows."""
    payload = reader.payload
    first = payload[0] if payload else -1
    if payload.startswith(_STRINGS):
        if amf3:
            fields.append(Field("format_selector", None, 0, 0, "left out", "display"))
        return True
    if not payload.startswith(_STRINGS, 1) or (first != 0 and not amf3):
        return False
    text = "" if amf3 else "stray: an AMF0 type has none"
    if first != 0:
        text = "not defined: 0 is the only one"
    fields.append(Field("format_selector", first, 0, 1, text, "display"))
    reader.at = 1
    return True


def _arguments(reader: ValueReader, signature: Signature) -> Field:
    start = reader.at
    names = signature.arguments
    arguments: list[Field] = []
    while reader.more():
        index = len(arguments)
        field = reader.value(names[index] if index < len(names) else f"[{index}]")
        if signature.properties is not None:
            explain(field.children, signature.properties)
        if field.name == "response" and field.child("code") is not None:
            field.name = "information"
        arguments.append(field)
    explain(arguments, _ARGUMENTS)
    return Field("arguments", None, start, reader.at, "", "list", arguments)


# --- what the others ask of a decoded body ---------------------------------------------------------------------


def information(body: Field) -> Field | None:
    """The object with a text "code" in a command or data message, wherever among the values it stands."""
    for field in body.children:
        if field.name == "arguments":
            found = information(field)
            if found is not None:
                return found
        elif isinstance(field.get("code"), str):
            return field
    return None


def status_code(body: Field) -> str:
    """The code of the information object, "" where there is none."""
    found = information(body)
    return "" if found is None else str(found.get("code"))


def redirects(body: Field) -> bool:
    """Whether an answer to connect sends the client elsewhere (Adobe's application.redirectConnection, SRS)."""
    found = information(body)
    exception = found.child("ex") if found is not None else None
    return exception is not None and exception.get("code") == REDIRECT


def is_error(body: Field) -> bool:
    """An answer or a status that says no: by its name, by its level, or by its code where it has no level."""
    if body.get("name") == "_error":
        return True
    found = information(body)
    if found is None:
        return False
    level = found.get("level")
    if isinstance(level, str):
        return level.lower() == "error"
    known = status(str(found.get("code")))
    return known is not None and known.level == "error"
