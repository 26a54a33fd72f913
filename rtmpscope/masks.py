"""What stands for each secret of a run, and every place where a secret turns up again.

A secret becomes a tag, "key#1a2b": a keyed hash under a key made for the run, so that equal secrets have equal
tags within the run and nothing can be guessed back; on a screen all become "••••"; in a sanitised capture each
becomes another text of the same length, letter for letter and digit for digit.
"""

from __future__ import annotations

import os
import re
from typing import Final

from rtmpscope.known import SHORTEST, SURE, Known
from rtmpscope.limits import SECRET_CHARACTERS, SECRET_LENGTH
from rtmpscope.rtmp.commands import COMMANDS, HANDLERS

TAGS: Final = "tags"
DOTS: Final = "dots"
ALIKE: Final = "alike"
MASK: Final = "••••"

REMEMBERED: Final = SHORTEST  # characters; anything shorter is replaced only in its place

# Words of rtmpscope's own sentences and of the protocol.  A stream that is called like one is no secret that could
# be kept; replacing every such word would only spoil the text and give the name away.
_ORDINARY: Final = frozenset(
    "a already an and append audio been being bytes client closed code command connect connection created data default "
    "denied description details error failed file found from full has how in invalid is item key level live media "
    "message metadata name new no not now null of offline on ok or packet path play played player playing publish "
    "published publisher publishing record recorded rejected reset resetting rtmp rtmps seek server session start "
    "started status stop stopped stream streaming streams subscribe success text the this time to token true type "
    "unpublish user using video vod wait was with".split()
)

_WORDS: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}|[^\W_])+")
_CHARACTER: Final = re.compile(r"%[0-9A-Fa-f]{2}|.", re.DOTALL)
_ELIDED: Final = re.compile(r"([^\s'\"]{0,100})…([^\s'\"),]{0,100})")


class Masks:
    """The secrets of one run.

    key    of the tags; random if left out
    style  TAGS for what is written, DOTS for a screen, ALIKE for a capture
    known  those that are found everywhere
    short  those too short for that, but found where a sentence names a stream
    """

    def __init__(self, key: bytes | None, style: str) -> None:
        self._key = os.urandom(32) if key is None else key
        self._style = style
        self._tags: dict[str, str] = {}  # by secret, oldest first
        self._taken: dict[str, str] = {}  # secrets by tag
        self.known = Known()
        self.short: set[str] = set()
        self._characters = 0

    def secret(self, text: str) -> str:
        """The tag of a secret, which is remembered."""
        if not text or self.is_tag(text):
            return text
        tag = self.tag(text)
        self.remember(text, tag)
        return tag

    def is_tag(self, text: str) -> bool:
        """Whether a text is what stands for a secret, not one itself."""
        return text == MASK if self._style == DOTS else text in self._taken

    def tag(self, text: str) -> str:
        """A tag that no other secret of the run has."""
        if self._style == DOTS:
            return MASK
        if self._style == ALIKE:
            alike = self.another(text)
            if alike not in self._taken:
                self._taken[alike] = text
                self._spend(len(text))
            return alike

        import hmac  # these two take 9 ms to load, and without a secret they are not needed
        from urllib.parse import unquote

        meant = unquote(text)
        tag = self._tags.get(meant)
        if tag is None:
            digest = hmac.digest(self._key, meant.encode("utf-8", "surrogatepass"), "sha256").hex()
            size = 4
            while self._taken.setdefault(f"key#{digest[:size]}", meant) != meant:
                size += 1
            tag = self._tags[meant] = f"key#{digest[:size]}"
            self._spend(len(meant))
        return tag

    def another(self, text: str) -> str:
        """A text of the same length in which every word is another one, the same for the same word."""
        return _WORDS.sub(self._another_word, text)

    def _another_word(self, match: re.Match[str]) -> str:
        """Letters and digits become others of their kind, also where they are URL-encoded."""
        from hashlib import shake_256
        from urllib.parse import unquote

        meant = unquote(match[0], errors="surrogateescape")
        stream = shake_256(self._key + meant.encode("utf-8", "surrogateescape")).digest(len(match[0]))
        shown = []
        for written, random in zip(_CHARACTER.findall(match[0]), stream, strict=False):
            other = another(chr(int(written[1:], 16)) if len(written) > 1 else written, random)
            shown.append(f"%{ord(other):02X}" if len(written) > 1 else other)
        return "".join(shown)

    def remember(self, text: str, replacement: str) -> None:
        """Put this in the place of a text wherever it turns up."""
        if len(text) < REMEMBERED and text not in self.short:
            self.short.add(text)
            self._spend(len(text))
        elif REMEMBERED <= len(text) <= SECRET_LENGTH and text not in self.known:
            self.known.add(text, replacement, is_ordinary(text), self._style == ALIKE)
            self._spend(len(text))

    def _spend(self, characters: int) -> None:
        """Forget the older half where memory is full; in its own place a secret still gets the same tag."""
        self._characters += characters
        if self._characters <= SECRET_CHARACTERS:
            return
        kept = list(self.known)[len(self.known) // 2 + 1 :]
        self._tags, self._taken, self.known, self.short, self._characters = {}, {}, Known(), set(), 0
        for text in kept:
            self.secret(text)

    def stands_in(self, data: bytes) -> bool:
        """Whether anything that is remembered stands in bytes."""
        return any(True for _ in self.known.in_bytes(data))

    def _elided(self, match: re.Match[str]) -> str:
        """Text whose middle was left out: what is left of a secret on either side goes as well."""
        head, tail = match.groups()
        for at in range(len(head) - REMEMBERED + 1):
            begun = self.known.begins(head[at:])
            if begun is not None:
                head = head[:at] + self.tag(begun)
                break
        if len(tail) >= REMEMBERED:
            ended = self.known.ends(tail)
            tail = tail if ended is None else self.tag(ended)
        return f"{head}…{tail}"

    def scrub(self, text: str, own: bool) -> str:
        """Replace every known secret; `own` text keeps ordinary words that are not quoted."""
        if not self.known:
            return text
        if "…" in text:
            text = _ELIDED.sub(self._elided, text)
        return self.known.scrubbed(text, own)


def is_ordinary(text: str) -> bool:
    """Too short, a common word, a small number, or a word of the protocol."""
    if len(text) < REMEMBERED or text.lower() in _ORDINARY or text in COMMANDS or text in HANDLERS:
        return True
    return text.isdecimal() and len(text) < SURE


def another(character: str, random: int) -> str:
    """Another letter for a letter, another digit for a digit; in UTF-8 as many bytes."""
    for first, count in (("0", 10), ("a", 26), ("A", 26)):
        place = ord(character) - ord(first)
        if 0 <= place < count:
            return chr(ord(first) + (place + 1 + random % (count - 1)) % count)
    if character.isascii() or not character.isalnum():
        return character
    size = len(character.encode("utf-8", "surrogatepass"))
    return {1: character, 2: "äö", 3: "直播", 4: "𝐚𝐛"}[size][random % min(size, 2)]
