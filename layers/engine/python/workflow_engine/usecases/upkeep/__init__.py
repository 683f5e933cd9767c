"""What runs on a schedule: machines retired, executions swept."""
