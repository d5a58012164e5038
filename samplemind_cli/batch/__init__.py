"""Many questions out of a file, answered into another one; as OpenAI's Batch API has their lines."""
