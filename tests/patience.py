"""Waiting for what other processes do: for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds after which what is waited for will never be, on however slow and busy a machine


def wait_until(condition: Callable[[], object]) -> None:
    """Look many times a second; fail when patience is at an end."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
