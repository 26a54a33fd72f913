import signal

import pytest
from hypothesis import settings

# Where a script runs the tests in the background they begin with ctrl+c ignored, and so would all that they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, so that a run tells what the change under it did; others by hand:
#     pytest --hypothesis-profile=default
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden traces anew, to be read as a diff")
    parser.addoption("--fuzz-seconds", type=float, default=25, help="how long to make up hostile captures")
    parser.addoption("--fuzz-seed", type=int, default=1, help="which ones")
