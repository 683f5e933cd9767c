"""The layers of a stack. Each stack has its own, since a layer's ARN changes with its content, and an ARN that another
stack imports could not change. The assets behind them are the same and uploaded once.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import BundlingOptions, DockerImage, ILocalBundling, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.deployment import construct_id
from infra.function import Layer
from infra.packaging import LOCKS, install_deps, own_layer_asset, target_name

RUNTIME = lambda_.Runtime.PYTHON_3_13


@jsii.implements(ILocalBundling)
class DepsBundling:
    """Installs a layer of third-party packages on this machine, in place of CDK's Docker container."""

    def __init__(self, lock: Path, *, host_build: bool) -> None:
        self._lock = lock
        self._host_build = host_build

    def try_bundle(self, output_dir: str, _options: BundlingOptions | None = None, **_: Any) -> bool:
        """Fill `output_dir`. Always true: what fails raises, since Docker is not there to try again."""
        install_deps(Path(output_dir), host_build=self._host_build, lock=self._lock)
        return True


class Layers(Construct):
    """Layers by their name in the catalogue, made when first asked for."""

    def __init__(self, scope: Construct, id_: str, *, host_build: bool) -> None:
        super().__init__(scope, id_)
        self._host_build = host_build
        self._made: dict[Layer, lambda_.LayerVersion] = {}

    @property
    def architecture(self) -> lambda_.Architecture:
        """That of the wheels in the deps layer. A host build runs in emulators, which do not look at it."""
        return lambda_.Architecture.X86_64 if self._host_build else lambda_.Architecture.ARM_64

    def of(self, names: Iterable[Layer]) -> list[lambda_.ILayerVersion]:
        """The layers of a function, in the order in which they are laid over each other."""
        return [self._layer(name) for name in names]

    def _layer(self, name: Layer) -> lambda_.LayerVersion:
        if name not in self._made:
            self._made[name] = lambda_.LayerVersion(
                self,
                construct_id(name),
                code=self._deps(LOCKS[name]) if name in LOCKS else lambda_.Code.from_asset(str(own_layer_asset(name))),
                compatible_runtimes=[RUNTIME],
                compatible_architectures=[self.architecture],
                removal_policy=RemovalPolicy.DESTROY,
            )
        return self._made[name]

    def _deps(self, lock: Path) -> lambda_.AssetCode:
        return lambda_.Code.from_asset(
            str(lock.parent),
            bundling=BundlingOptions(
                image=DockerImage.from_registry("never-pulled"),  # a required property; DepsBundling comes first
                command=[target_name(host_build=self._host_build)],  # part of the asset's hash, as the lock is
                local=DepsBundling(lock, host_build=self._host_build),
            ),
        )
