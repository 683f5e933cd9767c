"""Definitions that workflows refer to by id: what agents and prompts have in common."""
