"""OpenAI's responses (platform.openai.com/docs/api-reference/responses), without anything kept between two of them."""
