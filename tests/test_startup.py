"""A run loads the modules that it uses and no others: nearly all of its start-up time is imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CAPTURES = ROOT / "captures"
NO_MEDIA = str(CAPTURES / "nginx-wrong-app.pcap")
WITH_MEDIA = str(CAPTURES / "nginx-publish-play.pcap")
IPV6 = str(CAPTURES / "ipv6.pcap")
NO_HANDSHAKE = str(CAPTURES / "not-rtmp.pcap")

SCREEN = {"textual", "rich", "numpy", "scapy", "rtmpscope.tui", "rtmpscope.store"}
STANDARD = {"importlib.metadata", "email", "inspect", "dataclasses", "socket", "base64", "datetime", "difflib"}
FILTERS = {"rtmpscope.filters", "rtmpscope.fields"}
EXPORT = {"rtmpscope.export.jsonl", "rtmpscope.export.files", "json"}
MEDIA = {"rtmpscope.media.audio", "rtmpscope.media.video", "rtmpscope.media.configs"}


def loaded_by(statement: str, *arguments: str, path: str = "") -> set[str]:
    """The modules in memory after the statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules, file=sys.stderr)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [path, *sys.path]))}
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return set(result.stderr.split())


def loaded_by_run(*arguments: str, path: str = "") -> set[str]:
    return loaded_by("from rtmpscope.cli import main; main()", *arguments, "-q", path=path)


def test_command_line_itself_loads_nothing_of_the_work() -> None:
    loaded = loaded_by("import rtmpscope.cli")
    assert not loaded & (SCREEN | STANDARD | FILTERS | EXPORT | MEDIA)
    assert not loaded & {"rtmpscope.model", "rtmpscope.engine", "rtmpscope.pipeline", "rtmpscope.capture"}


@pytest.mark.parametrize("command", ["stats", "print"])
def test_small_run_loads_only_what_it_uses(command: str) -> None:
    loaded = loaded_by_run(command, NO_MEDIA)
    assert "rtmpscope.engine" in loaded
    assert not loaded & (SCREEN | STANDARD | FILTERS | EXPORT | MEDIA)


def test_stats_of_what_is_not_rtmp_needs_no_hashes() -> None:
    assert "hashlib" not in loaded_by_run("stats", NO_HANDSHAKE)


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (("stats", WITH_MEDIA), MEDIA),
        (("stats", "-Y", "rtmp.command", NO_MEDIA), FILTERS),
        (("stats", "--json", NO_MEDIA), {"rtmpscope.export.jsonl"}),
        (("stats", IPV6), {"socket"}),
        (("print", WITH_MEDIA), {"hashlib", "base64"}),
    ],
)
def test_what_a_run_does_need_is_loaded(arguments: tuple[str, ...], needed: set[str]) -> None:
    """So that the other tests would see it."""
    assert needed <= loaded_by_run(*arguments)


def test_package_metadata_is_read_where_a_package_offers_a_plugin(tmp_path: Path) -> None:
    other = tmp_path / "other-1.0.dist-info"
    other.mkdir()
    (other / "entry_points.txt").write_text("[console_scripts]\nrtmpscope = other:main\n")
    assert "importlib.metadata" not in loaded_by_run("stats", NO_MEDIA, path=str(tmp_path))

    info = tmp_path / "some_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rtmpscope]\nsome = some_plugin_module\n")
    (tmp_path / "some_plugin_module.py").write_text("def register(registry): pass\n")
    assert {"importlib.metadata", "some_plugin_module"} <= loaded_by_run("stats", NO_MEDIA, path=str(tmp_path))


def test_parsers_are_made_for_the_command_that_is_asked_for() -> None:
    code = (
        "import argparse\n"
        "from rtmpscope.arguments import parse\n"
        "made = []\n"
        "argparse.ArgumentParser.__init__ = lambda self, make=argparse.ArgumentParser.__init__, **how: "
        "(made.append(how['prog']), make(self, **how))[1]\n"
        "parse(['stats', 'x.pcap'])\n"
        "assert made == ['rtmpscope stats'], made\n"
    )
    loaded_by(code)


def test_nothing_that_was_loaded_is_searched_for_cycles_at_the_end() -> None:
    code = (
        "import gc\n"
        "from rtmpscope.cli import main\n"
        "main()\n"
        "assert gc.get_threshold()[0] >= 10_000, gc.get_threshold()\n"
        "assert len(gc.get_objects()) < gc.get_freeze_count() / 100, gc.get_freeze_count()\n"
    )
    loaded_by(code, "stats", NO_MEDIA, "-q")
