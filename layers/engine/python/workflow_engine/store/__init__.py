"""The DynamoDB single table and the S3 bucket for what does not fit into an item.

`keys` and `items` are pure, `schema` is the table as data (read by CDK and by the local runtime), `table` speaks to
DynamoDB, `payloads` to S3. One repository a kind of record: `workflows`, `machines`, `executions`, `steps`,
`definitions` (agents and prompts), `mcp_servers`, `idempotency`. Invariants: every key begins with the tenant; documents
are kept as JSON text, because DynamoDB has no floats; a document over 300 KB lives in S3 under the hash of its content.
"""
