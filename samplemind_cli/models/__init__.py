"""The local models: lists, plans, pulls and manages the Ollama daemon's models."""
