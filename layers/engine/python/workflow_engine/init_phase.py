"""What a Lambda function makes before its first request, and what is made once a process.

While an environment is initialised it has a whole processor, whatever its memory; a request has the share that the memory
buys (Lambda developer guide, "Understanding the Lambda execution environment lifecycle" and "Configure Lambda function
memory"). So clients are made in the former. Anywhere else an import makes nothing and reads nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Final, TypeVar

from workflow_engine.observability import get_logger

logger = get_logger(__name__)

IN_LAMBDA: Final = "AWS_LAMBDA_FUNCTION_NAME"
"""Set by Lambda and by nothing else ("Defined runtime environment variables")."""

T = TypeVar("T")


def at_init(*makers: Callable[[], object]) -> None:
    """For the end of a handler's module: in Lambda, call these now, so that no request has to; elsewhere do nothing.

    What they raise is logged, the import goes on, and the first request that needs the thing tries again and tells its
    caller. An import that fails would be started again for each request, and answered by a 500 without a body.
    """
    if not os.environ.get(IN_LAMBDA):
        return
    for make in makers:
        try:
            make()
        except Exception as error:  # whatever it was, the request will meet it too
            logger.exception("Not ready for requests: %s: %s", type(error).__name__, error)


def once(make: Callable[[], T]) -> Callable[[], T]:
    """Decorator: the function is called when first asked for, and its result kept for all threads.

    `functools.cache` would call it twice for two threads that ask at the same time. What it raises is not kept.
    """
    making = threading.Lock()
    made: list[T] = []

    @wraps(make)
    def get() -> T:
        if not made:
            with making:
                if not made:
                    made.append(make())
        return made[0]

    return get
