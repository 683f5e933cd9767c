"""Step Functions on this machine: an interpreter of the Amazon States Language in its JSONata dialect, durable and alone.

One thread runs all state machines (asyncio); the functions that tasks call run in a bounded pool of threads. What
happens is written into a journal before anything acts on it, as the events that AWS would show, with a little beside
them that only the engine reads. So a run that is read back from its journal goes on where it was: after a crash, after
it was parked because it waits long, and after a redrive. There is one mechanism for all three: the interpreter runs
again, and takes from the history what the history holds (`history.Frame`).

- `service`      the door: the actions of the AWS API, for any thread, in their `shapes`
- `engine`       runs that begin, wait, end, are stopped and redriven, and come back
- `news`         tells somebody of runs that have ended
- `definition`   a definition, read once: states with their templates compiled
- `interpreter`  one chain of states, state by state
- `attempts`     a state that may be tried again: Retry, Catch, the time of a task
- `containers`   Parallel and inline Map: chains beside each other that stop together
- `distributed`  Map in its distributed mode: child executions, `items` from and results to the store of `payloads`
- `tasks`        one attempt of a task, in its events; `calls` is what it calls: functions, tokens, workers, children
- `answers`      SendTask* and GetActivityTask, on `pending` tasks and their tokens
- `lambdas`      the functions, which are Python callables of this process
- `workers`      the threads that functions run in
- `history`      events: what is recorded, chained to what, and how it is read back; `redrive` is what a redrive keeps
- `journal`      the port to what keeps them, and the one that keeps them in memory; `sqlite_journal` keeps them in a file
- `waiting`      clocks, real and skipping; how long a state waits
- `ports`        what the parts know of what is above them: the run of a chain, the engine of a run
- `evaluation`   templates of a state, evaluated by `jsonata`, whose dialect is that of `jsonata_source`
- `validation`   ValidateStateMachineDefinition, by the compiler's verifier
- `limits`       quotas on what a run may carry, and what requests may bring
- `failures`     the names of errors, and which of them Retry and Catch see

It imports neither boto3 nor moto, and nothing of it is imported by code that runs on AWS.

What AWS does and this does not: it never makes an attempt again by itself (here one that was under way when the server
ended is, with `repeatedAfterRestart` in its last event); it throttles, counts starts and transitions, ends functions by
their time and memory and checks roles (here only who gives `denied` does); it tells of ends late or twice; it measures the
memory of an evaluation (here that of a text and of an array are), and it writes "Infinity" and "NaN" where arithmetic gives
them (here the first is an error and the second null). A distributed Map runs 1,000 children at once, not 10,000, and
ItemReader reads no manifests and no inventories.
"""
