"""An annotator: point out key frames so large that they stall a slow connection.

A function is enough where a rule needs no memory.  `types` says which messages it wants to see; audio and
video come without a decoded body, because most rules can tell what they need from the first bytes.
"""

from rtmpscope.media import tag
from rtmpscope.model import Note, Severity

LARGE = 500_000  # bytes


def keyframe_size(message, body, connection):
    if message.length > LARGE and tag.video(message.payload).key:
        text = f"a key frame of {message.length:,} bytes: at 4 Mbit/s it takes {message.length / 500_000:.1f} s"
        yield Note("large-keyframe", Severity.WARNING, text)


def register(registry):
    registry.annotator(keyframe_size, types=frozenset({9}))
