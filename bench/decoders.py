"""Every decoder as a function of bytes, held to what is promised of it: for coverage-guided fuzzing and its corpus.

A decoder takes any bytes, ends, and accounts for them: every range lies within its parent's, what was not decoded is
those bytes, no value read twice.  What it made of them is then shown in every way, redacted and not, and that holds
no character that a terminal obeys and is JSON that a strict parser reads.

`Target`s read no files and keep nothing from one input to the next, so an input that breaks a promise does so alone.
"""

from __future__ import annotations

import re
import struct
import tempfile
import unicodedata
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Final

from bench import mutate
from rtmpscope import filters
from rtmpscope.amf import amf0, amf3
from rtmpscope.capture import CaptureError
from rtmpscope.capture.files import open_capture
from rtmpscope.capture.pcap import LAYOUTS, PcapParser
from rtmpscope.capture.pcapng import PcapngParser
from rtmpscope.engine import Engine
from rtmpscope.export import values
from rtmpscope.media import configs
from rtmpscope.model import ACK, C2S, S2C, SYN, VIDEO, Event, Field, Handshake, Message, Packet, Segment
from rtmpscope.net.decode import LINKS, Decoder
from rtmpscope.net.reassembly import Reassembler
from rtmpscope.net.rewrite import Layers, rewritten
from rtmpscope.plugins import Registry, load_builtin
from rtmpscope.redact import Redactor
from rtmpscope.rtmp import handshake, messages
from rtmpscope.rtmp.summary import summarize
from rtmpscope.text import printable
from tests import segments, strict, wire
from tests.accounts import check_accounts

Target = Callable[[bytes], None]

CORPUS: Final = Path(__file__).resolve().parent.parent / "tests" / "corpus"

# What a terminal may obey.
OBEYED: Final = [
    chr(code)
    for code in range(0x110000)
    if unicodedata.category(chr(code)) in ("Cc", "Cs", "Zl", "Zp")
    or unicodedata.bidirectional(chr(code)) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
]
UNSAFE: Final = re.compile(f"[{re.escape(''.join(OBEYED))}]")

KEY: Final = bytes(8) + b"\x0a\0\0\1\x0a\0\0\2\xc3\x50\x07\x8f"
CODECS: Final = ("h264", "hevc", "vvc", "av1", "vp9", "vp8", "aac", "opus", "flac", "ac3", "eac3", "mp3")


# Decoders of message bodies, by their type.
BODIES: Final = {
    "command": 20,
    "command_amf3": 17,
    "data": 18,
    "shared_object": 19,
    "shared_object_amf3": 16,
    "user_control": 4,
    "aggregate": 22,
    "audio": 8,
    "video": 9,
}


# --- what is promised --------------------------------------------------------------------------------------


def check_field(root: Field, payload: bytes) -> None:
    """Every range lies within its parent's and the payload's, and bytes that were not decoded are those bytes."""
    waiting = [root]
    assert 0 <= root.start <= root.end <= len(payload), root
    while waiting:
        field = waiting.pop()
        for child in field.children:
            assert field.start <= child.start <= child.end <= field.end, (field, child)
        if field.name == "undecoded" and isinstance(field.value, bytes) and not field.kind:  # a property has a kind
            piece = payload[field.start : field.end]
            without = (field.value.replace(b"\3", b""), piece.replace(b"\3", b""))  # emulation prevention (H.264 7.4.1)
            assert field.text and (field.value == piece or without[0] == without[1]), field
        waiting += field.children


def check_shown(message: Message, body: Field) -> None:
    """The body in a trace, in a line and on a screen, with secrets and without."""
    redactor = Redactor(b"fuzz")
    redacted = redactor.body(message, body)
    for root in (body, redacted):
        strict.parse(values.value(root))
        check_text(printable(summarize(message, root)))
    redactor.hidden(message, body, redacted)


def check_text(text: str) -> None:
    found = UNSAFE.search(text)
    assert found is None, f"{found[0]!r} in {text!r}"


# --- bodies ------------------------------------------------------------------------------------------------


def _amf0(data: bytes) -> None:
    _values(amf0.Decoder(data, len(data)), data)


def _amf3(data: bytes) -> None:
    _values(amf3.Decoder(data, len(data)), data)


def _values(decoder: amf0.Decoder | amf3.Decoder, data: bytes) -> None:
    at = 0
    while at < len(data):
        field = decoder.value(at, "value")
        check_field(field, data)
        strict.parse(values.value(field))
        if decoder.failed:
            return
        assert field.end > at, "nothing was read"
        at = field.end


def _message(type_id: int, data: bytes) -> None:
    """The first byte says how much more was declared than captured."""
    missing, payload = (data[0] % 4 * 9, data[1:]) if data else (0, b"")
    length = len(payload) + missing
    body = messages.decode(type_id, payload, length)
    check_field(body, payload)
    message = Message(0, C2S, 1, 0, 0, 3, type_id, 1, 0, length, payload)
    if missing:
        message.captured, message.holes = len(payload), [(len(payload), missing)]
    check_shown(message, body)


def _configs(data: bytes) -> None:
    codec, record = (CODECS[data[0] % len(CODECS)], data[1:]) if data else ("h264", b"")
    check_field(configs.decode(codec, record), record)
    check_text(str(configs.parameters(codec, record)))


def _handshake(data: bytes) -> None:
    """Three parts of each side, in turn; one that lacks bytes was captured so."""
    parts: list[Handshake] = []
    at = 0
    for number, name in enumerate(("C0", "S0", "C1", "S1", "S2", "C2")):
        size = 1 if name[1] == "0" else 1536
        part = Handshake(0, number % 2, number, number, name, at, data[at : at + size])
        handshake.grade(parts, part)
        check_field(handshake.describe(part), part.data)
        parts.append(part)
        at += size


# --- streams -----------------------------------------------------------------------------------------------


def _chunks(data: bytes) -> None:
    """What a client says after its handshake; the first bytes: sizes of segments, and which of them is lost."""
    client, server = wire.handshake()
    size, lost = (data[0] + 1, data[1]) if len(data) > 1 else (256, 255)
    sent = _opened([(C2S, client), (S2C, server)])
    seq = sent[-1].seq if sent[-1].key == KEY else sent[-2].end
    for number, at in enumerate(range(2, len(data), size)):
        piece = _piece(C2S, seq, ACK, data[at : at + size])
        if number != lost:
            sent.append(piece)
        seq = piece.end
    check_events(segments.packets(sent))


def _conversation(data: bytes) -> None:
    """Segments of both sides, from somewhere in the middle: who, how many bytes are lost before it, how long it is."""
    seqs = [1000, 5000]
    sent = []
    at = 0
    while at + 3 <= len(data):
        direction, skipped, size = data[at] & 1, data[at + 1], data[at + 2]
        seqs[direction] += skipped if data[at] & 2 else 0
        sent.append(_piece(direction, seqs[direction], ACK, data[at + 3 : at + 3 + size]))
        seqs[direction] += size
        at += 3 + size
    check_events(segments.packets(sent))


def _opened(turns: list[tuple[int, bytes]]) -> list[segments.Piece]:
    sent = [_piece(C2S, 999, SYN, b""), _piece(S2C, 4999, SYN | ACK, b"")]
    return sent + [_piece(direction, (1000, 5000)[direction], ACK, said) for direction, said in turns]


def _piece(direction: int, seq: int, flags: int, payload: bytes) -> segments.Piece:
    key = KEY[8:] if direction == C2S else KEY[12:16] + KEY[8:12] + KEY[18:] + KEY[16:18]
    return segments.Piece(10**18, key, seq, 0, flags, 65535, payload)


def check_events(packets: list[Packet]) -> list[Event]:
    """The packets through the engine: numbers and bytes of the messages are right, and every byte is accounted for."""
    registry = Registry()
    load_builtin(registry)
    engine = Engine(registry, whole_payloads=True)
    events = engine.feed(packets) + engine.finish()
    assert not registry.problems, registry.problems
    said = [event for event in events if isinstance(event, Message)]
    assert [message.number for message in said] == list(range(1, len(said) + 1))
    for message in said:
        missing = sum(length for _, length in message.holes or ())
        assert message.captured + missing == message.length and len(message.payload) == message.captured, message
        check_text(printable(summarize(message, engine.describe(message))))
    assert [event.ready for event in events] == sorted(event.ready for event in events)
    check_accounts(packets)
    return events


# --- packets and files -------------------------------------------------------------------------------------


def _decode(data: bytes) -> None:
    """Packets with two bytes of length each; the first byte is the link type of all."""
    links = sorted(LINKS)
    packets = []
    at = 1
    while at + 2 <= len(data):
        frame = data[at + 2 : at + 2 + int.from_bytes(data[at : at + 2], "big")]
        packets.append(_packet(len(packets) + 1, links[data[0] % len(links)], frame))
        at += 2 + len(frame)
    found: list[Segment] = Decoder().decode(packets)
    for packet in packets:
        layers = Layers(packet)
        assert len(rewritten(packet, layers, bytearray(bytes(len(packet.data)))).data) == len(packet.data)
    reassembler = Reassembler()
    for flow in (*reassembler.feed(found), *reassembler.finish()):
        for side in flow.sides:
            side.take()


def _packet(number: int, link_type: int, data: bytes) -> Packet:
    return Packet(number, 0, link_type, data, 0, len(data), len(data))


def _pcap(data: bytes) -> None:
    if data[:4] in LAYOUTS:
        _parsed(PcapParser(), data)


def _pcapng(data: bytes) -> None:
    _parsed(PcapngParser(), data)


def _parsed(parser: PcapParser | PcapngParser, data: bytes) -> None:
    packets: list[Packet] = []
    end = parser.parse(data, 1, packets)
    assert 0 <= end <= len(data) and (parser.fault or len(data) - end < parser.need)
    assert [packet.number for packet in packets] == list(range(1, len(packets) + 1))
    assert sum(len(packet.data) for packet in packets) <= end


def _file(data: bytes) -> None:
    """Any file, packed or not."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            reader = open_capture([file.name])
            packets = [packet for batch in reader.batches() for packet in batch.packets]
        except CaptureError as error:
            check_text(str(error))
            return
        check_text(reader.files[0].reason)
        Decoder().decode(packets)


def _filter(data: bytes) -> None:
    try:
        filters.compile(data.decode("utf-8", "surrogateescape"))
    except filters.FilterError as error:
        check_text(printable(str(error)))


TARGETS: Final[dict[str, Target]] = {
    "amf0": _amf0,
    "amf3": _amf3,
    **{name: partial(_message, type_id) for name, type_id in BODIES.items()},
    "configs": _configs,
    "handshake": _handshake,
    "chunks": _chunks,
    "conversation": _conversation,
    "decode": _decode,
    "pcap": _pcap,
    "pcapng": _pcapng,
    "file": _file,
    "filter": _filter,
}


# --- what to begin with ------------------------------------------------------------------------------------


def inputs(name: str) -> list[bytes]:
    """What fuzzing has kept for a target."""
    path = CORPUS / name
    return [b64decode(line) for line in path.read_text().splitlines()] if path.exists() else []


def seeds(name: str) -> Iterator[bytes]:
    """Inputs of a target, most of them out of the recorded captures."""
    return SEEDS[name]()


@cache
def _said() -> dict[bytes, int]:
    """The type of each payload in the recorded captures, as much of it as a fuzzer likes."""
    return {message.payload[:1500]: message.type_id for capture in mutate.NAMES for message in mutate.session(capture)}


def _payloads(*type_ids: int) -> Iterator[bytes]:
    return (payload for payload, type_id in _said().items() if type_id in type_ids)


def _body_seeds(type_id: int) -> Iterator[bytes]:
    return (b"\0" + payload for payload in _payloads(type_id))


def _amf3_seeds() -> Iterator[bytes]:
    """An object with a reference to itself, a vector, a dictionary, an external object."""
    yield from map(bytes.fromhex, ("0a0b01036104010362060401", "0d050000000001ffffffff", "11030006036106036104"))
    yield b"\x0a\x07\x43flex.messaging.io.ArrayCollection\x09\x03\x01\x04\x05"


def _configs_seeds() -> Iterator[bytes]:
    return (bytes([codec]) + payload[5:] for payload in _payloads(VIDEO) for codec in range(4))


def _handshake_seeds() -> Iterator[bytes]:
    client, server = wire.handshake(8)
    yield client[:1] + server[:1] + client[1:1537] + server[1:] + client[1537:]


def _chunks_seeds() -> Iterator[bytes]:
    writer = wire.ChunkWriter(128)
    said = islice(_said().items(), 20)
    yield b"\xff\xff" + b"".join(writer.message(3, type_id, payload[:300], 0, 1) for payload, type_id in said)


def _conversation_seeds() -> Iterator[bytes]:
    return iter(())


def _decode_seeds() -> Iterator[bytes]:
    for capture in mutate.NAMES:
        record = mutate.recorded(capture)[0]
        link = sorted(LINKS).index(record.link_type) if record.link_type in LINKS else 0
        yield bytes([link]) + struct.pack(">H", len(record.data)) + record.data


def _file_seeds(*endings: str) -> Iterator[bytes]:
    names = (name for name in mutate.NAMES if name.endswith(endings))
    return ((mutate.CAPTURES / name).read_bytes()[:2000] for name in names)


def _filter_seeds() -> Iterator[bytes]:
    yield from (b"rtmp.type == video && rtmp.timestamp > 5", b'!(rtmp.summary matches "a.b") or ip.addr == 1.2.3.4')


SEEDS: Final[dict[str, Callable[[], Iterator[bytes]]]] = {
    "amf0": partial(_payloads, 18, 20),
    "amf3": _amf3_seeds,
    **{name: partial(_body_seeds, type_id) for name, type_id in BODIES.items()},
    "configs": _configs_seeds,
    "handshake": _handshake_seeds,
    "chunks": _chunks_seeds,
    "conversation": _conversation_seeds,
    "decode": _decode_seeds,
    "pcap": partial(_file_seeds, ".pcap"),
    "pcapng": partial(_file_seeds, ".pcapng"),
    "file": partial(_file_seeds, ".pcap", ".pcapng"),
    "filter": _filter_seeds,
}
