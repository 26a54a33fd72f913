"""Play a stream through the shared library librtmp and write down every message it hands out.

The loop is the one of the library's own RTMP_ConnectStream, with a line of JSON per message before the library
answers it. Arguments: URL (librtmp syntax), seconds, witness file, and for recorded files what to do on the way:
SECOND:pause, SECOND:resume, SECOND:MILLISECONDS (seek).
"""

import ctypes as c
import hashlib
import json
import os
import socket
import sys
import time

url, seconds, witness = sys.argv[1].encode(), float(sys.argv[2]), open(sys.argv[3], "w", buffering=1)
plan = [(float(second), action) for second, _, action in (a.partition(":") for a in sys.argv[4:])]
lib = c.CDLL("librtmp.so.1")


class Packet(c.Structure):
    """RTMPPacket of librtmp/rtmp.h."""

    _fields_ = [
        ("header", c.c_uint8),
        ("type", c.c_uint8),
        ("absolute", c.c_uint8),
        ("channel", c.c_int),
        ("timestamp", c.c_uint32),
        ("stream", c.c_int32),
        ("size", c.c_uint32),
        ("read", c.c_uint32),
        ("chunk", c.c_void_p),
        ("body", c.POINTER(c.c_char)),
    ]


lib.RTMP_Alloc.restype = c.c_void_p
for name in "Init SetupURL Connect ReadPacket ClientPacket IsConnected Close Socket".split():
    getattr(lib, f"RTMP_{name}").argtypes = [c.c_void_p] + [c.c_void_p] * (
        name in {"SetupURL", "Connect", "ReadPacket", "ClientPacket"}
    )

session = lib.RTMP_Alloc()
lib.RTMP_Init(session)
keep = c.create_string_buffer(url)  # librtmp points into it
packet = Packet()
if not lib.RTMP_SetupURL(session, keep) or not lib.RTMP_Connect(session, None):
    sys.exit("no connection")
lib.RTMP_Socket.restype = c.c_int
with socket.socket(fileno=os.dup(lib.RTMP_Socket(session))) as own:
    port = own.getsockname()[1]
lib.RTMP_SendPause.argtypes, lib.RTMP_SendSeek.argtypes = [c.c_void_p, c.c_int, c.c_int], [c.c_void_p, c.c_int]
start = time.monotonic()
until = start + seconds
while time.monotonic() < until and lib.RTMP_ReadPacket(session, c.byref(packet)):
    if packet.read != packet.size or not packet.size:
        continue
    body = packet.body[: packet.size]
    row = [
        packet.type,
        packet.timestamp,
        packet.size,
        packet.channel,
        packet.stream,
        hashlib.sha1(body).hexdigest()[:12],
    ]
    print(json.dumps({"port": port, "row": row}), file=witness)
    lib.RTMP_ClientPacket(session, c.byref(packet))
    seen = packet.timestamp
    lib.RTMPPacket_Free(c.byref(packet))
    while plan and time.monotonic() > start + plan[0][0]:
        _, action = plan.pop(0)
        if action == "pause":
            lib.RTMP_SendPause(session, 1, seen)
            time.sleep(max(0, start + plan[0][0] - time.monotonic()))  # nothing comes while it pauses
        elif action == "resume":
            lib.RTMP_SendPause(session, 0, seen)
        else:
            lib.RTMP_SendSeek(session, int(action))
lib.RTMP_Close(session)
