"""Streams to handshakes and messages (RTMP 5), and messages to field trees (RTMP 6 and 7)."""
