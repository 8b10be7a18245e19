"""`status.write_frontmatter`: task files say what is recorded, and a clone reads it back."""

from pathlib import Path

import pytest

from cli.terminal import Place

MIRROR = (
    '[run]\nworker = "script"\n[verify]\ntier1 = ["test -d ."]\n'
    "[status]\nwrite_frontmatter = true\n"
)


@pytest.fixture
def mirrored(place: Place) -> Place:
    place.config(MIRROR)
    return place


def header(place: Place, name: str) -> dict[str, str]:
    lines = place.read(f".runr/tasks/{name}").split("---\n")[1].splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_a_completed_run_is_written_into_the_tasks_header(mirrored: Place) -> None:
    mirrored.script("a.md", "echo 1 > a.txt", "tags: [x]   # mine")
    before = mirrored.read(".runr/tasks/a.md")
    mirrored.commit("Tasks")
    run = mirrored.run("a")
    assert header(mirrored, "a.md") == {
        "tags": "[x]   # mine",
        "status": "completed",
        "completed_at": mirrored.status("a.md")["completed_at"],
        "completed_by": f"run:{run['id']}",
        "completed_commit": run["checkpoint_sha"],
    }
    after = mirrored.read(".runr/tasks/a.md").splitlines(keepends=True)
    ours = ("status:", "completed_")
    assert "".join(line for line in after if not line.startswith(ours)) == before
    assert mirrored.runr("list-tasks", "--stale", "--json").json["total_count"] == 0


def test_a_file_without_a_header_gets_one_and_stays_what_it_was(mirrored: Place) -> None:
    mirrored.script("a.md", "exit 1")
    mirrored.write(".runr/tasks/m.md", "# By hand\r\n\r\nDo it.\r\n")
    mirrored.commit("Tasks")
    mirrored.run("a", code=1)
    assert header(mirrored, "a.md") == {"status": mirrored.status("a.md")["status"]}
    mirrored.runr("complete-task", "m", "--reason", "did it", "--by", "Ada", code=0)
    text = (mirrored.root / ".runr/tasks/m.md").read_bytes()
    assert text.startswith(b"---\r\nstatus: completed\r\ncompleted_at: ")
    assert b"\r\ncompleted_by: person:Ada\r\n" in text
    assert text.endswith(b"\r\n---\r\n# By hand\r\n\r\nDo it.\r\n")
    assert mirrored.runr("list-tasks", "--stale", "--json").json["total_count"] == 0


def test_a_fresh_clone_reads_it_back(mirrored: Place) -> None:
    mirrored.script("a.md", "echo 1 > a.txt")
    mirrored.task("m.md", "type: manual")
    mirrored.commit("Tasks")
    mirrored.run("a")
    mirrored.runr("complete-task", "m", "--reason", "did it", "--by", "Ada", code=0)
    mirrored.commit("What is done")
    for command in (("rebuild",), ("status", "--infer-from-git", "--apply")):
        there = Place(mirrored.root.with_name(command[0]), mirrored.home)
        there.git("clone", "-q", str(mirrored.root), ".")
        there.runr(*command, code=0)
        message = {name: there.status(name) for name in ("a.md", "m.md")}
        assert [message[name]["evidence"] for name in message] == ["inferred", "inferred"]
        assert (message["a.md"]["basis"], message["m.md"]["basis"]) == ("checkpoint", "mirror")
        assert message["m.md"]["completed_by"] == "person:Ada"
        assert message["m.md"]["completed_at"] == mirrored.status("m.md")["completed_at"]
        proofs = there.runr("verify", "--json", code=1).json["completions"]
        assert {row["task_path"][12:]: row["proved"] for row in proofs} == {
            "a.md": "inferred",
            "m.md": None,
        }
        assert "only the header of its file says so" in there.runr("verify", code=1).out


def test_status_lines_in_a_header_are_ignored_unless_they_are_enabled(place: Place) -> None:
    place.task("a.md", "status: completed\ncompleted_by: someone")
    place.runr("rebuild", code=0)
    assert place.runr("list-tasks", "--json").json["tasks"][0]["status"] == "pending"


def test_an_invalid_header_is_left_alone(mirrored: Place) -> None:
    mirrored.task("m.md", "type: manual")
    file = mirrored.root / ".runr/tasks/m.md"
    mirrored.commit("Tasks")
    mirrored.script("a.md", f"printf -- '---\\ntype: [manual\\n---\\n# M\\n' > {file}")
    mirrored.commit("Tasks")
    mirrored.runr("complete-task", "m", "--reason", "did it", code=0)
    assert b"completed" in file.read_bytes()
    file.write_bytes(b"---\ntype: [manual\n---\n# M\n")
    mirrored.write(".runr/task-status.json", "x")
    mirrored.runr("list-tasks", code=0)
    assert file.read_bytes() == b"---\ntype: [manual\n---\n# M\n"


def test_a_link_to_a_task_stays_a_link(mirrored: Place) -> None:
    mirrored.write("shared/m.md", "---\ntype: manual\n---\n# M\n")
    link = mirrored.root / ".runr/tasks/m.md"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(Path("../../shared/m.md"))
    mirrored.commit("Tasks")
    mirrored.runr("complete-task", "m", "--reason", "did it", code=0)
    assert link.is_symlink()
    assert "status: completed\n" in mirrored.read("shared/m.md")
