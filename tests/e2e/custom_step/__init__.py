"""A CDK app with a stack of its own, as an ops team would write one to add a step."""
