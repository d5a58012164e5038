"""PDFs for models that take none: their text is sent, or it is told why there is none."""

import io

import pytest

from samplemind_cli.ai.types import Media, Message, Options, Request, Text
from samplemind_cli.asking import pdf
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings

pypdf = pytest.importorskip("pypdf")
SETTINGS = Settings(openai_api_key="key")


def written(text="", *, password=""):
    """A PDF of one page with these words, as its bytes."""
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 200)
    stream = pypdf.generic.DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode())
    page[pypdf.generic.NameObject("/Contents")] = writer._add_object(stream)
    page[pypdf.generic.NameObject("/Resources")] = named(Font=named(F1=named(Subtype="Type1", BaseFont="Helvetica")))
    if password:
        writer.encrypt(password)
    writer.write(out := io.BytesIO())
    return out.getvalue()


def named(**values):
    """A dictionary as PDF has it."""
    name = pypdf.generic.NameObject
    found = {name(f"/{key}"): name(f"/{value}") if isinstance(value, str) else value for key, value in values.items()}
    return pypdf.generic.DictionaryObject(found)


def asked(data, provider):
    told = []
    request = Request(messages=(Message("user", [Text("Read"), Media("file", "application/pdf", data, "a.pdf")]),))
    return pdf.as_text(SETTINGS, request, Options(provider=provider), told.append), told


def test_its_text_is_sent_to_a_model_that_takes_no_pdf_and_that_is_told():
    request, told = asked(written("Key of A minor"), "ollama")

    assert request.messages[0].parts == (Text("Read"), Text("a.pdf:\n\nKey of A minor"))
    assert ["text of the PDF is sent" in remark for remark in told] == [True]


def test_a_model_that_takes_pdfs_gets_it_as_it_is():
    request, told = asked(written("Key of A minor"), "openai")

    assert [type(part) for part in request.messages[0].parts] == [Text, Media]
    assert told == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"%PDF-1.7", "cannot be read as a PDF"),
        (written("x")[:200], "cannot be read as a PDF"),
        (written("x", password="secret"), "is encrypted"),
        (written(), "holds no text"),
    ],
    ids=["broken", "cut", "encrypted", "pictures alone"],
)
def test_why_there_is_no_text_is_told(data, why):
    with pytest.raises(UsageError, match=why):
        asked(data, "ollama")
