"""Keeps step results before AWS forgets them. Started by the clock."""
