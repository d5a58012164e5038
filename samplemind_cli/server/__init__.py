"""`serve`: the core over HTTP, for clients of five formats."""
