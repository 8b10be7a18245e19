"""Cleaning up and repairing."""
