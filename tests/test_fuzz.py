"""Hostile input of every kind, for some seconds, and all that ever broke something.

More of the same: python -m bench.fuzz --seconds 3600, and python -m bench.fuzz_atheris.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.decoders import TARGETS, inputs
from bench.fuzz import REGRESSIONS, Campaign, examine
from bench.mutate import LAYERS

CASES = 30  # of each layer: the same in every run, fast or slow


@pytest.mark.parametrize("layer", LAYERS)
def test_no_capture_damaged_in_this_layer_breaks_a_promise(layer: str, pytestconfig: pytest.Config) -> None:
    campaign = Campaign(pytestconfig.getoption("--fuzz-seed"), (layer,))
    campaign.run(pytestconfig.getoption("--fuzz-seconds") / len(LAYERS), lambda finding, number: None, CASES)
    assert campaign.executions.total()
    assert not campaign.findings, "\n".join(
        f"python -m bench.fuzz --seed {pytestconfig.getoption('--fuzz-seed')} --layers {layer} --case {number}\n"
        f"{finding.details}"
        for number, _, finding in campaign.findings.values()
    )


@pytest.mark.parametrize("path", sorted(REGRESSIONS.glob("*.pcap*")), ids=lambda path: path.stem)
def test_what_once_broke_a_promise_does_not_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.fuzz.SAMPLED_RECORDS", 1000)  # all of them
    for seed in range(3):
        finding = examine(path.read_bytes(), (), seed)
        assert finding is None, finding.details


@pytest.mark.parametrize("name", TARGETS)
def test_decoder_keeps_its_promises_on_its_corpus(name: str) -> None:
    kept = inputs(name)
    assert kept
    for data in kept:
        TARGETS[name](data)


def test_same_seed_makes_the_same_captures() -> None:
    assert [Campaign(7).case(number) for number in range(3)] == [Campaign(7).case(number) for number in range(3)]


def test_promise_that_is_broken_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Campaign(1, ("body",)).case(0)
    monkeypatch.setattr("bench.fuzz.CPU_SECONDS", 0.02)
    finding = examine(case.data)
    assert finding is not None and finding.signature == "broken: hang"
