"""What of a damaged capture is still read: cut the recorded captures in many ways and compare with what was sent.

Each recorded capture is cut in each way of bench.damage and read as rtmpscope reads any.  Wanted are the messages of
which every byte is still there, headers included; where the snaplen was cut, those whose first header is there, and
so is the header before it that it refers to for type and length.  A message counts as recovered when it is reported
at its place with its type, length, message stream and payload.  A message is false when none was sent at its place,
or when anything that it says is not so: type, length, csid, message stream, timestamp, any byte of the payload.  A
null says nothing and is never false.

tshark reads a sample of the same cuts, with its default preferences and with those that suit it best.  It tells no
places, so its messages are only counted by type and length: what it has beyond those that were sent is false.

    python -m bench.recovery [--seeds 3] [--ways TEXT] [--captures TEXT] [--sample 0] [--show] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing import Pool
from pathlib import Path
from random import Random
from typing import NamedTuple

from bench.damage import WAYS, Way
from bench.originals import CAPTURES, NOTHING, Coverage, Original, Place, Sent, load
from rtmpscope.capture.writer import PcapngWriter
from rtmpscope.engine import Engine
from rtmpscope.model import DIRECTIONS, UNKNOWN, Event, Message, Packet
from rtmpscope.plugins import Registry

TSHARK = {
    "default": (),
    "tuned": ("-o", "rtmpt.max_packet_size:16777216", "-o", "tcp.reassemble_out_of_order:TRUE"),
}
SAMPLE = 25  # of so many cuts tshark reads one: it takes a second for each
GOOD = 0.95  # share of the wanted messages below which a cut is worth a look
SHOWN = 12  # missed messages of a cut that are listed

COLUMNS = (
    "rtmpt.header.format",
    "tcp.stream",
    "tcp.srcport",
    "rtmpt.header.csid",
    "rtmpt.header.typeid",
    "rtmpt.header.bodysize",
)


class Tally:
    """How many messages a reader should have found, found, and made up; nulls are timestamps of those found."""

    def __init__(self, wanted: int = 0, recovered: int = 0, false: int = 0, nulls: int = 0) -> None:
        self.wanted = wanted
        self.recovered = recovered
        self.false = false
        self.nulls = nulls

    def add(self, other: Tally) -> None:
        self.wanted += other.wanted
        self.recovered += other.recovered
        self.false += other.false
        self.nulls += other.nulls

    @property
    def share(self) -> float:
        return self.recovered / self.wanted if self.wanted else 1.0


class Reading(NamedTuple):
    """What became of one cut; false and missed name the messages for whoever looks for the cause."""

    tally: Tally
    false: list[str]
    missed: list[str]


def events(packets: list[Packet]) -> Iterator[Event]:
    engine = Engine(Registry(), whole_payloads=True)
    yield from engine.feed(packets)
    yield from engine.finish()


def wanted(original: Original, captured: dict[bytes, Coverage], headers: bool) -> dict[Place, Sent]:
    """The messages that a perfect reader of what was captured would report."""
    found = {}
    with_type = told(original, captured, (0, 1)) if headers else original.sent.keys()
    for place, sent in original.sent.items():
        ranges = (sent.header,) if headers else sent.ranges
        if place in with_type and all(captured.get(place[0], NOTHING).holds(*each) for each in ranges):
            found[place] = sent
    return found


def judge(original: Original, packets: list[Packet], headers: bool = False) -> Reading:
    """Read the packets and compare every message with the one that was sent at its place."""
    captured, shifts = original.locate(packets)
    missing = wanted(original, captured, headers)
    with_stream = told(original, captured, (0,)) if headers else set()
    tally = Tally(len(missing))
    unclaimed = dict(original.sent)
    false = []
    for message in events(packets):
        if not isinstance(message, Message) or message.aggregate:
            continue
        key, shift = shifts[message.first_packet]
        place = key, message.offset + shift
        sent = unclaimed.pop(place, None)
        if wrong := "nothing was sent here" if sent is None else lies(message, sent):
            false.append(f"{_said(message)}: {wrong}")
        elif place in missing and (headers or message.captured == message.length):
            if message.type_id == UNKNOWN or (message.message_stream_id == UNKNOWN and place in with_stream):
                continue
            del missing[place]
            tally.nulls += message.timestamp == UNKNOWN
    tally.recovered = tally.wanted - len(missing)
    tally.false = len(false)
    return Reading(tally, false, [_was_sent(place, sent) for place, sent in missing.items()])


def told(original: Original, captured: dict[bytes, Coverage], formats: tuple[int, ...]) -> set[Place]:
    """The messages of which a reader can know what headers of these formats say: the last on their csid is there."""
    found: set[Place] = set()
    known: dict[tuple[bytes, int], bool] = {}
    for place in sorted(original.sent):
        sent = original.sent[place]
        channel = place[0], sent.csid
        if sent.fmt in formats:
            known[channel] = captured.get(place[0], NOTHING).holds(*sent.header)
        if known.get(channel):
            found.add(place)
    return found


def lies(message: Message, sent: Sent) -> str:
    """What a message says that is not so; "" where all is true."""
    for name in ("direction", "type_id", "length", "csid", "message_stream_id", "timestamp"):
        said, true = getattr(message, name), getattr(sent, name)
        if said not in (UNKNOWN, true):
            return f"{name} is {true}"
    payload = bytearray(sent.payload)
    for start, length in reversed(message.holes or ()):
        del payload[start : start + length]
    if payload.startswith(message.payload):
        return ""
    pairs = zip(message.payload, payload, strict=False)
    place = next((place for place, (said, true) in enumerate(pairs) if said != true), len(payload))
    return f"byte {place} of those captured differs, holes {message.holes}"


def _said(message: Message) -> str:
    return (
        f"{DIRECTIONS[message.direction]} {message.offset} packet {message.packet} csid {message.csid}"
        f" fmt {message.fmt} type {message.type_id} length {message.captured} of {message.length}"
        f" time {message.timestamp} {message.payload[:8].hex()} {[note.code for note in message.notes or ()]}"
    )


def _was_sent(place: Place, sent: Sent) -> str:
    return (
        f"{DIRECTIONS[sent.direction]} {place[1]} packet {sent.packet} csid {sent.csid} type {sent.type_id}"
        f" length {sent.length} header {sent.header[1] - sent.header[0]}"
    )


# --- tshark ------------------------------------------------------------------------------------------------

Kind = tuple[bytes, int, int]  # source port, type and length


def judge_tshark(preferences: Iterable[str], original: Original, packets: list[Packet], headers: bool) -> Tally:
    """The same for tshark, by kinds of messages."""
    found = tshark(preferences, packets)
    captured, _ = original.locate(packets)
    expected = Counter(_kind(place, sent) for place, sent in wanted(original, captured, headers).items())
    sent = Counter(_kind(place, sent) for place, sent in original.sent.items())
    return Tally(expected.total(), (expected & found).total(), (found - sent).total())


def _kind(place: Place, sent: Sent) -> Kind:
    return place[0][-4:-2], sent.type_id, sent.length


def tshark(preferences: Iterable[str], packets: list[Packet]) -> Counter[Kind]:
    """The messages that tshark lists.  Type and length that a header inherits are those it last showed for the csid."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cut.pcapng")
        with path.open("wb") as file:
            writer = PcapngWriter(file)
            for packet in packets:
                writer.write(packet)
        command = ["tshark", "-n", "-r", str(path), *preferences, "-Y", "rtmpt", "-T", "fields"]
        command += [word for column in COLUMNS for word in ("-e", column)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    kinds: Counter[Kind] = Counter()
    last: dict[tuple[str, str, str], tuple[int, int]] = {}
    for line in done.stdout.splitlines():
        formats, stream, port, csids, types, lengths = line.split("\t")
        said = zip(types.split(","), lengths.split(","), strict=True)
        for fmt, csid in zip(formats.split(","), csids.split(","), strict=True):
            key = stream, port, csid
            if fmt in ("0", "1"):
                type_id, length = next(said)
                last[key] = int(type_id, 0), int(length)
            if key in last:
                kinds[int(port).to_bytes(2, "big"), *last[key]] += 1
    return kinds


# --- the bench ---------------------------------------------------------------------------------------------

Row = dict[str, Tally]  # by reader: "rtmpscope" over all cuts, "sample" over those that tshark read too


class Task(NamedTuple):
    """One capture, to be cut in these ways, with these seeds; tshark reads one of `sample` cuts, 0 for none."""

    capture: Path
    ways: list[Way]
    seeds: int
    sample: int
    show: bool


def bench(task: Task) -> dict[str, Row]:
    """A row for each way, over the cuts of one capture."""
    recorded = load(task.capture)
    rows: dict[str, Row] = {}
    for way in task.ways:
        original = way.source(recorded) if way.source else recorded
        if original is None or not original.sent:
            continue
        row = rows[way.name] = {}
        for cut in range(way.rounds * task.seeds):
            cause = f"{original.name}, {way.name}, cut {cut}"
            chance = Random(cause)
            packets = way.cut(original.packets, original, chance)
            reading = judge(original, packets, way.headers)
            add(row, "rtmpscope", reading.tally)
            if task.show:
                explain(cause, reading)
            if packets and task.sample and chance.randrange(task.sample) == 0:
                add(row, "sample", reading.tally)
                for name, preferences in TSHARK.items():
                    add(row, name, judge_tshark(preferences, original, packets, way.headers))
    return rows


def add(row: Row, reader: str, tally: Tally) -> None:
    row.setdefault(reader, Tally()).add(tally)


def explain(cause: str, reading: Reading) -> None:
    """What went wrong with one cut."""
    if reading.false or reading.tally.share < GOOD:
        lines = [f"{cause}: {reading.tally.recovered} of {reading.tally.wanted}"]
        lines += [f"    FALSE {text}" for text in reading.false]
        lines += [f"    missed {text}" for text in reading.missed[:SHOWN]]
        print("\n".join(lines), flush=True)


def table(rows: dict[str, Row], readers: list[str]) -> str:
    """Markdown, lined up to be read as it is."""
    heads = ["recovered", "false"]
    lines = [["damage", "wanted", *heads, "no time", *(f"{reader} {head}" for reader in readers for head in heads)]]
    lines.append(["---"] + ["---:"] * (len(lines[0]) - 1))
    total: Row = {}
    for row in rows.values():
        for reader, tally in row.items():
            add(total, reader, tally)
    for name, row in {**rows, "all": total}.items():
        ours = row["rtmpscope"]
        line = [name, f"{ours.wanted:,}", percent(ours.recovered, ours.wanted), f"{ours.false:,}"]
        line.append(percent(ours.nulls, ours.recovered))
        for reader in readers:
            theirs = row.get(reader, Tally())
            line += [percent(theirs.recovered, theirs.wanted), percent(theirs.false, theirs.wanted)]
        lines.append(line)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "| " + " | ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) + " |" for line in lines
    )


def percent(part: int, of: int) -> str:
    """Rounded down, so that 100 % means all of them."""
    return f"{part * 10_000 // of / 100:.2f} %" if of else "-"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.recovery", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=1, help="cut so many times as often")
    parser.add_argument("--ways", default="", help="only ways whose name has this in it")
    parser.add_argument("--captures", default="", help="only captures whose name has this in it")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="tshark reads one of so many cuts, 0 for none")
    parser.add_argument("--show", action="store_true", help="list false messages, and missed ones of bad cuts")
    parser.add_argument("--markdown", type=Path, help="write the table to this file too")
    options = parser.parse_args()
    ways = [way for way in WAYS if options.ways in way.name]
    sample = options.sample if shutil.which("tshark") else 0
    paths = [path for path in sorted(CAPTURES.glob("*.pcap*")) if options.captures in path.name]
    rows: dict[str, Row] = {way.name: {"rtmpscope": Tally()} for way in ways}
    with Pool() as pool:
        tasks = [Task(path, ways, options.seeds, sample, options.show) for path in paths]
        for done, found in enumerate(pool.imap_unordered(bench, tasks), 1):
            print(f"\r{done} of {len(tasks)} captures ", end="", file=sys.stderr, flush=True)
            for name, row in found.items():
                for reader, tally in row.items():
                    add(rows[name], reader, tally)
    print("\r\033[K", end="", file=sys.stderr)
    text = table(rows, list(TSHARK) if sample else [])
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n")


if __name__ == "__main__":
    main()
