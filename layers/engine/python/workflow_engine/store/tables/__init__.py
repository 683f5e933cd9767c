"""What stands behind the port `store.table`: `dynamodb`, and `sqlite` for a laptop.

Both answer alike; `tests/contract` asks both. Nothing is imported here: a Lambda function must not load sqlite3, nor a
laptop botocore.
"""
