"""The registry of step types. Behind API Gateway."""
