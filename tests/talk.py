"""A conversation made of messages, shown to the annotators as the engine would show it.

`Talk` makes one connection.  Each call is one event, `step_ms` after the one before it; what the annotators said
is in the notes of the event, and together in `codes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtmpscope.model import (
    C2S,
    S2C,
    Connection,
    End,
    Endpoint,
    Event,
    Gap,
    Handshake,
    Message,
    Note,
    Verdict,
)
from rtmpscope.plugins import Registry, load_builtin
from rtmpscope.rtmp import handshake
from tests import wire

SECOND_NS = 1_000_000_000
MEDIA_OVERHEAD = 12

CONNECT = {
    "app": "live",
    "flashVer": "FMLE/3.0 (compatible; Lavf59.27.100)",
    "tcUrl": "rtmp://10.0.0.2/live",
    "objectEncoding": 0.0,
}
SUCCESS = {"level": "status", "code": "NetConnection.Connect.Success", "objectEncoding": 0.0}

OTHER_SPS = bytes.fromhex("6764001facd9405005bb")


def avc_header(sps: bytes) -> bytes:
    """An AVC sequence header for lengths of 4 bytes."""
    sets = b"\xe1" + len(sps).to_bytes(2, "big") + sps + bytes.fromhex("01000268ce")
    return b"\x17\x00\x00\x00\x00\x01" + sps[1:4] + b"\xff" + sets


AVC_HEADER = avc_header(bytes.fromhex("6742c01e"))


def aac_header(frame_ms: int) -> bytes:
    """An AAC sequence header, LC and stereo, whose frames of 1024 samples last so long."""
    rate = 1024 * 1000 // frame_ms
    return b"\xaf\x00" + (0b00010_1111 << 31 | rate << 7 | 0b0010_000).to_bytes(5, "big")


AAC_HEADER = aac_header(40)
AAC_FRAME = b"\xaf\x01" + bytes(20)
KEY_FRAME = b"\x17\x01\x00\x00\x00" + b"\x00\x00\x00\x05\x65" + bytes(60)
INTER_FRAME = b"\x27\x01\x00\x00\x00" + b"\x00\x00\x00\x05\x41" + bytes(40)


def key_frame(*units: bytes) -> bytes:
    """A message that is marked as a key frame, with these NAL units."""
    return b"\x17\x01\x00\x00\x00" + b"".join([len(unit).to_bytes(4, "big") + unit for unit in units])


class Talk:
    def __init__(self, registry: Registry | None = None, step_ms: float = 1) -> None:
        if registry is None:
            registry = Registry()
            load_builtin(registry)
        self.registry = registry
        self.connection = Connection(
            0, Endpoint("10.0.0.1", 50000), Endpoint("10.0.0.2", 1935), "syn", 1, wire.START_NS
        )
        self.connection.tcp_rtt_ns = 1000
        for tcp in self.connection.tcp:
            tcp.packets = 10
        self.annotators = registry.annotators_for(self.connection)
        self.events: list[Event] = []
        self.now = wire.START_NS
        self.step_ns = int(step_ms * 1_000_000)
        self.packet = 0
        self.number = 0
        self.sent = [0, 0]
        self.parts: list[Handshake] = []

    # Events

    def _event(self, event: Event, calls: Sequence[Callable[..., object]], *rest: object) -> None:
        for call in calls:
            call(event, *rest)
        self.events.append(event)

    def _tick(self) -> None:
        self.now += self.step_ns
        self.packet += 1
        self.connection.last_time_ns = self.now

    def wait(self, seconds: float) -> Talk:
        self.now += int(seconds * SECOND_NS)
        return self

    def part(self, name: str, data: bytes) -> Handshake:
        self._tick()
        direction = C2S if name[0] == "C" else S2C
        part = Handshake(0, direction, self.packet, self.now, name, self.sent[direction], data)
        self.sent[direction] += len(data)
        handshake.grade(self.parts, part)
        self.parts.append(part)
        self._event(part, self.annotators.on_handshake)
        return part

    def handshake(self, digest_at: int | None = None, server_version: bytes = b"") -> Talk:
        """All six parts; server_version puts another version into a server's block that holds a digest."""
        client, server = wire.handshake(digest_at)
        s1 = wire.digest_block(8, wire.FMS_TEXT, server_version) if server_version else server[1:1537]
        parts = {"C0": client[:1], "C1": client[1:1537], "S0": server[:1], "S1": s1, "S2": server[1537:]}
        for name, data in parts.items():
            self.part(name, data)
        self.part("C2", client[1537:] if s1 == server[1:1537] else wire.echo(s1))
        return self

    def message(
        self,
        direction: int,
        type_id: int,
        payload: bytes,
        msid: int = 0,
        timestamp: int = 0,
        csid: int = 3,
        length: int | None = None,
    ) -> Message:
        self._tick()
        self.number += 1
        length = len(payload) if length is None else length
        message = Message(0, direction, self.packet, self.now, 0, csid, type_id, msid, timestamp, length, payload)
        message.captured = len(payload)
        message.number = self.number
        message.offset = self.sent[direction]
        self.sent[direction] += length + MEDIA_OVERHEAD
        if type_id not in (8, 9):
            message.body = self.registry.decode(message)
        counts = self.connection.counts[direction]
        counts[type_id] = counts.get(type_id, 0) + 1
        calls = self.annotators.on_message.get(type_id, self.annotators.on_other_message)
        self._event(message, calls, message.body)
        return message

    def gap(self, direction: int, length: int = 1448) -> Gap:
        self._tick()
        gap = Gap(0, direction, self.packet, self.now, self.sent[direction], length, "capture_loss")
        self.connection.gaps += 1
        self.connection.lost_bytes += length
        self._event(gap, self.annotators.on_gap)
        return gap

    def end(self, how: str = "fin", first: int = C2S) -> Talk:
        """Both directions end, `first` before the other."""
        return self.end_of(first, how).end_of(1 - first, how)

    def end_of(self, direction: int, how: str, incomplete: int = 0) -> Talk:
        end = End(0, direction, self.packet, self.now, how, incomplete, self.sent[direction])
        self.connection.ends[direction] = how
        self._event(end, self.annotators.on_end)
        return self

    # What sessions are made of

    def command(self, direction: int, name: str, transaction_id: float, *values: object, msid: int = 0) -> Message:
        return self.message(direction, wire.COMMAND_AMF0, wire.command(name, transaction_id, *values), msid)

    def control(self, direction: int, type_id: int, value: int) -> Message:
        return self.message(direction, type_id, wire.u32(value), csid=2)

    def status(self, code: str, level: str = "status", msid: int = 1, **more: object) -> Message:
        return self.command(S2C, "onStatus", 0, None, {"level": level, "code": code, **more}, msid=msid)

    def connect(self, digest_at: int | None = None, **properties: object) -> Talk:
        """Handshake, connect and its answer."""
        self.handshake(digest_at)
        self.command(C2S, "connect", 1, {**CONNECT, **properties})
        self.command(S2C, "_result", 1, {"fmsVer": "FMS/3,0,1,123", "capabilities": 31.0}, SUCCESS)
        return self

    def create(self) -> Talk:
        self.command(C2S, "createStream", 4, None)
        self.command(S2C, "_result", 4, None, 1.0)
        return self

    def publish(self) -> Talk:
        """Everything up to the granted publish."""
        self.connect().create()
        self.command(C2S, "publish", 5, None, "s3cr3t-key", "live", msid=1)
        self.status("NetStream.Publish.Start")
        return self

    def play(self) -> Talk:
        self.connect().create()
        self.command(C2S, "play", 5, None, "s3cr3t-key", msid=1)
        self.status("NetStream.Play.Reset")
        self.status("NetStream.Play.Start")
        return self

    def media(
        self,
        seconds: float,
        direction: int = C2S,
        *,
        start_ms: int = 0,
        frame_ms: int = 40,
        gop: int = 50,
        headers: bool = True,
        speed: float = 1.0,
        audio_speed: float = 1.0,
    ) -> Talk:
        """Live H.264 and AAC: `speed` is RTMP time per time, `audio_speed` audio time per video time."""
        if headers:
            self.message(direction, wire.VIDEO, AVC_HEADER, 1, start_ms, 6)
            self.message(direction, wire.AUDIO, aac_header(frame_ms), 1, start_ms, 4)
        step, self.step_ns = self.step_ns, 0
        began = self.now
        for count in range(int(seconds * 1000 / frame_ms)):
            elapsed = count * frame_ms
            self.now = began + int(elapsed * 1_000_000 / speed)
            frame = INTER_FRAME if count % gop else KEY_FRAME
            self.message(direction, wire.VIDEO, frame, 1, (start_ms + elapsed) % 2**32, 6)
            audio_ms = start_ms + int(elapsed * audio_speed)
            self.message(direction, wire.AUDIO, AAC_FRAME, 1, audio_ms % 2**32, 4)
        self.step_ns = step
        return self

    def goodbye(self) -> Talk:
        self.command(C2S, "FCUnpublish", 6, None, "s3cr3t-key")
        self.command(C2S, "deleteStream", 7, None, 1.0)
        return self

    # What was said

    @property
    def notes(self) -> list[Note]:
        return [note for event in self.events for note in event.notes or ()]

    @property
    def codes(self) -> set[str]:
        return {note.code for note in self.notes}

    def verdict(self) -> Verdict:
        session = self.connection.analysis["session"]
        verdict: Verdict = session.verdict()  # type: ignore[attr-defined]
        return verdict
