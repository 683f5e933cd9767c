"""Embedding texts, keeping and finding vectors."""
