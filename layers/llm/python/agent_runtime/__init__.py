"""Runs agents, stored prompts and tools as steps: a conversation with a model, its tools, its limits and its trace."""
