"""Regular expressions find what they should, and those are refused that a hostile text could keep busy for ever."""

from __future__ import annotations

import pytest

from rtmpscope.limits import PATTERN_CHARACTERS, PATTERN_WAYS
from rtmpscope.patterns import searcher


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a*)*", "(?:a|aa)+b", "((a+))*", "(x(a+)y?)+", "(a{1,9})*", "(a{1,9}){8}", "((a|b){3}){9}",
     "(a{1,9}){9999}", "(a+){20}", "([ab]+){2,}", "(?P<n>.*,)*", r"(\\*)*", "([)]+)+", "(a|b|ab)*c"],
)  # fmt: skip
def test_pattern_that_could_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="take for ever"):
        searcher(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^net(stream|connection)", "NetStream.Publish.Start", True),
        ("([0-9a-f]{2}:)+ff$", "aa:bb:ff", True),
        (r"\(a\+\)+", "(a+))", True),
        ("[(*+|)]+$", "(|)", True),
        ("(a|b)?c+", "cc", True),
        ("(abc)*d+", "abcabc", False),
        ("(a+)(b+)|c", "aabb", True),
        ("[]*(]+", "](*", True),
        (r"^(\d{1,3}\.){3}\d{1,3}$", "10.0.0.12", True),
        ("((a|b)c){2,4}d", "acbcd", True),
    ],
)
def test_pattern_is_searched_for(pattern: str, text: str, found: bool) -> None:
    assert searcher(pattern)(text) is found


def test_a_group_of_few_ways_may_be_repeated_some_times() -> None:
    times = PATTERN_WAYS.bit_length() - 1
    assert searcher(f"^(a|b){{{times}}}$")("ab" * times) is False
    with pytest.raises(ValueError, match="take for ever"):
        searcher(f"(a|b){{{times + 1}}}")


@pytest.mark.parametrize("pattern", ["(", "a**", "[", "(?<", "(?P<a", "x{9999999999}"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        searcher(pattern)


def test_long_pattern_is_refused() -> None:
    searcher("a" * PATTERN_CHARACTERS)
    with pytest.raises(ValueError, match="a pattern may have 1,000 characters"):
        searcher("a" * (PATTERN_CHARACTERS + 1))
