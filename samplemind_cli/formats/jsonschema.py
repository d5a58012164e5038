"""JSON Schemas that a client sends: whether one is one, and refers to nothing outside of it."""

from collections.abc import Mapping
from typing import Any

from samplemind_cli.formats.fields import Fields
from samplemind_cli.processor_time import TooLongError, at_most

SECONDS = 0.5  # that a schema, or an answer against it, may take: meanwhile nobody else is answered
LONGEST = 300  # characters of a reason, which may quote all of a schema


def flaw(schema: Mapping[str, Any]) -> str:
    """Why a schema is none; empty when it is one."""
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
    """A schema that is one, and whose references stay inside it: the validator would fetch others."""
    if any(not reference.startswith("#") for reference in _references(schema)):
        raise holder.wrong(key, "may only refer to its own parts")
    if why := flaw(schema):
        raise holder.wrong(key, f"is not a JSON Schema: {why}")
    return schema


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [found for name in ("$ref", "$dynamicRef") if isinstance(found := value.get(name), str)]
    return own + [found for item in value.values() for found in _references(item)]
