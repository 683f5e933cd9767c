"""What clients send: the fields of a body, what it says of a run, which part of it is the workflow."""
