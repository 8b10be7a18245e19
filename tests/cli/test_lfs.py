"""Git LFS: checks see the contents of its files, the commit has their pointers."""

import pytest

from cli.terminal import Place
from fakes.required import require_program


@pytest.fixture(autouse=True)
def lfs() -> None:
    """Require the program."""
    require_program("git-lfs", "git-lfs")


def test_checks_see_the_contents_of_lfs_files_and_the_commit_has_pointers(place: Place) -> None:
    place.git("lfs", "install", "--local")
    place.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    place.write("old.bin", "x" * 1000)
    place.write("same.bin", "y" * 1000)
    sizes = {"old.bin": 1001, "new.bin": 3, "same.bin": 1000}
    checks = ", ".join(f'"test $(wc -c < {name}) = {size}"' for name, size in sizes.items())
    place.script("a.md", "echo >> old.bin; printf abc > new.bin", f"verify: [{checks}]")
    place.commit("Large files")
    assert place.run("a")["verified_in"] == "checkout"
    assert {name: len(place.read(name)) for name in sizes} == sizes
    assert place.git("status", "--porcelain") == ""
    for name, size in sizes.items():
        pointer = place.git("show", f"HEAD:{name}")
        assert pointer.startswith("version https://git-lfs.github.com/spec/v1\n")
        assert pointer.endswith(f"size {size}\n")
    # The repository has the contents, so that they can be pushed.
    assert "OK" in place.git("lfs", "fsck")


def test_a_pointer_that_the_worker_writes_for_no_content_is_not_verified(place: Place) -> None:
    place.git("lfs", "install", "--local")
    place.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    place.write("old.bin", "x" * 1000)
    forged = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1000\n"
    place.write("forged", forged)
    place.script("a.md", "cat forged > old.bin", 'verify: ["test $(wc -c < old.bin) = 1000"]')
    place.commit("Large files")
    run = place.runr("--json", "run", "--task", "a").json
    assert run["status"] == "stopped"
    assert place.git("show", "HEAD:old.bin").endswith("size 1000\n")
    assert place.status("a.md")["evidence"] is None
