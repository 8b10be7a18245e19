"""Which files a task may change."""
