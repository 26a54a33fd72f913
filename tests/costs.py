"""What work costs, told so that other work on the machine does not change it.

CPU time, the least of some tries: nothing takes less than it needs, and all that disturbs it adds.  What a capture
costs is taken in a process of its own, which holds nothing of the tests.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rtmpscope.capture.files import open_capture
from rtmpscope.export.jsonl import Trace
from rtmpscope.export.stats import tables
from rtmpscope.pipeline import Run

TRIES = 8
SLACK = 0.1  # seconds that a clock and a cold cache are wrong by


def assert_scales(factor: int, small: Callable[[], float], large: Callable[[], float]) -> None:
    """Fails where large costs more than so many times the CPU seconds of small, try after try."""
    once, many = small(), large()
    for _ in range(TRIES):
        if many < factor * once + SLACK:
            return
        once, many = min(once, small()), min(many, large())
    raise AssertionError(f"{many:.2f} s, and {once:.2f} s for the smaller one")


def cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU that a call takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


def of_capture(path: Path) -> tuple[float, int]:
    """CPU seconds and bytes of memory that export and stats of a capture add to a process at the most."""
    command = [sys.executable, "-m", "tests.costs", str(path)]
    said = subprocess.run(command, cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True).stdout
    seconds, memory = said.split()
    return float(seconds), int(memory)


def _export(path: str) -> None:
    run = Run(open_capture([path]))
    trace = Trace(lambda record: None, run.connections, run.describe, run.redactor)
    for event in run.events():
        trace.event(event)
    trace.finish(run.files)
    tables(run.files, run.connections, run.redactor)


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) << 10


if __name__ == "__main__":
    resident = _status("VmRSS")
    print(cpu(lambda: _export(sys.argv[1])), _status("VmHWM") - resident)
