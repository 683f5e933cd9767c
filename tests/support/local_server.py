"""The local API server in a thread of the test's process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from infra.local.gateway import Gateway
from infra.local.server import HOST, make_local_server


@contextmanager
def running_server(
    gateway: Gateway, port: int = 0, *, allow_hosts: Iterable[str] = (), cors_origins: Iterable[str] = ()
) -> Iterator[str]:
    """Serve in a thread of this process while the context lasts; gives the base URL."""
    server = make_local_server(gateway, port, allow_hosts=allow_hosts, cors_origins=cors_origins)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="local-api", daemon=True
    )
    thread.start()
    try:
        yield f"http://{HOST}:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
