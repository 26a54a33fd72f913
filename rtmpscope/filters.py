"""Display filters in Wireshark's syntax: text in, a predicate over events out.

A filter is split into tokens, parsed by recursive descent into tests joined by and, or, not, and each test is made
of a field (see rtmpscope.fields) and a check.  A test has three outcomes: no, yes, and maybe where only the decoded
body could tell; Kleene's rules join them.  So the columns of a store, or an event without its body, often decide
alone, and bodies are decoded only for what is left.

What is wrong with a filter is a FilterError, which knows where.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from rtmpscope.fields import (
    ALIASES,
    ANY,
    FIELDS,
    ORDER,
    STRING,
    Column,
    Columns,
    FilterField,
    Loose,
    find,
    octets,
)
from rtmpscope.limits import FILTER_CHARACTERS, FILTER_DEPTH
from rtmpscope.model import UNKNOWN, Connection, Event, Field
from rtmpscope.patterns import searcher

if TYPE_CHECKING:
    from rtmpscope.fields import Array
    from rtmpscope.redact import Redactor

NO: Final = 0
MAYBE: Final = 1
YES: Final = 2

Check = Callable[[Any], Any]


class FilterError(ValueError):
    """What is wrong with a filter, and from which to which character."""

    def __init__(self, message: str, position: int, end: int) -> None:
        super().__init__(message)
        self.message: Final = message
        self.position: Final = position
        self.end: Final = max(end, position + 1)


def pointed(text: str, error: FilterError) -> str:
    """The filter, and below it a mark where it is wrong."""
    return f"{text}\n{' ' * error.position}^{'~' * (error.end - error.position - 1)}"


# --- tokens --------------------------------------------------------------------------------------------------------


class Token(NamedTuple):
    """kind is "word" for names and literals, "string" for what stood in quotes, "end", else the sign itself."""

    kind: str
    text: str
    position: int
    end: int


_SIGN: Final = r"==|!=|<=|>=|&&|\|\||\.\.|[<>!(){},]"
_TOKEN: Final = re.compile(
    rf"""\s*(?:(?P<raw>r"[^"]*")|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>{_SIGN})"""
    r"""|(?P<word>(?:(?!\.\.)[^\s(){},"'<>=!&|])+))""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}

# Other spellings of the same operator.
_SPELLINGS: Final = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "&&": "and", "||": "or", "!": "not",
}  # fmt: skip
# Several values differ from one when none of them equals it, so != is == turned round.
_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq, "!=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_OPERATORS: Final = (*_COMPARE, "contains", "matches", "in")


def tokens(text: str) -> list[Token]:
    """The tokens of a filter, the last of kind "end"."""
    if len(text) > FILTER_CHARACTERS:
        raise FilterError(f"longer than {FILTER_CHARACTERS:,} characters", FILTER_CHARACTERS, len(text))
    found: list[Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise FilterError(_bad_character(text[start]), start, len(text) if text[start] in "\"'" else start + 1)
        kind = match.lastgroup or ""
        written, start, at = match[kind], match.start(kind), match.end()
        if kind == "sign":
            found.append(Token(_SPELLINGS.get(written, written), written, start, at))
        elif kind == "word":
            found.append(Token("word", written, start, at))
        elif kind == "raw":
            found.append(Token("string", written[2:-1], start, at))
        else:
            found.append(Token("string", _ESCAPE.sub(_unescaped, written[1:-1]), start, at))
    found.append(Token("end", "", len(text.rstrip()), len(text)))
    return found


def _bad_character(character: str) -> str:
    hints = {"=": 'a single "=" compares nothing: write ==', "&": "write && or and", "|": "write || or or"}
    if character in "\"'":
        return "this quotation mark is never closed"
    return hints.get(character, f"{character!r} has no meaning here")


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPED.get(code, code)


# --- tests and what joins them -------------------------------------------------------------------------------------


class Test:
    """Whether any of the field's values passes the check; `negated`, whether there are values and none does."""

    def __init__(self, field: FilterField, check: Check | None = None, negated: bool = False) -> None:
        self.field: Final = field
        self._check: Final = check
        self._negated: Final = negated

    def of_event(self, event: Event, connection: Connection, body: Field | None, start_ns: int, decoded: bool) -> int:
        """NO, YES, or MAYBE where only the body tells and it is not `decoded`."""
        field = self.field
        if field.record and type(event).__name__.lower() != field.record:
            return NO
        if field.types is not None and getattr(event, "type_id", UNKNOWN) not in field.types:
            return NO
        if field.needs_body and not decoded:
            return MAYBE
        values = list(field.values(event, connection, body))
        if field.relative:
            values = [value - start_ns for value in values]
        return self._outcome(values)

    def _outcome(self, values: list[Any]) -> int:
        if not values:
            return NO
        if self._check is None:
            return YES
        return YES if any(map(self._check, values)) != self._negated else NO

    def of_rows(self, rows: Columns, start_ns: int) -> Array:
        """The same for all rows, as an array."""
        import numpy as np

        field = self.field
        if field.by_side:
            return self._of_sides(rows)
        if field.column is None:
            able = np.full(len(rows.record), MAYBE, np.int8)
            if field.record:
                able[rows.record != _RECORD_PLACES[field.record]] = NO
            if field.types is not None:
                able[~np.isin(rows.type_id, list(field.types))] = NO
            if field.noted:
                able[rows.severity == UNKNOWN] = NO
            return able
        values, known = _column(field, field.column, rows)
        if self._check is None:
            return np.where(known, YES, NO).astype(np.int8)
        if field.word is not None:  # few different values: check each once
            passed = np.isin(values, [value for value in np.unique(values[known]).tolist() if self._check(value)])
        else:
            passed = self._check(values - start_ns if field.relative else values)
        return np.where(known & (passed != self._negated), YES, NO).astype(np.int8)

    def _of_sides(self, rows: Columns) -> Array:
        """Two answers for each connection, one for each direction."""
        import numpy as np

        answers = [
            self._outcome(list(self.field.values(Event(connection.id, direction, 0, 0), connection, None)))
            for connection in rows.connections
            for direction in (0, 1)
        ]
        sides = np.asarray(rows.connection, np.int64) * 2 + rows.direction
        return np.array(answers or [NO], np.int8)[sides]


def _column(field: FilterField, column: Column, rows: Columns) -> tuple[Array, Array]:
    """The values of a column, and which rows have one."""
    values = column(rows)
    known = values != UNKNOWN
    if field.record:
        known &= rows.record == _RECORD_PLACES[field.record]
    return values, known


class Pair:
    """Whether two fields compare so, in any of their values."""

    def __init__(self, left: FilterField, right: FilterField, sign: str) -> None:
        self._left: Final = left
        self._right: Final = right
        self._compare: Final = _COMPARE[sign]
        self._negated: Final = sign == "!="

    def of_event(self, event: Event, connection: Connection, body: Field | None, start_ns: int, decoded: bool) -> int:
        sides: list[list[Any]] = []
        for field in (self._left, self._right):
            present = Test(field).of_event(event, connection, body, start_ns, decoded)
            if present != YES:
                return present
            sides.append(list(field.values(event, connection, body)))
        comparable = ((one, two) for one in sides[0] for two in sides[1] if _alike(one, two))
        return YES if any(self._compare(one, two) for one, two in comparable) != self._negated else NO

    def of_rows(self, rows: Columns, start_ns: int) -> Array:
        import numpy as np

        left, right = self._left.column, self._right.column
        if left is None or right is None:
            present = [Test(field).of_rows(rows, start_ns) for field in (self._left, self._right)]
            return np.minimum(np.minimum(*present), np.int8(MAYBE))
        one, known = _column(self._left, left, rows)
        two, also_known = _column(self._right, right, rows)
        return np.where(known & also_known & (self._compare(one, two) != self._negated), YES, NO).astype(np.int8)


def _alike(one: object, two: object) -> bool:
    """Whether two values may be compared: two numbers, or two of one type; None, of a group or null, with nothing."""
    numbers = (int, float)
    return (type(one) is type(two) and one is not None) or (isinstance(one, numbers) and isinstance(two, numbers))


class Not:
    def __init__(self, inner: Node) -> None:
        self._inner: Final = inner

    def of_event(self, event: Event, connection: Connection, body: Field | None, start_ns: int, decoded: bool) -> int:
        return YES - self._inner.of_event(event, connection, body, start_ns, decoded)

    def of_rows(self, rows: Columns, start_ns: int) -> Array:
        return YES - self._inner.of_rows(rows, start_ns)


class Joined:
    """Tests joined by "and": the least of their outcomes; by "or": the greatest."""

    def __init__(self, sign: str, inner: list[Node]) -> None:
        self._decided_by: Final = NO if sign == "and" else YES
        self._inner: Final = inner

    def of_event(self, event: Event, connection: Connection, body: Field | None, start_ns: int, decoded: bool) -> int:
        outcome = YES - self._decided_by
        for node in self._inner:
            other = node.of_event(event, connection, body, start_ns, decoded)
            if other == self._decided_by:
                return other
            if other == MAYBE:
                outcome = MAYBE
        return outcome

    def of_rows(self, rows: Columns, start_ns: int) -> Array:
        import numpy as np

        join = np.minimum if self._decided_by == NO else np.maximum
        outcome = self._inner[0].of_rows(rows, start_ns)
        for node in self._inner[1:]:
            outcome = join(outcome, node.of_rows(rows, start_ns))
        return outcome


Node = Test | Pair | Not | Joined
_RECORD_PLACES: Final = {record: place for place, record in enumerate(FIELDS["rtmp.record"].choices)}


# --- parser --------------------------------------------------------------------------------------------------------


class _Parser:
    """filter: both ("or" both)*; both: one ("and" one)*; one: "not" one | "(" filter ")" | test."""

    def __init__(self, text: str) -> None:
        self.literals: Final[list[tuple[FilterField, Token]]] = []
        self._tokens: Final = tokens(text)
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _is(self, sign: str) -> bool:
        """Whether the next token is that operator, by any of its names."""
        token = self._next
        return token.kind == sign or (token.kind == "word" and _SPELLINGS.get(token.text.lower(), token.text) == sign)

    def _fail(self, message: str, token: Token) -> NoReturn:
        raise FilterError(message, token.position, token.end)

    def parse(self) -> Node | None:
        """The test that the filter is, None for an empty one; raises FilterError."""
        if self._next.kind == "end":
            return None
        node = self._any_of()
        if self._next.kind == ")":
            self._fail("this parenthesis was never opened", self._next)
        if self._next.kind != "end":
            self._fail(f"expected and, or, or the end of the filter, not {_shown(self._next)}", self._next)
        return node

    def _any_of(self) -> Node:
        return self._joined("or", self._all_of)

    def _all_of(self) -> Node:
        return self._joined("and", self._one)

    def _joined(self, sign: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self._is(sign):
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(sign, parts)

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > FILTER_DEPTH:
            self._fail(f"nested deeper than {FILTER_DEPTH}", self._next)
        if self._is("not"):
            self._take()
            node: Node = Not(self._one())
        elif self._next.kind == "(":
            opened = self._take()
            node = self._any_of()
            if self._next.kind != ")":
                self._fail("this parenthesis is never closed", opened)
            self._take()
        else:
            node = self._test()
        self._depth -= 1
        return node

    def _test(self) -> Node:
        field = self._field()
        sign = next((sign for sign in _OPERATORS if self._is(sign)), "")
        if not sign:
            return Test(field)
        token = self._take()
        if sign not in field.type.operators:
            allowed = " ".join(name for name in _OPERATORS if name in field.type.operators)
            self._fail(f"{field.name} allows {allowed or 'no operator: it is there or not'}, not {token.text}", token)
        check = _CHECKS.get(sign)
        return self._comparison(field, sign) if check is None else Test(field, check(self, field))

    def _comparison(self, field: FilterField, sign: str) -> Node:
        """A field against a value, or against another field of its type."""
        other = find(self._next.text) if self._next.kind == "word" and "." in self._next.text else None
        if other is None:
            return Test(field, _comparing(field, _COMPARE[sign], self._literal(field)), sign == "!=")
        token = self._take()
        if other.type != field.type or field.relative or other.relative:
            self._fail(f"{field.name} and {other.name} cannot be compared", token)
        return Pair(field, other, sign)

    def _field(self) -> FilterField:
        token = self._take()
        field = find(token.text) if token.kind == "word" else None
        if field is None:
            if token.kind != "word":
                self._fail(f"expected a field such as rtmp.type, not {_shown(token)}", token)
            close = get_close_matches(token.text, [*FIELDS, *ALIASES], 1, 0.7)
            hint = f"; did you mean {close[0]}?" if close else ": rtmpscope fields lists them"
            self._fail(f"there is no field {token.text}{hint}", token)
        return field

    def _value(self) -> Token:
        token = self._take()
        if token.kind not in ("word", "string"):
            self._fail(f"expected a value, not {_shown(token)}", token)
        return token

    def _literal(self, field: FilterField) -> Any:
        token = self._value()
        self.literals.append((field, token))
        try:
            return field.type.read(token.text)
        except ValueError:
            hint = ""
            if field.choices:
                close = get_close_matches(token.text, field.choices, 1)
                hint = f"; did you mean {close[0]}?" if close else ""
            self._fail(f"{field.name} is {_article(field)}: expected {field.type.expected}{hint}", token)

    def _set(self, field: FilterField) -> Check:
        """{ item, item..item }"""
        opened = self._take()
        if opened.kind != "{":
            self._fail(f"expected a set such as {{1, 2, 5..9}}, not {_shown(opened)}", opened)
        checks: list[Check] = []
        while self._next.kind != "}":
            first = self._literal(field)
            if self._next.kind == "..":
                if not field.type.operators >= ORDER:
                    self._fail(f"{field.name} has no ranges", self._next)
                self._take()
                last = self._literal(field)
                checks.append(_both(_comparing(field, operator.ge, first), _comparing(field, operator.le, last)))
            else:
                checks.append(_comparing(field, operator.eq, first))
            if self._next.kind == ",":
                self._take()
            elif self._next.kind == "end":
                self._fail("this set is never closed", opened)
            elif self._next.kind not in ("}", "word", "string"):
                self._fail(f"expected a value, a comma or }}, not {_shown(self._next)}", self._next)
        closed = self._take()
        if not checks:
            self._fail("an empty set holds nothing", closed)
        return lambda value: _either(checks, value)

    def _containing(self, field: FilterField) -> Check:
        token = self._value()
        self.literals.append((field, token))
        text, data, word = token.text, octets(token.text), field.word
        if word is not None:
            return lambda value: text in word(value)
        return lambda value: data in value if isinstance(value, bytes) else isinstance(value, str) and text in value

    def _pattern(self, field: FilterField) -> Check:
        token = self._value()
        self.literals.append((field, token))
        try:
            found = searcher(token.text)
        except ValueError as error:
            self._fail(str(error), token)
        word = field.word
        if word is not None:
            return lambda value: found(word(value))
        return lambda value: isinstance(value, str) and found(value)


# What a literal becomes behind the operators that compare nothing.
_CHECKS: Final[dict[str, Callable[[_Parser, FilterField], Check]]] = {
    "in": _Parser._set,
    "contains": _Parser._containing,
    "matches": _Parser._pattern,
}


def _shown(token: Token) -> str:
    return "the end of the filter" if token.kind == "end" else token.text


def _article(field: FilterField) -> str:
    name = field.type.name
    if name in ("text", "bytes", "seconds", "milliseconds"):
        return name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _comparing(field: FilterField, compare: Callable[[Any, Any], Any], literal: Any) -> Check:
    if isinstance(literal, Loose):
        return lambda value: (like := literal.like(value)) is not None and compare(value, like)
    if field.type.name == "address":
        return lambda value: value in literal
    return lambda value: compare(value, literal)


def _both(one: Check, two: Check) -> Check:
    return lambda value: one(value) & two(value)


def _either(checks: Iterable[Check], value: Any) -> Any:
    """True for a value, or an array of truths for an array, where any check passes."""
    outcome: Any = False
    for check in checks:
        outcome = outcome | check(value)
    return outcome


# --- what others use -----------------------------------------------------------------------------------------------


class Filter:
    """A compiled filter.

    text      as it was written
    start_ns  when the capture began, for frame.time_relative; set it, or the first event asked about sets it
    """

    def __init__(self, text: str) -> None:
        parser = _Parser(text)
        self.text: Final = text
        self._node: Final = parser.parse()
        self._literals: Final = parser.literals
        self.start_ns: int | None = None

    def decide(self, event: Event, connection: Connection) -> bool | None:
        """Whether the event matches; None where only its decoded body tells."""
        outcome = self._outcome(event, connection, None, False)
        return None if outcome == MAYBE else outcome == YES

    def match(self, event: Event, connection: Connection, body: Field | None) -> bool:
        """Whether the event matches; `body` is None for what has none."""
        return self._outcome(event, connection, body, True) == YES

    def _outcome(self, event: Event, connection: Connection, body: Field | None, decoded: bool) -> int:
        if self._node is None:
            return YES
        if self.start_ns is None:
            self.start_ns = event.time_ns
        return self._node.of_event(event, connection, body, self.start_ns, decoded)

    def match_columns(self, rows: Columns) -> Array:
        """NO, MAYBE or YES for every row; for MAYBE ask decide or match."""
        import numpy as np

        if self._node is None or not len(rows.record):
            return np.full(len(rows.record), YES, np.int8)
        if self.start_ns is None:
            self.start_ns = int(rows.time_ns[0])
        return self._node.of_rows(rows, self.start_ns)

    def redacted(self, redactor: Redactor) -> str:
        """The text of the filter, where what it looks for may be a secret by its tag."""
        text = self.text
        for field, token in reversed(self._literals):
            if field.type in (ANY, STRING) and not field.name.startswith("rtmp.note.code"):
                shown = redactor.text(token.text)
                if shown == token.text and token.kind == "string" and field.needs_body:
                    shown = redactor.secret(token.text)
                if shown != token.text:
                    text = f'{text[: token.position]}"{shown}"{text[token.end :]}'
        return text


def compile(text: str) -> Filter:
    """The filter that the text says; raises FilterError.  An empty text matches everything."""
    return Filter(text)


Choices = Callable[[str], Iterable[tuple[str, str]]]


def complete(text: str, cursor: int, occurring: Choices = lambda field: ()) -> list[tuple[int, str, str]]:
    """What may stand at the cursor: from where on, the text, and its meaning.

    What begins with the word at the cursor comes first, then what has it in it.  `occurring` gives values that a
    field has, and their meanings.
    """
    match = _BEGUN.search(text[:cursor])
    assert match is not None  # it may be empty
    quote, begun = match[1], match[2].lower()
    try:
        offers = list(_offers(tokens(text[: match.start()])[:-1], quote, occurring))
    except FilterError:
        return []
    found = [(offer.lower().find(begun), match.start(), _literal(offer, quote), meaning) for offer, meaning in offers]
    found.sort(key=lambda offer: offer[0] > 0)
    return [(start, offer, meaning) for at, start, offer, meaning in found if at >= 0 and offer != match[0]]


_BEGUN: Final = re.compile(r"""(["']?)([^\s(){},"'<>=!&|]*)$""")


def _literal(offer: str, quote: str) -> str:
    """In quotation marks where one was begun, or where it would not be one word."""
    token = _TOKEN.fullmatch(offer)
    if not quote and token is not None and token.lastgroup in ("word", "sign"):
        return offer
    quote = quote or '"'
    return quote + offer + quote


def _offers(read: list[Token], quote: str, occurring: Choices) -> Iterator[tuple[str, str]]:
    """What may follow these tokens; behind a quotation mark only values."""
    last = read[-1].text.lower() if read else "("
    last = _SPELLINGS.get(last, last)
    field = next((find(token.text) for token in reversed(read) if token.kind == "word" and find(token.text)), None)
    if last in _COMPARE or last in ("{", ",", "contains", "matches"):
        if field is not None:
            yield from dict([*((choice, "") for choice in field.choices), *occurring(field.name)]).items()
    elif quote:
        return
    elif last in ("(", "and", "or", "not"):
        yield from ((name, entry.meaning) for name, entry in FIELDS.items())
        yield from ((name, f"the same as {meant}") for name, meant in ALIASES.items())
    elif field is not None and read[-1].text == field.name:
        yield from ((name, _MEANINGS[name]) for name in _OPERATORS if name in field.type.operators)
        yield from (("and", "both"), ("or", "either"))
    else:
        yield from (("and", "both"), ("or", "either"))


_MEANINGS: Final = {
    "==": "equal", "!=": "not equal", "<": "less", "<=": "less or equal", ">": "greater", ">=": "greater or equal",
    "contains": "has this text in it", "matches": "has something in it that a regular expression describes",
    "in": "one of a set such as {1, 2, 5..9}",
}  # fmt: skip
