"""Drawings of the dependency graph."""
