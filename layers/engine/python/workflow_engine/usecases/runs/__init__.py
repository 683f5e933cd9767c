"""Runs of workflows: started, read, cancelled, recorded."""
