"""For all tests: the same examples from hypothesis every time (`make fuzz` looks for new ones), and no keys of models: a
test must not cost its developer money.
"""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec

from tests.support.examples import draw_the_same_examples

draw_the_same_examples()

# Whoever runs tests in the background has them ignore SIGINT, and what they start and interrupt ignores it as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The tests of the console have packages of their own, which `make e2e-console` installs.
collect_ignore = [] if find_spec("playwright") and find_spec("axe_playwright_python") else ["console"]

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
