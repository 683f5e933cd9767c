"""Stored prompts."""
