"""Activities: workers anywhere ask for tasks and answer them, over HTTP."""
