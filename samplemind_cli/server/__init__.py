"""`serve`: the core over HTTP, as OpenAI's clients speak it."""
