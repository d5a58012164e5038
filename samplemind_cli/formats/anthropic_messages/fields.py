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
# They change what counts as an answer: passed on to who takes them, refused elsewhere.
CONSTRAINTS = frozenset({"compaction", "top_k"})
# Passed on to who takes them, left out and told elsewhere. `thinking` is translated besides.
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
# Values that say nothing: clients send them unasked.
NEUTRAL = {"service_tier": ("auto",), "speed": ("standard",), "mcp_servers": ([],), "context_management": ({},)}
# The name under which `Request.unkeyed` holds Claude Code's first system block, which tells one conversation from
# another and is none of the prompt (code.claude.com/docs/en/llm-gateway-protocol).
ATTRIBUTION = "x-anthropic-billing-header"
