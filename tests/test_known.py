"""What is known is found in every form, the longest first, in time that does not follow how much is known."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest

from rtmpscope.known import SHORTEST, Known, written
from rtmpscope.limits import SECRETS_ALIKE
from tests import costs

KEY = "sk-Zq81Lm+/äx"


def known(*texts: str, ordinary: bool = False) -> Known:
    found = Known()
    for number, text in enumerate(texts):
        found.add(text, f"#{number}", ordinary, alike=False)
    return found


DATA = KEY.encode()
FORMS = [
    KEY, quote(KEY), "".join(f"%{byte:02x}" for byte in DATA), DATA.hex(), DATA.hex().upper(), DATA.hex(" "),
    DATA.hex(":"), "\0".join(KEY),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_replaced_in_text(form: str) -> None:
    assert known(KEY).scrubbed(f"a {form} b", own=False) == "a #0 b"


@pytest.mark.parametrize("shift", range(3))
def test_base64_is_found_wherever_it_began(shift: int) -> None:
    text = b64encode(bytes(shift) + DATA + b"xyz").decode()
    assert text[4:-8] not in known(KEY).scrubbed(text, own=False)


@pytest.mark.parametrize("coding", ["utf-8", "latin-1", "utf-16-le", "utf-16-be"])
def test_bytes_are_found_in_any_coding(coding: str) -> None:
    data = b"\xff\x80" + KEY.encode(coding) + b"\xff"
    ((at, found, _),) = known(KEY).in_bytes(data)
    assert at in (2, 3) and found.strip(b"\0") in KEY.encode(coding)


def test_longest_of_several_is_replaced() -> None:
    assert known("abcd", "abcdefgh", "cdefghij").scrubbed("abcdefghij", own=False) == "#1ij"


def test_ordinary_word_of_our_own_sentence_stays_unless_it_is_quoted() -> None:
    assert known("started", ordinary=True).scrubbed("it started as 'started'", own=True) == "it started as '#0'"


def test_short_text_is_replaced_only_as_a_word() -> None:
    assert known("abcd").scrubbed("abcd xabcd abcd.", own=False) == "#0 xabcd #0."


def test_beginning_and_end_of_a_text_lead_to_it() -> None:
    found = known("secret-one", "other-two")
    assert found.begins("secr") == "secret-one" and found.ends("two") == "other-two"
    assert found.begins("ecret") is None and found.ends("tw") is None


def test_forms_of_texts_of_one_form_are_as_many_and_as_long() -> None:
    one, other = written("a9/b%20c?"), written("z1/y%20x?")
    assert [len(form) for form in one] == [len(form) for form in other]


def test_of_long_texts_that_begin_alike_the_latest_are_known() -> None:
    texts = [f"{'a' * 64}{number:04}" for number in range(SECRETS_ALIKE + 10)]
    found = known(*texts)
    assert found.scrubbed(texts[-1], own=False).startswith("#")
    assert texts[0] in found.scrubbed(f"x {texts[0]} y", own=False)


def alike(count: int) -> list[str]:
    return [f"live_{number:08}_key" for number in range(count)]


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        (alike(4000), "live_" * 2000),
        (["a" * length + "b" for length in range(SHORTEST, 1000)], "a" * 10_000),
        (["a" * 64 + "c" * length for length in range(900)], "a" * 10_000),
    ],
    ids=["alike", "longer and longer", "one beginning"],
)
def test_ten_times_as_much_known_takes_not_fifteen_times_as_long(texts: list[str], text: str) -> None:
    def seconds(found: Known) -> float:
        return costs.cpu(lambda: (found.scrubbed(text, own=False), list(found.in_bytes(text.encode()))))

    few, many = known(*texts[::10]), known(*texts)
    costs.assert_scales(15, lambda: seconds(few), lambda: seconds(many))
