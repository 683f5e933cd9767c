"""Workflows: validated, compiled, saved, read."""
