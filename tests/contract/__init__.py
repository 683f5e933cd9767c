"""What is true of each of several implementations of one thing."""
