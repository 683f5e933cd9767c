"""`workflow console`: the console of a deployed API, on this machine."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import click

from infra.local.cli.exits import CommandError
from infra.local.cli.options import PROFILE
from infra.local.cli.remote import API, auth_of
from infra.local.cli.settings import connection

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from workflow_engine.client.transport import Transport


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8007, show_default=True, help="0 takes a free one.")
@API
@PROFILE
def console(port: int, api: str | None, profile: str | None) -> None:
    """Serve the console of a deployed API on this machine until interrupted, to you alone.

    Its requests are signed with your AWS credentials, or bear your token, as those of the other commands do.
    """
    from functions.api_console.settings import has_build
    from infra.local.server import serve_until, stop_signals
    from workflow_engine.client.http import HttpTransport

    if not has_build():
        raise CommandError("The console is not built. Run `make console` in the folder of the project.")
    settings = connection(api, profile)
    with contextlib.closing(HttpTransport(settings.url.value, auth_of(settings))) as transport:
        try:
            server = make_console_server(transport, port)
        except OSError as error:
            told = os.strerror(error.errno) if error.errno else str(error)
            raise CommandError(f"Port {port} cannot be used: {told}. Choose another with --port.") from None
        with contextlib.closing(server.socket), stop_signals() as stopping:
            click.echo(
                f"Listening on http://127.0.0.1:{server.port} (console of {settings.label}). Ctrl-C stops.", err=True
            )
            serve_until(stopping, server, lambda: None, lambda: None)


def make_console_server(api: Transport, port: int) -> BaseWSGIServer:
    """The server, which listens on the loopback interface. Raises OSError when the port is taken."""
    from infra.catalog import FUNCTIONS
    from infra.local.forwarding import forwarding_application
    from infra.local.gateway import Gateway
    from infra.local.server import make_application_server

    pages = Gateway([function for function in FUNCTIONS if function.name == "api_console"])
    return make_application_server(port, lambda own: forwarding_application(pages, api, own))
