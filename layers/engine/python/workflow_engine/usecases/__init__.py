"""What the service can do, one module a verb. Each use case is a function `(engine, caller, ...)`, JSON-able in and
out.

`engine` holds what they work with, `bodies` reads requests, `compilation` goes from a document to a stored form,
`launch` from a stored form to a run. Errors are those of `workflow_engine.errors` and `InvalidWorkflowError`; nothing
here knows of HTTP.
"""
