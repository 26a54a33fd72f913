"""What a capture without RTMP holds instead, in a line: which TCP ports, and how much that is no TCP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from os.path import isfile
from struct import unpack

from rtmpscope.capture import CaptureError
from rtmpscope.capture.files import open_capture
from rtmpscope.net.decode import Decoder
from rtmpscope.tui.times import counted

BATCHES = 64  # of the capture's first packets
PORTS = 4  # that are named
PORT_BYTES = slice(-4, None)  # of a segment's key: source port, destination port


def held_instead(paths: Sequence[str]) -> str:
    """Empty where the capture cannot be read a second time, or holds no packets."""
    if not all(map(isfile, paths)):
        return ""
    decoder, ports, packets = Decoder(), Counter[int](), 0
    try:
        for batch in islice(open_capture(paths).batches(), BATCHES):
            packets += len(batch.packets)
            for segment in decoder.decode(batch.packets):
                ports[min(unpack(">HH", segment.key[PORT_BYTES]))] += 1  # the lower is the server's, mostly
    except CaptureError:
        return ""
    found = [f"TCP port {port} ({counted(count, 'packet')})" for port, count in ports.most_common(PORTS)]
    more = len(ports) - PORTS
    if more > 0:
        found.append(counted(more, "other port"))
    other = packets - ports.total()
    if other:
        found.append(f"{counted(other, 'packet')} without TCP")
    return f"Found instead: {', '.join(found)}." if found else ""
