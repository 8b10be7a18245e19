"""Substitutes for what a test cannot use, such as a model, and tools for tests."""
