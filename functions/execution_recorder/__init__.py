"""Writes down how a run ended. Fed by EventBridge through SQS."""
