"""The command `workflow`: run, validate, compile and test workflow files, serve the API, and be a client of it, here or deployed.

Every command sends what it is given to the same handlers: through the gateway in this process, or over HTTP (`remote`). On
stdout is what was asked for, and where a program reads it (`--json`, `compile`) exactly one document; everything else goes to
stderr. `exits` has the exit codes, `settings` says which API, `output` prints.
"""
