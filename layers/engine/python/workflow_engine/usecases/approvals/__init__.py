"""Approvals: opened by a step, listed, decided once, delivered to the run that waits for them."""
