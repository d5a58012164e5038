"""OpenAI's chat completions (platform.openai.com/docs/api-reference/chat), spoken by many compatible servers too."""
