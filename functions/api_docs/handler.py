"""Routes about the API itself. This function also stands behind `$default`, so it answers what no route matches."""

from __future__ import annotations

from typing import Any, Final

from functions.api_docs.settings import documented_routes, openapi_text, swagger_asset
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init

app = api_resolver(documented_routes)

ASSETS_MAY_BE_KEPT: Final = "public, max-age=86400"

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


@app.get("/health")
def health() -> dict[str, Any]:
    return {"status": "healthy", "service": SERVICE}


@app.get("/openapi.json")
def openapi() -> Response[str]:
    return Response(200, "application/json", openapi_text())


@app.get("/docs")
def docs() -> Response[str]:
    # Links are relative, since a domain of one's own may map the API to a path below its root.
    root = "../" if app.asked_path.endswith("/") else ""
    return Response(200, "text/html; charset=utf-8", PAGE.replace("ROOT", root))


@app.get("/docs/swagger-ui.js", compress=True, cache_control=ASSETS_MAY_BE_KEPT)
def swagger_script() -> Response[str]:
    return Response(200, "text/javascript; charset=utf-8", swagger_asset("swagger-ui-bundle.min.js"))


@app.get("/docs/swagger-ui.css", compress=True, cache_control=ASSETS_MAY_BE_KEPT)
def swagger_style() -> Response[str]:
    return Response(200, "text/css; charset=utf-8", swagger_asset("swagger-ui.min.css"))


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(documented_routes)
