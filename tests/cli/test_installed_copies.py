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
