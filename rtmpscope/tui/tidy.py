"""Memory that only a search for cycles gives back, searched for where nobody waits.

A frame leaves some hundred such objects, and Python looks for them when there are many: 50,000 take 40 ms and more,
in the middle of an answer.  So they are looked for when the screen has nothing to do, while they are few.  What was
there before, and what has survived many searches, is left out of the next ones.
"""

from __future__ import annotations

import gc
from time import monotonic

FEW = 2_000  # objects: one or two milliseconds
SEARCHES = 100  # among new objects, until one among all that came since
STILL = 2.0  # seconds without a key that this one waits for

_touched = 0.0


def begin() -> None:
    """What has been loaded by now stays: modules above all."""
    gc.freeze()


def touched() -> None:
    """Somebody is at the keys."""
    global _touched
    _touched = monotonic()


def tidy() -> None:
    """The screen has nothing to do."""
    new, _, searches = gc.get_count()
    if searches > SEARCHES and monotonic() - _touched > STILL:
        gc.collect()
        gc.freeze()
    elif new > FEW:
        gc.collect(1)
