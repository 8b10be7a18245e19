"""The programs that do the work."""
