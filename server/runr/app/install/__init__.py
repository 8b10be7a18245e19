"""What is set up for Claude Code and for git, and taken out again."""
