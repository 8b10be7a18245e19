"""Carried folders where nothing can be mounted: copies that are kept, and paths that are moved."""

import os
from pathlib import Path

import pytest

from runr.errors import VerificationError
from runr.execution import carry


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    source = tmp_path / "source"
    write(source, {"a/one.js": "1\n", "a/two.js": "2\n", "b.js": "3\n"})
    (source / "link").symlink_to("a/one.js")
    return source, tmp_path / "target", tmp_path / "scratch"


def copy(folders: tuple[Path, Path, Path]) -> None:
    carry.prepare(*folders, mounted=False)


def test_a_folder_is_copied_with_its_links_and_the_copy_is_another(
    folders: tuple[Path, Path, Path],
) -> None:
    source, target, _ = folders
    copy(folders)
    assert content(target) == content(source)
    assert (target / "link").readlink() == Path("a/one.js")
    (target / "b.js").write_text("other\n", encoding="utf-8")
    assert (source / "b.js").read_text(encoding="utf-8") == "3\n"


def test_a_second_copy_has_what_changed_on_either_side_and_nothing_else(
    folders: tuple[Path, Path, Path],
) -> None:
    source, target, _ = folders
    copy(folders)
    kept = (target / "a" / "two.js").stat().st_ino
    tampered = target / "b.js"
    before = tampered.stat()
    tampered.write_text("4\n", encoding="utf-8")
    os.utime(tampered, ns=(before.st_atime_ns, before.st_mtime_ns))
    write(target, {"a/left.js": "left\n"})
    (source / "a" / "one.js").unlink()
    (source / "a" / "one.js").mkdir()
    write(source, {"a/one.js/index.js": "new\n"})
    copy(folders)
    assert content(target) == content(source)
    assert (target / "a" / "two.js").stat().st_ino == kept


def test_paths_into_the_repository_lead_to_the_checkout(tmp_path: Path) -> None:
    root, checkout = tmp_path / "repo", tmp_path / "checkout"
    given = {
        "PYTHONPATH": f"{root}/src:/usr/lib:{root}",
        "BESIDE": f"{root}-other/src",
        "RECORD": f"{root}/.runr/runs",
    }
    assert carry.rewrite_paths(given, root, checkout) == {
        "PYTHONPATH": f"{checkout}/src:/usr/lib:{checkout}",
        "BESIDE": f"{root}-other/src",
        "RECORD": f"{root}/.runr/runs",
    }


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "PATH"])
def test_an_editable_install_of_the_repository_is_refused(tmp_path: Path, variable: str) -> None:
    root, home = tmp_path / "repo", tmp_path / "environment"
    link = "lib/python3.12/site-packages/editable.pth"
    write(home, {"pyvenv.cfg": "", link: f"{root}/src\n"})
    value = str(home) if variable == "VIRTUAL_ENV" else f"{home}/bin:/usr/bin"
    with pytest.raises(VerificationError, match=r"editable\.pth leads to") as caught:
        carry.refuse_foreign_code([root], {variable: value})
    assert 'where = "workspace"' in caught.value.message
    write(home, {link: "/elsewhere/src\n"})
    carry.refuse_foreign_code([root], {variable: value})
