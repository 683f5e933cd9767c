"""Tests of workflows: cases in `*.test.yaml` beside a workflow, run in this process on the embedded engine.

What is tested is real: the compiler, the machine, its retries, catches, conditions and data. Only what leaves the process is
replaced, where it would leave: a task's call, a request of `step_http`, the answer of an agent's model, a person's decision. Time
is the case's own and jumps wherever nobody works.

- `durations`     `1h 30m` as seconds
- `documents`     YAML and JSON with the line of each value
- `format`        a file of cases, read and checked; `model` is what comes of it
- `flows`         a workflow as tests see it: which steps call something, which decisions there are
- `mocks`         which reply a call gets
- `stage`         a mocked run: who stands in for its tasks, requests, models and tools, and what was called
- `virtual_time`  the loop whose time is the case's
- `running`       one cloud for many cases; a case from its start to what was observed
- `matching`      values against what is expected of them
- `expectations`  what was observed against what a case expects
- `snapshots`, `coverage`, `reports`, `recording`
- `session`       files and cases, chosen, run and told; the command and the plugin stand on it
- `plugin`        the same in pytest
"""
