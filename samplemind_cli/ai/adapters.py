"""Which room of `formats` speaks to a provider, by `Row.client` of the provider table."""

from samplemind_cli.ai.types import Client, Counter, Embedder
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import embedded as small
from samplemind_cli.formats.openai_chat import mistral
from samplemind_cli.formats.openai_responses import client as responses

CLIENTS: dict[str, Client] = {
    "openai_responses": responses,
    "ollama": ollama,
    "gemini": gemini,
    "anthropic_messages": anthropic,
    "openai_chat": openai,
    "openai_chat.mistral": mistral,
    "openai_chat.embedded": small,
}
EMBEDDERS: dict[str, Embedder] = {
    "openai_responses": responses,
    "ollama": ollama,
    "gemini": gemini,
    "openai_chat": openai,
    "openai_chat.mistral": mistral,
    "openai_chat.embedded": small,
}
COUNTERS: dict[str, Counter] = {"openai_responses": responses, "anthropic_messages": anthropic, "gemini": gemini}
