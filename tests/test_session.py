"""Every way in which a session ends, and what is said about it."""

import pytest

from rtmpscope.model import C2S, S2C, UNKNOWN, Verdict
from tests import wire
from tests.talk import AAC_FRAME, AAC_HEADER, AVC_HEADER, CONNECT, Talk

KEY = "s3cr3t-key"


def judged(talk: Talk) -> Verdict:
    verdict = talk.verdict()
    assert KEY not in verdict.text
    assert verdict.text.endswith(".")
    return verdict


def facts(verdict: Verdict) -> tuple[str, str, str, str | None]:
    return verdict.role, verdict.reached, verdict.outcome, verdict.code


def rejection(description: str) -> Talk:
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, CONNECT)
    info = {"level": "error", "code": "NetConnection.Connect.Rejected", "description": description}
    talk.command(S2C, "_error", 1, None, info)
    return talk.end(first=S2C)


# TCP and what is not RTMP


def bare(carries: str = "nothing") -> Talk:
    talk = Talk()
    talk.connection.carries = carries
    return talk


def test_bare_tcp_connection():
    assert facts(judged(bare().end())) == ("probe", "tcp", "incomplete", None)


@pytest.mark.parametrize(("seconds", "role"), [(1, "unknown"), (8, "probe")])
def test_tcp_connection_that_may_go_on_is_no_probe_yet(seconds, role):
    talk = bare().wait(seconds)
    assert facts(judged(talk.end("capture_end"))) == (role, "tcp", "incomplete", None)


def test_tcp_connection_all_of_whose_bytes_are_missing():
    talk = bare()
    talk.gap(C2S, 3073)
    verdict = judged(talk.end())
    assert facts(verdict) == ("unknown", "tcp", "incomplete", None)
    assert "missing in the capture" in verdict.text


def test_refused_tcp_connection():
    talk = bare()
    talk.connection.tcp_rtt_ns = UNKNOWN
    talk.connection.tcp[S2C].resets = 1
    verdict = judged(talk.end("rst"))
    assert facts(verdict) == ("probe", "tcp", "failed", None)
    assert "nothing listens" in verdict.text
    talk.connection.client_known_by = "port"  # the reset stands before the SYN in the capture
    assert judged(talk).outcome == "incomplete"
    talk.connection.tcp[C2S].syns = 1
    assert judged(talk).text == verdict.text


def test_tcp_connection_that_nobody_answers():
    talk = bare()
    talk.connection.tcp[S2C].packets = 0
    assert "did not answer" in judged(talk).text
    talk.connection.last_time_ns += 2_000_000_000
    assert judged(talk).outcome == "failed"
    talk.connection.tcp[C2S].packets = 1  # no second SYN: packets are missing
    assert judged(talk).outcome == "incomplete"


@pytest.mark.parametrize(
    ("carries", "reached", "outcome"),
    [
        ("http", "tcp", "not_rtmp"),
        ("ssh", "tcp", "not_rtmp"),
        ("policy_file", "tcp", "not_rtmp"),
        ("unknown", "tcp", "not_rtmp"),
        ("tls", "tcp", "encrypted"),
        ("rtmpe", "handshake", "encrypted"),
    ],
)
def test_other_protocols(carries, reached, outcome):
    verdict = judged(bare(carries).end())
    assert (verdict.reached, verdict.outcome) == (reached, outcome)


# Handshake


def test_server_that_does_not_answer_the_handshake():
    talk = Talk()
    talk.part("C0", b"\x03")
    talk.part("C1", wire.simple_block())
    talk.wait(3).end()
    verdict = judged(talk)
    assert facts(verdict) == ("unknown", "handshake", "failed", None)
    assert "the server did not answer" in verdict.text
    assert "3.0 s" in verdict.text


def test_client_that_does_not_finish_the_handshake():
    talk = Talk()
    for name in ("C0", "C1", "S0", "S1", "S2"):
        talk.part(name, b"\x03" if name[1] == "0" else wire.simple_block())
    assert "the client did not finish" in judged(talk.end("rst")).text


def test_silence_before_a_handshake_that_was_joined_late_blames_nobody():
    talk = Talk()
    talk.connection.client_known_by = "port"
    talk.part("C0", b"\x03")
    talk.part("C1", wire.simple_block())
    assert judged(talk.wait(9).end()).outcome == "incomplete"


@pytest.mark.parametrize(("pause", "outcome"), [(1, "incomplete"), (8, "failed")])
def test_handshake_that_is_slow_but_goes_on_has_not_failed(pause, outcome):
    talk = Talk()
    talk.part("C0", b"\x03")
    talk.wait(8)
    for name in ("C1", "S0", "S1", "S2"):
        talk.part(name, b"\x03" if name[1] == "0" else wire.simple_block())
    assert judged(talk.wait(pause).end("capture_end")).outcome == outcome


def test_handshake_and_nothing_more_is_a_probe():
    talk = Talk()
    verdict = judged(talk.handshake().end())
    assert facts(verdict) == ("probe", "handshake", "incomplete", None)


# Connect


def test_rejected_connect():
    verdict = judged(rejection("no such application s3cr3t-key"))
    assert facts(verdict) == ("unknown", "connect", "failed", "NetConnection.Connect.Rejected")
    assert verdict.message == 2
    assert verdict.text.startswith('Connect to the application "live" rejected by the server')


def test_connect_rejected_by_a_result():
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, CONNECT)
    talk.command(S2C, "_result", 1, None, {"level": "error", "code": "NetConnection.Connect.InvalidApp"})
    assert facts(judged(talk.end())) == ("unknown", "connect", "failed", "NetConnection.Connect.InvalidApp")


@pytest.mark.parametrize(
    ("description", "outcome", "words"),
    [
        ("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ", "incomplete", "first round"),
        (
            "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=u&salt=a&challenge=b",
            "incomplete",
            "second",
        ),
        ("[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=authfailed", "failed", "password"),
        ("[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=nosuchuser", "failed", "user name"),
    ],
)
def test_authentication_rounds(description, outcome, words):
    verdict = judged(rejection(description))
    assert (verdict.reached, verdict.outcome) == ("connect", outcome)
    assert words in verdict.text


def test_unanswered_connect():
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, CONNECT)
    assert facts(judged(talk)) == ("unknown", "connect", "incomplete", None)
    talk.wait(1).end()
    assert facts(judged(talk)) == ("unknown", "connect", "failed", None)


def test_capture_that_ends_while_an_answer_may_be_on_its_way():
    talk = Talk()
    talk.connect()
    talk.command(C2S, "createStream", 2, None)
    verdict = judged(talk.end("capture_end"))
    assert facts(verdict) == ("unknown", "create_stream", "incomplete", None)
    assert "the capture ends" in verdict.text


def test_client_that_connects_and_asks_for_nothing():
    talk = Talk()
    verdict = judged(talk.connect().wait(60).end())
    assert facts(verdict) == ("probe", "connect", "incomplete", "NetConnection.Connect.Success")


# Streams


@pytest.mark.parametrize(("command", "role"), [("FCPublish", "publish"), ("getStreamLength", "play")])
def test_client_that_did_not_come_to_say_what_it_wants_is_known_by_what_it_asked(command, role):
    talk = Talk()
    talk.connect()
    talk.command(C2S, command, 2, None, KEY)
    talk.command(C2S, "createStream", 3, None)
    assert judged(talk.end()).role == role


def test_encoder_is_known_by_how_it_connects():
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, {**CONNECT, "type": "nonprivate"})
    assert judged(talk.end()).role == "publish"


def test_unanswered_create_stream():
    talk = Talk()
    talk.connect()
    talk.command(C2S, "createStream", 2, None)
    assert facts(judged(talk.wait(2).end())) == ("unknown", "create_stream", "failed", None)


def test_refused_create_stream():
    talk = Talk()
    talk.connect()
    talk.command(C2S, "createStream", 2, None)
    talk.command(S2C, "_error", 2, None, {"code": "NetConnection.Call.Failed"})
    assert facts(judged(talk.end())) == ("unknown", "create_stream", "failed", "NetConnection.Call.Failed")


@pytest.mark.parametrize(
    ("command", "code"), [("publish", "NetStream.Publish.BadName"), ("play", "NetStream.Play.StreamNotFound")]
)
def test_refused_publish_and_play(command, code):
    talk = Talk()
    talk.connect().create()
    talk.command(C2S, command, 5, None, KEY, "live", msid=1)
    refusal = talk.status(code, "error", description=f"{KEY} is in use")
    talk.goodbye().end()
    verdict = judged(talk)
    assert facts(verdict) == (command, command, "failed", code)
    assert verdict.message == refusal.number
    assert f"{command.capitalize()} of live/•••• rejected by the server: {code}, " in verdict.text


def test_media_sent_in_spite_of_a_refusal_changes_nothing():
    talk = Talk()
    talk.connect().create()
    talk.command(C2S, "publish", 5, None, KEY, "live", msid=1)
    talk.status("NetStream.Publish.BadName", "error")
    assert facts(judged(talk.media(1).end())) == ("publish", "publish", "failed", "NetStream.Publish.BadName")


@pytest.mark.parametrize("command", ["publish", "play"])
def test_unanswered_publish_and_play(command):
    talk = Talk()
    talk.connect().create()
    talk.command(C2S, command, 5, None, KEY, msid=1)
    verdict = judged(talk.wait(4).end())
    assert facts(verdict) == (command, command, "failed", None)
    assert "was not answered by the server" in verdict.text


def test_media_that_never_starts():
    publish = Talk().publish().wait(10).end()
    assert facts(judged(publish)) == ("publish", "publish", "failed", "NetStream.Publish.Start")
    assert "the client never sent media" in judged(publish).text
    play = Talk().play().wait(10).end()
    assert facts(judged(play)) == ("play", "play", "failed", "NetStream.Play.Start")
    assert "the server never sent media" in judged(play).text


def test_play_that_the_server_ends_before_it_began():
    talk = Talk().play()
    stop = talk.status("NetStream.Play.Stop")
    verdict = judged(talk.end(first=S2C))
    assert facts(verdict) == ("play", "play", "failed", "NetStream.Play.Stop")
    assert verdict.message == stop.number


def test_name_of_the_code_that_is_no_code_is_left_out():
    talk = Talk()
    talk.connect().create()
    talk.command(C2S, "publish", 5, None, KEY, msid=1)
    talk.status(f"no {KEY} here", "error")
    verdict = judged(talk.end())
    assert facts(verdict) == ("publish", "publish", "failed", None)


@pytest.mark.parametrize("app", [f"live?token={KEY}", f"live/{KEY}"])
def test_only_the_first_part_of_the_application_is_told(app):
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, {**CONNECT, "app": app})
    assert '"live"' in judged(talk.end()).text


# Media and ends


def test_published_and_ended_normally():
    verdict = judged(Talk().publish().media(5).goodbye().end())
    assert facts(verdict) == ("publish", "teardown", "ok", "NetStream.Publish.Start")
    assert "5.0 s of media" in verdict.text


def test_played_to_the_end():
    talk = Talk().play().media(5, S2C)
    talk.status("NetStream.Play.Stop")
    assert facts(judged(talk.end(first=S2C))) == ("play", "teardown", "ok", "NetStream.Play.Start")


def test_capture_that_ends_while_media_flows():
    for talk, role in ((Talk().publish().media(5), "publish"), (Talk().play().media(5, S2C), "play")):
        verdict = judged(talk.end("capture_end"))
        assert facts(verdict)[:3] == (role, "media", "ok")
        assert "when the capture ends" in verdict.text


def test_client_that_just_closes():
    verdict = judged(Talk().publish().media(5).end("fin", C2S))
    assert facts(verdict)[:3] == ("publish", "media", "ok")
    assert "the client closed the connection without a word" in verdict.text


@pytest.mark.parametrize(
    ("start_ms", "repeated", "told"),
    [(16_775_000, False, True), (16_775_000, True, False), (16_700_000, False, False), (17_000_000, False, True)],
)
def test_server_that_hangs_up_when_extended_timestamps_begin_may_have_stumbled_over_them(start_ms, repeated, told):
    talk = Talk().publish().media(5, start_ms=start_ms)
    if not repeated:
        talk.connection.note_counts["extended-timestamp-not-repeated"] = 80
    verdict = judged(talk.end(first=S2C))
    assert verdict.outcome == "failed"
    assert ("some servers lose sync" in verdict.text) is told
    client = Talk().publish().media(5, start_ms=start_ms)
    client.connection.note_counts["extended-timestamp-not-repeated"] = 80
    assert "lose sync" not in judged(client.end()).text


@pytest.mark.parametrize(("lost", "outcome"), [(False, "failed"), (True, "incomplete")])
def test_publisher_that_closes_within_a_message_died(lost, outcome):
    talk = Talk().publish().media(4)
    if lost:
        talk.gap(C2S)
    verdict = judged(talk.end_of(C2S, "fin", 500).end_of(S2C, "fin"))
    assert facts(verdict)[1:3] == ("media", outcome)
    assert ("in the middle of a message" in verdict.text) is not lost
    player = Talk().play().media(4, S2C).end_of(C2S, "fin", 5).end_of(S2C, "fin", 500)
    assert judged(player).outcome == "ok"


def test_server_that_just_closes():
    verdict = judged(Talk().publish().media(5).end("fin", S2C))
    assert facts(verdict)[:3] == ("publish", "media", "failed")
    assert "the server closed the connection without a word" in verdict.text


def test_reset_is_a_failure_for_a_publisher_and_usual_for_a_player():
    assert facts(judged(Talk().publish().media(5).end("rst")))[:3] == ("publish", "media", "failed")
    assert facts(judged(Talk().play().media(5, S2C).end("rst")))[:3] == ("play", "media", "ok")


def test_publisher_that_falls_silent():
    talk = Talk().publish().media(5)
    talk.wait(30)
    verdict = judged(talk.end("capture_end") if talk.message(S2C, 3, bytes(4)) else talk)
    assert facts(verdict)[:3] == ("publish", "media", "failed")
    assert "then nothing for" in verdict.text


@pytest.mark.parametrize(
    "code",
    [
        "NetConnection.Connect.Closed",
        "NetConnection.Connect.AppShutdown",
        "NetConnection.Connect.IdleTimeout",
        "NetStream.Publish.Idle",
        "NetStream.Failed",
    ],
)
def test_server_that_throws_the_client_out(code):
    talk = Talk().publish().media(5)
    last = talk.status(code, "error" if code == "NetStream.Failed" else "status", msid=0)
    verdict = judged(talk.end("fin", S2C))
    assert facts(verdict) == ("publish", "media", "failed", code)
    assert verdict.message == last.number
    assert "ended by the server after 5.0 s of media" in verdict.text


def test_server_that_says_goodbye_after_the_client_does_not_throw_it_out():
    talk = Talk().publish().media(5).goodbye()
    talk.status("NetConnection.Connect.Closed", msid=0)
    assert facts(judged(talk.end(first=S2C))) == ("publish", "teardown", "ok", "NetStream.Publish.Start")


def test_errors_that_end_nothing():
    talk = Talk().play().media(5, S2C)
    talk.command(C2S, "seek", 0, None, 1e9, msid=1)
    talk.status("NetStream.Seek.InvalidTime", "error")
    assert judged(talk).outcome == "ok"
    talk.status("NetStream.Record.Failed", "error")
    assert judged(talk).outcome == "failed"
    assert judged(talk.media(5, S2C, start_ms=5000, headers=False)).outcome == "ok"


def test_reconnect_request_is_no_failure():
    talk = Talk().publish().media(5)
    last = talk.status("NetConnection.Connect.ReconnectRequest", msid=0, tcUrl="rtmp://elsewhere/live")
    verdict = judged(talk.end())
    assert facts(verdict) == ("publish", "media", "ok", "NetConnection.Connect.ReconnectRequest")
    assert verdict.message == last.number


@pytest.mark.parametrize(
    ("again", "closed", "causes"),
    [
        (41, 0, "TCP sent 41 segments again"),
        (1, 1, "TCP sent 1 segment again, the receiver closed its window once"),
        (0, 2, "the receiver closed its window 2 times"),
    ],
)
def test_stalls_are_told_with_what_tcp_says(again, closed, causes):
    talk = Talk().publish().media(3)
    talk.connection.tcp[C2S].retransmissions = again
    talk.connection.tcp[S2C].zero_windows = closed
    talk.wait(4).media(3, start_ms=3000, headers=False)
    verdict = judged(talk.goodbye().end())
    assert verdict.outcome == "ok"
    assert f"it stalled once ({causes})" in verdict.text


# Without streams


def test_shared_object_session():
    talk = Talk()
    talk.connect()
    talk.message(C2S, 19, wire.shared_object("room", 0, 2, wire.so_event(1)))
    talk.message(S2C, 19, wire.shared_object("room", 1, 2, wire.so_event(11), wire.so_event(8)))
    assert facts(judged(talk)) == ("shared_object", "connect", "ok", "NetConnection.Connect.Success")
    status = wire.amf0_key("SharedObject.NoWriteAccess") + wire.amf0_key("error")
    talk.message(S2C, 19, wire.shared_object("room", 0, 2, wire.so_event(7, status)))
    assert facts(judged(talk.end())) == ("shared_object", "connect", "ok", "NetConnection.Connect.Success")
    assert "a request was refused: SharedObject.NoWriteAccess" in judged(talk).text


def test_refused_shared_object():
    talk = Talk()
    talk.connect()
    talk.message(C2S, 19, wire.shared_object("room", 0, 2, wire.so_event(1)))
    status = wire.amf0_key("SharedObject.NoReadAccess") + wire.amf0_key("error")
    talk.message(S2C, 19, wire.shared_object("room", 0, 2, wire.so_event(7, status)))
    assert facts(judged(talk.end())) == ("shared_object", "connect", "failed", "SharedObject.NoReadAccess")


def test_remoting_session():
    talk = Talk()
    talk.connect()
    talk.command(C2S, "getUser", 2, None, "x")
    talk.command(S2C, "_result", 2, None, {"name": "y"})
    assert facts(judged(talk.end()))[:3] == ("remoting", "connect", "ok")


# Captures that began late


@pytest.mark.parametrize(("direction", "role"), [(C2S, "publish"), (S2C, "play")])
def test_media_without_its_beginning(direction, role):
    talk = Talk().media(5, direction)
    assert facts(judged(talk.end("capture_end"))) == (role, "media", "ok", None)


def test_late_start_without_media():
    talk = Talk()
    talk.message(S2C, 3, bytes(4))
    assert facts(judged(talk.end("capture_end"))) == ("unknown", "tcp", "incomplete", None)


def test_verdict_can_be_asked_before_anything_happened():
    assert judged(Talk()).outcome == "incomplete"


# What the server takes back, and what blames nobody


def test_server_that_hangs_up_right_after_granting_refuses():
    verdict = judged(Talk().connect().create().publish().end(first=S2C))
    assert facts(verdict) == ("publish", "publish", "failed", "NetStream.Publish.Start")
    assert "the server closed the connection" in verdict.text
    assert "refusal" in verdict.text
    assert "never sent" not in verdict.text


def test_server_that_hangs_up_within_the_first_second_of_media_refuses():
    talk = Talk().connect().create().publish()
    talk.message(C2S, 9, b"\x27\x01\x00\x00\x00" + bytes(40), msid=1)
    assert "refusal" in judged(talk.end(first=S2C)).text


@pytest.mark.parametrize(("seconds", "outcome"), [(12, "ok"), (0.5, "incomplete")])
def test_player_that_has_the_whole_of_a_file_in_a_moment_was_not_refused(seconds, outcome):
    talk = Talk().media(seconds, S2C, speed=100)
    talk.gap(S2C)
    assert facts(judged(talk.goodbye().end())) == ("play", "teardown", outcome, None)


def test_goodbye_to_a_server_that_has_hung_up_is_none():
    talk = Talk().connect().create().publish().media(4)
    talk.end(first=S2C).goodbye()
    assert facts(judged(talk))[1:3] == ("media", "failed")


def test_goodbye_right_after_a_loss_may_be_for_a_refusal():
    talk = Talk().publish().media(0.5)
    talk.gap(S2C)
    verdict = judged(talk.goodbye().end())
    assert facts(verdict)[1:3] == ("teardown", "incomplete")
    assert "whether it was refused is missing" in verdict.text
    longer = Talk().publish().media(2)
    longer.gap(S2C)
    assert judged(longer.goodbye().end()).outcome == "ok"
    unended = Talk().publish().media(0.5).goodbye()
    unended.end_of(C2S, "fin").end_of(S2C, "capture_end")
    assert judged(unended).outcome == "incomplete"
    assert judged(Talk().publish().media(0.5).goodbye().end()).outcome == "ok"


def test_server_that_takes_its_leave_of_a_player_ends_as_it_should():
    talk = Talk().play().media(4, S2C)
    talk.command(S2C, "deleteStream", 0, None, 0.0)
    assert facts(judged(talk.end(first=S2C)))[1:3] == ("teardown", "ok")
    assert judged(Talk().play().media(4, S2C).end(first=S2C)).outcome == "failed"


def test_server_that_takes_its_leave_of_a_publisher_hangs_up():
    talk = Talk().publish().media(4)
    talk.command(S2C, "deleteStream", 0, None, 0.0)
    assert judged(talk.end(first=S2C)).outcome == "failed"


@pytest.mark.parametrize(("pause", "words"), [(5, "then nothing for 5.0 s until the client left"), (1, "as it should")])
def test_silence_before_a_goodbye_is_told(pause, words):
    verdict = judged(Talk().play().media(4, S2C).wait(pause).goodbye().end())
    assert verdict.outcome == "ok" and words in verdict.text


def test_unpublish_that_the_client_did_not_ask_for():
    talk = Talk().connect().create().publish().media(4)
    talk.status("NetStream.Unpublish.Success")
    assert facts(judged(talk.end(first=S2C))) == ("publish", "media", "failed", "NetStream.Unpublish.Success")


def test_error_code_with_the_level_of_a_success_refuses():
    talk = Talk().connect().create()
    talk.command(C2S, "play", 3, None, KEY, msid=1)
    talk.status("NetStream.Play.StreamNotFound")
    assert facts(judged(talk.end())) == ("play", "play", "failed", "NetStream.Play.StreamNotFound")


def test_sequence_headers_alone_are_no_media():
    talk = Talk().connect().create().publish()
    talk.message(C2S, 8, b"\xaf\x00\x12\x10", msid=1)
    verdict = judged(talk.wait(6).end())
    assert verdict.outcome == "failed"
    assert "only sequence headers" in verdict.text


def test_server_that_ends_a_complete_handshake():
    verdict = judged(Talk().handshake().end(first=S2C))
    assert facts(verdict) == ("unknown", "handshake", "failed", None)


def test_side_that_resets_is_named():
    talk = Talk().connect().create().publish().media(4)
    talk.connection.tcp[S2C].resets = 1
    assert "the server reset the connection" in judged(talk.end("rst")).text


def test_long_silence_before_a_close_is_no_refusal_but_no_answer():
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, CONNECT)
    assert "was not answered by the server; the server closed" in judged(talk.wait(8).end(first=S2C)).text


def test_paused_player_is_not_taken_for_a_hung_server():
    talk = Talk().connect().create().play().media(4, S2C)
    talk.command(C2S, "pause", 0, None, True, 4000.0, msid=1)
    talk.wait(9)
    assert facts(judged(talk.end("capture_end")))[1:3] == ("media", "ok")


def test_receiver_that_does_not_read_is_named():
    talk = Talk().connect().create().publish().media(4)
    talk.connection.tcp[S2C].zero_windows = 3
    talk.wait(4)
    assert "the receiver does not read" in judged(talk.end("capture_end")).text


def test_several_streams_are_counted():
    talk = Talk().connect().create().publish().media(4)
    talk.message(C2S, 9, b"\x27\x01\x00\x00\x00" + bytes(40), msid=2)
    assert "on 2 streams" in judged(talk.goodbye().end()).text


def started(step: str) -> Talk:
    talk = Talk()
    talk.handshake()
    if step == "handshake":
        return talk
    talk = Talk().connect()
    if step != "connect":
        talk.create().publish()
    if step == "media":
        talk.media(4)
    return talk


@pytest.mark.parametrize("step", ["handshake", "connect", "publish", "media"])
@pytest.mark.parametrize("lost", [C2S, S2C])
def test_silence_where_packets_are_missing_is_held_against_nobody(step, lost):
    talk = started(step).wait(6)
    talk.gap(lost)
    assert judged(talk.end("fin", S2C)).outcome == "incomplete"


@pytest.mark.parametrize("step", ["publish", "media"])
def test_silence_until_the_capture_ends_may_be_an_end_that_was_lost_with_packets_of_others(step):
    """A player that leaves resets, and a sniffer that drops packets may drop just that."""
    talk = started(step)
    before = talk.now
    talk.wait(8).end("capture_end")
    assert judged(talk).outcome == "failed"
    talk.connection.missed_ns = before - 1
    assert judged(talk).outcome == "failed"
    talk.connection.missed_ns = before + 2_000_000_000
    assert judged(talk).outcome == "incomplete"
    assert "what came after may be missing" in judged(talk).text


def test_answer_of_a_side_that_was_not_captured_is_not_missed():
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, CONNECT)
    talk.connection.tcp[S2C].packets = 0
    assert judged(talk.wait(8).end()).outcome == "incomplete"


@pytest.mark.parametrize(
    ("first", "words"), [(b"HTTP/1.1 400", "HTTP"), (b"SSH-2.0", "SSH"), (b"\x15\x03\x01", "rtmps://"), (b"+OK", "")]
)
def test_server_that_answers_the_handshake_in_another_language(first, words):
    talk = Talk()
    talk.part("C0", b"\x03")
    talk.part("C1", wire.simple_block())
    talk.part("S0", first[:1])
    verdict = judged(talk.end(first=S2C))
    assert facts(verdict) == ("unknown", "handshake", "not_rtmp", None)
    assert words in verdict.text


def test_tls_client_at_a_port_for_plain_rtmp():
    talk = bare("tls")
    assert "expects rtmp://" in judged(talk.end(first=S2C)).text
    assert "expects rtmp://" not in judged(bare("tls").end("capture_end")).text
    answered = bare("tls")
    answered.connection.tcp[S2C].bytes = 2000
    assert "expects rtmp://" not in judged(answered.end(first=S2C)).text


@pytest.mark.parametrize(
    ("code", "level", "outcome"),
    [("NetStream.Publish.Start", "status", "ok"), ("NetStream.Publish.BadName", "error", "failed")],
)
def test_step_that_comes_to_light_after_its_answer_is_answered(code, level, outcome):
    talk = Talk()
    talk.connect().create().wait(2)
    answer = talk.status(code, level)
    talk.wait(-1).command(C2S, "publish", 5, None, KEY, "live", msid=1)
    verdict = judged(talk.media(2))
    assert (verdict.outcome, verdict.code, verdict.message) == (outcome, code, answer.number)


def test_refusal_without_a_word_says_where_to_look():
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, CONNECT)
    assert "application's name" in judged(talk.end(first=S2C)).text


def test_unpublish_where_packets_are_missing_may_have_been_asked_for():
    talk = Talk().publish().media(4)
    talk.gap(C2S)
    talk.media(4, headers=False, start_ms=4000).status("NetStream.Unpublish.Success")
    assert "by the server" in judged(talk).text
    verdict = judged(talk.end("rst", first=S2C))
    assert (verdict.reached, verdict.outcome) == ("teardown", "incomplete")
    assert "whether the client asked" in verdict.text


@pytest.mark.parametrize(("side", "outcome"), [(C2S, "incomplete"), (S2C, "failed")])
def test_unpublish_to_a_client_that_resets_may_have_been_asked_for(side, outcome):
    """The client had closed; what it said before may have been the last packet that is missing."""
    talk = Talk().publish().media(4)
    talk.status("NetStream.Unpublish.Success")
    talk.connection.tcp[side].resets = 1
    assert judged(talk.end("rst", first=side)).outcome == outcome


def test_rejection_whose_reason_is_missing_may_be_the_first_round_of_authentication():
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, CONNECT)
    info = {"level": "error", "code": "NetConnection.Connect.Rejected", "description": "x" * 40}
    payload = wire.command("_error", 1, None, info)
    cut = payload[: payload.index(b"description")]
    answer = talk.message(S2C, 20, cut, length=len(payload))
    answer.holes = [(len(cut), len(payload) - len(cut))]
    assert judged(talk.end(first=S2C)).outcome == "incomplete"


def test_redirected_client_is_not_refused():
    talk = Talk()
    talk.handshake()
    talk.command(C2S, "connect", 1, CONNECT)
    info = {
        "level": "error",
        "code": "NetConnection.Connect.Rejected",
        "ex": {"code": 302, "redirect": f"rtmp://b/live?{KEY}"},
    }
    talk.command(S2C, "_error", 1, None, info)
    verdict = judged(talk.end(first=S2C))
    assert facts(verdict)[1:] == ("connect", "incomplete", "NetConnection.Connect.Rejected")
    assert "another address" in verdict.text


@pytest.mark.parametrize(("seconds", "told"), [(4, True), (1, False)])
def test_picture_that_never_comes_is_told(seconds, told):
    """As to players that join between key frames a long way apart."""
    talk = Talk().play()
    talk.message(S2C, 9, AVC_HEADER, 1, 0, 6)
    talk.message(S2C, 8, AAC_HEADER, 1, 0, 4)
    for ms in range(0, seconds * 1000, 40):
        talk.wait(0.04).message(S2C, 8, AAC_FRAME, 1, ms, 4)
    verdict = judged(talk.goodbye().end())
    assert verdict.outcome == "ok"
    assert ("of h264 video only the sequence header came, and no frame" in verdict.text) is told
    assert "only the sequence header" not in judged(Talk().play().media(4, S2C).goodbye().end()).text


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Talk.handshake, "The handshake is complete"),
        (Talk.connect, "The client is connected"),
        (lambda talk: talk.connect().create(), "A stream is created"),
    ],
)
def test_client_that_may_go_on_is_not_said_to_want_nothing(step, words):
    talk = Talk()
    step(talk)
    verdict = judged(talk.end("capture_end"))
    assert (verdict.role == "probe", verdict.outcome) == (False, "incomplete")
    assert verdict.text == f"{words}; the capture ends at once."
    waiting = Talk()
    step(waiting)
    assert words not in judged(waiting.wait(6).end("capture_end")).text


def test_client_of_which_packets_are_missing_is_no_probe():
    talk = Talk().connect(type="nonprivate")
    talk.gap(C2S)
    assert facts(judged(talk.end()))[:3] == ("publish", "connect", "incomplete")


def test_server_that_takes_its_leave_before_the_play_comes_to_light():
    talk = Talk().connect().create().wait(2)
    talk.status("NetStream.Play.Start")
    talk.media(4, S2C).command(S2C, "deleteStream", 0, None, 0.0)
    talk.wait(-6).command(C2S, "play", 5, None, KEY, msid=1)
    assert facts(judged(talk.wait(6).end(first=S2C)))[:3] == ("play", "teardown", "ok")


def one_sided(talk: Talk, side: int) -> Talk:
    talk.connection.tcp[1 - side].packets = 0
    return talk


def test_goodbye_of_which_one_side_was_captured_may_have_had_a_reason():
    verdict = judged(one_sided(Talk().publish().media(4).goodbye(), C2S).end())
    assert facts(verdict)[:3] == ("publish", "teardown", "incomplete")
    assert "then the client left; only the client's side was captured" in verdict.text
    assert judged(Talk().publish().media(4).goodbye().end()).outcome == "ok"


def test_stream_that_the_server_ends_is_not_called_well_by_its_side_alone():
    talk = Talk().media(4, S2C)
    talk.status("NetStream.Play.UnpublishNotify")
    verdict = judged(one_sided(talk, S2C).end())
    assert facts(verdict)[:3] == ("play", "teardown", "incomplete")
    assert "the server said it was over; only the server's side" in verdict.text


def test_goodbye_after_a_long_silence_or_a_move_of_one_side_is_undecided():
    silent = Talk().publish().media(4).wait(5).goodbye()
    assert judged(one_sided(silent, C2S).end()).outcome == "incomplete"
    moved = Talk().media(4, S2C)
    moved.status("NetConnection.Connect.ReconnectRequest")
    assert judged(one_sided(moved, S2C).end()).outcome == "incomplete"


@pytest.mark.parametrize(("seconds", "outcome"), [(0.5, "incomplete"), (2, "ok")])
def test_short_media_whose_publish_is_missing_may_have_been_refused(seconds, outcome):
    talk = Talk().connect().create()
    talk.gap(C2S)
    verdict = judged(talk.media(seconds).goodbye().end())
    assert facts(verdict)[:3] == ("publish", "teardown", outcome)


@pytest.mark.parametrize(
    ("code", "role"), [("NetStream.publish.Unauthorized", "publish"), ("NetStream.Play.StreamNotFound", "play")]
)
def test_refusal_of_what_was_not_seen_may_as_well_be_a_dismissal(code, role):
    talk = Talk().connect().create()
    talk.gap(C2S)
    refusal = talk.status(code, "error")
    verdict = judged(talk.end(first=S2C))
    assert facts(verdict) == (role, role, "failed", code)
    assert verdict.message == refusal.number
    assert f"{role.capitalize()} was refused or ended by the server: {code}" in verdict.text


def test_grant_of_what_was_not_seen_tells_the_role():
    talk = Talk()
    talk.gap(C2S)
    granted = talk.status("NetStream.Publish.Start")
    verdict = judged(one_sided(talk, S2C).end())
    assert facts(verdict) == ("publish", "publish", "incomplete", "NetStream.Publish.Start")
    assert verdict.message == granted.number


def test_answer_to_a_connect_that_was_not_seen_is_known_by_its_code():
    for name, word, outcome in (("_result", "Success", "incomplete"), ("_error", "Rejected", "failed")):
        code = f"NetConnection.Connect.{word}"
        talk = Talk()
        talk.command(S2C, name, 1, None, {"code": code})
        assert facts(judged(one_sided(talk, S2C).end(first=S2C)))[1:] == ("connect", outcome, code)


def test_one_side_without_media_is_not_said_to_lack_its_beginning():
    talk = Talk()
    talk.handshake()
    talk.control(S2C, 5, 5_000_000)
    verdict = judged(one_sided(talk, S2C).end())
    assert (verdict.reached, verdict.outcome) == ("handshake", "incomplete")
    assert "without its beginning" not in verdict.text and "only the server's side" in verdict.text
    late = Talk()
    late.control(S2C, 5, 5_000_000)
    assert "without its beginning" in judged(late.end()).text


def test_media_without_a_sequence_header_is_told():
    talk = Talk().play().media(4, S2C, headers=False)
    assert "no sequence header came for h264, players cannot decode it" in judged(talk.goodbye().end()).text
    assert "sequence header" not in judged(Talk().play().media(4, S2C).goodbye().end()).text
    lost = Talk().play()
    lost.gap(S2C)
    assert "sequence header" not in judged(lost.media(4, S2C, headers=False).goodbye().end()).text


def test_refused_change_of_a_shared_object_whose_beginning_is_missing_is_no_failure():
    talk = Talk()
    talk.connect()
    talk.gap(S2C)
    status = wire.amf0_key("SharedObject.NoWriteAccess") + wire.amf0_key("error")
    talk.message(S2C, 19, wire.shared_object("room", 0, 2, wire.so_event(7, status)))
    assert judged(talk.end()).outcome != "failed"


@pytest.mark.parametrize(("packets", "outcome"), [(0, "incomplete"), (10, "ok")])
def test_media_that_flow_at_the_end_of_a_capture_of_one_side_are_not_called_well(packets, outcome):
    talk = Talk().publish().media(5)
    talk.connection.tcp[S2C].packets = packets
    verdict = judged(talk.end("capture_end"))
    assert (verdict.outcome, "still flowing" in verdict.text) == (outcome, True)
