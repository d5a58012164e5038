"""JSON Schemas: whether one is one, and whether an answer keeps to it."""

import json
from collections.abc import Mapping
from typing import Any

from samplemind_cli.errors import ProviderError, UsageError

LONGEST = 300  # characters of a reason, which may quote all of a schema


def flaw(schema: Mapping[str, Any]) -> str:
    """Why a schema is none; empty when it is one."""
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    if not isinstance(schema.get("$schema", ""), str):
        return "its $schema is no text"
    try:
        validator_for(dict(schema), Draft202012Validator).check_schema(dict(schema))
    except SchemaError as error:
        return error.message[:LONGEST]
    except RecursionError:
        return "it is nested too deeply"
    return ""


def check(text: str, schema: Mapping[str, Any], provider: str) -> None:
    """Raise ProviderError unless `text` is a JSON document that satisfies `schema`, which has no flaw.

    What the schema refers to is looked for in itself alone; UsageError where it is not there.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = validator_for(dict(schema), Draft202012Validator)(dict(schema), registry=Registry())
    try:
        broken = best_match(validator.iter_errors(json.loads(text)))
    except ValueError as error:
        raise ProviderError(f"{provider}: the answer is not JSON: {error}", "ask again, or another --model") from error
    except Unresolvable as error:
        told = f"the schema refers to what it does not hold: {str(error)[:LONGEST]}"
        raise UsageError(told, "put what it refers to under its $defs") from error
    except RecursionError as error:
        told = "the schema, or the answer, goes deeper than can be followed"
        raise UsageError(told, "look for a $ref that leads to itself") from error
    if broken:
        told = f"{provider}: the answer breaks the schema at {broken.json_path}: {broken.message[:LONGEST]}"
        raise ProviderError(told, "ask again, or another --model") from broken
