"""The use cases: one function per verb, typed answers, no printing."""
