"""Parses model names: `auto`, `auto:TASK`, `auto:TASK:PRIORITY`, `PROVIDER/MODEL`, or a bare name."""

import re
from dataclasses import replace
from typing import Any, get_args

from samplemind_cli.ai.types import PRIORITIES, Options, Task
from samplemind_cli.formats.fields import BadRequestError

TASKS: tuple[Task, ...] = get_args(Task)
CHOOSING = ("auto", *(f"auto:{task}" for task in TASKS))  # names that leave the model to the router
_MODEL = re.compile(r"[\x21-\x7e]{1,256}")


def options_for(model: str, options: Options) -> Options:
    """The options with the model, or the task and priority, that a name stands for. Raises BadRequestError."""
    if not _MODEL.fullmatch(model):
        raise BadRequestError("model must be 1 to 256 printable ASCII characters", param="model")
    auto, *rest = model.split(":")
    if auto != "auto":
        return replace(options, model=model)
    task, priority = (*rest, "", "")[:2]
    if len(rest) > 2 or (task and task not in TASKS) or (priority and priority not in PRIORITIES):  # noqa: PLR2004 - both
        known = f"auto[:{'|'.join(TASKS)}[:{'|'.join(PRIORITIES)}]]"
        raise BadRequestError(f"there is no model {model}; known: {known}", "model_not_found", "model", status=404)
    said: dict[str, Any] = {"task": task or options.task, "priority": priority or options.priority}
    return replace(options, **said)
