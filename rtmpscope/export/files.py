"""Where exports go: a file that is there whole or not at all, or standard output.

A file is written beside its target under another name, flushed to the disk, and put in place of the target at the
very end; whatever goes wrong before that leaves the old file as it was and nothing else behind.  A target that is no
regular file, such as a pipe or a device, is written directly, and links are followed, where the user named it; names
that we made up may be somebody else's trap, and nothing is written through them.  What can go wrong with the output
is an OutputError with one line that says what to do; only a closed pipe stays a BrokenPipeError, because nobody is
there to be told.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from rtmpscope.export import OutputError

STANDARD_OUTPUT: Final = "-"

_BUFFER: Final = 1 << 16

_REASONS: Final = {
    errno.ENOSPC: "the disk is full: make room or choose another place",
    errno.EDQUOT: "your disk quota is used up: make room or choose another place",
    errno.EROFS: "the file system is read-only: choose another place",
    errno.EACCES: "no permission to write there: choose another place",
    errno.EPERM: "no permission to write there: choose another place",
    errno.ENOENT: "there is no such folder: make it first",
    errno.ENOTDIR: "there is no such folder: make it first",
    errno.EISDIR: "it is a folder: name a file in it",
    errno.EEXIST: "a file has the name of the folder: choose another place",
    errno.EFBIG: "the file would be larger than allowed: choose another place",
}


@contextmanager
def output(path: str) -> Iterator[TextIO]:
    """A text file to write UTF-8 to; "-" is standard output."""
    with raw_output(path) as raw:
        text = io.TextIOWrapper(io.BufferedWriter(raw, _BUFFER), "utf-8", newline="\n", write_through=False)
        try:
            yield text
            text.flush()
        finally:
            _let_go(text)


@contextmanager
def raw_output(path: str) -> Iterator[io.FileIO]:
    """A file to write bytes to; "-" is standard output."""
    if path == STANDARD_OUTPUT:
        with _explained("standard output"):
            sys.stdout.flush()
            with io.FileIO(sys.stdout.fileno(), "w", closefd=False) as raw:
                yield raw
    elif os.path.exists(path) and not os.path.isfile(path):
        with _explained(path), io.FileIO(path, "w") as raw:
            yield raw
    else:
        with _explained(path), _replacement(Path(os.path.realpath(path))) as raw:
            yield raw


@contextmanager
def named_output(path: Path) -> Iterator[io.FileIO]:
    """A file whose name nobody chose, to write bytes to: what has that name goes, a link or a pipe too."""
    with _explained(str(path)), _replacement(path) as raw:
        yield raw


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {name}: {reason(error)}") from None


def reason(error: OSError) -> str:
    """Why something cannot be written, and what to do about it."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


@contextmanager
def _replacement(target: Path) -> Iterator[io.FileIO]:
    """A new file beside the target that takes its place at the end."""
    mode = target.stat().st_mode & 0o777 if target.is_file() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(".part", f".{target.name[:100]}.", target.parent)
    try:
        with io.FileIO(handle, "w") as raw:
            yield raw
            os.chmod(name, mode)
            os.fsync(handle)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    with suppress(OSError):  # some file systems cannot sync a folder; the file itself is safe
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _let_go(text: io.TextIOWrapper) -> None:
    """Part from the raw file without writing: what could not be flushed is lost, and that was already said."""
    with suppress(OSError, ValueError):
        text.detach().detach()  # type: ignore[attr-defined]
