"""What a message says against the specification, or against what most peers understand.

One check per condition, in a table by message type; each looks at one message, with what little the connection
is known for (handshake done, streams created, objectEncoding).  Timing, media and answers have modules of their
own, and so has the chunk stream.  A check that a healthy session can fail is a NOTE at most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtmpscope.analysis.annotator import Door
from rtmpscope.analysis.fingerprints import Fingerprints
from rtmpscope.analysis.media_stream import HUGE
from rtmpscope.analysis.words import because, call_name
from rtmpscope.model import (
    ABORT,
    ACKNOWLEDGEMENT,
    AUDIO,
    C2S,
    COMMAND_TYPES,
    DATA_TYPES,
    S2C,
    SET_CHUNK_SIZE,
    SET_PEER_BANDWIDTH,
    SHARED_OBJECT_TYPES,
    UNKNOWN,
    USER_CONTROL,
    VIDEO,
    WINDOW_ACK_SIZE,
    Connection,
    Field,
    Gap,
    Handshake,
    Message,
    Severity,
)
from rtmpscope.rtmp.commands import information, is_error, redirects, status_code
from rtmpscope.rtmp.messages import TYPES

CHUNK_SIZES: Final = range(128, 65_537)  # what peers use
NGINX_CSIDS: Final = 32  # max_streams, by default

# Calls that servers refuse without harm: they belong to one product, and clients ask anyhow.
HARMLESS: Final = frozenset({"releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe", "_checkbw", "getStreamLength"})


class Conformance:
    """Checks every message but audio and video."""

    name: Final = "conformance"
    types: Final = frozenset(TYPES) - {AUDIO, VIDEO}

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parts: set[str] = set()
        self._spoke_ns = [UNKNOWN, UNKNOWN]  # when the first message was sent
        self._connects = 0
        self._created = False
        self._object_encoding = 0.0
        self._whole = True

    def on_handshake(self, part: Handshake) -> None:
        """RTMP 5.2.1: data only after the other side's last part."""
        self._parts.add(part.part)
        speaker = {"S2": C2S, "C2": S2C}.get(part.part)
        if self._connection.ahead_ns(part.ready):
            return  # times of two clocks
        if speaker is not None and UNKNOWN != self._spoke_ns[speaker] < part.time_ns and self._whole:
            severity = Severity.WARNING if speaker == C2S else Severity.NOTE
            who = ("the client", "the server")[speaker]
            text = f"{who} sent messages before this part of the handshake arrived: not allowed, strict peers hang up"
            part.note("data-before-handshake", severity, text)

    def on_gap(self, gap: Gap) -> None:
        self._whole = False

    def on_message(self, message: Message, body: Field | None) -> None:
        if self._spoke_ns[message.direction] == UNKNOWN:
            self._spoke_ns[message.direction] = int(message.time_ns)
        if message.length > HUGE:
            text = f"{message.length:,} bytes in one message: nobody sends so much, the parse may have lost its way"
            message.note("message-huge", Severity.WARNING, text)
        if message.csid >= NGINX_CSIDS and message.direction == C2S:
            self._high_csid(message)
        if body is None:
            return
        for check in CHECKS.get(message.type_id, ()):
            check(self, message, body)

    def _high_csid(self, message: Message) -> None:
        fingerprints = self._connection.analysis.get("fingerprints")
        if isinstance(fingerprints, Fingerprints) and fingerprints.server.startswith("nginx"):
            text = f"csid {message.csid} towards nginx, which closes connections at 32 and above (max_streams)"
            message.note("csid-high", Severity.WARNING, text)

    # Control messages

    def _chunk_size(self, message: Message, body: Field) -> None:
        size = body.get("chunk_size")
        if isinstance(size, int) and 0 < size <= 0xFFFFFF and size not in CHUNK_SIZES:
            text = f"a chunk size of {size:,}: allowed, but peers use 128 to 65,536 and some refuse others"
            message.note("chunk-size-unusual", Severity.NOTE, text)

    def _shape(self, message: Message, body: Field) -> None:
        undecoded = body.child("undecoded")
        if undecoded is not None and message.captured == message.length:
            message.note("control-malformed", Severity.NOTE, f"not as long as it should be: {undecoded.text}")

    def _peer_bandwidth(self, message: Message, body: Field) -> None:
        if message.length == 4:
            text = "without its limit type (4 bytes instead of 5): FFmpeg accepts it, others may not"
            message.note("peer-bandwidth-short", Severity.CHAT, text)

    # Everything in AMF

    def _selector(self, message: Message, body: Field) -> None:
        selector = body.child("format_selector")
        if selector is None or not selector.text:
            return
        code = "format-selector-missing" if selector.value is None else "format-selector-stray"
        message.note(code, Severity.NOTE, f"format selector {selector.text}: read all the same, others may fail on it")

    def _amf(self, message: Message, body: Field) -> None:
        if len(message.prefix) < message.length:
            return
        found = _first(body, lambda field: field.name == "undecoded" and not field.kind)
        if found is not None:
            text = f"decoding stopped at byte {found.start:,}: {found.text}"
            message.note("amf-undecoded", Severity.WARNING, text)
        found = _first(body, lambda field: "no end marker" in field.text)
        if found is not None:
            text = f"the {found.kind} at byte {found.start:,} has no end marker (Envivio encoders): strict readers fail"
            message.note("amf-unterminated", Severity.NOTE, text)

    # Commands

    def _command(self, message: Message, body: Field) -> None:
        check = COMMAND_CHECKS.get(str(body.get("name")))
        if check is not None:
            check(self, message, body)

    def _connect(self, message: Message, body: Field) -> None:
        self._connects += 1
        if self._connects > 1:
            text = "connect a second time on the same connection: servers ignore it or hang up"
            message.note("connect-repeated", Severity.NOTE, text)
        command_object = body.child("command_object")
        if command_object is not None:
            encoding = command_object.get("objectEncoding")
            self._object_encoding = encoding if isinstance(encoding, (int, float)) else 0.0

    def _create_stream(self, message: Message, body: Field) -> None:
        self._created = True

    def _publish(self, message: Message, body: Field) -> None:
        if self._connects and self._whole and not self._created:
            text = f"{body.get('name')} without createStream before it: some servers go along, others wait for ever"
            message.note("stream-not-created", Severity.NOTE, text)

    def _result(self, message: Message, body: Field) -> None:
        call = message.call
        if call is None or call.name != "connect":
            return
        code = status_code(body)
        whole = message.captured == message.length
        if is_error(body) or (whole and code.lower() != "netconnection.connect.success"):
            self._rejected(message, body, code)
            return
        found = information(body)
        encoding = found.get("objectEncoding") if found is not None else None
        if isinstance(encoding, (int, float)) and encoding != self._object_encoding:
            text = f"objectEncoding {encoding:g}, the client asked for {self._object_encoding:g}: AMF may be misread"
            message.note("object-encoding-differs", Severity.NOTE, text)

    def _rejected(self, message: Message, body: Field, code: str) -> None:
        found = information(body)
        description = str(found.get("description")) if found is not None else ""
        if "authmod=" in description or "need auth" in description:
            text = "the server wants authentication: the client is to connect again with what the description says"
            message.note("authentication-wanted", Severity.NOTE, text)
        elif redirects(body):
            text = "the server sends the client to another address, the redirect in ex: the client is to connect there"
            message.note("connect-redirected", Severity.NOTE, text)
        else:
            text = f"connect was rejected{because(code)}: check the application and the address"
            message.note("connect-rejected", Severity.ERROR, text)

    def _error(self, message: Message, body: Field) -> None:
        call = message.call
        if call is not None and call.name == "connect":
            self._result(message, body)
            return
        harmless = call is not None and call.name in HARMLESS
        severity = Severity.NOTE if harmless or call is None else Severity.WARNING
        name = call_name("" if call is None else call.name)
        usual = ", which is usual and harmless" if harmless else ""
        message.note("call-failed", severity, f"{name} failed{because(status_code(body))}{usual}")

    def _status(self, message: Message, body: Field) -> None:
        code = status_code(body)
        if is_error(body):
            message.note("status-error", Severity.ERROR, f"the server reports an error{because(code)}")
            return
        found = information(body)
        if found is not None and str(found.get("level")).lower() == "warning":
            message.note("status-warning", Severity.WARNING, f"the server warns{because(code)}")
        elif code == "NetConnection.Connect.ReconnectRequest":
            text = "the server asks the client to connect anew, to the address in tcUrl, and will close this connection"
            message.note("reconnect-request", Severity.NOTE, text)

    # Data messages

    def _data(self, message: Message, body: Field) -> None:
        if body.get("name") == "@setDataFrame" and message.message_stream_id == 0:
            text = "metadata on message stream 0 and not on that of the media: some peers (Red5) drop it"
            message.note("metadata-on-stream-0", Severity.NOTE, text)


Check = Callable[[Conformance, Message, Field], None]

_AMF: Final[tuple[Check, ...]] = (Conformance._selector, Conformance._amf)
CHECKS: Final[dict[int, tuple[Check, ...]]] = {
    SET_CHUNK_SIZE: (Conformance._shape, Conformance._chunk_size),
    ABORT: (Conformance._shape,),
    ACKNOWLEDGEMENT: (Conformance._shape,),
    USER_CONTROL: (Conformance._shape,),
    WINDOW_ACK_SIZE: (Conformance._shape,),
    SET_PEER_BANDWIDTH: (Conformance._peer_bandwidth,),
    **dict.fromkeys(DATA_TYPES, (*_AMF, Conformance._data)),
    **dict.fromkeys(SHARED_OBJECT_TYPES, _AMF),
    **dict.fromkeys(COMMAND_TYPES, (*_AMF, Conformance._command)),
}
COMMAND_CHECKS: Final[dict[str, Check]] = {
    "connect": Conformance._connect,
    "createStream": Conformance._create_stream,
    "publish": Conformance._publish,
    "play": Conformance._publish,
    "_result": Conformance._result,
    "_error": Conformance._error,
    "onStatus": Conformance._status,
}


def _first(body: Field, wanted: Callable[[Field], bool]) -> Field | None:
    """The first field of the tree, in wire order, that is wanted; walked without recursion."""
    stack = [body]
    while stack:
        field = stack.pop()
        if wanted(field):
            return field
        stack.extend(reversed(field.children))
    return None


def register(registry: Door) -> None:
    registry.annotator(Conformance)
