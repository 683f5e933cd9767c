"""What has to change in moto's Step Functions interpreter so that a local run is what AWS would have done.

One module a concern, one function a seam. A seam's docstring says what moto 5.2.5 does and what AWS does instead; its
`install` is called once, by `infra.local.moto_seams.apply`. Nothing here is imported by code that runs on AWS.

- `patching`     reaching into moto: the only place that sets attributes on its classes
- `text`         JSON text as AWS writes it, and its size
- `failures`     errors of a run: names, causes, which of them Catch and Retry see
- `waiting`      every wait can be interrupted; Wait and Retry can be scaled
- `history`      events: order, chains, limit, what is recorded when a branch is aborted
- `expressions`  JSONata: values bound as data, undefined told from null, locations in errors
- `definitions`  parsing: one parser at a time, each definition once
- `states`       entering and leaving a state, attempts, Choice
- `containers`   Parallel and Map
- `limits`       the quotas on payloads and variables
- `lambdas`      functions called in this process
- `integrations` nested executions and task tokens
- `runs`         start, end, stop, and who is told
- `api`          the actions' requests and responses
"""
