"""A checkout that is kept between verifications has what a new one would have."""

import time
from pathlib import Path

import pytest

from cli.terminal import Place
from fakes.project_kit import until

NO_CR = 'if grep -q "$(printf "\\r")" f.txt; then exit 1; fi\n'


@pytest.fixture
def lines(place: Place) -> Place:
    """Return a repository with a text file, of which one task has been verified."""
    place.config('[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["sh check.sh"]\n')
    place.write("f.txt", "a\nb\n")
    place.write("deep/er/f.txt", "a\nb\n")
    place.write("check.sh", NO_CR)
    place.script("first.md", "echo 1 > first")
    place.commit("Files")
    assert place.runr("run", "--task", "first").code == 0
    return place


@pytest.mark.parametrize("path", [".gitattributes", "deep/er/.gitattributes"])
def test_attributes_that_are_committed_count_for_the_files_that_were_there(
    lines: Place, path: str
) -> None:
    folder = path.rpartition("/")[0] or "."
    lines.write("check.sh", f"cd {folder}\n{NO_CR}")
    lines.script("second.md", f"echo '*.txt text eol=crlf' > {path}")
    lines.commit("Second task")
    assert lines.runr("run", "--task", "second").code == 4
    assert lines.runr("task-status", "second", "--json").json["run"]["verification"] == "failed"


def test_settings_of_git_count_for_the_files_that_were_there(lines: Place) -> None:
    lines.git("config", "--global", "core.autocrlf", "true")
    lines.script("second.md", "echo 1 > second")
    lines.commit("Second task")
    assert lines.runr("run", "--task", "second").code == 4


def test_a_setting_that_changes_no_file_leaves_the_checkout_as_it_is(lines: Place) -> None:
    file = lines.root / ".git/runr/checkouts/1/f.txt"
    before = file.stat()
    lines.git("config", "branch.main.description", "new")
    lines.git("config", "--global", "alias.st", "status")
    lines.script("second.md", "echo 1 > second")
    lines.commit("Second task")
    assert lines.runr("run", "--task", "second").code == 0
    assert file.stat().st_ino == before.st_ino
    assert file.stat().st_ctime_ns == before.st_ctime_ns


@pytest.mark.parametrize("change", ["chmod 600 f.txt", "touch -d 2001-01-01 f.txt"])
def test_a_check_finds_no_mode_and_no_time_that_another_has_set(lines: Place, change: str) -> None:
    lines.write("fresh.sh", 'test -z "$(find f.txt -perm 600 -o ! -newermt 2002-01-01)"\n')
    lines.config(
        '[run]\nworker = "script"\nattempts = 1\n'
        f'[verify]\ntier1 = ["test -e f.txt && {change}", "sh fresh.sh"]\n'
    )
    lines.script("second.md", "echo 1 > second")
    lines.commit("Second task")
    # Git compares no finer times than seconds.
    written = (lines.root / ".git/runr/checkouts/1/f.txt").stat().st_ctime
    until(lambda: int(time.time()) > int(written), "the second after that of the file")
    assert lines.runr("run", "--task", "second").code == 0


def test_a_check_finds_nothing_that_another_has_left_in_a_linked_folder(place: Place) -> None:
    place.config('[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["sh check.sh"]\n')
    place.write("check.sh", "test -e linked/done && touch linked/again || touch linked/done\n")
    place.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},linked")
    (place.root / "linked").mkdir()
    place.commit("Files")
    check = "test ! -e linked/done"
    for name in ("first", "second"):
        place.script(f"{name}.md", f"echo 1 > {name}", header=f"verify: ['{check}']")
        place.commit(name)
        assert place.runr("run", "--task", name).code == 0


@pytest.fixture
def linking(place: Place, tmp_path: Path) -> Place:
    """Return a repository with a submodule `sub`."""
    library = Place(tmp_path / "sub", place.home)
    library.git("init", "-q", "-b", "main")
    library.write("f", "committed\n")
    library.write(".gitignore", "made\n")
    library.commit("Files")
    place.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.root))
    place.config('[run]\nworker = "script"\nattempts = 1\n')
    place.commit("Files")
    return place


def test_a_check_finds_a_submodule_as_it_is_committed(linking: Place) -> None:
    linking.write(
        "leave.sh", "cd sub && touch made && git update-index --assume-unchanged f && echo left > f"
    )
    checks = "verify: ['sh leave.sh', 'grep left sub/f']"
    linking.script("first.md", "echo 1 > first", header=checks)
    linking.script("second.md", "echo 1 > second", header="verify: ['test -e sub/made']")
    linking.commit("Tasks")
    assert linking.runr("run", "--task", "first").code == 4
    assert linking.runr("run", "--task", "second").code == 4


def test_a_submodule_that_is_removed_leaves_nothing_in_the_checkout(linking: Place) -> None:
    linking.script("first.md", "echo 1 > first", header="verify: ['test -e sub/f']")
    linking.script(
        "second.md",
        "git rm -q sub",
        header="owns: ['**']\nverify: ['test -e sub || test -e first']",
    )
    linking.script("third.md", "echo 1 > third", header="verify: ['test -e sub']")
    linking.commit("Tasks")
    assert linking.runr("run", "--task", "first").code == 0
    assert linking.runr("run", "--task", "second").code == 0
    assert linking.runr("run", "--task", "third").code == 4
