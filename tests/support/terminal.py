"""The command `workflow` at a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

COMMAND = [sys.executable, "-m", "infra.local.cli"]


def on_terminal(*arguments: str | Path, columns: int = 100, typed: bytes = b"", **environment: str) -> tuple[int, str]:
    """Exit code and what a terminal of so many columns shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm-256color"} | environment,
    )
    os.close(theirs)
    if typed:
        os.write(ours, typed)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says EIO when the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(timeout=600), shown.decode().replace("\r\n", "\n")


def without_colours(text: str) -> str:
    """A text without what colours it and moves the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
