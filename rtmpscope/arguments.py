"""What the command line takes: tables of commands, their arguments and their help, and nothing of what they do.

Every option is declared once, in a function that the commands which take it share.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, NoReturn

from rtmpscope import __version__
from rtmpscope.outcome import BAD_INPUT
from rtmpscope.text import printable

OVERVIEW: Final = """\
Shows what happened in RTMP traffic, and which step of a stream failed.

  rtmpscope CAPTURE...         open the timeline; without a terminal, print it
  rtmpscope COMMAND --help     say more about one of these commands:

  print CAPTURE...             one line per message
  export CAPTURE... -o TRACE   the JSON trace
  stats CAPTURE...             what became of each session, and of its streams
  extract CAPTURE... -o DIR    one FLV file per media stream
  sanitize IN OUT              a copy of the capture without secrets
  live -i IFACE                capture and watch
  interfaces                   what live -i accepts
  fields                       what a display filter can name"""

NOTES: Final = """\
"-" reads a capture from standard input.  Several captures are read as one.
A capture that has the name of a command is written ./live.  In the timeline
? shows the keys.

examples:
  rtmpscope stream.pcap
  rtmpscope print -Y 'rtmp.note.severity >= warning' stream.pcap
  ssh server tcpdump -U -w - tcp port 1935 | rtmpscope -

exit codes:
  0      done
  1      failed: no permission, no such interface, a full disk
  2      bad usage, a bad filter, or a capture that is missing, cut or corrupt;
         what can be read of it is delivered all the same
  128+N  ended by signal N"""


class Command(NamedTuple):
    """A subcommand: what it is for, what arguments it takes, and examples for its help."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    examples: str = ""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        more = "" if message.endswith("?") else f"; {self.prog} --help says more"
        self.exit(BAD_INPUT, f"{self.prog}: {printable(message)}{more}\n")


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


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise ValueError
    return seconds


def _path(text: str) -> str:
    """Not the empty one, as of a variable that was never set: it would mean the current folder to some."""
    if not text:
        raise ValueError
    return text


def _existing(text: str) -> str:
    if not os.path.exists(_path(text)):
        raise argparse.ArgumentTypeError(f"there is no file or folder {text!r}")
    return text


_port.__name__ = "port number"  # argparse says "invalid port number value"
_path.__name__ = _existing.__name__ = "name"
_count.__name__ = "count"


def _shared(parser: argparse.ArgumentParser) -> None:
    """What every command that analyses takes, whether or not it makes a difference there: one habit serves for all."""
    parser.add_argument(
        "-Y", metavar="FILTER", dest="filter", default="",
        help="show only what matches this display filter; rtmpscope fields lists what it can name",
    )  # fmt: skip
    _ports_argument(parser)
    parser.add_argument(
        "--no-redact", dest="redact", action="store_false", help="show stream keys, tokens and credentials"
    )
    parser.add_argument(
        "--plugin", metavar="PATH", dest="plugins", type=_existing, action="append", default=[],
        help="load a plugin, or all in a folder",
    )  # fmt: skip
    parser.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto",
        help="colour lines and tables (default: auto, on a terminal)",
    )  # fmt: skip
    _quiet_argument(parser)


def _ports_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-d", metavar="PORT", dest="ports", type=_port, action="append", default=[],
        help="treat this TCP port as RTMP as well; by default the content decides, on any port",
    )  # fmt: skip


def _quiet_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", dest="quiet", action="store_true", help="write nothing but errors to standard error")


def _captures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "captures", metavar="CAPTURE", type=_path, nargs="+",
        help='pcap or pcapng file, plain or packed by gzip or zstd; "-" is standard input',
    )  # fmt: skip
    _shared(parser)


def _print_arguments(parser: argparse.ArgumentParser) -> None:
    _captures(parser)
    parser.add_argument(
        "--follow", action="store_true",
        help="keep reading while another program writes to the capture (of several, the last)",
    )  # fmt: skip


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    _print_arguments(parser)
    parser.add_argument(
        "-o", metavar="TRACE", dest="output", type=_path, default="-",
        help='file to write; "-", the default, is standard output',
    )  # fmt: skip
    parser.add_argument(
        "--format", metavar="FORMAT", default="jsonl",
        help="jsonl, one record per line (default); json, one array; or a plugin's format",
    )  # fmt: skip
    _payload_argument(parser)


def _payload_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--payload", action="store_true", help="add the captured bytes of every message as hex")


def _rows_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rows", metavar="N", type=_count, default=0,
        help="keep only the last N rows of the timeline; totals still count all (default: keep all)",
    )  # fmt: skip


def _stats_arguments(parser: argparse.ArgumentParser) -> None:
    _captures(parser)
    parser.add_argument(
        "--json", action="store_true", help="print the summary record of the JSON trace instead of tables"
    )


def _extract_arguments(parser: argparse.ArgumentParser) -> None:
    _captures(parser)
    parser.add_argument("-o", metavar="DIR", dest="output", type=_path, required=True, help="folder for the files")
    parser.add_argument(
        "--elementary", action="store_true",
        help="write every track by itself, as is usual for its codec: Annex B, ADTS, IVF, Ogg, ...",
    )  # fmt: skip


def _sanitize_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("captures", metavar="IN", type=_path, nargs=1, help="capture to copy")
    parser.add_argument("output", metavar="OUT", type=_path, help='pcapng file to write; "-" is standard output')
    parser.add_argument("--addresses", action="store_true", help="replace addresses and host names too")
    _ports_argument(parser)
    _quiet_argument(parser)


def _live_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-i", metavar="IFACE", dest="interfaces", action="append", required=True,
        help="interface to capture on, repeat it for more; rtmpscope interfaces lists them",
    )  # fmt: skip
    parser.add_argument(
        "-f", metavar="BPF", dest="capture_filter", default="",
        help="capture filter (default: tcp, so that RTMP on any port is found)",
    )  # fmt: skip
    parser.add_argument(
        "-p", dest="promiscuous", action="store_false", help="do not put the interface into promiscuous mode"
    )
    parser.add_argument("-w", metavar="FILE", dest="save", type=_path, help="keep the packets in this file")
    parser.add_argument(
        "-a", metavar="LIMIT", dest="stop", action="append", default=[],
        type=_limit(duration=_seconds, filesize=_count), help="stop after duration:SECONDS or filesize:KILOBYTES",
    )  # fmt: skip
    parser.add_argument("-c", metavar="N", dest="count", type=_count, default=0, help="stop after N packets")
    parser.add_argument(
        "-b", metavar="RING", dest="ring", action="append", default=[],
        type=_limit(filesize=_count, files=_count),
        help="keep a ring of files: filesize:KILOBYTES is the size of each, files:N how many (default: 2)",
    )  # fmt: skip
    parser.add_argument(
        "--spool", metavar="MEGABYTES", type=_count, default=0,
        help="stop when the private copy of the packets has grown to this (default: 64,000)",
    )  # fmt: skip
    _rows_argument(parser)
    sink = parser.add_mutually_exclusive_group()
    sink.add_argument("--print", dest="text", action="store_true", help="print lines instead of opening the UI")
    sink.add_argument(
        "--export", metavar="TRACE", dest="output", type=_path, help="write the JSON trace instead of opening the UI"
    )
    _payload_argument(parser)
    _shared(parser)
    parser.set_defaults(format="jsonl", follow=True)


def _limit(**numbers: Callable[[str], float]) -> Callable[[str], tuple[str, float]]:
    """NAME:NUMBER, for one of the names, each with what reads its number."""

    def read(text: str) -> tuple[str, float]:
        name, _, number = text.partition(":")
        if name not in numbers:
            raise ValueError
        return name, numbers[name](number)

    read.__name__ = " or ".join([f"{name}:NUMBER" for name in numbers])
    return read


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """Takes nothing but --help."""


COMMANDS: Final = {
    "print": Command(
        "print one line per message", _print_arguments,
        "  rtmpscope print -Y 'rtmp.command or rtmp.note.severity >= warning' stream.pcap\n"
        "  tcpdump -U -w - tcp port 1935 | rtmpscope print -",
    ),
    "export": Command(
        "write the JSON trace, schema rtmpscope.trace/1", _export_arguments,
        "  rtmpscope export stream.pcap -o trace.jsonl\n"
        "  rtmpscope export stream.pcap | jq 'select(.type == \"command_amf0\") | .summary'",
    ),
    "stats": Command(
        "say what became of each session, and how its streams fared", _stats_arguments,
        "  rtmpscope stats stream.pcap\n"
        "  rtmpscope stats --json stream.pcap | jq '.connections[].verdict'",
    ),
    "extract": Command(
        "write one FLV file per media stream", _extract_arguments,
        "  rtmpscope extract stream.pcap -o media\n"
        "  rtmpscope extract stream.pcap -o media --elementary",
    ),
    "sanitize": Command(
        "copy a capture with its secrets replaced, and all that is not RTMP blanked", _sanitize_arguments,
        "  rtmpscope sanitize --addresses stream.pcap for-the-vendor.pcapng",
    ),
    "live": Command(
        "capture and watch", _live_arguments,
        "  rtmpscope live -i eth0 -f 'tcp port 1935' -w saved.pcapng\n"
        "  rtmpscope live -i any --print -a duration:60",
    ),
    "interfaces": Command("list what live -i accepts", _no_arguments),
    "fields": Command("list the fields of display filters", _no_arguments),
}  # fmt: skip


def _parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of one command: those of all of them would take 5 ms to make."""
    command = COMMANDS[name]
    parser = _Parser(
        prog=f"rtmpscope {name}",
        description=f"{command.help[0].upper()}{command.help[1:]}.",
        epilog=command.examples and f"examples:\n{command.examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.arguments(parser)
    return parser


def _parser_of_no_command() -> argparse.ArgumentParser:
    """Captures to open on the screen, and help that names the commands."""
    parser = _Parser(
        prog="rtmpscope",
        usage="rtmpscope [COMMAND] CAPTURE... [options]",
        description=OVERVIEW,
        epilog=NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=version(), help="show the version, and whether it is compiled"
    )
    _print_arguments(parser)
    _rows_argument(parser)
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments by name, `command` among them: "" where the first word is none, and so a capture to open."""
    if arguments and arguments[0] in COMMANDS:
        name, *rest = arguments
        return _parser_of(name).parse_args(rest, argparse.Namespace(command=name))
    parser = _parser_of_no_command()
    if not arguments:
        parser.error("name a capture, as in rtmpscope stream.pcap")
    parsed = parser.parse_args(arguments, argparse.Namespace(command=""))
    name = parsed.captures[0]
    meant = "" if parsed.follow else _misspelt(name)
    if meant:
        parser.error(f"{name} is neither a file nor a command: did you mean {meant}?")
    return parsed


def _misspelt(name: str) -> str:
    """The command that was meant by a word that is no file, "" where none is like it."""
    if not name.isalpha() or os.path.exists(name):
        return ""

    from difflib import get_close_matches

    return next(iter(get_close_matches(name, COMMANDS, 1, 0.75)), "")


def version() -> str:
    """The version, and whether the hot modules are compiled or run as Python."""
    from importlib.util import find_spec

    spec = find_spec("rtmpscope.bits")
    compiled = spec is not None and not (spec.origin or "").endswith(".py")
    return f"rtmpscope {__version__} ({'compiled' if compiled else 'pure Python'})"
