"""What live -i accepts, in which order, with and without scapy."""

import sys

import pytest

from rtmpscope.capture import interfaces as module
from rtmpscope.capture.interfaces import Interface, interfaces


def test_the_loopback_interface_is_among_them() -> None:
    found = {one.name: one for one in interfaces(0.01)}
    loopback = found["lo" if sys.platform == "linux" else "lo0"]
    assert loopback.state == "up"
    assert loopback.addresses[0] == "127.0.0.1"


def test_the_busiest_comes_first_and_what_is_down_last(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"quiet": [5, 5], "busy": [100, 1100], "slow": [7, 17], "off": [0, 0], "odd": [None, None]}
    states = {"off": "down", "odd": "no link"}
    found = [Interface(name, "", [], states.get(name, "up")) for name in counts]
    monkeypatch.setattr(module, "_interfaces", lambda: found)
    monkeypatch.setattr(module, "_bytes", lambda name: counts[name].pop(0))
    listed = [(one.name, one.bytes_per_second) for one in interfaces(0.1)]
    assert [one for one in listed if one[0] != "any"] == [
        ("busy", 10_000),
        ("slow", 100),
        ("quiet", 0),
        ("odd", None),
        ("off", 0),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells states in files")
def test_names_and_states_are_known_without_scapy(monkeypatch: pytest.MonkeyPatch) -> None:
    with_scapy = {one.name: one.state for one in interfaces(0.01)}
    monkeypatch.setitem(sys.modules, "scapy.arch", None)
    assert {one.name: one.state for one in interfaces(0.01)} == with_scapy


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux captures on any")
def test_any_comes_last() -> None:
    assert interfaces(0.01)[-1].name == "any"
