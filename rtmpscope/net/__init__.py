"""Packets to TCP segments, and segments to the two streams of a connection."""
