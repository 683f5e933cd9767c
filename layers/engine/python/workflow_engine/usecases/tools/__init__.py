"""What agents may call: built-in tools and MCP servers."""
