"""Packets from files, pipes and interfaces.  This is the package that opens things; it knows only rtmpscope.model."""


class CaptureError(Exception):
    """A capture that cannot be opened or made: one line for people that says what to do."""
