"""Sessions that no client sends today, as captures with the messages that went into them.

Each function of SESSIONS makes one: AMF3 in every message type that may carry it, aggregates, all user control
events, aborts, chunk sizes that change inside a message, interleaving, long csids, extended timestamps in all
dialects.  AMF3 is encoded by Py3AMF.  The messages are listed as a reader of the specification understands them,
in the order in which they are complete on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from itertools import zip_longest
from typing import NamedTuple

import pyamf
from pyamf import amf3, flex
from pyamf.flex import messaging

from rtmpscope.model import C2S, S2C, Packet
from tests import wire
from tests.wire import (
    ABORT,
    ACKNOWLEDGEMENT,
    AGGREGATE,
    AUDIO,
    COMMAND_AMF0,
    COMMAND_AMF3,
    DATA_AMF0,
    DATA_AMF3,
    SET_CHUNK_SIZE,
    SET_PEER_BANDWIDTH,
    SHARED_OBJECT_AMF3,
    USER_CONTROL,
    VIDEO,
    WINDOW_ACK_SIZE,
    ChunkWriter,
    Frame,
    Tcp,
    amf0,
    command,
    u16,
    u32,
)


class Sent(NamedTuple):
    """One message; `part` is True for a part of the aggregate before it."""

    direction: int
    type_id: int
    timestamp: int
    msid: int
    payload: bytes
    part: bool = False


class Session(NamedTuple):
    """A capture; `aborted` are messages given up by an Abort, with the payload that had been sent."""

    frames: list[Frame]
    messages: list[Sent]
    aborted: list[Sent]

    def packets(self) -> list[Packet]:
        return wire.packets(self.frames)

    def pcap(self) -> bytes:
        return wire.pcap(self.frames)


class Sender:
    """Both ends of a session; keeps what it sends."""

    def __init__(
        self,
        *,
        digest_at: int | None = None,
        extended_delta: str = "delta",
        repeat: str = "same",
        csid_size: int = 0,
        mss: int = 536,
    ) -> None:
        writer = partial(ChunkWriter, extended_delta=extended_delta, repeat=repeat, csid_size=csid_size)
        self.writers = writer(), writer()
        self.messages: list[Sent] = []
        self.aborted: list[Sent] = []
        self.tcp = Tcp(mss=mss).open()
        self._direction = C2S
        self._pending = b""
        c2s, s2c = wire.handshake(digest_at)
        self._put(C2S, c2s[:1537])
        self._put(S2C, s2c)
        self._put(C2S, c2s[1537:])

    def _put(self, direction: int, data: bytes) -> None:
        """Bytes of one direction share packets until the other one speaks."""
        if direction != self._direction:
            self._flush()
            self._direction = direction
        self._pending += data

    def _flush(self) -> None:
        self.tcp.send(self._direction, self._pending)
        self._pending = b""

    def chunks(
        self,
        direction: int,
        csid: int,
        type_id: int,
        payload: bytes,
        timestamp: int = 0,
        msid: int = 0,
        fmt: int | None = None,
    ) -> Iterator[None]:
        """Send a message, one chunk for each step."""
        writer = self.writers[direction]
        left = len(payload)
        for data in writer.chunks(csid, type_id, payload, timestamp, msid, fmt):
            self._put(direction, data)
            left -= writer.chunk_size
            if left <= 0:
                self.messages.append(Sent(direction, type_id, timestamp, msid, payload))
            yield

    def message(
        self,
        direction: int,
        csid: int,
        type_id: int,
        payload: bytes,
        timestamp: int = 0,
        msid: int = 0,
        fmt: int | None = None,
    ) -> None:
        for _ in self.chunks(direction, csid, type_id, payload, timestamp, msid, fmt):
            pass

    def control(self, direction: int, type_id: int, payload: bytes) -> None:
        self.message(direction, 2, type_id, payload)

    def set_chunk_size(self, direction: int, size: int) -> None:
        self.control(direction, SET_CHUNK_SIZE, u32(size))
        self.writers[direction].chunk_size = size

    def start(self, name: str = "publish") -> Sender:
        """connect, createStream, publish or play, with the answers, all in AMF0."""
        self.message(C2S, 3, COMMAND_AMF0, command("connect", 1, {"app": "live", "tcUrl": "rtmp://10.0.0.2/live"}))
        self.control(S2C, WINDOW_ACK_SIZE, u32(5_000_000))
        self.control(S2C, SET_PEER_BANDWIDTH, wire.set_peer_bandwidth(5_000_000, 2))
        connected = {"level": "status", "code": "NetConnection.Connect.Success"}
        self.message(S2C, 3, COMMAND_AMF0, command("_result", 1, {"fmsVer": "FMS/3,5,7,7009"}, connected))
        self.message(C2S, 3, COMMAND_AMF0, command("createStream", 2, None))
        self.message(S2C, 3, COMMAND_AMF0, command("_result", 2, None, 1))
        self.message(C2S, 8, COMMAND_AMF0, command(name, 3, None, "camera"), msid=1)
        started = {"level": "status", "code": f"NetStream.{name.title()}.Start"}
        self.message(S2C, 5, COMMAND_AMF0, command("onStatus", 0, None, started), msid=1)
        return self

    def finish(self) -> Session:
        self._flush()
        return Session(self.tcp.close().frames, self.messages, self.aborted)


AAC = b"\xaf\x01"
KEY_FRAME, INTER_FRAME = b"\x17\x01\x00\x00\x00", b"\x27\x01\x00\x00\x00"


def media(head: bytes, size: int) -> bytes:
    """A media payload of so many bytes, the same each time."""
    return head + wire.filler(size - len(head), size)


# --- AMF3 ------------------------------------------------------------------------------------------------


class Point:
    """An object with sealed members."""

    class __amf__:
        static = ("x", "y")
        dynamic = False

    def __init__(self, x: object, y: object) -> None:
        self.x = x
        self.y = y


pyamf.register_class(Point, "exotic.Point")


def amf3_values(*values: object) -> list[bytes]:
    """AMF0 values that switch to AMF3, all with the same reference tables, as one message has them."""
    encoder = pyamf.get_encoder(pyamf.AMF3)
    encoded = []
    for value in values:
        before = len(encoder.stream.getvalue())
        encoder.writeElement(value)
        encoded.append(b"\x11" + encoder.stream.getvalue()[before:])
    return encoded


def amf3_commands() -> Session:
    """Commands and data in AMF3 types: a type 17 connect, metadata in type 15, remoting with Flex messages."""
    sender = Sender(digest_at=772)
    ask = partial(sender.message, C2S, 3, COMMAND_AMF3)
    answer = partial(sender.message, S2C, 3, COMMAND_AMF3)
    (properties,) = amf3_values({"app": "live", "objectEncoding": 3})
    ask(b"\x00" + command("connect", 1, properties))
    server, information = amf3_values(
        {"fmsVer": "FMS/4,5,0,297", "capabilities": 255},
        {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "objectEncoding": 3,
            "data": pyamf.MixedArray(a=1),
        },
    )
    answer(b"\x00" + command("_result", 1, server, information))
    ask(b"\x00" + command("createStream", 2, *amf3_values(None)))
    answer(b"\x00" + command("_result", 2, *amf3_values(None, 1)))
    sender.message(C2S, 8, COMMAND_AMF3, b"\x00" + command("publish", 3, None, "camera", "live"), msid=1)
    (status,) = amf3_values({"level": "status", "code": "NetStream.Publish.Start"})
    sender.message(S2C, 5, COMMAND_AMF3, b"\x00" + command("onStatus", 0, None, status), msid=1)

    (metadata,) = amf3_values({"width": 1280, "height": 720.5, "stereo": True, "encoder": "exotic"})
    sender.message(C2S, 4, DATA_AMF3, b"\x00" + amf0("@setDataFrame", "onMetaData", metadata), 0, 1)
    cue = {"name": "cue", "at": datetime(2024, 2, 29, 12), "points": [Point(1, -1), Point(2.5, None)]}
    cue["again"] = cue["points"]
    sender.message(C2S, 4, DATA_AMF3, b"\x00" + amf0("onCuePoint", *amf3_values(cue)), 40, 1)
    sender.message(C2S, 4, DATA_AMF3, amf0("onTextData", {"text": "no selector"}), 80, 1)

    request = messaging.CommandMessageExt(operation=5, correlationId="1-2-3", body=[flex.ArrayCollection([1, "two"])])
    ask(b"\x00" + amf0(None, 4, None, *amf3_values(request)))
    reply = messaging.AcknowledgeMessageExt(correlationId="1-2-3", body=flex.ObjectProxy({"ok": True}))
    answer(b"\x00" + command("_result", 4, None, *amf3_values(reply)))
    octets = amf3.ByteArray(bytes(range(200)))
    ask(b"\x00" + command("store", 5, None, *amf3_values(octets, [octets, octets], "after")))
    answer(b"\x00" + command("_error", 5, None, b"\x11\x0d\x05\x00\xff\xff\xff\xff\x00\x00\x00\x01", "vector before"))
    return sender.finish()


def amf3_shared_objects() -> Session:
    """A shared object in type 16, from Use to Release."""
    sender = Sender(digest_at=8).start("play")
    seven, texts, point = amf3_values(7, ["a", "b", "a"], Point("a", "b"))

    def share(direction: int, version: int, *events: bytes) -> None:
        sender.message(direction, 3, SHARED_OBJECT_AMF3, b"\x00" + wire.shared_object("room", version, 2, *events))

    def slot(key: str, value: bytes = b"") -> bytes:
        return wire.amf0_key(key) + value

    share(C2S, 0, wire.so_event(1))
    share(S2C, 1, wire.so_event(11), wire.so_event(8), wire.so_event(4, slot("count", seven)))
    share(C2S, 1, wire.so_event(3, slot("texts", texts) + slot("point", point)))
    share(S2C, 2, wire.so_event(5, slot("texts") + slot("point")))
    share(C2S, 2, wire.so_event(6, amf0("hello", 1.0) + seven))
    share(S2C, 2, wire.so_event(6, amf0("hello", 1.0) + seven), wire.so_event(9, slot("count")))
    share(S2C, 2, wire.so_event(7, wire.amf0_key("SharedObject.NoWriteAccess") + wire.amf0_key("error")))
    share(C2S, 2, wire.so_event(10, slot("texts")), wire.so_event(2))
    return sender.finish()


# --- aggregates, user control, abort ---------------------------------------------------------------------


def aggregates() -> Session:
    """FLV tags in type 22, rebased to the time of the message, wrapping, with odd back pointers or none."""
    sender = Sender().start("play")

    def aggregate(timestamp: int, parts: list[tuple[int, int, bytes]], body: bytes) -> None:
        sender.message(S2C, 6, AGGREGATE, body, timestamp, 1)
        for type_id, time, payload in parts:
            rebased = (timestamp + time - parts[0][1]) % 2**32
            sender.messages.append(Sent(S2C, type_id, rebased, 1, payload, part=True))

    worked = [(AUDIO, 1000, AAC + b"\x21\x10"), (VIDEO, 1010, INTER_FRAME), (AUDIO, 1023, AAC + b"\x21\x11")]
    aggregate(5000, worked, wire.aggregate(*worked))
    far = [(VIDEO, 0x0100_0000, media(KEY_FRAME, 700)), (DATA_AMF0, 0x0100_0005, amf0("onCuePoint", {"name": "x"}))]
    aggregate(2**32 - 3, far, wire.aggregate(*far))
    loose = [(AUDIO, 40, AAC + b"a"), (AUDIO, 20, AAC + b"b")]
    tags = [wire.flv_tag(type_id, time, payload, len(payload)) for type_id, time, payload in loose]
    aggregate(100, loose, b"".join(tags)[:-4])
    return sender.finish()


def user_control() -> Session:
    """Every event there is a name for, and some there is none for."""
    sender = Sender().start("play")
    for event in (0, 1, 2, 4, 5, 8, 31, 32, 99):
        sender.control(S2C, USER_CONTROL, wire.user_control(event, 1))
    sender.control(C2S, USER_CONTROL, wire.user_control(3, 1, 3000))
    for event, direction in ((6, S2C), (7, C2S)):
        sender.control(direction, USER_CONTROL, wire.user_control(event, 123456))
    sender.control(S2C, USER_CONTROL, u16(26) + b"\x01")
    sender.control(C2S, USER_CONTROL, u16(27) + b"\x01\x01" + u32(7777) * 2 + wire.filler(32))
    sender.control(C2S, USER_CONTROL, u16(6))
    return sender.finish()


def aborts() -> Session:
    """A message given up halfway, one that had not begun, and one on a csid that needs two bytes."""
    sender = Sender().start()

    def give_up(csid: int, steps: int, payload: bytes) -> None:
        chunks = sender.chunks(C2S, csid, VIDEO, payload, 40, 1)
        for _ in range(steps):
            next(chunks)
        sender.aborted.append(Sent(C2S, VIDEO, 40, 1, payload[: 128 * steps]))
        sender.control(C2S, ABORT, u32(csid))

    sender.message(C2S, 6, VIDEO, media(KEY_FRAME, 300), 0, 1)
    give_up(6, 2, media(INTER_FRAME, 1000))
    sender.message(C2S, 6, VIDEO, media(INTER_FRAME, 200), 80, 1)
    sender.control(C2S, ABORT, u32(4))
    sender.message(C2S, 4, AUDIO, media(AAC, 50), 80, 1)
    give_up(100, 1, media(INTER_FRAME, 129))
    sender.message(C2S, 100, VIDEO, media(INTER_FRAME, 128), 120, 1)
    return sender.finish()


# --- chunks ----------------------------------------------------------------------------------------------


def chunk_sizes() -> Session:
    """Set Chunk Size between messages and inside them, in both directions, from 1 byte to 65536."""
    sender = Sender().start()
    for index, size in enumerate((1, 127, 129, 4096, 65536)):
        time = 40 * index
        sender.set_chunk_size(C2S, 128)
        chunks = sender.chunks(C2S, 6, VIDEO, media(INTER_FRAME, 500 + index), time, 1)
        next(chunks)
        sender.set_chunk_size(C2S, size)
        sender.message(C2S, 4, AUDIO, media(AAC, 140), time, 1)
        next(chunks)
        sender.set_chunk_size(C2S, 128)
        for _ in chunks:
            pass
        sender.set_chunk_size(C2S, size)
        sender.message(C2S, 6, VIDEO, media(INTER_FRAME, 300), time + 20, 1)
        sender.set_chunk_size(S2C, size)
        sender.control(S2C, ACKNOWLEDGEMENT, u32(1000 * index))
    return sender.finish()


def interleaving() -> Session:
    """Audio, video, data and control messages whose chunks take turns."""
    sender = Sender().start()
    for time in range(0, 400, 40):
        together = [
            sender.chunks(C2S, 6, VIDEO, media(INTER_FRAME, 900), time, 1),
            sender.chunks(C2S, 4, AUDIO, media(AAC, 300), time, 1),
            sender.chunks(C2S, 2, USER_CONTROL, wire.user_control(3, 1, time)),
            sender.chunks(C2S, 5, DATA_AMF0, amf0("onTextData", {"text": "x" * 200}), time, 1),
        ]
        for _ in zip_longest(*together):
            pass
    return sender.finish()


def csids(csid_size: int = 0) -> Session:
    """Chunk stream ids of one, two and three bytes, taking turns; 64 to 319 in three where asked."""
    sender = Sender(csid_size=csid_size).start()
    for time in range(0, 120, 40):
        together = [
            sender.chunks(C2S, csid, AUDIO, media(AAC, 300), time, 1) for csid in (63, 64, 100, 319, 320, 1000, 65599)
        ]
        for _ in zip_longest(*together):
            pass
    return sender.finish()


def extended_timestamps(extended_delta: str = "delta", repeat: str = "same") -> Session:
    """Times and deltas around 24 and 32 bits, in messages of several chunks.

    A reader of the specification takes every extended field of fmt 1 and 2 for a delta, so that is what the
    messages say where the sender means the absolute timestamp.
    """
    sender = Sender(extended_delta=extended_delta, repeat=repeat).start()
    payload = media(INTER_FRAME, 300)
    for time in (0xFFFFFE, 0xFFFFFF, 0x1000000, 0x1000028, 2**31 - 20, 2**31 + 20, 2**32 - 20):
        sender.message(C2S, 6, VIDEO, payload, time, 1, fmt=0)
    sender.message(C2S, 6, VIDEO, payload, 20, 1, fmt=1)
    sender.message(C2S, 6, VIDEO, payload, 60, 1, fmt=2)

    base, jump = 100, 0x1234567
    sender.message(C2S, 7, VIDEO, payload, base, 1, fmt=0)
    sender.message(C2S, 7, VIDEO, payload, base + jump, 1, fmt=1)
    if extended_delta == "absolute":
        sender.messages[-1] = sender.messages[-1]._replace(timestamp=base + base + jump)
        return sender.finish()
    sender.message(C2S, 7, VIDEO, payload, base + 2 * jump, 1, fmt=2)
    sender.message(C2S, 7, VIDEO, payload, base + 3 * jump, 1, fmt=3)
    sender.message(C2S, 7, VIDEO, payload, base + 4 * jump, 1, fmt=3)
    sender.message(C2S, 7, VIDEO, payload, base + 4 * jump + 40, 1, fmt=2)
    sender.message(C2S, 7, VIDEO, payload, base + 4 * jump + 80, 1, fmt=3)
    return sender.finish()


def type_3_starts() -> Session:
    """Type 3 chunks that start messages: after type 0 as FMLE sends them, after 1 and 2, and without a payload."""
    sender = Sender().start()
    for csid, payload in ((4, media(AAC, 100)), (5, media(AAC, 300)), (6, b"")):
        for time, fmt in ((26, 0), (52, 3), (78, 3), (100, 1), (122, 3), (144, 3), (200, 2), (256, 3), (0, 0), (0, 3)):
            sender.message(C2S, csid, AUDIO, payload, time, 1, fmt)
    return sender.finish()


SESSIONS: dict[str, Callable[[], Session]] = {
    "amf3_commands": amf3_commands,
    "amf3_shared_objects": amf3_shared_objects,
    "aggregates": aggregates,
    "user_control": user_control,
    "aborts": aborts,
    "chunk_sizes": chunk_sizes,
    "interleaving": interleaving,
    "csids": csids,
    "csids_long": partial(csids, csid_size=3),
    "extended_timestamps": extended_timestamps,
    "extended_timestamps_repeat_absolute": partial(extended_timestamps, repeat="absolute"),
    "extended_timestamps_never_repeated": partial(extended_timestamps, repeat="never"),
    "extended_timestamps_absolute_deltas": partial(extended_timestamps, extended_delta="absolute"),
    "type_3_starts": type_3_starts,
}
