"""Every field of a response's body, on exactly one list; a test compares them with the published document."""

from samplemind_cli.formats.openai_chat import fields as chat

TRANSLATED = frozenset(
    {
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "model",
        "parallel_tool_calls",
        "reasoning",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
    }
)
CONSTRAINTS: frozenset[str] = frozenset()
# Passed on to who takes them, left out and told elsewhere.
HINTS = frozenset({"context_management", "max_tool_calls", "moderation", "service_tier", "truncation"})
# They change no answer.
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
# What a server that keeps nothing cannot do, and why.
REFUSED = {
    "background": "asks for an answer to be fetched later, which is not supported here: leave it out",
    "conversation": "names a conversation stored on a server; this one stores none: send all of it in `input`",
    "previous_response_id": "names an answer stored on a server; this one stores none: send all of it in `input`",
    "prompt": "names a template stored at OpenAI, which is not available here: send its text in `input`",
}
# Another format's fields, which would be taken for that format's own.
FOREIGN = (chat.TRANSLATED | chat.CONSTRAINTS | chat.REFUSED) - TRANSLATED - HINTS - IGNORED
# Values that say nothing: clients send them unasked.
NEUTRAL = {"background": (False,), "service_tier": ("auto",), "truncation": ("disabled",), "context_management": ([],)}
# Of what is ignored, what OpenAI's chat completions have too. (They keep `metadata` only of an answer that is stored.)
IN_CHAT = frozenset({"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "user"})
OWN = "openai_responses"
# What `include` calls them.
SEALED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
