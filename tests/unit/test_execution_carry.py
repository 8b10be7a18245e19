"""Carried folders where nothing can be mounted: copies that are kept."""

import os
from pathlib import Path

import pytest

from runr.execution import carry
from runr.execution.rewritten_paths import Rewriting


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
    source, target, scratch = folders
    carry.prepare(source, target, scratch, Rewriting.of([source.parent / "repo"], target.parent))


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


def test_a_copy_is_made_again_for_other_working_trees(folders: tuple[Path, Path, Path]) -> None:
    source, target, scratch = folders
    root = source.parent / "repo"
    write(source, {"bin/tool": f"#!{root}/bin/python\n"})
    (source / "to-tree").symlink_to(root / "a")
    carry.prepare(source, target, scratch, Rewriting.of([source.parent / "other"], Path("/new")))
    assert (target / "bin" / "tool").read_text() == f"#!{root}/bin/python\n"
    carry.prepare(source, target, scratch, Rewriting.of([root], Path("/new")))
    assert (target / "bin" / "tool").read_text() == "#!/new/bin/python\n"
    assert (target / "to-tree").readlink() == Path("/new/a")
