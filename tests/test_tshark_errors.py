"""Streams that tshark is known to get wrong, one test for each fault: here they have to come out right.

Seen with tshark 4.0.17, each with a capture made for it; most of it stands in 4.4 too.  Every test puts its bytes
on the wire behind a handshake, in TCP segments, and reads them with the whole engine.  Each says first what
tshark makes of them.
"""

from __future__ import annotations

import pytest

from rtmpscope import filters
from rtmpscope.model import ACK, C2S, S2C, Connection, Gap, Handshake, Message
from rtmpscope.rtmp.summary import summarize
from tests import bodies, wire
from tests.runs import Run, built_in, run, run_of
from tests.wire import ChunkWriter, Frame, Tcp, amf0, chunk, command, u16, u32

C2S_START, S2C_START = wire.handshake()
SAID = {"level": "status", "code": "NetStream.Publish.Start"}


def frame(size: int) -> bytes:
    """An H.264 inter frame of one NAL unit, so many bytes together."""
    return b"\x27\x01\x00\x00\x00" + u32(size - 9) + wire.filler(size - 9, size)


def on_wire(c2s: bytes, s2c: bytes = b"", tcp: Tcp | None = None) -> Run:
    """What is said of the chunks of both sides."""
    return run(wire.packets(wire.conversation(C2S_START + c2s, S2C_START + s2c, tcp)))


def told(said: Run, direction: int = C2S) -> list[tuple[int, int, int, bytes]]:
    """(csid, type_id, timestamp, payload) of each message."""
    return [(one.csid, one.type_id, one.timestamp, one.payload) for one in said.messages(direction=direction)]


def summaries(said: Run, direction: int = C2S) -> list[str]:
    decode = built_in().decode
    return [summarize(one, one.body or decode(one)) for one in said.messages(direction=direction)]


def body(type_id: int, payload: bytes, csid: int = 3) -> bodies.Field:
    """The field tree of one message that crossed the wire."""
    (message,) = on_wire(ChunkWriter().message(csid, type_id, payload)).messages()
    assert message.payload == payload and message.body is not None
    assert bodies.undecoded(message.body) == []
    return message.body


# --- chunks and TCP --------------------------------------------------------------------------------------


def test_e1_message_beyond_32_kib_is_whole_and_so_is_what_follows() -> None:
    """tshark abandons the body, and later messages of the direction are lost."""
    writer = ChunkWriter()
    sent = [frame(32_768), frame(32_769), frame(600_000), frame(20)]
    stream = b"".join(writer.message(6, 9, payload, 40 * i, 1) for i, payload in enumerate(sent))
    assert told(on_wire(stream)) == [(6, 9, 40 * i, payload) for i, payload in enumerate(sent)]


@pytest.mark.parametrize("size", [32_768, 65_536, 524_288, 0x3EFFEE, 0x7FFFFFFF])
def test_e2_chunk_size_of_any_height_is_obeyed(size: int) -> None:
    """tshark ignores a chunk size from 32,768 on, and everything after it is "Unknown (0x0)"."""
    writer = ChunkWriter()
    stream = writer.set_chunk_size(size) + writer.message(6, 9, frame(70_000), 5, 1) + writer.message(4, 8, b"\xaf\x01")
    assert told(on_wire(stream))[1:] == [(6, 9, 5, frame(70_000)), (4, 8, 0, b"\xaf\x01")]


def segments(count: int, size: int = 400) -> tuple[list[bytes], list[Frame]]:
    """Payloads of messages of one chunk, each in a segment of its own, between the handshake and the end."""
    writer = ChunkWriter(4096)
    start = chunk(0, 2, 0, 4, 1, 0, u32(4096))
    sent = [frame(size + i) for i in range(count)]
    tcp = Tcp().open()
    tcp.send(C2S, C2S_START[:1537]).send(S2C, S2C_START).send(C2S, C2S_START[1537:] + start)
    for i, payload in enumerate(sent):
        tcp.send(C2S, writer.message(6, 9, payload, 40 * i, 1, fmt=0), acked=False)
    return sent, tcp.close().frames


def places(frames: list[Frame]) -> list[int]:
    """Indexes of the frames that carry the messages."""
    return [i for i, (_, data) in enumerate(frames) if len(data) in range(450, 500)]


def test_e3_lost_segment_costs_its_message_and_says_so() -> None:
    """tshark drops up to 17 whole messages behind it without a word."""
    sent, frames = segments(30)
    lost = places(frames)[10]
    said = run(wire.packets(wire.rearranged(frames, [i for i in range(len(frames)) if i != lost])))
    assert [m.payload for m in said.messages(direction=C2S) if m.type_id == 9] == sent[:10] + sent[11:]
    (gap,) = said.of(Gap)
    assert (gap.direction, gap.length) == (C2S, 12 + len(sent[10]))


def test_e4_swapped_segments_change_nothing() -> None:
    """tshark loses the message and all that follow it, unless a preference that is off by default is set."""
    sent, frames = segments(30)
    order = list(range(len(frames)))
    first, second = places(frames)[10:12]
    order[first], order[second] = order[second], order[first]
    said = run(wire.packets(wire.rearranged(frames, order)))
    assert [m.payload for m in said.messages(direction=C2S) if m.type_id == 9] == sent
    assert not said.of(Gap)


def test_e5_retransmission_that_carries_more_than_before_gives_what_is_new() -> None:
    """tshark drops the new message in it."""
    writer = ChunkWriter()
    old, new, last = (writer.message(4, 8, b"\xaf\x01" + bytes([i]), 20 * i, 1) for i in range(3))
    tcp = Tcp().open().send(C2S, C2S_START[:1537]).send(S2C, S2C_START).send(C2S, C2S_START[1537:])
    at = tcp.next[C2S]
    tcp.send(C2S, old)
    tcp.segment(C2S, at, ACK, old + new)
    tcp.next[C2S] = at + len(old + new)
    said = run(wire.packets(tcp.send(C2S, last).close().frames))
    assert told(said) == [(4, 8, 20 * i, b"\xaf\x01" + bytes([i])) for i in range(3)]


def test_e6_type_3_chunk_that_starts_a_message_has_its_extended_timestamp() -> None:
    """tshark reads the four bytes as the beginning of the body."""
    delta = 0x1000000
    stream = chunk(0, 6, 0, 9, 9, 1, frame(9)) + chunk(1, 6, delta, 9, 9, payload=frame(9))
    stream += chunk(3, 6, payload=frame(9), extended=delta) * 2
    assert told(on_wire(stream)) == [(6, 9, delta * i, frame(9)) for i in range(4)]


@pytest.mark.parametrize("cut", range(1, 6))
def test_e7_extended_timestamp_may_be_split_between_segments(cut: int) -> None:
    """tshark loses the message."""
    payload = frame(200)
    first = chunk(0, 6, 0x1000010, 200, 9, 1, payload[:128])
    rest = chunk(3, 6, payload=payload[128:], extended=0x1000010)
    tcp = Tcp().open().send(C2S, C2S_START[:1537]).send(S2C, S2C_START)
    tcp.send(C2S, C2S_START[1537:] + first + rest[:cut]).send(C2S, rest[cut:])
    assert told(run(wire.packets(tcp.close().frames))) == [(6, 9, 0x1000010, payload)]


def test_e8_extended_timestamp_of_types_1_and_2_is_a_delta() -> None:
    """tshark takes it for the absolute time."""
    stream = chunk(0, 6, 1000, 9, 9, 1, frame(9)) + chunk(1, 6, 0x1000000, 9, 9, payload=frame(9))
    stream += chunk(2, 6, 0x2000000, payload=frame(9))
    assert [timestamp for _, _, timestamp, _ in told(on_wire(stream))] == [1000, 0x1000000 + 1000, 0x3000000 + 1000]


@pytest.mark.parametrize("size", [0, 3])
def test_e9_csids_beyond_63_are_what_they_are(size: int) -> None:
    """tshark shows 64, 100 and 1000 as 0, 36 and 3."""
    csids = [2, 63, 64, 100, 319, 320, 1000, 65_599]
    stream = b"".join(chunk(0, csid, csid, type_id=8, msid=1, payload=b"\xaf\x01", csid_size=size) for csid in csids)
    assert told(on_wire(stream)) == [(csid, 8, csid, b"\xaf\x01") for csid in csids]


def test_e10_filter_finds_messages_whose_header_inherits_what_it_asks_for() -> None:
    """tshark's filters on type and stream miss the headers of types 2 and 3."""
    stream = chunk(0, 6, 0, 9, 9, 7, frame(9)) + chunk(2, 6, 40, payload=frame(9)) + chunk(3, 6, payload=frame(9))
    said = on_wire(stream + chunk(0, 4, 0, type_id=8, msid=1, payload=b"\xaf\x01"))
    (connection,) = said.connections
    for text in ("rtmp.type == video", "rtmp.message_stream_id == 7", "rtmpt.header.typeid == 9"):
        assert found(said, connection, text) == [0, 40, 80], text


def found(said: Run, connection: Connection, text: str) -> list[int]:
    """Timestamps of the messages that a display filter lets through."""
    wanted = filters.compile(text)
    return [one.timestamp for one in said.messages() if wanted.match(one, connection, one.body)]


def test_e11_numbers_from_2_to_the_31_on_are_positive() -> None:
    """tshark shows them negative."""
    stream = chunk(0, 2, 0, type_id=3, payload=u32(2**32 - 16)) + chunk(0, 4, 2**31, type_id=8, payload=b"\xaf\x01")
    said = on_wire(stream + chunk(0, 4, 2**32 - 1, type_id=8, payload=b"\xaf\x01"))
    ack, *media = said.messages()
    assert ack.body is not None and bodies.plain(ack.body) == {"sequence_number": 4_294_967_280}
    assert [one.timestamp for one in media] == [2**31, 2**32 - 1]


def test_e12_abort_drops_the_partial_message() -> None:
    """tshark goes on with it, and reads the next message of the csid into it."""
    stream = chunk(0, 6, 0, 300, 9, 1, frame(300)[:128]) + chunk(0, 2, 0, type_id=2, payload=u32(6))
    whole = b"".join(chunk(3, 6, payload=frame(300)[at : at + 128]) for at in (0, 128, 256))
    said = on_wire(stream + whole)
    _, dropped, after = said.messages()
    assert (dropped.aborted, dropped.captured, dropped.length) == (True, 128, 300)
    assert (after.aborted, after.payload) == (False, frame(300))


def test_e13_stream_without_a_syn_may_begin_with_a_chunk_that_looks_like_c0() -> None:
    """tshark takes the first 1537 bytes for a handshake."""
    writer = ChunkWriter(4096)
    status = command("onStatus", 0, None, SAID)
    sent = [(3, 20, 0, status)] + [(6, 9, 40 * i, frame(900)) for i in range(12)]
    stream = b"".join(writer.message(csid, kind, payload, at, 1, fmt=0) for csid, kind, at, payload in sent)
    assert stream[0] == 3
    said = run(wire.packets(Tcp().send(S2C, stream).close().frames))
    assert not said.of(Handshake)
    assert told(said, S2C) == sent


# --- connections -----------------------------------------------------------------------------------------


def test_e15_rtmpe_is_called_encrypted_and_makes_no_messages() -> None:
    """tshark fills pages with "Unknown (0x0)"."""
    said = run_of("rtmpe")
    assert {connection.carries for connection in said.connections} == {"rtmpe"}
    assert said.of(Handshake) and not said.messages()


@pytest.mark.parametrize("port", [19350, 443, 1])
def test_e24_any_port_is_read_from_its_first_byte(port: int) -> None:
    """tshark does not decode it, and with its heuristic switched on still misses C0 and C1."""
    stream = ChunkWriter().message(3, 20, command("connect", 1, {"app": "live"}))
    said = on_wire(stream, tcp=Tcp(server=("10.0.0.2", port)))
    assert [part.part for part in said.of(Handshake)] == ["C0", "C1", "S0", "S1", "S2", "C2"]
    assert [(one.type_id, one.direction) for one in said.messages()] == [(20, C2S)]


# --- bodies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (wire.user_control(6, 123_456), "Ping Request, 123,456 ms"),
        (wire.user_control(7, 2**32 - 1), "Ping Response, 4,294,967,295 ms"),
        (u16(26) + b"\x01", "SWF Verification Request"),
        (u16(27) + b"\x01\x01" + u32(7777) * 2 + bytes(32), "SWF Verification Response"),
        (wire.user_control(31, 1), "Buffer Empty, stream 1"),
        (wire.user_control(32, 1), "Buffer Ready, stream 1"),
    ],
)
def test_e16_user_control_events_have_their_names_and_times(payload: bytes, line: str) -> None:
    """tshark shows no ping time and has no name for 26, 27, 31 and 32."""
    assert summaries(on_wire(ChunkWriter().control(4, payload)))[0].startswith(line)


@pytest.mark.parametrize(("type_id", "selector", "value"), [(19, b"", amf0(7)), (16, b"\x00", b"\x11\x04\x07")])
def test_e17_shared_objects_are_opened(type_id: int, selector: bytes, value: bytes) -> None:
    """tshark shows nothing of types 16 and 19."""
    event = wire.so_event(4, wire.amf0_key("count") + value)
    shown = bodies.plain(body(type_id, selector + wire.shared_object("room", 3, 2, event)))
    assert shown == {
        "name": "room",
        "version": 3,
        "persistent": True,
        "flags": 2,
        "events": [{"event": "change", "properties": {"count": 7}}],
    }


AFTER = "04 05"  # an integer that has to be found behind what confuses tshark


@pytest.mark.parametrize(
    ("spelled", "kind", "value"),
    [
        ("0c 07 00ff10", "byte_array", b"\x00\xff\x10"),
        ("0b 09 3c612f3e", "amf3_xml", "<a/>"),
        ("07 09 3c612f3e", "xml_document", "<a/>"),
        ("09 01 03 61 04 01 01", "array", {"a": 1}),
        ("04 ffffffff", "integer", -1),
        ("0d 05 00 ffffffff 00000001", "vector_int", [-1, 1]),
        ("0e 03 00 ffffffff", "vector_uint", [2**32 - 1]),
        ("0f 03 00 3ff8000000000000", "vector_double", [1.5]),
        ("11 03 00 06 03 6b 04 07", "dictionary", None),
    ],
)
def test_e18_amf3_values_are_right_and_so_is_the_value_behind_them(spelled: str, kind: str, value: object) -> None:
    """tshark loses the value after bytes and XML, and gets arrays, vectors and negative integers wrong."""
    payload = b"\x00" + amf0("put", 1, None) + b"\x11" + bytes.fromhex(spelled) + b"\x11" + bytes.fromhex(AFTER)
    first, after = bodies.at(body(17, payload), "arguments").children
    assert (first.kind, after.kind, after.value) == (kind, "integer", 5)
    if value is not None:
        shown = bodies.plain(first)
        assert (list(shown.values()) if isinstance(shown, dict) and isinstance(value, list) else shown) == value


def test_e18_amf3_references_point_at_what_they_mean() -> None:
    """tshark resolves none."""
    payload = b"\x00" + amf0("put", 1, None) + bytes.fromhex("11 09 07 01 06 05 6162 06 00 0a 0b 01 00 06 00 01")
    (array,) = bodies.at(body(17, payload), "arguments").children
    first, again, made = array.children
    assert (first.value, again.value) == ("ab", "ab")
    assert bodies.plain(made) == {"ab": "ab"}


def test_e19_switch_to_amf3_holds_for_one_value_inside_an_object() -> None:
    """tshark calls it malformed inside an object, and outside takes all that follows for AMF3."""
    first = b"\x03" + wire.amf0_key("a") + b"\x11\x04\x07" + wire.amf0_key("b") + amf0("x") + b"\x00\x00\x09"
    arguments = bodies.at(body(20, command("put", 1, None, first, b"\x11\x04\x08", "y", 2)), "arguments").children
    assert [bodies.plain(one) for one in arguments] == [{"a": 7, "b": "x"}, 8, "y", 2.0]


def test_e20_aggregate_keeps_the_tags_behind_a_script_tag_and_counts_from_its_own_time() -> None:
    """tshark lets the script tag swallow them, and shows the times of the tags."""
    script = amf0("onMetaData", {"width": 640})
    parts = [(8, 1000, b"\xaf\x01"), (18, 1005, script), (9, 1010, frame(9)), (8, 1023, b"\xaf\x01\x02")]
    said = on_wire(ChunkWriter().message(6, 22, wire.aggregate(*parts), 5000, 1))
    shown = [event for event in said.events if isinstance(event, Message) and event.aggregate]
    assert [(one.type_id, one.timestamp - 4000, one.payload) for one in shown] == parts


def test_e21_summary_takes_the_code_wherever_it_stands() -> None:
    """tshark takes the first property whose name begins so: onStatus('avc1')."""
    information = {"codecs": "avc1", "level": "status", "code": "NetStream.Publish.Start"}
    (line,) = summaries(on_wire(b"", ChunkWriter().message(5, 20, command("onStatus", 0, None, information))), S2C)
    assert "NetStream.Publish.Start" in line and "avc1" not in line


def test_e22_servers_own_request_is_no_answer_and_publish_is_decided_by_its_status() -> None:
    """tshark links a server's own transaction 2 to the client's, and publish to nothing."""
    c2s, s2c = ChunkWriter(), ChunkWriter()
    tcp = Tcp().open().send(C2S, C2S_START[:1537]).send(S2C, S2C_START).send(C2S, C2S_START[1537:])
    for name, transaction, *values in (("connect", 1, {"app": "live"}), ("createStream", 2, None)):
        tcp.send(C2S, c2s.message(3, 20, command(str(name), transaction, *values)))
    tcp.send(S2C, s2c.message(3, 20, command("onBWCheck", 2, None)))
    tcp.send(C2S, c2s.message(8, 20, command("publish", 3, None, "camera", "live"), msid=1))
    tcp.send(S2C, s2c.message(3, 20, command("_result", 1, None, {"code": "NetConnection.Connect.Success"})))
    tcp.send(S2C, s2c.message(3, 20, command("_result", 2, None, 1)))
    tcp.send(S2C, s2c.message(5, 20, command("onStatus", 0, None, SAID), msid=1))
    said = run(wire.packets(tcp.close().frames)).messages()
    numbers = {one.number: bodies.at(one.body, "name").value for one in said if one.body is not None}
    links = {numbers[one.call.request]: said[one.call.answer - 1] for one in said if one.call and one.call.answer}
    answers = {name: numbers[answer.number] for name, answer in links.items()}
    assert answers == {"connect": "_result", "createStream": "_result", "publish": "onStatus"}
    assert bodies.plain(bodies.at(links["createStream"].body, "transaction_id")) == 2.0  # type: ignore[arg-type]


def test_e23_chunk_size_zero_is_an_error_and_nothing_else_changes() -> None:
    """tshark says nothing."""
    stream = chunk(0, 2, 0, type_id=1, payload=u32(0)) + chunk(0, 4, 5, type_id=8, msid=1, payload=b"\xaf\x01")
    said = on_wire(stream)
    assert told(said)[1:] == [(4, 8, 5, b"\xaf\x01")]
    (note,) = said.messages()[0].notes or ()
    assert note.code == "chunk-size-invalid"


def test_video_whose_nal_lengths_fit_nothing_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder with NAL lengths of two bytes: no reason to take its headers for chance."""
    monkeypatch.setitem(globals(), "frame", lambda size: b"\x27\x01\x00\x00\x00" + wire.filler(size - 5, size))
    sent, frames = segments(30)
    lost = places(frames)[10]
    said = run(wire.packets(wire.rearranged(frames, [i for i in range(len(frames)) if i != lost])))
    assert [m.payload for m in said.messages(direction=C2S) if m.type_id == 9] == sent[:10] + sent[11:]
