"""What a coded frame says of picture or sound: all there is where a codec has no sequence header.

A frame's beginning is enough.  Of sound that says nothing itself, the FLV header before it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtmpscope.media import audio, video
from rtmpscope.media.configs import Parameters
from rtmpscope.model import AUDIO


def frame_facts(type_id: int, payload: bytes, length: int) -> dict[str, Any]:
    """Those of `Parameters` by name, of a message of `length` bytes that begins so."""
    body = (audio if type_id == AUDIO else video).decode(payload, length)
    frame = body.child("frame")
    found = Parameters() if frame is None else Parameters.of(frame)
    if type_id == AUDIO and not found.sample_rate:
        found = audio.header_parameters(payload)
    return {name: value for name, value in found._asdict().items() if value}


def described(facts: Mapping[str, Any]) -> str:
    """The facts in a few words, as a configuration record says its own."""
    return str(Parameters()._replace(**{name: value for name, value in facts.items() if name in Parameters._fields}))
