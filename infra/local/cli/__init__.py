"""The command `workflow`: run, validate and compile workflow files, and serve the API, all on this machine.

Every command sends what it is given to the same handlers as an HTTP client would, through the gateway in process. On
stdout is what was asked for, and with `--json`, `compile` and `validate` it is exactly one document; everything else goes
to stderr. Exit codes: 0 completed or valid, 1 the run failed, 2 the workflow, its input or the command line is invalid.
"""
