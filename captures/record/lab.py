"""The laboratory: one wire, and the programs at its two ends.

A `Lab` is two network namespaces joined by a veth pair (MTU 1500, offloads off, so frames have the size they have on
a real Ethernet), a scratch directory, and the processes started in it. Leaving the `with` block ends every process by
its own pid and removes the namespaces. Nothing here knows RTMP; the servers are in `servers.py`.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path.home() / ".cache" / "rtmpscope-lab"  # npm and PyPI packages live here, see record.py
PYTHON = HOME / "venv" / "bin" / "python"
PEERS = Path(__file__).with_name("peers")
ADDRESS = {"client": ("10.35.0.1", "fd35::1"), "server": ("10.35.0.2", "fd35::2")}
IP, IP6 = ADDRESS["server"]


class Process:
    """A program in a namespace, bounded in time by whoever waits for it."""

    def __init__(self, popen, log):
        self.popen, self.log = popen, log

    @property
    def pid(self):
        return self.popen.pid

    def send(self, number):
        if self.popen.poll() is None:
            self.popen.send_signal(number)

    def wait(self, seconds):
        """Wait for the end; after `seconds` ask with SIGINT, then insist."""
        for number, patience in ((None, seconds), (signal.SIGINT, 3), (signal.SIGTERM, 2), (signal.SIGKILL, 2)):
            if number:
                self.send(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.popen.wait(patience)

    def stop(self, number=signal.SIGINT):
        self.send(number)
        return self.wait(3)

    def text(self):
        return self.log.read_text(errors="replace")

    def until(self, words, seconds=60):
        """Wait until the program has printed `words`."""
        deadline = time.monotonic() + seconds
        while words not in self.text():
            if time.monotonic() > deadline or self.popen.poll() is not None:
                raise RuntimeError(f"no {words!r} in {self.log}:\n{self.text()[-2000:]}")
            time.sleep(0.05)

    def until_listening(self, port=1935, seconds=60):
        """Wait for a listening socket without connecting to it: that would be seen on the wire."""
        wanted = f":{port:04X}"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.popen.poll() is None:
            for table in ("tcp", "tcp6"):
                for line in Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()[1:]:
                    _, local, _, state = line.split()[:4]
                    if state == "0A" and local.endswith(wanted):
                        return
            time.sleep(0.05)
        raise RuntimeError(f"nothing listens on {port}:\n{self.text()[-2000:]}")


class Lab:
    def __init__(self, name, path=None):
        self.name = name
        self.path = path  # what a lossy path does, see peers/lossy_path.py; None is a clean wire
        self.work = Path(tempfile.mkdtemp(prefix=f"rtmp-{name}-"))
        self.space = {side: f"rtmplab-{self.work.name[-8:]}-{side[0]}" for side in ADDRESS}
        self.processes = []
        self.commands = []  # what a reader of the provenance wants to see
        self.started = None
        self.pcaps = {}
        self.media = []  # files that were published

    def __enter__(self):
        for space in self.space.values():
            ip("netns", "add", space)
        try:
            self.lay_wire()
            for space in self.space.values():
                ip("-n", space, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop(signal.SIGTERM)
        for space in self.space.values():
            ip("netns", "del", space)
        if not os.environ.get("KEEP_WORK"):
            shutil.rmtree(self.work, ignore_errors=True)

    def lay_wire(self):
        client, server = self.space["client"], self.space["server"]
        if self.path:
            options = [self.path.get(key, 0) for key in "loss double reorder delay bandwidth".split()]
            self.relay(client, server, *options, 1935)
        else:
            ip("link", "add", "veth0", "netns", client, "type", "veth", "peer", "name", "veth0", "netns", server)
        for side, space in self.space.items():
            v4, v6 = ADDRESS[side]
            # Locally administered addresses that do not change from one recording to the next.
            mac = "02:00:0a:23:00:01" if side == "client" else "02:00:0a:23:00:02"
            ip("-n", space, "link", "set", "veth0", "address", mac, "mtu", "1500")
            subprocess.run(
                [
                    "ip",
                    "netns",
                    "exec",
                    space,
                    "ethtool",
                    "-K",
                    "veth0",
                    "tso",
                    "off",
                    "gso",
                    "off",
                    "gro",
                    "off",
                    "tx",
                    "off",
                    "rx",
                    "off",
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            ip("-n", space, "address", "add", f"{v4}/24", "dev", "veth0")
            ip("-n", space, "address", "add", f"{v6}/64", "dev", "veth0", "nodad")
            ip("-n", space, "link", "set", "veth0", "up")

    def relay(self, *arguments):
        log = self.work / "relay.log"
        with open(log, "wb") as out:
            popen = subprocess.Popen(
                [sys.executable, PEERS / "lossy_path.py", *map(str, arguments)], stdout=out, stderr=out
            )
        process = Process(popen, log)
        self.processes.append(process)
        self.commands.append(
            f"# path: {', '.join(f'{k} {v}' for k, v in self.path.items())}, seed 1935 (peers/lossy_path.py)"
        )
        process.until("relaying")

    def start(self, side, *argv, env=None, output=None, show=True, stdin=subprocess.DEVNULL):
        """Start a program at one side of the wire; its output goes to a log file in the scratch directory."""
        argv = [str(a) for a in argv]
        log = self.work / f"{len(self.processes):02}-{Path(argv[0]).name}.log"
        if show:
            # A reader of the provenance wants the command, not where this machine kept its files.
            line = shlex.join(argv).replace(str(self.work), "WORK").replace(str(HOME), "LAB")
            self.commands.append(f"{side}$ {line.replace(str(PEERS), 'peers')}")
        with open(log, "wb") as err:
            out = open(output, "wb") if output else err
            popen = subprocess.Popen(
                ["ip", "netns", "exec", self.space[side], *argv],
                stdin=stdin,
                stdout=out,
                stderr=err,
                env={**os.environ, **(env or {})},
                cwd=self.work,
            )
        process = Process(popen, log)
        self.processes.append(process)
        return process

    def run(self, side, *argv, seconds=15, **options):
        """Start a program and let it end, or end it after `seconds`."""
        process = self.start(side, *argv, **options)
        process.wait(seconds)
        return process

    @contextlib.contextmanager
    def capture(self, side="server", interface="veth0", filter="tcp", name="", tool="tcpdump", snaplen=262144):
        """Record one interface while the block runs. Several captures may be open at once."""
        pcap = self.work / f"{name or 'main'}.{'pcapng' if tool == 'dumpcap' else 'pcap'}"
        if tool == "tcpdump":
            argv = ["tcpdump", "-i", interface, "-s", snaplen, "-U", "-B", 32768, "-w", pcap, filter]
            words = "listening on"
        else:
            argv = ["dumpcap", "-q", "-i", interface, "-s", snaplen, "-B", 32, "-w", pcap, "-f", filter]
            words = "File:"
        process = self.start(side, *argv)
        process.until(words)
        time.sleep(0.3)
        self.started = self.started or time.time()
        try:
            yield pcap
        finally:
            time.sleep(1)
            process.stop(signal.SIGINT)
            self.pcaps[name or "main"] = pcap


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)
