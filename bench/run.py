"""How long rtmpscope and its peers take for the same captures, and how much memory.

Every round runs every tool once on the same file, one after the other, so that whatever else the machine does hits all
alike.  A time is user plus system of the whole process, start-up included, and a figure the median of its rounds; a
ratio is the median of the ratios within the rounds.  What takes minutes runs in the first round only.  Memory is the
largest peak.  Nothing here passes or fails, except a reader that lost messages: it is named.

    python -m bench.run [--scale 0.1] [--rounds 3] [--workloads a,b] [--capture FILE] [--tools a,b] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from bench import growth
from bench.processes import CACHE, ROOT, Run, measure, prepare, table, tell

RECORDED = CACHE / "recorded.pcap"  # see bench/record.py
WORKLOADS = ("video-4096", "video-128", "small", "tiny")
FIELDS, JSON = "tshark fields", "tshark json"
HEAD = ("", "CPU time", "peak", "speed", "memory", "")
PROGRAMS = {"compiled": ROOT / ".venv" / "bin" / "rtmpscope", "pure": ROOT / ".venv-pure" / "bin" / "rtmpscope"}


class Tool(NamedTuple):
    """`command` has {file} and {folder}, an empty folder, to fill in; `against` names the peer to be compared with."""

    name: str
    command: Sequence[str]
    against: str
    slow: bool = False


def ours(build: str) -> list[Tool]:
    program, slow = str(PROGRAMS[build]), build == "pure"
    return [
        Tool(f"stats, {build}", (program, "stats", "-q", "{file}"), FIELDS, slow),
        Tool(f"print, {build}", (program, "print", "-q", "{file}"), FIELDS, slow),
        Tool(f"export, {build}", (program, "export", "-q", "{file}", "-o", "-"), JSON, slow),
    ]


def all_tools() -> list[Tool]:
    tshark = ("tshark", "-r", "{file}", "-Y", "rtmpt", "-T")
    peers = (sys.executable, str(ROOT / "bench" / "peers.py"))
    return [
        Tool(FIELDS, (*tshark, "fields", "-e", "frame.number", "-e", "rtmpt.header.typeid"), FIELDS),
        *ours("compiled"),
        *ours("pure"),
        Tool("tcpflow", ("tcpflow", "-r", "{file}", "-o", "{folder}"), FIELDS),
        Tool(JSON, (*tshark, "json"), JSON, slow=True),
        Tool("dpkt", (*peers, "dpkt", "{file}"), FIELDS, slow=True),
        Tool("scapy", (*peers, "scapy", "{file}"), FIELDS, slow=True),
    ]


def lost_messages(tool: Tool, file: Path) -> str:
    """What is wrong with the number of messages that our stats report; "" where nothing is, or nobody knows."""
    known = file.with_suffix(".json")
    if not known.exists():
        return ""
    expected = json.loads(known.read_text())["messages"]
    done = subprocess.run([tool.command[0], "stats", "-q", "--json", str(file)], capture_output=True, check=False)
    found = 0
    for connection in json.loads(done.stdout)["connections"]:
        found += sum(sum(counts.values()) for counts in connection["messages"].values())
    return "" if found == expected else f"{tool.name}: {found:,} messages of {expected:,}"


def compare(file: Path, tools: list[Tool], rounds: int) -> list[list[str]]:
    """The rows of the table for one capture."""
    runs: dict[str, list[Run]] = {tool.name: [] for tool in tools}
    for number in range(rounds):
        for tool in tools:
            if number == 0 or not tool.slow:
                tell(f"{file.name}: round {number + 1} of {rounds}, {tool.name}")
                runs[tool.name].append(measure(tool.command, file))
    tell("")
    rows = []
    for tool in tools:
        mine, peers = runs[tool.name], runs.get(tool.against, [])
        pairs = list(zip(mine, peers, strict=False))
        row = [tool.name, f"{statistics.median(run.seconds for run in mine):.2f} s", f"{_peak(mine) / 2**20:,.0f} MB"]
        if tool.name != tool.against and pairs:
            ratio = statistics.median(peer.seconds / run.seconds for run, peer in pairs)
            row += [f"{ratio:.1f} × {tool.against}", f"1/{_peak(peers) / _peak(mine):.1f}"]
        else:
            row += ["", ""]
        failed = next((run.status for run in mine if run.status), 0)
        rows.append([*row, f"exit code {failed}" if failed else ""])
    return rows


def _peak(runs: Iterable[Run]) -> int:
    return max(run.peak for run in runs)


def version(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line and not line.startswith("Running as")]
    return lines[0].rstrip(".") if lines else ""


def obstacle(tool: Tool) -> str:
    """Why a tool cannot run here, "" where it can."""
    if tool.command[0] == sys.executable:
        return "" if find_spec(tool.name) else f"the Python module {tool.name} is not installed"
    return "" if shutil.which(tool.command[0]) else f"{tool.command[0]} is not installed"


def about(tools: Sequence[Tool]) -> list[str]:
    """The machine, and the version of every program."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs"
    programs = dict.fromkeys(tool.command[0] for tool in tools if tool.command[0] != sys.executable)
    return [
        f"{system}, Python {platform.python_version()}",
        *(f"{Path(program).name}: {version([program, '--version'])}" for program in programs),
    ]


def report(options: argparse.Namespace) -> Iterator[str]:
    """The machine and the programs, then a table for each capture, and how time and memory grow."""
    chosen = [tool for tool in all_tools() if tool.name.startswith(tuple(options.tools.split(",")))]
    tools = [tool for tool in chosen if not obstacle(tool)]
    yield from about(tools)
    yield from (f"left out {tool.name}: {obstacle(tool)}" for tool in chosen if obstacle(tool))
    captures = options.capture or [RECORDED]
    for file in captures:
        if not file.exists():
            yield f"left out {file}: it does not exist" + ("; bench/record.py makes it" if file == RECORDED else "")
    files = [prepare(name, options.scale) for name in options.workloads.split(",") if name]
    for file in [*files, *filter(Path.exists, captures)]:
        yield f"\n{file.name}, {file.stat().st_size / 1e6:,.0f} MB\n"
        yield table(HEAD, compare(file, tools, options.rounds))
        for wrong in filter(None, [lost_messages(tool, file) for tool in tools if tool.name.startswith("stats")]):
            yield f"\nWRONG {wrong}"
    if not options.tools and PROGRAMS["compiled"].exists():
        for part in growth.report(options.scale, PROGRAMS["compiled"]):
            yield f"\n{part}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="size of the workloads, 1 for the full one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="names, see bench/workloads.py")
    parser.add_argument("--capture", type=Path, action="append", default=[], help="this file as well")
    parser.add_argument("--tools", default="", help="only tools whose name begins with one of these, and no growth")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file too")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    out: list[str] = []
    for text in report(options):
        print(text, flush=True)
        out.append(text)
    if options.markdown:
        options.markdown.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
