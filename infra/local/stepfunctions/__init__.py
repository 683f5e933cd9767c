"""Step Functions on this machine: an interpreter of the Amazon States Language in its JSONata dialect, durable and alone.

One thread runs all state machines (asyncio); the functions that tasks call run in a bounded pool of threads. What
happens is written into a journal before anything acts on it, as the events that AWS would show, with a little beside
them that only the engine reads. So a run that is read back from its journal goes on where it was: after a crash, after
it was parked because it waits long, and after a redrive. There is one mechanism for all three: the interpreter runs
again, and takes from the history what the history holds (`history.Frame`).

- `engine`       the door: machines, starts, stops, redrives, answers for tasks, recovery
- `definition`   a definition, read once: states with their templates compiled
- `interpreter`  one chain of states, state by state
- `attempts`     a state that may be tried again: Retry, Catch, the time of a task
- `containers`   Parallel and inline Map: chains beside each other that stop together
- `distributed`  Map in its distributed mode: child executions, items from and results to the payload store
- `tasks`        what a task calls: functions, callbacks, nested executions, activities
- `workers`      the threads that functions run in
- `history`      events: what is recorded, chained to what, and how it is read back
- `journal`      the port to what keeps them, and the one that keeps them in memory; `sqlite_journal` keeps them in a file
- `waiting`      clocks, real and skipping; how long a state waits
- `jsonata`      expressions as Step Functions evaluates them
- `limits`       quotas on what a run may carry
- `failures`     the names of errors, and which of them Retry and Catch see

It imports neither boto3 nor moto, and nothing of it is imported by code that runs on AWS.
"""
