"""How far a session got and why it stopped there: the steps as they pass, and a verdict at any time.

Steps are what the client asks, one after the other: connect, createStream, publish or play; each is answered,
refused or left alone (which answer belongs to which step is known from the transactions).  The verdict goes
through a few questions in order: is it RTMP at all, was a step refused, did the server throw the client out, and
if not, how did the furthest step end.  What a capture that began late does not show is not held against anyone.

A verdict is read by people who did not ask for RTMP: one sentence, no jargon that could be left out, and never
the name of a stream, which often is a key.
"""

from __future__ import annotations

import re
from typing import Final

from rtmpscope.analysis.annotator import Door
from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.analysis.words import because, later, plain_code, seconds
from rtmpscope.model import C2S, S2C, UNKNOWN, Connection, End, Field, Handshake, Message, Verdict
from rtmpscope.rtmp.commands import COMMANDS, information, is_error, status_code

PATIENCE_NS: Final = 5_000_000_000  # an answer that takes longer is not awaited any more
PAST_NS: Final = 1_000_000_000  # media that was on its way when the server ended the session
QUIET_NS: Final = 3_000_000_000  # media that paused for longer has stopped

PLAIN_APP: Final = re.compile(r"[A-Za-z0-9_-]{1,24}")

# What a connection may carry instead: role, outcome and sentence.
OTHERS: Final = {
    "http": ("unknown", "not_rtmp", "This is HTTP, not RTMP: a browser, a health check, or RTMP tunnelled in HTTP."),
    "tls": ("unknown", "encrypted", "This is TLS: RTMPS perhaps, readable only with the key log of one side."),
    "rtmpe": ("unknown", "encrypted", "This is RTMPE: only the handshake can be read, the rest is encrypted."),
    "policy_file": ("probe", "not_rtmp", "A Flash Player asked for the policy file, as it does before it connects."),
    "unknown": ("unknown", "not_rtmp", "This is not RTMP: the first bytes are no handshake and no chunks follow."),
}
# Codes with which a server ends a session that had begun.
DISMISSALS: Final = (
    "NetConnection.Connect.Closed",
    "NetConnection.Connect.Rejected",
    "NetConnection.Connect.AppShutdown",
    "NetConnection.Connect.IdleTimeout",
    "NetStream.Publish.Idle",
)
# Codes after which nothing more is to come on a stream.
FINISHES: Final = (
    "NetStream.Play.Stop",
    "NetStream.Play.Complete",
    "NetStream.Play.UnpublishNotify",
    "NetStream.Unpublish.Success",
)
RECONNECT: Final = "NetConnection.Connect.ReconnectRequest"
# Commands that tell what a client is up to before it says so.
INTENTS: Final = {"releaseStream": "publish", "FCPublish": "publish", "FCSubscribe": "play", "getStreamLength": "play"}
GOODBYES: Final = frozenset({"FCUnpublish", "deleteStream", "closeStream", "close"})

# Handshakes that were not followed by anything: the parts that came, role and sentence; the fullest first.
HANDSHAKES: Final = (
    ({"S0", "S1", "S2", "C2"}, "probe", "The handshake was complete, but the client never asked to connect"),
    ({"S0", "S1", "S2"}, "unknown", "The server did its part of the handshake, but the client did not finish it"),
    ({"S0"}, "unknown", "The server began to answer the handshake, but did not finish it"),
    ({"C0"}, "unknown", "The client began the handshake, the server did not answer"),
)

# Words of an error's description that belong to the authentication rounds of Adobe and Limelight: outcome, sentence.
AUTHENTICATION: Final = (
    ("reason=authfailed", "failed", "The server refused the user name or the password."),
    ("reason=nosuchuser", "failed", "The server does not know the user name."),
    (
        "reason=needauth",
        "incomplete",
        "Authentication, second round of three: the server sent its challenge, the client connects again to answer.",
    ),
    (
        "code=403 need auth",
        "incomplete",
        "Authentication, first round of three: the server wants a user name and password; "
        "a client that has them connects again at once.",
    ),
)


class _Step:
    """Something the client asked: when, in which message, and what became of it."""

    __slots__ = ("name", "number", "time_ns", "answer", "code", "refused")

    def __init__(self, name: str, message: Message) -> None:
        self.name: Final = name
        self.number: Final = int(message.number)
        self.time_ns: Final = int(message.time_ns)
        self.answer = 0
        self.code = ""
        self.refused = False


class Session:
    """Follows one connection; verdict() may be asked at any time."""

    name: Final = "session"
    types: Final = frozenset({4, 15, 16, 17, 18, 19, 20})

    def __init__(self, connection: Connection) -> None:
        self.app = ""
        self._connection = connection
        self._parts: set[str] = set()
        self._connect: _Step | None = None
        self._create: _Step | None = None
        self._wish: _Step | None = None  # the last publish or play
        self._authentication: tuple[str, str] | None = None
        self._dismissed: tuple[str, int, int] | None = None  # code, message, time
        self._finished: tuple[str, int] | None = None
        self._reconnect = 0
        self._goodbye = 0
        self._intent = "unknown"
        self._objects = 0
        self._object_used = False
        self._object_error: tuple[str, int] | None = None
        self._calls = 0
        self._ends: list[tuple[int, str, int]] = []  # direction, how, time

    # What passes

    def on_handshake(self, part: Handshake) -> None:
        self._parts.add(part.part)

    def on_end(self, end: End) -> None:
        self._ends.append((int(end.direction), end.how, int(end.time_ns)))

    def on_message(self, message: Message, body: Field | None) -> None:
        if body is None:
            return
        if message.type_id == 4:
            if body.get("event") == "stream_eof":
                self._goodbye = int(message.number)
        elif message.type_id in (16, 19):
            self._shared_object(message, body)
        else:
            self._command(message, body, str(body.get("name")))

    def _command(self, message: Message, body: Field, name: str) -> None:
        if name in ("_result", "_error"):
            self._answer(message, body)
        elif name in ("onStatus", "onPlayStatus"):
            self._status(message, body)
        elif name in GOODBYES:
            self._goodbye = int(message.number)
        elif message.direction == S2C or message.type_id in (15, 18):
            pass
        elif name in INTENTS:
            self._intent = INTENTS[name]
        elif name == "connect":
            self._connect = _Step(name, message)
            self.app, self._intent = _app_and_intent(body)
        elif name == "createStream":
            self._create = _Step(name, message)
        elif name in ("publish", "play", "play2"):
            self._wish = _Step(name.rstrip("2"), message)
            self._goodbye = 0
            self._finished = None
        elif name not in COMMANDS:
            self._calls += 1

    def _answer(self, message: Message, body: Field) -> None:
        """A `_result` or `_error`; connect is granted only by a result that does not say otherwise."""
        step = self._asked(message)
        if step is None or step.answer:
            return
        step.answer = int(message.number)
        step.code = plain_code(status_code(body))
        step.refused = is_error(body) or (step is self._connect and step.code.endswith((".Rejected", ".Failed")))
        if step is self._connect and step.refused:
            self._authentication = _authentication(body)

    def _status(self, message: Message, body: Field) -> None:
        code = plain_code(status_code(body))
        step = self._asked(message)
        if step is not None and not step.answer:
            step.answer = int(message.number)
            step.code = code
            step.refused = is_error(body)
        elif code == RECONNECT:
            self._reconnect = int(message.number)
        elif not self._goodbye and (code in DISMISSALS or (message.call is None and is_error(body))):
            self._dismissed = self._dismissed or (code, int(message.number), int(message.time_ns))
        elif code in FINISHES:
            self._finished = code, int(message.number)
            self._goodbye = int(message.number)

    def _asked(self, message: Message) -> _Step | None:
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

    # The verdict

    def verdict(self) -> Verdict:
        for judge in (
            self._carries_something_else,
            self._no_message,
            self._refused,
            self._thrown_out,
            self._with_media,
            self._without_media,
        ):
            verdict = judge()
            if verdict is not None:
                return verdict
        return self._joined_late()

    def _carries_something_else(self) -> Verdict | None:
        carries = self._connection.carries
        if carries in OTHERS:
            role, outcome, text = OTHERS[carries]
            return Verdict(role, "handshake" if carries == "rtmpe" else "tcp", outcome, None, None, text)
        if carries != "nothing":
            return None
        tcp = self._connection.tcp
        if not tcp[S2C].packets:
            return Verdict("probe", "tcp", "failed", None, None, "The server did not answer the TCP connection at all.")
        if self._connection.tcp_rtt_ns == UNKNOWN and self._how() == "rst":
            text = "The server refused the TCP connection: nothing listens on this port."
            return Verdict("probe", "tcp", "failed", None, None, text)
        text = "A TCP connection on which nothing was sent: a port check, or a client that hung before its first byte."
        return Verdict("probe", "tcp", "incomplete", None, None, text)

    def _no_message(self) -> Verdict | None:
        """The handshake, as far as it got."""
        if self._connect or any(self._connection.counts) or not self._parts:
            return None
        for parts, role, text in HANDSHAKES:
            if parts <= self._parts:
                return self._unanswered(role, "handshake", None, text)
        return self._unanswered("unknown", "handshake", None, "The handshake broke off half way")

    def _refused(self) -> Verdict | None:
        for step, reached in ((self._connect, "connect"), (self._create, "create_stream"), (self._wish, "")):
            if step is None or not step.refused:
                continue
            outcome, text = "failed", f"{self._asked_for(step)} rejected by the server{because(step.code)}."
            if step is self._connect and self._authentication is not None:
                outcome, text = self._authentication
            return Verdict(self._role(), reached or step.name, outcome, step.code or None, step.answer, text)
        if self._object_error is not None and not self._object_used:
            code, number = self._object_error
            text = f"A shared object was refused by the server{because(code)}."
            return Verdict("shared_object", "connect", "failed", code or None, number, text)
        return None

    def _thrown_out(self) -> Verdict | None:
        """The server ended it, unless media went on all the same."""
        if self._dismissed is None:
            return None
        code, number, time_ns = self._dismissed
        if self._timeline().span(self._media_direction())[1] - time_ns > PAST_NS:
            return None
        after = f" after {self._media()}" if self._has_media() else ""
        text = f"{self._what()} was ended by the server{after}{because(code)}."
        return Verdict(self._role(), self._reached(), "failed", code or None, number, text)

    def _with_media(self) -> Verdict | None:
        """Media flows or flowed: how it ended."""
        if not self._has_media():
            return None
        what = f"{self._what()}: {self._media()}"
        reached = self._reached()
        if self._reconnect:
            text = f"{what}, then the server asked the client to move to another connection."
            return self._with_code(reached, "ok", RECONNECT, self._reconnect, text)
        outcome, how = self._media_end(reached)
        return self._judged(reached, outcome, f"{what}, {how}{self._health()}.")

    def _media_end(self, reached: str) -> tuple[str, str]:
        """Outcome and words for the end of a session with media."""
        if reached == "teardown":
            return "ok", "ended as it should"
        how = self._how()
        if how == "fin":
            if self._who() == C2S:
                return "ok", "then the client closed the connection without a word"
            return "failed", "then the server closed the connection without a word"
        if how == "rst":
            if self._role() == "play":
                return "ok", "then the connection was reset, as players do"
            return "failed", "then the connection was reset: one side crashed or the network broke"
        quiet = self._end_ns() - self._timeline().span(self._media_direction())[1]
        if quiet > QUIET_NS:
            return "failed", f"then nothing for {seconds(quiet)}: the sender hangs or is gone"
        return "ok", "still flowing when the capture ends" if how else "still flowing"

    def _without_media(self) -> Verdict | None:
        """No media: the last step the client took, and what it waits for."""
        wish, create, connect = self._wish, self._create, self._connect
        role = self._role()
        if wish is not None:
            if not wish.answer:
                return self._unanswered(
                    role, wish.name, wish, f"{self._asked_for(wish)} was not answered by the server"
                )
            if self._finished is not None:
                code, number = self._finished
                text = f"{self._asked_for(wish)} was granted and ended by the server, without media{because(code)}."
                return self._with_code(wish.name, "failed", code, number, text)
            sender = "the client" if wish.name == "publish" else "the server"
            text = f"{self._asked_for(wish)} was granted, but {sender} never sent media"
            return self._unanswered(role, wish.name, wish, text)
        if create is not None:
            if not create.answer:
                return self._unanswered(role, "create_stream", create, "createStream was not answered by the server")
            text = "A stream was created, but neither publish nor play was asked for"
            return self._unanswered(role, "create_stream", create, text)
        if connect is None:
            return None
        if not connect.answer:
            return self._unanswered(
                role, "connect", connect, f"{self._asked_for(connect)} was not answered by the server"
            )
        if self._objects or self._calls:
            what = "Shared objects" if self._objects else f"{self._calls:,} remote calls"
            refused = f", but a request was refused{because(self._object_error[0])}" if self._object_error else ""
            text = f"{what} and no stream{refused}."
            return self._with_code(self._reached(), "ok", connect.code, connect.answer, text)
        text = "The client connected and asked for nothing: a check, or it hung"
        return self._unanswered("probe", "connect", connect, text)

    def _joined_late(self) -> Verdict:
        text = "The capture shows only a part of this session, without its beginning and without media."
        return Verdict(self._role(), "tcp", "incomplete", None, None, text)

    # Facts

    def _role(self) -> str:
        if self._wish is not None:
            return self._wish.name
        if self._has_media():
            return ("publish", "play")[self._media_direction()]
        if self._objects:
            return "shared_object"
        return "remoting" if self._calls else self._intent

    def _timeline(self) -> MediaTimeline:
        timeline = self._connection.analysis["media_timeline"]
        assert isinstance(timeline, MediaTimeline)
        return timeline

    def _media_direction(self) -> int:
        """The direction of the media that the session is about."""
        if self._wish is not None:
            return C2S if self._wish.name == "publish" else S2C
        return C2S if self._timeline().span(C2S)[0] else S2C

    def _has_media(self) -> bool:
        return self._timeline().span(self._media_direction())[0] > 0

    def _media(self) -> str:
        """ "12.0 s of media" """
        return f"{self._timeline().duration_ms(self._media_direction()) / 1000:.1f} s of media"

    def _reached(self) -> str:
        if self._goodbye and (self._has_media() or self._wish is None):
            return "teardown"
        if self._has_media():
            return "media"
        if self._wish is not None:
            return self._wish.name
        return "create_stream" if self._create is not None else "connect"

    def _how(self) -> str:
        """How the connection ended, by the side that ended first; "" while it goes on."""
        return self._ends[0][1] if self._ends else ""

    def _who(self) -> int:
        return self._ends[0][0] if self._ends else UNKNOWN

    def _end_ns(self) -> int:
        """When the first side ended, or what was last seen."""
        return self._ends[0][2] if self._ends else self._connection.last_time_ns

    # Words

    def _judged(self, reached: str, outcome: str, text: str) -> Verdict:
        """A verdict that the wish's answer decided, where there was one."""
        wish = self._wish
        if wish is None or not wish.answer:
            return Verdict(self._role(), reached, outcome, None, None, text)
        return self._with_code(reached, outcome, wish.code, wish.answer, text)

    def _with_code(self, reached: str, outcome: str, code: str, number: int, text: str) -> Verdict:
        return Verdict(self._role(), reached, outcome, code or None, number, text)

    def _unanswered(self, role: str, reached: str, step: _Step | None, text: str) -> Verdict:
        """A session that stopped in the middle: failed when it was given up, else only not finished."""
        asked = self._connection.time_ns if step is None else step.time_ns
        waited = self._end_ns() - asked
        how = self._how()
        who = "the client" if self._who() == C2S else "the server"
        endings = {
            "fin": f"; {who} closed the connection {later(waited)}",
            "rst": f"; the connection was reset {later(waited)}",
        }
        if step is not None and not step.answer and how == "fin" and self._who() == S2C:
            text = f"{self._asked_for(step)} was refused without a word: the server closed the connection"
            endings = {"fin": f" {later(waited)}"}
        given_up = how in endings or how == "idle" or waited > PATIENCE_NS
        text += endings.get(how, f"; the capture ends {later(waited)}" if how else " so far") + "."
        outcome = "failed" if given_up and role != "probe" else "incomplete"
        code, number = (step.code or None, step.answer or step.number) if step is not None else (None, None)
        return Verdict(role, reached, outcome, code, number, text)

    def _what(self) -> str:
        """What the session is, as the subject of a sentence."""
        return {"publish": "Publish", "play": "Play"}.get(self._role(), "The session") + self._place()

    def _asked_for(self, step: _Step) -> str:
        if step is self._connect:
            return f'Connect to the application "{self.app}"' if self.app else "Connect"
        return step.name if step is self._create else step.name.capitalize() + self._place()

    def _place(self) -> str:
        """ " of live/••••": the application, never the stream."""
        return f" of {self.app}/••••" if self.app and self._wish is not None else ""

    def _health(self) -> str:
        """What happened to the media on its way, to be added to a sentence."""
        direction = self._media_direction()
        stalls = sum(stream.stalls for stream in self._timeline().streams if stream.direction == direction)
        if not stalls:
            return ""
        again = self._connection.tcp[direction].retransmissions
        closed = self._connection.tcp[1 - direction].zero_windows
        causes = [f"TCP sent {again:,} segments again"] if again else []
        causes += [f"the receiver closed its window {closed:,} times"] if closed else []
        times = "once" if stalls == 1 else f"{stalls:,} times"
        return f"; it stalled {times}" + (f" ({', '.join(causes)})" if causes else "")


def _app_and_intent(body: Field) -> tuple[str, str]:
    """The application, without what may follow its first part (instances, queries, keys), and who would connect so."""
    command_object = body.child("command_object") or Field("")
    app = command_object.get("app")
    first = re.split("[/?]", app, maxsplit=1)[0] if isinstance(app, str) else ""
    intent = "publish" if command_object.get("type") == "nonprivate" else "unknown"  # FFmpeg, librtmp, OBS
    return first if PLAIN_APP.fullmatch(first) else "", intent


def _authentication(body: Field) -> tuple[str, str] | None:
    found = information(body)
    description = str(found.get("description")) if found is not None else ""
    for words, outcome, text in AUTHENTICATION:
        if words in description:
            return outcome, text
    return None


def verdict_of(connection: Connection) -> Verdict | None:
    """How far the session got, None where nobody watched its steps."""
    session = connection.analysis.get("session")
    return None if session is None else session.verdict()  # type: ignore[attr-defined]


def register(registry: Door) -> None:
    registry.annotator(Session)
