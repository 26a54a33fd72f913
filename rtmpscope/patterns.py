"""Regular expressions of display filters: those that could search a hostile text for ever are refused.

Python tries every way in which an expression may match.  Where a group is repeated that can match in several ways
itself, the ways double with every character of the text; no such expression is needed to find anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rtmpscope.limits import PATTERN_CHARACTERS

# An escaped character, a set, a group's opening, its end, what matches in several ways, a fixed number of times;
# anything else stands for itself.
_PART: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(\()|(\))|([|*+]|\{\d*,\d*\})|(\{\d+\})|.", re.DOTALL)
_OPEN, _CLOSE, _MANIFOLD, _TIMES = range(1, 5)


def searcher(pattern: str) -> Callable[[str], bool]:
    """Whether the pattern is anywhere in a text, in capitals or not; raises ValueError for one that is refused."""
    if len(pattern) > PATTERN_CHARACTERS:
        raise ValueError(f"a pattern may have {PATTERN_CHARACTERS:,} characters")
    try:
        search = re.compile(pattern, re.IGNORECASE).search
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if _may_explode(pattern):
        raise ValueError("a group that is repeated may hold no other repeat and no |: it could take for ever")
    return lambda text: search(text) is not None


def _may_explode(pattern: str) -> bool:
    """Whether it repeats a group that holds a repeat or alternatives."""
    manifold = [False]  # of the groups that are open, outermost first
    closed = False  # of the group that ends right here
    for part in _PART.finditer(pattern):
        kind = part.lastindex
        if closed and kind in (_MANIFOLD, _TIMES) and part[0] != "|":
            return True
        closed = False
        if kind == _OPEN:
            manifold.append(False)
        elif kind == _CLOSE and len(manifold) > 1:
            closed = manifold.pop()
            manifold[-1] |= closed
        elif kind == _MANIFOLD:
            manifold[-1] = True
    return False
