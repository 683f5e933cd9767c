"""Registers the step types that CDK stacks deploy. Called by CloudFormation as a custom resource."""
