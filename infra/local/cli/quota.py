"""`workflow quota`: what a tenant may use, and has used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click

from infra.local.cli.in_process import clear_errors
from infra.local.cli.options import DATA, JSON
from infra.local.cli.output import Output

NOT_LIMITED: Final = -1


def _limit(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """A whole number, or `none`, which is `NOT_LIMITED`: an option that is not given is None."""
    if value is None or value == "none":
        return None if value is None else NOT_LIMITED
    if not re.fullmatch(r"[0-9]{1,6}", value):
        raise click.BadParameter(f"'{value}' is no limit. Write a whole number of up to six digits, or none.")
    return int(value)


@click.command(name="quota")
@click.argument("tenant")
@click.option(
    "--running", metavar="NUMBER", callback=_limit, help="Runs that have not ended, at once; 'none' for any number."
)
@click.option("--starts-per-minute", metavar="NUMBER", callback=_limit, help="Starts of runs a minute.")
@click.option(
    "--monthly-usd", metavar="NUMBER", callback=_limit, help="Dollars that the transitions of a month's runs may cost."
)
@click.option("--default", "is_taken_back", is_flag=True, help="Let the tenant have the deployment's quota again.")
@click.option("--table", "table_name", metavar="NAME", help="A deployed stage's table, with your own AWS credentials.")
@DATA
@JSON
def quota(
    tenant: str,
    running: int | None,
    starts_per_minute: int | None,
    monthly_usd: int | None,
    is_taken_back: bool,
    table_name: str | None,
    data: Path,
    as_json: bool,
) -> None:
    """Show what a TENANT may use and has used, or give it a quota of its own, which holds within a minute. On a laptop the tenant
    is 'default'.
    """
    from infra.local import tenant_quotas
    from infra.local.tenant_quotas import changed_quota, quotas_of, told

    given = {"running": running, "starts_per_minute": starts_per_minute, "monthly_usd": monthly_usd}
    with clear_errors(), quotas_of(table_name, data) as quotas:
        if is_taken_back:
            quotas.set(tenant, None)
        elif any(value is not None for value in given.values()):
            quotas.set(tenant, changed_quota(quotas.own(tenant), given))
        if as_json:
            Output().document(tenant_quotas.as_json(quotas, tenant))
            return
        for line in told(quotas, tenant):
            click.echo(line)
