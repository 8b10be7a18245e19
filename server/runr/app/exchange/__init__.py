"""Tasks from other tools, and all of it for another."""
