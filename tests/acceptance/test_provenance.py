"""Provenance from the commits alone: each test is a known failure of other tools."""

import stat

from cli.terminal import Place, typed

TWO_OF_ITS_OWN = (
    "for n in 1 2; do echo $n > $n.txt; git add -A; git commit -qm $n; done; echo 3 > 3"
)


def test_every_checkpoint_has_trailers_that_name_its_run_and_its_task(place: Place) -> None:
    place.script("a.md", TWO_OF_ITS_OWN)
    place.commit("Tasks")
    run = place.run("a")
    message = place.git("log", "-1", "--format=%(trailers:only,unfold)", run["checkpoint_sha"])
    assert f"Runr-Run-Id: {run['id']}\n" in message
    assert "Runr-Task: .runr/tasks/a.md\n" in message
    assert "Runr-Checkpoint: true\n" in message


def test_a_clone_infers_what_is_done_from_the_commits_alone(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.task("b.md", "type: manual")
    place.commit("Tasks")
    place.run("a")
    place.runr("complete-task", "b", "--reason", "did it", code=0)
    clone = place.clone()
    assert "○ a.md  pending" in clone.runr("list-tasks", code=0).out
    assert "a.md: not recorded → completed (inferred)" in clone.runr("rebuild", code=0).out
    listed = clone.runr("list-tasks", code=0).out
    assert "≈ a.md  completed" in listed
    assert "○ b.md  pending" in listed
    assert "inferred from commit" in clone.runr("task-status", "a", code=0).out


def test_every_task_of_a_squash_commit_is_inferred_not_only_the_first(place: Place) -> None:
    for name in ("a", "b", "c"):
        place.script(f"{name}.md", f"echo 1 > {name}.txt")
    place.commit("Tasks")
    place.git("switch", "-q", "-c", "topic")
    for name in ("a", "b", "c"):
        place.run(name)
    place.git("switch", "-q", "main")
    place.git("merge", "-q", "--squash", "topic")
    place.git("commit", "-q", "--no-edit")
    clone = place.clone()
    clone.runr("rebuild", code=0)
    done = [clone.status(f"{name}.md") for name in ("a", "b", "c")]
    assert [entry["evidence"] for entry in done] == ["inferred"] * 3


def test_no_commit_of_a_submitted_run_is_a_gap(place: Place) -> None:
    for name in ("a", "b"):
        place.script(f"{name}.md", f"echo 1 > {name}.txt")
    place.commit("Tasks")
    place.git("branch", "release", "HEAD~1")
    for name in ("a", "b"):
        place.runr("submit", place.run(name)["id"], "--to", "release", code=0)
    counts = place.runr("audit", "--range", "HEAD~2..release", "--json", code=0).json["counts"]
    assert (counts["checkpoint"], counts["unattributed"]) == (2, 0)


def test_no_checkpoint_of_a_run_is_a_gap_not_only_the_last(place: Place) -> None:
    place.config(
        '[run]\nworker = "script"\n[verify]\ntier1 = ["test -d ."]\n[phases]\nplan = "planner"\n'
        '[workers.planner]\ncommand = ["printf", "1. Begin\\n2. Go on\\n3. End\\n"]\n'
    )
    place.script("a.md", "echo $RUNR_ATTEMPT > $RUNR_ATTEMPT.txt")
    place.commit("Tasks")
    assert len(place.run("a")["checkpoints"]) == 3
    counts = place.runr("audit", "--range", "HEAD~3..", "--json", code=0).json["counts"]
    assert (counts["checkpoint"], counts["unattributed"]) == (3, 0)


def test_a_git_hook_that_audits_stops_what_it_should_stop(place: Place) -> None:
    place.git("init", "-q", "--bare", "../hub.git")
    hook = place.write(
        ".git/hooks/pre-push", "#!/bin/sh\nexec runr audit --range HEAD~1..HEAD --fail-under 100\n"
    )
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    push = ["git", "push", "-q", "../hub.git", "main"]
    place.write("by-hand.txt", "1\n")
    place.commit("Without a reason")
    assert typed(push, place.root, {}).code != 0
    assert not place.git("ls-remote", "../hub.git")
    place.script("a.md", "echo 1 > a.txt")
    place.run("a")
    assert typed(push, place.root, {}).code == 0
    assert place.git("ls-remote", "../hub.git")


def test_the_sha_of_a_commit_stays_readable_and_a_token_does_not(place: Place) -> None:
    say = "git rev-parse HEAD; echo GITHUB_TOKEN=x"
    # A check sees the commit that would land, which is on top of it.
    check = say.replace("HEAD", "HEAD^")
    place.script("a.md", f"{say}; echo 1 > a.txt", f'verify: ["{check}"]')
    place.commit("Tasks")
    head = place.git("rev-parse", "HEAD").strip()
    run = place.run("a")
    files = place.run_folder(run["id"]).iterdir()
    kept = {file.name: file.read_text(encoding="utf-8") for file in files}
    assert head in kept["worker-1.jsonl"]
    assert head in kept["verify-1.log"]
    assert run["checkpoint_sha"] in kept["report.md"]
    assert [name for name, text in kept.items() if "TOKEN=x" in text] == []
