"""Windows, acknowledgements in every dialect, pauses and pings."""

import pytest

from rtmpscope.analysis.flow_control import FlowControl
from rtmpscope.model import C2S, S2C, Severity
from tests import wire
from tests.talk import Talk

WINDOW = 100_000


def flow(talk: Talk) -> FlowControl:
    found = talk.connection.analysis["flow_control"]
    assert isinstance(found, FlowControl)
    return found


def sending(window: int = WINDOW) -> Talk:
    """A client that wants an acknowledgement every `window` bytes, after the handshake."""
    talk = Talk()
    talk.handshake()
    talk.control(S2C, 5, 5_000_000)
    talk.control(C2S, 5, window)
    return talk


def send(talk: Talk, count: int, *, acked: bool = True) -> Talk:
    """Bytes upwards, acknowledged in total."""
    for _ in range(count // 1000):
        talk.message(C2S, 9, b"\x27" + bytes(999 - 12), 1)
    if acked:
        talk.control(S2C, 3, talk.sent[C2S])
    return talk


def said(talk: Talk) -> list[tuple[str, Severity]]:
    ours = ("ack-", "ping-", "waited-")
    return [(note.code, note.severity) for note in talk.notes if note.code.startswith(ours)]


def test_ledger_counts_what_was_sent_and_acknowledged():
    talk = send(send(sending(), 60_000), 50_000, acked=False)
    ledger = flow(talk).ledgers[C2S]
    assert ledger.window == WINDOW
    assert ledger.acks == 1
    assert ledger.dialect == ""
    assert abs(ledger.unacked - 50_000) < 100
    assert abs(ledger.most_unacked - 63_000) < 1000
    assert said(talk) == []


def test_peer_bandwidth_is_booked_to_the_side_it_limits():
    talk = Talk()
    talk.message(S2C, 6, wire.set_peer_bandwidth(2_500_000, 2))
    assert (flow(talk).ledgers[C2S].limit, flow(talk).ledgers[C2S].limit_type) == (2_500_000, 2)
    assert flow(talk).ledgers[S2C].limit == 0


@pytest.mark.parametrize("handshake_bytes", [0, 3073])
def test_totals_with_and_without_the_handshake_are_both_fine(handshake_bytes):
    talk = sending()
    for _ in range(5):
        send(talk, 60_000, acked=False)
        talk.control(S2C, 3, talk.sent[C2S] - handshake_bytes)
    assert flow(talk).ledgers[C2S].dialect == "total"
    assert flow(talk).ledgers[C2S].unacked < 4000
    assert said(talk) == []


def test_silence_beyond_two_windows_is_a_warning_until_the_next_acknowledgement():
    talk = sending()
    for count in (1, 2):
        send(talk, 230_000, acked=False).wait(3.1)
        send(talk, 1_000, acked=False)
        assert said(talk) == [("ack-missing", Severity.WARNING)] * count
        send(talk, 10_000)


def test_handshake_beyond_small_windows_is_no_silence_of_a_peer_that_does_not_count_it():
    talk = Talk().connect()
    talk.control(C2S, 5, 1_000)
    assert 2 * 1_000 < talk.sent[C2S] < 2 * 1_000 + 3073
    for _ in range(3):
        talk.wait(5).message(C2S, 9, b"\x27" + bytes(50), 1)
    assert said(talk) == []


def test_burst_beyond_two_windows_is_no_silence():
    talk = send(sending(), 500_000, acked=False)
    talk.control(S2C, 3, talk.sent[C2S])
    send(talk.wait(2), 10_000)
    assert said(talk) == []


def test_silence_is_no_matter_where_no_window_was_announced():
    talk = Talk()
    talk.handshake()
    assert said(send(send(talk, 300_000, acked=False).wait(2), 1_000, acked=False)) == []


def test_silence_is_not_held_against_what_was_not_captured():
    one_sided = Talk()
    one_sided.part("C0", b"\x03")
    one_sided.control(C2S, 5, WINDOW)
    assert said(send(send(one_sided, 300_000, acked=False).wait(2), 1_000, acked=False)) == []
    holed = sending()
    holed.gap(S2C)
    assert said(send(send(holed, 300_000, acked=False).wait(2), 1_000, acked=False)) == []


def test_sawtooth_of_livego_is_recognised():
    talk = sending()
    for count in (60_000, 70_000, 60_000, 65_000):
        send(talk, count, acked=False)
        talk.control(S2C, 3, count)
    assert said(talk) == [("ack-sawtooth", Severity.NOTE)]
    ledger = flow(talk).ledgers[C2S]
    assert ledger.dialect == "sawtooth"
    assert ledger.unacked < 20_000


@pytest.mark.parametrize("last", [0xF0000010, 0xFFFFFFF0, 0x7FFFFFF0])
def test_counters_that_begin_again_where_counters_do(last):
    talk = send(sending(), 60_000)
    ledger = flow(talk).ledgers[C2S]
    ledger.ack_value = ledger.acked = ledger.sent = talk.sent[C2S] = last
    talk.control(S2C, 3, 40_000)
    assert said(talk) == [("ack-restarted", Severity.CHAT)]
    assert ledger.restarts == 1


def test_more_acknowledged_than_sent():
    talk = send(sending(), 60_000, acked=False)
    talk.control(S2C, 3, 500_000)
    assert said(talk) == [("ack-beyond-sent", Severity.NOTE)]


def test_capture_that_began_late_takes_the_counters_as_they_come():
    talk = Talk()
    talk.control(C2S, 5, WINDOW)
    send(talk, 60_000, acked=False)
    talk.control(S2C, 3, 700_000_000)
    send(talk, 60_000, acked=False)
    talk.control(S2C, 3, 700_060_000)
    assert said(talk) == []
    assert flow(talk).ledgers[C2S].unacked < 1000


def test_sender_that_waits_for_an_acknowledgement():
    talk = send(sending(), 110_000, acked=False)
    talk.wait(2).control(S2C, 3, talk.sent[C2S])
    resumed = talk.message(C2S, 9, bytes(100), 1)
    assert [note.code for note in resumed.notes] == ["waited-for-ack"]
    assert "2.0 s" in resumed.notes[0].text
    ledger = flow(talk).ledgers[C2S]
    assert (ledger.waits, round(ledger.waited_ns / 1e9)) == (1, 2)


def test_sender_that_pauses_for_its_own_reasons():
    talk = send(sending(), 50_000, acked=False)
    talk.wait(2).control(S2C, 3, talk.sent[C2S])
    talk.message(C2S, 9, bytes(100), 1)
    blocked = send(talk, 110_000, acked=False)
    blocked.wait(2).control(S2C, 3, talk.sent[C2S])
    blocked.wait(5).message(C2S, 9, bytes(100), 1)
    assert said(talk) == []


def ping(talk: Talk, stamp: int) -> None:
    talk.message(S2C, 4, wire.user_control(6, stamp), csid=2)


def pong(talk: Talk, stamp: int) -> None:
    talk.message(C2S, 4, wire.user_control(7, stamp), csid=2)


def test_ping_round_trips():
    talk = sending()
    for off in (0, 1):  # FFmpeg answers with one more
        ping(talk, 1000)
        talk.wait(0.02)
        pong(talk, 1000 + off)
    spread = flow(talk).pings
    assert spread.count == 2
    assert 0.02e9 <= spread.mean < 0.03e9


def test_ping_without_an_answer_is_a_warning_after_half_a_minute():
    talk = sending()
    ping(talk, 1)
    talk.wait(20).message(C2S, 9, bytes(10), 1)
    assert said(talk) == []
    talk.wait(11).message(C2S, 9, bytes(10), 1)
    assert said(talk) == [("ping-unanswered", Severity.WARNING)]
    assert flow(talk).pings_unanswered == 1


def test_ping_without_an_answer_at_the_end():
    talk = sending()
    ping(talk, 1)
    talk.end("capture_end")
    assert said(talk) == []
    talk = sending()
    ping(talk, 1)
    talk.wait(40)._tick()
    talk.now += 1
    assert said(talk.end()) == [("ping-unanswered", Severity.WARNING)]


def test_ping_that_comes_to_light_after_its_answer_is_answered():
    talk = sending()
    pong(talk.wait(2), 1)
    ping(talk.wait(-1), 1)
    talk.wait(40).message(C2S, 3, bytes(4))
    assert said(talk) == []
    ping(talk, 1)
    assert said(talk.wait(40).end()) == [("ping-unanswered", Severity.WARNING)]


def test_acknowledgement_while_data_waits_behind_a_hole_is_not_beyond_what_was_sent():
    talk = send(sending(), 10_000)
    talk.wait(1).control(S2C, 3, 900_000)
    assert said(talk) == []


def test_flood_of_pings_is_bounded():
    talk = sending()
    for stamp in range(200):
        ping(talk, stamp)
    assert len(flow(talk)._pending) == 64
