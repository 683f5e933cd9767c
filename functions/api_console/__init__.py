"""Health, the OpenAPI document, Swagger UI, and the answer to every route that does not exist. Behind API Gateway."""
