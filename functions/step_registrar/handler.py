"""The custom resource `Custom::WorkflowStep`: a step type is registered while its stack exists.

Properties: `TenantId`, and `Registration`, the body of POST /steps/register as JSON text, since CloudFormation turns all
numbers and booleans of properties into text. The answer goes to the request's ResponseURL, as CloudFormation asks of
"Lambda-backed custom resources".
"""

from __future__ import annotations

import json
import logging
import urllib.request
from typing import Any, Final

from functions.step_registrar.settings import clients, engine
from workflow_engine.errors import NotFoundError, WorkflowEngineError
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.engine import Caller
from workflow_engine.usecases.steps import register_step, remove_step

logger = logging.getLogger(__name__)

NEVER_REGISTERED: Final = "never-registered"
"""Physical id of a resource whose creation failed. CloudFormation deletes it all the same, and that must not remove a
registration which somebody else made under the same name.
"""

ANSWER_WITHIN_SECONDS: Final = 10


def handler(event: dict[str, Any], _context: Any) -> None:
    """Register or remove, and tell CloudFormation how it went."""
    physical_id = event.get("PhysicalResourceId", NEVER_REGISTERED)
    try:
        physical_id = _apply(event, physical_id)
    except WorkflowEngineError as error:
        _answer(event, physical_id, reason=_explained(error))
    except Exception as error:  # CloudFormation waits an hour for a function that does not answer
        logger.exception("%s of a step type failed", event["RequestType"])
        _answer(event, physical_id, reason=f"{type(error).__name__}: {error}")
    else:
        _answer(event, physical_id)


def _apply(event: dict[str, Any], physical_id: str) -> str:
    """Do what is asked; gives the physical id, which is another one when the resource became another."""
    properties = event["ResourceProperties"]
    caller = Caller(properties["TenantId"], user_id="cloudformation")
    body = json.loads(properties["Registration"])
    if event["RequestType"] != "Delete":
        register_step.register(engine(), caller, body)
        return f"{caller.tenant_id}/{body['step_type']}"
    if physical_id != NEVER_REGISTERED:
        try:
            remove_step.delete(engine(), caller, body["step_type"])
        except NotFoundError:
            logger.info("step type %s was removed before", body["step_type"])
    return physical_id


def _explained(error: WorkflowEngineError) -> str:
    places = (f"{e['pointer']}: {e['detail']}" for e in error.errors)
    return "; ".join((error.detail, *places))


def _answer(event: dict[str, Any], physical_id: str, reason: str | None = None) -> None:
    answer = {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": (reason or "")[:1000],  # an answer may have 4,096 bytes
        "PhysicalResourceId": physical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(  # noqa: S310  # the address is CloudFormation's own
        event["ResponseURL"],
        data=json.dumps(answer).encode(),
        # A signed URL of S3: the signature covers the content type, and CloudFormation's has none.
        headers={"Content-Type": ""},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_SECONDS):  # noqa: S310  # as above
        return


at_init(clients)
