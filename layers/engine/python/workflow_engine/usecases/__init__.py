"""What the service can do: a folder a noun, a module a verb. Each use case is a function `(engine, caller, ...)`,
JSON-able in and out.

`engine` holds what they work with; `bodies` reads what clients send, `definitions` is what agents and prompts have in common.
A run goes from a body over a stored form (`workflows.compilation`) to `runs.launch`. Errors are those of
`workflow_engine.errors` and `InvalidWorkflowError`; nothing here knows of HTTP.
"""
