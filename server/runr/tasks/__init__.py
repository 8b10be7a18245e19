"""Task files: what a task is."""
