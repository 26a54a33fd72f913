"""Publish an FLV file through the shared library librtmp, with every timestamp moved.

ffmpeg and gstreamer mask timestamps to 31 bits; librtmp sends the 32 bits it is given. Arguments: URL (librtmp syntax),
FLV file, seconds, milliseconds to add.
"""

import ctypes as c
import sys
import time

url, path, seconds, shift = sys.argv[1].encode(), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
lib = c.CDLL("librtmp.so.1")
lib.RTMP_Alloc.restype = c.c_void_p
for name, arguments in {
    "Init": [],
    "SetupURL": [c.c_char_p],
    "EnableWrite": [],
    "Connect": [c.c_void_p],
    "ConnectStream": [c.c_int],
    "Write": [c.c_char_p, c.c_int],
    "Close": [],
}.items():
    getattr(lib, f"RTMP_{name}").argtypes = [c.c_void_p, *arguments]

session = lib.RTMP_Alloc()
lib.RTMP_Init(session)
keep = c.create_string_buffer(url)  # librtmp points into it
lib.RTMP_SetupURL(session, keep)
lib.RTMP_EnableWrite(session)
if not lib.RTMP_Connect(session, None) or not lib.RTMP_ConnectStream(session, 0):
    sys.exit("no stream")
data, at, start = open(path, "rb").read(), 13, time.monotonic()
while at + 11 <= len(data):
    size = int.from_bytes(data[at + 1 : at + 4], "big")
    timestamp = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
    if timestamp > seconds * 1000:
        break
    time.sleep(max(0, start + timestamp / 1000 - time.monotonic()))
    moved = (timestamp + shift) & 0xFFFFFFFF
    tag = (
        data[at : at + 4] + (moved & 0xFFFFFF).to_bytes(3, "big") + bytes([moved >> 24]) + data[at + 8 : at + 15 + size]
    )
    lib.RTMP_Write(session, tag, len(tag))
    at += 15 + size
lib.RTMP_Close(session)
