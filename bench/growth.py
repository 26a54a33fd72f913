"""How time and memory of rtmpscope grow: with packets, connections and open csids, with rows, and with the file.

Time is that of `stats` less what it takes for a capture of a few packets, so that twice as much should cost twice as
much.  Memory is that of all rows loaded as the screen loads them; a file larger than memory is read with an address
space smaller than the file.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path

from bench.processes import ROOT, Run, measure, prepare, table, tell
from bench.workloads import WORKLOADS

CAPTURE = ROOT / "captures" / "nginx-publish-play.pcap"
ROUNDS = 5

# What grows, and what one of it is called.
KINDS = {"small": "messages, each in a packet", "connections": "connections", "csids": "messages, 5,000 csids open"}
PARTS = (0.25, 0.5, 1.0)

BIG = 10  # times the 200 MB of a workload
MEMORY = 1 << 30

# As the screen loads a capture.
LOAD = """
import sys
from rtmpscope.capture.files import open_capture
from rtmpscope.engine import RTMP_PORTS
from rtmpscope.pipeline import registry
from rtmpscope.store import Store
Store(open_capture(sys.argv[1:]), registry(()), RTMP_PORTS).load()
"""


def report(scale: float, program: Path) -> Iterator[str]:
    """Tables, as they are done."""
    stats = (str(program), "stats", "-q", "{file}")
    load = (str(program.parent / "python"), "-I", "-c", LOAD, "{file}")
    yield _start(program)
    yield _linear(scale, stats)
    yield _rows(scale, load)
    yield _big(scale, stats, load)


def _start(program: Path) -> str:
    rows = []
    for words in (["--version"], ["print", str(CAPTURE)]):
        name = words[0] if len(words) == 1 else f"{words[0]} {CAPTURE.name}"
        tell(name)
        runs = [measure([str(program), *words]) for _ in range(ROUNDS)]
        rows.append([name, f"{statistics.median(run.wall for run in runs):.3f} s", _megabytes(runs)])
    tell("")
    return table(["start-up", "on the clock", "peak"], rows)


def _linear(scale: float, stats: tuple[str, ...]) -> str:
    start = statistics.median(measure(stats, CAPTURE).seconds for _ in range(ROUNDS))
    rows = []
    for name, things in KINDS.items():
        for part in PARTS:
            count = round(WORKLOADS[name][0] * scale * part)
            file = prepare(name, scale * part)
            tell(f"{file.name}: stats")
            runs = [measure(stats, file) for _ in range(ROUNDS)]
            seconds = statistics.median(run.seconds for run in runs)
            each = max(seconds - start, 0) / count * 1e6
            rows.append([f"{count:,} {things}", f"{seconds:.2f} s", f"{each:.2f} µs", _megabytes(runs)])
    tell("")
    return table(["growth", "CPU time", "for each", "peak"], rows)


def _rows(scale: float, load: tuple[str, ...]) -> str:
    files = [prepare("small", scale * part) for part in PARTS]
    counts = [json.loads(file.with_suffix(".json").read_text())["messages"] for file in files]
    runs = []
    for file in files:
        tell(f"{file.name}: loading all rows")
        runs.append(measure(load, file))
    tell("")
    rows = [[f"{count:,}", _megabytes([run])] for count, run in zip(counts, runs, strict=True)]
    each = (runs[-1].peak - runs[0].peak) / (counts[-1] - counts[0])
    return table(["rows loaded", "peak"], rows) + f"\n\n{each:.0f} bytes more for each row more"


def _big(scale: float, stats: tuple[str, ...], load: tuple[str, ...]) -> str:
    file = prepare("video-4096", scale * BIG)
    rows = []
    for name, command in (("stats", stats), ("all rows loaded", load)):
        tell(f"{file.name}: {name}")
        run = measure(command, file, MEMORY)
        how = "" if run.status == 0 else f"exit code {run.status}"
        rows.append([name, f"{run.seconds:.2f} s", _megabytes([run]), how])
    tell("")
    size = file.stat().st_size / 1e9
    return table([f"{size:.1f} GB in {MEMORY >> 20:,} MB of address space", "CPU time", "peak", ""], rows)


def _megabytes(runs: list[Run]) -> str:
    return f"{max(run.peak for run in runs) / 2**20:,.0f} MB"
