"""Workflows: execute, validate, compile, and the stored ones. Behind API Gateway."""
