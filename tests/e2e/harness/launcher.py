"""The child process: MiniStack with the harness's seams. Started as `python -m tests.e2e.harness.launcher`."""

from __future__ import annotations

import os
import signal
import threading
import time

from tests.e2e.harness import seams, states
from tests.e2e.harness.roles import ministack


def main() -> None:
    """Serve until a signal ends the process, or its parent is gone. Settings are MiniStack's environment variables."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    seams.install()
    states.install()
    ministack("app").main()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
