"""Tests of workflows: cases in `*.test.yaml` beside a workflow, run in this process on the embedded engine.

What is tested is real, down to where a call leaves the process: `infra.local.mocking` answers there. Time is the case's own and
jumps wherever nobody works.

- `format`        a file of cases, read and checked; `model` is what comes of it
- `flows`         a workflow as tests see it: which steps call something, which decisions there are
- `running`       one cloud for many cases; a case from its start to what was `observed`
- `matching`      values against what is expected of them
- `expectations`  what was observed against what a case expects, `expected_calls` a part of it, both made of `checks`
- `snapshots`, `coverage`, `reports`, `recording`
- `session`       files and cases, run and told: the command and `workflow_pytest` stand on it
"""
