"""The one door through which text from the wire reaches a terminal, a file or a log.

Wire text may hold anything: escape sequences that retitle or recolour a terminal, C1 controls that do the same
in one byte, bidirectional overrides that reorder what a person reads, characters of no width that hide a
difference.  `printable` spells these out and leaves every other character alone.  Most text needs nothing, so
one search decides.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    r"["
    r"\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # bidirectional controls, line and paragraph separators
    r"\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d"  # of no width
    r"\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\ud800-\udfff"  # surrogates, which no encoder takes
    r"]"
)


def printable(text: str) -> str:
    r"""The text with everything unsafe written as \xNN or \u{...}; a clean text comes back as it is."""
    if _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"


def elided(text: str, limit: int) -> str:
    """The text, its middle replaced by "…" where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 3
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"
