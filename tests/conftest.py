import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden traces anew, to be read as a diff")
    parser.addoption("--fuzz-seconds", type=float, default=25, help="how long to make up hostile captures")
    parser.addoption("--fuzz-seed", type=int, default=1, help="which ones")
