"""`workflow` as a process."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import traceback
from typing import NoReturn

from infra.local.cli.commands import main
from infra.local.cli.exits import FAILED
from infra.local.stepfunctions.failures import exit_status


def program() -> NoReturn:
    """`main` as a process, which is over when that is: Python would wait for the threads that steps have left behind."""
    status = FAILED
    try:
        main()
    except SystemExit as end:
        status = exit_status(end)
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):  # its reader may be gone
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    program()
