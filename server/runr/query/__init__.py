"""Every question about tasks and runs."""
