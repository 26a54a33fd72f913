"""What can be captured on: the interfaces of this machine, with what helps to pick one."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

ANY: Final = "any"  # all interfaces at once, on Linux

COUNTERS: Final = Path("/sys/class/net")


class Interface:
    """One interface.

    description       in words, where it is more than the name
    addresses         in their usual notation, IPv4 first
    state             "up", "no link" or "down"
    bytes_per_second  received and sent just now, None where the system does not say
    """

    def __init__(self, name: str, description: str, addresses: list[str], state: str) -> None:
        self.name: Final = name
        self.description: Final = description
        self.addresses: Final = addresses
        self.state: Final = state
        self.bytes_per_second: int | None = None


def interfaces(seconds: float = 0.5) -> list[Interface]:
    """The interfaces of this machine, the busiest first, after watching them for that long."""
    found = _interfaces()
    before = {one.name: _bytes(one.name) for one in found}
    if any(count is not None for count in before.values()):
        time.sleep(seconds)
    for one in found:
        earlier, later = before[one.name], _bytes(one.name)
        if earlier is not None and later is not None:
            one.bytes_per_second = int((later - earlier) / seconds)
    found.sort(key=lambda one: (one.state != "up", -(one.bytes_per_second or 0), one.name))
    if sys.platform == "linux":
        found.append(Interface(ANY, "all interfaces at once", [], "up"))
    return found


def _interfaces() -> list[Interface]:
    import scapy.arch  # noqa: F401  (it fills conf.ifaces)
    from scapy.config import conf

    found = []
    for one in conf.ifaces.values():
        flags = str(one.flags)
        state = "down" if "UP" not in flags.split("+") else "up" if "RUNNING" in flags else "no link"
        description = one.description if one.description != one.name else ""
        found.append(Interface(one.name, description, [*one.ips[4], *one.ips[6]], state))
    return found


def _bytes(name: str) -> int | None:
    """Received and sent since the interface exists."""
    try:
        counters = COUNTERS / name / "statistics"
        return sum(int((counters / counter).read_text()) for counter in ("rx_bytes", "tx_bytes"))
    except (OSError, ValueError):
        return None
