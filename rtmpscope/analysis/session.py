"""How far a session got and why it stopped there: a verdict at any time, made of the steps so far.

The verdict goes through a few questions in order: is it RTMP at all, was a step refused, did the server throw the
client out, and if not, how did the furthest step end.  Silence is held against a side only where all of its packets
were captured: a verdict that packets are missing for says so and blames nobody.  Nor does it call a session well of
which it knows one side alone: what made a client leave may be what the server said.

A verdict is read by people who did not ask for RTMP: one sentence, no jargon that could be left out, and never
the name of a stream, which often is a key.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.analysis.annotator import Door
from rtmpscope.analysis.media_stream import MediaStream
from rtmpscope.analysis.session_facts import REFUSAL_NS, SessionFacts
from rtmpscope.analysis.steps import RECONNECT, UNPUBLISHED, Step
from rtmpscope.analysis.transactions import PATIENCE_NS
from rtmpscope.analysis.words import because, later, often, seconds
from rtmpscope.model import C2S, S2C, UNKNOWN, Connection, Verdict

PAST_NS: Final = 1_000_000_000  # media that was on its way when the server ended the session
QUIET_NS: Final = 3_000_000_000  # media that paused for longer has stopped
EXTENDED_MS: Final = 0xFFFFFF  # timestamps from here on take four more bytes
STUMBLE_MS: Final = 10_000  # how soon a server hangs up that cannot read them
UNANSWERED_SYN_NS: Final = 900_000_000  # TCP asks again after a second

# What a connection may carry instead: role, outcome and sentence.
OTHERS: Final = {
    "http": ("unknown", "not_rtmp", "This is HTTP, not RTMP: a browser, a health check, or RTMP tunnelled in HTTP."),
    "ssh": ("unknown", "not_rtmp", "This is SSH, not RTMP: an SSH server on this port, or a client on the wrong one."),
    "tls": ("unknown", "encrypted", "This is TLS: RTMPS perhaps, readable only with the key log of one side."),
    "rtmpe": ("unknown", "encrypted", "This is RTMPE: only the handshake can be read, the rest is encrypted."),
    "policy_file": ("probe", "not_rtmp", "A Flash Player asked for the policy file, as it does before it connects."),
    "unknown": ("unknown", "not_rtmp", "This is not RTMP: the first bytes are no handshake and no chunks follow."),
}
TLS_UNANSWERED: Final = (
    "The client speaks TLS, as RTMPS does, and the server never answered: it expects rtmp:// on this port."
)
# What a server speaks whose S0 begins so, in words; versions above 31 are there to tell text from RTMP (RTMP 5.2.2).
LANGUAGES: Final = {
    ord("H"): "HTTP: a web server listens on this port",
    ord("S"): "SSH or the like: this is not the port of the RTMP server",
    0x15: "TLS: the port is for rtmps://",
    0x16: "TLS: the port is for rtmps://",
}
TEXT: Final = 32
# Handshakes that were not followed by anything: the parts that came, role and sentence; the fullest first.
HANDSHAKES: Final = (
    ({"S0", "S1", "S2", "C2"}, "probe", "The handshake was complete, but the client never asked to connect"),
    ({"S0", "S1", "S2"}, "unknown", "The server did its part of the handshake, but the client did not finish it"),
    ({"S0"}, "unknown", "The server began to answer the handshake, but did not finish it"),
    ({"C0"}, "unknown", "The client began the handshake, the server did not answer"),
)
# What to look at when the server refuses without a word.
ADVICE: Final = {
    "connect": "check the application's name and the server's log",
    "createStream": "see the server's log",
    "publish": "check the key, the name and the server's log",
    "play": "check the name and the server's log",
}
# Steps as people name them.
STEPS: Final = {"handshake": "the handshake", "create_stream": "createStream"}

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
REDIRECTED: Final = "The server sends the client to another address; a client that follows connects there."
REASON_MISSING: Final = (
    "Connect was rejected by the server; the reason, which may be that it wants a password, is missing in the capture."
)


class Session(SessionFacts):
    """verdict() may be asked at any time."""

    name: Final = "session"

    def verdict(self) -> Verdict:
        """How far the session got, by the events so far."""
        for judge in (
            self._carries_something_else,
            self._speaks_something_else,
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
            server = self._connection.tcp[S2C]
            if carries == "tls" and self._how() in ("fin", "rst") and server.packets and not server.bytes:
                text = TLS_UNANSWERED
            return Verdict(role, "handshake" if carries == "rtmpe" else "tcp", outcome, None, None, text)
        return self._nothing_sent() if carries == "nothing" else None

    def _nothing_sent(self) -> Verdict:
        """TCP alone."""
        tcp, how = self._connection.tcp, self._how()
        if not self._began() or not tcp[C2S].packets:
            return self._joined_late()
        if not tcp[S2C].packets:
            if how in ("fin", "rst"):  # nobody ends what was not answered
                return self._joined_late()
            waited = self._connection.last_time_ns - self._connection.time_ns
            if waited > UNANSWERED_SYN_NS and tcp[C2S].packets == 1:  # TCP would have asked again
                return self._joined_late()
            outcome, still = ("failed", "") if waited > UNANSWERED_SYN_NS else ("incomplete", ", so far")
            text = f"The server did not answer the TCP connection at all{still}."
            return Verdict("probe", "tcp", outcome, None, None, text)
        if self._connection.tcp_rtt_ns == UNKNOWN and how == "rst" and tcp[S2C].resets:
            text = "The server refused the TCP connection: nothing listens on this port."
            return Verdict("probe", "tcp", "failed", None, None, text)
        if any(time_ns != UNKNOWN for time_ns in self._lost_ns):
            text = "What was said on this TCP connection is missing in the capture."
            return Verdict("unknown", "tcp", "incomplete", None, None, text)
        if not how or (how == "capture_end" and self._end_ns() - self._connection.time_ns < PATIENCE_NS):
            text = "A TCP connection on which nothing was sent so far."
            return Verdict("unknown", "tcp", "incomplete", None, None, text)
        text = "A TCP connection on which nothing was sent: a port check, or a client that hung before its first byte."
        return Verdict("probe", "tcp", "incomplete", None, None, text)

    def _speaks_something_else(self) -> Verdict | None:
        """The client speaks RTMP, and the server answers with something that is none."""
        version = self._server_version
        language = LANGUAGES.get(version, "another protocol" if version >= TEXT else "")
        if not language or (self._connect is not None and self._connect.answer):
            return None
        text = f"The server answered the handshake in {language}."
        return Verdict(self._role(), "handshake", "not_rtmp", None, None, text)

    def _no_message(self) -> Verdict | None:
        """The handshake, as far as it got."""
        if self._connect or any(self._connection.counts) or not self._parts:
            return None
        for parts, role, text in HANDSHAKES:
            if parts <= self._parts:
                if role == "probe" and self._server_ended():
                    return self._unanswered("unknown", "handshake", None, "The handshake was complete")
                so_far = "The handshake is complete" if role == "probe" else text
                return self._unanswered(role, "handshake", None, text, so_far)
        return self._unanswered("unknown", "handshake", None, "The handshake broke off half way")

    def _refused(self) -> Verdict | None:
        for step, reached in ((self._connect, "connect"), (self._create, "create_stream"), (self._wish, "")):
            if step is None or not step.refused:
                continue
            outcome, text = "failed", f"{self._asked_for(step)} rejected by the server{because(step.code)}."
            if step is self._connect:
                outcome, text = self._goes_on() or (outcome, text)
            return Verdict(self._role(), reached or step.name, outcome, step.code or None, step.answer, text)
        if self._object_error is not None and not self._object_used and not self._unseen(self._connection.time_ns):
            code, number = self._object_error
            text = f"A shared object was refused by the server{because(code)}."
            return Verdict("shared_object", "connect", "failed", code or None, number, text)
        return None

    def _goes_on(self) -> tuple[str, str] | None:
        """Outcome and sentence where a refused connect is but one round of several, or may be."""
        if self._redirected:
            return "incomplete", REDIRECTED
        for words, outcome, text in AUTHENTICATION:
            if words in self._reason:
                return outcome, text
        return ("incomplete", REASON_MISSING) if self._reason_cut else None

    def _thrown_out(self) -> Verdict | None:
        """The server ended it, unless media went on all the same."""
        if self._dismissed is None:
            return None
        code, number, told_ns = self._dismissed
        time_ns = self._heard_ns(told_ns)
        if code == UNPUBLISHED and self._role() != "publish":
            return None
        if UNKNOWN != self._goodbye_ns <= time_ns:  # packets were missing, it came to light late
            return None
        if code == UNPUBLISHED and self._may_have_left():
            return None
        if self._last_media_ns() - time_ns > PAST_NS:
            return None
        after = f" after {self._media()}" if self._has_media() else ""
        ended = "ended" if after or self._told is None else "refused or ended"  # the request was not seen
        text = f"{self._what()} was {ended} by the server{after}{because(code)}."
        return Verdict(self._role(), "media" if after else self._reached(), "failed", code or None, number, text)

    def _with_media(self) -> Verdict | None:
        """Media flows or flowed: how it ended."""
        if not self._has_media():
            return None
        what = f"{self._what()}: {self._media()}"
        reached = self._reached()
        if self._reconnect:
            text = f"{what}, then the server asked the client to move to another connection{self._one_sided()}."
            return self._with_code(reached, self._well(), RECONNECT, self._reconnect, text)
        outcome, how = self._media_end(reached)
        return self._judged(reached, outcome, f"{what}, {how}{self._health()}{self._one_sided()}.")

    def _media_end(self, reached: str) -> tuple[str, str]:
        """Outcome and words for the end of a session with media."""
        if self._finished is not None and self._finished[0] == UNPUBLISHED and not self._took_leave():
            return "incomplete", "then the server ended it; whether the client asked for that is missing in the capture"
        if reached == "teardown":
            return self._taken_leave()
        return self._hung_up() if self._how() in ("fin", "rst") else self._not_ended()

    def _taken_leave(self) -> tuple[str, str]:
        """The client said goodbye, or the server that it was over."""
        if self._may_be_refused():
            return "incomplete", "then the client took its leave; whether it was refused is missing in the capture"
        left = self._goodbye_ns - self._last_media_ns()
        if left > QUIET_NS and self._finish() is None and not self._paused:
            return self._well(), f"then nothing for {seconds(left)} until the client left"
        if self._one_sided():
            who = "the client left" if self._took_leave() else "the server said it was over"
            return "incomplete", f"then {who}"
        return "ok", "ended as it should"

    def _hung_up(self) -> tuple[str, str]:
        """TCP ended without a goodbye."""
        how, ending = self._how(), self._ending()
        if self._unseen(self._last_media_ns()):
            return "incomplete", f"then {ending}; what was said before that is missing in the capture"
        quiet = self._end_ns() - self._last_media_ns()
        then = f"then nothing for {seconds(quiet)} until" if quiet > QUIET_NS else "then"
        if self._server_ended():
            return "failed", f"{then} {ending} without a word{self._taken_back() or self._stumbled()}"
        if how == "fin" and self._torn and self._role() == "publish":
            return "failed", f"{then} {ending} in the middle of a message: it crashed, or was stopped"
        if how == "fin":
            return "ok", f"{then} {ending} without a word"
        if self._role() == "play":
            return "ok", f"{then} {ending}, as players do"
        return "failed", f"{then} {ending}: it crashed, or closed in a hurry"

    def _not_ended(self) -> tuple[str, str]:
        """The connection is open: media flows, rests, or has stopped."""
        quiet = self._end_ns() - self._last_media_ns()
        closed = self._connection.tcp[1 - self._media_direction()].zero_windows
        if quiet > (PAST_NS if closed else QUIET_NS) and not self._paused:
            if self._unseen(self._last_media_ns()):
                return "incomplete", self._what_came_after(self._last_media_ns())
            who = "the receiver does not read, it closed its TCP window" if closed else "the sender hangs or is gone"
            return "failed", f"then nothing for {seconds(quiet)}: {who}"
        going = "paused" if self._paused else "still flowing"
        return self._well(), f"{going} when the capture ends" if self._how() else going

    def _well(self) -> str:
        """The outcome where nothing bad was seen."""
        return "incomplete" if self._one_sided() else "ok"

    def _without_media(self) -> Verdict | None:
        """No media: the last step the client took, and what it waits for."""
        wish, create, connect = self._wish, self._create, self._connect
        role = self._role()
        if wish is None and self._told is not None:
            name, code, number = self._told
            text = f"The session got as far as {name}; what came after is missing in the capture."
            return Verdict(role, name, "incomplete", code, number, text)
        if wish is not None:
            if not wish.answer:
                text = f"{self._asked_for(wish)} was not answered by the server"
                return self._unanswered(role, wish.name, wish, text)
            finish = self._finish()
            if finish is not None and not self._unseen(wish.time_ns):
                code, number, _ = finish
                text = f"{self._asked_for(wish)} was granted and ended by the server, without media{because(code)}."
                return self._with_code(wish.name, "failed", code, number, text)
            return self._granted_in_vain(wish)
        if create is not None:
            if not create.answer:
                text = "createStream was not answered by the server"
                return self._unanswered(role, "create_stream", create, text)
            text = "A stream was created, but neither publish nor play was asked for"
            return self._unanswered(role, "create_stream", create, text, "A stream is created")
        if connect is None:
            return None
        if not connect.answer:
            text = f"{self._asked_for(connect)} was not answered by the server"
            return self._unanswered(role, "connect", connect, text)
        if self._objects or self._calls:
            calls = "One remote call" if self._calls == 1 else f"{self._calls:,} remote calls"
            what = "Shared objects" if self._objects else calls
            refused = f", but a request was refused{because(self._object_error[0])}" if self._object_error else ""
            text = f"{what} and no stream{refused}."
            return self._with_code(self._reached(), "ok", connect.code, connect.answer, text)
        text = "The client connected and asked for nothing: a check, or it hung"
        return self._unanswered("probe", "connect", connect, text, "The client is connected")

    def _granted_in_vain(self, wish: Step) -> Verdict:
        """Publish or play was granted and no frame came."""
        text = f"{self._asked_for(wish)} was granted, but "
        direction = self._media_direction()
        waited = self._end_ns() - self._answered_ns(wish)
        if self._server_ended() and waited < PATIENCE_NS and not self._unseen(self._answered_ns(wish)):
            text += f"{self._ending()} {later(waited)}, before any media{self._taken_back()}."
            return self._with_code(wish.name, "failed", wish.code, wish.answer, text)
        sender = ("the client", "the server")[direction]
        headers = any(stream.direction == direction for stream in self._timeline().streams)
        text += f"{sender} sent only sequence headers and no frame" if headers else f"{sender} never sent media"
        return self._unanswered(wish.name, wish.name, wish, text)

    def _joined_late(self) -> Verdict:
        beginning = "" if self._parts else "without its beginning and "
        text = f"The capture shows only a part of this session, {beginning}without media{self._one_sided()}."
        return Verdict(self._role(), "handshake" if self._parts else "tcp", "incomplete", None, None, text)

    # Words

    def _media(self) -> str:
        """ "12.0 s of media" """
        direction = self._media_direction()
        streams = sum(
            stream.direction == direction and stream.message_stream_id != UNKNOWN for stream in self._timeline().streams
        )
        on = f" on {streams} streams" if streams > 1 else ""
        return f"{self._timeline().duration_ms(direction) / 1000:.1f} s of media{on}"

    def _ending(self) -> str:
        """ "the client closed the connection" """
        if self._how() == "fin":
            return f"{('the client', 'the server')[self._who()]} closed the connection"
        if self._server_ended():
            return "the server reset the connection"
        return "the client reset the connection" if self._reset_by(C2S) else "the connection was reset"

    def _taken_back(self) -> str:
        """What it means that the server hung up, if that was soon after it granted publish or play."""
        wish = self._wish
        if wish is None or not wish.answer or self._end_ns() - self._answered_ns(wish) > REFUSAL_NS:
            return ""
        return ", so soon that this is a refusal: check the key, the name and the server's log"

    def _stumbled(self) -> str:
        """What a server that hung up may have stumbled over: extended timestamps that had just begun (RTMP 5.3.1.3)."""
        if "extended-timestamp-not-repeated" not in self._connection.note_counts or self._role() != "publish":
            return ""
        streams = [stream for stream in self._timeline().streams if stream.direction == C2S]
        since_ms = min((min(stream.now_ms - EXTENDED_MS, stream.duration_ms) for stream in streams), default=0)
        if not 0 <= since_ms < STUMBLE_MS:
            return ""
        return "; extended timestamps had just begun, the client does not repeat them, and some servers lose sync there"

    def _judged(self, reached: str, outcome: str, text: str) -> Verdict:
        """A verdict that the wish's answer decided, where there was one."""
        wish = self._wish
        if wish is None or not wish.answer:
            return Verdict(self._role(), reached, outcome, None, None, text)
        return self._with_code(reached, outcome, wish.code, wish.answer, text)

    def _with_code(self, reached: str, outcome: str, code: str, number: int, text: str) -> Verdict:
        return Verdict(self._role(), reached, outcome, code or None, number, text)

    def _unanswered(self, role: str, reached: str, step: Step | None, text: str, so_far: str = "") -> Verdict:
        """A session that stopped in the middle: failed when it was given up, else only not finished.

        What is said of it while it may go on is `so_far`, where that is less than `text`.
        """
        shaken = [self._connection.client_ns(way, time_ns) for way, time_ns in enumerate(self._shaken_ns) if time_ns]
        asked = max(shaken, default=self._connection.time_ns)
        if step is not None:
            asked = self._answered_ns(step) if step.answer else step.time_ns
        code, number = (step.code or None, step.answer or step.number) if step is not None else (None, None)
        if self._unseen(asked) or (step is None and not self._began()):
            step_name = STEPS.get(reached, reached)
            text = f"The session got as far as {step_name}; {self._what_came_after(asked)}."
            return Verdict(role if role != "probe" else self._role(), reached, "incomplete", code, number, text)
        waited = self._end_ns() - asked
        given_up = self._how() in ("fin", "rst", "idle") or waited > PATIENCE_NS
        if so_far and not given_up:
            role, text = self._role(), so_far
        outcome = "failed" if given_up and role != "probe" else "incomplete"
        return Verdict(role, reached, outcome, code, number, f"{self._stopped(text, step, waited)}.")

    def _stopped(self, text: str, step: Step | None, waited: int) -> str:
        """The sentence, and how the connection went on after so many ns."""
        how = self._how()
        if how not in ("fin", "rst"):
            return text + (f"; the capture ends {later(waited)}" if how else " so far")
        ending = f"{self._ending()} {later(waited)}"
        if step is not None and not step.answer and self._server_ended() and waited < PATIENCE_NS:
            return f"{self._asked_for(step)} was refused without a word: {ending}; {ADVICE[step.name]}"
        return f"{text}; {ending}"

    def _what(self) -> str:
        """What the session is, as the subject of a sentence."""
        return {"publish": "Publish", "play": "Play"}.get(self._role(), "The session") + self._place()

    def _asked_for(self, step: Step) -> str:
        if step is self._connect:
            return f'Connect to the application "{self.app}"' if self.app else "Connect"
        return step.name if step is self._create else step.name.capitalize() + self._place()

    def _place(self) -> str:
        """ " of live/••••": the application, never the stream."""
        return f" of {self.app}/••••" if self.app and self._wish is not None else ""

    def _health(self) -> str:
        """What happened to the media on its way, to be added to a sentence."""
        direction = self._media_direction()
        streams = [stream for stream in self._timeline().streams if stream.direction == direction]
        missing = "".join(_missing(stream) for stream in streams)
        stalls = sum(stream.stalls for stream in streams)
        if not stalls:
            return missing
        again = self._connection.tcp[direction].retransmissions
        closed = self._connection.tcp[1 - direction].zero_windows
        causes = [f"TCP sent {again:,} segment{'s'[: again > 1]} again"] if again else []
        causes += [f"the receiver closed its window {often(closed)}"] if closed else []
        return f"{missing}; it stalled {often(stalls)}" + (f" ({', '.join(causes)})" if causes else "")

    def _one_sided(self) -> str:
        """Which side alone was captured, where the verdict cannot know what the other said."""
        for direction, side in ((C2S, "client's"), (S2C, "server's")):
            if not self._connection.tcp[1 - direction].packets:
                return f"; only the {side} side was captured"
        return ""


def _missing(stream: MediaStream) -> str:
    """What players cannot show, because its sequence header or every frame of it is missing."""
    headless = [f"; no sequence header came for {track.codec}, players cannot decode it" for track in stream.headless]
    absent = [f"; of {track.codec} {track.kind} only the sequence header came, and no frame" for track in stream.absent]
    return "".join(headless + absent)


def verdict_of(connection: Connection) -> Verdict | None:
    """How far the session got, None where nobody watched its steps."""
    session = connection.analysis.get("session")
    return None if session is None else session.verdict()  # type: ignore[attr-defined]


def register(registry: Door) -> None:
    registry.annotator(Session)
