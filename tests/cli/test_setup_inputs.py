"""What `verify.setup` has installed is kept only as long as the files that it has read stay."""

import sys

import pytest

from cli.terminal import Place
from fakes.required import require

CONFIG = """\
[run]
worker = "script"
attempts = 1
[verify]
setup = ["sh setup.sh"]
setup_inputs = ["deps.lock"]
carry = ["deps"]
"""


@pytest.fixture
def installing(place: Place) -> Place:
    """Return a repository whose dependencies are installed by `setup.sh`, which counts its runs."""
    require(sys.platform == "linux", "this system does not tell which files are opened")
    place.config(CONFIG)
    place.write(".gitignore", "deps/\n")
    place.write("deps.lock", "1\n")
    place.write("src/a", "good\n")
    place.write("src/b", "good\n")
    place.write("conf/list", "good\n")
    return place


def runs(
    place: Place, setup: str, *works: str, check: str = "test -d deps", owns: str = "**"
) -> list[int]:
    """Run a task for each script, and return how often the setup had run after each."""
    log = place.root.parent / "log"
    log.touch()
    place.write("setup.sh", f"echo x >> {log}; mkdir -p deps; {setup}\n")
    for number, work in enumerate(works):
        place.script(f"t{number}.md", work, header=f"owns: ['{owns}', other]\nverify: ['{check}']")
    place.commit("Tasks")
    times = []
    for number in range(len(works)):
        place.runr("run", f"t{number}")
        times.append(log.read_text().count("x"))
    return times


def test_a_setup_that_reads_only_its_inputs_runs_once(installing: Place) -> None:
    works = ("echo 1 > src/a", "echo 2 > src/c", "echo 2 > deps.lock")
    assert runs(installing, "cp deps.lock deps/", *works) == [1, 1, 2]


@pytest.mark.parametrize(
    "setup",
    [
        "cp src/a deps/",
        "cat src/* > deps/all",
        'cd deps; python3 -c \'open("out", "w").write(open("../src/a").read())\'',
        "mv src/a deps/",
        "tar cf deps/all.tar src",
    ],
)
def test_a_setup_that_has_read_a_file_runs_again_when_it_changes(
    installing: Place, setup: str
) -> None:
    works = ("echo 1 > other", "echo 2 > src/a", "echo 3 > other")
    assert runs(installing, setup, *works) == [1, 2, 2]


def test_a_setup_that_has_read_through_a_link_runs_again(installing: Place) -> None:
    (installing.root / "list").symlink_to("conf/list")
    works = ("echo 1 > other", "echo bad > conf/list")
    check = "grep -q good deps/list"
    assert runs(installing, "cp list deps/list", *works, check=check) == [1, 2]
    assert installing.runr("task-status", "t1", "--json").json["run"]["verification"] == "failed"


def test_a_setup_that_takes_all_files_of_a_folder_runs_again_for_a_new_one(
    installing: Place,
) -> None:
    works = ("echo 1 > other", "echo 2 > src/new", "rm src/b")
    assert runs(installing, "cat src/* > deps/all", *works) == [1, 2, 3]


def test_what_was_installed_before_is_used_again(installing: Place) -> None:
    works = ("echo 1 > src/a", "echo 2 > src/a", "echo 1 > src/a")
    assert runs(installing, "cp src/a deps/", *works) == [1, 2, 2]


def test_a_setup_that_reads_a_file_of_a_submodule_runs_again_for_its_commit(
    installing: Place,
) -> None:
    library = Place(installing.root.with_name("library"), installing.home)
    library.git("init", "-q", "-b", "main")
    for text in ("good\n", "bad\n"):
        library.write("deep/f", text)
        library.commit(text)
    add = ("submodule", "add", "-q", str(library.root))
    installing.git("-c", "protocol.file.allow=always", *add)
    installing.git("-C", "library", "checkout", "-q", "HEAD^")
    works = ("echo 1 > other", "cd library && git checkout -q -B main origin/main")
    setup = "cat library/deep/f > deps/f"
    assert runs(installing, setup, *works, owns="library") == [1, 2]
