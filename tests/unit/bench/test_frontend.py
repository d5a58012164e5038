"""Which front end the board builds, with what, and why not."""

import json

import pytest

from samplemind_cli.bench.board import BoardRun
from samplemind_cli.bench.rows import frontend
from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import Settings

BUILD = {"scripts": {"build": "vite build"}}


@pytest.fixture
def project(tmp_path):
    """Write files, given by name, into a project's folder."""

    def project(**files):
        for name, content in files.items():
            file = tmp_path / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content if isinstance(content, str) else json.dumps(content))
        return tmp_path

    return lambda files: project(**files)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"package.json": BUILD, "web/package.json": BUILD}, "."),
        ({"package.json": {}, "ui/package.json": BUILD}, "ui"),
        ({"package.json": {"scripts": {"build": ""}}, "web/package.json": BUILD, "ui/package.json": BUILD}, "web"),
        ({"package.json": {"scripts": []}, "frontend/package.json": BUILD, "web/package.json": BUILD}, "frontend"),
        ({"package.json": "\ufeff" + json.dumps(BUILD)}, "."),
    ],
)
def test_the_first_folder_with_a_build_script_is_built(project, files, found):
    top = project(files)

    assert frontend.find(top, top) == top / found


def test_from_a_folder_below_the_nearest_is_built(project):
    top = project({"package.json": BUILD, "shop/web/package.json": BUILD, "shop/src/deep/x": ""})

    assert frontend.find(top / "shop" / "src" / "deep", top) == top / "shop" / "web"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no package.json in"),
        ({"web/package.json": {}}, "no build script in"),
        ({"package.json": []}, "no build script in"),
        ({"package.json": "{"}, "cannot read"),
    ],
)
def test_without_a_build_there_is_a_reason(project, files, reason):
    top = project(files)

    with pytest.raises(SamplemindError, match=reason):
        frontend.find(top, top)


@pytest.mark.parametrize(
    ("lock", "manager"),
    [
        ("package-lock.json", "npm"),
        ("npm-shrinkwrap.json", "npm"),
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
        ("bun.lock", "bun"),
        ("bun.lockb", "bun"),
    ],
)
def test_the_lock_file_names_the_package_manager_also_from_above(project, lock, manager):
    top = project({"web/package.json": BUILD, lock: ""})

    assert frontend.manager_of(top / "web", top) == manager
    (top / "web" / "yarn.lock").touch()
    assert frontend.manager_of(top / "web", top) == "yarn"


@pytest.mark.parametrize(
    ("declared", "manager"),
    [("pnpm@9.15.0+sha512.abc", "pnpm"), ("yarn", "yarn"), ("other@1", "npm"), (None, "npm"), (7, "npm")],
)
def test_the_declared_package_manager_counts_before_lock_files_and_npm_is_the_last_choice(project, declared, manager):
    top = project({"web/package.json": BUILD, "package.json": {"packageManager": declared}})

    assert frontend.manager_of(top / "web", top) == manager
    project({"bun.lock": ""})
    assert frontend.manager_of(top / "web", top) == (manager if manager != "npm" else "bun")


def test_two_lock_files_that_disagree_are_a_reason(project):
    top = project({"package.json": BUILD, "yarn.lock": "", "package-lock.json": ""})
    with pytest.raises(SamplemindError, match="lock files of npm and yarn are side by side"):
        frontend.manager_of(top, top)


def path_with(folder, *programs):
    for name in programs:
        (folder / name).touch(mode=0o755)
    return {"PATH": str(folder)}


@pytest.mark.parametrize(
    ("manager", "programs", "missing"),
    [("npm", (), "npm"), ("npm", ("npm",), "node"), ("pnpm", ("node",), "pnpm"), ("bun", ("node",), "bun")],
)
def test_a_missing_program_is_named(project, tmp_path, manager, programs, missing):
    top = project({"web/package.json": BUILD})

    with pytest.raises(SamplemindError, match=f"{missing} is not installed"):
        frontend.check(top / "web", top, manager, path_with(tmp_path, *programs))


@pytest.mark.parametrize("kind", frontend.NEEDS)
def test_what_was_not_installed_is_named_with_the_command(project, tmp_path, kind):
    top = project({"web/package.json": {**BUILD, kind: {"vite": "7"}}, "package-lock.json": ""})
    env = path_with(tmp_path, "npm", "node")

    with pytest.raises(SamplemindError, match="no node_modules") as told:
        frontend.check(top / "web", top, "npm", env)
    assert told.value.hint == f"cd {top / 'web'} && npm ci"
    (top / "package-lock.json").unlink()
    with pytest.raises(SamplemindError, match="no node_modules") as told:
        frontend.check(top / "web", top, "npm", env)
    assert told.value.hint == f"cd {top / 'web'} && npm install"
    (top / "node_modules").mkdir()  # of a workspace
    frontend.check(top / "web", top, "npm", env)


def test_what_needs_no_packages_needs_no_node_modules(project, tmp_path):
    top = project({"package.json": {**BUILD, "dependencies": {}}})

    frontend.check(top, top, "bun", path_with(tmp_path, "bun"))


def test_a_quick_run_leaves_it_out(tmp_path):
    (score,) = frontend.measure(BoardRun(Settings(), quick=True, folder=tmp_path, say=print))

    assert "--quick" in score.reason
