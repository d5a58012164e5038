"""`ask` and `chat`: reading the prompt, showing the answer, remembering it for the hot path."""
