"""Static checks of tasks and records."""
