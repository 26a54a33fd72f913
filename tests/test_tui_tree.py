"""The detail pane's tree of every kind of event."""

from __future__ import annotations

from rtmpscope.model import C2S, S2C, Call, ChunkHeader, End, Field, Gap, Message, Severity
from rtmpscope.rtmp import messages
from rtmpscope.tui.tree import OPEN_UP_TO, Node, event_tree, lines, value_text
from tests import wire
from tests.fake_store import START, message


def text(root: Node) -> str:
    rows = []
    for node, depth in lines([root]):
        rows.append("  " * depth + "  ".join(part for part in (node.name, node.value, node.meaning) if part))
    return "\n".join(rows)


def opened(root: Node) -> Node:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        node.open = True
        waiting += node.children
    return root


def tree_of(made: Message) -> Node:
    return event_tree(made, messages.decode(made.type_id, made.prefix, made.length), made.notes or ())


def publish() -> Message:
    return message(4, C2S, wire.COMMAND_AMF0, wire.command("publish", 5, None, "key", "live"))


def test_notes_come_first_then_where_it_came_from_then_the_fields() -> None:
    made = publish()
    made.note("odd", Severity.WARNING, "this is odd")
    shown = text(tree_of(made)).splitlines()
    assert shown[0] == "Message 4  command_amf0, 33 bytes, 1 chunk, packet 14"
    assert shown[1] == "  ▲ this is odd (odd)"
    assert shown[2].startswith("  message  c2s, connection 0, ")
    assert shown[3] == "  name  'publish'  string" and "transaction_id  5  number" in shown[4]


def test_a_call_names_its_answer_and_an_answer_its_call() -> None:
    call = Call("publish", 4, START)
    call.answer, call.answer_time_ns = 5, START + 400_000
    asked, answered = publish(), message(5, S2C, wire.COMMAND_AMF0, wire.command("onStatus", 0, None))
    asked.call = answered.call = call
    assert "answered by  message 5 after 0.4 ms" in text(opened(tree_of(asked)))
    assert "answers  message 4, publish, after 0.4 ms" in text(opened(tree_of(answered)))


def test_type_has_the_name_that_it_had_before() -> None:
    assert "type_id  20, Command (AMF0) [Invoke]" in text(opened(tree_of(publish())))
    assert "type_id  5, Window Ack Size [Server BW]" in text(opened(tree_of(message(2, S2C, 5, bytes(4)))))
    assert "type_id  99\n" in text(opened(tree_of(message(2, S2C, 99, bytes(4)))))


def test_each_chunk_has_its_header_its_packet_and_its_bytes() -> None:
    made = publish()
    made.chunks = 2
    made.chunk_headers = [
        ChunkHeader(3073, 12, 0, 3, 100, False, 0, 20, 7, START),
        ChunkHeader(3105, 1, 3, 3, -1, False, 20, 21, 8, START),
    ]
    root = opened(tree_of(made))
    shown = text(root)
    assert "chunks  2" in shown
    assert "chunk 1  fmt 0, csid 3, timestamp 100, 20 bytes, packet 7" in shown
    assert "chunk 2  fmt 3, csid 3, 21 bytes, packet 8" in shown and "12 bytes at stream offset 3,073" in shown
    second = next(node for node, _ in lines([root]) if node.name == "chunk 2")
    assert (second.start, second.end) == (20, 41)


def test_a_byte_leads_to_the_smallest_field_that_covers_it() -> None:
    body = Field("command", None, 0, 10, children=[Field("object", None, 2, 10, children=[Field("x", 1, 4, 6)])])
    root = event_tree(publish(), body)
    assert [node.name for node in root.path_to(5)] == ["object", "x"]
    assert [node.name for node in root.path_to(8)] == ["object"]
    assert root.path_to(0) == []


def test_a_byte_leads_to_its_field_and_not_to_the_chunk_that_brought_it() -> None:
    made = publish()
    made.chunk_headers = [ChunkHeader(3073, 12, 0, 3, 100, False, 0, 33, 7, START)]
    assert [node.name for node in tree_of(made).path_to(5)] == ["name"]
    whole = Field("data", None, children=[Field("bytes", b"", 0, 33)])
    assert [node.name for node in event_tree(made, whole).path_to(5)] == ["bytes"]


def test_a_group_of_many_stays_closed_and_is_made_only_when_it_is_opened() -> None:
    many = [Field(f"[{place}]", place, place, place + 1) for place in range(OPEN_UP_TO + 1)]
    root = event_tree(publish(), Field("data", None, 0, 99, children=[Field("list", None, 0, 99, children=many)]))
    assert "[0]" not in text(root)
    group = root.children[-1]
    group.open = True
    assert f"[{OPEN_UP_TO}]" in text(root)


def test_values_read_as_what_they_are() -> None:
    cases = {
        "'a\\x1bb'": Field("v", "a\x1bb"),
        "true": Field("v", True),
        "5,000,000": Field("v", 5_000_000),
        "12": Field("v", 12.0),
        "0.5": Field("v", 0.5),
        "nan": Field("v", float("nan")),
        "null": Field("v", None, kind="null"),
        "undefined": Field("v", None, kind="undefined"),
        "de ad": Field("v", b"\xde\xad"),
    }
    for expected, field in cases.items():
        assert value_text(field) == expected
    assert value_text(Field("v", bytes(40))).endswith("… 40 bytes")


def test_gaps_and_ends_say_what_they_are() -> None:
    gap = Gap(0, C2S, 9, START, 1000, 1448, "capture_loss")
    gap.resumed = 212
    assert "Gap  1,448 bytes missing" in text(event_tree(gap, None))
    assert "resumed  212 bytes later" in text(event_tree(gap, None))
    assert "incomplete  7 bytes of unfinished messages" in text(event_tree(End(0, C2S, 9, START, "fin", 7, 0), None))
