"""Finding texts and bytes."""

from __future__ import annotations

import pytest

from rtmpscope.redact import DOTS, Redactor
from rtmpscope.tui import search
from rtmpscope.tui.search import Needle, find, needle
from rtmpscope.tui.sight import Sight
from tests.fake_store import HugeStore, rejected_publish


def always(looked: int) -> bool:
    return True


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("OnStatus", Needle("onstatus", b"")),
        ("0xaf01", Needle("", b"\xaf\x01")),
        ("0xAF 01", Needle("", b"\xaf\x01")),
        ("0xaf:01", Needle("", b"\xaf\x01")),
        ("0xaf0", Needle("0xaf0", b"")),
        ("af 01", Needle("af 01", b"")),
    ],
)
def test_bytes_are_typed_as_hexadecimal_and_anything_else_is_text(typed: str, wanted: Needle) -> None:
    assert needle(typed) == wanted


def test_the_search_begins_behind_the_cursor_and_comes_back_to_it_last() -> None:
    sight = Sight(rejected_publish(), None)  # type: ignore[arg-type]
    assert find(sight, needle("h264"), 0, 1, always) == 11
    assert find(sight, needle("h264"), 11, 1, always) == 13
    assert find(sight, needle("h264"), 13, 1, always) == 11
    assert find(sight, needle("h264"), 11, -1, always) == 13
    assert find(sight, needle("aac frame"), 12, 1, always) == 12
    assert find(sight, needle("nowhere"), 12, 1, always) is None


def test_types_and_payloads_are_found() -> None:
    sight = Sight(rejected_publish(), None)  # type: ignore[arg-type]
    assert find(sight, needle("window ack"), 0, 1, always) == 7
    assert find(sight, needle("0x004c4b40"), 0, 1, always) == 7


def test_a_masked_key_cannot_be_searched_for() -> None:
    sight = Sight(rejected_publish(), Redactor(style=DOTS))  # type: ignore[arg-type]
    assert find(sight, needle("s3cret"), 0, 1, always) is None
    sight.masked = False
    assert find(sight, needle("s3cret"), 0, 1, always) == 9


def test_a_long_search_reports_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "REPORT", 0.0)
    sight = Sight(HugeStore(1_000_000), None)  # type: ignore[arg-type]
    reports: list[int] = []

    def until_the_third(looked: int) -> bool:
        reports.append(looked)
        return len(reports) < 3

    assert find(sight, needle("nowhere"), 0, 1, until_the_third) is None
    assert reports == [0, 1, 2]
