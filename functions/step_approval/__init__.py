"""Approvals: keeps what a step asks until somebody decides. A task of the machines."""
