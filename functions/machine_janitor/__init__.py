"""Deletes state machines that nobody uses. Started by the clock."""
