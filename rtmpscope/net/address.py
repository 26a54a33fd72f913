"""The two ends of a TCP connection, as they stand in the key of a segment: addresses, then ports."""

from rtmpscope.bits import u16
from rtmpscope.model import Endpoint

PORT = 2


def endpoints(key: bytes) -> tuple[Endpoint, Endpoint]:
    """Source and destination."""
    ports = len(key) - 2 * PORT
    source, destination = key[: ports // 2], key[ports // 2 : ports]
    return Endpoint(_text(source), u16(key, ports)), Endpoint(_text(destination), u16(key, ports + PORT))


def reverse(key: bytes) -> bytes:
    """The key of what is sent the other way."""
    ports = len(key) - 2 * PORT
    return key[ports // 2 : ports] + key[: ports // 2] + key[ports + PORT :] + key[ports : ports + PORT]


def _text(address: bytes) -> str:
    if len(address) == 4:
        return ".".join(map(str, address))

    from socket import AF_INET6, inet_ntop  # takes 4 ms to load, and most captures have IPv4 only

    return inet_ntop(AF_INET6, address)
