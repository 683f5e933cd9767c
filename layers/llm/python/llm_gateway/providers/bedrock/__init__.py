"""Amazon Bedrock: whatever models it runs, by one API."""
