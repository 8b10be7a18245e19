"""The status file and what a completion is worth."""
