"""The disk: every path, lock and durable write."""
