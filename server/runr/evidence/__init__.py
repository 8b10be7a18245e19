"""What git proves about tasks."""
