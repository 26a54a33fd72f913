"""Regular expressions of display filters: those that could search a hostile text for ever are refused.

Python tries every way in which an expression may match.  Where a group is repeated that can match in several ways
itself, the ways multiply with every time it is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf, log
from typing import Final

from rtmpscope.limits import PATTERN_CHARACTERS, PATTERN_WAYS

# An escaped character, a set, a group's opening, its end, alternatives, a repeat; anything else stands for itself.
_PART: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(\()|(\))|(\|)|([*+]|\{\d*(?:,\d*)?\})|.", re.DOTALL)
_OPEN, _CLOSE, _OR, _REPEAT = range(1, 5)


def searcher(pattern: str) -> Callable[[str], bool]:
    """Whether the pattern is anywhere in a text, in capitals or not; raises ValueError for one that is refused."""
    if len(pattern) > PATTERN_CHARACTERS:
        raise ValueError(f"a pattern may have {PATTERN_CHARACTERS:,} characters")
    try:
        search = re.compile(pattern, re.IGNORECASE).search
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if _may_explode(pattern):
        raise ValueError("a group that is repeated so often may hold no other repeat and no |: it could take for ever")
    return lambda text: search(text) is not None


def _may_explode(pattern: str) -> bool:
    """Whether it repeats a group that can match in several ways, and so in too many all in all."""
    ways = [1.0]  # in which each group that is open can match so far, outermost first
    closed = 1.0  # those of the group that ends right here
    for part in _PART.finditer(pattern):
        kind = part.lastindex
        least, most = _times(part[0]) if kind == _REPEAT else (1, 1.0)
        if most > 1 and most * log(closed) > log(PATTERN_WAYS):
            return True
        ways[-1] *= closed**most * max(1, most - least + 1)
        closed = 1.0
        if kind == _OPEN:
            ways.append(1.0)
        elif kind == _CLOSE and len(ways) > 1:
            closed = ways.pop()
        elif kind == _OR:
            ways[-1] *= 2
    return False


def _times(repeat: str) -> tuple[int, float]:
    """How often at least and at most: of "*", "+", "{3}", "{3,}", "{,3}" or "{1,3}"."""
    if repeat in "*+":
        return 0, inf
    least, comma, most = repeat[1:-1].partition(",")
    return int(least or 0), float(most or inf) if comma else float(least or 1)
