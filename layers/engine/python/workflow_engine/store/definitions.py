"""Definitions that workflows refer to by id: agents and prompts, as versions whose document is all there is to them."""

from __future__ import annotations

from typing import Any, Final, Literal

from workflow_engine.store import keys
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.versions import Noun, Version

Kind = Literal["agent", "prompt"]


def _definitions(kind: Kind) -> Noun[Version]:
    def packed(version: Version, payloads: PayloadStore) -> Record:
        return {"kind": kind, "document": payloads.store(version.tenant_id, version.document)}

    def unpacked(known: dict[str, Any], record: Record, payloads: PayloadStore) -> Version:
        return Version(**known, document=payloads.load(record["document"]))

    return Noun(
        word=kind,
        id_attribute="definition_id",
        version_attribute="version",
        name_attribute="name",
        newest=lambda tenant_id, id_: (keys.definitions(tenant_id, kind), keys.definition(kind, id_)),
        versions=lambda tenant_id, id_: keys.definition_versions(tenant_id, kind, id_),
        listed=lambda tenant_id: keys.definitions(tenant_id, kind),
        packed=packed,
        unpacked=unpacked,
    )


AGENTS: Final = _definitions("agent")
PROMPTS: Final = _definitions("prompt")
