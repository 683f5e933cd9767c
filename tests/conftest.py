"""Settings of hypothesis for all tests: no deadlines, since a loaded machine is no defect, and the same examples every time
in CI, so that a red run is about the change. And no keys of models: a test must not cost its developer money.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

for _name in (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "ONPREM_BASE_URL",
    "LLM_SECRET_ARN",
):
    os.environ.pop(_name, None)
if not any(map(os.environ.get, ("WORKFLOW_API_URL", "AWS_CHECKS"))):  # these are called with the caller's credentials
    for _name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        os.environ.pop(_name, None)
