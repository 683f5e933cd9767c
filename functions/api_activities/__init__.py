"""Workers of activities: they ask for tasks and answer them. Behind API Gateway."""
