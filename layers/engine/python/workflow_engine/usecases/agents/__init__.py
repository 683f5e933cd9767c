"""Stored agents."""
