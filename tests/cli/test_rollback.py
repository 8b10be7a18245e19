"""A run that fails is rolled back where its settings say so, and nothing of it is lost."""

import json
import os
from pathlib import Path

import pytest

from cli.terminal import Place

SETTINGS = (
    '[run]\nworker = "script"\nattempts = 1\n\n[verify]\ntier1 = ["test -e good"]\n\n[hooks]\n'
)
RESTORE = 'on_failure = [{ rollback = "restore" }]\n'
REVERT = 'on_failure = [{ rollback = "restore" }, { rollback = "revert" }]\n'

#: What the worker does with files that the user knows, and with others.
WORK = """\
echo changed by the run >> tracked.txt
echo changed by the run >> edited.txt
rm gone.txt
mkdir -p new/deep
printf 'a\\0b' > new/deep/file
echo over > notes.txt
git add new
exit 1
"""


def worktree(place: Place, run_id: str) -> Path:
    """Return where a run works that has a worktree."""
    return place.root / ".runr/worktrees" / run_id


def outcomes(place: Place, run_id: str) -> list[tuple[str, str]]:
    """Return what became of each rollback, and its last words."""
    found = [e["payload"] for e in place.events(run_id) if e["type"] == "hook.finished"]
    return [(each["outcome"], each["detail"]) for each in found]


def files(root: Path) -> dict[str, bytes]:
    """Return the content of each file that is the user's."""
    found = (path for path in root.rglob("*") if path.is_file())
    named = {str(path.relative_to(root)): path for path in found}
    return {
        name: path.read_bytes()
        for name, path in named.items()
        if not name.startswith((".git/", ".runr/"))
    }


@pytest.fixture
def edited(place: Place) -> Place:
    """Return a place with uncommitted changes and a task that fails after it changed files."""
    place.config(SETTINGS + RESTORE)
    place.script("a.md", WORK)
    for name in ("tracked.txt", "edited.txt", "gone.txt"):
        place.write(name, "line\n")
    place.commit("Task")
    place.write("edited.txt", "line\nmine\n")
    for name in ("notes.txt", "other.txt"):
        place.write(name, "in no commit\n")
        # Of a file that is as new as the index, git takes a copy to be sure.
        os.utime(place.root / name, (0, 0))
    return place


def test_files_in_place_are_as_before_and_one_command_brings_the_work_back(edited: Place) -> None:
    before, status = files(edited.root), edited.git("status", "--porcelain")
    run = edited.runr("--json", "run", "--task", "a", "--in-place").json
    ((outcome, detail),) = outcomes(edited, run["id"])
    assert outcome == "ok"
    # Of a file that git does not know, there is no copy of what was in it before.
    assert detail.startswith(
        "left as they are, as it is not known what of them is the run's: notes"
    )
    after = files(edited.root)
    assert after.pop("notes.txt") == b"over\n"
    assert after == {name: text for name, text in before.items() if name != "notes.txt"}
    assert edited.git("status", "--porcelain") == status
    assert "on_failure hook `restore`: ok, left as" in edited.runr("report", "a").out

    back = detail.split("`")[1]
    assert edited.paste(back).code == 0
    assert edited.read("edited.txt") == "line\nmine\nchanged by the run\n"
    assert (edited.root / "new/deep/file").read_bytes() == b"a\0b"
    assert not (edited.root / "gone.txt").exists()


def test_a_resume_after_it_begins_the_work_again(edited: Place) -> None:
    edited.config(SETTINGS + RESTORE)
    run = edited.runr("--json", "run", "--task", "a").json
    tree = worktree(edited, run["id"])
    assert not (tree / "new").exists()
    assert (tree / "tracked.txt").read_text() == "line\n"
    refused = edited.runr("resume", run["id"], "--from", "verify", code=2)
    assert "its work is kept as refs/runr/" in refused.err
    edited.script("a.md", "echo > good")
    edited.runr("resume", run["id"], "--accept-changes", code=0)
    assert edited.status("a.md")["evidence"] == "verified"
    assert edited.git("show", "--format=", "--name-only", "HEAD").split() == ["good"]
    prompt = Path(run["run_dir"], "prompt-2.md").read_text()
    assert "# The files are as before" in prompt
    assert "Your earlier changes are still here" not in prompt


def test_line_ends_that_the_run_has_asked_for_go_with_its_attributes(place: Place) -> None:
    place.config(SETTINGS + RESTORE)
    place.script("a.md", "echo '* text eol=crlf' > .gitattributes; echo more >> one; exit 1")
    place.write("one", "line\n")
    place.commit("Task")
    run = place.runr("--json", "run", "--task", "a", "--in-place").json
    assert files(place.root)["one"] == b"line\n"
    assert place.git("status", "--porcelain") == ""
    assert place.paste(outcomes(place, run["id"])[0][1].split("`")[1]).code == 0
    assert "more" in place.read("one")


STAGING = """\
echo staged only > tracked.txt
git add tracked.txt
echo line > tracked.txt
git add edited.txt
git reset -q -- mine.txt
git rm -q --cached gone.txt
exit 1
"""


def test_what_is_staged_is_as_before_too(edited: Place) -> None:
    edited.script("a.md", STAGING)
    edited.git("commit", "-qm", "Task", "--", ".runr")
    edited.write("mine.txt", "staged by me\n")
    edited.git("add", "mine.txt")
    edited.write("mine.txt", "and changed since\n")
    index, before = edited.git("ls-files", "-s"), files(edited.root)
    run = edited.runr("--json", "run", "--task", "a", "--in-place").json
    ((outcome, detail),) = outcomes(edited, run["id"])
    assert (outcome, edited.git("ls-files", "-s"), files(edited.root)) == ("ok", index, before)
    assert edited.git("show", ":mine.txt") == "staged by me\n"
    assert detail.startswith("what is staged is as before, and `git show ")
    assert "+staged only" in edited.paste(detail.split("`")[1]).out


def test_what_is_staged_in_a_worktree_is_as_before_too(place: Place) -> None:
    place.config(SETTINGS + RESTORE)
    place.script("a.md", "echo 1 > one; git add one; rm one; exit 1")
    place.commit("Task")
    run = place.runr("--json", "run", "--task", "a").json
    tree = str(worktree(place, run["id"]))
    assert place.git("-C", tree, "status", "--porcelain") == ""
    ((outcome, detail),) = outcomes(place, run["id"])
    assert (outcome, "+1" in place.paste(detail.split("`")[1]).out) == ("ok", True)


def test_commits_of_the_worker_are_taken_off_the_branch_of_the_run_and_kept(place: Place) -> None:
    place.config(SETTINGS + RESTORE)
    place.script("a.md", "echo 1 > one; git add one; git commit -qm Own; echo 2 > two")
    base = place.commit("Task")
    run = place.runr("--json", "run", "--task", "a").json
    tree = str(worktree(place, run["id"]))
    assert place.git("-C", tree, "rev-parse", "HEAD").strip() == base
    assert place.git("-C", tree, "status", "--porcelain") == ""
    (kept,) = place.git("for-each-ref", "--format=%(refname)", "refs/runr").split()
    assert place.git("show", f"{kept}:one") + place.git("show", f"{kept}:two") == "1\n2\n"
    assert place.git("log", "--format=%s", kept).split("\n")[:3].count("Own") == 1


def test_what_was_changed_since_the_stop_and_runs_that_only_paused_stay(place: Place) -> None:
    place.config(SETTINGS + 'on_failure = ["echo mine > one", { rollback = "restore" }]\n')
    place.script("a.md", "echo 1 > one; echo 2 > two")
    place.commit("Task")
    run = place.runr("--json", "run", "--task", "a", "--in-place").json
    assert (place.read("one"), (place.root / "two").exists()) == ("mine\n", False)
    assert "is the run's: one; 1 file is as before" in outcomes(place, run["id"])[1][1]

    place.config(SETTINGS + RESTORE + 'pre_run = ["exit 1"]\n')
    paused = place.runr("--json", "run", "--task", "a", "--in-place").json
    assert outcomes(place, paused["id"])[1] == ("ok", "left as it is: a resume continues its work")


@pytest.fixture
def planned(place: Place) -> Place:
    """Return a place with a task of two milestones, of which the second fails."""
    hands = place.root.parent / "hands"
    hands.mkdir()
    (hands / "plan.sh").write_text("cat > /dev/null; echo '1. One'; echo '2. Two'\n")
    (hands / "work.sh").write_text(
        "cat > /dev/null\nif test -e one; then rm good; echo 2 > two; else echo > one; fi\n"
    )
    tables = [
        f"[workers.{name}]\ncommand = {json.dumps(['sh', str(hands / f'{name}.sh')])}\n"
        for name in ("plan", "work")
    ]
    place.config(
        SETTINGS.replace('"script"', '"work"')
        + REVERT
        + '\n[phases]\nplan = "plan"\n\n'
        + "\n".join(tables)
    )
    place.write("good")
    place.task("a.md", body="Write the files.")
    place.commit("Task")
    return place


def test_a_milestone_that_had_landed_is_reverted_and_the_task_is_begun_again(
    planned: Place,
) -> None:
    before = planned.git("rev-parse", "HEAD^{tree}")
    run = planned.runr("--json", "run", "--task", "a", "--in-place").json
    restored, reverted = outcomes(planned, run["id"])
    assert (restored[0], reverted[0]) == ("ok", "ok")
    assert planned.git("rev-parse", "HEAD^{tree}") == before
    assert planned.git("status", "--porcelain", "--", ".", ":!.runr") == ""
    text = planned.git("log", "-1", "--format=%B")
    made = planned.git("rev-parse", "HEAD^").strip()
    assert f"This reverts commit {made}." in text
    assert f"Runr-Run-Id: {run['id']}" in text
    assert "Runr-Rollback: true\nRunr-Reason: the run stopped: verification_failed" in text
    refused = planned.runr("resume", run["id"], code=2)
    assert f"is reverted by {planned.git('rev-parse', '--short=12', 'HEAD').strip()}" in refused.err
    assert refused.steps == ["runr run --task a.md"]
    assert planned.runr("report", "a").steps[-1] == "runr run --task a.md"


def test_later_work_on_the_same_lines_keeps_a_milestone_from_being_reverted(
    planned: Place,
) -> None:
    text = planned.read(".runr/config.toml")
    later = "echo later > one; git commit -qam Later"
    planned.config(text.replace(REVERT, f'on_failure = ["{later}", {{ rollback = "revert" }}]\n'))
    planned.commit("Settings")
    run = planned.runr("--json", "run", "--task", "a", "--in-place").json
    head = planned.git("log", "-1", "--format=%s").strip()
    assert (head, outcomes(planned, run["id"])[1][0]) == ("Later", "failed")
    assert "nothing was reverted: later commits changed one" in outcomes(planned, run["id"])[1][1]
