"""Captures for the bench: real sessions of publishers, the same bytes on every machine.

A workload is a function that writes a capture; WORKLOADS says how many messages the full size has.  Sessions are
complete (TCP and RTMP handshake, connect, createStream, publish, onMetaData, sequence headers, acknowledgements,
teardown), frames carry right checksums and TCP timestamps, receivers acknowledge every second segment, and media
messages have valid tag headers, NAL lengths and decoder configurations around random bytes.  Beside a capture stands a
JSON file with the number of messages in it, so that a reader that is quick because it missed some is found out.

    python -m bench.workloads NAME SCALE FILE
"""

from __future__ import annotations

import json
import os
import random
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from rtmpscope.model import ACK, C2S, FIN, S2C, SYN
from tests import wire

PSH = 0x08
MSS = 1448  # MTU 1500 less the headers of IPv4 and of TCP with timestamps
START_US = 1_700_000_000_000_000
FRAME_US = 12  # a full frame at 1 Gbit/s
WINDOW = 2_500_000

SPS = bytes.fromhex("6764001facd9405005bb0110000003001000000303c0f1831960")
PPS = bytes.fromhex("68ebe3cb22c0")
AVC_RECORD = b"\x01" + SPS[1:4] + b"\xff\xe1" + wire.u16(len(SPS)) + SPS + b"\x01" + wire.u16(len(PPS)) + PPS
AVC_HEADER = bytes([0x17, 0, 0, 0, 0]) + AVC_RECORD
AAC_HEADER = bytes.fromhex("af001408")  # AAC-LC, 16 kHz, mono
METADATA = {"width": 1280, "height": 720, "videocodecid": 7, "framerate": 30, "audiocodecid": 10, "encoder": "bench"}

# A record of a pcap file; then Ethernet, IPv4 (RFC 791, 3.1), TCP (RFC 9293, 3.1) with timestamps (RFC 7323, 3.2).
RECORD = struct.Struct("<IIII")
FRAME = struct.Struct(">12sH BBHHHBBHII HHIIBBHHH BBBBII")
MACS = bytes.fromhex("020000000002020000000001")


class Capture:
    """A pcap file in the making; `now` is the time of the next packet in microseconds.

    `lost` of all packets, picked at random, never reach the file.
    """

    def __init__(self, file: BinaryIO, lost: float = 0) -> None:
        self.file = file
        self.lost = lost
        self.chance = random.Random(1)
        self.now = START_US
        self.messages = 0
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, wire.ETHERNET))

    def write(self, frame: bytes) -> None:
        self.now += FRAME_US
        if not self.lost or self.chance.random() >= self.lost:
            size = len(frame)
            self.file.write(RECORD.pack(self.now // 1_000_000, self.now % 1_000_000, size, size) + frame)


class Tcp:
    """One TCP conversation whose receivers acknowledge every second segment, or with what they send."""

    def __init__(self, capture: Capture, number: int) -> None:
        self.capture = capture
        client, server = 0x0A000000 + 256 + number, 0x0A000001
        self.addresses = (client, server), (server, client)
        self.ports = (40000 + number % 20000, 1935), (1935, 40000 + number % 20000)
        self.next = [1_000_000 + number * 4099, 2_000_000 + number * 8209]
        self.waiting = [0, 0]
        self.identification = 0

    def segment(self, direction: int, flags: int, payload: bytes = b"") -> None:
        source, destination = self.addresses[direction]
        ports = self.ports[direction]
        clock = self.capture.now // 1000 & 0xFFFFFFFF
        seq, ack = self.next[direction], self.next[1 - direction] if flags & ACK else 0
        size = len(payload)
        self.identification = self.identification + 1 & 0xFFFF
        # Checksums (RFC 1071): a sum of 16-bit words is, modulo 65535, the number that the words spell.
        addresses = source % 65535 + destination % 65535
        ip = addresses + 0x4500 + 52 + size + self.identification + 0x4000 + 0x4006
        tcp = addresses + 6 + 32 + size + sum(ports) + seq + ack + (0x8000 | flags) + 4096 + 0x0101 + 0x080A + 2 * clock
        tcp += int.from_bytes(payload, "big") << size % 2 * 8
        header = FRAME.pack(
            MACS, 0x0800,
            0x45, 0, 52 + size, self.identification, 0x4000, 64, 6, -ip % 65535, source, destination,
            *ports, seq, ack, 0x80, flags, 4096, -tcp % 65535, 0,
            1, 1, 8, 10, clock, clock,
        )  # fmt: skip
        self.capture.write(header + payload)
        self.next[direction] = seq + size + (flags & (SYN | FIN) != 0) & 0xFFFFFFFF
        self.waiting[direction] += size > 0
        self.waiting[1 - direction] = 0

    def send(self, direction: int, data: bytes) -> None:
        """One write of the application: full segments and a rest."""
        for at in range(0, len(data), MSS):
            piece = data[at : at + MSS]
            self.segment(direction, ACK | (PSH if at + MSS >= len(data) else 0), piece)
            if self.waiting[direction] == 2:
                self.segment(1 - direction, ACK)

    def open(self) -> None:
        self.segment(C2S, SYN)
        self.segment(S2C, SYN | ACK)
        self.segment(C2S, ACK)

    def close(self) -> None:
        self.segment(C2S, FIN | ACK)
        self.segment(S2C, FIN | ACK)
        self.segment(C2S, ACK)


class Publisher:
    """One session, published as soon as it is made; `send` puts media and the server's acknowledgements on the wire."""

    def __init__(self, capture: Capture, number: int, chunk_size: int) -> None:
        self.capture = capture
        self.tcp = Tcp(capture, number)
        self.client, self.server = wire.ChunkWriter(), wire.ChunkWriter()
        self.chunk_size = chunk_size
        self.seen: dict[int, int] = {}
        self.received = self.acknowledged = 0
        self.tcp.open()
        c2s, s2c = wire.handshake()
        for direction, data in ((C2S, c2s[:1537]), (S2C, s2c), (C2S, c2s[1537:])):
            self.tcp.send(direction, data)
        self.publish(f"camera-{number}")

    def say(self, direction: int, csid: int, type_id: int, body: bytes, msid: int = 0) -> None:
        """A message that is not media."""
        writer = self.client if direction == C2S else self.server
        if type_id == wire.SET_CHUNK_SIZE:
            data = writer.set_chunk_size(int.from_bytes(body, "big"))
        else:
            data = writer.message(csid, type_id, body, msid=msid)
        self.capture.messages += 1
        self.tcp.send(direction, data)

    def publish(self, name: str) -> None:
        url = "rtmp://10.0.0.1/live"
        about = {"app": "live", "type": "nonprivate", "flashVer": "FMLE/3.0 (compatible; bench)", "tcUrl": url}
        accepted = {"level": "status", "code": "NetConnection.Connect.Success", "description": "Connection succeeded."}
        started = {"level": "status", "code": "NetStream.Publish.Start", "description": "Start publishing"}
        call = wire.command
        self.say(C2S, 2, wire.SET_CHUNK_SIZE, wire.u32(self.chunk_size))
        self.say(C2S, 3, wire.COMMAND_AMF0, call("connect", 1, about))
        self.say(S2C, 2, wire.WINDOW_ACK_SIZE, wire.u32(WINDOW))
        self.say(S2C, 2, wire.SET_PEER_BANDWIDTH, wire.set_peer_bandwidth(WINDOW, 2))
        self.say(S2C, 2, wire.SET_CHUNK_SIZE, wire.u32(4096))
        self.say(S2C, 3, wire.COMMAND_AMF0, call("_result", 1, {"fmsVer": "FMS/3,0,1,123"}, accepted))
        self.say(C2S, 3, wire.COMMAND_AMF0, call("releaseStream", 2, None, name))
        self.say(C2S, 3, wire.COMMAND_AMF0, call("FCPublish", 3, None, name))
        self.say(C2S, 3, wire.COMMAND_AMF0, call("createStream", 4, None))
        self.say(S2C, 3, wire.COMMAND_AMF0, call("_result", 4, None, 1))
        self.say(C2S, 8, wire.COMMAND_AMF0, call("publish", 5, None, name, "live"), msid=1)
        self.say(S2C, 5, wire.COMMAND_AMF0, call("onStatus", 0, None, started), msid=1)
        self.say(C2S, 4, wire.DATA_AMF0, wire.amf0("@setDataFrame", "onMetaData", wire.Ecma(METADATA)), msid=1)
        self.send(self.media(6, wire.VIDEO, 0, AVC_HEADER) + self.media(4, wire.AUDIO, 0, AAC_HEADER))

    def media(self, csid: int, type_id: int, timestamp: int, body: bytes, msid: int = 1) -> bytes:
        """A message in chunks: fmt 0 once for each csid, then fmt 1 with a delta."""
        self.capture.messages += 1
        before = self.seen.get(csid)
        self.seen[csid] = timestamp
        kind = wire.u24(len(body)) + bytes([type_id])
        if before is None:
            header = wire.basic_header(0, csid) + wire.u24(timestamp) + kind + msid.to_bytes(4, "little")
        else:
            header = wire.basic_header(1, csid) + wire.u24(timestamp - before) + kind
        size = self.chunk_size
        if len(body) <= size:
            return header + body
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        return header + wire.basic_header(3, csid).join(pieces)

    def send(self, data: bytes) -> None:
        self.tcp.send(C2S, data)
        self.received += len(data)
        if self.received - self.acknowledged >= WINDOW:
            self.acknowledged = self.received
            self.say(S2C, 2, wire.ACKNOWLEDGEMENT, wire.u32(self.received & 0xFFFFFFFF))

    def close(self) -> None:
        self.say(C2S, 3, wire.COMMAND_AMF0, wire.command("FCUnpublish", 6, None, "camera"))
        self.say(C2S, 3, wire.COMMAND_AMF0, wire.command("deleteStream", 7, None, 1))
        self.tcp.close()


class Media:
    """Bodies of audio and video messages of any size, cut from one pool of random bytes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pool = self.random.randbytes(1 << 20)

    def some(self, size: int) -> bytes:
        at = self.random.randrange(len(self.pool) - size)
        return self.pool[at : at + size]

    def size(self, mean: int) -> int:
        return self.random.randrange(mean // 2, mean * 3 // 2)

    def video(self, number: int, size: int) -> bytes:
        """Frame `number` of groups of 60, every second frame a B-frame: AVC with one NAL unit."""
        key = number % 60 == 0
        shown = 0 if key else 66 if number % 2 else 0
        nal = b"\x65" if key else b"\x41" if number % 2 else b"\x01"
        return bytes([0x17 if key else 0x27, 1]) + wire.u24(shown) + wire.u32(size - 9) + nal + self.some(size - 10)

    def audio(self, size: int) -> bytes:
        return b"\xaf\x01" + self.some(size - 2)


def big_video(capture: Capture, count: int, chunk_size: int) -> None:
    """One camera, 30 frames a second of 20 kB each."""
    publisher, media = Publisher(capture, 0, chunk_size), Media(1)
    for number in range(count):
        capture.now = max(capture.now, START_US + number * 33_333)
        publisher.send(publisher.media(6, wire.VIDEO, number * 33, media.video(number, media.size(20_000))))
    publisher.close()


def small_messages(capture: Capture, count: int) -> None:
    """One voice, a frame of some 50 bytes every 64 ms, each in a segment of its own."""
    publisher, media = Publisher(capture, 0, 128), Media(2)
    for number in range(count):
        capture.now = max(capture.now, START_US + number * 64_000)
        publisher.send(publisher.media(4, wire.AUDIO, number * 64, media.audio(media.size(50))))
    publisher.close()


def tiny_messages(capture: Capture, count: int) -> None:
    """Eight cameras on a bad uplink: a second of messages one by one, then a second of them at once."""
    publishers, media = [Publisher(capture, number, 128) for number in range(8)], Media(3)
    held: list[list[bytes]] = [[] for _ in publishers]
    for number in range(count // len(publishers)):
        capture.now = max(capture.now, START_US + number * 10_000)
        stalled = number // 100 % 2
        for publisher, waiting in zip(publishers, held, strict=True):
            if number % 3:
                waiting.append(publisher.media(4, wire.AUDIO, number * 10, media.audio(media.size(50))))
            else:
                waiting.append(publisher.media(6, wire.VIDEO, number * 10, media.video(number // 3, media.size(70))))
            if not stalled or number % 100 == 99:
                publisher.send(b"".join(waiting))
                waiting.clear()
    for publisher, waiting in zip(publishers, held, strict=True):
        publisher.send(b"".join(waiting))
        publisher.close()


def many_connections(capture: Capture, count: int) -> None:
    """Short sessions, fifty at a time, ten frames each."""
    media = Media(4)
    for first in range(0, count, 50):
        publishers = [Publisher(capture, number, 4096) for number in range(first, min(first + 50, count))]
        for number in range(10):
            for publisher in publishers:
                publisher.send(publisher.media(6, wire.VIDEO, number * 33, media.video(number, media.size(1_000))))
        for publisher in publishers:
            publisher.close()


def many_csids(capture: Capture, count: int) -> None:
    """One session with a message open on each of 5,000 csids before the first of them is completed."""
    publisher, media = Publisher(capture, 0, 128), Media(5)
    csids = range(64, 5064)
    for turn in range(count // len(csids)):
        cut = []
        for csid in csids:
            data = publisher.media(csid, wire.AUDIO, turn * 20, media.audio(200))
            last = len(wire.basic_header(3, csid)) + 200 - 128
            cut.append((data[:-last], data[-last:]))
        for part in (0, 1):
            publisher.send(b"".join(chunks[part] for chunks in cut))
    publisher.close()


# How many messages (of many_connections: sessions) the full size has, and who writes them.
WORKLOADS: dict[str, tuple[int, Callable[[Capture, int], None]]] = {
    "video-4096": (9_200, partial(big_video, chunk_size=4096)),
    "video-128": (9_200, partial(big_video, chunk_size=128)),
    "small": (560_000, small_messages),
    "tiny": (800_000, tiny_messages),
    "connections": (10_000, many_connections),
    "csids": (200_000, many_csids),
    "lossy": (9_200, partial(big_video, chunk_size=4096)),
}
LOST = {"lossy": 0.01}


def write(name: str, scale: float, path: Path) -> None:
    """Write the capture, and beside it what is in it; the capture appears when it is complete."""
    count, function = WORKLOADS[name]
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb", buffering=1 << 20) as file:
        capture = Capture(file, LOST.get(name, 0))
        function(capture, max(1, round(count * scale)))
    path.with_suffix(".json").write_text(json.dumps({"messages": capture.messages}))
    os.replace(unfinished, path)


if __name__ == "__main__":
    write(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
