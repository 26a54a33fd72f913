"""Real programs on a real wire: what live shows as it happens is what other witnesses have kept.

nginx, ffmpeg publishing, two players that come and go, and a publisher that nginx turns away, in two network
namespaces.  tcpdump records the same interface.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clients
import pytest
from lab import IP, Lab
from servers import nginx

from rtmpscope.capture.files import open_capture
from rtmpscope.net.address import endpoints
from rtmpscope.net.decode import Decoder
from tests.patience import PATIENCE, wait_until

ROOT = Path(__file__).parent.parent
RTMPSCOPE = [sys.executable, "-m", "rtmpscope"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
WHOLE = ["--payload", "--no-redact"]

# Asks for a port that nobody listens on, when all else is over.
LAST_PORT = 9
LAST_PACKETS = f"import socket; socket.create_connection(({IP!r}, {LAST_PORT}))"

Record = dict[str, Any]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make network namespaces")


class Witnesses:
    """The traces of the same traffic, and how live ended.

    live, saved, beside  by live itself, of the file it saved, and of the file that tcpdump wrote
    """

    def __init__(self, live: list[Record], saved: list[Record], beside: list[Record], code: int, said: str) -> None:
        self.live, self.saved, self.beside = live, saved, beside
        self.code, self.said = code, said


def exported(capture: Path) -> list[Record]:
    done = subprocess.run([*RTMPSCOPE, "export", capture, *WHOLE], capture_output=True, check=True, env=ENVIRONMENT)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def witnesses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witnesses]:
    folder = tmp_path_factory.mktemp("live")
    trace, saved = folder / "live.jsonl", folder / "saved.pcapng"
    with pytest.MonkeyPatch.context() as patch, Lab("live") as lab:
        patch.setattr(clients, "HOME", folder)
        source = clients.media(seconds=60)
        nginx(lab, server="chunk_size 4096;")
        with lab.capture() as beside:
            live = lab.start(
                "server", *RTMPSCOPE, "live", "-i", "veth0", "--export", trace, "-w", saved, *WHOLE, env=ENVIRONMENT
            )
            wait_until(saved.exists)  # as soon as packets are being captured
            publisher = clients.ffmpeg_publish(lab, seconds=60, source=source, start=True)
            publisher.until("Output #0")
            players = [clients.ffmpeg_play(lab, seconds=1, level="error", start=True)]
            wait_until(lambda: "play: name=" in (lab.work / "nginx.log").read_text())
            players.append(clients.ffmpeg_play(lab, seconds=1, level="error", start=True))
            clients.ffmpeg_publish(lab, seconds=2, source=source)
            for player in players:
                player.wait(PATIENCE)  # it leaves when it has seen a second
            publisher.send(signal.SIGINT)
            publisher.wait(PATIENCE)
            lab.run("client", sys.executable, "-c", LAST_PACKETS)
            wait_until(lambda: shows_the_last(saved) and shows_the_last(beside))
            live.send(signal.SIGINT)
            code = live.wait(PATIENCE)
        told = [json.loads(line) for line in trace.read_text().splitlines()]
        yield Witnesses(told, exported(saved), exported(beside), code, live.text())


def shows_the_last(capture: Path) -> bool:
    """Whether all that was on the wire has come into this file."""
    packets = [packet for batch in open_capture([str(capture)]).batches() for packet in batch.packets]
    return any(endpoints(segment.key)[1].port == LAST_PORT for segment in Decoder().decode(packets))


def messages(trace: list[Record]) -> dict[tuple[object, ...], list[tuple[object, ...]]]:
    """What went through each connection, by its endpoints, and direction, in order.

    Two sockets on one interface may be handed packets that go different ways in different order, so the wire
    determines neither packet numbers, nor how connections and directions interleave, nor what follows from that,
    such as whether an answer comes after its question.
    """
    ends = {one["id"]: (*one["client"].values(), *one["server"].values()) for one in trace if "client" in one}
    went: dict[tuple[object, ...], list[tuple[object, ...]]] = defaultdict(list)
    for one in trace:
        if one["record"] == "message":
            said = [one[key] for key in ("type", "timestamp", "length", "captured", "fmt", "csid", "message_stream_id")]
            payload = hashlib.sha256(bytes.fromhex(one["payload"])).hexdigest()
            went[*ends[one["connection"]], one["direction"]].append((*said, one["chunks"], payload))
    return went


def test_live_trace_is_that_of_the_file_that_tcpdump_wrote_beside_it(witnesses: Witnesses) -> None:
    live = messages(witnesses.live)
    assert len(live) == 8  # directions of a publisher, two players and who was turned away
    assert sum(map(len, live.values())) > 200
    beside = messages(witnesses.beside)
    assert live.keys() == beside.keys()
    for way in live:
        assert live[way] == beside[way]


def test_live_trace_is_in_all_that_of_the_file_that_it_saved(witnesses: Witnesses) -> None:
    assert witnesses.live[1:-1] == witnesses.saved[1:-1]
    assert witnesses.live[-1]["connections"] == witnesses.saved[-1]["connections"]


def test_sessions_are_what_they_were(witnesses: Witnesses) -> None:
    verdicts = [one["verdict"] for one in witnesses.live[-1]["connections"]]
    assert sorted((one["role"], one["outcome"]) for one in verdicts) == [
        ("play", "ok"),
        ("play", "ok"),
        ("publish", "failed"),
        ("publish", "ok"),
    ]
    assert "NetStream.Publish.BadName" in [one["code"] for one in verdicts]


def test_ctrl_c_ends_live_when_everything_is_delivered_and_nothing_was_lost(witnesses: Witnesses) -> None:
    assert (witnesses.code, witnesses.said) == (128 + signal.SIGINT, "")
    (capture,) = witnesses.live[-1]["captures"]
    assert (capture["outcome"], capture["dropped"]) == ("complete", 0)
