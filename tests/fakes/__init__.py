"""Stand-ins for what a test cannot have: so far, a model."""
