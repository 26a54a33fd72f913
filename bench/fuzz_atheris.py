"""Coverage-guided fuzzing of each decoder by itself: libFuzzer looks for inputs that reach code no other one did.

What it found worth keeping is in tests/corpus, one file for each decoder with an input in base64 on every line; the
tests read them all.  A run begins with them and with inputs out of the recorded captures, and in the end the smallest
set with the same coverage is kept.  An input that breaks a promise of bench.decoders is written to tests/corpus too,
for the same test to fail until it is mended.

    pip install atheris          # CPython 3.11 to 3.13
    python -m bench.fuzz_atheris [--seconds 60] [DECODER...]

The package must not be compiled, as only Python can be watched.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from pathlib import Path

INPUT_BYTES = 4096  # the longest input
KEPT_BYTES = 12_000  # of one decoder's corpus; the shortest inputs stay
SECONDS = 10  # for one input: longer is a hang
MEGABYTES = 1024  # for one decoder: more is a leak
WATCH = "--watch="


def watch(arguments: list[str]) -> None:
    """Fuzz in this process, which ends with it; libFuzzer leaves the first argument alone."""
    import atheris

    with atheris.instrument_imports(include=["rtmpscope"]):
        from bench.decoders import TARGETS
    atheris.Setup([f"{sys.executable} {__file__}", *arguments], TARGETS[arguments[0].removeprefix(WATCH)])
    atheris.Fuzz()


def fuzz(name: str, seconds: float, folder: Path) -> str:
    """Run one decoder; keep what it found; say how it went."""
    from bench.decoders import CORPUS, inputs, seeds

    found, merged = folder / "found", folder / "merged"
    found.mkdir()
    merged.mkdir()
    for number, data in enumerate((*inputs(name), *seeds(name))):
        (found / f"{number:06}").write_bytes(data[:INPUT_BYTES])
    began = time.monotonic()
    said = _child(name, [str(found), f"-max_total_time={seconds:.0f}", f"-artifact_prefix={folder}/bad-"])
    took = time.monotonic() - began
    executions = re.findall(r"(?m)^(?:Done |#)(\d+)", said)
    if not executions:
        raise SystemExit(f"{name} did not run, and its corpus stays as it is:\n{said}")
    _child(name, ["-merge=1", str(merged), str(found)])
    kept = {path.read_bytes() for path in merged.iterdir()}
    bad = [path.read_bytes() for path in folder.glob("bad-*")]
    _write(CORPUS / name, bad + _smallest(kept))
    edges = re.findall(r" cov: (\d+)", said)
    problem = "".join(re.findall(r"(?ms)^ === Uncaught Python exception: ===$.*?(?=^==|\Z)", said))
    facts = f"{int(executions[-1]):>12,} executions  {took:6,.0f} s  {(edges or ['0'])[-1]:>6} edges"
    return f"{name:20}{facts}  {len(kept):5} inputs  {len(bad)} findings\n{problem}".rstrip()


def _child(name: str, arguments: list[str]) -> str:
    limits = [f"-max_len={INPUT_BYTES}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}"]
    command = [sys.executable, __file__, f"{WATCH}{name}", *arguments, *limits]
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": root}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace",
    )  # fmt: skip
    return done.stdout


def _smallest(kept: set[bytes]) -> list[bytes]:
    chosen, room = [], KEPT_BYTES
    for data in sorted(kept, key=lambda data: (len(data), data)):
        room -= len(data)
        if room >= 0:
            chosen.append(data)
    return chosen


def _write(path: Path, kept: list[bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(b64encode(data).decode() + "\n" for data in dict.fromkeys(kept)))


def main() -> int:
    if sys.argv[1:] and sys.argv[1].startswith(WATCH):
        watch(sys.argv[1:])
    from bench.decoders import TARGETS

    parser = argparse.ArgumentParser(prog="bench.fuzz_atheris", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="for each decoder")
    parser.add_argument("decoders", nargs="*", metavar="DECODER", help=f"of {', '.join(TARGETS)}; all if left out")
    options = parser.parse_args()
    for name in options.decoders or TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            print(fuzz(name, options.seconds, Path(folder)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
