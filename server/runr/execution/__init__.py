"""The engine that carries a run through its phases."""
