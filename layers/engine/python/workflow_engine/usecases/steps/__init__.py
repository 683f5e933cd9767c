"""Registered step types."""
