"""Live captures by every helper: nothing lost, every way to end, and what is said of it."""

import errno
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest

from rtmpscope.capture import CaptureError, streams
from rtmpscope.capture.files import Batch, open_capture
from rtmpscope.capture.helpers import HELPERS, Helper, Request
from rtmpscope.capture.live import LiveCapture
from rtmpscope.limits import SPOOL_BYTES
from rtmpscope.model import Packet
from rtmpscope.plugins import Registry
from rtmpscope.store import Store
from tests.patience import PATIENCE, wait_until
from tests.traffic import Conversation, needs_root, run, spare_interface

pytestmark = needs_root

DUMPCAP, TCPDUMP, SNIFFER = HELPERS
ROOT = Path(__file__).parent.parent
INSTALLED = [
    pytest.param(helper, id=name)
    for helper, name in zip(HELPERS, ("dumpcap", "tcpdump", "sniffer"), strict=True)
    if helper.path
]
DATA = bytes(range(256)) * 2000

needs_dumpcap = pytest.mark.skipif(not DUMPCAP.path, reason="dumpcap is not installed")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(streams, "SPOOL_FOLDER", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a helper takes to end, it is not killed for it."""
    monkeypatch.setattr("rtmpscope.capture.live.END_SECONDS", PATIENCE)


@pytest.fixture
def conversation() -> Iterator[Conversation]:
    conversation = Conversation()
    yield conversation
    conversation.close()


@pytest.fixture
def start(conversation: Conversation) -> Iterator[Callable[..., LiveCapture]]:
    """Begin a capture on loopback, or elsewhere, that ends with the test."""
    started: list[LiveCapture] = []

    def begin(
        *interfaces: str,
        helper: Helper | None = None,
        seconds: float = PATIENCE,
        kilobytes: int = 0,
        spool_bytes: int = SPOOL_BYTES,
        **options: object,
    ) -> LiveCapture:
        options.setdefault("capture_filter", conversation.filter)
        request = Request(interfaces or ["lo"], **options)  # type: ignore[arg-type]
        live = LiveCapture(request, seconds=seconds, kilobytes=kilobytes, spool_bytes=spool_bytes, helper=helper)
        started.append(live)
        return started[-1]

    yield begin
    for live in started:
        live.close()


@pytest.fixture
def veth() -> Iterator[str]:
    with spare_interface() as name:
        yield name


def packets_of(batches: Iterable[Batch]) -> list[Packet]:
    return [packet for batch in batches for packet in batch.packets]


def taken(live: LiveCapture) -> list[Packet]:
    return packets_of(live.batches())


def stopped_after(live: LiveCapture, conversation: Conversation, data: bytes) -> Iterator[Batch]:
    """The batches of a capture that is stopped as soon as they hold this data."""
    packets: list[Packet] = []
    for batch in live.batches():
        packets += batch.packets
        if batch.packets and conversation.received(packets) == data:
            live.stop()
        yield batch


def saved_in(path: Path) -> list[Packet]:
    """What is in the file so far, whatever the capture's own reader has come to."""
    return packets_of(open_capture([str(path)]).batches()) if path.stat().st_size else []


# --- what is captured ------------------------------------------------------------------------------------


@pytest.mark.parametrize("helper", INSTALLED)
def test_a_conversation_is_captured_whole(
    helper: Helper, start: Callable[..., LiveCapture], conversation: Conversation, folder: Path
) -> None:
    live = start(helper=helper)
    conversation.send(DATA)
    batches = list(stopped_after(live, conversation, DATA))
    packets = packets_of(batches)
    assert conversation.received(packets) == DATA
    assert [packet.number for packet in packets] == list(range(1, len(packets) + 1))
    assert any(not batch.packets for batch in batches)  # the screen can breathe
    assert (live.ended, live.failed) == ("stopped", False)
    assert live.dropped == 0
    assert live._child.returncode is not None
    (report,) = live.files
    assert (report.path, report.packets, report.outcome, report.dropped) == ("lo", len(packets), "complete", 0)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("helper", INSTALLED)
def test_any_interface_is_captured(
    helper: Helper, start: Callable[..., LiveCapture], conversation: Conversation
) -> None:
    live = start("any", helper=helper)
    conversation.send(DATA)
    assert conversation.received(packets_of(stopped_after(live, conversation, DATA))) == DATA


@needs_dumpcap
def test_several_interfaces_are_captured_as_one(
    start: Callable[..., LiveCapture], conversation: Conversation, veth: str
) -> None:
    live = start(veth, "lo", helper=DUMPCAP)
    conversation.send(DATA)
    assert conversation.received(packets_of(stopped_after(live, conversation, DATA))) == DATA
    assert live.files[0].path == f"{veth},lo"


def test_ipv6_is_captured_by_the_usual_filter(start: Callable[..., LiveCapture]) -> None:
    other = Conversation("::1")
    live = start(capture_filter="tcp")
    other.send(DATA)
    assert other.received(packets_of(stopped_after(live, other, DATA))) == DATA
    other.close()


@pytest.mark.parametrize("helper", INSTALLED)
def test_rows_are_read_again_while_the_capture_goes_on(
    helper: Helper, start: Callable[..., LiveCapture], conversation: Conversation
) -> None:
    live = start(helper=helper)
    conversation.send(DATA)
    batches = stopped_after(live, conversation, DATA)
    first = next(batch for batch in batches if batch.packets)
    again = next(live.batches(first.bookmark))
    assert [packet.data for packet in again.packets][: len(first.packets)] == [packet.data for packet in first.packets]
    rest = packets_of(batches)
    everything = packets_of(live.batches(first.bookmark))
    assert [packet.data for packet in everything] == [packet.data for packet in [*first.packets, *rest]]


@pytest.mark.parametrize("helper", INSTALLED)
def test_a_slow_reader_loses_nothing(
    helper: Helper, start: Callable[..., LiveCapture], conversation: Conversation, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    live = start(helper=helper, save=str(saved))
    batches = live.batches()
    assert next(batches).packets == []
    conversation.send(DATA * 10)
    wait_until(lambda: conversation.received(saved_in(saved)) == DATA * 10)
    live.stop()
    assert conversation.received(packets_of(batches)) == DATA * 10


# --- how it ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("helper", INSTALLED)
def test_it_ends_after_as_many_packets_as_asked_for(
    helper: Helper, start: Callable[..., LiveCapture], conversation: Conversation, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    live = start(helper=helper, packets=7, save=str(saved))
    conversation.send(DATA)
    assert len(taken(live)) == 7
    assert (live.ended, live.failed) == ("7 packets were captured", False)
    assert len(saved_in(saved)) == 7


def test_it_ends_after_the_time_that_was_asked_for(start: Callable[..., LiveCapture]) -> None:
    began = time.monotonic()
    live = start(seconds=0.3)
    ticks = list(islice(live.batches(), 1000))
    assert packets_of(ticks) == [] and len(ticks) < 1000
    assert time.monotonic() - began >= 0.3
    assert (live.ended, live.failed) == ("0.3 s have passed", False)


def test_it_ends_at_the_size_that_was_asked_for(start: Callable[..., LiveCapture], conversation: Conversation) -> None:
    live = start(kilobytes=100)
    conversation.send(DATA)
    assert sum(len(packet.data) for packet in taken(live)) > 90_000
    assert (live.ended, live.failed) == ("100 kilobytes were captured", False)


def test_a_private_copy_never_grows_far_beyond_its_bound(
    start: Callable[..., LiveCapture], conversation: Conversation, folder: Path
) -> None:
    live = start(spool_bytes=100_000)
    conversation.send(DATA)
    assert sum(len(packet.data) for packet in taken(live)) > 90_000
    said = "its private copy has grown to 0 MB: --spool allows more, -b keeps a ring of files"
    assert (live.ended, live.failed) == (said, True)


@pytest.mark.parametrize("helper", INSTALLED)
def test_only_a_helper_that_may_drop_packets_is_marked_as_such(
    helper: Helper, start: Callable[..., LiveCapture]
) -> None:
    store = Store(start(helper=helper), Registry(), frozenset())
    assert ("may drop packets" in store.progress_text) == (helper is SNIFFER)


@pytest.mark.parametrize("helper", [param for param in INSTALLED if param.values[0] is not SNIFFER])
def test_packets_that_the_kernel_drops_are_counted_shown_and_kept_in_the_saved_file(
    helper: Helper,
    start: Callable[..., LiveCapture],
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("rtmpscope.capture.helpers.BUFFER_MEBIBYTES", 1)
    live = start(helper=helper, save=str(tmp_path / "saved"))
    live._child.send_signal(signal.SIGSTOP)
    conversation.send(bytes(16 << 20))
    live._child.send_signal(signal.SIGCONT)
    store = Store(live, Registry(), frozenset())
    threading.Timer(0.5, live.stop).start()
    store.load()
    assert live.dropped > 0
    assert live.files[0].dropped == live.dropped  # as the summary of the trace says it
    assert store.progress_text == f"stopped  {live.dropped:,} packets dropped"
    live.close()
    saved = open_capture([str(tmp_path / "saved")])
    for _ in saved.batches():
        pass
    assert saved.dropped == live.dropped


@pytest.mark.parametrize("helper", INSTALLED)
def test_an_interface_that_goes_away_ends_it_and_loses_nothing(
    helper: Helper, start: Callable[..., LiveCapture], veth: str, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    live = start(veth, helper=helper, capture_filter="udp port 9", save=str(saved))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((veth, 0))
        frame = bytes.fromhex("ffffffffffff02000000000108004500001c00000000401100000a0000010a0000020009000900080000")
        for _ in range(5):
            sender.send(frame)
    wait_until(lambda: len(saved_in(saved)) == 5)
    run("ip", "link", "del", veth)
    assert len(taken(live)) == 5
    assert (live.ended, live.failed) == (f"interface {veth} went away", True)
    assert live.files[0].outcome == "complete"


@needs_dumpcap
def test_of_several_interfaces_the_one_that_went_away_is_named(start: Callable[..., LiveCapture], veth: str) -> None:
    live = start("lo", veth, helper=DUMPCAP)
    run("ip", "link", "del", veth)
    taken(live)
    assert (live.ended, live.failed) == (f"interface {veth} went away", True)


@pytest.mark.parametrize("helper", INSTALLED)
def test_a_killed_helper_ends_it(
    helper: Helper, start: Callable[..., LiveCapture], conversation: Conversation, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    live = start(helper=helper, save=str(saved))
    conversation.send(DATA)
    wait_until(lambda: conversation.received(saved_in(saved)) == DATA)
    live._child.kill()
    assert conversation.received(taken(live)) == DATA
    assert (live.ended, live.failed) == (f"{helper.name} was killed by signal 9", True)


def test_a_helper_that_does_not_end_is_made_to(
    start: Callable[..., LiveCapture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtmpscope.capture.live.END_SECONDS", 0.2)
    live = start()
    live._child.send_signal(signal.SIGSTOP)
    live.stop()
    assert taken(live) == []
    assert live._child.returncode == -signal.SIGKILL
    assert live.ended == "stopped"
    frozen = start()
    frozen._child.send_signal(signal.SIGSTOP)
    frozen.close()
    assert frozen._child.returncode == -signal.SIGKILL


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """One of 20 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        run("umount", str(folder))


@pytest.mark.parametrize("helper", INSTALLED)
def test_a_full_disk_ends_it_with_a_sound_file(
    helper: Helper, start: Callable[..., LiveCapture], conversation: Conversation, disk: Path
) -> None:
    live = start(helper=helper, save=str(disk / "saved"))
    conversation.send(bytes(8 << 20))
    packets = taken(live)
    assert (live.ended, live.failed) == (f"the disk that holds {disk} is full", True)
    reader = open_capture([str(disk / "saved")])
    assert sum(len(batch.packets) for batch in reader.batches()) == len(packets) > 0
    assert reader.files[0].outcome == "complete"
    reader.close()
    live.close()


@pytest.mark.parametrize("helper", INSTALLED)
def test_it_does_not_begin_where_the_disk_is_full(
    helper: Helper, start: Callable[..., LiveCapture], disk: Path
) -> None:
    with suppress(OSError), open(disk / "other", "wb") as other:
        while other.write(bytes(1 << 20)):
            pass
    with pytest.raises(CaptureError, match=f"^the disk that holds {disk} is full$"):
        start(helper=helper, save=str(disk / "saved"))


@pytest.mark.parametrize("helper", INSTALLED)
def test_a_helper_does_not_outlive_us(helper: Helper, conversation: Conversation, tmp_path: Path) -> None:
    code = (
        "import sys, time; from rtmpscope.capture.live import *; from rtmpscope.capture.helpers import HELPERS\n"
        f"live = LiveCapture(Request(['lo'], capture_filter={conversation.filter!r}), "
        f"helper=HELPERS[{HELPERS.index(helper)}])\n"
        f"print(live._child.pid, flush=True); time.sleep({PATIENCE})"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert os.getpgid(child) != os.getpgid(parent.pid)  # ctrl-c is not for the helper
        parent.kill()

    def gone() -> bool:
        conversation.send(DATA)  # it finds out that nobody listens when it has something to say
        try:
            return "zombie" in Path(f"/proc/{child}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True

    wait_until(gone)
    assert list((tmp_path / "rtmpscope").iterdir()) == []


def test_a_forgotten_capture_ends_its_helper(start: Callable[..., LiveCapture], conversation: Conversation) -> None:
    live = LiveCapture(Request(["lo"], capture_filter=conversation.filter))
    child = live._child
    del live
    assert child.poll() is not None


# --- what is kept ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("helper", INSTALLED)
def test_a_saved_capture_holds_every_packet(
    helper: Helper, start: Callable[..., LiveCapture], conversation: Conversation, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    saved.write_bytes(b"older")
    live = start(helper=helper, save=str(saved))
    conversation.send(DATA)
    packets = packets_of(stopped_after(live, conversation, DATA))
    live.close()
    reader = open_capture([str(saved)])
    kept = packets_of(reader.batches())
    assert [(packet.time_ns, packet.data) for packet in kept] == [(packet.time_ns, packet.data) for packet in packets]
    assert (reader.files[0].format, reader.files[0].outcome) == ("pcapng", "complete")
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["saved"]


@pytest.mark.skipif(not TCPDUMP.path, reason="tcpdump is not installed")
def test_what_tcpdump_captures_is_saved_as_pcapng_whether_it_is_read_or_not(
    start: Callable[..., LiveCapture], conversation: Conversation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    other = Conversation()
    live = start(helper=TCPDUMP, save=str(saved), capture_filter=f"{conversation.filter} or {other.filter}")
    conversation.send(DATA)
    wait_until(lambda: conversation.received(saved_in(saved)) == DATA)  # while it goes on, and nobody has read a packet
    monkeypatch.setattr("rtmpscope.capture.places.TICK_SECONDS", PATIENCE)  # no further look before the end
    other.send(DATA)
    other.close()
    assert other.received(packets_of(stopped_after(live, other, DATA))) == DATA
    live.close()
    reader = open_capture([str(saved)])
    assert other.received(packets_of(reader.batches())) == DATA
    assert (reader.files[0].format, reader.files[0].outcome) == ("pcapng", "complete")


@needs_dumpcap
@pytest.mark.parametrize("kept", [False, True])
def test_a_ring_of_files_bounds_the_disk_and_is_read_through(
    kept: bool, start: Callable[..., LiveCapture], conversation: Conversation, folder: Path, tmp_path: Path
) -> None:
    save = str(tmp_path / "kept.pcapng") if kept else ""
    live = start(helper=DUMPCAP, ring=(100, 3), save=save)
    assert len(list(folder.glob("ring-*"))) == (0 if kept else 1)
    assert Store(live, Registry(), frozenset()).progress_text == "0 packets, 0.0 MB"  # it grows: there is no part of it
    batches = live.batches()
    packets: list[Packet] = []
    for number in range(1, 9):
        conversation.send(bytes(90_000))
        while sum(packet.captured for packet in packets) < number * 90_000:  # before it is overwritten
            packets += next(batches).packets
    live.stop()
    packets += packets_of(batches)
    assert [packet.number for packet in packets] == list(range(1, len(packets) + 1))
    assert sum(packet.captured for packet in packets) > 8 * 90_000
    assert len(live.files) > 3
    left = list(tmp_path.glob("kept_*")) if kept else list(folder.glob("ring-*/ring_*"))
    assert len(left) == 3
    assert {report.outcome for report in live.files} == {"complete"}
    live.close()
    assert len(list(tmp_path.glob("kept_*"))) == (3 if kept else 0)
    assert not folder.exists() or list(folder.iterdir()) == []


# --- what cannot begin -----------------------------------------------------------------------------------


@pytest.mark.parametrize("helper", INSTALLED)
@pytest.mark.parametrize(
    ("interface", "capture_filter", "message"),
    [
        ("nosuchif0", "tcp", "^no such interface as nosuchif0: rtmpscope interfaces lists what there is$"),
        ("lo", "tcp porx 1", "^the capture filter 'tcp porx 1' is wrong: can't parse filter expression"),
    ],
)
def test_what_cannot_begin_says_why(
    helper: Helper, interface: str, capture_filter: str, message: str, start: Callable[..., LiveCapture], tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    saved.write_bytes(b"precious")
    with pytest.raises(CaptureError, match=message):
        start(interface, helper=helper, capture_filter=capture_filter, save=str(saved))
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    assert saved.read_bytes() == b"precious"


@pytest.mark.parametrize("helper", [param for param in INSTALLED if param.values[0] is not SNIFFER])
def test_an_interface_that_is_down_names_the_command(
    helper: Helper, start: Callable[..., LiveCapture], veth: str
) -> None:
    run("ip", "link", "set", veth, "down")
    with pytest.raises(CaptureError, match=f"interface {veth} is down: run sudo ip link set {veth} up"):
        start(veth, helper=helper)


@pytest.mark.parametrize("helper", [param for param in INSTALLED if param.values[0] is not SNIFFER])
def test_without_permission_the_commands_are_named(helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    open_to_all = Path(tempfile.mkdtemp())
    open_to_all.chmod(0o777)
    monkeypatch.setattr(streams, "SPOOL_FOLDER", open_to_all / "cache")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # somebody who may not capture
        said = b"it began"
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            LiveCapture(Request(["lo"]), helper=helper)
        except BaseException as error:
            said = f"{type(error).__name__}: {error}".encode()
        os.write(writing, said)
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        message = pipe.read().decode()
    os.waitpid(child, 0)
    shutil.rmtree(open_to_all)
    assert message.startswith("CaptureError: no permission to capture on lo: ")
    assert message.endswith("; or run sudo tcpdump -i lo -U -w - tcp | rtmpscope -")
    assert "\n" not in message


def test_a_helper_that_may_not_be_started_names_the_commands_too(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """So ends dumpcap with file capabilities in a container that withholds them: execve(2), EPERM."""

    def refuse(command: list[str], **options: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), command[0])

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(CaptureError, match="^no permission to capture on lo: .* or run sudo tcpdump -i lo"):
        LiveCapture(Request(["lo"]))
    assert list(folder.iterdir()) == []
