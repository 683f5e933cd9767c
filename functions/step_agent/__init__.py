"""Agents, stored prompts and tools: the tasks that ask language models. Invoked by the state machines."""
