"""Tenants: all that one has is deleted."""
