"""Files, locks and the database below `.runr`."""
