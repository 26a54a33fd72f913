"""The same surroundings for every test, and how Hypothesis and the fuzz are run."""

import atexit
import os
import shutil
import signal
import tempfile
import time

import pytest
from hypothesis import HealthCheck, settings

# Tests find the same surroundings whoever runs them: no terminal, language, time zone or settings of that person.
KEPT = ("PATH", "HOME", "TMPDIR", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
FOLDERS = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
private = tempfile.mkdtemp(prefix="rtmpscope-tests-")
atexit.register(shutil.rmtree, private, ignore_errors=True)
for name in [*os.environ]:
    if name not in KEPT and not name.startswith("PYTEST_"):
        del os.environ[name]
os.environ |= {"LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "xterm-256color"} | dict.fromkeys(FOLDERS, private)
os.environ.setdefault("HOME", private)
os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # where nginx and tcpdump are
time.tzset()
os.umask(0o022)

# Where a script runs the tests in the background, ctrl+c is ignored from the start, and would be by all they start.
for number, handler in {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
}.items():
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)

# The same examples every time, so that a run tells what the change under it did; others by hand:
#     pytest --hypothesis-profile=default
settings.register_profile("repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden traces anew, to be read as a diff")
    parser.addoption("--fuzz-seconds", type=float, default=25, help="how long to make up hostile captures")
    parser.addoption("--fuzz-seed", type=int, default=1, help="which ones")
