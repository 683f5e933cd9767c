"""What tenants may use, for the command line: read and set in a deployed table, or in the data folder of a laptop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.data import DataFolder, DataFolderError
from workflow_engine.store.quotas import MICROS, Quota, Quotas


@contextmanager
def quotas_of(table_name: str | None, data: Path) -> Iterator[Quotas]:
    """The quotas of a deployed table, or of a data folder, whose server may be running. Raises DataFolderError."""
    if table_name is not None:
        from botocore.session import get_session

        from workflow_engine import aws
        from workflow_engine.store.tables.dynamodb import DynamoTable

        client: Any = get_session().create_client("dynamodb", config=aws.config("dynamodb"))
        yield Quotas(DynamoTable(client, table_name), Quota(), _now)
        return
    from workflow_engine.store.tables.sqlite import SqliteTable

    folder = DataFolder(data)
    if not folder.is_used:
        raise DataFolderError(f"There is no data of a server in '{data}'.")
    with closing(SqliteTable(folder.table)) as table:
        yield Quotas(table, Quota(), _now)


def changed_quota(standing: Quota | None, given: Mapping[str, int | None]) -> Quota:
    """A quota with some of its limits set anew. None leaves a limit as it is, a negative number takes it away."""
    changes = {name: None if value < 0 else value for name, value in given.items() if value is not None}
    return (standing or Quota())._replace(**changes)


def told(quotas: Quotas, tenant: str) -> list[str]:
    """What a tenant may use and has used, for a person."""
    own, usage = quotas.own(tenant), quotas.usage(tenant)
    if own is None:
        lines = [f"{tenant} has no quota of its own: the deployment's holds."]
    else:
        limits = (
            ("runs at once", own.running),
            ("starts a minute", own.starts_per_minute),
            ("USD a month", own.monthly_usd),
        )
        lines = [f"{tenant}: {name:<16} {'any number' if limit is None else limit}" for name, limit in limits]
    if "minute" in usage:
        lines.append(f"{tenant} started {usage['starts']} runs in the minute {usage['minute']} (UTC).")
    if "cost_micros" in usage:
        lines.append(f"{tenant} has spent {usage['cost_micros'] / MICROS:.2f} USD this month, as far as it is counted.")
    return lines


def as_json(quotas: Quotas, tenant: str) -> dict[str, Any]:
    """The same for a program: `quota` is null where the deployment's holds, a limit in it where there is none."""
    own, usage = quotas.own(tenant), quotas.usage(tenant)
    used = {
        "minute": usage.get("minute"),
        "starts": usage.get("starts", 0),
        "usd": usage.get("cost_micros", 0) / MICROS,
    }
    return {"tenant": tenant, "quota": None if own is None else own._asdict(), "used": used}


def _now() -> datetime:
    return datetime.now(UTC)
