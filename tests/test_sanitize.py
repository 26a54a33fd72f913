"""A sanitised copy has the same packets and the same decode, and no secret anywhere in any encoding."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from rtmpscope.capture.files import open_capture
from rtmpscope.engine import RTMP_PORTS
from rtmpscope.export.jsonl import Trace
from rtmpscope.known import Known
from rtmpscope.model import Message, Packet, StreamData
from rtmpscope.net.decode import Decoder
from rtmpscope.net.reassembly import Reassembler
from rtmpscope.pipeline import Run
from rtmpscope.sanitize import Sanitizer, occurrences
from tests import wire
from tests.wire import Frame, amf0, command

ROOT = Path(__file__).parent.parent
CAPTURES = sorted(ROOT.joinpath("captures").glob("*.pcap*"))
MARK = b"s3cr3t"
KEY = "sk-Zq81Lm-s3cr3t"


def sanitised(path: Path, folder: Path, addresses: bool = False) -> Path:
    copy = folder / "copy.pcapng"
    with copy.open("wb") as file:
        Sanitizer(open_capture([str(path)], spool=True), RTMP_PORTS, addresses).write(file)
    return copy


def packets(path: Path) -> list[Packet]:
    return [packet for batch in open_capture([str(path)]).batches() for packet in batch.packets]


def streams(path: Path) -> Iterator[bytes]:
    """The bytes of every TCP stream."""
    reassembler = Reassembler()
    found: dict[tuple[int, int], bytes] = {}
    flows = reassembler.feed(Decoder().decode(packets(path)))
    for flow in [*flows, *reassembler.finish()]:
        for index, side in enumerate(flow.sides):
            for item in side.take():
                if isinstance(item, StreamData):
                    found[flow.packet, index] = found.get((flow.packet, index), b"") + item.data
    yield from found.values()


def payloads(path: Path) -> Iterator[bytes]:
    """The payload of every RTMP message, put together from its chunks."""
    run = Run(open_capture([str(path)]), whole_payloads=True)
    yield from (event.payload for event in run.events() if isinstance(event, Message))


def written_as(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield quote(secret).encode()
    for shift in range(3):
        yield b64encode(bytes(shift) + secret)[-(-8 * shift // 6) : 8 * (shift + len(secret)) // 6]


def assert_nowhere(path: Path, secret: bytes) -> None:
    places = [path.read_bytes(), *streams(path), *payloads(path)]
    for form in written_as(secret):
        assert not [place for place in places if form in place], form


def trace(path: Path) -> list[Any]:
    run = Run(open_capture([str(path)]), redact=False, whole_payloads=True)
    texts: list[str] = []
    made = Trace(texts.append, run.connections, run.describe)
    for event in run.events():
        made.event(event)
    made.finish([])
    return [json.loads(text) for text in texts[:-1]]


def without_text(value: Any) -> Any:
    """A record in which texts are as long as they were, but say nothing."""
    if isinstance(value, dict):
        return {key: without_text(item) for key, item in value.items() if key not in ("summary", "time", "time_ns")}
    if isinstance(value, list):
        return [without_text(item) for item in value]
    return len(value.encode()) if isinstance(value, str) else value


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_copy_has_the_same_packets_and_the_same_decode_without_secrets(path: Path, tmp_path: Path) -> None:
    copy = sanitised(path, tmp_path)
    before, after = packets(path), packets(copy)
    facts = [
        [(packet.number, packet.time_ns, packet.link_type, packet.captured, packet.wire_length) for packet in each]
        for each in (before, after)
    ]
    assert facts[0] == facts[1]
    assert_nowhere(copy, MARK)
    old, new = trace(path), trace(copy)
    assert [without_text(record) for record in old] == [without_text(record) for record in new]
    assert [record.get("time_ns") for record in old] == [record.get("time_ns") for record in new]


def test_only_packets_with_secrets_change(tmp_path: Path) -> None:
    path = ROOT / "captures" / "nginx-publish-play.pcap"
    copy = sanitised(path, tmp_path)
    changed = [old.data for old, new in zip(packets(path), packets(copy), strict=True) if old.data != new.data]
    assert 0 < len(changed) < 20 and all(MARK in data for data in changed)


def test_equal_secrets_stay_equal_and_two_copies_differ(tmp_path: Path) -> None:
    path = ROOT / "captures" / "nginx-publish-play.pcap"
    names = []
    for _ in range(2):
        bodies = [record.get("body", {}) for record in trace(sanitised(path, tmp_path))]
        wanted = ("releaseStream", "publish", "play")
        found = {body["arguments"][0] for body in bodies if body.get("name") in wanted}
        assert len(found) == 1
        names.append(found.pop())
    assert names[0] != names[1] and [len(name) for name in names] == [len("s3cr3t-key-42")] * 2


def capture(folder: Path, frames: list[Any], **options: Any) -> Path:
    path = folder / "in.pcap"
    path.write_bytes(wire.pcap(frames, **options))
    return path


def session(*messages: tuple[int, bytes], chunk_size: int = 128, sizes: tuple[int, ...] = ()) -> list[Any]:
    """A publisher's side of an RTMP session, in segments of these sizes."""
    to_server, to_client = wire.handshake()
    writer = wire.ChunkWriter(128)
    data = writer.set_chunk_size(chunk_size) if chunk_size != 128 else b""
    data += b"".join([writer.message(3, type_id, payload, msid=1) for type_id, payload in messages])
    tcp = wire.Tcp().open()
    tcp.send(0, to_server[:1537])
    tcp.send(1, to_client)
    tcp.send(0, to_server[1537:])
    tcp.send(0, data, sizes)
    tcp.close()
    return list(tcp.frames)


@pytest.mark.parametrize("chunk_size", [1, 5, 128])
@pytest.mark.parametrize("sizes", [(), (1,) * 2000, (7,) * 300])
def test_secret_is_replaced_across_chunks_and_segments(tmp_path: Path, chunk_size: int, sizes: tuple[int, ...]) -> None:
    frames = session((20, command("publish", 5, None, KEY, "live")), chunk_size=chunk_size, sizes=sizes)
    copy = sanitised(capture(tmp_path, frames), tmp_path)
    assert_nowhere(copy, KEY.encode())
    (published,) = [record for record in trace(copy) if record.get("type") == "command_amf0"]
    assert published["body"]["arguments"][1] == "live" and len(published["body"]["arguments"][0]) == len(KEY)


def test_retransmission_of_a_part_is_replaced_too(tmp_path: Path) -> None:
    frames = session((20, command("publish", 5, None, KEY, "live")))
    place = next(place for place, (_, data) in enumerate(frames) if KEY.encode() in data)
    frames.insert(place + 3, frames[place])
    copy = sanitised(capture(tmp_path, frames), tmp_path)
    assert_nowhere(copy, KEY.encode())


@pytest.mark.parametrize(
    "value",
    [
        {"description": f"<{KEY}>"},
        {"custom": b64encode(KEY.encode()).decode()},
        {"custom": KEY.encode().hex()},
        {"custom": quote(KEY, safe="")},
        {KEY: "as a key"},
        {"apiToken": "some-0ther-secret"},
        {"pin": 987654321.0},
    ],
)
def test_secret_is_replaced_however_a_server_repeats_it(tmp_path: Path, value: dict[str, object]) -> None:
    frames = session((20, command("custom", 6, None, value)), (20, command("publish", 5, None, KEY, "live")))
    path = capture(tmp_path, frames)
    copy = sanitised(path, tmp_path)
    assert_nowhere(copy, KEY.encode())
    assert_nowhere(copy, b"some-0ther-secret")
    assert amf0(987654321.0)[1:] not in copy.read_bytes()
    assert [without_text(record) for record in trace(path)][:3] == [without_text(record) for record in trace(copy)][:3]


def test_secret_in_an_aggregate_and_in_amf3_is_replaced(tmp_path: Path) -> None:
    name = bytes([0x11, 0x06, len(KEY) << 1 | 1]) + KEY.encode()
    metadata = amf0("onMetaData", wire.Ecma({"title": f"my {KEY}"}))
    frames = session(
        (22, wire.aggregate((8, 0, b"\xaf\x01\x00"), (18, 10, metadata))),
        (17, b"\0" + amf0("publish", 5.0, None) + name),
    )
    assert_nowhere(sanitised(capture(tmp_path, frames), tmp_path), KEY.encode())


ENCODED = b64encode(KEY.encode())[3:11] + b" " + KEY.encode().hex().encode()[5:15] + b" " + KEY.encode()[4:9]
END = (("10.0.0.2", 50001), ("10.0.0.9", 80))
ON_PORT = (("10.0.0.2", 50001), ("10.0.0.9", 1935))


def http(ends: tuple[tuple[str, int], tuple[str, int]], text: bytes) -> list[Frame]:
    return wire.Tcp(*ends).open().send(0, b"POST /auth HTTP/1.1\r\n\r\nname=" + text).frames


def udp(text: bytes) -> bytes:
    return wire.ipv4("10.0.0.1", "10.0.0.9", struct.pack(">HHHH", 5000, 53, 8 + len(text), 0) + text, 17)


OTHERS: dict[str, list[Frame]] = {
    "http": http(END, ENCODED),
    "http on the port of rtmp": http(ON_PORT, ENCODED),
    "udp": [(9, wire.ethernet(udp(ENCODED)))],
    "udp over ipv6": [(9, wire.ethernet(wire.ipv6("fd00::1", "fd00::2", udp(ENCODED)[20:], 17)))],
    "a protocol of ip": [(9, wire.ethernet(wire.ipv4("10.0.0.1", "10.0.0.9", ENCODED, 132)))],
    "a protocol of ethernet": [(9, bytes(12) + b"\x88\xcc" + ENCODED)],
    "options of ip": [(9, wire.ethernet(b"\x4e" + wire.ipv4("10.0.0.1", "10.0.0.2", ENCODED.ljust(36))[1:]))],
    "no ip after all": [(9, wire.ethernet(b"\x41" + ENCODED))],
}


@pytest.mark.parametrize("addresses", [False, True])
@pytest.mark.parametrize("name", OTHERS)
def test_nothing_stays_of_what_is_no_rtmp(name: str, addresses: bool, tmp_path: Path) -> None:
    frames = [*session((20, command("publish", 5, None, KEY, "live"))), *OTHERS[name]]
    path = capture(tmp_path, frames)
    copy = sanitised(path, tmp_path, addresses)
    for text in ENCODED.split():
        assert text in path.read_bytes() and text not in b"".join([packet.data for packet in packets(copy)])
    assert [without_text(record) for record in trace(path)] == [without_text(record) for record in trace(copy)]


def test_nothing_stays_of_options_of_tcp_but_numbers_of_its_own(tmp_path: Path) -> None:
    frames = session((20, command("publish", 5, None, KEY, "live")))
    usual = bytes.fromhex("020405b401030307")
    option = bytes([253, 2 + len(KEY)]) + KEY.encode()
    for last in (b"\1", b"\0"):
        options = (usual + option + last + b"kk")[: len(usual + option) + 1]
        options += b"k" * (-len(options) % 4) if last == b"\0" else b"\1" * (-len(options) % 4)
        segment = wire.tcp_segment(("10.0.0.1", 5), ("10.0.0.2", 1935), 1, 2, 0x10, b"x", options=options)
        frames.append((9, wire.ethernet(wire.ipv4("10.0.0.1", "10.0.0.2", segment))))
    copy = packets(sanitised(capture(tmp_path, frames), tmp_path))
    for packet in copy[-2:]:
        assert packet.data[54:64] == usual + option[:2]
        assert not any(packet.data[64 : 64 + len(KEY)])
    assert b"k" not in copy[-1].data[64:-1]  # the last byte is the payload, replaced by any letter


@pytest.mark.parametrize("there", [b"", KEY.encode()])
def test_nothing_stays_of_a_retransmission_that_differs_from_what_was_sent_first(there: bytes, tmp_path: Path) -> None:
    frames = session((9, b"\x27\1\0\0\0" + bytes(100)), (20, command("publish", 5, None, KEY, "live")))
    place = next(place for place, (_, data) in enumerate(frames) if bytes(100) in data)
    time, data = frames[place]
    for text in (ENCODED, b"an0ther-k3y-nobody-n4med"):
        frames.insert(place + 2, (time, data.replace(bytes(90), text.ljust(90), 1)))
    frames.insert(place + 2, (time, data))
    path = capture(tmp_path, frames)
    copy = sanitised(path, tmp_path)
    said = b"".join([packet.data for packet in packets(copy)])
    for text in (*ENCODED.split(), b"k3y-no"):
        assert text in path.read_bytes() and text not in said
    assert [without_text(record) for record in trace(path)] == [without_text(record) for record in trace(copy)]


def test_undecoded_rest_of_a_command_is_blurred(tmp_path: Path) -> None:
    cut = command("publish", 5, None) + b"\x02\x00\xff" + KEY.encode()
    copy = sanitised(capture(tmp_path, session((20, cut))), tmp_path)
    assert_nowhere(copy, KEY.encode())


def in_amf0(text: bytes) -> bytes:
    return b"\2" + wire.u16(len(text)) + text


NO_UTF8 = [KEY.encode() + b"\xff\xfe", b"\xc3(" + KEY.encode(), b"a\x80" * 40 + KEY.encode()]


@pytest.mark.parametrize("text", NO_UTF8)
def test_secret_that_is_no_utf8_is_replaced(text: bytes, tmp_path: Path) -> None:
    size = len(text) << 1 | 1
    in_amf3 = b"\x11\x06" + bytes([0x80 | size >> 7, size & 0x7F]) + text
    frames = session(
        (20, amf0("publish", 5.0, None) + in_amf0(text)),
        (17, b"\0" + amf0("publish", 5.0, None) + in_amf3),
        (20, amf0("custom", 6.0, None) + b"\3" + in_amf0(text)[1:] + amf0(1.0) + b"\0\0\x09"),
        (20, amf0("custom", 6.0, None) + b"\3" + amf0("token")[1:] + in_amf0(text) + b"\0\0\x09"),
    )
    path = capture(tmp_path, frames)
    copy = sanitised(path, tmp_path)
    for at in range(len(KEY) - 5):
        assert_nowhere(copy, KEY[at : at + 6].encode())
    assert len(trace(path)) == len(trace(copy))


def test_addresses_are_replaced_consistently_with_texts_of_equal_length(tmp_path: Path) -> None:
    path = ROOT / "captures" / "nginx-publish-play.pcap"
    copy = sanitised(path, tmp_path, addresses=True)
    old, new = trace(path), trace(copy)
    ends = [
        {(one["client"]["address"], one["server"]["address"]) for one in records if one["record"] == "connection"}
        for records in (old, new)
    ]
    assert len(ends[0]) == len(ends[1]) == 1
    for before, after in zip(*(side.pop() for side in ends), strict=True):
        assert before != after and len(before) == len(after)
        assert before.encode() not in copy.read_bytes()
    urls = {
        record["body"]["command_object"]["tcUrl"] for record in new if record.get("body", {}).get("name") == "connect"
    }
    servers = {each["server"]["address"] for each in new if each["record"] == "connection"}
    assert all(any(server in url for server in servers) for url in urls)
    hardware = {packet.data[:12] for packet in packets(path)} & {packet.data[:12] for packet in packets(copy)}
    assert not hardware


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is the judge here")
@pytest.mark.parametrize("addresses", [False, True])
@pytest.mark.parametrize(
    "names",
    [["nginx-publish-play.pcap"], ["ipv6.pcap"], ["vlan.pcap"], ["cooked-v1.pcapng", "rtmps-tls12.pcapng"]],
    ids=" ".join,
)
def test_tshark_decodes_the_copy_alike_and_finds_no_wrong_checksum(
    names: list[str], addresses: bool, tmp_path: Path
) -> None:
    """Files of pcapng one behind the other are one of several sections, here of different link types."""
    path = tmp_path / "original"
    path.write_bytes(b"".join((ROOT / "captures" / name).read_bytes() for name in names))
    copy = sanitised(path, tmp_path, addresses)
    fields = [
        "frame.time_epoch",
        "frame.len",
        "frame.encap_type",
        "tcp.len",
        "tcp.seq",
        "rtmpt.header.typeid",
        "rtmpt.header.bodysize",
        "rtmpt.header.timestamp",
    ]

    def decoded(file: Path) -> str:
        options = [part for field in fields for part in ("-e", field)]
        return tshark("-r", str(file), "-Y", "tcp", "-T", "fields", *options)

    assert decoded(path) == decoded(copy)
    wrong = "tcp.checksum.status == 0 or ip.checksum.status == 0"
    assert tshark("-r", str(copy), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y", wrong) == ""


def tshark(*arguments: str) -> str:
    return subprocess.run(["tshark", *arguments], capture_output=True, text=True, timeout=120, check=True).stdout


def test_command_writes_the_copy_and_says_what_it_did(tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcapng"
    path = str(ROOT / "captures" / "nginx-token.pcap")
    done = subprocess.run(
        [sys.executable, "-m", "rtmpscope", "sanitize", path, str(copy)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0 and "175 packets, " in done.stderr
    assert MARK not in copy.read_bytes()


def test_longest_of_overlapping_occurrences_wins() -> None:
    known = Known()
    known.add("abcde", "12345", ordinary=False, alike=True)
    known.add("abcd", "6789", ordinary=False, alike=True)
    assert occurrences(b"xabcdex abcd", known) == [(1, b"12345"), (8, b"6789")]


def test_copy_can_go_to_a_pipe() -> None:
    path = str(ROOT / "captures" / "nginx-token.pcap")
    done = subprocess.run(
        [sys.executable, "-m", "rtmpscope", "sanitize", path, "-", "-q"], capture_output=True, cwd=ROOT
    )
    assert done.returncode == 0 and done.stdout[:4] == b"\x0a\x0d\x0d\x0a" and MARK not in done.stdout


@pytest.mark.parametrize("seed", range(4))
def test_secret_in_bytes_that_belong_to_no_message_is_made_unreadable(seed: int, tmp_path: Path) -> None:
    tcp = wire.Tcp(("10.0.0.1", 50000), ("10.0.0.2", 1935), mss=40).open()
    client, server = wire.handshake()
    if seed:
        tcp.send(0, client[:1537]).send(1, server).send(0, client[1537:])
    writers = (wire.ChunkWriter(), wire.ChunkWriter())
    secrets = [f"{number}wX9kQ{number}vR7tZ{number}".encode() for number in range(30, 50)]
    for secret in secrets:
        tcp.send(0, writers[0].message(3, 20, command("publish", 5, None, secret.decode(), "live"), 0, 1))
        tcp.send(1, writers[1].message(3, 20, command("onStatus", 0, None, {"code": "a.b"}), 0, 1))
    chance = Random(seed)
    frames = [frame for frame in tcp.frames if not seed or chance.random() > 0.08]
    copy = sanitised(capture(tmp_path, frames), tmp_path)
    for secret in secrets:
        assert_nowhere(copy, secret)


def test_copy_of_a_message_that_never_ended_decodes_alike_and_keeps_nothing_of_it(tmp_path: Path) -> None:
    body = command("publish", 5, None, KEY, "live")
    tcp = wire.Tcp(("10.0.0.1", 50000), ("10.0.0.2", 1935)).open()
    client, server = wire.handshake()
    tcp.send(0, client[:1537]).send(1, server).send(0, client[1537:])
    tcp.send(0, wire.ChunkWriter().message(3, 20, body, 0, 1)[:-3])
    path = capture(tmp_path, tcp.frames)
    copy = sanitised(path, tmp_path)
    assert_nowhere(copy, KEY.encode())
    assert [without_text(record) for record in trace(path)] == [without_text(record) for record in trace(copy)]


def test_secret_is_replaced_where_the_end_of_the_stream_was_not_captured(tmp_path: Path) -> None:
    frames = session((20, command("publish", 5, None, KEY, "live")), (9, b"\x27\1\0\0\0" + bytes(50)), sizes=(90,))
    last = max(place for place, (_, data) in enumerate(frames) if len(data) > 54)
    path = capture(tmp_path, [*frames[:last], frames[last + 1]])  # its acknowledgement was
    copy = sanitised(path, tmp_path)
    assert "gap" in [record["record"] for record in trace(path)]
    assert_nowhere(copy, KEY.encode())
    assert [without_text(record) for record in trace(path)] == [without_text(record) for record in trace(copy)]


@pytest.mark.parametrize("snaplen", [65, 70, 80, 95, 105])
@pytest.mark.parametrize("mss", [40, 60])
def test_no_part_of_a_secret_stays_where_every_packet_was_cut(mss: int, snaplen: int, tmp_path: Path) -> None:
    secret = "qWm3Kx9ZtRv7Lp2YbN4c"
    tcp = wire.Tcp(mss=mss).open()
    client, server = wire.handshake()
    tcp.send(0, client[:1537]).send(1, server).send(0, client[1537:])
    writer = wire.ChunkWriter()
    for before in (10, 23, 36):
        body = command("publish", 5, None, "x" * before + secret, "live", {"username": secret})
        tcp.send(0, writer.message(3, 20, body, 0, 1))
    copy = sanitised(capture(tmp_path, tcp.frames, snaplen=snaplen), tmp_path)
    for at in range(len(secret) - 5):
        assert_nowhere(copy, secret[at : at + 6].encode())


@pytest.mark.parametrize("addresses", [False, True])
def test_part_of_a_secret_in_a_quoted_packet_or_in_padding_is_made_unreadable(addresses: bool, tmp_path: Path) -> None:
    frames = session((20, command("publish", 5, None, KEY, "live")))
    time, whole = next(frame for frame in frames if KEY.encode() in frame[1])
    quoted = whole[14 : whole.index(KEY.encode()) + 10]
    icmp = bytes.fromhex("0301000000000000") + quoted
    padded = next(data for _, data in frames if len(data) == 54) + KEY[5:].encode()
    frames += [(time, wire.ethernet(wire.ipv4("10.0.0.2", "10.0.0.1", icmp, 1))), (time, padded)]
    copy = sanitised(capture(tmp_path, frames), tmp_path, addresses)
    for at in range(len(KEY) - 5):
        assert_nowhere(copy, KEY[at : at + 6].encode())
    assert [len(packet.data) for packet in packets(copy)] == [len(data) for _, data in frames]


@pytest.mark.parametrize("around", ["ipv4", "ipv6", "ipv4 in ipv4"])
@pytest.mark.parametrize("snaplen", [65_535, 110])
def test_nothing_that_is_quoted_or_pads_a_frame_can_be_read_and_checksums_hold(
    around: str, snaplen: int, tmp_path: Path
) -> None:
    texts = (KEY[3:7].encode(), KEY.encode().hex().encode()[5:17], b64encode(KEY.encode())[3:12])
    frames = session((20, command("publish", 5, None, KEY, "live")))
    time, whole = frames[-1]
    version = 6 if around == "ipv6" else 4
    ends = ("fd00::1", "fd00::2") if version == 6 else ("10.0.0.1", "10.0.0.2")
    ip = wire.ipv6 if version == 6 else wire.ipv4
    segment = wire.tcp_segment((ends[0], 5000), (ends[1], 1935), 1, 0, 16, b"--".join(texts))
    message = bytearray(bytes.fromhex("0300000000000000" if version == 4 else "0100000000000000") + ip(*ends, segment))
    pseudo = b"" if version == 4 else b"".join(ip_address(end).packed for end in ends[::-1])
    pseudo += struct.pack(">II", len(message), 58) if pseudo else b""
    message[2:4] = wire.u16(wire.checksum(pseudo + message))
    quoting = ip(ends[1], ends[0], bytes(message), 58 if version == 6 else 1)
    if around == "ipv4 in ipv4":
        quoting = wire.ipv4("10.9.0.1", "10.9.0.2", quoting, 4)
    frames.append((time, wire.ethernet(quoting)))
    frames.append((time, next(data for _, data in frames if len(data) == 54) + b"--".join(texts)))
    path = capture(tmp_path, frames, snaplen=snaplen)
    copy = sanitised(path, tmp_path)
    for text in texts:
        assert_nowhere(copy, text)
    if snaplen > 200:
        for file in (path, copy):
            fields = ["-e", "icmp.checksum.status", "-e", "icmpv6.checksum.status", "-e", "ip.checksum.status"]
            checked = ["-o", "ip.check_checksum:TRUE", "-Y", "icmp or icmpv6", "-T", "fields", *fields]
            done = subprocess.run(["tshark", "-r", str(file), *checked], capture_output=True, text=True, check=True)
            said = done.stdout
            assert "1" in said and not set(said.replace(",", "").split()) - {"1", "11", "111"}, said


def test_no_part_of_a_secret_stays_in_an_aggregate_that_was_cut(tmp_path: Path) -> None:
    inner = (20, 0, command("play", 3, None, KEY))
    frames = session((22, wire.aggregate(inner, inner, inner)), chunk_size=4096, sizes=(60,) * 20)
    copy = sanitised(capture(tmp_path, frames, snaplen=90), tmp_path)
    for at in range(len(KEY) - 5):
        assert_nowhere(copy, KEY[at : at + 6].encode())


def test_streams_with_most_to_replace_are_blanked_where_memory_is_at_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sanitize", "edits"):
        monkeypatch.setattr(f"rtmpscope.{module}.EDITS_BYTES", 4000)
    many = [(20, command("publish", 5, None, f"{KEY}-{number}", "live")) for number in range(50)]
    other = wire.Tcp(("10.0.0.3", 50002), ("10.0.0.2", 1935)).open()
    client, server = wire.handshake()
    other.send(0, client[:1537]).send(1, server).send(0, client[1537:])
    other.send(0, wire.ChunkWriter().message(3, 20, command("publish", 5, None, KEY, "live"), 0, 1))
    path = capture(tmp_path, [*session(*many), *other.frames])
    copy = tmp_path / "copy.pcapng"
    sanitizer = Sanitizer(open_capture([str(path)]), RTMP_PORTS)
    with copy.open("wb") as file:
        sanitizer.write(file)
    assert [problem.code for problem in sanitizer.problems] == ["limit-edits"]
    assert_nowhere(copy, KEY.encode())
    assert [record["connection"] for record in trace(copy) if record.get("type") == "command_amf0"] == [1]


def test_retransmissions_are_blanked_where_memory_for_what_was_sent_is_at_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = session((9, b"\x27\1\0\0\0" + bytes(range(65, 90)) * 40), (9, b"\x27\1\0\0\0" + bytes(300)))
    place = next(place for place, (_, data) in enumerate(frames) if bytes(range(65, 90)) in data)
    frames.insert(len(frames) - 4, frames[place])
    path = capture(tmp_path, frames)
    for room, again in ((10_000, True), (1000, False)):
        monkeypatch.setattr("rtmpscope.sanitize.RECENT_BYTES", room)
        found = [packet.data for packet in packets(sanitised(path, tmp_path)) if bytes(range(65, 90)) in packet.data]
        assert len(found) == (2 if again else 1)
