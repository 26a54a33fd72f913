"""Texts that are looked for in everything, however they are written and however many there are.

Every form of a text (as it is, in small letters and in capitals, escaped, URL-encoded, in UTF-16, in base64, in hex)
is kept under its first characters and its length, so that a place of a text is compared with a few forms only: the
time it takes follows the length of the text, not the number of secrets.  Bytes are searched as if they were Latin-1,
where UTF-8 has a form of its own.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Final, NamedTuple

from rtmpscope.limits import SECRETS_ALIKE
from rtmpscope.text import printable

SHORTEST: Final = 4  # characters of a form: with fewer it would be found everywhere
SURE: Final = 8  # from this length on a text is found inside other words too
ENCODED: Final = 6  # from this length on its base64 is long enough to be sure of
HEAD: Final = 64  # characters by which longer forms are kept


class Form(NamedTuple):
    """One way in which a text may be written, and what stands in its place.

    ordinary forms are replaced only in text from the wire and between quotation marks; bounded ones only where
    they are words of their own.
    """

    text: str
    replacement: str
    ordinary: bool

    def stands(self, text: str, at: int, own: bool) -> bool:
        """Whether it is to be replaced at this place, where it was found."""
        end = at + len(self.text)
        before, after = text[at - 1 : at] if at else "", text[end : end + 1]
        if self.ordinary and own:
            return before == after and before in ("'", '"')
        bounded = self.ordinary or len(self.text) < SURE
        return not bounded or not (before.isalnum() or after.isalnum())


class Known:
    """What is looked for, oldest first, with what stands in its place."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._forms: dict[str, dict[int, dict[str, list[Form]]]] = {}  # by first characters, length of head, head
        self._sorted: list[str] = []
        self._mirrored: list[str] = []  # the texts backwards, sorted

    def __contains__(self, text: str) -> bool:
        return text in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str, replacement: str, ordinary: bool, alike: bool) -> None:
        """Look for a text; `alike`: its forms become those of the replacement, not the replacement itself."""
        self._texts[text] = replacement
        insort(self._sorted, text)
        insort(self._mirrored, text[::-1])
        forms = written(text)
        instead = written(replacement) if alike else [replacement] * len(forms)
        for form, new in dict(zip(forms, instead, strict=True)).items():
            if len(form) >= SHORTEST:
                size = min(len(form), HEAD)
                found = self._forms.setdefault(form[:SHORTEST], {}).setdefault(size, {}).setdefault(form[:size], [])
                found.append(Form(form, new, ordinary))
                if len(found) > SECRETS_ALIKE:
                    del found[0]

    def at(self, text: str, at: int) -> Iterator[Form]:
        """The forms that stand at a place."""
        for size, heads in self._forms.get(text[at : at + SHORTEST], {}).items():
            for form in heads.get(text[at : at + size], ()):
                if len(form.text) == size or text.startswith(form.text, at):
                    yield form

    def places(self, text: str) -> list[int]:
        """Where a form may begin."""
        forms = self._forms
        return [at for at in range(len(text) - SHORTEST + 1) if text[at : at + SHORTEST] in forms]

    def scrubbed(self, text: str, own: bool) -> str:
        """Every form replaced, the longest where several stand; `own` text keeps ordinary words not in quotes."""
        shown: list[str] = []
        done = 0
        for at in self.places(text):
            found = [form for form in self.at(text, at) if form.stands(text, at, own)] if at >= done else None
            if found:
                longest = max(found, key=_length)
                shown += [text[done:at], longest.replacement]
                done = at + len(longest.text)
        return "".join(shown) + text[done:] if shown else text

    def in_bytes(self, data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """Where forms stand in bytes, what stands there, and what is to stand there; the longest of each place."""
        text = data.decode("latin-1")
        done = 0
        for at in self.places(text):
            found = list(self.at(text, at)) if at >= done else None
            if found:
                longest = max(found, key=_length)
                done = at + len(longest.text)
                yield at, data[at:done], longest.replacement.encode("latin-1", "replace")

    def begins(self, part: str) -> str | None:
        """A text that begins with this part."""
        return _first(self._sorted, part)

    def ends(self, part: str) -> str | None:
        """A text that ends with this part."""
        found = _first(self._mirrored, part[::-1])
        return None if found is None else found[::-1]


def _length(form: Form) -> int:
    return len(form.text)


def _first(texts: list[str], beginning: str) -> str | None:
    at = bisect_left(texts, beginning)
    return texts[at] if at < len(texts) and texts[at].startswith(beginning) else None


def written(text: str) -> list[str]:
    """How a text may be written; as many forms, in the same order, for every text of the same form."""
    from base64 import b64encode, urlsafe_b64encode
    from urllib.parse import quote, unquote

    forms = []
    for meant in (text, unquote(text)):
        data = meant.encode("utf-8", "surrogatepass")
        forms += [meant, printable(meant), data.decode("latin-1"), "\0".join(meant)]
        forms += [meant.lower(), meant.upper()] if meant.isascii() else [meant, meant]
        for safe in ("", "/", "/:?&=;@+,$!*'()"):
            encoded = quote(meant, safe=safe, errors="surrogatepass")
            forms += [encoded, re.sub("%..", lambda match: match[0].lower(), encoded)]
        if len(data) < ENCODED:
            continue
        for digits in (data.hex(" "), data.hex(" ").upper()):
            forms += [digits.replace(" ", ""), digits, digits.replace(" ", ":"), f"%{digits.replace(' ', '%')}"]
        for shift in range(3):
            # Characters that also depend on a neighbour's bits are left out at both sides.
            first, last = -(-8 * shift // 6), 8 * (shift + len(data)) // 6
            for encode in (b64encode, urlsafe_b64encode):
                forms.append(encode(bytes(shift) + data).decode()[first:last])
    return forms
