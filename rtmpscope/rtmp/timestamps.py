"""The time of a message (RTMP 5.3.1.2, 5.3.1.3): absolute, or a delta to the message before it on the same csid.

A time that three bytes cannot hold stands in an extended field behind the message header.  Headers of fmt 3 repeat
this field by the specification, and in many writers do not; only the four bytes themselves tell whether they are it.
"""

from __future__ import annotations

from mypy_extensions import i64

from rtmpscope.model import UNKNOWN, Severity
from rtmpscope.rtmp.chunk_stream import ChunkStream
from rtmpscope.rtmp.evidence import MAX_DELTA_MS


def set_time(stream: ChunkStream, fmt: i64, value: i64, complete: bool) -> None:
    """The time of a message with a header of fmt 0 to 2 that says `value`; complete: nothing before it was missed."""
    stream.delta = value
    stream.absolute = fmt == 0
    if fmt == 0:
        stream.timestamp = value
    elif stream.timestamp != UNKNOWN:
        stream.timestamp = (stream.timestamp + value) & 0xFFFFFFFF
    if fmt == 1 and complete and not stream.seen:
        # What is inherited is zero, as nginx reads it.
        stream.note("fmt-without-history", Severity.NOTE, "the first chunk on this csid has no full header")
        stream.timestamp = value
        stream.message_stream_id = 0


def advance_time(stream: ChunkStream, value: i64) -> None:
    """The time of a message that begins with fmt 3: one more delta (5.3.1.2.4).

    value: what its extended field says, UNKNOWN where it has none.
    """
    if stream.timestamp == UNKNOWN:
        return
    if value != UNKNOWN and value != stream.extended_value:
        stream.timestamp = value
        stream.extended_value = value
        return
    if stream.absolute and stream.delta:
        if stream.extended:
            stream.note(
                "ambiguous-fmt3",
                Severity.NOTE,
                "fmt 3 begins a message right after an absolute extended timestamp; read as the same time",
            )
            return
        stream.note(
            "ambiguous-fmt3",
            Severity.NOTE,
            "fmt 3 begins a message right after fmt 0: by the specification the timestamp counts again as delta,"
            " some software means no change",
        )
    stream.timestamp = (stream.timestamp + stream.delta) & 0xFFFFFFFF


def is_extended(stream: ChunkStream, value: i64, repeated: bool) -> bool:
    """Whether the four bytes behind a fmt 3 header are the extended field; repeated: those before had it."""
    if value == stream.extended_value or value == stream.timestamp:
        return True
    if stream.remaining or not repeated or stream.timestamp == UNKNOWN:
        return False
    # Some writers put the new absolute time before a message that begins with fmt 3 (livego).
    ahead: i64 = (value - stream.timestamp) & 0xFFFFFFFF
    return ahead < MAX_DELTA_MS or ahead == stream.delta


def may_become_extended(stream: ChunkStream, shown: bytes, repeated: bool) -> bool:
    """The same of its first bytes: whether they can still become the extended field."""
    if stream.remaining == 0 and repeated:
        return True  # of a new message it may be another one
    missing = 8 * (4 - len(shown))
    value: i64 = int.from_bytes(shown, "big")
    return value == stream.extended_value >> missing or value == stream.timestamp >> missing
