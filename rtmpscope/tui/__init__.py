"""The terminal UI: a timeline of RTMP messages, each open down to its bytes."""

import os

# What Textual reads when it is imported: milliseconds after which an escape is a key of its own, for which it would
# wait 100, and frames a second at most.  With its 60, the answer to a key waits 16 ms behind any other frame.
os.environ.setdefault("ESCDELAY", "20")
os.environ.setdefault("TEXTUAL_FPS", "120")
