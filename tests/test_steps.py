"""What is remembered of a session while it passes, as far as no verdict shows it."""

import pytest

from rtmpscope.analysis.session import Session
from rtmpscope.limits import ANSWERS_REMEMBERED
from rtmpscope.model import C2S, S2C
from tests.talk import CONNECT, Talk


def steps(talk: Talk) -> Session:
    found = talk.connection.analysis["session"]
    assert isinstance(found, Session)
    return found


@pytest.mark.parametrize(
    ("app", "told"), [("live", "live"), ("live/x?token=s3cr3t", "live"), ("a b", ""), ("x" * 25, ""), (None, "")]
)
def test_application_is_remembered_as_far_as_it_is_no_secret(app, told):
    talk = Talk()
    talk.command(C2S, "connect", 1, {**CONNECT, "app": app})
    assert steps(talk).app == told


def test_answers_without_requests_are_remembered_in_bounds():
    talk = Talk()
    talk.connect()
    for _ in range(3 * ANSWERS_REMEMBERED):
        talk.status("NetStream.Play.Reset")
    assert len(steps(talk)._unasked) == ANSWERS_REMEMBERED


def test_side_that_ended_first_is_known_though_its_end_came_to_light_last():
    talk = Talk()
    talk.publish().media(1).wait(2).end(first=C2S)
    talk.events.clear()
    talk.wait(-1).end(first=S2C)
    assert steps(talk)._who() == S2C


def test_play_that_comes_to_light_late_does_not_undo_the_end_that_the_server_told():
    talk = Talk()
    talk.connect().create().wait(2)
    talk.status("NetStream.Play.Stop")
    talk.wait(-1).command(C2S, "play", 5, None, "x", msid=1)
    assert steps(talk)._finished is not None
    talk.wait(5).command(C2S, "play", 6, None, "x", msid=1)
    assert steps(talk)._finished is None


def test_goodbye_before_another_publish_is_none():
    talk = Talk().publish().media(1).goodbye()
    assert steps(talk)._goodbye_ns > 0
    talk.command(C2S, "publish", 9, None, "x", "live", msid=1)
    assert steps(talk)._goodbye_ns < 0


def test_goodbye_of_the_server_is_not_the_clients():
    talk = Talk().publish().media(1)
    talk.command(S2C, "close", 0, None)
    assert steps(talk)._goodbye_ns < 0
