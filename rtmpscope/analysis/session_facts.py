"""What is so about a session, by its steps, its media and how TCP ended it: the ground that its verdict stands on.

Nothing here is worded for people, and nothing is blamed on anybody.  What cannot be known, because packets are
missing or one side was not captured, is a fact as well.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.analysis.media_timeline import MediaTimeline
from rtmpscope.analysis.steps import Steps
from rtmpscope.model import C2S, S2C, UNKNOWN

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

    def _first_media_ns(self) -> int:
        direction = self._media_direction()
        return min((stream.first_ns for stream in self._timeline().streams if stream.direction == direction), default=0)

    def _last_media_ns(self) -> int:
        return self._timeline().span(self._media_direction())[1]

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
        return self._goodbye_ns != UNKNOWN and (self._who() != S2C or self._goodbye_ns <= self._end_ns())

    def _may_have_left(self) -> bool:
        """Whether a goodbye of the client may be missing.

        A client that resets had closed before the last word came; after any reset nobody knows what else is missing.
        """
        reset = any(direction == C2S and how == "rst" for direction, how, _ in self._ends)
        known = self._connection.lost_bytes == 0 and not self._reset_by(C2S)
        return self._unseen(self._last_media_ns()) or (reset and not known)

    def _may_be_refused(self) -> bool:
        """Whether the client left so soon that it may be for an answer, or a FIN, that is not in the capture."""
        since_ns = self._first_media_ns() if self._wish is None else self._wish.time_ns
        if self._last_media_ns() - since_ns >= REFUSAL_NS:
            return False
        ends = {direction: how for direction, how, _ in self._ends}
        cut_off = ends.get(C2S) == "fin" and ends.get(S2C) == "capture_end"
        return self._wish is None or cut_off or self._unseen(since_ns)

    def _how(self) -> str:
        """How the connection ended, by the side that ended first; "" while it goes on."""
        return self._ends[0][1] if self._ends else ""

    def _who(self) -> int:
        return self._ends[0][0] if self._ends else UNKNOWN

    def _end_ns(self) -> int:
        """When the first side ended, or what was last seen."""
        return self._ends[0][2] if self._ends else self._connection.last_time_ns

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
        return self._lost_ns >= since_ns or not all(tcp.packets for tcp in self._connection.tcp)

    def _what_came_after(self, since_ns: int) -> str:
        """Why nothing more can be said of what came since then, where it is `_unseen`."""
        return f"what came after {'is' if self._lost(since_ns) else 'may be'} missing in the capture"
