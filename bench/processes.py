"""What the bench measures is a process from its start to its end, and what it measures it on is a capture in build/."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "bench"


class Run(NamedTuple):
    """seconds are user plus system, wall those on the clock; status is that of a shell.

    peak is in bytes, and never less than what the bench itself held when it began the process, some 20 MB.
    """

    seconds: float
    wall: float
    peak: int
    status: int


def measure(command: Sequence[str], file: Path | None = None, memory: int = 0) -> Run:
    """Run a command to its end, its output going nowhere; {file} and {folder}, an empty folder, are filled in.

    Tools find no preferences, and with `memory` no more address space than so many bytes.
    """
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        words = [word.replace("{file}", str(file)).replace("{folder}", folder) for word in command]
        environment = {**os.environ, "WIRESHARK_CONFIG_DIR": folder}
        limit = partial(resource.setrlimit, resource.RLIMIT_AS, (memory, memory)) if memory else None
        null = subprocess.DEVNULL
        began = os.times().elapsed
        process = subprocess.Popen(words, stdin=null, stdout=null, stderr=null, env=environment, preexec_fn=limit)
        _, status, usage = os.wait4(process.pid, 0)
        wall = os.times().elapsed - began
        process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * unit, process.returncode)


def prepare(name: str, scale: float) -> Path:
    """The capture of a workload, written once for each version of the generator."""
    source = ROOT / "bench" / "workloads.py"
    path = CACHE / f"{name}-{scale:g}.pcap"
    if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
        tell(f"writing {path.relative_to(ROOT)}")
        subprocess.run([sys.executable, "-m", "bench.workloads", name, str(scale), str(path)], cwd=ROOT, check=True)
    return path


def tell(text: str) -> None:
    """What is being done, on one line of standard error that the next overwrites; "" clears it."""
    sys.stderr.write(f"\r\033[K{text}" if sys.stderr.isatty() else f"{text}\n" if text else "")
    sys.stderr.flush()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, lined up to be read as it is."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * max(3, width) for width in widths], *rows]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)
