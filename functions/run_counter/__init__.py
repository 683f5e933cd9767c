"""Keeps figures of many runs. Fed by the table's stream."""
