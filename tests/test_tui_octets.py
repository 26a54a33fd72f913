"""The bytes of an event: by place, with holes and with masked parts."""

from __future__ import annotations

from rtmpscope.model import C2S, Message
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.rtmp import messages
from rtmpscope.tui.octets import HIDDEN, MISSING, SHOWN, Octets, octets
from rtmpscope.tui.sight import Body
from tests import wire
from tests.fake_store import message


def states(found: Octets) -> str:
    return "".join({SHOWN: "s", MISSING: "m", HIDDEN: "h"}[found.state(place)] for place in range(found.length))


def masked(made: Message, mask: Redactor) -> Octets:
    real = messages.decode(made.type_id, made.prefix, made.length)
    shown = mask.body(made, real)
    return octets(made, Body(shown, [], mask.hidden(made, real, shown)))


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
    found = masked(made, Redactor(style=DOTS))
    at = payload.index(b"s3cretkey99")
    assert all(found.state(place) == HIDDEN for place in range(at, at + 11))
    assert found.state(0) == SHOWN and found.state(len(payload) - 1) == SHOWN
    assert "33 63" not in found.hex((0, len(payload)))


def test_a_known_key_is_masked_in_bytes_that_nobody_decodes() -> None:
    mask = Redactor(style=DOTS)
    mask.secret("s3cretkey99")
    made = message(4, C2S, 9, b"\x27\1\0\0\0" + b"s3cretkey99" + b"rest")
    assert states(masked(made, mask)) == "s" * 5 + "h" * 11 + "s" * 4


def test_what_is_behind_a_hole_of_a_command_is_masked_in_its_place() -> None:
    payload = wire.command("publish", 5, None, "s3cretkey99", "live")
    made = message(4, C2S, wire.COMMAND_AMF0, payload[:8] + payload[12:])
    made.length, made.captured, made.holes = len(payload), len(payload) - 4, [(8, 4)]
    assert states(masked(made, Redactor(style=DOTS)))[8:] == "mmmm" + "h" * (len(payload) - 12)


def test_nothing_is_masked_where_nothing_is_secret() -> None:
    made = message(4, C2S, 3, bytes(4))
    assert states(masked(made, Redactor(style=DOTS))) == "ssss"
