"""What runr knows, without files, processes or clocks."""
