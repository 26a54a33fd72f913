"""Calls and their answers, in any order and with some missing."""

import pytest

from rtmpscope.limits import ANSWERS_REMEMBERED, REQUESTS_UNDECIDED
from rtmpscope.model import C2S, S2C, Message, Severity
from tests.talk import CONNECT, SUCCESS, Talk


def linked(answer: Message, request: Message) -> bool:
    call = answer.call
    return call is not None and call is request.call and (call.request, call.answer) == (request.number, answer.number)


def codes(message: Message) -> list[str]:
    return [note.code for note in message.notes or ()]


def test_answer_is_linked_to_its_request_with_its_latency():
    talk = Talk(step_ms=3)
    talk.handshake()
    request = talk.command(C2S, "connect", 1, CONNECT)
    answer = talk.command(S2C, "_result", 1, {}, SUCCESS)
    assert linked(answer, request)
    assert request.call.name == "connect"
    assert request.call.latency_ns == 3_000_000
    assert talk.connection.analysis["transactions"].latencies["connect"].last == 3_000_000


def test_answers_may_come_in_any_order():
    talk = Talk()
    talk.connect()
    first = talk.command(C2S, "createStream", 2, None)
    second = talk.command(C2S, "getStreamLength", 3, None, "x")
    assert linked(talk.command(S2C, "_result", 3, None, 10.0), second)
    assert linked(talk.command(S2C, "_error", 2, None, {"code": "NetConnection.Call.Failed"}), first)


def test_servers_own_request_is_no_answer():
    talk = Talk()
    talk.connect()
    request = talk.command(C2S, "createStream", 2, None)
    own = talk.command(S2C, "onBWCheck", 2, None)
    assert not linked(own, request)
    assert linked(talk.command(C2S, "_result", 2, None), own)
    assert linked(talk.command(S2C, "_result", 2, None, 1.0), request)


@pytest.mark.parametrize(
    ("command", "code", "level"),
    [
        ("publish", "NetStream.Publish.Start", "status"),
        ("publish", "NetStream.Publish.BadName", "error"),
        ("publish", "NetStream.Record.NoAccess", "error"),
        ("play", "NetStream.Play.Start", "status"),
        ("play", "NetStream.Play.StreamNotFound", "error"),
        ("seek", "NetStream.Seek.Notify", "status"),
        ("pause", "NetStream.Pause.Notify", "status"),
        ("pause", "NetStream.Unpause.Notify", "status"),
    ],
)
def test_status_decides_what_was_asked_of_its_stream(command, code, level):
    talk = Talk()
    talk.connect().create()
    request = talk.command(C2S, command, 0, None, "x", msid=1)
    assert linked(talk.status(code, level), request)


def test_status_that_decides_nothing_is_not_linked():
    talk = Talk()
    talk.connect().create()
    request = talk.command(C2S, "play", 5, None, "x", msid=1)
    assert talk.status("NetStream.Play.Reset").call is None
    assert linked(talk.status("NetStream.Play.Start"), request)
    assert talk.status("NetStream.Play.Start").call is None


def test_result_does_not_decide_a_publish():
    talk = Talk()
    talk.connect().create()
    request = talk.command(C2S, "publish", 5, None, "x", "live", msid=1)
    result = talk.command(S2C, "_result", 5, None)
    assert result.call is None
    assert codes(result) == []
    assert linked(talk.status("NetStream.Publish.Start"), request)


def test_status_on_stream_0_is_taken_for_the_one_that_waits():
    talk = Talk()
    talk.connect().create()
    request = talk.command(C2S, "publish", 5, None, "x", "live", msid=1)
    assert linked(talk.status("NetStream.Publish.Start", msid=0), request)


def test_status_goes_to_the_request_on_its_own_stream():
    talk = Talk()
    talk.connect().create()
    on_one = talk.command(C2S, "play", 0, None, "x", msid=1)
    on_two = talk.command(C2S, "play", 0, None, "y", msid=2)
    assert linked(talk.status("NetStream.Play.Start", msid=2), on_two)
    assert linked(talk.status("NetStream.Play.StreamNotFound", "error", msid=1), on_one)


def test_rejection_by_status_answers_connect():
    talk = Talk()
    talk.handshake()
    request = talk.command(C2S, "connect", 1, CONNECT)
    assert linked(talk.status("NetConnection.Connect.Rejected", "error", msid=0), request)


@pytest.mark.parametrize("wrong", [0, 5])
def test_connect_answered_under_a_wrong_number_is_linked_and_noted(wrong):
    talk = Talk()
    talk.handshake()
    request = talk.command(C2S, "connect", 1, CONNECT)
    answer = talk.command(S2C, "_result", wrong, {}, SUCCESS)
    assert linked(answer, request)
    assert codes(answer) == ["reply-unmatched", "server-software"] or codes(answer) == ["reply-unmatched"]


def test_onfcpublish_answers_fcpublish():
    talk = Talk()
    talk.connect()
    request = talk.command(C2S, "FCPublish", 3, None, "x")
    assert linked(talk.command(S2C, "onFCPublish", 0, None, {"code": "NetStream.Publish.Start"}), request)


def test_reply_to_nothing_is_noted_only_where_the_request_cannot_be_missing():
    whole = Talk()
    whole.connect()
    assert codes(whole.command(S2C, "_result", 0, None)) == ["reply-unmatched"]
    holed = Talk()
    holed.connect()
    holed.gap(C2S)
    assert codes(holed.command(S2C, "_result", 0, None)) == []
    late = Talk()
    late.message(C2S, 20, b"")
    assert codes(late.command(S2C, "_result", 9, None)) == []


def test_number_that_is_none_or_nan_is_survived():
    talk = Talk()
    talk.connect()
    talk.command(C2S, "doIt", float("nan"), None)
    talk.command(S2C, "_result", float("nan"), None)
    talk.message(C2S, 20, b"\x02\x00\x04doIt")


def silent(talk: Talk) -> list[tuple[Severity, str]]:
    return [(note.severity, note.text) for note in talk.notes if note.code == "no-reply"]


def test_requests_left_alone_are_named_once_as_gravely_as_they_deserve():
    talk = Talk()
    talk.connect()
    talk.command(C2S, "releaseStream", 2, None, "x")
    talk.command(C2S, "_checkbw", 3, None)
    talk.end()
    [(severity, text)] = silent(talk)
    assert severity == Severity.CHAT
    assert "_checkbw (message 4)" in text
    assert "releaseStream" not in text

    talk = Talk()
    talk.connect()
    talk.command(C2S, "createStream", 2, None)
    talk.end()
    assert [severity for severity, _ in silent(talk)] == [Severity.WARNING]


def test_request_at_the_very_end_of_the_capture_is_not_held_against_the_server():
    soon = Talk()
    soon.connect()
    soon.command(C2S, "createStream", 2, None)
    soon.end("capture_end")
    assert silent(soon) == []
    waited = Talk()
    waited.connect()
    waited.command(C2S, "createStream", 2, None)
    waited.wait(6).message(C2S, 3, bytes(4))
    waited.end("capture_end")
    assert [severity for severity, _ in silent(waited)] == [Severity.WARNING]


def test_one_sided_capture_blames_nobody():
    talk = Talk()
    talk.part("C0", b"\x03")
    talk.command(C2S, "connect", 1, CONNECT)
    talk.end()
    assert silent(talk) == []


def test_lost_bytes_excuse_a_missing_answer():
    talk = Talk()
    talk.connect()
    talk.command(C2S, "createStream", 2, None)
    talk.gap(S2C)
    talk.end()
    assert silent(talk) == []


def test_memory_is_bounded():
    talk = Talk()
    talk.connect()
    for number in range(2, 10_020):
        talk.command(C2S, "call", number, None)
    side = talk.connection.analysis["transactions"]._sides[C2S]
    assert len(side.issued) == 10_000
    assert codes(talk.command(S2C, "_result", 3, None)) == []


@pytest.mark.parametrize("lost", [C2S, S2C])
def test_answer_is_not_missed_where_packets_are_missing(lost):
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, None)
    talk.gap(lost)
    assert "no-reply" not in talk.wait(9).end().codes


def test_reply_to_a_number_that_may_still_come_to_light_is_noted_at_the_end():
    talk = Talk()
    talk.connect()
    reply = talk.command(S2C, "_result", 9, None)
    assert codes(reply) == []
    [text] = [note.text for note in talk.end().notes if note.code == "reply-unmatched"]
    assert f"message {reply.number}" in text


@pytest.mark.parametrize(
    ("request_name", "answer"),
    [
        ("createStream", lambda talk: talk.command(S2C, "_result", 9, None, 1.0)),
        ("publish", lambda talk: talk.status("NetStream.Publish.Start")),
    ],
)
def test_answer_finds_its_request_when_that_comes_to_light_late(request_name, answer):
    talk = Talk()
    talk.connect().wait(2)
    early = answer(talk)
    request = talk.wait(-1).command(C2S, request_name, 9, None, "x", "live", msid=1)
    assert linked(early, request)
    assert request.call.latency_ns > 0
    assert not {"no-reply", "reply-unmatched"} & talk.end().codes


def test_reply_that_was_noted_at_once_is_not_noted_again_at_the_end():
    talk = Talk()
    talk.connect().create()
    assert codes(talk.command(S2C, "_result", 3, None)) == ["reply-unmatched"]
    assert [note.code for note in talk.end().notes].count("reply-unmatched") == 1


def test_answers_without_a_request_are_forgotten_beyond_a_bound():
    talk = Talk()
    talk.connect().wait(2)
    oldest, second, *_ = [talk.command(S2C, "_result", 9 + n, None) for n in range(ANSWERS_REMEMBERED + 1)]
    talk.wait(-1)
    assert not linked(oldest, talk.command(C2S, "createStream", 9, None))
    assert linked(second, talk.command(C2S, "createStream", 10, None))


def test_requests_that_a_status_may_decide_are_forgotten_beyond_a_bound():
    talk = Talk()
    talk.connect()
    oldest, second, *_ = [talk.command(C2S, "play", 0, None, "x", msid=1 + n) for n in range(REQUESTS_UNDECIDED + 1)]
    assert not linked(talk.status("NetStream.Play.Start", msid=1), oldest)
    assert linked(talk.status("NetStream.Play.Start", msid=2), second)


def test_answer_that_was_given_before_the_request_is_no_answer():
    talk = Talk()
    talk.connect()
    early = talk.status("NetStream.Publish.Start")
    request = talk.command(C2S, "publish", 9, None, "x", "live", msid=1)
    assert not linked(early, request)


def test_answer_to_another_call_is_not_taken_for_that_to_connect():
    talk = Talk()
    talk.handshake()
    request = talk.command(C2S, "connect", 1, CONNECT)
    answer = talk.command(S2C, "_result", 4, None, 1.0)
    assert not linked(answer, request)
    assert "connect-rejected" not in talk.codes


@pytest.mark.parametrize(("command", "direction"), [("publish", C2S), ("play", S2C)])
def test_media_is_as_good_as_an_answer(command, direction):
    talk = Talk()
    talk.connect().create()
    talk.command(C2S, command, 5, None, "x", msid=1)
    talk.command(S2C, "_result", 5, None, None)  # which decides nothing
    assert [severity for severity, _ in silent(talk.media(2, 1 - direction).end())] == [Severity.WARNING]
    talk = Talk()
    talk.connect().create()
    talk.command(C2S, command, 5, None, "x", msid=1)
    assert [severity for severity, _ in silent(talk.media(2, direction).end())] == [Severity.NOTE]
