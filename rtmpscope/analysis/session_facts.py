"""What is so about a session, by its steps, its media and how TCP ended it: the ground that its verdict stands on.

Nothing here is worded for people, and nothing is blamed on anybody.  What cannot be known, because packets are
missing or one side was not captured, is a fact as well.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.analysis.steps import Step, Steps
from rtmpscope.model import C2S, S2C, UNKNOWN, End

REFUSAL_NS: Final = 1_000_000_000  # a server that hangs up so soon after it granted something takes that back


class SessionFacts(Steps):
    """All of it may be asked at any time."""

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

    def _began(self) -> bool:
        """Whether the beginning of TCP was captured, perhaps behind what came next."""
        return self._connection.client_known_by == "syn" or self._connection.tcp[C2S].syns > 0

    def _heard_ns(self, time_ns: int) -> int:
        """When by the client's clock something came from the server."""
        return self._connection.client_ns(S2C, time_ns)

    def _answered_ns(self, step: Step) -> int:
        return self._heard_ns(step.answer_ns)

    def _first_media_ns(self) -> int:
        direction = self._media_direction()
        first = [stream.first_ns for stream in self._timeline().streams if stream.direction == direction]
        return self._connection.client_ns(direction, min(first)) if first else 0

    def _last_media_ns(self) -> int:
        direction = self._media_direction()
        return self._connection.client_ns(direction, self._timeline().span(direction)[1])

    def _reached(self) -> str:
        if (self._took_leave() or self._finished) and (self._has_media() or self._wish is None):
            return "teardown"
        if self._has_media():
            return "media"
        if self._wish is not None:
            return self._wish.name
        if self._told is not None:
            return self._told[0]
        return "create_stream" if self._create is not None else "connect"

    def _took_leave(self) -> bool:
        """Whether the client said goodbye, and not to a server that had hung up."""
        first = self._first_end()
        if self._goodbye_ns == UNKNOWN or first is None or first.direction == C2S:
            return self._goodbye_ns != UNKNOWN
        if first.acked != UNKNOWN:
            return first.acked > self._goodbye_offset
        return self._goodbye_ns <= self._end_ns()

    def _finish(self) -> tuple[str, int, int] | None:
        """What the server said was over, if that was not because the client had said so."""
        if self._finished is None or UNKNOWN != self._goodbye_ns <= self._heard_ns(self._finished[2]):
            return None
        return self._finished

    def _may_have_left(self) -> bool:
        """Whether a goodbye of the client may be missing.

        A client that resets had closed before the last word came; after any reset nobody knows what else is missing.
        """
        reset = any(end.direction == C2S and end.how == "rst" for end in self._ends)
        known = self._connection.lost_bytes == 0 and not self._reset_by(C2S)
        return self._unseen(self._last_media_ns()) or (reset and not known)

    def _may_be_refused(self) -> bool:
        """Whether the client left so soon that it may be for an answer, or a FIN, that is not in the capture."""
        since_ns = self._first_media_ns() if self._wish is None else self._wish.time_ns
        lasted_ns = self._last_media_ns() - since_ns
        if self._media_direction() == S2C:  # a file may come in a moment
            lasted_ns = max(lasted_ns, self._timeline().duration_ms(S2C) * 1_000_000)
        if lasted_ns >= REFUSAL_NS:
            return False
        ends = {end.direction: end.how for end in self._ends}
        cut_off = ends.get(C2S) == "fin" and ends.get(S2C) == "capture_end"
        return self._wish is None or cut_off or self._unseen(since_ns)

    def _first_end(self) -> End | None:
        """That of the side which ended first.

        A FIN that acknowledges the other one came second, whatever clocks and the order of packets in the capture say.
        """
        if not self._ends:
            return None
        first = min(self._ends, key=self._ended_ns)
        for other in self._ends:
            if other.direction != first.direction and first.acked > other.offset:
                return other
        return first

    def _ended_ns(self, end: End) -> int:
        """When a side ended, by its own packet or by the other one's reset."""
        reset_by_other = end.how == "rst" and not self._connection.tcp[end.direction].resets
        sender = 1 - end.direction if reset_by_other else end.direction
        return self._connection.client_ns(int(sender), int(end.time_ns))

    def _how(self) -> str:
        """How the connection ended, by the side that ended first; "" while it goes on."""
        first = self._first_end()
        return "" if first is None else first.how

    def _who(self) -> int:
        first = self._first_end()
        return UNKNOWN if first is None else int(first.direction)

    def _end_ns(self) -> int:
        """When the first side ended, or what was last seen."""
        first = self._first_end()
        if first is not None and first.how in ("fin", "rst"):
            return self._ended_ns(first)
        last = self._connection.last_time_ns if first is None else int(first.time_ns)
        return last - max(0, self._connection.clock_ns)

    def _reset_by(self, direction: int) -> bool:
        """Whether that side sent a RST, and the other did not."""
        tcp = self._connection.tcp
        return tcp[direction].resets > 0 and tcp[1 - direction].resets == 0

    def _server_ended(self) -> bool:
        """Whether it was the server that ended the connection, by FIN or RST."""
        if self._how() == "rst":
            return self._reset_by(S2C)
        return self._how() == "fin" and self._who() == S2C

    def _unseen(self, since_ns: int) -> bool:
        """Whether something that was said since then may be missing in the capture, or be known too late.

        Where an end was not seen, it may be among the packets that were lost along with those of other connections.
        """
        endless = self._how() in ("", "capture_end")
        return self._lost(since_ns) or (endless and self._connection.missed_ns >= since_ns)

    def _lost(self, since_ns: int) -> bool:
        """Whether bytes of this connection are missing since then, or a whole side."""
        connection = self._connection
        lost = [connection.client_ns(way, time_ns) for way, time_ns in enumerate(self._lost_ns) if time_ns != UNKNOWN]
        return max(lost, default=UNKNOWN) >= since_ns or not all(tcp.packets for tcp in connection.tcp)

    def _what_came_after(self, since_ns: int) -> str:
        """Why nothing more can be said of what came since then, where it is `_unseen`."""
        return f"what came after {'is' if self._lost(since_ns) else 'may be'} missing in the capture"
