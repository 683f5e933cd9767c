"""Step Functions: machines are created once a shape, started, stopped, and their history is read back as step results.

`naming` and `results` (with `timeline`, what happened, and `outcomes`, what it means) are pure; `registry` creates or
reuses machines, `executions` starts and stops runs, `history` reads events.
"""
