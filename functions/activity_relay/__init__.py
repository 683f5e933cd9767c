"""Asks Step Functions for tasks of activities, for workers that cannot wait as long as it takes."""
