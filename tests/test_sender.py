"""What the exotic sender says it sent, read back by the shortest reader of RTMP 5.3 that can be told the dialect."""

import dpkt
import pytest

from rtmpscope.model import C2S, S2C
from tests.sender import SESSIONS
from tests.wire import ABORT, EXTENDED, SET_CHUNK_SIZE, Frame


def stream(frames: list[Frame], direction: int) -> bytes:
    segments = [dpkt.ethernet.Ethernet(data).data.data for _, data in frames]
    return b"".join(segment.data for segment in segments if (segment.dport == 1935) == (direction == C2S))


def messages(data: bytes, repeated: bool) -> list[tuple[int, int, int, bytes]]:
    """(type_id, timestamp, msid, payload) of each; `repeated` says whether type 3 repeats extended timestamps."""
    at = 3073
    chunk_size = 128
    heads: dict[int, dict[str, int]] = {}
    partial: dict[int, bytes] = {}
    found = []

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        assert at <= len(data)
        return data[at - size : at]

    while at < len(data):
        byte = take(1)[0]
        fmt, csid = byte >> 6, byte & 63
        if csid < 2:
            csid = 64 + int.from_bytes(take(csid + 1), "little")
        head = heads.setdefault(csid, {"timestamp": 0, "extended": 0})
        starts = csid not in partial
        if fmt < 3:
            assert starts
            head["time"] = int.from_bytes(take(3), "big")
        if fmt < 2:
            head["length"], head["type_id"] = int.from_bytes(take(3), "big"), take(1)[0]
        if fmt < 1:
            head["msid"] = int.from_bytes(take(4), "little")
        if fmt < 3:
            head["extended"] = head["time"] == EXTENDED
            if head["extended"]:
                head["time"] = int.from_bytes(take(4), "big")
        elif head["extended"] and repeated:
            take(4)
        if starts:
            head["timestamp"] = head["time"] if fmt == 0 else (head["timestamp"] + head["time"]) % 2**32
        payload = partial.pop(csid, b"")
        payload += take(min(chunk_size, head["length"] - len(payload)))
        if len(payload) < head["length"]:
            partial[csid] = payload
            continue
        found.append((head["type_id"], head["timestamp"], head["msid"], payload))
        if head["type_id"] == SET_CHUNK_SIZE:
            chunk_size = int.from_bytes(payload, "big")
        elif head["type_id"] == ABORT:
            partial.pop(int.from_bytes(payload, "big"), None)
    assert not partial
    return found


@pytest.mark.parametrize("name", SESSIONS)
def test_session_holds_the_messages_it_lists(name):
    session = SESSIONS[name]()
    for direction in (C2S, S2C):
        sent = [message[1:5] for message in session.messages if message.direction == direction and not message.part]
        assert messages(stream(session.frames, direction), "never" not in name) == sent


def test_aborted_messages_are_cut_prefixes_of_what_never_arrived():
    session = SESSIONS["aborts"]()
    assert [len(message.payload) for message in session.aborted] == [256, 128]
    whole = {message.payload for message in session.messages}
    assert not any(message.payload in whole for message in session.aborted)
