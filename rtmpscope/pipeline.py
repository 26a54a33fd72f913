"""One run without a screen: captures through the engine, filtered, to whoever wants the events.

A `Run` is given an open capture, a file's or a live one; `events` and `batches` give the wanted events as it is read,
and keep none of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from rtmpscope.capture.files import Batch, CaptureReader
from rtmpscope.capture.sources import FileReport
from rtmpscope.engine import RTMP_PORTS, Engine
from rtmpscope.model import AMF_TYPES, Connection, Event, Field, Message
from rtmpscope.plugins import Registry, load, load_builtin
from rtmpscope.redact import Redactor

if TYPE_CHECKING:
    from rtmpscope.filters import Filter


class Watcher(Protocol):
    """Somebody who looks in after every batch, and has nothing more to see in the end."""

    def show(self, batch: Batch) -> None: ...

    def clear(self) -> None: ...


class Run:
    """A capture being analysed.

    wanted    None lets every event through
    redactor  None where secrets are to be shown
    start_ns  when the first packet was captured
    shown     events that the filter let through
    """

    def __init__(
        self,
        reader: CaptureReader,
        *,
        ports: Sequence[int] = (),
        wanted: Filter | None = None,
        redact: bool = True,
        plugins: Sequence[str] = (),
        whole_payloads: bool = False,
    ) -> None:
        self.registry: Final = registry(plugins)
        self.redactor: Final = Redactor() if redact else None
        if self.redactor is not None:  # what is said in rows that nobody wants is secret in the others too
            self.registry.annotator(self.redactor.listen, types=AMF_TYPES)
        self.wanted: Final = wanted
        self.shown = 0
        self.reader: Final = reader
        self._engine: Final = Engine(self.registry, ports=RTMP_PORTS | frozenset(ports), whole_payloads=whole_payloads)
        batches = reader.batches()
        first = next((batch for batch in batches if batch.packets), None)
        self._batches: Iterator[Batch] = batches if first is None else chain([first], batches)
        self.start_ns: Final = 0 if first is None else int(first.packets[0].time_ns)
        if wanted is not None:
            wanted.start_ns = self.start_ns

    @property
    def connections(self) -> list[Connection]:
        return self._engine.connections

    @property
    def files(self) -> list[FileReport]:
        return self.reader.files

    def describe(self, event: Event) -> Field:
        return self._engine.describe(event)

    def events(self, watcher: Watcher | None = None) -> Iterator[Event]:
        """The wanted events, in order."""
        for events in self.batches(watcher):
            yield from events

    def batches(self, watcher: Watcher | None = None) -> Iterator[list[Event]]:
        """The wanted events, in order, those that became certain together in one list."""
        engine = self._engine
        for batch in self._batches:
            yield self._chosen(engine.feed(batch.packets))
            if watcher is not None:
                watcher.show(batch)
        yield self._chosen(engine.finish())
        if watcher is not None:
            watcher.clear()

    def _chosen(self, events: list[Event]) -> list[Event]:
        if self.wanted is not None:
            events = [event for event in events if self._is_wanted(self.wanted, event)]
        self.shown += len(events)
        return events

    def _is_wanted(self, wanted: Filter, event: Event) -> bool:
        connection = self._engine.connections[event.connection]
        decided = wanted.decide(event, connection)
        if decided is not None:
            return decided
        body = None
        if isinstance(event, Message):
            body = event.body = self._engine.describe(event)  # kept for whoever describes the message next
        return wanted.match(event, connection, body)


def registry(plugins: Sequence[str]) -> Registry:
    """What comes with rtmpscope, and the plugins that are installed or named."""
    found = Registry()
    load_builtin(found)
    load(found, plugins)
    return found


class Progress:
    """How far reading has come, on a terminal's last line, ten times a second at most."""

    def __init__(self, run: Run, output: TextIO) -> None:
        self._run = run
        self._output = output
        self._next = 0.0
        self._shown = False

    def show(self, batch: Batch) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 0.1
        self._shown = True
        size = self._run.reader.size
        part = f"{batch.position * 100 // size} %" if size else f"{batch.position / 1e6:,.0f} MB"
        self._output.write(f"\r\x1b[K{part}  {self._run.shown:,} records")
        self._output.flush()

    def clear(self) -> None:
        if self._shown:
            self._output.write("\r\x1b[K")
            self._output.flush()
            self._shown = False
