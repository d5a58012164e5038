"""Every field of a chat completion's body, on exactly one list; a test compares them with the published document."""

TRANSLATED = frozenset(
    {
        "frequency_penalty",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
    }
)
# They change what counts as an answer: passed on to providers that support them, refused for others.
CONSTRAINTS = frozenset({"logit_bias", "logprobs", "modalities", "n", "top_logprobs", "web_search_options"})
# Passed on to providers that support them, left out and reported for others.
HINTS = frozenset({"moderation", "prediction", "service_tier", "verbosity"})
# They change no answer: passed on in this format, and not in the cache key.
IGNORED = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "user",
    }
)
# Fields that our answers cannot support: audio, and the function calls that `tools` replaced in 2023.
REFUSED = frozenset({"audio", "function_call", "functions"})
# Defaults, which clients may send without meaning anything.
NEUTRAL = {
    "n": (1,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "modalities": (["text"],),
    "verbosity": ("medium",),
    "functions": ([],),
    "function_call": ("auto", "none"),
    "service_tier": ("auto",),
}
DOCUMENTED = TRANSLATED | CONSTRAINTS | HINTS | IGNORED
