"""`workflow serve`: the HTTP API on this machine."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import click

from infra.local.cli.in_process import clear_errors, closed_cloud, has_started, starting, tell_found
from infra.local.cli.options import DATA, STEPS


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8006, show_default=True, help="0 takes a free one.")
@click.option(
    "--allow-host",
    "allow_hosts",
    metavar="HOST[:PORT]",
    multiple=True,
    help="Another name that this server is reached by, through a tunnel, say. May be given again.",
)
@click.option(
    "--cors-origin",
    "cors_origins",
    metavar="ORIGIN",
    multiple=True,
    help="Where a web page of yours comes from, such as http://localhost:3000: it may use the API. May be given again.",
)
@DATA
@click.option("--in-memory", "in_memory", is_flag=True, help="Keep nothing.")
@STEPS
def serve(
    port: int,
    allow_hosts: tuple[str, ...],
    cors_origins: tuple[str, ...],
    data: Path,
    in_memory: bool,
    steps_directory: Path | None,
) -> None:
    """Serve the HTTP API on this machine until interrupted, to you alone: not to pages of other sites.

    Runs that the last server left go on where they were.
    """
    from infra.local.server import make_local_server, serve_until, stop_signals

    with starting():
        cloud = closed_cloud(steps_directory, None if in_memory else data)
        try:
            # Before the cloud opens, since runs that go on only to be interrupted again have made an attempt.
            server = make_local_server(cloud.gateway, port, allow_hosts=allow_hosts, cors_origins=cors_origins)
        except OSError as error:
            told = os.strerror(error.errno) if error.errno else str(error)
            raise click.ClickException(f"Port {port} cannot be used: {told}. Choose another with --port.") from None
        except ValueError as error:  # --allow-host or --cors-origin
            raise click.UsageError(str(error)) from None
        with contextlib.closing(server.socket), clear_errors(), cloud, stop_signals() as stopping:
            tell_found(cloud)
            click.echo(
                f"Listening on http://127.0.0.1:{server.port} (console at /, documentation at /docs). Ctrl-C stops.",
                err=True,
            )
            has_started()
            cloud.keep_house()
            problem = serve_until(stopping, server, cloud.stop_waiting, cloud.lost_folder)
    if problem is not None:
        raise click.ClickException(problem)
