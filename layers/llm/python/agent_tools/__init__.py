"""What agents can do beside talking: tools that are built in, and tools of MCP servers.

`guarded_http` is the one way out to addresses that a workflow names, and refuses those inside; `builtin` holds the tools of
this package, `mcp_servers` speaks to servers over streamable HTTP. Third-party packages are imported where used.
"""
