"""The built-in annotators, in the order in which each message passes them."""

from __future__ import annotations

from collections.abc import Callable

from rtmpscope.analysis.annotator import Door

BUILTIN: tuple[Callable[[Door], None], ...] = ()
