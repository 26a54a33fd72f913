"""Imports go one way, and nothing heavy is loaded before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rtmpscope

PROJECT = Path(__file__).parent.parent
PACKAGE = Path(rtmpscope.__file__).parent

# From the top down; a module may import its own level and those below.
LEVELS = (
    ("rtmpscope.__main__",),
    ("rtmpscope.cli",),
    ("rtmpscope.actions", "rtmpscope.arguments"),
    ("rtmpscope.tui",),
    ("rtmpscope.pipeline", "rtmpscope.sanitize", "rtmpscope.edits"),
    (
        "rtmpscope.export",
        "rtmpscope.store",
        "rtmpscope.replay",
        "rtmpscope.recent",
        "rtmpscope.filters",
        "rtmpscope.patterns",
        "rtmpscope.fields",
        "rtmpscope.redact",
        "rtmpscope.masks",
        "rtmpscope.known",
    ),
    ("rtmpscope.engine", "rtmpscope.conversation"),
    ("rtmpscope.plugins",),
    ("rtmpscope.analysis",),
    ("rtmpscope.rtmp",),
    ("rtmpscope.media", "rtmpscope.net"),
    ("rtmpscope.amf",),
    ("rtmpscope.capture",),
    ("rtmpscope.model", "rtmpscope.bits", "rtmpscope.limits", "rtmpscope.outcome", "rtmpscope.text"),
    ("rtmpscope",),
)
# The core opens nothing, so it knows no captures: they are handed to it packet by packet.
SANS_IO = ("rtmpscope.engine", "rtmpscope.conversation", "rtmpscope.analysis", "rtmpscope.rtmp", "rtmpscope.media",
           "rtmpscope.net", "rtmpscope.amf")  # fmt: skip
# Who may not know whom, though it stands no higher.
STRANGERS = (
    ("rtmpscope.rtmp", "rtmpscope.net"),
    ("rtmpscope.media", "rtmpscope.net"),
    ("rtmpscope.net", "rtmpscope.media"),
    ("rtmpscope.net", "rtmpscope.amf"),
)


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(path: Path) -> Iterator[str]:
    """What a module imports of the package when it runs; what only type checkers see does not count."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        waiting.extend(ast.iter_child_nodes(node))


def part_of(module: str) -> str:
    """The longest name among the levels that the module is, or is inside."""
    names = [name for level in LEVELS for name in level if module == name or module.startswith(name + ".")]
    return max(names, key=len)


def level_of(module: str) -> int:
    part = part_of(module)
    return next(number for number, level in enumerate(LEVELS) if part in level)


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_go_down(module: str, path: Path) -> None:
    for name in imported(path):
        if name.split(".")[0] != "rtmpscope":
            continue
        assert level_of(name) >= level_of(module), f"{module} imports {name}, which is above it"
        assert (part_of(module), part_of(name)) not in STRANGERS, f"{module} may not know {name}"
        if part_of(module) in SANS_IO:
            assert part_of(name) != "rtmpscope.capture", f"{module} imports {name}, but the core opens nothing"
        if part_of(module) == "rtmpscope.capture":
            assert part_of(name) in ("rtmpscope.capture", *LEVELS[-2], "rtmpscope"), f"capture imports {name}"


def test_every_module_has_a_level_of_its_own() -> None:
    forgotten = [module for module, _ in modules() if part_of(module) == "rtmpscope" != module]
    assert forgotten == []


def test_imports_inside_functions_count_and_those_for_type_checkers_do_not(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from rtmpscope.tui import app\n"
        "def late():\n    from rtmpscope.engine import Engine\n    import rtmpscope.store\n"
    )
    assert set(imported(module)) == {"typing.TYPE_CHECKING", "rtmpscope.engine.Engine", "rtmpscope.store"}
    assert level_of("rtmpscope.tui.app") < level_of("rtmpscope.export.jsonl") < level_of("rtmpscope.engine")


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True)
    return set(result.stdout.split())


HEAVY = {"textual", "rich", "scapy", "numpy", "dpkt", "cryptography", "zstandard"}


@pytest.mark.parametrize(
    "statement",
    [
        "import rtmpscope",
        "import rtmpscope.cli",
        "import rtmpscope.engine",
        "import rtmpscope.pipeline",
        "import rtmpscope.export.jsonl",
        "import rtmpscope.export.text",
        "import rtmpscope.export.stats",
        "import rtmpscope.filters",
        "from rtmpscope.cli import main; main(['stats', '-q', 'captures/ipv6.pcap'])",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(statement: str) -> None:
    assert not loaded_by(statement) & HEAVY
