"""Text from the wire, made safe to print."""

import sys
import unicodedata

import pytest

from rtmpscope.text import elided, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),  # retitles the window
        ("\x9b31m", "\\x9b31m"),  # the same in one byte
        ("\u034f\xad", "\\u{34f}\\xad"),
        ("a\r\nb\tc\x00\x7f", "a\\x0d\\x0ab\\x09c\\x00\\x7f"),
        ("live\u202ekey", "live\\u{202e}key"),  # reads backwards from there
        ("a\u2066b\u2069\u061c", "a\\u{2066}b\\u{2069}\\u{61c}"),
        ("in\u200bvisible\ufeff\xad", "in\\u{200b}visible\\u{feff}\\xad"),
        ("tag\U000e0041", "tag\\u{e0041}"),
        ("half \ud83d pair", "half \\u{d83d} pair"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text", ["", "live/cam 1", "Прямой эфир", "直播", "مباشر", "naïve ❤️ 🎥", "[@click=app.quit]", "\\x1b"]
)
def test_clean_text_comes_back_as_the_same_object(text: str) -> None:
    assert printable(text) is text


def test_no_code_point_that_controls_or_cannot_be_encoded_gets_through() -> None:
    visible = {0x6DD, 0x70F, 0x8E2, 0x110BD, 0x110CD, *range(0x600, 0x606), 0x890, 0x891, *range(0x13430, 0x13460)}
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") and code not in visible:
            assert printable(chr(code)) != chr(code), hex(code)


def test_printable_text_can_be_written_and_stays_as_it_is() -> None:
    everything = "".join(map(chr, range(0x3000))) + "\ud800\udfff\U000e0001"
    once = printable(everything)
    assert once.encode().decode() == once == printable(once)


def test_long_text_loses_its_middle() -> None:
    assert elided("0123456789", 10) == "0123456789"
    assert elided("0123456789abc", 10) == "012345…abc"
    assert elided("0123456789abcdef", 12) == "01234567…def"
    assert [len(elided("x" * 99, limit)) for limit in (1, 2, 3, 7, 50)] == [1, 2, 3, 7, 50]
