"""A path that loses, doubles, reorders and delays: a TAP device in each namespace and this relay between them.

Arguments: the two namespaces, then loss, duplication and reordering in percent, delay in milliseconds, bandwidth in
kbit/s (0: no limit) and a seed. Loss starts after one second, so that a handshake always comes through.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

spaces, numbers = sys.argv[1:3], [float(a) for a in sys.argv[3:9]]
loss, double, reorder, delay, bandwidth, seed = numbers
TUNSETIFF, IFF_TAP, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0002, 0x1000, 0x40000000
chance = random.Random(seed)
libc = ctypes.CDLL(None, use_errno=True)


def tap(space):
    """A TAP device belongs to the namespace in which it was opened."""
    with open(f"/run/netns/{space}") as target:
        if libc.setns(target.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"veth0", IFF_TAP | IFF_NO_PI))
    return device


ends = [tap(space) for space in spaces]
print("relaying", flush=True)
queue, order = [], 0  # frames under way: (when due, tie breaker, end, frame)
free = [0.0, 0.0]  # when each direction's line is idle again
first = None
while True:
    now = time.monotonic()
    while queue and queue[0][0] <= now:
        _, _, end, frame = heapq.heappop(queue)
        try:
            os.write(ends[end], frame)
        except OSError:
            pass  # the device is not up yet
    ready, _, _ = select.select(ends, [], [], max(0.0, queue[0][0] - now) if queue else 1)
    now = time.monotonic()
    for device in ready:
        frame = os.read(device, 65536)
        end = 1 - ends.index(device)
        bad = len(frame) > 200 and first is not None and now - first > 1
        first = first or (now if len(frame) > 200 else None)
        if bad and chance.random() * 100 < loss:
            continue
        start = max(now, free[end])
        if bandwidth:
            start += len(frame) * 8 / (bandwidth * 1000)
            free[end] = start
            if start - now > 1.5:
                continue  # the queue of the bottleneck is full
        due = start + delay / 1000
        if bad and chance.random() * 100 < reorder:
            due += 0.02
        for _ in range(2 if bad and chance.random() * 100 < double else 1):
            order += 1
            heapq.heappush(queue, (due, order, end, frame))
