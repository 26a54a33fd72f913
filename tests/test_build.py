"""Two builds, one behaviour: what is compiled, what it falls back to, and that nobody can tell from the output."""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rtmpscope
from rtmpscope import bits

PROJECT = Path(__file__).parent.parent
PACKAGE = Path(rtmpscope.__file__).parent
CAPTURES = sorted(PROJECT.joinpath("captures").glob("*.pcap*"))
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")

# The compiled tests are for a run that is about the compiled build; elsewhere there is nothing to test.
compiled = [
    pytest.mark.compiled,
    pytest.mark.skipif(not str(bits.__file__).endswith(SUFFIX), reason="this build is not compiled"),
]

EXPORT = """
import hashlib, json, sys
from pathlib import Path
from rtmpscope import bits
from rtmpscope.cli import main

digests = {"bits": bits.__file__}
for path in sys.argv[2:]:
    status = main(["export", "-q", "--no-redact", "--payload", path, "-o", sys.argv[1]])
    digests[path] = status, hashlib.sha256(Path(sys.argv[1]).read_bytes()).hexdigest()
print(json.dumps(digests))
"""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PROJECT))
    monkeypatch.delenv("RTMPSCOPE_PURE", raising=False)
    return importlib.import_module("hatch_build")


class App:
    """What the hook sees of hatchling."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def display_warning(self, text: str) -> None:
        self.warnings.append(text)


def build(hook: ModuleType, root: Path, version: str = "standard") -> tuple[Any, dict[str, Any]]:
    """Run the hook as hatchling does; returns it and what it asks hatchling for."""
    builder = hook.Compiled(str(root), {}, None, None, "", "wheel", App())
    data: dict[str, Any] = {"force_include": {}, "pure_python": True, "infer_tag": False}
    builder.initialize(version, data)
    return builder, data


def test_every_module_of_the_list_exists(hook: ModuleType) -> None:
    missing = [name for name in hook.MODULES if not PACKAGE.parent.joinpath(name).exists()]
    assert not missing
    assert len(set(hook.MODULES)) == len(hook.MODULES)


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("RTMPSCOPE_PURE", "1", "RTMPSCOPE_PURE is set"),
        ("CC", "no-such-compiler -O2", "no C compiler: no-such-compiler is not installed"),
    ],
)
def test_a_wheel_is_plain_python_where_compiling_cannot_work(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, why: str
) -> None:
    monkeypatch.setenv(variable, value)
    builder, data = build(hook, PACKAGE.parent)
    assert builder.dependencies() == []
    assert builder.app.warnings == [f"rtmpscope is not compiled, large captures take 5 to 16 times longer ({why})"]
    assert data == {"force_include": {}, "pure_python": True, "infer_tag": False}


def test_a_compiler_that_fails_costs_one_line_and_leaves_nothing(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hook, "obstacle", lambda: "")
    monkeypatch.setattr(hook, "SETUP", "import sys; sys.exit('file.c:1: fatal error: out of luck')")
    monkeypatch.setattr(hook.tempfile, "tempdir", str(tmp_path))
    builder, data = build(hook, PACKAGE.parent)
    builder.finalize("standard", data, "")
    assert [text.partition("(")[2] for text in builder.app.warnings] == [
        "the compiler failed: file.c:1: fatal error: out of luck)"
    ]
    assert data == {"force_include": {}, "pure_python": True, "infer_tag": False}
    assert not list(tmp_path.iterdir())


def test_what_was_compiled_goes_into_the_wheel_and_not_into_the_source(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.joinpath("rtmpscope").mkdir(parents=True)
    source.joinpath("rtmpscope", "bits.py").touch()
    writes = f"import pathlib; pathlib.Path('rtmpscope/bits{SUFFIX}').touch(); pathlib.Path('group{SUFFIX}').touch()"
    monkeypatch.setattr(hook, "obstacle", lambda: "")
    monkeypatch.setattr(hook, "SETUP", writes)
    builder, data = build(hook, source)
    try:
        assert sorted(data["force_include"].values()) == [f"group{SUFFIX}", f"rtmpscope/bits{SUFFIX}"]
        assert all(Path(path).exists() for path in data["force_include"])
        assert not data["pure_python"] and data["infer_tag"]
    finally:
        builder.finalize("standard", data, "")
    assert [path.name for path in source.rglob("*.*")] == ["bits.py"]
    assert not any(Path(path).exists() for path in data["force_include"])


def test_an_editable_install_is_never_compiled(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "compile_copy", lambda *_: pytest.fail("it was compiled"))
    builder, data = build(hook, PACKAGE.parent, "editable")
    assert not builder.app.warnings and data["pure_python"]


def test_version_says_which_build_this_is() -> None:
    command = [sys.executable, "-m", "rtmpscope", "--version"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    build = "compiled" if str(bits.__file__).endswith(SUFFIX) else "pure Python"
    assert done.stdout == f"rtmpscope {rtmpscope.__version__} ({build})\n"


def test_version_is_known_without_loading_the_program() -> None:
    code = (
        "import sys\nfrom rtmpscope.cli import main\n"
        "try:\n    main(['--version'])\nexcept SystemExit:\n    pass\n"
        "print(*(name for name in sys.modules if name.startswith('rtmpscope')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    light = {"rtmpscope", *(f"rtmpscope.{name}" for name in ("arguments", "cli", "outcome", "text"))}
    assert set(done.stdout.splitlines()[-1].split()) <= light


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "compiled_module" in metafunc.fixturenames:
        listed = PROJECT.joinpath("hatch_build.py").read_text().partition("MODULES = (")[2].partition(")")[0]
        names = [line.strip(' ",') for line in listed.splitlines() if line.strip().startswith('"')]
        metafunc.parametrize("compiled_module", [name.removesuffix(".py").replace("/", ".") for name in names])


class TestCompiled:
    pytestmark = compiled

    def test_every_module_of_the_list_is_compiled(self, compiled_module: str) -> None:
        assert str(importlib.import_module(compiled_module).__file__).endswith(SUFFIX)

    def test_compiled_and_plain_python_write_the_same_traces(self, tmp_path: Path) -> None:
        plain = tmp_path / "plain"
        shutil.copytree(PACKAGE, plain / "rtmpscope", ignore=shutil.ignore_patterns(f"*{SUFFIX}", "__pycache__"))
        digests = []
        for place in (plain, PACKAGE.parent):
            done = subprocess.run(
                [sys.executable, "-c", EXPORT, str(tmp_path / "trace"), *map(str, CAPTURES)],
                cwd=place, capture_output=True, text=True, check=True,
            )  # fmt: skip
            digests.append(json.loads(done.stdout))
        assert [Path(digest.pop("bits")).name for digest in digests] == ["bits.py", f"bits{SUFFIX}"]
        assert digests[0] == digests[1]
        assert len(digests[0]) == len(CAPTURES) > 40
        assert (None, hashlib.sha256(b"").hexdigest()) not in digests[0].values()
