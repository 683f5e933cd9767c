"""Mocked runs: what leaves the process is answered by replies, where it would leave.

A reply stands at the task of most steps; at the request of a step of `step_http`; at the answer of an agent's model and at the
call of a tool, whose functions run as they are; at a person's decision. So the compiler, the machine, its retries, catches,
conditions and data are real.

- `durations`     `1h 30m` as seconds
- `documents`     YAML and JSON with the line of each value
- `model`         mocks and their replies; `reading` makes them of a document, or says what is wrong with it
- `mocks`         which reply a call gets, and how often each was served
- `tasks`         an attempt at a task as mocks see it
- `stage`         one mocked run: who makes its tasks, and what was called; `world` is what stands around a function of ours
- `outputs`       outputs held to the schemas of steps
- `desk`          the mocked runs of a cloud
- `virtual_time`  an event loop whose time stands while anybody works, and jumps while nobody does
"""
