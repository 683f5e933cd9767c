"""Reminds of decisions that nobody has made. Started by the clock."""
