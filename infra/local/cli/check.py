"""`workflow validate` and `workflow compile`: what becomes of a workflow file, without running it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from infra.local.cli.documents import EXIT_INVALID, document, one_document, print_findings, print_json
from infra.local.cli.in_process import call, opened_cloud
from infra.local.cli.options import FILE, STEPS


@click.command()
@click.argument("file", type=FILE)
@STEPS
def validate(file: str, steps_directory: Path | None) -> None:
    """Check a workflow without running it; prints the report, plan and cost included."""
    with one_document() as stdout:
        with opened_cloud(steps_directory) as cloud:
            report = call(cloud, "POST", "/workflows/validate", document(file))
        print_json(report, stdout)
    print_findings([*report["errors"], *report["warnings"]])
    sys.exit(0 if report["is_valid"] else EXIT_INVALID)


@click.command(name="compile")
@click.argument("file", type=FILE)
@click.option("--plan", is_flag=True, help="Print what a run will cost and take instead.")
@click.option("--diagram", is_flag=True, help="Print the structure as a Mermaid diagram instead.")
@STEPS
def compile_(file: str, plan: bool, diagram: bool, steps_directory: Path | None) -> None:
    """Print the state machine that a workflow becomes, in Amazon States Language."""
    if plan and diagram:
        raise click.UsageError("--plan and --diagram exclude each other.")
    with one_document() as stdout:
        with opened_cloud(steps_directory) as cloud:
            compiled = call(cloud, "POST", "/workflows/compile", document(file))
        if diagram:
            click.echo(compiled["diagram"].rstrip("\n").encode(), file=stdout)
        else:
            print_json(compiled["plan" if plan else "asl"], stdout)
