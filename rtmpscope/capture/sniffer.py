"""The helper for systems that have neither dumpcap nor tcpdump: Linux packet sockets, written out as pcapng.

Run as a program it behaves as those do: the capture goes to standard output, counts to standard error, SIGINT
ends it.  It is a process of its own so that it alone needs privileges, and so that neither it nor the analyser
waits for the other's interpreter.  Still it is no match for a helper in C above some 100 Mbit/s.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import selectors
import signal
import socket
import struct
import sys
import time
from types import FrameType
from typing import BinaryIO, Final

from rtmpscope.capture.writer import PcapngWriter
from rtmpscope.limits import PACKET_BYTES
from rtmpscope.model import Packet

LINUX_SLL2: Final = 276

# <linux/if_packet.h>, <linux/if_ether.h>, <asm/socket.h>
SOL_PACKET: Final = 263
PACKET_STATISTICS: Final = 6
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_MR_PROMISC: Final = 1
PACKET_OUTGOING: Final = 4
ETH_P_ALL: Final = 3
SO_ATTACH_FILTER: Final = 26
SO_RCVBUFFORCE: Final = 33
SO_TIMESTAMPNS: Final = 35
DLT_RAW: Final = 12
LOOPBACK: Final = 772  # ARPHRD_LOOPBACK

ANY: Final = "any"
BUFFER: Final = 64 << 20
REPORT_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.1  # between looks at whether to stop
LAST_SECONDS: Final = 1.0  # for what has come by then
AT_ONCE: Final = 256  # packets read between two looks at the clock

# "tcp" for bare IP packets: the same for IPv4 and IPv6, by the version in the first four bits.
TCP_FILTER: Final = (
    (0x30, 0, 0, 0),  # ldb [0]
    (0x54, 0, 0, 0xF0),  # and #0xf0
    (0x15, 0, 2, 0x40),  # jeq #0x40, 3, 5
    (0x30, 0, 0, 9),  # ldb [9]
    (0x15, 3, 4, 6),  # jeq #6, accept, reject
    (0x15, 0, 3, 0x60),  # jeq #0x60, 6, reject
    (0x30, 0, 0, 6),  # ldb [6]
    (0x15, 0, 1, 6),  # jeq #6, accept, reject
    (0x06, 0, 0, PACKET_BYTES),  # accept
    (0x06, 0, 0, 0),  # reject
)

Instruction = tuple[int, int, int, int]


class Sniffer:
    """The sockets of all interfaces, and what was read from them.

    packets  written
    dropped  lost, because a socket's buffer was full or because there was no time left to read it
    """

    def __init__(
        self, interfaces: list[str], program: list[Instruction], promiscuous: bool, count: int, output: BinaryIO
    ) -> None:
        """Open the interfaces; `count` packets are enough, 0 for never."""
        self.packets = 0
        self.dropped = 0
        self.stopped = False
        self._enough = count or sys.maxsize
        self._unread = 0
        self._names: dict[str, int] = {}
        self._output = output
        self._selector = selectors.DefaultSelector()
        for name in interfaces:
            self._selector.register(_open(name, program, promiscuous), selectors.EVENT_READ)
        self._writer = PcapngWriter(output)

    def run(self) -> None:
        """Until somebody sets `stopped`, or there are enough packets."""
        self._output.flush()
        report = time.monotonic() + REPORT_SECONDS
        while not self.stopped and self.packets < self._enough:
            self._read_all(LOOK_SECONDS)
            if time.monotonic() >= report:
                report += REPORT_SECONDS
                self._count()
                self._say()
        latest = time.monotonic() + LAST_SECONDS
        while time.monotonic() < latest and self._read_all(0):
            pass
        self._count()
        if self.packets < self._enough:
            self.dropped += self._unread
        self._say()
        self._writer.write_dropped(LINUX_SLL2, self.dropped)
        self._output.flush()

    def _count(self) -> None:
        """What the kernel has taken in and dropped since it was asked last; the first includes the second."""
        for key in self._selector.get_map().values():
            assert isinstance(key.fileobj, socket.socket)
            taken, dropped = struct.unpack("II", key.fileobj.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
            self.dropped += dropped
            self._unread += taken - dropped

    def _say(self) -> None:
        print(f"{self.packets} packets captured, {self.dropped} packets dropped by kernel", file=sys.stderr, flush=True)

    def _read_all(self, seconds: float) -> bool:
        """Wait so long for packets and write them; false if there were none."""
        before = self.packets
        for key, _ in self._selector.select(seconds):
            assert isinstance(key.fileobj, socket.socket)
            self._read(key.fileobj)
        self._output.flush()
        return self.packets > before

    def _read(self, source: socket.socket) -> None:
        for _ in range(min(AT_ONCE, self._enough - self.packets)):
            try:
                data, ancillary, _, address = source.recvmsg(PACKET_BYTES, 64, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            self._unread -= 1
            interface, protocol, kind, hardware, sender = address
            if kind == PACKET_OUTGOING and hardware == LOOPBACK:
                continue  # it will come in as well
            seconds, nanoseconds = struct.unpack("ll", ancillary[0][2])
            index = self._names.get(interface)
            if index is None:
                index = self._names[interface] = socket.if_nametoindex(interface) if interface else 0
            fields = struct.pack(">HHIHBB8s", protocol, 0, index, hardware, kind, len(sender), sender)
            frame = fields + data
            time_ns = seconds * 1_000_000_000 + nanoseconds
            self.packets += 1
            self._writer.write(Packet(self.packets, time_ns, LINUX_SLL2, frame, 0, len(frame), len(frame)))


def _open(name: str, program: list[Instruction], promiscuous: bool) -> socket.socket:
    """A socket that gives the packets of one interface, or of "any", from their IP header on."""
    source = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL) if name == ANY else 0)
    source.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    source.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(instructions)
    source.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(buffer)))
    if name == ANY:
        _discard(source)
        return source
    source.bind((name, ETH_P_ALL))
    if promiscuous:
        member = struct.pack("IHH8s", socket.if_nametoindex(name), PACKET_MR_PROMISC, 0, b"")
        source.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, member)
    return source


def _discard(source: socket.socket) -> None:
    """What came in before the filter was set."""
    try:
        while True:
            source.recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        source.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)  # counts from here


def compile_filter(text: str) -> list[Instruction]:
    """A capture filter as the kernel runs it; libpcap, through scapy, is needed for all but the default one."""
    if text == "tcp":
        return list(TCP_FILTER)
    try:
        from scapy.arch.common import compile_filter as compile_with_libpcap
        from scapy.error import Scapy_Exception

        compiled = compile_with_libpcap(text, linktype=DLT_RAW)
    except ImportError:
        sys.exit("a capture filter other than tcp needs libpcap: install tcpdump")
    except Scapy_Exception as error:
        sys.exit(f"can't parse filter expression: {error}")
    instructions = compiled.bf_insns[: compiled.bf_len]
    return [(one.code, one.jt, one.jf, one.k) for one in instructions]


def main() -> None:
    parser = argparse.ArgumentParser(prog="rtmpscope.capture.sniffer", description="Capture to standard output.")
    parser.add_argument("-i", dest="interfaces", action="append", required=True)
    parser.add_argument("-f", dest="filter", default="tcp")
    parser.add_argument("-c", dest="count", type=int, default=0)
    parser.add_argument("-p", dest="promiscuous", action="store_false")
    arguments = parser.parse_args()
    if not hasattr(socket, "AF_PACKET"):
        sys.exit("this system has no packet sockets: install tcpdump")
    program = compile_filter(arguments.filter)
    with open(sys.stdout.fileno(), "wb", buffering=1 << 16, closefd=False) as output:
        try:
            sniffer = Sniffer(arguments.interfaces, program, arguments.promiscuous, arguments.count, output)

            def stop(number: int, frame: FrameType | None) -> None:
                sniffer.stopped = True

            signal.signal(signal.SIGINT, stop)
            signal.signal(signal.SIGTERM, stop)
            sniffer.run()
        except OSError as error:
            os.write(sys.stderr.fileno(), f"{error.strerror}\n".encode())
            sys.exit(1)


if __name__ == "__main__":
    main()
