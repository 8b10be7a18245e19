"""A person's word: about tasks, about work that waits, and about what was done by hand."""
