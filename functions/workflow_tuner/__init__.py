"""Compiles stored workflows by how long their steps take. Started by the clock."""
