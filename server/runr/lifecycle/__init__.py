"""The verbs that start, end and change runs."""
