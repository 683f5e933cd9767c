"""The edge: API Gateway HTTP API events in, JSON or problem+json out.

A handler builds its resolver with `resolver.api_resolver`, reads the request with `body`, `parameters` and `caller`,
and calls one use case. What a use case raises becomes an RFC 9457 answer by the one table in `problem`. Nothing here
decides anything about workflows, and nothing below this package knows of HTTP.
"""
