"""The programs that do a task's work, and how a process is held and ended."""
