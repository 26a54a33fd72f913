"""Where the screen meets the terminal: keys from it though standard input is a pipe, signals, exit codes.

Textual reads keys from file descriptor 0 and draws on 2.  `cat x.pcap | rtmpscope -` needs 0 for the keys, so the
pipe is moved away first: `sys.stdin` is then the pipe, 0 the terminal.  A signal asks the program to end, which
puts the terminal back as it was, and the exit code says which signal it was.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtmpscope.tui.app import RtmpscopeApp

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
SWITCH_INTERVAL = 0.001  # seconds a loading thread keeps the interpreter from the screen


def take_terminal() -> None:
    """Put the terminal on descriptors 0 and 2; `sys.stdin` goes on reading what 0 was.

    Raises OSError where the process has no terminal.
    """
    if os.isatty(0) and os.isatty(2):
        return
    terminal = os.open("/dev/tty", os.O_RDWR)
    if not os.isatty(0):
        sys.stdin = os.fdopen(os.dup(0))
        os.dup2(terminal, 0)
    if not os.isatty(2):
        os.dup2(terminal, 2)
    os.close(terminal)


async def live(app: RtmpscopeApp) -> int:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, app.exit, None, 128 + number)
    try:
        await app.run_async()
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
    return app.return_code or 0


def run_app(app: RtmpscopeApp) -> int:
    sys.setswitchinterval(SWITCH_INTERVAL)
    return asyncio.run(live(app))
