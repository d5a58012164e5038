"""Lists, pulls and manages the Ollama daemon's models."""
