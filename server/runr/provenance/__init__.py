"""Where each commit came from."""
