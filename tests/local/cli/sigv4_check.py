"""Checks signatures as AWS does, from its description alone ("Create a signed AWS API request", IAM user guide)."""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote, urlsplit

from tests.local.cli.fake_api import Asked


def signature_problem(asked: Asked, secret: str, *, region: str, service: str = "execute-api") -> str | None:
    """What is wrong with the signature of a request, None when it holds."""
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<day>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request, "
        r"SignedHeaders=(?P<signed>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})",
        asked.headers.get("authorization", ""),
    )
    if match is None:
        return "no signature"
    if (match["region"], match["service"]) != (region, service):
        return f"signed for {match['region']} and {match['service']}"
    names = match["signed"].split(";")
    if "host" not in names or "x-amz-date" not in names:
        return "host or date are not signed"
    url = urlsplit(asked.target)
    query = sorted(
        (quote(n, safe="-_.~"), quote(v, safe="-_.~")) for n, v in parse_qsl(url.query, keep_blank_values=True)
    )
    canonical = "\n".join(
        [
            asked.method,
            quote(url.path, safe="/-_.~"),  # of what was sent, so what is encoded is encoded twice
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{' '.join(asked.headers[name].split())}" for name in names),
            "",
            match["signed"],
            hashlib.sha256(asked.body).hexdigest(),
        ]
    )
    scope = f"{match['day']}/{region}/{service}/aws4_request"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", asked.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in (match["day"], region, service, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return None if key.hex() == match["signature"] else "the signature does not hold"
