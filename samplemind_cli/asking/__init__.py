"""One `ask`: the prompt read, the answer shown, the question remembered."""
