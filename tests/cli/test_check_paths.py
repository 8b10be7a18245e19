"""What an absolute path into the repository means to a check: the commit, and never other files."""

import json
import os
import sys
from pathlib import Path

import pytest

from cli.terminal import Place, typed
from fakes.forked import RUNR
from fakes.required import require
from runr.execution.reserved_checkout import can_mount

CONFIG = '[run]\nworker = "script"\nattempts = 1\n'
GOOD = "grep -q good src/a"


@pytest.fixture
def source(place: Place) -> Place:
    """Return a repository with a source file and ignored folders of dependencies."""
    place.config(CONFIG)
    place.write("src/a", "1\n")
    place.write(".gitignore", "node_modules/\n.venv/\n")
    return place


def verified(place: Place, checks: list[str], *words: str, **environment: str) -> None:
    """Run a task that makes src/a good, under the words of another program."""
    header = "verify:\n" + "\n".join(f"- {json.dumps(check)}" for check in checks)
    place.script("t.md", "echo good $RUNR_RUN_ID > src/a", header=header)
    place.commit("Task")
    shown = typed([*words, RUNR, "run", "--task", "t"], place.root, environment)
    assert place.status("t.md")["evidence"] == "verified", shown.out


#: Runs a command where no file system can be mounted.
_BOUND = (
    "echo 0 > /proc/sys/user/max_user_namespaces && "
    'exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$@"'
)
_WITHOUT_MOUNTS = ("unshare", "-r", "sh", "-c", _BOUND, "sh")


@pytest.fixture
def no_mounts(source: Place) -> Place:
    """Return the repository, where this machine can take the right to mount away."""
    found = typed([*_WITHOUT_MOUNTS, "true"], source.root, {}).code == 0
    require(found, "there are no user namespaces here")
    return source


def test_without_mounts_folders_are_copied_and_paths_rewritten(no_mounts: Place) -> None:
    source = no_mounts
    source.write(".gitignore", "node_modules/\n")
    source.write("node_modules/dep/index.js", "1\n")
    check = "cat node_modules/dep/index.js; echo 2 > node_modules/dep/index.js; grep good $FILES/a"
    for task in ("a", "b"):
        source.script(f"{task}.md", f"echo good {task} > src/a", header=f"verify: ['{check}']")
    source.commit("Tasks")
    for task in ("a", "b"):
        files = {"FILES": f"{source.root}/src"}
        typed([*_WITHOUT_MOUNTS, RUNR, "run", "--task", task], source.root, files)
        assert source.status(f"{task}.md")["evidence"] == "verified"
    assert source.read("node_modules/dep/index.js") == "1\n"


def test_without_mounts_an_editable_install_stops_the_run(no_mounts: Place) -> None:
    source, home = no_mounts, no_mounts.root.with_name("environment")
    site = home / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    (site / "editable.pth").write_text(f"{source.root}/src\n")
    source.script("t.md", "echo good > src/a", header=f"verify: ['{GOOD}']")
    source.commit("Task")
    words = [*_WITHOUT_MOUNTS, RUNR, "run", "--task", "t"]
    shown = typed(words, source.root, {"VIRTUAL_ENV": str(home)})
    assert (shown.code, source.status("t.md")["stop_reason"]) == (4, "no_clean_checkout")
    assert f"editable.pth leads to {source.root}" in shown.out


def test_without_mounts_every_way_into_the_tree_leads_to_the_commit(no_mounts: Place) -> None:
    source, root, beside = no_mounts, no_mounts.root, no_mounts.root.parent
    (root / "src" / "a").chmod(0o755)
    (beside / "link").symlink_to(root)
    (beside / "global").symlink_to(root / "src")
    (beside / "tools").mkdir()
    (beside / "tools" / "mine").symlink_to(root / "src" / "a")
    modules = root / "node_modules"
    source.write("node_modules/.bin/tool", f"#!/bin/sh\ncat {root}/src/a\n").chmod(0o755)
    for name, target in {"one": f"{root}/src", "two": "../src", "three": "../../global"}.items():
        (modules / name).symlink_to(target)
    checks = [f"grep good node_modules/{name}/a" for name in ("one", "two", "three")]
    checks += ["node_modules/.bin/tool | grep good", f"grep good {root}/src/a"]
    checks += [f"grep good ${name}/a" for name in ("LINK", "DOTS")]
    checks += ['grep good "${ADDRESS#file://}/a"', 'grep good "$(command -v mine)"']
    verified(
        source,
        checks,
        *_WITHOUT_MOUNTS,
        LINK=f"{beside}/link/src",
        DOTS=f"{root}/../{root.name}/src",
        ADDRESS=f"file://{root}/src",
        PATH=f"{beside}/tools{os.pathsep}{os.environ['PATH']}",
    )


def test_without_mounts_a_virtual_environment_in_the_tree_is_that_of_the_checkout(
    no_mounts: Place,
) -> None:
    source, home = no_mounts, no_mounts.root / ".venv"
    source.write(".venv/pyvenv.cfg", f"home = {Path(sys.executable).resolve().parent}\n")
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    source.write(f".venv/lib/{version}/site-packages/mine.pth", f"{source.root}/src\n")
    tool = f"#!{home}/bin/python\nimport where\nassert 'checkouts' in where.__file__\n"
    source.write(".venv/bin/tool", tool).chmod(0o755)
    source.write("src/where.py", "")
    active = {"VIRTUAL_ENV": str(home), "PATH": f"{home}/bin{os.pathsep}{os.environ['PATH']}"}
    verified(source, [f".venv/bin/tool && {GOOD}"], *_WITHOUT_MOUNTS)
    verified(source, ["tool"], *_WITHOUT_MOUNTS, **active)


#: A finder as setuptools makes it for an editable install.
_FINDER = """
import sys
from importlib.machinery import PathFinder
from importlib.util import spec_from_file_location
MAPPING = {{"where": "{src}/where"}}
NAMESPACES = {{}}
class _EditableFinder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in MAPPING:
            return spec_from_file_location(name, MAPPING[name] + "/__init__.py")
sys.meta_path.append(_EditableFinder)
"""
#: What only such a program knows: here it cannot be rewritten.
_OTHER_FINDER = _FINDER.replace("MAPPING", "KNOWN")


@pytest.fixture
def outside(no_mounts: Place) -> Path:
    """Return the site-packages of a Python outside of the repository, not on PATH."""
    real = Path(sys.executable).resolve()
    home = no_mounts.root.with_name("outside")
    site = home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    site.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(real)
    (home / "pyvenv.cfg").write_text(f"home = {real.parent}\n")
    no_mounts.write("src/where/__init__.py", "")
    return site


def outside_python(site: Path) -> Path:
    """Return the Python that has these site-packages."""
    return site.parents[2] / "bin" / "python"


@pytest.mark.parametrize("install", ["{src}\n", "import finder\n"])
def test_without_mounts_an_editable_install_of_any_python_is_the_commit(
    no_mounts: Place, outside: Path, install: str
) -> None:
    source, src = no_mounts, f"{no_mounts.root}/src"
    (outside / "finder.py").write_text(_FINDER.format(src=src))
    (outside / "editable.pth").write_text(install.format(src=src))
    (outside / "sitecustomize.py").write_text("import sys\nsys.mine = True\n")
    source.write("other/helper.py", "")
    lines = ("import sys, where", "assert '/checkouts/' in where.__file__", "assert sys.mine")
    source.write("look.py", "\n".join(lines))
    python = outside_python(outside)
    checks = [f"{python} look.py", f"PYTHONPATH=other {python} -c 'import helper, look'"]
    verified(source, checks, *_WITHOUT_MOUNTS)


#: Ways into the working tree that are known only once the Python has started.
UNKNOWN = {
    "another finder": ("import finder\n", "import where"),
    "imported at its start": ("import sys; sys.path.append('{src}'); import where\n", "pass"),
    "a folder added later": ("", "import sys; sys.path.append('{half}' + '{rest}'); import where"),
    "a file that is run": ("", "import runpy; runpy.run_path('{half}' + '{rest}/where')"),
}


@pytest.mark.parametrize("way", UNKNOWN)
def test_without_mounts_a_python_that_would_run_a_file_of_the_tree_stops_the_run(
    no_mounts: Place, outside: Path, way: str
) -> None:
    source, src = no_mounts, f"{no_mounts.root}/src"
    parts = {"src": src, "half": src[:-6], "rest": src[-6:]}
    install, code = (each.format(**parts) for each in UNKNOWN[way])
    (outside / "finder.py").write_text(_OTHER_FINDER.format(src=src))
    (outside / "editable.pth").write_text(install)
    source.write("src/where/__main__.py", "")
    # Whatever becomes of the end of that Python.
    source.write("check.sh", f'{outside_python(outside)} -c "{code}" || true\n')
    source.script("t.md", "echo good > src/a", header="verify: ['sh check.sh']")
    source.commit("Task")
    shown = typed([*_WITHOUT_MOUNTS, RUNR, "run", "--task", "t"], source.root, {})
    assert (shown.code, source.status("t.md")["stop_reason"]) == (4, "no_clean_checkout")
    assert f"{outside_python(outside)} runs {src}/where/__" in shown.out


@pytest.fixture
def mounts() -> None:
    """Require that a checkout can be mounted over a path."""
    require(can_mount(), "no checkout can be mounted over a path here")


@pytest.mark.usefixtures("mounts")
def test_a_check_ends_by_a_broken_pipe_as_it_would_in_a_shell(source: Place) -> None:
    source.commit("Files")
    verified(source, ["! sh -c 'kill -PIPE $$'"])


@pytest.mark.usefixtures("mounts")
def test_paths_into_a_linked_worktree_lead_to_the_commit(source: Place) -> None:
    source.commit("Files")
    source.git("worktree", "add", "-q", "../linked")
    linked = source.root.with_name("linked")
    (linked / ".venv").mkdir()
    (linked / ".venv" / "tool").touch()
    verified(source, [f"grep good {linked}/src/a", f"grep good {linked}/.runr/../src/a"])
    assert f"Also mounted over: {linked}" in source.runr("report", "latest").out
    check = f"test -f {linked}/.venv/tool && grep good {linked}/src/a"
    verified(source, [check], VIRTUAL_ENV=f"{linked}/.venv")


#: Runs a command where the repository, and its folder `src`, are mounted a second time.
_TWICE = 'mount --bind . ../twice && mount --bind src ../part && exec "$@"'


@pytest.mark.usefixtures("mounts")
def test_paths_by_way_of_a_second_mount_lead_to_the_commit(source: Place) -> None:
    beside = source.root.parent
    for name in ("twice", "part"):
        (beside / name).mkdir()
    words = ("unshare", "-rm", "sh", "-c", _TWICE, "sh")
    verified(source, [f"grep good {beside}/twice/src/a", f"grep good {beside}/part/a"], *words)
    shown = source.runr("report", "latest").out
    assert f"{beside}/part" in shown
    assert f"{beside}/twice" in shown


def test_a_carried_folder_hides_no_file_of_the_commit(source: Place) -> None:
    source.write("node_modules/dep.js", "good\n")
    steps = "mkdir -p node_modules; echo bad > node_modules/tool.js; git add -f node_modules"
    source.script("t.md", steps, header="verify: ['! grep -rq bad node_modules']")
    source.commit("Task")
    assert source.run("t", code=4)["stop_reason"] == "verification_failed"


@pytest.mark.parametrize("words", [(), ("--in-place",)])
def test_what_changed_in_a_carried_folder_since_the_run_began_is_named(
    source: Place, words: tuple[str, ...]
) -> None:
    for name in ("good.js", "old.js", "gone/a.js", "tampered.js"):
        source.write(f"node_modules/dep/{name}", "1\n")
    steps = (
        *("cp -p tampered.js old", "echo 2 > tampered.js", "touch -r old tampered.js", "rm old"),
        *("echo 1 > new.js", "rm gone/a.js"),
    )
    script = "\n".join((f"cd {source.root}/node_modules/dep", *steps, "cd -; echo good > src/a"))
    source.script("t.md", script, header="verify: ['test -f node_modules/dep/new.js']")
    source.script("u.md", "echo better > src/a", header=f"verify: ['{GOOD} || grep better src/a']")
    source.commit("Tasks")
    run = source.run("t", *words)
    paths = [f"node_modules/dep/{name}" for name in ("gone", "new.js", "tampered.js")]
    assert run["carried_changes"] == paths
    shown = f"carried into the checks, and changed: {', '.join(paths)}"
    assert shown in source.runr("task-status", "t").out
    assert f"Changed in carried folders: {', '.join(paths)}" in source.runr("report", "latest").out
    assert source.run("u", *words)["carried_changes"] == []
