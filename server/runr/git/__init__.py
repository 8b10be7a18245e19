"""Git, asked in machine formats through one door."""
