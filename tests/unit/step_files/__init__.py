"""Reading files and cutting texts."""
