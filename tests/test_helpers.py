"""The programs that capture: how they are called, and what their words mean."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rtmpscope.capture import CaptureError, helpers
from rtmpscope.capture.helpers import HELPERS, Account, Request, best_helper, environment, failure, problem

DUMPCAP, TCPDUMP, SNIFFER = HELPERS


def account(text: str) -> Account:
    said = Account()
    said.add(text.encode())
    said.end()
    return said


# --- command lines ---------------------------------------------------------------------------------------


def test_dumpcap_is_told_of_filter_and_buffer_before_the_interfaces() -> None:
    request = Request(["eth0", "lo"], capture_filter="tcp port 1935", packets=7, promiscuous=False)
    _, *arguments = DUMPCAP.command(request, "-")
    assert " ".join(arguments) == "-n -B 128 -s 262144 -f tcp port 1935 -c 7 -p -i eth0 -i lo -w -"


def test_dumpcap_keeps_a_ring_of_files() -> None:
    _, *arguments = DUMPCAP.command(Request(["any"], ring=(5000, 3)), "name")
    assert arguments[-8:] == ["-i", "any", "-b", "filesize:5000", "-b", "files:3", "-w", "name"]


def test_tcpdump_is_asked_for_every_packet_and_a_count_each_second() -> None:
    _, *arguments = TCPDUMP.command(Request(["eth0"]), "-")
    assert " ".join(arguments) == "-n -U -v -B 131072 -s 262144 -i eth0 -w - -- tcp"


@pytest.mark.parametrize(
    ("helper", "request_", "message"),
    [
        (TCPDUMP, Request(["a", "b"]), "tcpdump captures on one interface: install dumpcap"),
        (TCPDUMP, Request(["a"], ring=(1, 2)), "a ring of files needs dumpcap: install it"),
        (SNIFFER, Request(["a"], ring=(1, 2)), "a ring of files needs dumpcap: install it"),
    ],
)
def test_what_a_helper_cannot_do_is_said_at_once(helper: helpers.Helper, request_: Request, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        helper.command(request_, "-")


def test_the_best_helper_that_is_installed_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(helpers, "SBIN", str(tmp_path / "sbin"))
    assert best_helper() is SNIFFER
    for folder, name, helper in (("sbin", "tcpdump", TCPDUMP), ("bin", "dumpcap", DUMPCAP)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).touch(mode=0o755)
        assert best_helper() is helper
        assert helper.path == str(tmp_path / folder / name)


def test_our_sniffer_imports_nothing_from_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("raise SystemExit('imported from here')")
    command = [*SNIFFER.command(Request(["nosuchif0"]), "-")]
    ran = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert ran.returncode == 1
    assert "imported from here" not in ran.stderr


def test_only_our_own_sniffer_may_drop() -> None:
    assert [helper.may_drop for helper in HELPERS] == [False, False, True]


# --- what they say ---------------------------------------------------------------------------------------


def test_dumpcap_tells_its_drops_at_the_end_for_each_interface() -> None:
    said = account(
        "Capturing on 'lo' and 'eth0'\nFile: -\n\rPackets: 3 \rPackets: 9 \nPackets captured: 9\n"
        "Packets received/dropped on interface 'lo': 6/2 (pcap:2/dumpcap:0/flushed:0/ps_ifdrop:4) (75.0%)\n"
        "Packets received/dropped on interface 'eth0': 3/5 (pcap:5/dumpcap:0/flushed:0/ps_ifdrop:1) (40.0%)\n"
    )
    assert (said.dropped, said.dropped_by_interface, said.lines) == (7, 5, [])


def test_tcpdump_tells_its_drops_as_it_goes() -> None:
    said = Account()
    assert (said.dropped, said.dropped_by_interface) == (None, None)
    said.add(
        b"tcpdump: listening on lo, link-type EN10MB (Ethernet), snapshot length 262144 bytes\nGot 5\rtcpdump: 5 pac"
    )
    said.add(b"kets captured, 20 packets received by filter, 3 packets dropped by kernel\nGot 9\r")
    assert (said.dropped, said.dropped_by_interface) == (3, None)
    said.add(
        b"9 packets captured\n30 packets received by filter\n1 packet dropped by kernel\n"
        b"2 packets dropped by interface\n"
    )
    assert (said.dropped, said.dropped_by_interface, said.lines) == (1, 2, [])


def test_files_of_a_ring_are_known_when_they_are_begun_even_behind_a_count() -> None:
    said = Account()
    said.add(b"Capturing on 'lo'\nFile: /tmp/ring_00001_2026.pcapng\n\rPackets: 10 File: /tmp/ring_00002_2026.pc")
    assert said.files == ["/tmp/ring_00001_2026.pcapng"]
    said.add(b"apng\n")
    assert said.files == ["/tmp/ring_00001_2026.pcapng", "/tmp/ring_00002_2026.pcapng"]


def test_a_message_behind_a_count_is_kept() -> None:
    said = account('\rPackets: 2 dumpcap: The network adapter "eth0" is no longer attached; the capture has stopped.\n')
    assert problem(said, DUMPCAP, Request(["eth0"])) == "interface eth0 went away"


def test_only_the_last_lines_are_remembered() -> None:
    said = account("".join(f"line {number}\n" for number in range(1000)))
    assert (len(said.lines), said.lines[-1]) == (100, "line 999")


DUMPCAP_DENIED = 'dumpcap: You do not have permission to capture on device "eth0".\n(socket: Operation not permitted)'
RAW = 1 << 13
IN_A_CONTAINER = "this container lacks a capability, start it with --cap-add NET_RAW --cap-add NET_ADMIN"
PIPE = "or run sudo tcpdump -i eth0 -U -w - 'tcp port 1935' | rtmpscope -"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "dumpcap: Invalid capture filter \"tcp porx\" for interface 'lo'.\n\nThat string isn't a valid capture "
            "filter (can't parse filter expression: syntax error).\nSee the User's Guide",
            "the capture filter 'tcp port 1935' is wrong: can't parse filter expression: syntax error",
        ),
        (
            "tcpdump: can't parse filter expression: syntax error",
            "the capture filter 'tcp port 1935' is wrong: can't parse filter expression: syntax error",
        ),
        (
            'dumpcap: There is no device named "eth0".\n(No such device exists)',
            "no such interface as eth0: rtmpscope interfaces lists what there is",
        ),
        ("tcpdump: eth0: That device is not up", "interface eth0 is down: run sudo ip link set eth0 up"),
        ("tcpdump: pcap_loop: The interface disappeared", "interface eth0 went away"),
        ("Network is down", "interface eth0 went away"),
        ("dumpcap: Not all the packets could be written\nbecause there is no space left on", "the disk is full"),
    ],
)
def test_what_goes_wrong_is_explained_with_what_to_do(said: str, message: str) -> None:
    request = Request(["eth0"], capture_filter="tcp port 1935")
    assert problem(account(said), DUMPCAP, request) == failure(account(said), DUMPCAP, request) == message


def test_an_unknown_failure_is_told_in_the_helpers_words() -> None:
    said = account("tcpdump: WARNING: something\ntcpdump: the moon is full\nmore about it\n")
    assert problem(said, TCPDUMP, Request(["eth0"])) == ""
    assert failure(said, TCPDUMP, Request(["eth0"])) == "tcpdump: the moon is full"
    assert failure(Account(), TCPDUMP, Request(["eth0"])) == "tcpdump failed without a word"


@pytest.mark.parametrize(
    ("user", "bounding", "group", "helper", "advice"),
    [
        (1000, RAW, True, DUMPCAP, f"run sudo setcap cap_net_raw,cap_net_admin=eip {shutil.which('dumpcap') or ''}"),
        (1000, RAW, True, TCPDUMP, "run sudo usermod -a -G wireshark $USER and log in again"),
        (
            1000,
            RAW,
            False,
            TCPDUMP,
            "install dumpcap (package wireshark-common) and let it capture for users who are not root",
        ),
        (1000, 0, True, DUMPCAP, IN_A_CONTAINER),
        (0, RAW, True, DUMPCAP, IN_A_CONTAINER),
    ],
)
def test_missing_permission_names_the_commands_for_this_system(
    user: int, bounding: int, group: bool, helper: helpers.Helper, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def groups(name: str) -> None:
        if not group:
            raise KeyError(name)

    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(helpers.grp, "getgrnam", groups)
    monkeypatch.setattr(Path, "read_text", lambda path: f"CapEff:\t0\nCapBnd:\t{bounding:016x}\nCapAmb:\t0\n")
    message = problem(account(DUMPCAP_DENIED), helper, Request(["eth0"], capture_filter="tcp port 1935"))
    assert message == f"no permission to capture on eth0: {advice}; {PIPE}"
    assert "python" not in message
