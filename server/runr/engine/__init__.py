"""How a run proceeds: perform the next action, record it, repeat."""
