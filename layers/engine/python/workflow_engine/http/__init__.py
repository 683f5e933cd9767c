"""The edge: API Gateway HTTP API events in, JSON or problem+json out.

Every route is declared once, in `api`. A handler is a table from a route's name to the call of a use case; `resolver` makes of
it what answers events, `request` reads what the route declares (`body`, `parameters`, `caller`). What a use case raises becomes
an RFC 9457 answer by the one table in `problem`. Nothing here decides anything about workflows, and nothing below this package
knows of HTTP.
"""
