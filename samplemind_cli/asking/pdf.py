"""The text of attached PDFs, for models that do not accept PDFs: read by pypdf, if it is installed."""

import io
import logging
from collections.abc import Callable
from dataclasses import replace

from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.types import Media, Options, Part, Request, Text
from samplemind_cli.asking.prompt import PDF
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings

INSTALL = "pip install 'samplemind-cli[pdf]'"
PAGES = 2_000
LARGEST = 4_000_000  # characters: more than any model reads


def as_text(settings: Settings, request: Request, options: Options, say: Callable[[str], None]) -> Request:
    """The request with its PDFs as text if no route accepts PDFs and one accepts text; else unchanged.

    Raises UsageError for a PDF that cannot be read.
    """
    if not any(_is_pdf(part) for message in request.messages for part in message.parts):
        return request
    core = AICore(settings)
    if _has_route(core, request, options) or not _has_route(core, _mapped(request, _name), options):
        return request
    text = _mapped(request, _text)
    say("the text of the PDF is sent, without its pictures: no model that may be asked takes PDFs")
    return text


def _has_route(core: AICore, request: Request, options: Options) -> bool:
    return any(not route.skipped for route in core.routes(request, options))


def _is_pdf(part: Part) -> bool:
    return isinstance(part, Media) and part.media_type == PDF and bool(part.data)


def _mapped(request: Request, read: Callable[[Media], Text]) -> Request:
    """The request with each PDF replaced by what `read` makes of it."""
    messages = []
    for message in request.messages:
        parts = [read(part) if isinstance(part, Media) and _is_pdf(part) else part for part in message.parts]
        messages.append(replace(message, parts=tuple(parts)))
    return replace(request, messages=tuple(messages))


def _name(document: Media) -> Text:
    return Text(document.name)


def _text(document: Media) -> Text:
    """A PDF's name and text. Raises UsageError."""
    name = document.name or "the PDF"
    try:
        from pypdf import PdfReader
        from pypdf.errors import PyPdfError
    except ImportError:
        raise UsageError(f"{name}: no model that may be asked takes PDFs", f"{INSTALL} sends its text") from None
    logging.getLogger("pypdf").addHandler(logging.NullHandler())  # else its warnings would go to stderr
    try:
        reader = PdfReader(io.BytesIO(document.data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UsageError(f"{name} is encrypted", f"qpdf --decrypt --password=… {name} open.pdf")
        pages, size = list[str](), 0
        for page in reader.pages[:PAGES]:
            pages.append(page.extract_text().strip())
            size += len(pages[-1])
            if size > LARGEST:
                raise UsageError(f"{name} holds more text than any model reads", "attach a part of it")
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        why = f"{name} cannot be read as a PDF: {error}"
        raise UsageError(why, f"pdftotext {name} - | samplemind ask …") from error
    if not any(pages):
        raise UsageError(f"{name} holds no text, only pictures of it", "ask a model that takes PDFs, or attach images")
    return Text(f"{name}:\n\n" + "\n\n".join(filter(None, pages)))
