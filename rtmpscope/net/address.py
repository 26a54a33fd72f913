"""The two ends of a TCP connection, as they stand in the key of a segment.

A key is source address, destination address, source port, destination port, each as it stood in the packet: 12 bytes
for IPv4, 36 for IPv6.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.bits import u16
from rtmpscope.model import Endpoint

PORT_BYTES: Final = 2


def endpoints(key: bytes) -> tuple[Endpoint, Endpoint]:
    """Source and destination."""
    source, destination = _addresses(key)
    source_port, destination_port = ports(key)
    return Endpoint(_text(source), source_port), Endpoint(_text(destination), destination_port)


def ports(key: bytes) -> tuple[int, int]:
    """Those of source and destination."""
    return u16(key, len(key) - 2 * PORT_BYTES), u16(key, len(key) - PORT_BYTES)


def reverse(key: bytes) -> bytes:
    """The key of what is sent the other way."""
    source, destination = _addresses(key)
    return destination + source + key[-PORT_BYTES:] + key[-2 * PORT_BYTES : -PORT_BYTES]


def _addresses(key: bytes) -> tuple[bytes, bytes]:
    end = len(key) - 2 * PORT_BYTES
    return key[: end // 2], key[end // 2 : end]


def _text(address: bytes) -> str:
    if len(address) == 4:
        return ".".join(map(str, address))

    from socket import AF_INET6, inet_ntop  # takes 4 ms to load, and most captures have IPv4 only

    return inet_ntop(AF_INET6, address)
