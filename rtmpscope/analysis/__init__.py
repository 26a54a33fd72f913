"""The built-in annotators, in the order in which each message passes them: who links, then who uses the links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtmpscope.analysis import conformance, fingerprints, flow_control, media_timeline, session, transactions
from rtmpscope.analysis.annotator import Door

BUILTIN: Final[tuple[Callable[[Door], None], ...]] = (
    transactions.register,
    fingerprints.register,
    conformance.register,
    session.register,
    flow_control.register,
    media_timeline.register,
)
