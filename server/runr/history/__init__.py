"""What the journals say, as rows: the history of tasks, and figures over a period."""
