"""Who calls: tenant, user and roles, from what API Gateway's authoriser says, never from the body.

The environment says which authoriser the API has: `AUTH_MODE` is `iam`, `jwt` or `local`. It has no default, so that
a function that was deployed without it refuses every caller instead of treating all of them as one tenant.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.errors import ForbiddenError
from workflow_engine.http.powertools import APIGatewayProxyEventV2
from workflow_engine.usecases.engine import Caller

LOCAL_TENANT: Final = "default"

_TENANT: Final = re.compile(r"[A-Za-z0-9._:@/=+-]{1,128}")
"""What a tenant's name may be made of: it becomes part of keys in the table, where `#` separates."""

_ASSUMED_ROLE: Final = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.*")


def caller_of(event: APIGatewayProxyEventV2) -> Caller:
    """The caller of a request. Raises `ForbiddenError` when its tenant cannot be told."""
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    match os.environ.get("AUTH_MODE"):
        case "local":
            return Caller(tenant_id=LOCAL_TENANT, user_id=None, roles=None)
        case "jwt":
            return _jwt_caller((authorizer.get("jwt") or {}).get("claims") or {})
        case "iam":
            return _iam_caller(authorizer.get("iam") or {})
        case _:
            raise ForbiddenError("This API has no authoriser configured (AUTH_MODE), so it answers nobody.")


def _jwt_caller(claims: Mapping[str, Any]) -> Caller:
    claim = os.environ.get("TENANT_CLAIM", "")
    tenants = claim_values(claims.get(claim))
    if len(tenants) > 1:
        raise ForbiddenError(f"The token's claim '{claim}' names {len(tenants)} tenants. Use a token that names one.")
    if not tenants or not _TENANT.fullmatch(tenants[0]):
        raise ForbiddenError(f"The token has no claim '{claim}' that names a tenant.")
    subject = claim_values(claims.get("sub"))
    roles = claim_values(claims.get(os.environ.get("ROLES_CLAIM", "")))
    return Caller(tenant_id=tenants[0], user_id=subject[0] if subject else None, roles=frozenset(roles))


def claim_values(value: Any) -> tuple[str, ...]:
    """The values of a token's claim; none for one that is absent or neither text nor a list of texts.

    The JWT authoriser of an HTTP API tells every claim as text, a list as `[a b]` (measured; AWS documents no format). So a
    list of texts that hold spaces cannot be told from a longer list, and counts as the longer one.
    """
    if isinstance(value, str):
        is_list = value.startswith("[") and value.endswith("]")
        return tuple(value[1:-1].replace(",", " ").split()) if is_list else (value,)
    if isinstance(value, list):
        return tuple(v for v in value if isinstance(v, str))
    return ()


def _iam_caller(identity: Mapping[str, Any]) -> Caller:
    user_arn, account = identity.get("userArn"), identity.get("accountId")
    if not user_arn or not account:
        raise ForbiddenError("The request is not signed by an IAM identity.")
    tenants: Mapping[str, str] = json.loads(os.environ.get("TENANT_ROLES") or "{}")
    roles: Mapping[str, str] = json.loads(os.environ.get("CALLER_ROLES") or "{}")
    own = frozenset(filter(None, (role.strip() for role in roles.get(role_arn(user_arn), "").split(","))))
    return Caller(tenant_id=tenants.get(role_arn(user_arn), account), user_id=user_arn, roles=own)


def role_arn(user_arn: str) -> str:
    """The ARN of the role of a session: API Gateway tells `arn:aws:sts::1:assumed-role/Name/session`, people write
    `arn:aws:iam::1:role/Name`. A role's path is not in the former, so mappings leave it out. Other ARNs are given back.
    """
    session = _ASSUMED_ROLE.fullmatch(user_arn)
    if session is None:
        return user_arn
    return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"
