"""The programs that do the capturing, as children: dumpcap, else tcpdump, else our own rtmpscope.capture.sniffer.

All three are used alike.  A helper writes the capture to its standard output, which is a file, so that no slow
reader ever makes it wait; it says on standard error how it fares; SIGINT ends it; and because it keeps
reporting to a pipe that we hold, it does not outlive us.  Only the helper needs privileges.
"""

from __future__ import annotations

import grp
import os
import re
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import rtmpscope
from rtmpscope.capture import CaptureError
from rtmpscope.limits import PACKET_BYTES

DEFAULT_FILTER: Final = "tcp"

# Of kernel memory for each interface, a second at 1 Gbit/s.  On two cores with five processes at work 32 lost packets
# in four runs of six, 64 in two of ten, 128 in none of seven.
BUFFER_MEBIBYTES: Final = 128

SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # not on everybody's path


class Request:
    """What to capture.

    packets  stop after so many, 0 for never
    ring     kilobytes of a file, and how many files there are before the oldest is overwritten
    save     where to keep the capture; for a ring the pattern of its files' names
    """

    def __init__(
        self,
        interfaces: Sequence[str],
        *,
        capture_filter: str = DEFAULT_FILTER,
        packets: int = 0,
        promiscuous: bool = True,
        ring: tuple[int, int] | None = None,
        save: str = "",
    ) -> None:
        self.interfaces: Final = list(interfaces)
        self.capture_filter: Final = capture_filter
        self.packets: Final = packets
        self.promiscuous: Final = promiscuous
        self.ring: Final = ring
        self.save: Final = save

    def options(self) -> list[str]:
        """Those that all helpers share."""
        count = ["-c", str(self.packets)] if self.packets else []
        quiet = [] if self.promiscuous else ["-p"]
        return [*count, *quiet, *(part for name in self.interfaces for part in ("-i", name))]


class Helper:
    """One of the programs.

    format         of what it writes
    one_only       it captures on a single interface
    rings          it can keep a ring of files
    may_drop       it loses packets at speeds that the others follow
    report_signal  makes it report its losses, 0 where nothing does
    """

    def __init__(
        self,
        name: str,
        format: str,
        arguments: Callable[[Request, str], list[str]],
        *,
        module: str = "",
        one_only: bool = False,
        rings: bool = False,
        may_drop: bool = False,
        report_signal: int = 0,
    ) -> None:
        self.name: Final = name
        self.format: Final = format
        self.one_only: Final = one_only
        self.rings: Final = rings
        self.may_drop: Final = may_drop
        self.report_signal: Final = report_signal
        self._arguments = arguments
        self._module = module

    @property
    def path(self) -> str:
        """Where the program is; empty if it is not installed."""
        if self._module:
            return sys.executable
        return shutil.which(self.name, path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}") or ""

    def command(self, request: Request, output: str) -> list[str]:
        """The command line that captures into `output`; raises CaptureError if this helper cannot do that."""
        if self.one_only and len(request.interfaces) > 1:
            raise CaptureError(
                f"{self.name} captures on one interface: install dumpcap (package wireshark-common), or use -i any"
            )
        if request.ring is not None and not self.rings:
            raise CaptureError("a ring of files needs dumpcap: install it (package wireshark-common)")
        module = ["-P", "-m", self._module] if self._module else []  # -P: nothing is imported from where we stand
        return [self.path, *module, *self._arguments(request, output)]


def _dumpcap(request: Request, output: str) -> list[str]:
    """Options before the first -i hold for every interface."""
    first = ["-n", "-B", str(BUFFER_MEBIBYTES), "-s", str(PACKET_BYTES), "-f", request.capture_filter]
    ring: list[str] = []
    if request.ring is not None:
        kilobytes, files = request.ring
        ring = ["-b", f"filesize:{kilobytes}", "-b", f"files:{files}"]
    return [*first, *request.options(), *ring, "-w", output]


def _tcpdump(request: Request, output: str) -> list[str]:
    """-U writes each packet at once, -v reports a count every second.

    Without --immediate-mode, packets come up to a second late where few come; with it, libpcap lost one in ten at
    1 Gbit/s.
    """
    first = ["-n", "-U", "-v", "-B", str(BUFFER_MEBIBYTES << 10), "-s", str(PACKET_BYTES)]
    return [*first, *request.options(), "-w", output, "--", request.capture_filter]


def _sniffer(request: Request, output: str) -> list[str]:
    return [*request.options(), "-f", request.capture_filter]


REPORT_SIGNAL: Final = getattr(signal, "SIGINFO", signal.SIGUSR1)

HELPERS: Final = (
    Helper("dumpcap", "pcapng", _dumpcap, rings=True),
    Helper("tcpdump", "pcap", _tcpdump, one_only=True, report_signal=REPORT_SIGNAL),
    Helper("rtmpscope's sniffer", "pcapng", _sniffer, module="rtmpscope.capture.sniffer", may_drop=True),
)


def best_helper() -> Helper:
    """The first that is installed; our own sniffer always is."""
    return next(helper for helper in HELPERS if helper.path)


def environment() -> dict[str, str]:
    """That of a child which must find this very package."""
    path = [str(Path(rtmpscope.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), "LC_ALL": "C"}


# --- what helpers say ------------------------------------------------------------------------------------

PROGRESS: Final = re.compile(r"^(Packets: \d+|Got \d+) ?")
RING_FILE: Final = re.compile(r"^File: (.+)$")
DROPPED_SO_FAR: Final = re.compile(r"(\d+) packets? dropped by (kernel|interface)")
DROPPED_IN_ALL: Final = re.compile(r"^Packets received/dropped on interface .*: \d+/(\d+) \(.*ps_ifdrop:(\d+)")
CHATTER: Final = re.compile(
    r"(tcpdump: )?(Capturing on|File:|Packets (captured|received)|listening|data link type|WARNING|\d+ packets? |$)"
)
NOT_A_FILTER: Final = re.compile(r"isn't a valid capture filter \((.*)\)|(can't parse filter expression.*)")

REMEMBERED_LINES: Final = 100

CAP_NET_RAW: Final = 13  # <linux/capability.h>


class Account:
    """What a helper has said on its standard error.

    files    names of the ring's files, in the order they were begun
    dropped  packets lost in the kernel for want of buffer space, and those lost in the network interface;
             None as long as the helper has not said
    lines    all that is not a count, for the case that something goes wrong
    """

    def __init__(self) -> None:
        self.files: list[str] = []
        self.dropped: int | None = None
        self.dropped_by_interface: int | None = None
        self.lines: list[str] = []
        self._unfinished = ""

    def add(self, said: bytes) -> None:
        """Take what it said next, cut anywhere."""
        *lines, self._unfinished = (self._unfinished + said.decode(errors="replace")).replace("\r", "\n").split("\n")
        for line in lines:
            self._line(PROGRESS.sub("", line.strip()))

    def end(self) -> None:
        """The helper is gone: what it said last is a line, finished or not."""
        self.add(b"\n")

    def _line(self, line: str) -> None:
        if ring_file := RING_FILE.match(line):
            self.files.append(ring_file[1])
        for count, where in DROPPED_SO_FAR.findall(line):
            if where == "kernel":
                self.dropped = int(count)
            else:
                self.dropped_by_interface = int(count)
        if in_all := DROPPED_IN_ALL.match(line):
            self.dropped = (self.dropped or 0) + int(in_all[1])
            self.dropped_by_interface = (self.dropped_by_interface or 0) + int(in_all[2])
        if not CHATTER.match(line):
            self.lines = [*self.lines, line][-REMEMBERED_LINES:]


def problem(account: Account, helper: Helper, request: Request) -> str:
    """What went wrong, in one line that says what to do; empty if the helper has told of nothing that we know."""
    said = "\n".join(account.lines)
    wrong = NOT_A_FILTER.search(said)
    if wrong:
        return f"the capture filter {request.capture_filter!r} is wrong: {wrong[1] or wrong[2]}"
    return next((explain(helper, request) for sign, explain in PROBLEMS if sign in said), "")


def failure(account: Account, helper: Helper, request: Request) -> str:
    """Why a helper failed, if need be in its own words."""
    unknown = account.lines[0] if account.lines else f"{helper.name} failed without a word"
    return problem(account, helper, request) or unknown


def _no_permission(helper: Helper, request: Request) -> str:
    name = request.interfaces[0] if len(request.interfaces) == 1 else "any"
    pipe = f"sudo tcpdump -i {name} -U -w - {shlex.quote(request.capture_filter)} | rtmpscope -"
    return f"no permission to capture on {', '.join(request.interfaces)}: {_grant(helper)}; or run {pipe}"


def _grant(helper: Helper) -> str:
    """What gives the helper, never the analyser, the right to capture.

    Where people may capture as members of a group, nobody else can even start dumpcap, so it was not found.
    """
    if os.geteuid() == 0 or not _grantable():
        return "this container lacks a capability, start it with --cap-add NET_RAW --cap-add NET_ADMIN"
    if helper.name == "dumpcap":
        return f"run sudo setcap cap_net_raw,cap_net_admin=eip {shlex.quote(helper.path)}"
    try:
        grp.getgrnam("wireshark")
    except KeyError:
        return "install dumpcap (package wireshark-common) and let it capture for users who are not root"
    return "run sudo usermod -a -G wireshark $USER and log in again"


def _grantable() -> bool:
    """Whether any program started here could be given the capability to capture: capabilities(7), bounding set."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return True
    bounding = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bounding is None or bool(int(bounding[1], 16) >> CAP_NET_RAW & 1)


def _absent(request: Request) -> str:
    """Those of the interfaces that this system does not have; if all are there it may be any of them."""
    present = {name for _, name in socket.if_nameindex()}
    return " or ".join([name for name in request.interfaces if name not in present] or request.interfaces)


def _no_interface(helper: Helper, request: Request) -> str:
    return f"no such interface as {_absent(request)}: rtmpscope interfaces lists what there is"


def _interface_down(helper: Helper, request: Request) -> str:
    return f"interface {request.interfaces[0]} is down: run sudo ip link set {request.interfaces[0]} up"


def _interface_gone(helper: Helper, request: Request) -> str:
    return f"interface {_absent(request)} went away"


def _disk_full(helper: Helper, request: Request) -> str:
    return "the disk is full"


# What a helper says, and what that means; the first that is found counts.
PROBLEMS: Final[tuple[tuple[str, Callable[[Helper, Request], str]], ...]] = (
    ("permission", _no_permission),
    ("Operation not permitted", _no_permission),
    ("No such device", _no_interface),
    ("is not up", _interface_down),
    ("no longer attached", _interface_gone),
    ("interface disappeared", _interface_gone),
    ("Network is down", _interface_gone),
    ("no space left", _disk_full),
    ("No space left", _disk_full),
)
