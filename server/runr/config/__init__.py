"""The settings of a repository."""
