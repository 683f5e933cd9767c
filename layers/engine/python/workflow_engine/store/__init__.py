"""Records in a single table, and objects for what does not fit into one.

`keys`, `items` and `conditions` are pure, `schema` is the table as data (read by CDK and by the local runtime). Two ports:
`table` is DynamoDB or a SQLite file (`tables/`), `payloads` keeps its objects in S3 or in files (`payloads/`). What is asked
of a table, conditions and queries, is data that each of the two reads in its own way. One repository a kind of record:
`workflows`, `machines`, `executions`, `registrations` (step types and MCP servers), `definitions` (agents and prompts),
`idempotency`. Invariants: every key begins with the tenant; documents are kept as JSON text, because DynamoDB has no floats;
a document over 300 KB is an object under the hash of its content.
"""
