"""Live capture under load: what is lost, what it costs, how late events come.

A publisher sends video messages of 16 KiB at a given rate through a veth pair (MTU 1500, offloads off, so every packet
is one) from one network namespace to another, where LiveCapture and the engine watch the receiving interface as
`rtmpscope live` does.  Latency is from a message's last packet, by the kernel's clock, to its event in hand.  A message
that the engine did not see, of those sent, is reported as missing, so a run cannot look good by losing some.

Needs root, ip and ethtool, and measures the rtmpscope that the interpreter has installed:

    python -m bench.live [--rates 100,300,1000] [--seconds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORT = 1935
MESSAGE = 16_384
CHUNK = 4096
AHEAD_SECONDS = 0.002  # of traffic that is sent at once
HEADINGS = (
    "build", "rate, Mbit/s", "sent, Mbit/s", "seconds", "packets", "dropped", "messages", "missing",
    "CPU of rtmpscope", "CPU of its helper", "latency, median", "p95",
)  # fmt: skip


# --- the traffic ---------------------------------------------------------------------------------------------------


def sink(address: str) -> None:
    """A server that answers the handshake and throws everything away."""
    from tests import wire

    with socket.create_server((address, PORT)) as server:
        print("listening", flush=True)
        peer, _ = server.accept()
        with peer:
            to_server, to_client = wire.handshake()
            peer.recv(len(to_server), socket.MSG_WAITALL)
            peer.sendall(to_client)
            buffer = bytearray(1 << 20)
            while peer.recv_into(buffer):
                pass


def publish(address: str, rate: float, seconds: float) -> None:
    """Send at `rate` Mbit/s; prints the messages sent and the seconds that took."""
    from tests import wire

    with socket.create_connection((address, PORT)) as server:
        to_server, to_client = wire.handshake()
        server.sendall(to_server)
        server.recv(len(to_client), socket.MSG_WAITALL)
        writer = wire.ChunkWriter()
        begin = writer.set_chunk_size(CHUNK)
        begin += writer.message(3, wire.COMMAND_AMF0, wire.command("connect", 1, {"app": "live"}))
        begin += writer.message(3, wire.COMMAND_AMF0, wire.command("publish", 5, None, "bench", "live"), msid=1)
        server.sendall(begin)
        frame = b"\x27\x01\0\0\0" + wire.u32(MESSAGE - 9) + b"\x41" + wire.filler(MESSAGE - 10)
        message = wire.ChunkWriter(CHUNK).message(6, wire.VIDEO, frame, msid=1, fmt=0)
        per_second = rate * 1e6 / 8 / len(message)
        enough = int(per_second * seconds)
        began = time.monotonic()
        sent = 0
        while sent < enough:
            due = min(enough, int((time.monotonic() - began + AHEAD_SECONDS) * per_second))
            if due > sent:
                server.sendall(message * (due - sent))
                sent = due
            else:
                time.sleep(AHEAD_SECONDS / 2)
        print(json.dumps({"sent": sent, "bytes": sent * len(message), "seconds": time.monotonic() - began}))


# --- who watches ---------------------------------------------------------------------------------------------------


def watch(interface: str) -> None:
    """Capture until standard input is closed; print what there was of messages, drops, CPU and latency."""
    import threading

    from rtmpscope import model
    from rtmpscope.capture.helpers import Request
    from rtmpscope.capture.live import LiveCapture
    from rtmpscope.pipeline import Run

    capture = LiveCapture(Request([interface]))
    print("watching", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), capture.stop()), daemon=True).start()
    latencies: list[int] = []
    for event in Run(capture).events():
        if isinstance(event, model.Message) and event.type_id == 9:
            latencies.append(time.time_ns() - event.time_ns)
    capture.close()
    cpu = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found = {
        "build": "pure Python" if model.__file__.endswith(".py") else "compiled",
        "packets": capture.files[0].packets,
        "dropped": capture.dropped,
        "messages": len(latencies),
        "cpu": [used.ru_utime + used.ru_stime for used in cpu],
        "median": statistics.median(latencies) / 1e6,
        "p95": statistics.quantiles(latencies, n=20)[-1] / 1e6,
    }
    print(json.dumps(found))


# --- the runs ------------------------------------------------------------------------------------------------------


def program(part: str, *arguments: object) -> list[str]:
    """This module as a program that finds the installed rtmpscope before the one that lies here."""
    code = f"import sys; sys.path.append({str(ROOT)!r}); from bench import live; live.{part}(*{arguments!r})"
    return [sys.executable, "-P", "-c", code]


def measure(rate: float, seconds: float) -> list[str]:
    """One row of the table."""
    sys.path.append(str(ROOT / "captures" / "record"))
    from lab import IP, Lab

    with Lab("bench") as lab:
        inside = {side: ["ip", "netns", "exec", space] for side, space in lab.space.items()}
        server = lab.start("server", *program("sink", IP))
        server.until("listening")
        with subprocess.Popen(
            [*inside["server"], *program("watch", "veth0")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as watcher:
            assert watcher.stdin is not None and watcher.stdout is not None
            watcher.stdout.readline()
            done = subprocess.run(
                [*inside["client"], *program("publish", IP, rate, seconds)],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            time.sleep(1)
            watcher.stdin.close()
            seen = json.loads(watcher.stdout.read())
    sent = json.loads(done.stdout)
    return [
        seen["build"],
        f"{rate:g}",
        f"{sent['bytes'] * 8 / 1e6 / sent['seconds']:,.0f}",
        f"{sent['seconds']:.1f}",
        f"{seen['packets']:,}",
        f"{seen['dropped']:,}",
        f"{seen['messages']:,}",
        f"{sent['sent'] - seen['messages']:,}",
        *(f"{used:.1f} s" for used in seen["cpu"]),
        f"{seen['median']:,.0f} ms",
        f"{seen['p95']:,.0f} ms",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description="Measure live capture under load.")
    parser.add_argument("--rates", default="100,300,1000", help="Mbit/s (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3)
    chosen = parser.parse_args(arguments)
    if os.geteuid():
        parser.error("only root makes network namespaces")
    for row in (HEADINGS, [":--", *["--:"] * (len(HEADINGS) - 1)]):
        print(f"| {' | '.join(row)} |")
    for rate in chosen.rates.split(","):
        print(f"| {' | '.join(measure(float(rate), chosen.seconds))} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
