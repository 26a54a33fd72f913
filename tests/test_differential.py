"""tshark reads what the tests' own sender says as we do, but for what it is known to get wrong.

The ground truth of the recorded captures holds what tshark saw in them; here it reads what no client of theirs
sends.  All sessions go into one capture, so that tshark starts once.
"""

from __future__ import annotations

import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rtmpscope.model import C2S, S2C
from tests import wire
from tests.runs import CAPTURES, digest, run
from tests.sender import SESSIONS
from tests.wire import Frame

sys.path.insert(0, str(CAPTURES / "record"))
import truth  # noqa: E402  (how the recorded captures got their ground truth)

# Where tshark 4.0 loses its way for good: the messages before it that can be compared, by session and direction.
LOST = {
    ("amf3_commands", C2S): (5, "drops a message of type 15 without a format selector"),
    ("aggregates", S2C): (7, "drops an aggregate without the last back pointer"),
    ("extended_timestamps", C2S): (15, "takes the extended timestamp of a type 3 start for payload"),
    ("extended_timestamps_repeat_absolute", C2S): (15, "the same"),
    ("extended_timestamps_never_repeated", C2S): (4, "takes payload for a repeated extended timestamp"),
}
# Messages whose time it gets wrong.
MISTIMED = {
    ("type_3_starts", C2S): ((12, 22, 32), "counts type 3 after type 0 from the time before that"),
}
# Beyond this it shows the bytes of the long basic headers instead of their csid.
LARGEST_CSID = 63

DIRECTIONS = {C2S: 50_000, S2C: 1935}  # the port that sends


@cache
def frames() -> list[Frame]:
    """Every session with a client address of its own, one after the other."""
    moved: list[Frame] = []
    for number, make in enumerate(SESSIONS.values()):
        client = bytes([10, 0, 1, number])
        for _, data in make().frames:
            headers = data[:34].replace(bytes([10, 0, 0, 1]), client)
            moved.append((wire.START_NS + len(moved) * 1_000_000, headers + data[34:]))
    return moved


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], list[list[Any]]]:
    """tshark's rows [type, timestamp, length, csid, msid, sha1, packet] by (stream, sending port)."""
    path: Path = tmp_path_factory.mktemp("differential") / "sessions.pcap"
    path.write_bytes(wire.pcap(frames()))
    read = truth.tshark(path)
    assert read is not None
    rows: dict[tuple[int, int], list[list[Any]]] = read[0]
    return rows


@cache
def ours() -> dict[tuple[int, int], list[list[Any]]]:
    said = run(wire.packets(frames()))
    return {
        (connection.id, direction): [
            [one.type_id, one.timestamp, one.length, one.csid, one.message_stream_id, digest(one.payload), one.ready]
            for one in said.messages(connection.id, direction)
            if not one.aborted
        ]
        for connection in said.connections
        for direction in DIRECTIONS
    }


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("direction", DIRECTIONS, ids=["c2s", "s2c"])
@pytest.mark.parametrize("name", SESSIONS)
def test_tshark_reads_the_same(name: str, direction: int, theirs: dict[tuple[int, int], list[list[Any]]]) -> None:
    stream = list(SESSIONS).index(name)
    found, seen = ours()[stream, direction], theirs[stream, DIRECTIONS[direction]]
    end, _ = LOST.get((name, direction), (len(found), ""))
    mistimed, _ = MISTIMED.get((name, direction), ((), ""))
    assert len(seen) == len(found) or end < len(found)
    for number, (one, other) in enumerate(zip(found[:end], seen, strict=False)):
        known = [value is not None for value in other]
        known[1] &= number not in mistimed
        known[3] &= one[3] <= LARGEST_CSID
        pairs = [(a, b) for a, b, compared in zip(one, other, known, strict=True) if compared]
        assert [a for a, _ in pairs] == [b for _, b in pairs], f"message {number}"
