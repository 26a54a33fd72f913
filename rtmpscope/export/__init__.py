"""What was read, written for people and for programs."""


class OutputError(Exception):
    """An output that cannot be written: one line for people that says what to do."""
