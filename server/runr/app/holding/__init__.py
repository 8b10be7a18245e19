"""A task in somebody's hands: taken, briefed, come back to, let go to a process of its own."""
