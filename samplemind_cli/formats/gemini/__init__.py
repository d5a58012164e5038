"""Gemini's generateContent, v1beta (ai.google.dev/api/generate-content)."""
