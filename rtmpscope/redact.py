"""Secrets out of everything that is shown or written: stream keys, tokens, credentials.

They are recognised in two ways.  By place: a rule says what a string is where it stands (the name in publish, a
query part of tcUrl, a property called token), and what is secret by that rule is replaced and remembered.  By
memory: whatever was remembered is replaced wherever else it turns up, however it is written (see known), as servers
repeat keys in texts and objects of their own.

What stands for a secret is said in masks.  A decoded body is copied where something in it changes and never changed
itself.  Bytes that could not be decoded may hold anything, so in bodies that can carry secrets they are withheld.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from operator import ne
from typing import Final

from rtmpscope.known import Known
from rtmpscope.masks import ALIKE, DOTS, MASK, TAGS, Masks, is_ordinary
from rtmpscope.model import AGGREGATE, AMF_TYPES, AUDIO, COMMAND_TYPES, VIDEO, Connection, Event, Field, Message, Note
from rtmpscope.rtmp.commands import COMMANDS

__all__ = ["ALIKE", "DOTS", "MASK", "TAGS", "Redactor"]

_OBJECTS: Final = frozenset(("object", "ecma_array", "typed_object", "amf3_object", "array", "external"))

_SECRET_WORDS: Final = frozenset(
    "account apikey auth authenticate authentication authorization authorize challenge cnonce cookie credential "
    "credentials hash jwt key keys login md5 nonce opaque pass passphrase passwd password pin pw pwd response salt "
    "secret session sessionid sid sig sign signature streamkey ticket token tokens user userid username".split()
)
_SOUND: Final = re.compile(r"[\w$@.:/ -]*")  # what names of commands are made of; others were damaged
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# What a query part may say openly: the steps of Adobe's and Limelight's authentication.
_OPEN_PARTS: Final = {
    "authmod": frozenset(("adobe", "llnw")),
    "reason": frozenset(("needauth", "authfailed", "nosuchuser")),
}
_NAMES: Final = frozenset(name.lower() for name in COMMANDS)
_PUBLISH_TYPES: Final = frozenset(("live", "record", "append"))

_URL: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.\-]{0,15}://)(?:([^/?#\s]*)@)?([^/?#\s\"'<>]*)([^?#\s\"'<>]*)(?:\?([^#\s\"'<>]*))?(?:#([^\s\"'<>]*))?"
)
_ASSIGNMENT: Final = re.compile(
    r"([?&;])?\b([\w.\-]{1,64})([\"']?\s?[=:]\s?[\"']?(?:(?i:bearer|basic|digest)\s)?)"
    r"([^\s,;&\"'<>\])]*[^\s,;&\"'<>\]).:])"
)
_PREFIX: Final = re.compile(r"(?:mp4|mp3|flv|f4v|id3|aac|raw):")
_TOKEN: Final = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_\-]{16,}")
_TAG: Final = re.compile(rf"key#[0-9a-f]{{4,}}|{MASK}")

# How servers' sentences name a stream, for captures in which nobody is seen asking for it.
_NAMED: Final = (
    re.compile(r"^(\S+)(?= is (?:now|already|no longer|not)\b)"),
    re.compile(
        r"\b(?:publish\w*|play\w*|resetting|subscri\w+|stream(?: not found| key)?|path|name)[\s:]{1,3}['\"\[]?"
        r"([^\s'\"\];,]{0,500}[^\s'\"\];,.:])",
        re.IGNORECASE,
    ),
)
_LIKE_NAME: Final = re.compile(r"([\w\-]{8,})")  # and it has letters and digits: no word of a sentence

Rule = Callable[["Redactor", str], str]
Properties = Mapping[str, Rule]


class Redactor:
    """Replaces secrets for one run; what it has seen once it finds everywhere.

    key    of the tags; random if left out
    style  TAGS for what is written, DOTS for a screen, ALIKE for a capture
    """

    def __init__(self, key: bytes | None = None, style: str = TAGS) -> None:
        self._masks = Masks(key, style)

    # What sinks call

    def body(self, message: Message, body: Field) -> Field:
        """A copy without secrets; the body itself where it has none."""
        if message.type_id in COMMAND_TYPES:
            return self._command(body)
        if message.type_id in AMF_TYPES:
            return self._walk(body, Redactor._wire, _PROPERTIES)
        if self._masks.stands_in(message.payload):  # where none belongs: a type that nobody knows, bytes behind a body
            return self._walk(body, Redactor._wire, _PROPERTIES)
        return body

    def text(self, text: str) -> str:
        """A sentence of our own, which may quote the wire."""
        return self._plain(self._between_addresses(text, self._queries))

    def kept(self, text: str) -> str:
        """A text that somebody else made or kept: a secret, the wire's words, or a sentence."""
        if text in self._masks.short or (text in self._masks.known and not is_ordinary(text)):
            return self.secret(text)
        return self._plain(self._between_addresses(text, self._assignments))

    def secret(self, text: str) -> str:
        """The tag of a secret, which is remembered."""
        return self._masks.secret(text)

    def learn(self, text: str, replacement: str) -> None:
        """Replace this wherever it turns up."""
        self._masks.remember(text, replacement)

    def another(self, text: str) -> str:
        """A text of the same length in which every word is another one, the same for the same word."""
        return self._masks.another(text)

    def listen(self, message: Message, body: Field | None, connection: Connection) -> None:
        """An annotator: know the secrets of a message as soon as it is read."""
        if body is not None:
            self.body(message, body)

    def in_style(self, style: str) -> Redactor:
        """Another one that knows the same secrets."""
        other = Redactor(style=style)
        for text in (*self._masks.known, *self._masks.short):
            other.secret(text)
        return other

    @property
    def known(self) -> Known:
        """What is remembered."""
        return self._masks.known

    def hidden(self, message: Message, described: Field, body: Field) -> list[tuple[int, int]]:
        """The ranges of the payload that may not be shown, given its body before and after redaction."""
        payload = message.payload
        ranges = list(_changed(described, body))
        ranges += [(at, at + len(found)) for at, found, _ in self._masks.known.in_bytes(payload)]
        if message.type_id in AMF_TYPES and message.holes:
            ranges.append((len(message.prefix), len(payload)))
        if message.type_id == AGGREGATE and not _only_media(described):
            ranges.append((0, len(payload)))
        return sorted(ranges)

    def apply(self, event: Event, describe: Callable[[Message], Field]) -> None:
        """Take the secrets out of the event itself, for a sink that is handed all of it."""
        if isinstance(event, Message):
            described = describe(event)
            event.body = self.body(event, described)
            if self.hidden(event, described, event.body):
                event.payload = b""
        if event.notes:
            event.notes = [Note(note.code, note.severity, self.text(note.text)) for note in event.notes]

    # Bodies: a rule for strings, and a table of rules for the properties of objects

    def _command(self, body: Field) -> Field:
        name = str(body.get("name") or "")
        rule, properties = _COMMAND_RULES.get(_meant(name.lower()), _USUAL)
        if _is_secret_name(name) or not _SOUND.fullmatch(name):
            rule, properties = _SECRET
        parts = []
        for part in body.children:
            if part.name in ("name", "transaction_id"):
                parts.append(self._walk(part, Redactor._plain, _PROPERTIES))
            elif part.name == "command_object" and name.lower() == "connect":
                parts.append(self._connect_object(part))
            else:
                parts.append(self._walk(part, rule, properties))
        return _with_children(body, parts)

    def _connect_object(self, part: Field) -> Field:
        """What tcUrl has behind the app is a stream's name: some clients have one field for both."""
        app = str(part.get("app") or "").partition("?")[0].strip("/")
        path = str(part.get("tcUrl") or "").partition("?")[0].partition("://")[2].partition("/")[2]
        if app and path.startswith(app + "/"):
            self._name(path[len(app) + 1 :].strip("/"))
        return self._walk(part, Redactor._string_secret, _CONNECT_PROPERTIES)

    def _walk(self, field: Field, rule: Rule, properties: Properties) -> Field:
        """The field and all below it."""
        if field.kind == "display":
            return field
        if not field.children:
            return self._leaf(field, rule)
        if field.kind in _OBJECTS:
            parts = [self._property(child, rule, properties) for child in field.children]
        elif field.name == "entry" and len(field.children) == 2:  # of a dictionary
            key, value = field.children
            named = self._walk(Field(str(key.value), None, children=[value]), rule, properties)
            parts = [self._walk(key, rule, properties), named.children[0]]
        else:
            called = _is_secret_name(str(field.get("handler") or ""))
            parts = [
                self._walk(child, *_SECRET)
                if called and child.name == "arguments"
                else self._walk(child, _ARGUMENTS.get(child.name, rule), properties)
                for child in field.children
            ]
        redacted = _with_children(field, parts)
        if field.value is None:
            return redacted
        return self._leaf(redacted, Redactor._plain if isinstance(field.value, str) else rule)  # a class has a name

    def _property(self, child: Field, rule: Rule, properties: Properties) -> Field:
        own = properties.get(child.name.lower())
        if own is not None:
            redacted = self._walk(child, own, properties)
        elif _is_secret_name(child.name):
            redacted = self._walk(child, *_SECRET)
        else:
            redacted = self._walk(child, rule, properties)
        name = self._masks.scrub(child.name, own=False)
        if name == child.name:
            return redacted
        return Field(name, redacted.value, child.start, child.end, child.text, child.kind, redacted.children)

    def _leaf(self, field: Field, rule: Rule) -> Field:
        value, kind = field.value, field.kind
        shown: object = value
        if isinstance(value, str):
            text, zero, rest = value.partition("\0")  # no text goes on behind it: a length was damaged
            shown = rule(self, text) + (self.secret(zero + rest) if zero else "")
        elif isinstance(value, bytes):
            if field.name == "undecoded" or rule is Redactor.secret or self._masks.stands_in(value):
                return Field(field.name, len(value), field.start, field.end, "withheld", "redacted")
        elif rule is Redactor.secret and isinstance(value, (int, float)) and not isinstance(value, bool):
            shown, kind = self.secret(_digits(value)), "string"
        if shown == value:
            return field
        return Field(field.name, shown, field.start, field.end, field.text, kind, field.children)

    # Rules

    def _plain(self, text: str) -> str:
        """A word of the protocol, or a sentence of our own."""
        return self._masks.scrub(text, own=True)

    def _wire(self, text: str) -> str:
        """Any text: addresses, query parts, "token=…", and what is known already."""
        return self._masks.scrub(self._between_addresses(text, self._assignments), own=False)

    def _string_secret(self, text: str) -> str:
        """A string that nobody knows: to be safe, a secret; numbers beside it stay."""
        return self.secret(text)

    def _description(self, text: str) -> str:
        """A server's sentence about a stream."""
        return self._masks.scrub(self._between_addresses(text, self._sentence), own=False)

    def _sentence(self, text: str) -> str:
        text = self._masks.scrub(self._assignments(text), own=False)
        for pattern in _NAMED:
            text = pattern.sub(self._named, text)
        return _LIKE_NAME.sub(self._like_name, text)

    def _name(self, text: str) -> str:
        """The name of a stream: the key itself, with a file type before it and query parts after it."""
        if "://" in text:
            return self._between_addresses(text, self._queries)
        prefix = _PREFIX.match(text)
        start = 0 if prefix is None else prefix.end()
        path, mark, query = text[start:].partition("?")
        masked = self.secret(path) + mark + self._query(query)
        if mark:
            self._masks.remember(text[start:], masked)
        for part in _parts(path):
            if part != path and not is_ordinary(part):
                self._masks.remember(part, self._masks.tag(part))
        return text[:start] + masked

    def _identifier(self, text: str) -> str:
        """What names a client or a room: a word stays, a token does not."""
        return self.secret(text) if _TOKEN.fullmatch(text) else self._wire(text)

    def _name_or_sentence(self, text: str) -> str:
        return self._description(text) if " " in text else self._name(text)

    def _publish_type(self, text: str) -> str:
        return text if text in _PUBLISH_TYPES else self._name(text)

    def _app(self, text: str) -> str:
        """The application: no secret itself, but it may carry some."""
        path, mark, query = text.partition("?")
        return self._plain(_masked_path(path, self.secret)) + mark + self._query(query)

    def _url(self, text: str) -> str:
        """An address that a client states; its path leads to an application, a page or a program."""
        match = _URL.fullmatch(text)
        if match is None:
            return self._app(text)
        return self._plain(self._address(match, _masked_path(match[4], self.secret)))

    # Parts of texts

    def _between_addresses(self, text: str, rule: Callable[[str], str]) -> str:
        """Addresses by their parts, what stands between them by the rule."""
        if "://" not in text:
            return rule(text)
        shown, done = [], 0
        for match in _URL.finditer(text):
            address = _URL.match(match[0].rstrip(".,;:)]}"))
            if address is not None:
                shown += [rule(text[done : match.start()]), self._found_address(address)]
                done = match.start() + address.end()
        return "".join(shown) + rule(text[done:])

    def _found_address(self, match: re.Match[str]) -> str:
        """An address in any text; behind the application of a stream's address stands its name."""
        path = match[4]
        app, mark, name = path[1:].partition("/")
        if name and match[1].lower().startswith("rtmp"):
            return self._address(match, f"/{_masked_path(app, self.secret)}{mark}{self._name(name)}")
        return self._address(match, _masked_path(path, self.secret))

    def _address(self, match: re.Match[str], path: str) -> str:
        scheme, credentials, host, _, query, fragment = match.groups()
        shown = [scheme, host, path]
        if credentials is not None:
            shown[1:1] = [":".join([self.secret(part) for part in credentials.split(":", 1)]), "@"]
        for mark, part in (("?", query), ("#", fragment)):
            if part is not None:
                shown += [mark, self._query(part)]
        return "".join(shown)

    def _query(self, query: str) -> str:
        """Every value of a query, and what stands there without a name."""
        return re.sub(r"([^&;=]*)(=?)([^&;]*)", self._query_part, query)

    def _query_part(self, match: re.Match[str]) -> str:
        name, _, value = match.groups()
        if not value.strip("="):  # base64 ends so
            return self.secret(match[0])
        return f"{name}={value if value in _OPEN_PARTS.get(name, ()) else self.secret(value)}"

    def _queries(self, text: str) -> str:
        """Query parts in text that is no address."""
        return _ASSIGNMENT.sub(lambda match: self._assignment(match, False), text) if "=" in text else text

    def _assignments(self, text: str) -> str:
        """The same, and "token=…" or "token: …" anywhere."""
        return _ASSIGNMENT.sub(lambda match: self._assignment(match, True), text)

    def _assignment(self, match: re.Match[str], anywhere: bool) -> str:
        mark, name, sign, value = match.groups()
        if mark and sign == "=":
            return mark + self._query(f"{name}={value}")
        if not anywhere or not _is_secret_name(name) or is_ordinary(value):
            return match[0]
        return f"{mark or ''}{name}{sign}{self.secret(value)}"

    def _named(self, match: re.Match[str]) -> str:
        """A guess, so it is not remembered."""
        name = match[1]
        if (is_ordinary(name) and name not in self._masks.short) or _TAG.search(name) or self._masks.is_tag(name):
            return match[0]
        before, after = match.start(1) - match.start(), match.end(1) - match.start()
        return match[0][:before] + self._masks.tag(name) + match[0][after:]

    def _like_name(self, match: re.Match[str]) -> str:
        letters = any(map(str.isalpha, match[0]))
        return self._named(match) if letters and any(map(str.isdecimal, match[0])) else match[0]


def _digits(number: float) -> str:
    """As a person writes it who means a whole one."""
    return str(int(number)) if isfinite(number) and number == int(number) and abs(number) < 1 << 53 else repr(number)


def _masked_path(path: str, mask: Callable[[str], str]) -> str:
    """A path in which a part that looks like a token is taken for one."""
    return "/".join([mask(part) if _TOKEN.fullmatch(part) else part for part in path.split("/")])


def _parts(path: str) -> Iterator[str]:
    """What a server may repeat of a stream's name by itself: steps of its path, and the key in "live_<key>"."""
    for step in path.split("/"):
        yield step
        word, _, key = step.partition("_")
        if is_ordinary(word):
            yield key


def _meant(name: str) -> str:
    """The command that was meant, where damage changed a character or two of its name."""
    if name in _COMMAND_RULES or name in _NAMES:
        return name
    for known in _COMMAND_RULES:
        if len(known) == len(name) and sum(map(ne, known, name)) <= len(name) // 4:
            return known
    return name


def _is_secret_name(name: str) -> bool:
    return any(word.lower() in _SECRET_WORDS for word in _WORD.findall(name))


def _with_children(field: Field, children: list[Field]) -> Field:
    """The field with these children; itself where they are the ones it has."""
    if all(new is old for new, old in zip(children, field.children, strict=True)):
        return field
    return Field(field.name, field.value, field.start, field.end, field.text, field.kind, children)


def _changed(before: Field, after: Field) -> Iterator[tuple[int, int]]:
    """The byte ranges of what redaction changed."""
    if before is after:
        return
    if before.value != after.value or before.kind != after.kind:
        yield before.start, before.end
        return
    for old, new in zip(before.children, after.children, strict=True):
        if old.name != new.name:  # a name stands before the range of its value
            yield before.start, before.end
        yield from _changed(old, new)


def _only_media(aggregate: Field) -> bool:
    parts = aggregate.child("parts")
    return parts is not None and all(part.get("type_id") in (AUDIO, VIDEO) for part in parts.children)


# Rules for the arguments of commands and the parts of other messages, by the names they have there.
_ARGUMENTS: Final[Properties] = {"stream_name": Redactor._name, "name": Redactor._identifier}

# Rules for properties of AMF objects, by their names in small letters.
_PROPERTIES: Final[Properties] = {
    "code": Redactor._plain,
    "level": Redactor._plain,
    "description": Redactor._description,
    "details": Redactor._name,
    "streamname": Redactor._name,
    "oldstreamname": Redactor._name,
    "stream_name": Redactor._name,
    "clientid": Redactor._identifier,
    "tcurl": Redactor._url,
    "swfurl": Redactor._url,
    "pageurl": Redactor._url,
}
_CONNECT_PROPERTIES: Final[Properties] = {
    "app": Redactor._app,
    "tcurl": Redactor._url,
    "swfurl": Redactor._url,
    "pageurl": Redactor._url,
} | dict.fromkeys(
    (
        "flashver", "fpad", "capabilities", "audiocodecs", "videocodecs", "videofunction", "objectencoding", "type",
        "fourcclist", "videofourccinfomap", "audiofourccinfomap", "capsex",
    ),
    Redactor._wire,
)  # fmt: skip

_USUAL: Final[tuple[Rule, Properties]] = (Redactor._wire, _PROPERTIES)
_SECRET: Final[tuple[Rule, Properties]] = (Redactor.secret, {})

# Rules for the strings of a command and the properties of its objects, by its name in small letters.
_COMMAND_RULES: Final[dict[str, tuple[Rule, Properties]]] = {
    "connect": _SECRET,
    "publish": (Redactor._publish_type, {}),
    "play2": (Redactor._name, {"transition": Redactor._plain}),
    **dict.fromkeys(
        ("onfcpublish", "onfcunpublish", "onfcsubscribe", "onfcunsubscribe"),
        (Redactor._wire, {**_PROPERTIES, "description": Redactor._name_or_sentence}),
    ),
    **dict.fromkeys(
        (
            "play", "releasestream", "fcpublish", "fcunpublish", "fcsubscribe", "fcunsubscribe", "getstreamlength",
            "deletestream", "closestream", "initstream", "bghasstream", "set_playlist",
        ),
        (Redactor._name, {}),
    ),
}  # fmt: skip
