"""Compile the modules that every packet, chunk and message passes through, when a wheel is built.

mypyc turns the typed source into C extensions with the same behaviour; the source stays the only one.  It runs in
a temporary copy, so that no compiled file is ever left beside the source it would shadow.  Where it cannot run
(RTMPSCOPE_PURE=1, another Python than CPython, no C compiler, no headers) or fails, one line says so and the wheel
holds plain Python.  Building from a checkout in editable mode never compiles.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODULES = (
    "rtmpscope/bits.py",
    "rtmpscope/limits.py",
    "rtmpscope/model.py",
    "rtmpscope/capture/pcap.py",
    "rtmpscope/capture/pcapng.py",
    "rtmpscope/net/decode.py",
    "rtmpscope/net/reassembly.py",
    "rtmpscope/rtmp/evidence.py",
    "rtmpscope/rtmp/handshake.py",
    "rtmpscope/rtmp/chunk_stream.py",
    "rtmpscope/rtmp/plausibility.py",
    "rtmpscope/rtmp/segments.py",
    "rtmpscope/rtmp/timestamps.py",
    "rtmpscope/rtmp/trust.py",
    "rtmpscope/rtmp/chunks.py",
    "rtmpscope/rtmp/region.py",
    "rtmpscope/rtmp/chunk_sizes.py",
    "rtmpscope/rtmp/resync.py",
    "rtmpscope/rtmp/reader.py",
    "rtmpscope/conversation.py",
    "rtmpscope/engine.py",
    "rtmpscope/analysis/measure.py",
    "rtmpscope/analysis/flow_control.py",
    "rtmpscope/analysis/track.py",
    "rtmpscope/analysis/media_stream.py",
    "rtmpscope/analysis/media_timeline.py",
    # What connects, creates streams and describes codecs: all there is to short connections.
    "rtmpscope/rtmp/commands.py",
    "rtmpscope/rtmp/properties.py",
    "rtmpscope/rtmp/status_codes.py",
    "rtmpscope/media/aac.py",
    "rtmpscope/media/configs.py",
    "rtmpscope/media/frame_facts.py",
    "rtmpscope/analysis/conformance.py",
    "rtmpscope/analysis/fingerprints.py",
    "rtmpscope/analysis/session.py",
    "rtmpscope/analysis/session_facts.py",
    "rtmpscope/analysis/steps.py",
    "rtmpscope/analysis/transactions.py",
    # Bodies, for print, export and the row that is opened.
    "rtmpscope/amf/reader.py",
    "rtmpscope/amf/amf0.py",
    "rtmpscope/amf/amf3.py",
    "rtmpscope/rtmp/layout.py",
    "rtmpscope/rtmp/messages.py",
    "rtmpscope/rtmp/summary.py",
    "rtmpscope/media/tag.py",
    "rtmpscope/media/bit_reader.py",
    "rtmpscope/media/audio.py",
    "rtmpscope/media/video.py",
    "rtmpscope/media/nal.py",
    "rtmpscope/media/h264.py",
    "rtmpscope/media/hevc.py",
    "rtmpscope/media/vvc.py",
    "rtmpscope/media/av1.py",
    "rtmpscope/export/frames.py",
    "rtmpscope/export/values.py",
    "rtmpscope/export/jsonl.py",
    "rtmpscope/export/text.py",
)

TOOLS = ["mypy[mypyc]>=2.4,<3", "setuptools>=77"]

# Imports that the build environment lacks, the types of other modules and the warnings of compilers to come are not
# this step's business.
SETUP = """
import sys
from mypyc.build import mypycify
from setuptools import setup
options = ["--ignore-missing-imports", "--follow-imports=silent"]
extensions = mypycify([*options, *sys.argv[1:]], group_name="rtmpscope", debug_level="0")
for extension in extensions:
    extension.extra_compile_args = [word for word in extension.extra_compile_args if word != "-Werror"]
    if sys.platform != "win32":
        extension.extra_compile_args.append("-fvisibility=hidden")  # else nothing is inlined across functions: a tenth
setup(name="rtmpscope", ext_modules=extensions, script_args=["build_ext", "--inplace"])
"""


def obstacle() -> str:
    """Why compiling is out of the question here; "" where it can be tried."""
    if os.environ.get("RTMPSCOPE_PURE", "0") not in ("", "0"):
        return "RTMPSCOPE_PURE is set"
    if platform.python_implementation() != "CPython":
        return f"{platform.python_implementation()} is not CPython"
    if sys.platform == "win32":
        return ""  # the compiler is found by setuptools, not by a name
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        return f"no C compiler: {compiler} is not installed"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "no Python headers: Python.h is not installed"
    return ""


def compile_copy(source: Path, work: Path) -> str:
    """Compile the modules of the package in a copy inside `work`; returns why it failed, or ""."""
    shutil.copytree(source / "rtmpscope", work / "rtmpscope", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-c", SETUP, *MODULES],
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    shutil.rmtree(work / "build", ignore_errors=True)
    if done.returncode == 0:
        return ""
    lines = done.stdout.strip().splitlines() or ["no message"]
    return f"the compiler failed: {next((line for line in lines if 'error: ' in line), lines[-1]).strip()}"


class Compiled(BuildHookInterface):  # type: ignore[type-arg]
    work: Path | None = None

    def dependencies(self) -> list[str]:
        return [] if obstacle() else TOOLS

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        why = obstacle()
        if not why:
            self.work = Path(tempfile.mkdtemp(prefix="rtmpscope-"))
            why = compile_copy(Path(self.root), self.work)
        if why or self.work is None:
            self.app.display_warning(f"rtmpscope is not compiled, large captures take 5 to 16 times longer ({why})")
            return
        for path in self.work.rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}"):
            build_data["force_include"][str(path)] = path.relative_to(self.work).as_posix()
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self.work is not None:
            shutil.rmtree(self.work, ignore_errors=True)
