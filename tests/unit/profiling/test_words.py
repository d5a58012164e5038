import pytest

from samplemind_cli.profiling.words import split, title


@pytest.mark.parametrize(
    ("words", "options", "name"),
    [
        (["shop/a.py", "-m"], [], "a"),
        (["-m", "shop.tool", "-c"], [], "shop.tool"),
        (["-mshop.tool"], [], "shop.tool"),
        (["-c", "print(1)"], [], "code"),
        (["-cprint(1)"], [], "code"),
        (["-X", "dev", "-Wignore", "-W", "error", "a.py"], ["-X", "dev", "-Wignore", "-W", "error"], "a"),
        (["-Xdev", "-u", "-m", "shop"], ["-Xdev", "-u"], "shop"),
        (["--check-hash-based-pycs", "never", "a.py"], ["--check-hash-based-pycs", "never"], "a"),
        (["-"], [], "-"),
    ],
)
def test_python_s_own_options_are_told_from_what_it_runs(words, options, name):
    assert split(words) == (options, words[len(options) :])
    assert title(words) == name


@pytest.mark.parametrize("words", [["-X", "dev"], ["-X"], ["-u"], []])
def test_options_alone_run_nothing(words):
    assert split(words) == (words, [])
