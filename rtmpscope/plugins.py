"""The registry of decoders, annotators and exporters, the search for plugins, and the wall around them.

A plugin is a Python file with a function register(registry).  The built-ins come in by the same door.
Plugins are found by entry point (group "rtmpscope"), in the user's plugin folder and where --plugin points;
never in the working directory, because that would run code that came with a capture.

Nothing that a plugin does may end a run.  What it raises becomes one "plugin-failed" note, on the event it
was shown and in `registry.problems`, and that plugin is switched off.  One that never comes back cannot be stopped
from here, but it is named, from a thread of its own.  This is the only place where failures are contained; built-in
code is called directly and has none of this cost.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from functools import cache, partial
from pathlib import Path
from threading import Thread, get_ident
from time import monotonic, perf_counter, sleep
from typing import TYPE_CHECKING, Any, Final, Protocol, TextIO

from rtmpscope.analysis import BUILTIN
from rtmpscope.analysis.annotator import AnnotatorClass, AnnotatorFunction
from rtmpscope.limits import PLUGIN_CALL_SECONDS, PLUGIN_SILENT_SECONDS
from rtmpscope.model import Connection, End, Event, Field, Gap, Handshake, Message, Note, Severity
from rtmpscope.outcome import Signalled, say
from rtmpscope.rtmp import messages

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "rtmpscope"
TRACEBACK_LINES = 3
_PACKAGES = (".dist-info", ".egg-info", "EGG-INFO")  # how the folders end that tell about installed packages
_OTHER = -2  # stands for the message types that no annotator names; no message has it

TypeDecoder = Callable[[bytes, int], Field]
NameDecoder = Callable[[Field, bytes], Field | None]
OnMessage = Callable[[Message, Field | None], object]


class Exporter(Protocol):
    """A sink: sees every event with its connection, then is finished."""

    def event(self, event: Event, connection: Connection) -> None: ...

    def finish(self) -> None: ...


class Guard:
    """The wall around one plugin: survives what it raises, switches it off, and says so once."""

    def __init__(self, name: str, problems: list[Note]) -> None:
        self.name = name
        self.off = False
        self._slow = False
        self._waited_for = False
        self._problems = problems

    def call(self, event: Event | None, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the function returns; None where the plugin is switched off, now or before."""
        if self.off:
            return None
        began = perf_counter()
        _under_way[get_ident()] = self, monotonic()
        try:
            with redirect_stdout(sys.stderr):  # what it prints must not get into a trace
                result = function(*arguments)
        except Signalled:  # the user's ctrl+c: never a plugin's own KeyboardInterrupt
            if perf_counter() - began > PLUGIN_CALL_SECONDS:
                say(f"plugin {self.name} had not come back for {perf_counter() - began:.1f} s")
            raise
        except BaseException as error:
            self.off = True
            self._tell(
                event, "plugin-failed", Severity.ERROR, f"plugin {self.name} is switched off: {_last_lines(error)}"
            )
            return None
        finally:
            _under_way.pop(get_ident(), None)
        seconds = perf_counter() - began
        if seconds > PLUGIN_CALL_SECONDS and not self._slow:
            self._slow = True
            text = f"plugin {self.name} took {seconds:.1f} s for one call: it is what makes this run slow"
            self._tell(event, "plugin-slow", Severity.WARNING, text)
        return result

    def wait(self, seconds: float) -> None:
        """It has been at work for so long, and still is: say so once."""
        if seconds > PLUGIN_SILENT_SECONDS and not self._waited_for:
            self._waited_for = True
            say(f"plugin {self.name} has not come back for {seconds:.0f} s: ctrl+c ends the run")

    def _tell(self, event: Event | None, code: str, severity: Severity, text: str) -> None:
        self._problems.append(Note(code, severity, text))
        if event is not None:
            event.note(code, severity, text)


_under_way: Final[dict[int, tuple[Guard, float]]] = {}  # calls of plugins, and since when, by thread


@cache
def _watch() -> None:
    """Have an eye on calls of plugins from now on."""
    Thread(target=_wait_for_plugins, name="plugins", daemon=True).start()


def _wait_for_plugins() -> None:
    while True:
        sleep(PLUGIN_SILENT_SECONDS / 5)
        for guard, since in list(_under_way.values()):
            guard.wait(monotonic() - since)


def _last_lines(error: BaseException) -> str:
    """The error and the plugin's own last lines, as one line."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)[-TRACEBACK_LINES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}: {frame.line}" for frame in frames]
    return " | ".join([f"{type(error).__name__}: {error}", *places])


class Annotators:
    """What to call for the events of one connection, ready for the engine's loop.

    A message of type t goes to `on_message.get(t, on_other_message)`, each called with (message, body);
    the other events go to the lists named after them.
    """

    __slots__ = ("on_message", "on_other_message", "on_handshake", "on_gap", "on_end")

    def __init__(self, on_message: dict[int, list[OnMessage]], on_other_message: list[OnMessage]) -> None:
        self.on_message = on_message
        self.on_other_message = on_other_message
        self.on_handshake: list[Callable[[Handshake], object]] = []
        self.on_gap: list[Callable[[Gap], object]] = []
        self.on_end: list[Callable[[End], object]] = []


class _Watch:
    """A registered annotator: whose it is, the types it wants (None for all), the methods it has."""

    __slots__ = ("guard", "annotator", "types", "methods")

    def __init__(self, guard: Guard | None, annotator: Any, types: frozenset[int] | None) -> None:
        self.guard = guard
        self.annotator = annotator
        self.types = types
        methods = ("on_message", "on_handshake", "on_gap", "on_end")
        is_class = isinstance(annotator, type)
        self.methods = [name for name in methods if hasattr(annotator, name)] if is_class else ["on_message"]

    def wants(self, type_id: int) -> bool:
        return self.types is None or type_id in self.types

    def start(self, connection: Connection) -> dict[str, Callable[..., object]]:
        """Watch a connection: the methods to call by name, none for a plugin that is switched off."""
        guard, annotator = self.guard, self.annotator
        if not isinstance(annotator, type):
            methods = {"on_message": lambda message, body: annotator(message, body, connection)}
        else:
            instance = annotator(connection) if guard is None else guard.call(None, annotator, connection)
            if instance is None:
                return {}
            connection.analysis[getattr(instance, "name", annotator.__name__)] = instance
            methods = {name: getattr(instance, name) for name in self.methods}
        if guard is None:
            return methods
        return {name: partial(_call_guarded, guard, method) for name, method in methods.items()}


class Registry:
    """Everything that can be plugged in, and the problems that plugins had."""

    def __init__(self) -> None:
        self.problems: list[Note] = []
        self.exporters: dict[str, Callable[[TextIO], Exporter]] = {}
        self._type_decoders: dict[int, list[tuple[Guard | None, TypeDecoder]]] = {}
        self._name_decoders: dict[str, list[tuple[Guard | None, NameDecoder]]] = {}
        self._watches: list[_Watch] = []
        self._routes: dict[int, tuple[int, ...]] = {_OTHER: ()}  # by message type, places in _watches
        self._guard: Guard | None = None  # of the plugin that is registering now

    # What register(registry) may call

    def decoder(self, key: int | str, function: TypeDecoder | NameDecoder) -> None:
        """Decode a message type, a command, a data handler or a FourCC.

        For a type id, function(payload, length) returns the body's Field tree.  For a name,
        function(body, payload) may change the decoded body or return another one.  The newest comes first.
        """
        table: dict[Any, list[Any]] = self._type_decoders if isinstance(key, int) else self._name_decoders
        table.setdefault(key, []).insert(0, (self._guard, function))

    def annotator(self, annotator: AnnotatorClass | AnnotatorFunction, *, types: frozenset[int] | None = None) -> None:
        """Watch connections: a class or a function as rtmpscope.analysis.annotator describes them."""
        wanted = getattr(annotator, "types", None) if types is None else types
        self._watches.append(_Watch(self._guard, annotator, wanted))
        listed = {_OTHER}.union(*(watch.types for watch in self._watches if watch.types is not None))
        self._routes = {
            type_id: tuple(place for place, watch in enumerate(self._watches) if watch.wants(type_id))
            for type_id in listed
        }

    def exporter(self, name: str, factory: Callable[[TextIO], Exporter]) -> None:
        """Offer an export format: factory(output) makes a sink that writes to the open text file."""
        guard = self._guard
        self.exporters[name] = factory if guard is None else partial(_GuardedExporter, guard, factory)

    # What the engine and the sinks call

    def decode(self, message: Message) -> Field:
        """The field tree of the message's captured bytes."""
        payload = message.prefix
        body = self._decode_type(message, payload)
        if self._name_decoders:
            for name in ("name", "fourcc"):
                for guard, refine in self._name_decoders.get(str(body.get(name)), ()):
                    refined = refine(body, payload) if guard is None else guard.call(message, refine, body, payload)
                    body = refined if isinstance(refined, Field) else body
        return body

    def _decode_type(self, message: Message, payload: bytes) -> Field:
        for guard, decode in self._type_decoders.get(message.type_id, ()):
            if guard is None:
                return decode(payload, message.length)
            body = guard.call(message, _field, decode, payload, message.length)
            if body is not None:
                return body  # type: ignore[no-any-return]
        return messages.decode(message.type_id, payload, message.length)

    def annotators_for(self, connection: Connection) -> Annotators:
        """Make this connection's annotators, and keep them in connection.analysis by their names."""
        started = [watch.start(connection) for watch in self._watches]
        lists = {
            places: [started[place]["on_message"] for place in places if "on_message" in started[place]]
            for places in self._routes.values()
        }
        annotators = Annotators(
            {type_id: lists[places] for type_id, places in self._routes.items()}, lists[self._routes[_OTHER]]
        )
        annotators.on_handshake = [methods["on_handshake"] for methods in started if "on_handshake" in methods]
        annotators.on_gap = [methods["on_gap"] for methods in started if "on_gap" in methods]
        annotators.on_end = [methods["on_end"] for methods in started if "on_end" in methods]
        return annotators

    # Loading

    def register(self, name: str, load: Callable[[], Callable[[Registry], object]]) -> None:
        """Load one plugin and let it register, behind its wall."""
        _watch()
        self._guard = Guard(name, self.problems)
        self._guard.call(None, lambda: load()(self))
        self._guard = None


def _call_guarded(guard: Guard, method: Callable[..., object], event: Event, *rest: object) -> None:
    for note in guard.call(event, _notes, method, event, *rest) or ():
        event.note(note.code, note.severity, note.text)


def _notes(method: Callable[..., object], event: Event, *rest: object) -> list[Note]:
    """Run an annotator to its end, a generator too, and check what it gave; the event gets notes, and else stays.

    Raises TypeError for anything else than notes, and for an event that it changed.
    """
    fields = _FIELDS[type(event)]
    values = [getattr(event, name) for name in fields]
    noted = list(event.notes or ())
    try:
        given = method(event, *rest)
        notes = list(given) if isinstance(given, Iterable) else []
    finally:
        changed = [getattr(event, name, None) for name in fields] != values
        if changed:
            for name, value in zip(fields, values, strict=True):
                setattr(event, name, value)
        if event.notes is not None and not _are_notes(event.notes):
            event.notes = noted
            changed = True
    if changed:
        raise TypeError("an annotator must not change an event")
    if not _are_notes(notes):
        raise TypeError(f"an annotator gives Note objects, not {notes!r}")
    return notes


def _are_notes(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(note, Note) for note in given)


def _names_of(kind: type[Event]) -> list[str]:
    """The fields of a kind of event, in both builds; the notes, which annotators add to, are not among them."""
    slots = (name for base in kind.__mro__ for name in vars(base).get("__slots__", ()))
    return [name for name in getattr(kind, "__mypyc_attrs__", None) or slots if name != "notes"]


_FIELDS: Final[dict[type, list[str]]] = {kind: _names_of(kind) for kind in (Handshake, Message, Gap, End)}


def _field(decode: TypeDecoder, payload: bytes, length: int) -> Field:
    body = decode(payload, length)
    if not isinstance(body, Field):
        raise TypeError(f"a decoder gives a Field, not {body!r}")
    return body


class _GuardedExporter:
    def __init__(self, guard: Guard, factory: Callable[[TextIO], Exporter], output: TextIO) -> None:
        self._guard = guard
        self._sink: Exporter | None = guard.call(None, factory, output)

    def event(self, event: Event, connection: Connection) -> None:
        if self._sink is not None:
            self._guard.call(None, self._sink.event, event, connection)

    def finish(self) -> None:
        if self._sink is not None:
            self._guard.call(None, self._sink.finish)


def load_builtin(registry: Registry) -> None:
    """Register what rtmpscope itself brings."""
    for type_id, known in messages.TYPES.items():
        registry.decoder(type_id, known.decode)
    for register in BUILTIN:
        register(registry)


def load(registry: Registry, paths: Sequence[str] = ()) -> None:
    """Load installed plugins, the user's own, and the files or folders in `paths`; raise OSError if one is missing."""
    for entry in _entry_points():
        registry.register(entry.name, partial(_register_of, entry.load))
    files = [*_python_files(_user_folder()), *(file for path in paths for file in _given(Path(path)))]
    for file in files:
        registry.register(file.stem, partial(_register_of, partial(_import_file, file)))


def _register_of(load: Callable[[], Any]) -> Callable[[Registry], object]:
    loaded = load()
    register: Callable[[Registry], object] | None = loaded if callable(loaded) else getattr(loaded, "register", None)
    if register is None:
        raise LookupError("it has no function register(registry)")
    return register


def _entry_points() -> Iterator[EntryPoint]:
    """Entry points of installed packages; what lies in the working directory is not installed."""
    here = os.path.realpath(os.getcwd())
    places = [place for place in sys.path if place and os.path.realpath(place) != here and _offers_plugins(place)]
    if not places:
        return

    from importlib import metadata  # takes 17 ms to load, and few have plugins

    seen: set[tuple[str, str]] = set()
    for distribution in metadata.distributions(path=places):
        for entry in distribution.entry_points.select(group=ENTRY_POINTS):
            if (entry.name, entry.value) not in seen:
                seen.add((entry.name, entry.value))
                yield entry


def _offers_plugins(place: str) -> bool:
    """Whether an entry of sys.path may hold a package with our entry points; an archive may."""
    try:
        packages = [name for name in os.listdir(place) if name.endswith(_PACKAGES)]
    except NotADirectoryError:
        return True
    except OSError:
        return False
    return any(_names_our_group(os.path.join(place, package, "entry_points.txt")) for package in packages)


def _names_our_group(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"[%b]" % ENTRY_POINTS.encode() in file.read()
    except OSError:
        return False


def _user_folder() -> Path:
    from platformdirs import user_config_path

    return user_config_path("rtmpscope") / "plugins"


def _given(path: Path) -> list[Path]:
    if path.is_dir():
        return _python_files(path)
    path.stat()
    return [path]


def _python_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.py"))


def _import_file(file: Path) -> object:
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"rtmpscope_plugin_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
