"""The annotators together: nothing that the wire holds makes one of them raise, and memory stays small."""

import random

import pytest

from rtmpscope.model import C2S, S2C
from tests import wire
from tests.talk import AAC_HEADER, AVC_HEADER, CONNECT, KEY_FRAME, SUCCESS, Talk

BODIES = [
    (20, wire.command("connect", 1, CONNECT)),
    (20, wire.command("_result", 1, {"fmsVer": 3.0, "capabilities": "x"}, SUCCESS)),
    (20, wire.command("_error", 1, None, {"code": 5.0, "description": None, "level": {}})),
    (20, wire.command("onStatus", 0, None, {"code": "NetStream.Play.Start", "level": "status"})),
    (20, wire.command("publish", 5, None, "x", "live")),
    (17, b"\x00" + wire.command("play", 5, None, "x")),
    (18, wire.amf0("@setDataFrame", "onMetaData", wire.Ecma({"width": "x", "framerate": -1.0, "videocodecid": 1e300}))),
    (18, wire.amf0("onMetaData", wire.Ecma({"audiocodecid": float("nan"), "framerate": float("inf")}))),
    (19, wire.shared_object("room", 0, 2, wire.so_event(7, wire.amf0_key("a") + wire.amf0_key("error")))),
    (4, wire.user_control(6, 1)),
    (4, wire.user_control(7, 2**32 - 1)),
    (3, wire.u32(2**32 - 1)),
    (5, wire.u32(0)),
    (6, wire.set_peer_bandwidth(1, 9)),
    (1, wire.u32(2**31)),
    (8, AAC_HEADER),
    (9, AVC_HEADER),
    (9, KEY_FRAME),
    (9, b"\x96\x13avc1" + bytes([1]) + wire.u24(20) + bytes(20)),
    (22, b""),
]


@pytest.mark.parametrize("seed", range(20))
def test_anything_in_any_order_is_survived(seed):
    chance = random.Random(seed)
    talk = Talk()
    for _ in range(300):
        type_id, body = chance.choice(BODIES)
        if chance.random() < 0.3:
            body = body[: chance.randrange(len(body) + 1)]
        if body and chance.random() < 0.3:
            at = chance.randrange(len(body))
            body = body[:at] + chance.randbytes(1) + body[at + 1 :]
        msid, timestamp = chance.choice([0, 1, 1, 2, -1]), chance.choice([-1, 0, 40, 2**24, 2**31, 2**32 - 1])
        talk.message(
            chance.choice([C2S, S2C]), type_id, body, msid, timestamp, length=len(body) + chance.choice([0, 0, 9])
        )
        talk.wait(chance.choice([0, 0.04, 40]))
        if chance.random() < 0.05:
            talk.gap(chance.choice([C2S, S2C]))
        if chance.random() < 0.05:
            talk.part(
                chance.choice(["C0", "S0", "C1", "S1", "C2", "S2"]), chance.randbytes(chance.choice([0, 1, 1536]))
            )
        assert talk.verdict().text.endswith(".")
    talk.end(chance.choice(["fin", "rst", "idle", "capture_end"]))
    for stream in talk.connection.analysis["media_timeline"].streams:
        for track in stream.tracks:
            assert track.bitrate >= 0
            assert track.frame_rate >= 0
        stream.drift()
    assert talk.verdict().text.endswith(".")
