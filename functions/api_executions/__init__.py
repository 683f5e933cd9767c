"""Executions: list, status, results, events, cancel. Behind API Gateway."""
