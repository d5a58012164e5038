"""Every field of a message request's body, on exactly one list; a test compares them with the published documents."""

TRANSLATED = frozenset(
    {
        "max_tokens",
        "messages",
        "model",
        "output_config",
        "output_format",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
    }
)
# They change what counts as an answer: passed on to providers that support them, refused for others.
CONSTRAINTS = frozenset({"compaction", "top_k"})
# Passed on to providers that support them, left out and reported for others. `thinking` is also translated.
HINTS = frozenset(
    {
        "cache_control",
        "container",
        "context_management",
        "fallback_credit_token",
        "fallbacks",
        "inference_geo",
        "mcp_servers",
        "service_tier",
        "speed",
        "thinking",
    }
)
# They change no answer: passed on in this format, and not in the cache key.
IGNORED = frozenset({"billing_policy", "diagnostics", "metadata"})
# A conversation that a provider holds: the rest of the prompt is not in the request.
REFUSED = frozenset({"thread"})
NO_THREADS = "thread_unsupported_request"  # the error code after which its clients send the whole conversation
# Defaults, which clients may send without meaning anything.
NEUTRAL = {"service_tier": ("auto",), "speed": ("standard",), "mcp_servers": ([],), "context_management": ({},)}
# The name in `Request.unkeyed` of Claude Code's first system block, which identifies the conversation and is not part
# of the prompt (code.claude.com/docs/en/llm-gateway-protocol).
ATTRIBUTION = "x-anthropic-billing-header"
