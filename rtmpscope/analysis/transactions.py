"""Calls and their answers: links the messages of both, measures how long it took, and says what found no partner.

A request with a transaction id is answered by `_result` or `_error` with the same number from the other side
(RTMP 7.1.1).  What is asked of a stream (publish, play, seek, pause) is decided by an onStatus instead, which
carries no usable number: its code and its stream say what it answers (7.2.2).  The other side's own requests
have numbers of their own, so a server's transaction 2 never answers the client's.

Where bytes were lost, or the capture began late or holds one side only, a missing partner is nobody's fault.
What stands behind a hole comes to light late, so an answer may come before its request: it is kept until then.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.analysis.annotator import Door
from rtmpscope.analysis.measure import Spread
from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.analysis.words import call_name
from rtmpscope.limits import ANSWERS_REMEMBERED, CALLS_REMEMBERED, REQUESTS_UNDECIDED
from rtmpscope.model import (
    C2S,
    COMMAND_TYPES,
    S2C,
    UNKNOWN,
    Call,
    Connection,
    End,
    Field,
    Gap,
    Handshake,
    Message,
    Severity,
)
from rtmpscope.rtmp.commands import COMMANDS, is_error, status_code

ANSWERS: Final = frozenset({"_result", "_error"})
PATIENCE_NS: Final = 5_000_000_000  # an answer that takes longer is not awaited any more

# Beginnings of the status codes that decide a request; an error on its stream decides it as well.
DECIDED_BY: Final = {
    "publish": ("NetStream.Publish.Start", "NetStream.Publish.BadName"),
    "play": ("NetStream.Play.Start", "NetStream.Play.StreamNotFound", "NetStream.Play.Failed"),
    "play2": ("NetStream.Play.Transition", "NetStream.Play.Start", "NetStream.Play.Failed"),
    "seek": ("NetStream.Seek.",),
    "pause": ("NetStream.Pause.", "NetStream.Unpause."),
    "pauseRaw": ("NetStream.Pause.", "NetStream.Unpause."),
}
# Commands that answer commands, where the server sends no `_result`.
ANSWERED_BY: Final = {
    "onFCPublish": "FCPublish",
    "onFCUnpublish": "FCUnpublish",
    "onFCSubscribe": "FCSubscribe",
    "playlist_ready": "set_playlist",
}
LOOSELY_ANSWERED: Final = frozenset({"connect", *ANSWERED_BY.values()})
# How bad it is that nothing answers: other commands of the protocol are often left without, calls of
# applications expect one.
EXPECTED: Final = {
    "connect": Severity.WARNING,
    "createStream": Severity.WARNING,
    "publish": Severity.WARNING,
    "play": Severity.WARNING,
    "getStreamLength": Severity.CHAT,  # nginx has no such method
    "_checkbw": Severity.CHAT,
}

# Media in this direction shows that what was asked was granted, whether or not a server said so.
ANSWERED_BY_MEDIA: Final = {"publish": C2S, "play": S2C}


class _Request:
    """A call and how it was asked."""

    __slots__ = ("call", "message_stream_id", "transaction_id")

    def __init__(self, call: Call, message_stream_id: int, transaction_id: float) -> None:
        self.call: Final = call
        self.message_stream_id: Final = message_stream_id
        self.transaction_id: Final = transaction_id


class _Side:
    """What one side asked.

    issued      by transaction id, in order
    undecided   what an onStatus has still to decide
    early       answers, and onStatus, that answered nothing so far
    latest      the last request of a name that some servers do not answer by number
    complete    nothing that it asked can be missing from the capture
    speaks      it said something at all
    lost_ns     when an answer to it may have been lost or missed, for the last time
    """

    __slots__ = ("issued", "undecided", "early", "latest", "complete", "speaks", "lost_ns")

    def __init__(self) -> None:
        self.issued: dict[float, _Request] = {}
        self.undecided: list[_Request] = []
        self.early: list[tuple[Message, Field]] = []
        self.latest: dict[str, _Request] = {}
        self.complete = False
        self.speaks = False
        self.lost_ns = UNKNOWN

    def add(self, request: _Request) -> None:
        if request.transaction_id > 0:
            self.issued.pop(request.transaction_id, None)  # used again: the newest counts, and comes last
            self.issued[request.transaction_id] = request
            if len(self.issued) > CALLS_REMEMBERED:
                del self.issued[next(iter(self.issued))]
                self.complete = False
        if request.call.name in DECIDED_BY:
            self.undecided.append(request)
            del self.undecided[:-REQUESTS_UNDECIDED]
        if request.call.name in LOOSELY_ANSWERED:
            self.latest[request.call.name] = request

    def waiting(self) -> list[Call]:
        """Calls without an answer that was not lost either, in order."""
        asked = {request.call for request in (*self.issued.values(), *self.undecided)}
        waiting = (call for call in asked if not call.answer and call.request_time_ns > self.lost_ns)
        return sorted(waiting, key=lambda call: call.request)


class Transactions:
    """Sets `message.call`; latencies has the answer times in ns by command."""

    name: Final = "transactions"
    types: Final = COMMAND_TYPES

    def __init__(self, connection: Connection) -> None:
        self.latencies: dict[str, Spread] = {}
        self._connection: Final = connection
        self._sides = (_Side(), _Side())
        self._ends = 0

    def on_handshake(self, part: Handshake) -> None:
        side = self._sides[part.direction]
        side.speaks = True
        side.complete = side.complete or part.part[1] == "0"

    def on_gap(self, gap: Gap) -> None:
        """Lost are requests, answers, and what a request that comes to light late was answered before."""
        self._sides[gap.direction].complete = False
        for side in self._sides:
            side.lost_ns = max(side.lost_ns, gap.time_ns)

    def on_message(self, message: Message, body: Field | None) -> None:
        name = "" if body is None else str(body.get("name") or "")
        if body is None or not name:
            return
        self._sides[message.direction].speaks = True
        asker = self._sides[1 - message.direction]
        if name in ANSWERS or name == "onStatus":
            if not self._answers(message, body, asker):
                asker.early.append((message, body))
                del asker.early[:-ANSWERS_REMEMBERED]
        elif name in ANSWERED_BY:
            self._link(message, asker.latest.get(ANSWERED_BY[name]))
        else:
            self._ask(message, body, name)

    def on_end(self, end: End) -> None:
        self._ends += 1
        if self._ends < 2:
            return
        for direction in (0, 1):
            if self._sides[1 - direction].speaks:
                self._unanswered(end, self._sides[direction])
            self._unasked(end, self._sides[direction])

    # Requests

    def _ask(self, message: Message, body: Field, name: str) -> None:
        transaction_id = _number(body)
        if transaction_id == 0 and name not in DECIDED_BY:
            return  # no answer wanted (RTMP 7.1.1)
        message.call = Call(name, message.number, message.time_ns)
        side = self._sides[message.direction]
        side.add(_Request(message.call, message.message_stream_id, transaction_id))
        later = [(answer, said) for answer, said in side.early if self._heard_ns(answer, message) > message.time_ns]
        side.early = [(answer, said) for answer, said in later if not self._answers(answer, said, side)]

    def _unanswered(self, end: End, side: _Side) -> None:
        """One note for all that waited long enough, as grave as the gravest."""
        silent = [
            (expected, call)
            for call in side.waiting()
            if (expected := self._expected(call.name)) is not None
            and (end.how not in ("capture_end", "given_up") or end.time_ns - call.request_time_ns > PATIENCE_NS)
        ]
        if silent:
            shown = ", ".join(f"{call_name(call.name)} (message {call.request:,})" for _, call in silent[:5])
            more = f" and {len(silent) - 5:,} more" if len(silent) > 5 else ""
            text = f"never answered: {shown}{more}; the other side does not know it, hung, or hung up"
            end.note("no-reply", max(severity for severity, _ in silent), text)

    def _expected(self, name: str) -> Severity | None:
        """How bad it is if this command stays without an answer, None where that is usual."""
        if name in ANSWERED_BY_MEDIA and self._has_media(ANSWERED_BY_MEDIA[name]):
            return Severity.NOTE
        return EXPECTED.get(name) if name in COMMANDS or name.startswith("on") else Severity.NOTE

    def _has_media(self, direction: int) -> bool:
        timeline = self._connection.analysis.get("media_timeline")
        return isinstance(timeline, MediaTimeline) and timeline.span(direction)[0] > 0

    # Answers

    def _answers(self, message: Message, body: Field, asker: _Side) -> bool:
        """Link an answer to what it answers; False where there is nothing that it could be meant for, so far."""
        name = body.get("name")
        if name == "onStatus":
            return self._decides(message, body, asker)
        request = asker.issued.get(_number(body))
        if request is None:
            return self._stray(message, body, asker)
        if name == "_error" or request.call.name not in DECIDED_BY:  # publish is decided by onStatus alone
            self._link(message, request)
        return True

    def _stray(self, message: Message, body: Field, asker: _Side) -> bool:
        """An answer to a number that was not asked; some cameras answer connect with 0 or 5."""
        name, transaction_id = body.get("name"), _number(body)
        connect = asker.latest.get("connect")
        if connect is not None and not connect.call.answer and status_code(body).startswith("NetConnection.Connect."):
            self._link(message, connect)
            text = (
                f"{name} carries transaction id {transaction_id:g}, connect was {connect.transaction_id:g}: "
                "taken for its answer, a strict client goes on waiting"
            )
            message.note("reply-unmatched", Severity.NOTE, text)
            return True
        if asker.complete and transaction_id <= max(asker.issued, default=0):  # numbers grow: it is not to come
            text = f"{name} to transaction {transaction_id:g}, which was never asked: clients ignore it, SRS gives up"
            message.note("reply-unmatched", Severity.NOTE, text)
            return True
        return False

    def _unasked(self, end: End, side: _Side) -> None:
        """Answers to requests that did not come to light until the end, though nothing is missing."""
        unasked = [message.number for message, body in side.early if body.get("name") in ANSWERS]
        if unasked and side.complete:
            listed = ", ".join(f"message {number:,}" for number in unasked)
            text = f"answers to transactions that were never asked: {listed}; clients ignore them, SRS gives up"
            end.note("reply-unmatched", Severity.NOTE, text)

    def _decides(self, message: Message, body: Field, asker: _Side) -> bool:
        """An onStatus: the oldest request it can decide, on its own stream first; some servers use stream 0."""
        code = status_code(body)
        error = is_error(body)
        if code.startswith("NetConnection."):
            # SRS refuses connect this way
            request = asker.latest.get("connect") if error else None
        else:
            able = [request for request in asker.undecided if error or code.startswith(DECIDED_BY[request.call.name])]
            own = [request for request in able if request.message_stream_id == message.message_stream_id]
            elsewhere = able if message.message_stream_id == 0 or len(able) == 1 else []
            request = next(iter(own or elsewhere), None)
        self._link(message, request)
        return request is not None

    def _heard_ns(self, answer: Message, now: Message) -> int:
        """When an answer was sent, by the clock of the side that asked, as far as that is known now."""
        ahead = self._connection.ahead_ns(now.ready)
        return answer.time_ns - (ahead if answer.direction == S2C else -ahead)

    def _link(self, message: Message, request: _Request | None) -> None:
        """Answer a request, unless it has an answer already."""
        if request is None or request.call.answer:
            return
        call = request.call
        call.answer = message.number
        call.answer_time_ns = self._heard_ns(message, message)
        message.call = call
        name = call_name(call.name)
        self.latencies.setdefault(name, Spread()).add(call.latency_ns)
        for side in self._sides:
            if request in side.undecided:
                side.undecided.remove(request)


def _number(body: Field) -> float:
    """The transaction id; 0 where there is none, which is how RTMP says that no answer is wanted."""
    value = body.get("transaction_id")
    return float(value) if isinstance(value, (int, float)) and value == value else 0.0


def register(registry: Door) -> None:
    registry.annotator(Transactions)
