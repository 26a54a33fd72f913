"""The bench compares readers of the same capture: every message of it is there, and what cannot run is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import processes, workloads
from bench.run import Tool, obstacle
from rtmpscope.capture.files import open_capture
from rtmpscope.model import Message
from rtmpscope.pipeline import Run


@pytest.mark.parametrize("name", [name for name in workloads.WORKLOADS if name not in workloads.LOST])
def test_workload_has_as_many_messages_as_it_says(name: str, tmp_path: Path) -> None:
    path = tmp_path / "workload.pcap"
    count, _ = workloads.WORKLOADS[name]
    workloads.write(name, {"csids": 5_000, "connections": 60}.get(name, 100) / count, path)
    run = Run(open_capture([str(path)]))
    found = sum(isinstance(event, Message) for event in run.events())
    assert found == json.loads(path.with_suffix(".json").read_text())["messages"] > 100
    assert [connection.note_counts for connection in run.connections if connection.gaps] == []


def test_tool_that_is_not_installed_is_named() -> None:
    assert obstacle(Tool("nobody", ("no-such-program",), "")) == "no-such-program is not installed"
    assert obstacle(Tool("nobody", (sys.executable,), "")) == "the Python module nobody is not installed"
    assert obstacle(Tool("json", (sys.executable,), "")) == ""


def test_process_is_measured_to_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "CACHE", tmp_path)
    code = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_bytes(b'x' * (100 << 20)); sys.exit(3)"
    run = processes.measure((sys.executable, "-c", code, "{file}"), tmp_path / "file")
    assert (tmp_path / "file").stat().st_size == 100 << 20
    assert run.status == 3 and run.seconds > 0 and run.peak > 100 << 20


def test_process_gets_no_more_memory_than_it_may_have(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "CACHE", tmp_path)
    command = (sys.executable, "-c", "bytes(1 << 30)")
    assert processes.measure(command, memory=1 << 29).status == 1
    assert processes.measure(command).status == 0
