"""The tools that agents may have, MCP servers among them. Behind API Gateway."""
