"""A copy of the repository's own package in a carried folder is no evidence about a commit."""

import json

import pytest

from cli.terminal import Place

CONFIG = '[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["test -f a"]\n'
INFO = ".venv/lib/python3.11/site-packages/pkg-1.dist-info/direct_url.json"
LIST = "node_modules/.package-lock.json"


@pytest.fixture
def source(place: Place) -> Place:
    """Return a repository with a package in `lib`, whose dependencies git ignores."""
    place.config(CONFIG)
    place.write("lib/x", "1\n")
    place.write(".gitignore", ".venv/\nnode_modules/\n")
    place.script("t.md", "echo 1 > a")
    place.commit("Files")
    return place


def stop(place: Place) -> tuple[str | None, str]:
    place.runr("run", "--task", "t")
    run = place.runr("task-status", "t", "--json").json["run"]
    return run["stop_reason"], run["detail"] or ""


def node(**about: object) -> str:
    return json.dumps({"packages": {"node_modules/pkg": about}})


def test_a_copy_that_pip_has_installed_stops_the_run(source: Place) -> None:
    source.write(INFO, json.dumps({"url": source.root.as_uri(), "dir_info": {}}))
    code, detail = stop(source)
    assert code == "no_clean_checkout"
    assert f".venv has a copy of pkg, installed from {source.root}" in detail


def test_a_copy_that_npm_has_installed_stops_the_run(source: Place) -> None:
    source.write(LIST, node(version="1.0.0", resolved="file:lib"))
    code, detail = stop(source)
    assert code == "no_clean_checkout"
    assert f"node_modules has a copy of pkg, installed from {source.root / 'lib'}" in detail


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        ({"url": "{root}/dist/own_pkg-1-py3-none-any.whl", "archive_info": {}}, "installed from"),
        ({"url": "{root}", "vcs_info": {"vcs": "git"}}, "installed from"),
        ({"url": "https://example.invalid/own_pkg-1.tar.gz", "archive_info": {}}, "which is a"),
        (None, "which is a package of {path}"),
    ],
    ids=["wheel", "git", "download", "index"],
)
def test_a_package_of_the_repository_that_was_built_before_stops_the_run(
    source: Place, origin: dict[str, object] | None, named: str
) -> None:
    source.write("lib/pyproject.toml", '[project]\nname = "Own.pkg"\n')
    source.commit("A package")
    info = INFO.replace("pkg-1", "own_pkg-1")
    source.write(info.replace("direct_url.json", "RECORD"), "own_pkg/__init__.py,sha256=x,1\n")
    if origin:
        url = str(origin["url"]).format(root=source.root.as_uri())
        source.write(info, json.dumps(origin | {"url": url}))
    code, detail = stop(source)
    assert code == "no_clean_checkout"
    assert f".venv has a copy of own_pkg, {named.format(path=source.root / 'lib')}" in detail


@pytest.mark.parametrize(
    ("carried", "at"),
    [
        (".tox", ".tox/py311/lib/python3.11/site-packages"),
        ("envs", "envs/team/dev/lib/python3.12/site-packages"),
        ("__pypackages__", "__pypackages__/3.11/lib"),
        ("libs", "libs"),
    ],
)
def test_a_copy_is_found_in_every_environment_of_a_carried_folder(
    source: Place, carried: str, at: str
) -> None:
    source.config(f'{CONFIG}carry = ["{carried}"]\n')
    source.write(".gitignore", f"{carried}/\n")
    source.commit("Settings")
    about = {"url": source.root.as_uri(), "dir_info": {}}
    source.write(f"{at}/pkg-1.dist-info/direct_url.json", json.dumps(about))
    code, detail = stop(source)
    assert code == "no_clean_checkout"
    assert f"{carried} has a copy of pkg, installed from {source.root}" in detail


def test_a_copy_of_what_npm_has_packed_before_stops_the_run(source: Place) -> None:
    source.write("lib/package.json", '{"name": "pkg"}\n')
    source.commit("A package")
    source.write(LIST, node(version="1.0.0", resolved="file:pkg-1.0.0.tgz"))
    code, detail = stop(source)
    assert code == "no_clean_checkout"
    assert f"node_modules has a copy of pkg, installed from {source.root}/pkg-1.0.0.tgz" in detail


def test_archives_of_others_and_links_by_name_are_carried(source: Place) -> None:
    source.write("pyproject.toml", '[project]\nname = "pkg"\n')
    source.write("tests/data/pyproject.toml", '[project]\nname = "data"\n')
    source.write("vendor/other-1-py3-none-any.whl", "a wheel\n")
    source.commit("A package")
    about = {"url": f"{source.root.as_uri()}/vendor/other-1-py3-none-any.whl", "archive_info": {}}
    source.write(INFO.replace("pkg", "other"), json.dumps(about))
    source.write(INFO.replace("pkg", "data").replace("direct_url.json", "RECORD"), "data.py,,\n")
    source.write(INFO.replace("direct_url.json", "RECORD"), "__editable__.pkg-1.pth,,\n")
    source.write(LIST, node(resolved="file:vendor/other.tgz"))
    assert stop(source)[0] is None


def test_links_and_packages_from_elsewhere_are_carried(source: Place) -> None:
    about = {"url": source.root.as_uri(), "dir_info": {"editable": True}}
    source.write(INFO, json.dumps(about))
    other = {"url": "file:///elsewhere", "dir_info": {}}
    source.write(INFO.replace("pkg", "other"), json.dumps(other))
    source.write(LIST, node(resolved="lib", link=True))
    assert stop(source)[0] is None


def test_lint_and_doctor_name_copies_and_lockfiles_that_setup_does_not_depend_on(
    source: Place,
) -> None:
    assert "dependencies" not in source.runr("lint").out + source.runr("doctor").out
    source.write(INFO, json.dumps({"url": source.root.as_uri(), "dir_info": {}}))
    for command in ("lint", "doctor"):
        assert ".venv has a copy of pkg" in source.runr(command).out
    source.write("web/package-lock.json", "{}\n")
    source.config(f"{CONFIG}setup = ['npm ci']\nsetup_inputs = ['package.json']\n")
    source.commit("Lockfile")
    for command in ("lint", "doctor"):
        assert "if web/package-lock.json changes" in source.runr(command).out
    source.config(f"{CONFIG}setup = ['npm ci']\nsetup_inputs = ['web/*.json']\n")
    assert "package-lock" not in source.runr("lint").out
