"""Routes about the API itself. This function also stands behind `$default`, so it answers what no route matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from functions.api_docs.settings import openapi_text, swagger_asset
from workflow_engine.http.api import OPERATIONS
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.request import Handlers, Request
from workflow_engine.http.resolver import api_resolver

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import Health

SERVICE: Final = "unified-workflow-execution-engine"

PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Unified Workflow Execution Engine</title>
  <link rel="stylesheet" href="ROOTdocs/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="ROOTdocs/swagger-ui.js"></script>
  <script>SwaggerUIBundle({url: "ROOTopenapi.json", dom_id: "#swagger-ui", deepLinking: true})</script>
</body>
</html>
"""


def _health(_: Request) -> Health:
    return {"status": "healthy", "service": SERVICE}


def _docs(request: Request) -> Response[str]:
    # Links are relative, since a domain of one's own may map the API to a path below its root.
    root = "../" if request.asked_path.endswith("/") else ""
    return Response(200, "text/html; charset=utf-8", PAGE.replace("ROOT", root))


HANDLERS: Final[Handlers] = {
    "health": _health,
    "docs": _docs,
    "docs_script": lambda _: Response(200, "text/javascript; charset=utf-8", swagger_asset("swagger-ui-bundle.min.js")),
    "docs_style": lambda _: Response(200, "text/css; charset=utf-8", swagger_asset("swagger-ui.min.css")),
    "openapi": lambda _: Response(200, "application/json", openapi_text()),
}


app = api_resolver(HANDLERS, [(operation.method, operation.path) for operation in OPERATIONS.values()])


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)
