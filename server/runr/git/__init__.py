"""Git, by its plumbing commands."""
