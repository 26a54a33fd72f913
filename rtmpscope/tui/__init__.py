"""The terminal UI: a timeline of RTMP messages, each open down to its bytes."""
