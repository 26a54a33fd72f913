"""Real TCP on this machine's loopback, for the tests that really capture."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from rtmpscope.model import SYN, Packet
from rtmpscope.net.address import endpoints
from rtmpscope.net.decode import Decoder

needs_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="capturing needs root, and these tests Linux"
)


class Conversation:
    """A connection to a port of its own: what is sent through it can be found again by that port."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listening = socket.create_server((address, 0), family=family)
        self.port: int = self._listening.getsockname()[1]
        self.filter = f"tcp port {self.port}"

    def send(self, data: bytes) -> None:
        """Connect, send, close, and wait until all of it has arrived."""
        with socket.create_connection(self._listening.getsockname()[:2]) as client:
            server, _ = self._listening.accept()
            sending = threading.Thread(target=self._send, args=(client, data))
            sending.start()
            with server:
                while server.recv(1 << 16):
                    pass
            sending.join()

    def received(self, packets: Iterable[Packet]) -> bytes:
        """The data that these packets carry to the port, up to the first byte that is in none of them."""
        segments = [one for one in Decoder().decode(list(packets)) if endpoints(one.key)[1].port == self.port]
        starts = [segment.seq + 1 for segment in segments if segment.flags & SYN]
        pieces = [((one.seq - starts[0]) % 2**32, one.payload) for one in segments if one.length]
        data = b""
        for offset, payload in sorted(pieces):
            if offset > len(data):
                break
            data += payload[len(data) - offset :]
        return data

    def close(self) -> None:
        self._listening.close()

    @staticmethod
    def _send(client: socket.socket, data: bytes) -> None:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)


@contextmanager
def spare_interface() -> Iterator[str]:
    """One that is up and may be taken down or away."""
    name = f"rs{secrets.token_hex(4)}"  # a run that was killed may have left its own
    run("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p")
    try:
        run("ip", "link", "set", name, "up")
        run("ip", "link", "set", f"{name}p", "up")
        yield name
    finally:
        subprocess.run(["ip", "link", "del", name], capture_output=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
