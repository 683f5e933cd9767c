"""What the API uses of Powertools. Nobody else imports its event handlers and data classes.

Their packages import every resolver and every event that Powertools knows, asyncio among what those need, and the one
above them its logger, metrics and tracer, which nothing here uses; that is more than a tenth of a cold start. So these
packages are put off: their modules import as ever, the code of the package itself runs
when somebody asks it for a name that it does not have yet.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final

_DATA_CLASSES: Final = "aws_lambda_powertools.utilities.data_classes"
_EVENT_HANDLER: Final = "aws_lambda_powertools.event_handler"

_MODULE_OF: Final = {
    "ALBEvent": "alb_event",
    "APIGatewayProxyEvent": "api_gateway_proxy_event",
    "APIGatewayProxyEventV2": "api_gateway_proxy_event",
    "BedrockAgentEvent": "bedrock_agent_event",
    "LambdaFunctionUrlEvent": "lambda_function_url_event",
    "VPCLatticeEvent": "vpc_lattice",
    "VPCLatticeEventV2": "vpc_lattice",
}
"""The events that `event_handler.api_gateway` imports from their package."""


def _put_off(name: str, modules: Mapping[str, str]) -> None:
    """Let a package that is not imported yet run its code when it is asked for a name, one of `modules` aside, which are
    the modules of names that need no more than themselves.
    """
    spec = importlib.util.find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    loader, package, running = spec.loader, importlib.util.module_from_spec(spec), threading.RLock()
    started: list[bool] = []

    def attribute(wanted: str) -> Any:
        if wanted in modules:
            return getattr(importlib.import_module(f"{name}.{modules[wanted]}"), wanted)
        if wanted.startswith("__") and wanted != "__all__":
            raise AttributeError(wanted)  # asked by those who look through all modules
        if importlib.util.find_spec(f"{name}.{wanted}") is not None:
            return importlib.import_module(f"{name}.{wanted}")
        with running:  # other threads wait; this one asks again when modules of the package import each other
            if not started:
                started.append(True)
                loader.exec_module(package)
        try:
            return vars(package)[wanted]
        except KeyError:
            raise AttributeError(f"module '{name}' has no attribute '{wanted}'") from None

    vars(package)["__getattr__"] = attribute
    sys.modules[name] = package


_put_off("aws_lambda_powertools", {})
_put_off(_EVENT_HANDLER, {})
_put_off(_DATA_CLASSES, _MODULE_OF)

from aws_lambda_powertools.event_handler import content_types  # noqa: E402  # after the packages were put off
from aws_lambda_powertools.event_handler.api_gateway import (  # noqa: E402
    APIGatewayHttpResolver,
    Response,
    ResponseBuilder,
    Route,
)
from aws_lambda_powertools.event_handler.exceptions import NotFoundError  # noqa: E402
from aws_lambda_powertools.utilities.data_classes.api_gateway_proxy_event import (  # noqa: E402
    APIGatewayProxyEventV2,
)
from aws_lambda_powertools.utilities.typing import LambdaContext  # noqa: E402

__all__ = [
    "APIGatewayHttpResolver",
    "APIGatewayProxyEventV2",
    "LambdaContext",
    "NotFoundError",
    "Response",
    "ResponseBuilder",
    "Route",
    "content_types",
]
