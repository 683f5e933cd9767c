"""The CDK app as it is shipped: run without the CDK command line, and what it wrote.

The command line (npm) does three things that are done here: it runs the app named in `cdk.json` with that file's context,
it packs assets, and it orders the stacks. See "Cloud assembly schema" in the CDK's API reference.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final

from tests.e2e.harness.emulator import ACCOUNT, REGION, REPOSITORY

SYNTH_SECONDS: Final = 300

# A zip entry's date cannot be before 1980; equal content must give equal bytes.
_ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file or folder that the stacks expect in an S3 bucket."""

    source: Path
    is_folder: bool
    bucket: str
    key: str

    def content(self) -> bytes:
        """The bytes to upload; a folder as a zip."""
        return zipped(self.source) if self.is_folder else self.source.read_bytes()


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of the assembly. `template_key` is the asset that holds its template."""

    name: str
    template: Path
    template_key: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Assembly:
    """What the app wrote: assets, and stacks such that each comes after those it needs."""

    assets: tuple[Asset, ...]
    stacks: tuple[Stack, ...]


def synthesize_all(output: Path) -> Assembly:
    """The system, built for this machine, and after it the stack that adds a step of its own."""
    with ThreadPoolExecutor() as pool:
        # Tenants have secrets, and what runs on this machine may be reached: tests put models and MCP servers there.
        settings = {"llm_tenant_secrets": "true", "step_http_allowed_hosts": "127.0.0.1", "vectors": "false"}
        system = pool.submit(synthesize, output / "system", host_build="true", **settings)
        step = pool.submit(synthesize, output / "step", "python -m tests.e2e.custom_step.app", host_build="true")
    first, second = system.result(), step.result()
    return Assembly((*first.assets, *second.assets), (*first.stacks, *second.stacks))


def synthesize(output: Path, app: str | None = None, **context: str) -> Assembly:
    """Run a CDK app, by default that of `cdk.json`, with `context` over that of the file.

    Raises RuntimeError with the app's errors.
    """
    settings = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))
    command = shlex.split(app or settings["app"])
    if Path(command[0]).name.startswith("python"):
        command[0] = sys.executable
    environment = os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": json.dumps({**settings.get("context", {}), **context}),
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
    }
    run = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=SYNTH_SECONDS, check=False
    )
    if run.returncode != 0:
        raise RuntimeError(f"The CDK app failed:\n{run.stdout[-2000:]}\n{run.stderr[-6000:]}")
    return read_assembly(output)


def read_assembly(folder: Path) -> Assembly:
    """The assembly in a folder that the CDK wrote (`cdk.out`)."""
    artifacts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    assets: dict[tuple[str, str], Asset] = {}
    for artifact in artifacts.values():
        if artifact["type"] == "cdk:asset-manifest":
            for asset in _assets(folder, folder / artifact["properties"]["file"]):
                assets[asset.bucket, asset.key] = asset
    found = {name: a for name, a in artifacts.items() if a["type"] == "aws:cloudformation:stack"}
    order = TopologicalSorter({name: [d for d in a.get("dependencies", ()) if d in found] for name, a in found.items()})
    return Assembly(tuple(assets.values()), tuple(_stack(folder, n, found[n]) for n in order.static_order()))


def _assets(folder: Path, manifest: Path) -> list[Asset]:
    files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    return [
        Asset(
            source=folder / file["source"]["path"],
            is_folder=file["source"].get("packaging") == "zip",
            bucket=_resolved(destination["bucketName"]),
            key=_resolved(destination["objectKey"]),
        )
        for file in files.values()
        for destination in file["destinations"].values()
    ]


def _stack(folder: Path, artifact_name: str, artifact: dict[str, Any]) -> Stack:
    properties = artifact["properties"]
    url = _resolved(properties["stackTemplateAssetObjectUrl"])
    return Stack(
        name=properties.get("stackName", artifact_name),
        template=folder / properties["templateFile"],
        template_key=url.removeprefix("s3://").partition("/")[2],
        parameters=properties.get("parameters", {}),
    )


def _resolved(text: str) -> str:
    values = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def zipped(folder: Path) -> bytes:
    """A folder's files as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _ZIP_DATE)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()
