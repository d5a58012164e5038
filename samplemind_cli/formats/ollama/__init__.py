"""Ollama's own API (docs.ollama.com/api and `api/types.go`)."""
