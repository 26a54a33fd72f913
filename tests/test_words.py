"""Words for notes and verdicts: how long, how often, why, and nothing of the wire that may be a secret."""

from __future__ import annotations

import pytest

from rtmpscope.analysis.words import because, call_name, later, often, plain_code, seconds


@pytest.mark.parametrize(
    "code",
    [
        "",
        "onlyoneword",
        "NetStream.Play.Start ",
        "NetStream. Start",
        "stream s3cr3t",
        "a.b.c.d.e.f",
        "a.".ljust(65, "b"),
        7,
    ],
)
def test_what_is_no_status_code_is_not_repeated(code: object) -> None:
    assert plain_code(code) == ""


def test_status_code_may_have_64_characters() -> None:
    longest = "Net.".ljust(64, "a")
    assert (plain_code(longest), plain_code(longest + "a")) == (longest, "")


def test_reason_is_the_code_and_its_meaning() -> None:
    assert because("NetStream.Failed") == ": NetStream.Failed, the stream failed for a reason that has no code"
    assert because("Vendor.Own.Code") == ": Vendor.Own.Code"
    assert because("live s3cr3t") == ", without a reason"


def test_only_commands_of_the_protocol_are_named() -> None:
    assert (call_name("createStream"), call_name("login-s3cr3t")) == ("createStream", "a call")


@pytest.mark.parametrize(
    ("time_ns", "said", "then"),
    [
        (-5, "0 ms", "at once"),
        (999_999, "0 ms", "at once"),
        (1_000_000, "1 ms", "1 ms later"),
        (999_999_999, "999 ms", "999 ms later"),
        (1_000_000_000, "1.0 s", "1.0 s later"),
    ],
)
def test_durations_are_said_as_people_do(time_ns: int, said: str, then: str) -> None:
    assert (seconds(time_ns), later(time_ns)) == (said, then)


def test_counts_are_said_as_people_do() -> None:
    assert [often(count) for count in (1, 2, 1200)] == ["once", "2 times", "1,200 times"]
