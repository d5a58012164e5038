"""The local models: what the Ollama daemon has, what the project wants, and how the one becomes the other."""
