"""Words for notes and verdicts: what comes from the wire is only repeated where it cannot hold a secret."""

from __future__ import annotations

import re
from typing import Final

from rtmpscope.rtmp.commands import COMMANDS
from rtmpscope.rtmp.status_codes import meaning

PLAIN_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+){1,4}")


def plain_code(code: object) -> str:
    """A status code as servers send them, "" for anything else, which might be a text with a name in it."""
    return code if isinstance(code, str) and len(code) <= 64 and PLAIN_CODE.fullmatch(code) else ""


def because(code: str) -> str:
    """How a sentence ends that a status code explains: ": NetStream.Failed, the stream failed"."""
    code = plain_code(code)
    if not code:
        return ", without a reason"
    words = meaning(code)
    return f": {code}, {words}" if words else f": {code}"


def call_name(name: str) -> str:
    """The name of a command of the protocol; what applications call theirs may say more than a note should."""
    return name if name in COMMANDS else "a call"


def seconds(time_ns: int) -> str:
    """A duration as a person says it: milliseconds below a second."""
    return f"{time_ns / 1e9:.1f} s" if time_ns >= 1_000_000_000 else f"{max(0, time_ns) // 1_000_000} ms"


def later(time_ns: int) -> str:
    """How long after something else: "at once", "20 ms later"."""
    return "at once" if time_ns < 1_000_000 else f"{seconds(time_ns)} later"


def often(count: int) -> str:
    """How often something happened."""
    return "once" if count == 1 else f"{count:,} times"
