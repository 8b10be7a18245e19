"""runr leaves no unreachable git objects in the user's repository."""

from cli.terminal import Place


def unreachable(place: Place) -> str:
    return place.git("fsck", "--unreachable", "--no-reflogs", "--no-progress").strip()


def committed(place: Place) -> list[str]:
    return place.git("show", "--format=", "--name-only", "HEAD").split()


def untracked(place: Place) -> None:
    for number in range(20):
        place.write(f"data/{number}/file.bin", f"{number}\n")
    place.write("notes.txt", "mine\n")


def test_a_session_run_leaves_nothing_of_the_untracked_files(place: Place) -> None:
    place.config('[run]\nworker = "session"\n\n[verify]\ntier1 = ["grep -q good a.txt"]\n')
    place.task("a.md", header="owns: [a.txt]", body="Write a.txt.")
    place.commit("A task")
    untracked(place)
    run = str(place.runr("--json", "run", "--task", "a", code=0).json["run"]["id"])
    assert unreachable(place) == ""
    for words in (("status",), ("list-tasks",), ("task-status", "a"), ("doctor",)):
        place.runr(*words, code=0)
    place.write("a.txt", "bad\n")
    place.runr("complete-task", "a", code=4)
    place.write("a.txt", "good\n")
    assert unreachable(place) == ""
    place.runr("complete-task", "a", code=0)
    assert unreachable(place) == ""
    assert committed(place) == ["a.txt"]
    folder = place.run_folder(run)
    assert not (folder / "git").exists(), "nothing is compared with them any more"
    assert "data" not in (folder / "diff.patch").read_text()


def test_a_stopped_run_keeps_its_snapshots_in_its_own_folder_and_clean_removes_them(
    place: Place,
) -> None:
    place.script("a.md", "echo bad > out.txt", header='verify: ["grep good out.txt"]')
    place.commit("A task")
    run = place.run("a", code=4)["id"]
    assert unreachable(place) == ""
    assert any((place.run_folder(run) / "git").rglob("*"))
    place.runr("clean", "--force", run, code=0)
    assert not (place.run_folder(run) / "git").exists()


def test_an_attestation_with_untracked_files_leaves_nothing(place: Place) -> None:
    place.task("a.md", header="type: manual", body="Do it.")
    place.commit("A task")
    untracked(place)
    place.runr("complete-task", "a", "--reason", "I did it", code=0)
    place.write("b.txt", "by hand\n")
    place.git("add", "b.txt")
    place.runr("intervene", "--reason", "a fix by hand", code=0)
    assert unreachable(place) == ""
    assert committed(place) == ["b.txt"]


def test_a_merge_with_conflicts_leaves_nothing(place: Place) -> None:
    assert "both sides changed README.md" in place.run_into_conflict().out
    assert unreachable(place) == ""
