"""Which local model can answer now."""

from samplemind_cli.ai import embedded, router
from samplemind_cli.ai.http_client import make_ai_request
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings


async def local_model(settings: Settings) -> tuple[str, str]:
    """The local provider that can answer now, and what it is in words. Raises ProviderError when there is none."""
    if await ollama_answers(settings):
        return "ollama", f"{settings.ollama_model} in Ollama"
    if (why := embedded.available()) is None and embedded.is_present(settings):
        return "embedded", f"the embedded {embedded.model_name(settings)}"
    raise ProviderError(f"no local model: Ollama does not answer, and {why or 'the embedded model is not fetched'}")


async def ollama_answers(settings: Settings) -> bool:
    """Whether an Ollama listens where the settings say."""
    try:
        await make_ai_request(f"{router.ollama_url(settings.ollama_host)}/api/version", None, method="GET", attempts=1)
    except ProviderError:
        return False
    return True
