"""Hostile captures through everything that rtmpscope does with a capture, for as long as you like.

bench.mutate makes the captures; `examine` reads one as print, export, stats, extract and the timeline would, and holds
the results to what is promised: nothing raises, everything ends, the trace is strict JSON of the published schema, no
text moves a terminal, no secret that a command has named is written anywhere after that, events come in the order in
which they became certain, every byte of a stream is accounted for once, memory stays under a bound, other batches of
packets give the same messages, and opening a row gives the message that was read. What breaks a promise is cut down to
few packets and kept in tests/regressions, where a test replays it for good.

    python -m bench.fuzz [--seconds 60] [--seed 1] [--layers chunk,body] [--case N] [--keep DIR]
"""

from __future__ import annotations

import argparse
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl

from bench.decoders import UNSAFE
from bench.mutate import LAYERS, Case, Mutator, recorded
from rtmpscope.capture import CaptureError
from rtmpscope.capture.files import CaptureReader, open_capture
from rtmpscope.engine import RTMP_PORTS, Engine
from rtmpscope.export.flv import FlvExtractor
from rtmpscope.export.jsonl import Trace
from rtmpscope.export.stats import tables
from rtmpscope.export.text import TextLines
from rtmpscope.model import Event, Field, Message, Packet
from rtmpscope.plugins import Registry, load_builtin
from rtmpscope.redact import Redactor
from rtmpscope.sanitize import Sanitizer
from rtmpscope.store import Store
from tests import records, strict, wire
from tests.accounts import check_accounts

REGRESSIONS = Path(__file__).resolve().parent.parent / "tests" / "regressions"

CPU_SECONDS = 20  # for a capture of at most some hundred kilobytes: one that takes longer is taken for a hang
MEMORY = 256 << 20  # bytes that such a capture may take
SAMPLED_RECORDS = 2  # of each capture, held to the schema
OPENED_ROWS = 12
SINGLE = 0.1  # of the captures, that are fed packet by packet
EXTRACTED = 0.25  # of the captures, which wait for the disk
SANITISED = 0.1

SECRET = re.compile(rb"s3cr3t[-\w]*")

T = TypeVar("T")

NAMING = ("publish", "play", "releaseStream", "FCPublish")  # commands whose first argument is a stream's name


class Broken(Exception):
    """A promise that was not kept: its name, and what shows it."""


class Finding(NamedTuple):
    """One thing that goes wrong: a line that is the same whenever it does, and all there is to say."""

    signature: str
    details: str


# --- one capture -------------------------------------------------------------------------------------------


class Examination:
    """Everything that is done with one capture, every result looked at."""

    def __init__(self, path: str, planted: Sequence[str], chance: Random) -> None:
        self._path = path
        self._planted = planted
        self._chance = chance
        self._named: dict[str, int] = {}  # secrets, by the number of the message that named them first
        self._written: list[str] = []
        self._messages: list[Message] = []
        self._ready = 0
        self._redactor = Redactor(b"fuzz")

    def run(self) -> None:
        reader = open_capture([self._path])
        registry = _registry()
        engine = Engine(registry, whole_payloads=True)
        trace = Trace(self._record, engine.connections, engine.describe, self._redactor, payload=True)
        lines = TextLines(self._line, engine.connections, engine.describe, wire.START_NS, self._redactor)
        trace.header([(self._path, report.format) for report in reader.files], None)
        single = self._chance.random() < SINGLE
        with self._extractor() as extractor:
            for packets in self._batches(reader, single):
                for event in engine.feed(packets) if packets is not None else engine.finish():
                    self._event(event, engine.describe)
                    trace.event(event)
                    lines.event(event)
                    if extractor is not None:
                        extractor.event(event)
            if extractor is not None:
                for line in extractor.finish():
                    self._line(line)
        trace.finish(reader.files)
        self._line(tables(reader.files, engine.connections, self._redactor))
        for problem in registry.problems:
            raise Broken("problem", problem.text)
        for record in self._chance.sample(self._written, min(len(self._written), SAMPLED_RECORDS)):
            with _deep_stack():
                strict.check(strict.parse(record))
        check_accounts([packet for batch in open_capture([self._path]).batches() for packet in batch.packets])
        self._read_again(not single)
        if reader.restartable:
            self._open_rows()
        if self._chance.random() < SANITISED:
            self._sanitise()

    @contextmanager
    def _extractor(self) -> Iterator[FlvExtractor | None]:
        if self._chance.random() >= EXTRACTED:
            yield None
            return
        with tempfile.TemporaryDirectory() as folder, FlvExtractor(folder) as extractor:
            yield extractor

    def _batches(self, reader: CaptureReader, single: bool) -> Iterator[list[Packet] | None]:
        """What the reader gives, or a packet at a time; None in the end."""
        for batch in reader.batches():
            if single:
                yield from ([packet] for packet in batch.packets)
            else:
                yield batch.packets
        yield None

    # What is promised of events

    def _event(self, event: Event, describe: Callable[[Event], Field]) -> None:
        if event.ready < self._ready:
            raise Broken("order", f"ready {event.ready} after {self._ready}")
        self._ready = event.ready
        if isinstance(event, Message):
            self._message(event)
            self._learn(event.number, describe(event))

    def _message(self, message: Message) -> None:
        missing = sum(length for _, length in message.holes or ())
        if message.number != len(self._messages) + 1:
            raise Broken("numbers", f"message {message.number} after {len(self._messages)}")
        if message.captured + missing != message.length:
            raise Broken("bytes", f"{message.captured} captured and {missing} missing of {message.length}")
        if message.whole and len(message.payload) != message.captured:
            raise Broken("payload", f"{len(message.payload)} bytes of {message.captured}")
        self._messages.append(message)

    def _learn(self, number: int, body: Field) -> None:
        """From a command that names a stream on, the name and its query parts are secrets."""
        arguments = body.child("arguments")
        if body.get("name") in NAMING and arguments is not None and arguments.children:
            name = arguments.children[0].value
            if isinstance(name, str):
                path, _, query = name.partition("?")
                said = {path, *(value for _, value in parse_qsl(query))}
                for secret in said.intersection(self._planted):
                    self._named.setdefault(secret, number)

    # What is promised of texts

    def _record(self, record: str) -> None:
        self._control(record)
        number = strict.parse(record).get("number", len(self._messages))  # it may have been held back
        self._secret(record, number)
        self._written.append(record)

    def _line(self, text: str) -> None:
        self._control(text.replace("\n", ""))
        self._secret(text, len(self._messages))

    def _control(self, text: str) -> None:
        found = UNSAFE.search(text)
        if found is not None:
            raise Broken("control", f"{found[0]!r} in {text[max(0, found.start() - 60) : found.end() + 20]!r}")

    def _secret(self, text: str, number: int) -> None:
        for secret, named in self._named.items():
            for form in (secret, secret.encode().hex()):
                at = text.find(form) if named <= number else -1
                if at >= 0:
                    raise Broken("secret", f"{secret} in {text[max(0, at - 300) : at + 100]}")

    # What is promised of other ways to read the same

    def _read_again(self, single: bool) -> None:
        """Without whole payloads, in other batches: the same messages, of media perhaps only a head."""
        engine = Engine(_registry())
        found: list[Message] = []
        for packets in self._batches(open_capture([self._path]), single):
            events = engine.feed(packets) if packets is not None else engine.finish()
            found += [event for event in events if isinstance(event, Message)]
        for message, again in zip(self._messages, found, strict=False):
            payload = message.payload[: None if again.whole else len(again.payload)]
            if _facts(message) != _facts(again) or again.payload != payload:
                raise Broken("again", f"{_facts(message)} was {_facts(again)}, {again.payload[:99]!r}")
        if len(found) != len(self._messages):
            raise Broken("again", f"{len(found)} messages were {len(self._messages)}")

    def _open_rows(self) -> None:
        """Load the capture as the timeline does, and open some of its rows in any order."""
        store = Store(open_capture([self._path]), _registry(), RTMP_PORTS)
        store.load()
        if store.error or store.messages != len(self._messages):
            raise Broken("rows", f"{store.messages} rows for {len(self._messages)} messages: {store.error}")
        for index in self._chance.sample(range(store.count), min(store.count, OPENED_ROWS)):
            event = store.open(index)
            self._secret(store.summary(index, self._redactor), len(self._messages))
            if isinstance(event, Message):
                message = self._messages[event.number - 1]
                if _facts(message) != _facts(event) or message.payload != event.payload:
                    raise Broken("row", f"{_facts(message)} is {_facts(event)} when it is opened")

    def _sanitise(self) -> None:
        """The copy has packets of the same lengths, and no secret that a command has named anywhere."""
        with tempfile.NamedTemporaryFile(suffix=".pcapng") as file:
            Sanitizer(open_capture([self._path]), RTMP_PORTS).write(file)  # type: ignore[arg-type]
            file.flush()
            if _sizes(file.name) != _sizes(self._path):
                raise Broken("sizes", "the packets of the sanitised copy have other lengths")
            copy = Path(file.name).read_bytes()
        for secret in self._named:
            at = copy.find(secret.encode())
            if at >= 0:
                raise Broken("copy", f"{secret} in {copy[max(0, at - 60) : at + 60]!r}")


def _sizes(path: str) -> list[tuple[int, int]]:
    return [
        (packet.captured, packet.wire_length) for batch in open_capture([path]).batches() for packet in batch.packets
    ]


def _facts(message: Message) -> tuple[int, ...]:
    """What is the same however a message was read."""
    return (
        message.number, message.connection, message.direction, message.csid, message.type_id, message.timestamp,
        message.message_stream_id, message.length, message.captured, message.first_packet, message.packet,
    )  # fmt: skip


def _registry() -> Registry:
    registry = Registry()
    load_builtin(registry)
    return registry


def examine(data: bytes, planted: Sequence[str] = (), seed: object = 0) -> Finding | None:
    """What goes wrong with this capture, None where every promise is kept."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(data)
        file.flush()
        try:
            with _limited(CPU_SECONDS, MEMORY):
                Examination(file.name, planted, Random(f"{seed}")).run()
        except CaptureError:
            return None
        except Exception as error:
            return Finding(_signature(error), traceback.format_exc())
    return None


@contextmanager
def _deep_stack() -> Iterator[None]:
    """For the validator, which takes a dozen calls for each level of a value."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10 * limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@contextmanager
def _limited(seconds: float, memory: int) -> Iterator[None]:
    """Raise Broken in what takes more processor time, where other programs do not count, MemoryError for memory."""

    def stop(*_: object) -> None:
        raise Broken("hang", f"more than {seconds} s")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds)  # again, should it meet a place where errors are dropped
    resource.setrlimit(resource.RLIMIT_AS, (taken + memory, limits[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _signature(error: Exception) -> str:
    """The kind of error and where in the package it came from; what was broken, and of a hang not even the place."""
    if isinstance(error, Broken):
        return f"broken: {error.args[0]}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "rtmpscope" in Path(frame.filename).parts]
    place = f" in {Path(frames[-1].filename).name}, {frames[-1].name}" if frames else ""
    return f"{type(error).__name__}{place}"


# --- what was found ----------------------------------------------------------------------------------------


def minimised(data: bytes, fails: Callable[[bytes], bool], seconds: float = 60) -> bytes:
    """The smallest part of a capture that can be found quickly and still fails: packets first, then bytes."""
    until = time.monotonic() + seconds
    packets = _packets(data)
    if packets and fails(_capture(packets)):
        return _capture(_shrunk(packets, lambda kept: fails(_capture(kept)), until))
    size = max(1, len(data) // 256)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    kept = _shrunk(pieces, lambda some: fails(b"".join(some)), until)
    return b"".join(kept)


def _shrunk(items: list[T], fails: Callable[[list[T]], bool], until: float) -> list[T]:
    """Leave out runs of items, long ones first, as long as what is left fails (delta debugging)."""
    size = len(items) // 2
    while size:
        at = 0
        while at < len(items) and time.monotonic() < until:
            rest = items[:at] + items[at + size :]
            if fails(rest):
                items = rest
            else:
                at += size
        size //= 2
    return items


def _packets(data: bytes) -> list[Packet]:
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(data)
        file.flush()
        try:
            return [packet for batch in open_capture([file.name]).batches() for packet in batch.packets]
        except CaptureError:
            return []


def _capture(packets: Sequence[Packet]) -> bytes:
    """The packets as pcapng, which takes every link type, and with this offset nearly every time."""
    offset = -9_223_372_036
    links = sorted({int(packet.link_type) for packet in packets})
    out = [records.section(), *(records.interface(link, 0, tsresol=9, tsoffset=offset) for link in links)]
    for packet in packets:
        ticks = max(0, int(packet.time_ns) - offset * 10**9)
        out.append(
            records.enhanced(packet.data, ticks, links.index(packet.link_type), wire_length=int(packet.wire_length))
        )
    return b"".join(out)


# --- many captures -----------------------------------------------------------------------------------------


class Campaign:
    """Case after case, the same for the same seed; of findings that look alike the first one is kept."""

    def __init__(self, seed: int, layers: tuple[str, ...] = LAYERS) -> None:
        self.executions: Counter[str] = Counter()
        self.size = 0
        self.findings: dict[str, tuple[int, Case, Finding]] = {}
        self._seed = seed
        self._layers = layers

    def case(self, number: int) -> Case:
        return Mutator(Random(f"{self._seed} {number}"), self._layers).case()

    def try_case(self, number: int) -> Finding | None:
        case = self.case(number)
        finding = examine(case.data, planted(case.name), number)
        self.executions[case.layer] += 1
        self.size += len(case.data)
        if finding is not None:
            self.findings.setdefault(finding.signature, (number, case, finding))
        return finding

    def run(self, seconds: float, show: Callable[[Finding, int], object], cases: int = sys.maxsize) -> None:
        until = time.monotonic() + seconds
        number = 0
        while number < cases and time.monotonic() < until:
            known = len(self.findings)
            finding = self.try_case(number)
            if finding is not None and len(self.findings) > known:
                show(finding, number)
            number += 1

    def keep(self, folder: Path) -> Iterator[Path]:
        """Write each finding's smallest capture."""
        folder.mkdir(exist_ok=True)
        for signature, (number, case, _) in self.findings.items():
            path = folder / f"{re.sub('[^a-z0-9]+', '-', signature.lower())}-{self._seed}-{number}.pcapng"
            path.write_bytes(minimised(case.data, partial(_fails, signature, planted(case.name), number)))
            yield path


def _fails(signature: str, secrets: Sequence[str], seed: int, data: bytes) -> bool:
    finding = examine(data, secrets, seed)
    return finding is not None and finding.signature == signature


@cache
def planted(name: str) -> tuple[str, ...]:
    """What was secret when a capture was recorded."""
    found = {match.decode() for record in recorded(name) for match in SECRET.findall(record.data)}
    return tuple(sorted(secret for secret in found if len(secret) > len("s3cr3t")))


def _show(finding: Finding, number: int) -> None:
    print(f"case {number}: {finding.signature}\n{finding.details}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layers", default=",".join(LAYERS), help="only damage in these")
    parser.add_argument("--case", type=int, help="only this one")
    parser.add_argument("--write", type=Path, help="write the capture of --case to this file")
    parser.add_argument("--keep", type=Path, default=REGRESSIONS, help="where findings go")
    options = parser.parse_args()
    campaign = Campaign(options.seed, tuple(options.layers.split(",")))
    if options.case is not None:
        if options.write:
            options.write.write_bytes(campaign.case(options.case).data)
        finding = campaign.try_case(options.case)
        print(finding.details if finding else "no finding")
        return 1 if finding else 0
    began = time.monotonic()
    campaign.run(options.seconds, _show)
    total, seconds = campaign.executions.total(), time.monotonic() - began
    print(f"{total:,} captures, {campaign.size / 1e6:,.1f} MB, in {seconds:,.0f} s: {total / seconds:,.1f} a second")
    print("  ".join(f"{layer} {count:,}" for layer, count in sorted(campaign.executions.items())))
    print(f"{len(campaign.findings)} findings")
    for path in campaign.keep(options.keep):
        print(path)
    return 1 if campaign.findings else 0


if __name__ == "__main__":
    sys.exit(main())
