"""The flow-control ledger: what each side sent, what the other acknowledged, and who waits for whom.

Each direction has a Ledger.  Its bytes are counted from the stream offsets of its messages; the other side's
acknowledgements are held against them.  How peers count differs, so the check is tolerant: some count the
handshake and some do not, some begin again at 0xf0000000, some after every acknowledgement (livego), some
never send any (go2rtc).  What a capture that is one-sided, cut or begun late cannot show is not complained about.
Every message passes here, so the common path is a few comparisons.

RTMP 5.4.3 to 5.4.5 (acknowledgement, windows), 7.1.7 (pings).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from rtmpscope.analysis.annotator import Door
from rtmpscope.analysis.measure import SECOND_NS, Spread
from rtmpscope.limits import PINGS_REMEMBERED
from rtmpscope.model import (
    ACKNOWLEDGEMENT,
    SET_PEER_BANDWIDTH,
    UNKNOWN,
    USER_CONTROL,
    WINDOW_ACK_SIZE,
    Connection,
    End,
    Field,
    Gap,
    Handshake,
    Message,
    Severity,
)

HANDSHAKE_BYTES: Final = 3073
PING_NS: Final[i64] = 30 * SECOND_NS  # nginx drops a client that leaves a ping unanswered for so long
WAIT_NS: Final[i64] = SECOND_NS  # a pause worth explaining
OVERDUE_NS: Final[i64] = 3 * SECOND_NS  # how long two windows may be on their way: longer than a hole stays open
BESIDE_NS: Final[i64] = SECOND_NS // 10  # how new the last data must be to say how much was sent
RESUME_NS: Final[i64] = SECOND_NS // 2  # data this soon after an acknowledgement was waiting for it
HALF: Final[i64] = 1 << 31
MASK: Final[i64] = (1 << 32) - 1
# Where counters begin again: nginx and SRS after 0xf0000000, Red5 at 2^31 - 1.
RESTARTS: Final = (0xF0000000, (1 << 31) - 1)


class Ledger:
    """One direction's account; bytes are counted from the beginning of its stream, the handshake included.

    sent          bytes up to the last message
    window        bytes after which this side wants an acknowledgement, 0 while it has not said
    limit         Set Peer Bandwidth that this side received, 0 for none; limit_type as sent
    acks          acknowledgements received; `acked` the bytes they stand for, `ack_value` the last as sent
    dialect       "" until known, else "total" or "sawtooth" (each counts from zero)
    restarts      how often the counter began again
    most_unacked  the most that was on its way at an acknowledgement
    waits         pauses that an acknowledgement ended; waited_ns their sum
    """

    __slots__ = (
        "sent", "window", "limit", "limit_type", "acks", "acked", "ack_value", "dialect", "restarts",
        "most_unacked", "waits", "waited_ns", "seen", "largest", "last_ns", "blocked_ns", "overdue_ns", "silent",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sent: i64 = 0
        self.window: i64 = 0
        self.limit: i64 = 0
        self.limit_type: i64 = UNKNOWN
        self.acks: i64 = 0
        self.acked: i64 = 0
        self.ack_value: i64 = 0
        self.dialect = ""
        self.restarts: i64 = 0
        self.most_unacked: i64 = 0
        self.waits: i64 = 0
        self.waited_ns: i64 = 0
        self.seen = False
        self.largest: i64 = 0
        self.last_ns: i64 = 0
        self.blocked_ns: i64 = 0
        self.overdue_ns: i64 = 0
        self.silent = False

    @property
    def unacked(self) -> int:
        return self.sent - self.acked


class FlowControl:
    """ledgers[direction] for what that direction sent; pings are the round trips of ping requests, in ns."""

    name: Final = "flow_control"
    types: Final = None

    __slots__ = ("_connection", "ledgers", "pings", "pings_unanswered", "_whole", "_pending", "_early", "_ping_ns")

    def __init__(self, connection: Connection) -> None:
        self._connection: Final = connection
        self.ledgers: tuple[Ledger, ...] = (Ledger(), Ledger())
        self.pings = Spread()
        self.pings_unanswered: i64 = 0
        self._whole = [False, False]  # seen from its first byte and without a gap
        self._pending: dict[int, int] = {}  # ping timestamp: time of its request
        self._early: dict[int, int] = {}  # the same of responses whose request has not come to light
        self._ping_ns: i64 = 0  # when the oldest ping that may still be missed was sent

    def on_handshake(self, part: Handshake) -> None:
        if part.part[1] == "0":
            self._whole[part.direction] = True

    def on_gap(self, gap: Gap) -> None:
        self._whole[gap.direction] = False
        self._pending.clear()
        self._ping_ns = 0

    def on_message(self, message: Message, body: Field | None) -> None:
        ledger = self.ledgers[message.direction]
        end: i64 = message.offset + message.length
        if end > ledger.sent:
            ledger.sent = end
        if message.length > ledger.largest:
            ledger.largest = message.length
        if ledger.blocked_ns:
            self._unblocked(message, ledger)
        ledger.last_ns = message.time_ns
        ledger.seen = True
        if message.type_id <= SET_PEER_BANDWIDTH:
            self._control(message, ledger, body)
        if ledger.window and ledger.sent - ledger.acked > 2 * ledger.window:
            self._overdue(message, ledger)
        if self._ping_ns and message.time_ns - self._ping_ns > PING_NS:
            self._ping_missed(message)

    def on_end(self, end: End) -> None:
        if self._ping_ns and end.time_ns - self._ping_ns > PING_NS:
            self._ping_missed(end)

    # Control messages

    def _control(self, message: Message, ledger: Ledger, body: Field | None) -> None:
        if body is None or not body.children:
            return
        value = body.children[0].value
        type_id = message.type_id
        if type_id == USER_CONTROL:
            self._user_control(message, body)
        elif not isinstance(value, int):
            return
        elif type_id == ACKNOWLEDGEMENT:
            self._acknowledged(message, self.ledgers[1 - message.direction], value)
        elif type_id == WINDOW_ACK_SIZE:
            ledger.window = value
        elif type_id == SET_PEER_BANDWIDTH:
            limited = self.ledgers[1 - message.direction]
            limited.limit = value
            limit_type = body.get("limit_type")
            limited.limit_type = limit_type if isinstance(limit_type, int) else UNKNOWN

    def _acknowledged(self, message: Message, ledger: Ledger, value: i64) -> None:
        unacked: i64 = ledger.sent - ledger.acked
        if unacked > ledger.most_unacked:
            ledger.most_unacked = unacked
        if ledger.window and unacked >= ledger.window and message.time_ns - ledger.last_ns > WAIT_NS:
            ledger.blocked_ns = message.time_ns
        if self._whole[1 - message.direction]:
            self._count(message, ledger, value)
        else:
            ledger.acked = ledger.sent
        ledger.ack_value = value
        ledger.acks += 1
        ledger.overdue_ns = 0
        ledger.silent = False

    def _count(self, message: Message, ledger: Ledger, value: i64) -> None:
        """Turn the value into bytes of the stream, whichever way the peer counts."""
        before = ledger.ack_value
        forward: i64 = (value - before) & MASK
        if ledger.dialect == "sawtooth":
            ledger.acked = min(ledger.acked + value, ledger.sent)
        elif value < before and _restarted(before, value, ledger.largest + ledger.window):
            ledger.restarts += 1
            ledger.acked = ledger.sent
            text = f"the counter of acknowledged bytes begins again after {before:,}: usual after gigabytes"
            message.note("ack-restarted", Severity.CHAT, text)
        elif ledger.acks and forward >= HALF:
            ledger.dialect = "sawtooth"
            ledger.acked = ledger.sent
            text = f"acknowledges {value:,} bytes after {before:,}: this peer counts from 0 each time (livego does)"
            message.note("ack-sawtooth", Severity.NOTE, text)
        else:
            if ledger.acks:
                ledger.dialect = "total"
            self._beyond(message, ledger, value)
            ledger.acked = min(ledger.acked + forward if ledger.acks else value, ledger.sent)

    def _beyond(self, message: Message, ledger: Ledger, value: i64) -> None:
        """More than was sent; a message that is still on its way may be as large as the largest so far, twice."""
        slack: i64 = HANDSHAKE_BYTES + 65_536 + 2 * ledger.largest
        known: bool = message.time_ns - ledger.last_ns < BESIDE_NS  # else more may wait behind a hole
        if known and ledger.restarts == 0 and ledger.sent < HALF and value > ledger.sent + slack:
            text = f"acknowledges {value:,} bytes, but only about {ledger.sent:,} were sent: the peer counts wrong"
            message.note("ack-beyond-sent", Severity.NOTE, text)

    def _overdue(self, message: Message, ledger: Ledger) -> None:
        """More than two windows are on their way: for a moment that is a burst, after a while it is silence.

        A peer may count from behind the handshake (nginx does).
        """
        if ledger.sent - ledger.acked - HANDSHAKE_BYTES <= 2 * ledger.window:
            return
        ledger.overdue_ns = ledger.overdue_ns or message.time_ns
        if ledger.silent or message.time_ns - ledger.overdue_ns < OVERDUE_NS:
            return
        ledger.silent = True
        peer = self.ledgers[1 - message.direction]
        if not (peer.seen and self._whole[0] and self._whole[1]) or self._connection.ahead_ns(message.ready):
            return  # something is missing, or acknowledgements stand where another clock put them
        text = (
            f"{ledger.sent - ledger.acked:,} bytes without an acknowledgement, the window is {ledger.window:,}: "
            "a strict sender stops here; check the peer's acknowledgements"
        )
        message.note("ack-missing", Severity.WARNING, text)

    def _unblocked(self, message: Message, ledger: Ledger) -> None:
        paused: int = ledger.blocked_ns - ledger.last_ns
        if 0 <= message.first_time_ns - ledger.blocked_ns < RESUME_NS:
            ledger.waits += 1
            ledger.waited_ns += paused
            text = f"nothing was sent for {paused / 1e9:.1f} s until the acknowledgement came: the sender waited for it"
            message.note("waited-for-ack", Severity.NOTE, text)
        ledger.blocked_ns = 0

    # Pings

    def _user_control(self, message: Message, body: Field) -> None:
        event = body.get("event")
        stamp = body.get("timestamp")
        if not isinstance(stamp, int):
            return
        if event == "ping_request":
            if len(self._pending) < PINGS_REMEMBERED and self._early.pop(stamp, 0) <= message.time_ns:
                self._pending[stamp] = message.time_ns
                self._ping_ns = self._ping_ns or message.time_ns
        elif event == "ping_response":
            # FFmpeg answers with the timestamp plus one.
            sent_ns = self._pending.pop(stamp, None) or self._pending.pop(stamp - 1, None)
            if sent_ns is not None:
                self.pings.add(message.time_ns - sent_ns)
                self._ping_ns = min(self._pending.values(), default=0)
            elif len(self._early) < PINGS_REMEMBERED:
                self._early[stamp] = self._early[stamp - 1] = message.time_ns

    def _ping_missed(self, event: Message | End) -> None:
        waited: int = event.time_ns - self._ping_ns
        self.pings_unanswered += len(self._pending)
        self._pending.clear()
        self._ping_ns = 0
        if self.ledgers[0].seen and self.ledgers[1].seen:
            text = f"a ping was not answered for {waited / 1e9:.0f} s: the peer hangs or is gone, servers drop it"
            event.note("ping-unanswered", Severity.WARNING, text)


def _restarted(before: i64, value: i64, step: i64) -> bool:
    """Whether a counter began again where counters do: at 2^32 or at a place that software is known to use."""
    for place in RESTARTS:
        if before >= place - step and before <= place + step and value <= step:
            return True
    return before + step > MASK and value <= step


def register(registry: Door) -> None:
    registry.annotator(FlowControl)
