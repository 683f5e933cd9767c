"""`workflow schema`: the JSON Schema of workflows, for an editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from infra.local.cli.documents import one_document, writing
from infra.local.cli.in_process import call, opened_cloud
from infra.local.cli.options import PROFILE, STEPS
from infra.local.cli.remote import API


@click.command()
@STEPS
@API
@PROFILE
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file, which $schema of a workflow may name.",
)
def schema(steps_directory: Path | None, api: str | None, profile: str | None, output: Path | None) -> None:
    """Print the JSON Schema of workflows: what may stand where, described, for an editor to complete and check.

    It knows the built-in step types, with --steps also those of the folder, with --api or --profile those that are registered
    there, and no others.
    """
    from workflow_engine.language.schema import render_schema

    if steps_directory is not None and (api or profile):
        raise click.UsageError("--steps and --api exclude each other: step types are of a folder, or of a server.")
    with one_document() as stdout:
        text = render_schema(_of_server(api, profile) if api or profile else _of_folder(steps_directory))
        if output is None:
            click.echo(text.encode(), file=stdout, nl=False)
            return
    with writing(output):
        output.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {output}.", err=True)


def _of_server(api: str | None, profile: str | None) -> Any:
    from infra.local.cli.options import output_of
    from infra.local.cli.remote import Remote, as_command_error
    from infra.local.cli.settings import connection
    from workflow_engine.client.errors import ClientError

    remote = Remote(connection(api, profile), output_of(False, None))
    try:
        return remote.api.answer("get_workflow_schema")[0]
    except ClientError as error:
        raise as_command_error(error, remote) from None


def _of_folder(steps_directory: Path | None) -> Any:
    if steps_directory is None:
        return schema_of_folder(None)
    with opened_cloud(steps_directory) as cloud:  # which refuses steps that cannot be registered
        return call(cloud, "GET", "/schema")


def schema_of_folder(steps: Path | None) -> Any:
    """The schema with the built-in step types and those of a folder, if there is one, whose steps are known to be right."""
    from workflow_engine.language.schema import workflow_schema
    from workflow_engine.steps import builtin_catalogue

    catalogue = builtin_catalogue()
    if steps is not None and steps.is_dir():
        from infra.local.steps import StepsDirectory

        folder = StepsDirectory(steps)
        catalogue = catalogue.with_registered(folder.found().registrations)
        folder.forget()
    return workflow_schema(catalogue.step_types())
