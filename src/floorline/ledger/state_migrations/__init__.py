"""The state's schema, step by step."""
