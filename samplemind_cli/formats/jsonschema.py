"""Validates JSON Schemas from clients: they must be valid, and refer only to their own parts."""

from collections.abc import Mapping
from typing import Any

from samplemind_cli.formats.fields import Fields
from samplemind_cli.processor_time import TooLongError, at_most

SECONDS = 0.5  # for checking a schema, or an answer against it, during which no other request is served
LONGEST = 300  # characters of a reason, which may quote a whole schema


def flaw(schema: Mapping[str, Any]) -> str:
    """Why a schema is not valid; empty if it is."""
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    if not isinstance(schema.get("$schema", ""), str):
        return "its $schema is not a string"
    try:
        with at_most(SECONDS):
            validator_for(dict(schema), Draft202012Validator).check_schema(dict(schema))
    except SchemaError as error:
        return error.message[:LONGEST]
    except RecursionError:
        return "it is nested too deeply"
    except TooLongError:
        return "checking it takes too long"
    return ""


def checked(schema: dict[str, Any], holder: Fields, key: str) -> dict[str, Any]:
    """The schema, if it is valid and its references stay inside it: the validator would fetch others.

    Raises BadRequestError about `key` of `holder`.
    """
    if any(not reference.startswith("#") for reference in _references(schema)):
        raise holder.wrong(key, "may only refer to its own parts")
    if why := flaw(schema):
        raise holder.wrong(key, f"is not a JSON Schema: {why}")
    return schema


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [reference for item in value for reference in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [reference for name in ("$ref", "$dynamicRef") if isinstance(reference := value.get(name), str)]
    return own + [reference for item in value.values() for reference in _references(item)]
