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
# They change what counts as an answer: passed on to who takes them, refused elsewhere.
CONSTRAINTS = frozenset({"logit_bias", "logprobs", "modalities", "n", "top_logprobs", "web_search_options"})
# Passed on to who takes them, left out and told elsewhere.
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
# What an answer of ours could not hold: sound, and the calls that `tools` replaced in 2023.
REFUSED = frozenset({"audio", "function_call", "functions"})
# Values that say nothing: clients send them unasked.
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
