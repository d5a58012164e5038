import pytest

from samplemind_cli.ai.model_names import options_for
from samplemind_cli.ai.types import Options
from samplemind_cli.formats.fields import BadRequestError


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("auto", Options()),
        ("auto:genre", Options(task="genre")),
        ("auto:creative:quality", Options(task="creative", priority="quality")),
        ("auto::cost", Options(priority="cost")),
        ("openai/gpt-5", Options(model="openai/gpt-5")),
        ("llama3.2:3b", Options(model="llama3.2:3b")),
    ],
)
def test_a_models_name_is_a_way(model, options):
    assert options_for(model, Options()) == options


@pytest.mark.parametrize("model", ["", "a b", "auto:singing", "auto:genre:haste", "auto:genre:speed:x"])
def test_a_name_that_stands_for_nothing_is_refused(model):
    with pytest.raises(BadRequestError):
        options_for(model, Options())
