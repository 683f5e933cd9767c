"""The query parameters of the HTTP API, by which routes declare them and handlers read them."""

from __future__ import annotations

from typing import Final

from workflow_engine.aws_quotas import LONGEST_WAIT_SECONDS
from workflow_engine.http.operation import Query

WAIT: Final = Query("wait", "number", 0, LONGEST_WAIT_SECONDS)
LIMIT: Final = Query("limit", "number", 1, 100)
CURSOR: Final = Query("cursor")
FROM_VERSION: Final = Query("from_version", "number", 1, 1_000_000)
TO_VERSION: Final = Query("to_version", "number", 1, 1_000_000)
VERSION: Final = Query("version", "number", 1, 1_000_000)
ROLE: Final = Query("role")
EXECUTION_ID: Final = Query("execution_id")
WORKER: Final = Query("worker")
ELEMENT: Final = Query("element")
STEP: Final = Query("step")
STEPS: Final = Query("steps", "texts")
LAST_EVENT_ID: Final = Query("last_event_id")
LINKS: Final = Query("links", "flag")
INCLUDE: Final = Query("include", "texts")
WORKFLOW_ID: Final = Query("workflow_id")
STATUS: Final = Query("status", shape="RunStatus")
KIND: Final = Query("kind")
EXECUTION_TYPE: Final = Query("execution_type")
NAME: Final = Query("name")
TAG: Final = Query("tag")
STARTED_AFTER: Final = Query("started_after", "moment")
STARTED_BEFORE: Final = Query("started_before", "moment")
FROM: Final = Query("from", "moment")
TO: Final = Query("to", "moment")
USER_ID: Final = Query("user_id")
SESSION_ID: Final = Query("session_id")
CORRELATION_ID: Final = Query("correlation_id")
PARENT_ID: Final = Query("parent_id")
HAS_FAILURES: Final = Query("has_failures", "flag")
ERROR: Final = Query("error")
BUCKET: Final = Query("bucket", shape="StatsBucket")
CONFIRM: Final = Query("confirm")
SIGN_IN: Final = tuple(map(Query, ("code", "state", "iss", "session_state", "error", "error_description", "error_uri")))
"""What a provider of identities says when it sends a browser back (RFC 6749, section 4.1.2; RFC 9207; OpenID's session state)."""

PAGED: Final = (LIMIT, CURSOR)
