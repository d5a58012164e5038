"""Parses a multipart form with a file, as OpenAI's clients upload one."""

from dataclasses import dataclass, field

from samplemind_cli.formats.fields import BadRequestError

KIND = "multipart/form-data"
MOST_FIELDS = 32
LONGEST = 64 * 1024  # bytes of a field other than the file


@dataclass(slots=True)
class Form:
    """A form's fields as text, and its one file with its name."""

    fields: dict[str, str] = field(default_factory=dict)
    name: str = ""
    data: bytes | None = None


def read(body: bytes, content_type: str) -> Form:
    """The form in a body. Raises BadRequestError."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import Field, File, create_form_parser

    form = Form()

    def on_field(part: Field) -> None:
        if len(form.fields) < MOST_FIELDS and part.field_name:
            form.fields[part.field_name.decode("utf-8", "replace")] = (part.value or b"").decode("utf-8", "replace")

    def on_file(part: File) -> None:
        if part.field_name == b"file":
            form.name = (part.file_name or b"").decode("utf-8", "replace")
            part.file_object.seek(0)
            form.data = part.file_object.read()

    # The body is in memory already, and its size was checked.
    config = {"MAX_MEMORY_FILE_SIZE": len(body) + 1, "MAX_FIELDS": MOST_FIELDS, "MAX_FIELD_SIZE": LONGEST}
    try:
        parser = create_form_parser({"Content-Type": content_type.encode("latin-1")}, on_field, on_file, config)
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise BadRequestError(f"the body is not a form: {error}", "invalid_form") from error
    return form
