"""How long rtmpscope and its peers take for the same captures, and how much memory.

Every round runs every tool once on the same file, one after the other, so that whatever else the machine does hits all
alike.  A time is user plus system of the whole process, start-up included, and a figure the median of its rounds; a
ratio is the median of the ratios within the rounds.  Peers that take minutes run in the first round only.  Memory is
the largest peak.  Nothing here passes or fails, except a reader that lost messages: it is named.

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
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "bench"
RECORDED = CACHE / "recorded.pcap"  # see bench/record.py
WORKLOADS = ("video-4096", "video-128", "small", "tiny")
FIELDS, JSON = "tshark fields", "tshark json"


class Tool(NamedTuple):
    """`command` has {file} and {folder}, an empty folder, to fill in; `against` names the peer to be compared with."""

    name: str
    command: Sequence[str]
    against: str
    slow: bool = False


class Run(NamedTuple):
    seconds: float
    peak: int  # bytes
    status: int


def ours(build: str, program: Path) -> list[Tool]:
    return [
        Tool(f"stats, {build}", (str(program), "stats", "-q", "{file}"), FIELDS),
        Tool(f"print, {build}", (str(program), "print", "-q", "{file}"), FIELDS),
        Tool(f"export, {build}", (str(program), "export", "-q", "{file}", "-o", "-"), JSON),
    ]


def all_tools() -> list[Tool]:
    tshark = ("tshark", "-r", "{file}", "-Y", "rtmpt", "-T")
    peers = (sys.executable, str(ROOT / "bench" / "peers.py"))
    return [
        Tool(FIELDS, (*tshark, "fields", "-e", "frame.number", "-e", "rtmpt.header.typeid"), FIELDS),
        *ours("compiled", ROOT / ".venv" / "bin" / "rtmpscope"),
        *ours("pure", ROOT / ".venv-pure" / "bin" / "rtmpscope"),
        Tool("tcpflow", ("tcpflow", "-r", "{file}", "-o", "{folder}"), FIELDS),
        Tool(JSON, (*tshark, "json"), JSON, slow=True),
        Tool("dpkt", (*peers, "dpkt", "{file}"), FIELDS, slow=True),
        Tool("scapy", (*peers, "scapy", "{file}"), FIELDS, slow=True),
    ]


def measure(tool: Tool, file: Path) -> Run:
    """Run a tool to its end; its output goes nowhere, its preferences are the built-in ones."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        command = [part.format(file=file, folder=folder) for part in tool.command]
        environment = {**os.environ, "WIRESHARK_CONFIG_DIR": folder}
        null = subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, process.returncode)


def prepare(name: str, scale: float) -> Path:
    """The capture of a workload, written once for each version of the generator."""
    source = ROOT / "bench" / "workloads.py"
    path = CACHE / f"{name}-{scale:g}.pcap"
    if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
        print(f"writing {path.relative_to(ROOT)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "bench.workloads", name, str(scale), str(path)], cwd=ROOT, check=True)
    return path


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
                print(f"\r{file.name}: round {number + 1}, {tool.name:20}", end="", file=sys.stderr, flush=True)
                runs[tool.name].append(measure(tool, file))
    print("\r\033[K", end="", file=sys.stderr)
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


def table(rows: list[list[str]]) -> str:
    """Markdown, lined up to be read as it is."""
    head = ["", "CPU time", "peak", "speed", "memory", ""]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * max(3, width) for width in widths], *rows]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="size of the workloads, 1 for the full one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="names, see bench/workloads.py")
    parser.add_argument("--capture", type=Path, action="append", default=[], help="this file as well")
    parser.add_argument("--tools", default="", help="only tools whose name begins with one of these")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file too")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    chosen = [tool for tool in all_tools() if tool.name.startswith(tuple(options.tools.split(",")))]
    tools = [tool for tool in chosen if shutil.which(tool.command[0])]
    system = f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs"
    out = [f"{system}, Python {platform.python_version()}"]
    for program in dict.fromkeys(tool.command[0] for tool in tools if tool.command[0] != sys.executable):
        out.append(f"{Path(program).name}: {version([program, '--version'])}")
    for tool in chosen:
        if tool not in tools:
            out.append(f"{tool.name}: {tool.command[0]} is not installed")
    print("\n".join(out))
    files = [prepare(name, options.scale) for name in options.workloads.split(",") if name]
    for file in [*files, *(options.capture or filter(Path.exists, [RECORDED]))]:
        part = f"\n{file.name}, {file.stat().st_size / 1e6:,.0f} MB\n\n" + table(compare(file, tools, options.rounds))
        wrong = [lost_messages(tool, file) for tool in tools if tool.name.startswith("stats")]
        part += "".join(f"\n\nWRONG {text}" for text in wrong if text)
        print(part, flush=True)
        out.append(part)
    if options.markdown:
        options.markdown.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
