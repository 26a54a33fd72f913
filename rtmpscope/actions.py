"""What the commands do: arguments become one source and one sink, and an exit code.

Nothing heavy is imported before it is known to be needed: the terminal UI, numpy and live capture only in the
actions that use them.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, TextIO

from rtmpscope.outcome import BAD_INPUT, FAILED, SIGNALLED, Failure, ending_signals, say
from rtmpscope.text import printable

if TYPE_CHECKING:
    import argparse

    from rtmpscope.capture.files import Batch, CaptureReader
    from rtmpscope.capture.helpers import Request
    from rtmpscope.capture.live import LiveCapture
    from rtmpscope.capture.sources import FileReport
    from rtmpscope.capture.streams import Wait
    from rtmpscope.filters import Filter
    from rtmpscope.pipeline import Run, Watcher

FOLLOW_SECONDS: Final = 0.05  # between two looks at whether a capture has grown


# --- what all commands need ----------------------------------------------------------------------------------------


def _filter(text: str) -> Filter | None:
    if not text.strip():
        return None

    from rtmpscope.filters import compile

    return compile(text)


def _run(arguments: argparse.Namespace, *, decoding: bool) -> Run:
    """Open the captures; where messages are to be decoded, with all of their payloads."""
    from rtmpscope.capture.files import open_capture

    return _run_over(open_capture(arguments.captures), arguments, decoding=decoding)


def _run_over(reader: CaptureReader, arguments: argparse.Namespace, *, decoding: bool) -> Run:
    from rtmpscope.pipeline import Run

    wanted = _filter(arguments.filter)
    return Run(
        reader,
        ports=arguments.ports,
        wanted=wanted,
        redact=arguments.redact,
        plugins=arguments.plugins,
        whole_payloads=decoding,
    )


def _progress(run: Run, arguments: argparse.Namespace, output: str = "-") -> Watcher | None:
    """Only on a terminal, and only where it does not get in the way of the output."""
    from rtmpscope.pipeline import Progress

    in_the_way = output == "-" and sys.stdout.isatty()
    return None if arguments.quiet or in_the_way or not sys.stderr.isatty() else Progress(run, sys.stderr)


def _watcher(run: Run, arguments: argparse.Namespace, output: str, file: TextIO) -> Watcher | None:
    """What grows is written at once; what does not has progress."""
    return _AtOnce(file) if arguments.follow else _progress(run, arguments, output)


class _AtOnce:
    """Lets a reader at the other end of a pipe see every batch at once."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def show(self, batch: Batch) -> None:
        self._output.flush()

    def clear(self) -> None:
        self._output.flush()


def _outcome(run: Run, quiet: bool) -> int:
    """Say what was wrong with the captures and the plugins; the exit code."""
    for problem in run.registry.problems:  # what a plugin raised may quote a message
        say(problem.text if run.redactor is None else run.redactor.text(problem.text))
    code = _file_problems(run.files)
    if not run.connections and not quiet:
        packets = sum(file.packets for file in run.files)
        say(f"no RTMP in {packets:,} packets; -d PORT takes every connection of a port for RTMP")
    return code


def _file_problems(files: Sequence[FileReport]) -> int:
    """Say how captures ended other than well; the exit code.  One that could not be opened names itself."""
    code = 0
    for file in files:
        if file.outcome not in ("", "complete"):
            where = f" at byte {file.offset:,}" if file.packets else ""
            say(f"{file.path}: {file.outcome}{where}: {file.reason}" if file.format else file.reason)
            code = BAD_INPUT
    return code


def _refuse_to_overwrite(output: str, captures: Sequence[str]) -> None:
    for capture in captures:
        if output != "-" and capture != "-" and os.path.exists(output) and os.path.samefile(output, capture):
            raise Failure(f"{output} is the capture itself: choose another name for the output", BAD_INPUT)


# --- commands ------------------------------------------------------------------------------------------------------


def _print(arguments: argparse.Namespace) -> int:
    return _deliver(arguments, _print_run)


def _deliver(arguments: argparse.Namespace, write: Callable[[Run, argparse.Namespace], None]) -> int:
    """Captures to where `write` writes; a signal ends following them, and what was there by then is still written."""
    from rtmpscope.capture import CaptureError
    from rtmpscope.capture.files import open_capture

    signals: list[int] = []
    if arguments.follow:
        _on_signals(signals.append)
    try:
        reader = open_capture(arguments.captures, wait=_following(arguments, signals))
    except CaptureError:
        if signals:  # before there was anything to follow
            return SIGNALLED + signals[0]
        raise
    run = _run_over(reader, arguments, decoding=True)
    write(run, arguments)
    code = _outcome(run, arguments.quiet)
    return SIGNALLED + signals[0] if signals else code


def _following(arguments: argparse.Namespace, signals: Sequence[int]) -> Wait | None:
    """What to do at the end of a capture that is to be followed, until a signal has come.

    Returns when there is something to follow.
    """
    if not arguments.follow:
        return None

    def wait() -> bool:
        time.sleep(FOLLOW_SECONDS)
        return not signals

    last = arguments.captures[-1]
    if _unwritten(last):
        if not arguments.quiet:
            say(f"waiting for {last} to be written")
        while _unwritten(last) and wait():
            pass
    return wait


def _unwritten(path: str) -> bool:
    """Whether the capture is still empty, or not even there though its folder is."""
    if not os.path.exists(path):
        return path != "-" and os.path.isdir(os.path.dirname(path) or ".")
    return os.path.isfile(path) and not os.path.getsize(path)


def _on_signals(stop: Callable[[int], object]) -> None:
    """The first of those that end a program ends only its reading; the next does what it always did."""
    before = {number: signal.getsignal(number) for number in ending_signals()}

    def handle(number: int, frame: FrameType | None) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        stop(number)

    for number in before:
        signal.signal(number, handle)


def _print_run(run: Run, arguments: argparse.Namespace) -> None:
    from rtmpscope.export.text import TextLines, wants_colour, writer

    colour = wants_colour(arguments.color, sys.stdout, os.environ)
    texts: list[str] = []  # of a batch: one write for all of them takes less time than theirs one by one
    lines = TextLines(texts.append, run.connections, run.describe, run.start_ns, run.redactor, colour)
    write = writer(sys.stdout)
    for events in run.batches(_watcher(run, arguments, "-", sys.stdout)):
        for event in events:
            lines.event(event)
        write("".join(texts))
        texts.clear()


def _export(arguments: argparse.Namespace) -> int:
    _refuse_to_overwrite(arguments.output, arguments.captures)
    return _deliver(arguments, _export_run)


def _export_run(run: Run, arguments: argparse.Namespace) -> None:
    from rtmpscope.export.files import output

    known = ("jsonl", "json", *run.registry.exporters)
    if arguments.format not in known:
        raise Failure(f"there is no format {arguments.format}: choose one of {', '.join(known)}", BAD_INPUT)
    with output(arguments.output) as file:
        if arguments.format in run.registry.exporters:
            _export_by_plugin(run, arguments, file)
        else:
            _export_trace(run, arguments, file)


def _export_trace(run: Run, arguments: argparse.Namespace, file: TextIO) -> None:
    from rtmpscope.export.jsonl import JsonArray, Trace, json_lines

    array = JsonArray(file.write)
    write = array if arguments.format == "json" else json_lines(file.write)
    trace = Trace(write, run.connections, run.describe, run.redactor, arguments.payload)
    wanted = run.wanted
    text = None if wanted is None else wanted.text if run.redactor is None else wanted.redacted(run.redactor)
    trace.header([(file.path, file.format) for file in run.files], text)
    for event in run.events(_watcher(run, arguments, arguments.output, file)):
        trace.event(event)
    trace.finish(run.files)
    if arguments.format == "json":
        array.close()


def _export_by_plugin(run: Run, arguments: argparse.Namespace, file: TextIO) -> None:
    from rtmpscope.export.veil import Veil

    sink = run.registry.exporters[arguments.format](file)
    for event in run.events(_watcher(run, arguments, arguments.output, file)):
        connection: Any = run.connections[event.connection]
        if run.redactor is not None:
            run.redactor.apply(event, run.describe)
            connection = Veil(connection, run.redactor)
        sink.event(event, connection)
    sink.finish()


def _stats(arguments: argparse.Namespace) -> int:
    from rtmpscope.export.stats import Tally, tables
    from rtmpscope.export.text import wants_colour, writer

    run = _run(arguments, decoding=bool(arguments.filter))
    connections = run.connections
    if run.wanted is None:
        for _ in run.events(_progress(run, arguments)):
            pass
    else:
        tally = Tally()
        for event in run.events(_progress(run, arguments)):
            tally.event(event, run.connections[event.connection])
        connections = tally.connections
    if arguments.json:
        from rtmpscope.export.jsonl import summary

        sys.stdout.write(summary(run.files, connections, run.redactor) + "\n")
    else:
        colour = wants_colour(arguments.color, sys.stdout, os.environ)
        writer(sys.stdout)(tables(run.files, connections, run.redactor, colour))
    return _outcome(run, arguments.quiet)


def _fields(arguments: argparse.Namespace) -> int:
    from rtmpscope.fields import ALIASES, FIELDS

    width = max(map(len, [*FIELDS, *ALIASES]))
    for name, field in FIELDS.items():
        print(f"{name:<{width}}  {field.type.name:<12}  {field.meaning}")
    for name, meant in ALIASES.items():
        print(f"{name:<{width}}  {FIELDS[meant].type.name:<12}  the same as {meant}")
    print()
    print("rtmp.BODY.NAME... names any part of a decoded body by its path, as it stands in the JSON trace.")
    return 0


def _extract(arguments: argparse.Namespace) -> int:
    from rtmpscope.export.elementary import ElementaryExtractor
    from rtmpscope.export.flv import FlvExtractor

    run = _run(arguments, decoding=True)
    make = ElementaryExtractor if arguments.elementary else FlvExtractor
    with make(arguments.output) as extractor:
        for event in run.events(_progress(run, arguments)):
            extractor.event(event)
        report = extractor.finish()
    if not report and not arguments.quiet:
        say("no audio or video in it: nothing was written")
    for line in report:
        print(line)
    return _outcome(run, arguments.quiet)


def _sanitize(arguments: argparse.Namespace) -> int:
    import io

    from rtmpscope.capture.files import open_capture
    from rtmpscope.engine import RTMP_PORTS
    from rtmpscope.export.files import raw_output
    from rtmpscope.sanitize import Sanitizer

    reader = open_capture(arguments.captures, spool=True)
    sanitizer = Sanitizer(reader, RTMP_PORTS | frozenset(arguments.ports), arguments.addresses)
    _refuse_to_overwrite(arguments.output, arguments.captures)
    with raw_output(arguments.output) as raw:
        buffered = io.BufferedWriter(raw)
        sanitizer.write(buffered)
        buffered.flush()
        buffered.detach()
    if not arguments.quiet:
        blanked = f", {sanitizer.blanked:,} blanked, for they are no RTMP in the clear" if sanitizer.blanked else ""
        say(f"{sanitizer.packets:,} packets, {sanitizer.changed:,} changed{blanked}")
    for problem in sanitizer.problems:
        say(problem.text)
    return _file_problems(reader.files)


def _live(arguments: argparse.Namespace) -> int:
    from rtmpscope.capture import CaptureError
    from rtmpscope.capture.live import LiveCapture
    from rtmpscope.limits import SPOOL_BYTES

    _filter(arguments.filter)
    request = _request(arguments)
    limits = dict(arguments.stop)
    watched = arguments.text or arguments.output is not None or not sys.stdout.isatty()
    if not watched:
        from rtmpscope.tui.terminal import take_terminal

        take_terminal()
    try:
        capture = LiveCapture(
            request,
            seconds=limits.get("duration", 0),
            kilobytes=int(limits.get("filesize", 0)),
            spool_bytes=arguments.spool * 1_000_000 or SPOOL_BYTES,
        )
    except CaptureError as error:
        raise Failure(str(error)) from None
    with closing(capture):
        return _watch(capture, arguments) if watched else _show_live(capture, arguments)


def _request(arguments: argparse.Namespace) -> Request:
    """What to capture; raises Failure where the arguments contradict each other."""
    from rtmpscope.capture.helpers import DEFAULT_FILTER, Request

    ring = dict(arguments.ring)
    if ring and "filesize" not in ring:
        raise Failure("a ring of files needs the size of each: -b filesize:KILOBYTES", BAD_INPUT)
    if ring and "filesize" in dict(arguments.stop):
        raise Failure("a ring never grows beyond its files: -a filesize is for captures without -b", BAD_INPUT)
    if arguments.save and arguments.output and os.path.realpath(arguments.save) == os.path.realpath(arguments.output):
        raise Failure("-w and --export name the same file: the trace would take the place of the packets", BAD_INPUT)
    return Request(
        arguments.interfaces,
        capture_filter=arguments.capture_filter or DEFAULT_FILTER,
        packets=arguments.count,
        promiscuous=arguments.promiscuous,
        ring=(int(ring["filesize"]), int(ring.get("files", 2))) if ring else None,
        save=arguments.save or "",
    )


def _watch(capture: LiveCapture, arguments: argparse.Namespace) -> int:
    """Print or export what comes; a signal ends the capture, and what was captured by then is still written."""
    signals: list[int] = []

    def stop(number: int) -> None:
        signals.append(number)
        capture.stop(f"signal {number}")

    _on_signals(stop)
    run = _run_over(capture, arguments, decoding=True)
    if arguments.output is None:
        _print_run(run, arguments)
    else:
        _export_run(run, arguments)
    code = _outcome(run, arguments.quiet)
    if signals:
        return SIGNALLED + signals[0]
    if capture.failed or not arguments.quiet:
        say(f"the capture has ended: {capture.ended}")
    return FAILED if capture.failed else code


def _show_live(capture: LiveCapture, arguments: argparse.Namespace) -> int:
    code = _show(capture, ", ".join(arguments.interfaces), arguments, live=True)
    if capture.failed:
        say(f"the capture has ended: {capture.ended}")
    return code or (FAILED if capture.failed else 0)


def _interfaces(arguments: argparse.Namespace) -> int:
    from rtmpscope.capture.interfaces import interfaces

    found = interfaces()
    width = max([len(one.name) for one in found], default=0)
    for one in found:
        speed = "" if one.bytes_per_second is None else f"{one.bytes_per_second / 1000:,.1f} kB/s"
        described = "  ".join([part for part in (one.description, *one.addresses) if part])
        print(printable(f"{one.name:<{width}}  {one.state:<8} {speed:>14}  {described}").rstrip())
    return 0


def _open(arguments: argparse.Namespace) -> int:
    """The terminal UI; text where there is no terminal to open it on."""
    if not sys.stdout.isatty():
        return _print(arguments)

    from rtmpscope.capture.files import open_capture
    from rtmpscope.tui.terminal import take_terminal

    _filter(arguments.filter)
    take_terminal()
    reader = open_capture(arguments.captures, spool=True, wait=_following(arguments, ()))
    title = ", ".join("standard input" if path == "-" else os.path.basename(path) for path in arguments.captures)
    return _show(reader, title, arguments, live=arguments.follow) or _file_problems(reader.files)


def _show(reader: CaptureReader, title: str, arguments: argparse.Namespace, *, live: bool = False) -> int:
    from rtmpscope.engine import RTMP_PORTS
    from rtmpscope.pipeline import registry
    from rtmpscope.redact import DOTS, Redactor
    from rtmpscope.store import Store
    from rtmpscope.tui.app import run
    from rtmpscope.tui.turns import give_way

    ports = RTMP_PORTS | frozenset(arguments.ports)
    store = Store(reader, registry(arguments.plugins), ports, keep=arguments.rows, give_way=give_way)
    return run(store, title, Redactor(style=DOTS) if arguments.redact else None, arguments.filter, live=live)


ACTIONS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "": _open,
    "print": _print,
    "export": _export,
    "stats": _stats,
    "extract": _extract,
    "sanitize": _sanitize,
    "live": _live,
    "interfaces": _interfaces,
    "fields": _fields,
}
