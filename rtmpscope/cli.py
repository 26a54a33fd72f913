"""The command line: arguments become one source and one sink, whatever goes wrong one line and an exit code.

Nothing heavy is imported before it is known to be needed: the terminal UI, numpy and live capture only in the
branches that use them.  Exit codes: 0 done; 1 the operation failed; 2 bad usage, a bad filter, or a capture that is
missing, cut or corrupt, after everything readable was delivered; 128 and its number when a signal ends the program.
A closed pipe ends it quietly, as SIGPIPE would.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, TextIO

from rtmpscope import __version__
from rtmpscope.text import printable

if TYPE_CHECKING:
    from rtmpscope.capture.files import Batch, CaptureReader, FileReport
    from rtmpscope.capture.live import LiveCapture
    from rtmpscope.capture.streams import Wait
    from rtmpscope.filters import Filter
    from rtmpscope.pipeline import Run, Watcher

FAILED: Final = 1
BAD_INPUT: Final = 2
SIGNALLED: Final = 128
FOLLOW_SECONDS: Final = 0.05  # between two looks at whether a capture has grown
OBJECTS: Final = 100_000  # to be made between two searches for cycles: what a capture gives dies without them
DEBUG: Final = "RTMPSCOPE_DEBUG"  # in the environment: let a traceback through

OVERVIEW: Final = """\
rtmpscope CAPTURE...                  open the timeline; text when standard output is no terminal
rtmpscope print   CAPTURE...          one line per message
rtmpscope export  CAPTURE... -o TRACE the JSON trace
rtmpscope stats   CAPTURE...          connections, session verdicts, streams and their health
rtmpscope extract CAPTURE... -o DIR   one FLV file per media stream
rtmpscope sanitize IN OUT             a copy of the packets without secrets
rtmpscope live -i IFACE               capture and watch
rtmpscope interfaces                  what live -i accepts
rtmpscope fields                      the fields of display filters

rtmpscope COMMAND --help says more.  "-" reads a capture from standard input; several captures are read
as one.  A capture that is called like a command is written ./live."""


class Failure(Exception):
    """Something to tell the user in one line, and the exit code."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code: Final = code


class Signalled(BaseException):
    """A signal asks the program to end; what is open is tidied up on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number: Final = number


# --- arguments -----------------------------------------------------------------------------------------------------


class Command(NamedTuple):
    """A subcommand: what it is for, what arguments it takes, what it does, and examples for its help."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    examples: str = ""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {printable(message)}; {self.prog} --help says more\n")


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError
    return port


def _count(text: str) -> int:
    count = int(text)
    if count <= 0:
        raise ValueError
    return count


_port.__name__ = "port number"  # argparse says "invalid port number value"
_count.__name__ = "count"


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-Y", metavar="FILTER", dest="filter", default="", help="show only what this display filter wants"
    )
    parser.add_argument(
        "-d", metavar="PORT", dest="ports", type=_port, action="append", default=[],
        help="treat this TCP port as RTMP as well; by default content decides, on any port",
    )  # fmt: skip
    parser.add_argument(
        "--no-redact", dest="redact", action="store_false", help="show stream keys, tokens and credentials"
    )
    parser.add_argument(
        "--plugin", metavar="PATH", dest="plugins", action="append", default=[], help="load a plugin file or folder"
    )
    parser.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="colour the text (default: on a terminal)"
    )
    parser.add_argument("-q", dest="quiet", action="store_true", help="say nothing but errors on standard error")


def _captures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "captures", metavar="CAPTURE", nargs="+",
        help='pcap or pcapng file, also gzip or zstd; "-" is standard input; several are read as one',
    )  # fmt: skip
    _shared(parser)


def _print_arguments(parser: argparse.ArgumentParser) -> None:
    _captures(parser)
    parser.add_argument(
        "--follow", action="store_true", help="go on while another program writes to the capture, the last of several"
    )


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    _print_arguments(parser)
    parser.add_argument(
        "-o", metavar="TRACE", dest="output", default="-", help='where to; "-", the default, is standard output'
    )
    parser.add_argument(
        "--format", metavar="FORMAT", default="jsonl",
        help="jsonl, one record per line (default); json, one array; or a plugin's format",
    )  # fmt: skip
    _payload_argument(parser)


def _payload_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--payload", action="store_true", help="add every message's captured bytes as hex")


def _stats_arguments(parser: argparse.ArgumentParser) -> None:
    _captures(parser)
    parser.add_argument("--json", action="store_true", help="print the summary record of the JSON trace instead")


def _extract_arguments(parser: argparse.ArgumentParser) -> None:
    _captures(parser)
    parser.add_argument("-o", metavar="DIR", dest="output", required=True, help="folder for the files")
    parser.add_argument(
        "--elementary", action="store_true",
        help="every track by itself, in the file that is usual for its codec: Annex B, ADTS, IVF, Ogg, ...",
    )  # fmt: skip


def _sanitize_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("captures", metavar="IN", nargs=1, help="capture to copy")
    parser.add_argument("output", metavar="OUT", help='pcapng file to write; "-" is standard output')
    parser.add_argument("--addresses", action="store_true", help="replace addresses and host names too")
    parser.add_argument(
        "-d", metavar="PORT", dest="ports", type=_port, action="append", default=[],
        help="treat this TCP port as RTMP as well",
    )  # fmt: skip
    parser.add_argument("-q", dest="quiet", action="store_true", help="say nothing but errors on standard error")


def _live_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-i", metavar="IFACE", dest="interfaces", action="append", required=True,
        help="interface to capture on, also several times; rtmpscope interfaces lists them",
    )  # fmt: skip
    parser.add_argument(
        "-f", metavar="BPF", dest="capture_filter", default="",
        help="capture filter (default: tcp, so that RTMP on any port is found)",
    )  # fmt: skip
    parser.add_argument(
        "-p", dest="promiscuous", action="store_false", help="do not put the interface into promiscuous mode"
    )
    parser.add_argument("-w", metavar="FILE", dest="save", default="", help="keep the packets in this file")
    parser.add_argument(
        "-a", metavar="LIMIT", dest="stop", type=_limit("duration", "filesize"), action="append", default=[],
        help="stop after duration:SECONDS or filesize:KILOBYTES",
    )  # fmt: skip
    parser.add_argument("-c", metavar="N", dest="count", type=_count, default=0, help="stop after N packets")
    parser.add_argument(
        "-b", metavar="RING", dest="ring", type=_limit("filesize", "files"), action="append", default=[],
        help="write a ring of files: filesize:KILOBYTES of each, files:N of them (default: 2)",
    )  # fmt: skip
    sink = parser.add_mutually_exclusive_group()
    sink.add_argument("--print", dest="text", action="store_true", help="print lines instead of opening the UI")
    sink.add_argument("--export", metavar="TRACE", dest="output", help="write the JSON trace instead of opening the UI")
    _payload_argument(parser)
    _shared(parser)
    parser.set_defaults(format="jsonl", follow=True)


def _limit(*names: str) -> Callable[[str], tuple[str, float]]:
    """NAME:NUMBER, for one of the names."""

    def read(text: str) -> tuple[str, float]:
        name, _, number = text.partition(":")
        if name not in names or not float(number) > 0:
            raise ValueError
        return name, float(number)

    read.__name__ = " or ".join([f"{name}:NUMBER" for name in names])
    return read


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """Takes nothing but --help."""


def build_parser() -> argparse.ArgumentParser:
    """All commands in one parser, for help and shell completion."""
    parser = _Parser(
        prog="rtmpscope", usage="rtmpscope [COMMAND] CAPTURE... [options]", description=OVERVIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=version())
    _shared(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help=argparse.SUPPRESS)
    for name, command in COMMANDS.items():
        _command_parser(name, partial(commands.add_parser, name, help=command.help))
    return parser


def _command_parser(name: str, make: Callable[..., argparse.ArgumentParser]) -> argparse.ArgumentParser:
    command = COMMANDS[name]
    parser = make(
        prog=f"rtmpscope {name}",
        description=f"{command.help[0].upper()}{command.help[1:]}.",
        epilog=command.examples and f"examples:\n{command.examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.arguments(parser)
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """A first word that is no command is a capture to open."""
    if arguments and arguments[0] in COMMANDS:  # without the parsers of the other commands, which take 5 ms to make
        name, *rest = arguments
        return _command_parser(name, _Parser).parse_args(rest, argparse.Namespace(command=name))
    if not arguments or arguments[0] in ("-h", "--help"):
        parser = build_parser()
        if not arguments:
            parser.error("name a capture, as in rtmpscope stream.pcap")
        return parser.parse_args(arguments)
    parser = _Parser(
        prog="rtmpscope", description=OVERVIEW, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=version())
    _print_arguments(parser)
    return parser.parse_args(arguments, argparse.Namespace(command=""))


def version() -> str:
    """The version, and whether the hot modules are compiled or run as Python."""
    from importlib.util import find_spec

    spec = find_spec("rtmpscope.bits")
    compiled = spec is not None and not (spec.origin or "").endswith(".py")
    return f"rtmpscope {__version__} ({'compiled' if compiled else 'pure Python'})"


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
    for problem in run.registry.problems:
        _say(problem.text)
    code = _file_problems(run.files)
    if not run.connections and not quiet:
        packets = sum(file.packets for file in run.files)
        _say(f"no RTMP in {packets:,} packets; -d PORT takes every connection of a port for RTMP")
    return code


def _file_problems(files: Sequence[FileReport]) -> int:
    code = 0
    for file in files:
        if file.outcome not in ("", "complete"):
            where = f" at byte {file.offset:,}" if file.packets else ""
            _say(f"{file.path}: {file.outcome}{where}: {file.reason}")
            code = BAD_INPUT
    return code


def _say(text: str) -> None:
    with suppress(OSError):
        print(f"rtmpscope: {printable(text)}", file=sys.stderr, flush=True)


@contextmanager
def _no_overwriting(output: str, captures: Sequence[str]) -> Iterator[None]:
    for capture in captures:
        if output != "-" and capture != "-" and os.path.exists(output) and os.path.samefile(output, capture):
            raise Failure(f"{output} is the capture itself: choose another place with -o", BAD_INPUT)
    yield


# --- commands ------------------------------------------------------------------------------------------------------


def _print(arguments: argparse.Namespace) -> int:
    return _deliver(arguments, _print_run)


def _deliver(arguments: argparse.Namespace, write: Callable[[Run, argparse.Namespace], None]) -> int:
    """Captures to where `write` writes; a signal ends following them, and what was there by then is still written."""
    from rtmpscope.capture.files import open_capture

    signals: list[int] = []
    if arguments.follow:
        _on_signals(signals.append)
    reader = open_capture(arguments.captures, wait=_following(signals) if arguments.follow else None)
    run = _run_over(reader, arguments, decoding=True)
    write(run, arguments)
    code = _outcome(run, arguments.quiet)
    return SIGNALLED + signals[0] if signals else code


def _following(signals: Sequence[int]) -> Wait:
    """What to do at the end of a capture that may grow, until a signal has come."""

    def wait() -> bool:
        time.sleep(FOLLOW_SECONDS)
        return not signals

    return wait


def _on_signals(stop: Callable[[int], object]) -> None:
    """From now on those that end a program end only its reading."""

    def handle(number: int, frame: FrameType | None) -> None:
        stop(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)


def _print_run(run: Run, arguments: argparse.Namespace) -> None:
    from rtmpscope.export.text import TextLines, wants_colour, writer

    colour = wants_colour(arguments.color, sys.stdout, os.environ)
    lines = TextLines(writer(sys.stdout), run.connections, run.describe, run.start_ns, run.redactor, colour)
    for event in run.events(_watcher(run, arguments, "-", sys.stdout)):
        lines.event(event)


def _export(arguments: argparse.Namespace) -> int:
    with _no_overwriting(arguments.output, arguments.captures):
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
    sink = run.registry.exporters[arguments.format](file)
    for event in run.events(_watcher(run, arguments, arguments.output, file)):
        if run.redactor is not None:
            run.redactor.apply(event, run.describe)
        sink.event(event, run.connections[event.connection])
    sink.finish()


def _stats(arguments: argparse.Namespace) -> int:
    from rtmpscope.export.stats import Tally, tables
    from rtmpscope.export.text import writer

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
        writer(sys.stdout)(tables(run.files, connections, run.redactor))
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
        _say("no audio or video in it: nothing was written")
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
    with _no_overwriting(arguments.output, arguments.captures), raw_output(arguments.output) as raw:
        buffered = io.BufferedWriter(raw)
        sanitizer.write(buffered)
        buffered.flush()
        buffered.detach()
    if not arguments.quiet:
        blanked = f", {sanitizer.blanked:,} IP fragments blanked" if sanitizer.blanked else ""
        _say(f"{sanitizer.packets:,} packets, {sanitizer.changed:,} changed{blanked}")
    return _file_problems(reader.files)


def _live(arguments: argparse.Namespace) -> int:
    from rtmpscope.capture import CaptureError
    from rtmpscope.capture.helpers import DEFAULT_FILTER, Request
    from rtmpscope.capture.live import LiveCapture

    _filter(arguments.filter)
    limits = dict(arguments.stop)
    ring = dict(arguments.ring)
    if ring and "filesize" not in ring:
        raise Failure("a ring of files needs the size of each: -b filesize:KILOBYTES", BAD_INPUT)
    if ring and "filesize" in limits:
        raise Failure("a ring never grows beyond its files: -a filesize is for captures without -b", BAD_INPUT)
    request = Request(
        arguments.interfaces,
        capture_filter=arguments.capture_filter or DEFAULT_FILTER,
        packets=arguments.count,
        promiscuous=arguments.promiscuous,
        ring=(int(ring["filesize"]), int(ring.get("files", 2))) if ring else None,
        save=arguments.save,
    )
    watched = arguments.text or arguments.output is not None or not sys.stdout.isatty()
    if not watched:
        from rtmpscope.tui.terminal import take_terminal

        take_terminal()
    try:
        capture = LiveCapture(request, seconds=limits.get("duration", 0), kilobytes=int(limits.get("filesize", 0)))
    except CaptureError as error:
        raise Failure(str(error)) from None
    with closing(capture):
        return _watch(capture, arguments) if watched else _show_live(capture, arguments)


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
        _say(f"the capture has ended: {capture.ended}")
    return FAILED if capture.failed else code


def _show_live(capture: LiveCapture, arguments: argparse.Namespace) -> int:
    code = _show(capture, ", ".join(arguments.interfaces), arguments, live=True)
    if capture.failed:
        _say(f"the capture has ended: {capture.ended}")
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
    reader = open_capture(arguments.captures, spool=True, wait=_following(()) if arguments.follow else None)
    title = ", ".join(os.path.basename(path) for path in arguments.captures)
    return _show(reader, title, arguments, live=arguments.follow) or _file_problems(reader.files)


def _show(reader: CaptureReader, title: str, arguments: argparse.Namespace, *, live: bool = False) -> int:
    from rtmpscope.engine import RTMP_PORTS
    from rtmpscope.pipeline import registry
    from rtmpscope.redact import DOTS, Redactor
    from rtmpscope.store import Store
    from rtmpscope.tui.app import run

    store = Store(reader, registry(arguments.plugins), RTMP_PORTS | frozenset(arguments.ports))
    return run(store, title, Redactor(style=DOTS) if arguments.redact else None, arguments.filter, live=live)


COMMANDS: Final = {
    "print": Command(
        "print one line per message", _print_arguments, _print,
        "  rtmpscope print -Y 'rtmp.command or rtmp.note.severity >= warning' stream.pcap\n"
        "  tcpdump -U -w - tcp port 1935 | rtmpscope print -",
    ),
    "export": Command(
        "write the JSON trace, schema rtmpscope.trace/1", _export_arguments, _export,
        "  rtmpscope export stream.pcap -o trace.jsonl\n"
        "  rtmpscope export stream.pcap | jq 'select(.type == \"command_amf0\") | .summary'",
    ),
    "stats": Command(
        "say how far each session got, and how its streams fared", _stats_arguments, _stats,
        "  rtmpscope stats stream.pcap\n"
        "  rtmpscope stats --json stream.pcap | jq '.connections[].verdict'",
    ),
    "extract": Command("write one FLV file per media stream", _extract_arguments, _extract),
    "sanitize": Command(
        "copy a capture without stream keys, tokens and credentials", _sanitize_arguments, _sanitize,
        "  rtmpscope sanitize --addresses stream.pcap for-the-vendor.pcapng",
    ),
    "live": Command(
        "capture and watch", _live_arguments, _live,
        "  rtmpscope live -i eth0 -f 'tcp port 1935' -w saved.pcapng\n"
        "  rtmpscope live -i any --print -a duration:60",
    ),
    "interfaces": Command("list what live -i accepts", _no_arguments, _interfaces),
    "fields": Command("list the fields of display filters", _no_arguments, _fields),
}  # fmt: skip


# --- the program ---------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code."""
    gc.set_threshold(OBJECTS)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    try:
        code = _guarded(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _drop_standard_output()
        return SIGNALLED + 13
    except KeyboardInterrupt:
        return SIGNALLED + signal.SIGINT
    except Signalled as signalled:
        return SIGNALLED + signalled.number
    except OSError as error:  # from the last flush
        _drop_standard_output()
        _say(f"cannot write standard output: {error.strerror}")
        return FAILED
    finally:
        gc.freeze()  # or the interpreter would look through all modules for cycles before it ends: 6 ms


def _guarded(arguments: Sequence[str]) -> int:
    """Do what is asked; any failure but that of standard output becomes a line and an exit code."""
    parsed = _parse(arguments)

    from rtmpscope.capture import CaptureError
    from rtmpscope.export import OutputError

    command = COMMANDS[parsed.command].run if parsed.command else _open
    try:
        return command(parsed)
    except Failure as failure:
        _say(str(failure))
        return failure.code
    except CaptureError as error:
        _say(str(error))
        return BAD_INPUT
    except OutputError as error:
        _say(str(error))
        return FAILED
    except BrokenPipeError:
        raise
    except OSError as error:
        _say(f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror or error}")
        return FAILED
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        return _bad_filter(error, getattr(parsed, "filter", "")) or _internal(error)


def _bad_filter(error: Exception, text: str) -> int:
    from rtmpscope.filters import FilterError, pointed

    if not isinstance(error, FilterError):
        return 0
    _say(f"bad filter: {error}")
    print(printable(text) if printable(text) != text else pointed(text, error), file=sys.stderr)
    return BAD_INPUT


def _internal(error: Exception) -> int:
    """A mistake of ours.  What it says may quote the capture, so only its kind and place are shown."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" in {os.path.basename(place.tb_frame.f_code.co_filename)}, line {place.tb_lineno}" if place else ""
    _say(f"internal error, {type(error).__name__}{where}: please report it; {DEBUG}=1 in the environment shows more")
    return FAILED


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise Signalled(number)


def _drop_standard_output() -> None:
    """Nobody reads it, or it is full: keep the interpreter from trying again at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
