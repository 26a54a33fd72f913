"""The bytes of an event: by place, with holes and with masked parts."""

from __future__ import annotations

from rtmpscope.model import C2S, Field
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.rtmp import messages
from rtmpscope.tui.octets import HIDDEN, MISSING, SHOWN, Octets, differences, octets
from rtmpscope.tui.sight import Body
from tests import wire
from tests.fake_store import message


def states(found: Octets) -> str:
    return "".join({SHOWN: "s", MISSING: "m", HIDDEN: "h"}[found.state(place)] for place in range(found.length))


def test_bytes_behind_a_hole_stand_where_they_belong() -> None:
    found = Octets(b"abcdef", 10, [(2, 3)])
    assert states(found) == "ssmmmssssm"
    assert bytes(found.data)[5:9] == b"cdef"
    assert found.hex((0, 10)) == "61 62 -- -- -- 63 64 65 66 --"


def test_two_holes_and_a_cut_end() -> None:
    found = Octets(b"abcd", 9, [(1, 2), (4, 2)])
    assert states(found) == "smmsmmssm"


def test_a_masked_key_is_masked_in_the_bytes_too_and_nothing_else_is() -> None:
    payload = wire.command("publish", 5, None, "s3cretkey99", "live")
    made = message(4, C2S, wire.COMMAND_AMF0, payload)
    real = messages.decode(made.type_id, payload, len(payload))
    found = octets(made, Body(real, Redactor(style=DOTS).body(made, real)))
    at = payload.index(b"s3cretkey99")
    assert all(found.state(place) == HIDDEN for place in range(at, at + 11))
    assert found.state(0) == SHOWN and found.state(len(payload) - 1) == SHOWN
    assert "33 63" not in found.hex((0, len(payload)))


def test_a_body_that_is_not_masked_has_no_differences() -> None:
    body = Field("data", None, 0, 9, children=[Field("x", 1, 2, 3)])
    assert list(differences(body, body)) == []
    changed = Field("data", None, 0, 9, children=[Field("x", 2, 2, 3)])
    assert list(differences(body, changed)) == [(2, 3)]
