"""Answers a file of questions into another file, in the line format of OpenAI's Batch API."""
