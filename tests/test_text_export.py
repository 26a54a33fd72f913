"""Lines for people: every record one line, aligned, escaped, coloured on request."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.export.text import TextLines, end_words, gap_words, handshake_words, wants_colour, writer
from rtmpscope.model import UNKNOWN, Connection, End, Endpoint, Event, Field, Gap, Handshake, Message, Opened, Severity
from rtmpscope.pipeline import Run
from rtmpscope.redact import Redactor
from rtmpscope.rtmp import messages
from rtmpscope.text import printable
from tests.wire import command

CAPTURES = sorted(Path(__file__).parent.parent.joinpath("captures").glob("*.pcap*"))
START = 1_700_000_000_000_000_000


def describe(message: Message) -> Field:
    return messages.decode(message.type_id, message.prefix, message.length)


def lines(*events: Event, redactor: Redactor | None = None, colour: bool = False) -> list[str]:
    """What is written, without the line that introduces the connection."""
    texts: list[str] = []
    over = Connection(0, Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.2", 1935), "guess", 1, START)
    printer = TextLines(texts.append, [over], describe, START, redactor, colour)
    for event in events:
        printer.event(event)
    return "".join(texts).splitlines()[1:]


def message(type_id: int, payload: bytes, **facts: int) -> Message:
    made = Message(0, 0, 7, START + 214_123_456, 0, 3, type_id, 1, 1234, len(payload), payload)
    made.number = 1204
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def test_message_is_one_line_with_all_columns() -> None:
    (line,) = lines(message(20, command("createStream", 2, None)))
    assert line.split() == [
        "1,204",
        "0.214123",
        "0",
        "→",
        "Command",
        "(AMF0)",
        "3",
        "1",
        "1,234",
        "25",
        "createStream()",
    ]


def test_columns_stand_below_each_other() -> None:
    two = lines(message(20, command("createStream", 2, None)), message(9, b"\x17\x01\x00\x00\x00", direction=1))
    assert two[0].index("createStream()") == two[1].index("h264 key frame")
    assert two[0].index("→") == two[1].index("←")


def test_connection_is_introduced_once() -> None:
    texts: list[str] = []
    over = Connection(0, Endpoint("10.0.0.1", 40000), Endpoint("::1", 1935), "guess", 1, START)
    printer = TextLines(texts.append, [over], describe, START)
    for event in (Opened(0, 0, 1, START), message(1, b"\0\0\x10\0"), End(0, 0, 9, START, "fin", 0, 0)):
        printer.event(event)
    written = "".join(texts).splitlines()
    assert written[0] == "connection 0  10.0.0.1:40000 → [::1]:1935  rtmp  client guessed"
    assert len(written) == 3


def test_unknown_numbers_are_question_marks() -> None:
    (line,) = lines(message(8, b"\xaf\x01\x00", timestamp=-1, message_stream_id=-1))
    assert line.split()[4:8] == ["Audio", "3", "?", "?"]


def test_notes_stand_below_their_line() -> None:
    event = message(1, b"\0\0\x10\0")
    event.note("chunk-size", Severity.WARNING, "an odd size")
    assert lines(event)[1].strip() == "▲ an odd size  [chunk-size]"


def test_handshakes_gaps_and_ends_have_lines() -> None:
    gap = Gap(0, 0, 9, START, 0, 1448, "capture_loss")
    gap.resumed = 212
    part = Handshake(0, 0, 9, START, "C1", 0, b"")
    texts = lines(part, gap, End(0, 1, 9, START, "rst", 12, 0))
    assert "Handshake C1" in texts[0] and texts[0].endswith("simple")
    assert "✂" in texts[1] and texts[1].endswith("1,448 bytes lost in the capture, resumed 212 bytes later")
    assert texts[2].endswith("reset (RST), 12 bytes of unfinished messages")


def test_words_say_what_happened() -> None:
    part = Handshake(0, 1, 9, START, "S1", 0, b"")
    part.digest_block, part.version = 772, "13.14.10.13"
    assert handshake_words(part) == "digest at 772  13.14.10.13"
    part = Handshake(0, 0, 9, START, "C2", 0, b"")
    part.echo = "exact"
    assert handshake_words(part) == "echoes S1"
    assert gap_words(Gap(0, 0, 9, START, 0, 10, "snaplen")) == "10 bytes cut off by the snapshot length, not resumed"
    assert gap_words(Gap(0, 0, 9, START, 0, 0, "mid_stream")) == "under way when the capture began, not resumed"
    assert gap_words(Gap(0, 0, 9, START, 3073, 0, "mid_stream")) == "unreadable, not resumed"
    assert end_words(End(0, 0, 9, START, "capture_end", 0, 0)) == "the capture ends here"


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07", "\x9b31m", "\u202elive", "a\nb", "\x7f", "a\u200bb"])
def test_nothing_from_the_wire_reaches_the_terminal_unescaped(hostile: str) -> None:
    event = message(20, command(hostile, 2, None, {hostile: hostile}, f"name {hostile}"))
    event.note(hostile, Severity.NOTE, f"about {hostile}")
    for redactor in (None, Redactor()):
        written = lines(event, redactor=redactor)
        assert len(written) == 2
        assert all(printable(line) == line for line in written)


def test_secrets_are_replaced_in_lines_and_notes() -> None:
    event = message(20, command("publish", 2, None, "sk-secret-1", "live"))
    event.note("x", Severity.NOTE, "'sk-secret-1' is in use")
    assert "sk-secret" not in "\n".join(lines(event, redactor=Redactor()))
    assert "sk-secret" in "\n".join(lines(event))


def test_colour_marks_types_and_severities_and_nothing_else_changes() -> None:
    event = message(20, command("createStream", 2, None))
    event.note("x", Severity.ERROR, "bad")
    coloured = lines(event, colour=True)
    assert "\x1b[36m" in coloured[0] and "\x1b[1;31m" in coloured[1]
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == lines(event)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("when", "output", "environment", "expected"),
    [
        ("auto", Terminal(), {"TERM": "xterm"}, True),
        ("auto", io.StringIO(), {"TERM": "xterm"}, False),
        ("auto", Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("always", io.StringIO(), {"NO_COLOR": "1"}, True),
        ("never", Terminal(), {}, False),
    ],
)
def test_colour_is_for_terminals_and_on_request(
    when: str, output: io.StringIO, environment: dict[str, str], expected: bool
) -> None:
    assert wants_colour(when, output, environment) is expected


@pytest.mark.parametrize("timestamp", [UNKNOWN, 0, 7, 999, 1000, 1001, 10_000, 999_999, 1_000_000, 2**32 - 1])
def test_numbers_stand_flush_right_with_their_thousands_separated(timestamp: int) -> None:
    one = message(8, b"\xaf\x01xyz")
    one.timestamp = timestamp
    shown = "?" if timestamp == UNKNOWN else f"{timestamp:,}"
    assert f"{'3':>5} {'1':>6} {shown:>13} {'5':>10}  aac frame" in lines(one, one)[1]


def test_output_without_arrows_gets_ascii() -> None:
    raw = io.BytesIO()
    output = io.TextIOWrapper(raw, "ascii")
    writer(output)("a → b … é ✖\n")
    output.flush()
    assert raw.getvalue() == b"a > b ... \\xe9 x\n"


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_every_event_of_a_real_capture_has_its_line(path: Path) -> None:
    run = Run(open_capture([str(path)]), whole_payloads=True)
    texts: list[str] = []
    printer = TextLines(texts.append, run.connections, run.describe, run.start_ns, run.redactor)
    expected = 0
    for event in run.events():
        printer.event(event)
        expected += (not isinstance(event, Opened)) + len(event.notes or ())
    written = "".join(texts).splitlines()
    assert len(written) == expected + len(run.connections)
    assert all(printable(line) == line for line in written)
