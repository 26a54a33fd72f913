"""The steps of a session as they pass: what the client asked, what became of it, and how the connection ended.

Steps are what the client asks, one after the other: connect, createStream, publish or play; each is answered,
refused or left alone (which answer belongs to which step is known from the transactions).  Beside them stand the
signs of an end: a goodbye, a dismissal, FIN or RST.  What it all comes to is told by `session`.
"""

from __future__ import annotations

import re
from typing import Final

from rtmpscope.analysis.words import plain_code
from rtmpscope.limits import ANSWERS_REMEMBERED
from rtmpscope.model import (
    AMF_TYPES,
    C2S,
    DATA_TYPES,
    S2C,
    SHARED_OBJECT_TYPES,
    UNKNOWN,
    USER_CONTROL,
    Connection,
    End,
    Field,
    Gap,
    Handshake,
    Message,
)
from rtmpscope.rtmp.commands import COMMANDS, information, is_error, redirects, status_code
from rtmpscope.rtmp.status_codes import status

PLAIN_APP: Final = re.compile(r"[A-Za-z0-9_-]{1,24}")

UNPUBLISHED: Final = "NetStream.Unpublish.Success"  # to a client that did not ask for it: the server ends the publish
# Codes with which a server ends a session that had begun.
DISMISSALS: Final = (
    "NetConnection.Connect.Closed",
    "NetConnection.Connect.Rejected",
    "NetConnection.Connect.AppShutdown",
    "NetConnection.Connect.IdleTimeout",
    "NetStream.Publish.Idle",
    UNPUBLISHED,
)
# Codes after which nothing more is to come on a stream.
FINISHES: Final = (
    "NetStream.Play.Stop",
    "NetStream.Play.Complete",
    "NetStream.Play.UnpublishNotify",
    UNPUBLISHED,
)
# Codes with which it goes on after all.
BEGINNINGS: Final = ("NetStream.Play.Start", "NetStream.Play.PublishNotify")
RECONNECT: Final = "NetConnection.Connect.ReconnectRequest"
# What a code is about: the role of the client, where its request is not there to tell.
SUBJECTS: Final = {
    "netstream.publish.": "publish",
    "netstream.unpublish.": "publish",
    "netstream.play.": "play",
}
# Commands that tell what a client is up to before it says so.
INTENTS: Final = {"releaseStream": "publish", "FCPublish": "publish", "FCSubscribe": "play", "getStreamLength": "play"}
GOODBYES: Final = frozenset({"FCUnpublish", "deleteStream", "closeStream", "close"})


class Step:
    """Something the client asked: when, in which message, and what became of it."""

    __slots__ = ("name", "number", "time_ns", "answer", "answer_ns", "code", "refused")

    def __init__(self, name: str, message: Message) -> None:
        self.name: Final = name
        self.number: Final = int(message.number)
        self.time_ns: Final = int(message.time_ns)
        self.answer = 0
        self.answer_ns = 0
        self.code = ""
        self.refused = False

    def answered(self, message: Message, code: str, refused: bool) -> None:
        self.answer = int(message.number)
        self.answer_ns = int(message.time_ns)
        self.code = code
        self.refused = refused


class Steps:
    """Follows one connection."""

    types: Final = AMF_TYPES | {USER_CONTROL}

    def __init__(self, connection: Connection) -> None:
        self.app = ""
        self._connection = connection
        self._parts: set[str] = set()
        self._shaken_ns = [0, 0]  # when the last of them was there, by direction
        self._server_version = 0  # S0
        self._connect: Step | None = None
        self._create: Step | None = None
        self._wish: Step | None = None  # the last publish or play
        self._reason = ""  # the server's words about connect
        self._reason_cut = False  # and whether some of them are missing
        self._redirected = False
        self._told: tuple[str, str, int] | None = None  # step, code and message of what answers a request not seen
        self._dismissed: tuple[str, int, int] | None = None  # code, message, time
        self._finished: tuple[str, int, int] | None = None  # the same, of what the server says is over
        self._reconnect = 0
        self._goodbye_ns = UNKNOWN  # when the client took its leave
        self._goodbye_offset = 0  # and where in its stream
        self._paused = False
        self._intent = "unknown"
        self._objects = 0
        self._object_used = False
        self._object_error: tuple[str, int] | None = None
        self._calls = 0
        self._unasked: dict[int, tuple[Message, Field]] = {}  # answers whose request has not come to light
        self._torn = False  # whether the client closed within a message
        self._ends: list[End] = []
        self._lost_ns = [UNKNOWN, UNKNOWN]  # when something was last found missing, by direction

    # What passes

    def on_handshake(self, part: Handshake) -> None:
        self._parts.add(part.part)
        self._shaken_ns[part.direction] = max(self._shaken_ns[part.direction], int(part.time_ns))
        if part.part == "S0" and part.data:
            self._server_version = part.data[0]

    def on_gap(self, gap: Gap) -> None:
        self._lost_ns[gap.direction] = max(self._lost_ns[gap.direction], int(gap.time_ns))

    def on_end(self, end: End) -> None:
        self._torn = self._torn or (end.direction == C2S and end.how == "fin" and end.incomplete > 0)
        self._ends.append(end)

    def on_message(self, message: Message, body: Field | None) -> None:
        if body is None:
            return
        if message.type_id == USER_CONTROL:
            if body.get("event") == "stream_eof":
                self._finished = "", int(message.number), int(message.time_ns)
            elif body.get("event") == "stream_begin":
                self._finished = None
        elif message.type_id in SHARED_OBJECT_TYPES:
            self._shared_object(message, body)
        else:
            self._command(message, body, str(body.get("name") or ""))

    def _command(self, message: Message, body: Field, name: str) -> None:
        if name in ("_result", "_error"):
            self._answer(message, body)
        elif name in ("onStatus", "onPlayStatus"):
            self._status(message, body)
        elif message.type_id in DATA_TYPES:
            pass
        elif message.direction == S2C:
            if name in GOODBYES and (self._intent if self._wish is None else self._wish.name) == "play":
                self._finished = "", int(message.number), int(message.time_ns)  # FFmpeg as a server
        elif name in GOODBYES:
            self._goodbye_ns = int(message.time_ns)
            self._goodbye_offset = int(message.offset)
        elif name in ("pause", "pauseRaw"):
            arguments = body.child("arguments")
            self._paused = arguments is not None and arguments.get("pause") is True
        elif name in INTENTS:
            self._intent = INTENTS[name]
        elif name == "connect":
            self._connect = self._step(name, message)
            self.app, self._intent = _app_and_intent(body)
        elif name == "createStream":
            self._create = self._step(name, message)
        elif name in ("publish", "play", "play2"):
            self._goodbye_ns = UNKNOWN
            self._paused = False
            if self._finished is not None and self._finished[2] - self._ahead_ns(message) < message.time_ns:
                self._finished = None
            self._wish = self._step(name.rstrip("2"), message)
        elif name and name not in COMMANDS:
            self._calls += 1

    def _ahead_ns(self, message: Message) -> int:
        """How far the server's clock is known to be ahead by now."""
        return self._connection.ahead_ns(message.ready)

    def _step(self, name: str, message: Message) -> Step:
        """A request; it may come to light after its answer."""
        step = Step(name, message)
        answer = self._unasked.pop(message.call.answer, None) if message.call is not None else None
        if answer is not None:
            if self._dismissed is not None and self._dismissed[1] == answer[0].number:
                self._dismissed = None
            self._answered(step, *answer)
        return step

    def _answered(self, step: Step, message: Message, body: Field) -> None:
        """connect is granted only by a result that does not say otherwise."""
        step.answered(message, plain_code(status_code(body)), _refuses(body))
        if step.name == "connect":
            self._reason = _description(body)
            self._reason_cut = len(message.prefix) < message.length
            self._redirected = redirects(body)

    def _remember(self, message: Message, body: Field) -> None:
        if message.call is None:
            self._unasked[int(message.number)] = message, body
            if len(self._unasked) > ANSWERS_REMEMBERED:
                del self._unasked[next(iter(self._unasked))]

    def _answer(self, message: Message, body: Field) -> None:
        """A `_result` or `_error`; that of connect is known by its code where the request is missing."""
        self._remember(message, body)
        step = self._asked(message)
        if step is None and self._connect is None and status_code(body).startswith("NetConnection.Connect."):
            step = self._connect = Step("connect", message)
        if step is not None and not step.answer:
            self._answered(step, message, body)

    def _status(self, message: Message, body: Field) -> None:
        self._remember(message, body)
        code = plain_code(status_code(body))
        step = self._asked(message)
        if step is None and self._wish is None:
            self._tell(message, code)
        if step is not None and not step.answer:
            self._answered(step, message, body)
        elif code == RECONNECT:
            self._reconnect = int(message.number)
        elif UNKNOWN != self._goodbye_ns <= message.time_ns - self._ahead_ns(message):
            pass  # the rest is courtesy
        else:
            news = code, int(message.number), int(message.time_ns)
            if code in FINISHES:
                self._finished = news
            elif code in BEGINNINGS:
                self._finished = None
            if code in DISMISSALS or (message.call is None and is_error(body)):
                self._dismissed = self._dismissed or news

    def _tell(self, message: Message, code: str) -> None:
        """What a status says of a publish or play that was not seen."""
        for beginning, name in SUBJECTS.items():
            if code.lower().startswith(beginning):
                self._intent = name
                self._told = name, code, int(message.number)

    def _asked(self, message: Message) -> Step | None:
        """The step that this message answers."""
        call = message.call
        for step in (self._connect, self._create, self._wish):
            if call is not None and step is not None and call.request == step.number:
                return step
        return None

    def _shared_object(self, message: Message, body: Field) -> None:
        self._objects += 1
        events = body.child("events")
        for event in events.children if events is not None else ():
            if event.get("event") == "use_success":
                self._object_used = True
            elif event.get("event") == "status" and event.get("level") == "error":
                self._object_error = self._object_error or (plain_code(event.get("code")), int(message.number))


def _app_and_intent(body: Field) -> tuple[str, str]:
    """The application, without what may follow its first part (instances, queries, keys), and who would connect so."""
    command_object = body.child("command_object") or Field("")
    app = command_object.get("app")
    first = re.split("[/?]", app, maxsplit=1)[0] if isinstance(app, str) else ""
    intent = "publish" if command_object.get("type") == "nonprivate" else "unknown"  # FFmpeg, librtmp, OBS
    return first if PLAIN_APP.fullmatch(first) else "", intent


def _refuses(body: Field) -> bool:
    """Whether an answer says no; some servers send the code of an error with the level of a success."""
    usual = status(status_code(body))
    return is_error(body) or (usual is not None and usual.level == "error")


def _description(body: Field) -> str:
    found = information(body)
    return str(found.get("description")) if found is not None else ""
