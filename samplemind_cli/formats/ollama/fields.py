"""Every field of the bodies of chat, generate and embed, on exactly one list; a test compares them with the document.

A model's options have dotted names. A field that is on no list is a hint.
"""

from typing import Any

TRANSLATED = frozenset(
    {
        "format",
        "images",
        "messages",
        "model",
        "options",
        "options.frequency_penalty",
        "options.num_predict",
        "options.presence_penalty",
        "options.seed",
        "options.stop",
        "options.temperature",
        "options.top_p",
        "prompt",
        "stream",
        "system",
        "think",
        "tools",
    }
)
# They change what counts as an answer: passed on to providers that support them, refused for others.
CONSTRAINTS = frozenset(
    {
        "logprobs",
        "options.min_p",
        "options.repeat_penalty",
        "options.top_k",
        "options.typical_p",
        "raw",
        "suffix",
        "top_logprobs",
    }
)
# Passed on to providers that support them, left out and reported for others.
HINTS = frozenset(
    {
        "options.mirostat",
        "options.mirostat_eta",
        "options.mirostat_tau",
        "options.num_ctx",
        "options.num_keep",
        "options.penalize_newline",
        "options.repeat_last_n",
        "options.tfs_z",
        "shift",
    }
)
# They change no answer: how the daemon runs a model, and `truncate`, as prompts are never truncated here.
IGNORED = frozenset(
    {
        "keep_alive",
        "options.draft_num_predict",
        "options.low_vram",
        "options.main_gpu",
        "options.num_batch",
        "options.num_gpu",
        "options.num_thread",
        "options.numa",
        "options.use_mlock",
        "options.use_mmap",
        "truncate",
    }
)
# Fields that our answers or models cannot support.
REFUSED = frozenset({"context", "height", "steps", "template", "width"})
# Defaults, which clients may send without meaning anything.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "context": ([],),
    "height": (0,),
    "logprobs": (False,),
    "raw": (False,),
    "steps": (0,),
    "suffix": ("",),
    "template": ("",),
    "top_logprobs": (0,),
    "width": (0,),
}
# Of an embed's body.
EMBED = frozenset({"dimensions", "input"})
