"""Checks an answer against the requested JSON Schema."""

import json
from collections.abc import Mapping
from typing import Any

from samplemind_cli.ai.types import Answer, Request
from samplemind_cli.errors import ProviderError, UsageError
from samplemind_cli.formats.jsonschema import LONGEST, SECONDS
from samplemind_cli.formats.schemas import ANY_OBJECT
from samplemind_cli.processor_time import TooLongError, at_most


def satisfied(answer: Answer, request: Request) -> None:
    """Raise ProviderError unless the answer satisfies `schema` or JSON mode.

    Tool calls and refusals are not checked.
    """
    mode = ({} if request.any_json else ANY_OBJECT) if request.json_mode else None
    schema = mode if request.schema is None else request.schema
    if schema is None or answer.tool_calls or answer.finish_reason == "refusal":
        return
    try:
        for choice in (answer, *answer.others):
            check(choice.text, schema, answer.provider)
    except ProviderError as error:
        why = {"length": "was cut off at the token limit", "filtered": "was withheld by a filter"}.get(
            answer.finish_reason
        )
        if why:
            hint = "raise --max-tokens" if answer.finish_reason == "length" else "rephrase the prompt"
            raise ProviderError(f"{answer.provider}: the answer {why} and violates the schema", hint) from error
        raise


def check(text: str, schema: Mapping[str, Any], provider: str) -> None:
    """Raise ProviderError unless `text` is a JSON document that satisfies `schema`, which must be valid.

    References are resolved only inside the schema; a missing one raises UsageError.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = validator_for(dict(schema), Draft202012Validator)(dict(schema), registry=Registry())
    try:
        with at_most(SECONDS):
            broken = best_match(validator.iter_errors(json.loads(text)))
    except ValueError as error:
        raise ProviderError(f"{provider}: the answer is not JSON: {error}", "ask again, or another --model") from error
    except Unresolvable as error:
        message = f"the schema refers to something that it does not contain: {str(error)[:LONGEST]}"
        raise UsageError(message, "define it under the schema's $defs") from error
    except TooLongError as error:
        message = f"checking the answer against the schema takes more than {SECONDS:g} s"
        raise UsageError(message, "look for nested repetition in a pattern, or a $ref that multiplies") from error
    except RecursionError as error:
        message = "the schema or the answer is nested too deeply"
        raise UsageError(message, "look for a $ref that refers to itself") from error
    if broken:
        message = f"{provider}: the answer violates the schema at {broken.json_path}: {broken.message[:LONGEST]}"
        raise ProviderError(message, "ask again, or another --model") from broken
