"""Paths into the working trees of the repository that lead to the checkout instead."""

from pathlib import Path

import pytest

from runr.errors import VerificationError
from runr.execution import foreign_code
from runr.execution.rewritten_paths import Rewriting


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a working tree with a file, to which `link` leads."""
    root = tmp_path / "my repo"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a").touch()
    (root / ".runr" / "runs").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    (tmp_path / "my repo-other").mkdir()
    return root


WRITTEN = {
    "R/src:/usr/lib:R": "C/src:/usr/lib:C",
    "-IR/src -L R/lib": "-IC/src -L C/lib",
    "file://R/src": "file://C/src",
    "file://Q/src": "file://C/src",
    '{"path": "R/src"}': '{"path": "C/src"}',
    "R/.runr/worktrees/20260101-000000-abcd/src": "C/src",
    "T/link/src:/usr": "C/src:/usr",
    "--path=T/link/src": "--path=C/src",
    "R/../my repo/src": "C/src",
    "T/link": "C",
    **{
        same: same
        for same in (
            "R-other/src",
            "/elsewhereR/src",
            "R/.runr/runs",
            "T/link/.runr/runs",
            "R/.git/hooks",
            "T/link/absent",
            "relative/my repo",
        )
    },
}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_path_is_rewritten_however_it_is_written(
    tmp_path: Path, root: Path, written: str
) -> None:
    def filled(text: str) -> str:
        quoted = str(root).replace(" ", "%20")
        for letter, value in (("R", root), ("Q", quoted), ("T", tmp_path), ("C", "/new")):
            text = text.replace(letter, str(value))
        return text

    assert Rewriting.of([root], Path("/new")).text(filled(written)) == filled(WRITTEN[written])


def test_a_link_leads_where_it_leads_in_the_checkout(tmp_path: Path, root: Path) -> None:
    rewriting = Rewriting.of([root], Path("/new"))
    (tmp_path / "global").symlink_to(root / "src")
    folder = root / "node_modules"
    folder.mkdir()
    for target, wanted in {
        str(root / "src"): "/new/src",
        str(tmp_path / "link" / "src"): "/new/src",
        "../../global": "/new/src",
        "../src": "../src",
        "../../my repo-other": "../../my repo-other",
        "/usr/bin/env": "/usr/bin/env",
    }.items():
        (folder / "link").unlink(missing_ok=True)
        (folder / "link").symlink_to(target)
        assert rewriting.link(folder / "link") == wanted, target


INSTALLS = {
    "old.pth": "R/src\n",
    "through-a-link.pth": "T/link/src\n",
    "relative.pth": "../../../../my repo/src\n",
    "__editable___x_finder.py": "MAPPING = {'x': 'R/src'}\n",
}


@pytest.mark.parametrize("name", INSTALLS)
@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "PATH", "HOME"])
def test_an_editable_install_elsewhere_is_refused(
    tmp_path: Path, root: Path, variable: str, name: str
) -> None:
    home = tmp_path / "home" / ".local"
    site = home / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin" / "python3").symlink_to("/bin/true")
    value = {"VIRTUAL_ENV": home, "PATH": f"{home}/bin:/bin", "HOME": home.parent}[variable]
    environment, rewriting = {variable: str(value)}, Rewriting.of([root], Path("/new"))
    text = INSTALLS[name].replace("R", str(root)).replace("T", str(tmp_path))
    (site / name).write_text(text.replace("/src", "-other/src"))
    foreign_code.refuse_editable_installs(rewriting, environment)
    (site / name).write_text(text.replace("../../../../", "../" * 5))
    with pytest.raises(VerificationError, match=f"{name} leads to {root}") as caught:
        foreign_code.refuse_editable_installs(rewriting, environment)
    assert "setup" in caught.value.message


def test_a_program_on_path_that_is_a_link_into_the_tree_leads_to_the_checkout(
    tmp_path: Path, root: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mine").symlink_to("../link/src/a")
    (tmp_path / "bin" / "true").symlink_to("/bin/true")
    rewriting, programs = Rewriting.of([root], Path("/new")), tmp_path / "programs"
    environment = {"PATH": f"/absent:{root}/src:{tmp_path}/bin"}
    assert foreign_code.link_programs(rewriting, environment, programs)
    (link,) = programs.iterdir()
    assert (link.name, link.readlink()) == ("mine", Path("/new/src/a"))


#: Commands with `G:` where the folder that is kept first belongs, or `G` before nothing.
SETS = (
    "PYTHONPATH=G:src pytest",
    "PYTHONPATH=G pytest",
    "cd a && PYTHONPATH=G:. X=1 pytest; PYTHONPATH=G:$PYTHONPATH:src pytest",
    "X='a b' Y=\"c d\" PYTHONPATH=G:'my src' pytest",
    "env -i PYTHONPATH=G:src pytest",
    "export PYTHONPATH=G; pytest",
    "grep -q PYTHONPATH=src Makefile && ! grep 'PYTHONPATH=' b",
    "OTHER_PYTHONPATH=src pytest",
)


@pytest.mark.parametrize("command", SETS)
def test_a_command_that_sets_pythonpath_keeps_the_folder_first(command: str) -> None:
    written = command.replace("G:", "").replace("G", "")
    assert foreign_code.keep_guard(written, Path("/my own")) == command.replace("G", "'/my own'")
