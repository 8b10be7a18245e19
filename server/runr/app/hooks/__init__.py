"""What runr does at the events of a Claude Code session; one module for each."""
