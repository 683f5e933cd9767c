"""Agents and prompts. Behind API Gateway."""
