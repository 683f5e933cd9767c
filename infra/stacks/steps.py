"""The functions that machines invoke: the built-in steps."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from infra.catalog import FUNCTIONS
from infra.constructs.deployment import Deployment
from infra.constructs.engine_function import EngineFunction
from infra.constructs.layers import Layers


class StepsStack(Stack):
    """One Lambda for each function of kind `step`."""

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        layers = Layers(self, "Layers", host_build=deployment.config.host_build)
        self.functions = {f.name: EngineFunction(self, f, deployment, layers) for f in FUNCTIONS if f.kind == "step"}
