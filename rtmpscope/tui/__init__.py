"""The terminal UI: a timeline of RTMP messages, each open down to its bytes."""

import os

# Milliseconds after which an escape is a key of its own; Textual reads this when it is imported, and waits 100.
os.environ.setdefault("ESCDELAY", "20")
