"""What can be captured on: the interfaces of this machine, with what helps to pick one.

scapy knows most about them on every system.  Where it is not installed the system itself tells their names, and
Linux their states.
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import Final

ANY: Final = "any"  # all interfaces at once, on Linux

LINUX: Final = Path("/sys/class/net")
IFF_UP: Final = 1  # <linux/if.h>


class Interface:
    """One interface.

    description       in words, where it is more than the name
    addresses         in their usual notation, IPv4 first; none without scapy
    state             "up", "no link" or "down"; "" where nothing tells
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
    try:
        import scapy.arch  # noqa: F401  (it fills conf.ifaces)
        from scapy.config import conf
    except ImportError:
        return [Interface(name, "", [], _state(name)) for _, name in socket.if_nameindex()]

    found = []
    for one in conf.ifaces.values():
        flags = str(one.flags)
        state = "down" if "UP" not in flags.split("+") else "up" if "RUNNING" in flags else "no link"
        description = one.description if one.description != one.name else ""
        found.append(Interface(one.name, description, [*one.ips[4], *one.ips[6]], state))
    return found


def _state(name: str) -> str:
    """By the files of Linux; what an interface that is down carries cannot be read."""
    try:
        if not int((LINUX / name / "flags").read_text(), 16) & IFF_UP:
            return "down"
        return "up" if (LINUX / name / "carrier").read_text().strip() == "1" else "no link"
    except (OSError, ValueError):
        return ""


def _bytes(name: str) -> int | None:
    """Received and sent since the interface exists."""
    try:
        counters = LINUX / name / "statistics"
        return sum(int((counters / counter).read_text()) for counter in ("rx_bytes", "tx_bytes"))
    except (OSError, ValueError):
        return None
