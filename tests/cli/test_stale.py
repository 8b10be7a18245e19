"""Stale completions: their reasons, their acknowledgement, and running them again."""

import subprocess
from typing import Any

import pytest

from cli.terminal import Place, Prepare


@pytest.fixture
def done(prepared: Prepare) -> Place:
    """Return a repository in which `a` and its dependent `b` were run."""
    return prepared(_done)


def _done(place: Place) -> None:
    place.script("a.md", "echo a > a.txt", "owns: [a.txt]")
    place.script("b.md", "echo b >> b.txt", "depends_on: [a]\nowns: [b.txt]")
    place.commit("Tasks")
    place.run("a")
    place.run("b")


def stale_reasons(place: Place) -> dict[str, list[str]]:
    rows = place.runr("list-tasks", "--json", code=0).json["tasks"]
    assert all(row["stale"] == bool(row["stale_reasons"]) for row in rows)
    return {row["path"][12:]: row["stale_reasons"] for row in rows if row["stale_reasons"]}


def edit(place: Place, name: str, old: str, new: str) -> None:
    text = place.read(f".runr/tasks/{name}")
    assert old in text
    place.write(f".runr/tasks/{name}", text.replace(old, new))


def save(place: Place, path: str, text: str, message: str = "By hand") -> str:
    place.write(path, text)
    place.git("add", "--", path)
    place.git("commit", "-q", "-m", message)
    return place.git("rev-parse", "HEAD").strip()


def explained(place: Place, name: str, *words: str) -> Any:
    answer = place.runr("why", name, "--json", *words, code=0).json
    assert 0 < len(answer["lines"]) <= 10
    return answer


def settings(place: Place, text: str) -> None:
    place.config(place.read(".runr/config.toml") + f"\n[status]\n{text}\n")


def test_nothing_is_stale_where_nothing_has_changed(done: Place) -> None:
    assert stale_reasons(done) == {}
    answer = explained(done, "b")
    assert (answer["completed"], answer["branches"], answer["next_steps"]) == (True, ["main"], [])
    shown = done.runr("why", "b", code=0).out.splitlines()
    assert shown[0] == "b.md is completed"
    assert shown[1].startswith("evidence: verified: its checks passed; by run:")
    assert shown[2] == f"commit: {answer['commit_sha'][:12]} on main"


def test_an_edit_of_the_text_is_shown_with_its_difference(done: Place) -> None:
    edit(done, "a.md", "echo a > a.txt", "echo A > a.txt")
    assert stale_reasons(done) == {
        "a.md": ["its text has changed since"],
        "b.md": ["it builds on a.md, which is stale"],
    }
    answer = explained(done, "a", "--diff")
    assert answer["completed"] is False
    assert "-echo a > a.txt\n+echo A > a.txt\n" in answer["diff"]
    assert answer["next_steps"] == ["runr why a.md --diff", "runr acknowledge a.md"]
    assert "stale: its text has changed since" in done.runr("status", "--tasks").out


@pytest.mark.parametrize(
    ("old", "new"),
    [("owns: [a.txt]", "owns: [a.txt]\nstatus: done\ncompleted_at: today"), ("\n\n", "\n \n\n\n")],
    ids=["status keys", "white space"],
)
def test_changes_of_status_keys_and_white_space_make_nothing_stale(
    done: Place, old: str, new: str
) -> None:
    edit(done, "a.md", old, new)
    assert stale_reasons(done) == {}


def test_a_dependency_that_is_completed_again_is_a_reason(done: Place) -> None:
    edit(done, "a.md", "echo a > a.txt", "echo A > a.txt")
    later = {"completed_at": "2999-01-01T00:00:00Z"}
    done.run("a")
    assert "a.md" not in stale_reasons(done)
    known = done.read(".runr/task-status.json")
    was = done.status("a.md")["completed_at"]
    done.write(
        ".runr/task-status.json",
        known.replace(f'"completed_at": "{was}"', f'"completed_at": "{later["completed_at"]}"', 1),
    )
    assert stale_reasons(done) == {"b.md": ["a.md was completed again later"]}


def test_reverted_work_is_a_reason_and_blocks_dependents(done: Place) -> None:
    done.script("c.md", "echo c > c.txt", "depends_on: [b]")
    done.git("revert", "--no-edit", "HEAD")
    by = done.git("rev-parse", "HEAD").strip()
    assert stale_reasons(done) == {"b.md": [f"its commit was reverted by {by[:12]}"]}
    blocked = done.runr("run", "--task", "c", code=3).err
    assert f"b.md (its commit was reverted by {by[:12]})" in blocked
    assert "was reverted" in done.runr("acknowledge", "b", code=2).err
    done.git("revert", "--no-edit", "HEAD")
    assert stale_reasons(done) == {}


@pytest.mark.parametrize("how", ["ours", "conflict"])
def test_work_that_a_merge_left_out_is_a_reason_until_it_is_there_again(
    done: Place, how: str
) -> None:
    done.script("c.md", "echo c > c.txt", "depends_on: [b]")
    work = done.git("rev-parse", "HEAD").strip()
    done.git("switch", "-q", "-c", "other", f"{work}~1")
    done.write("b.txt" if how == "conflict" else "else.txt", "theirs\n")
    done.commit("Theirs")
    if how == "ours":
        done.git("merge", "-q", "-s", "ours", "--no-edit", "main")
    else:
        done.git("merge", "-q", "-X", "ours", "--no-edit", "main")
    by = done.git("rev-parse", "HEAD").strip()
    assert stale_reasons(done) == {"b.md": [f"the merge {by[:12]} left its changes out"]}
    done.runr("run", "--task", "c", code=3)
    refused = done.runr("verify", code=1).out
    assert f"    the merge {by[:12]} left its changes out\n" in refused
    done.runr("acknowledge", "b", code=0)
    assert stale_reasons(done) == {}
    done.runr("run", "--task", "c", code=0)


def test_work_that_is_undone_without_a_word_is_a_reason_until_it_is_there_again(
    done: Place,
) -> None:
    done.script("c.md", "echo c > c.txt", "depends_on: [b]")
    work = done.git("rev-parse", "HEAD").strip()
    done.git("rm", "-q", "b.txt")
    done.git("commit", "-q", "-m", 'Revert "b" (#12)')
    by = done.git("rev-parse", "HEAD").strip()
    undone = f"its work was undone by {by[:12]}"
    assert stale_reasons(done) == {"b.md": [undone]}
    done.runr("run", "--task", "c", code=3)
    assert f"    {undone}\n" in done.runr("verify", code=1).out
    done.git("cherry-pick", work)
    assert stale_reasons(done) == {}
    done.git("rm", "-q", "b.txt")
    done.git("commit", "-q", "-m", "Not now")
    done.runr("acknowledge", "b", code=0)
    assert stale_reasons(done) == {}


REWRITING = {
    "amend": "git commit -q --amend --no-edit --date=2026-01-01T00:00:00Z",
    "amend-without-trailers": "git commit -q --amend -m Other",
    "rebase": (
        "git switch -q -c side {first}~1; echo s > side.txt; git add side.txt; "
        "git commit -q -m Side; git rebase -q side main"
    ),
    "squash": "git reset -q --soft {first}~1; git commit -q -m Both",
}


@pytest.mark.parametrize("how", ["undone", "dropped"])
@pytest.mark.parametrize("rewrite", REWRITING.values(), ids=REWRITING)
def test_rewritten_work_that_is_not_there_any_more_is_stale(
    done: Place, rewrite: str, how: str
) -> None:
    done.script("c.md", "echo c > c.txt", "depends_on: [b]")
    first = done.git("log", "-1", "--format=%H", "--", "a.txt").strip()
    subprocess.run(["sh", "-ec", rewrite.format(first=first)], cwd=done.root, check=True)
    assert stale_reasons(done) == {}
    if how == "undone":
        done.git("rm", "-q", "b.txt")
        done.git("commit", "-q", "-m", "Less")
        by = done.git("rev-parse", "--short=12", "HEAD").strip()
        why = f"its work was undone by {by}"
    else:
        done.git("switch", "-q", "-c", "other", f"{first}~1")
        done.git("checkout", "main", "--", "a.txt")
        done.write("else.txt", "theirs\n")
        done.commit("Theirs")
        done.git("merge", "-q", "-s", "ours", "--no-edit", "main")
        by = done.git("rev-parse", "--short=12", "HEAD").strip()
        why = f"the merge {by} left its changes out"
    assert stale_reasons(done) == {"b.md": [why]}
    done.runr("run", "--task", "c", code=3)
    done.runr("acknowledge", "b", code=0)
    assert stale_reasons(done) == {}


def test_lines_that_are_taken_out_of_a_file_that_has_more_are_undone(place: Place) -> None:
    place.write("b.txt", "".join(f"{number}\n" for number in range(20)))
    place.script("a.md", "sed -i '2i new' b.txt")
    place.script("b.md", "sed -i 's/^5$/five/' b.txt")
    place.commit("Tasks")
    place.run("a")
    place.run("b")
    with_work = place.read("b.txt")
    save(place, "b.txt", with_work + "more\n")
    assert stale_reasons(place) == {}, "others added lines"
    save(place, "b.txt", (with_work + "more\n").replace("five", "FIVE"))
    assert stale_reasons(place) == {}, "the same lines were edited once more"
    save(place, "b.txt", with_work + "more\n")
    by = save(place, "b.txt", (with_work + "more\n").replace("new\n", ""))
    assert stale_reasons(place) == {"a.md": [f"its work was undone by {by[:12]}"]}
    save(place, "b.txt", with_work + "more\n")
    assert stale_reasons(place) == {}


def test_a_merge_that_keeps_the_work_or_has_it_already_makes_nothing_stale(done: Place) -> None:
    work = done.git("rev-parse", "HEAD").strip()
    done.git("switch", "-q", "-c", "other", f"{work}~1")
    done.write("else.txt", "theirs\n")
    done.commit("Theirs")
    done.git("merge", "-q", "--no-edit", "main")
    assert stale_reasons(done) == {}
    done.git("switch", "-q", "-c", "picked", f"{work}~1")
    done.git("cherry-pick", work)
    done.write("b.txt", "b and more\n")
    done.commit("More")
    done.git("merge", "-q", "-X", "ours", "--no-edit", "main")
    assert done.git("rev-parse", "HEAD^{tree}") == done.git("rev-parse", "HEAD^1^{tree}")
    assert stale_reasons(done) == {}


def test_a_reverted_squash_reverts_all_runs_in_it(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.commit("Tasks")
    place.git("switch", "-q", "-c", "work")
    place.run("a")
    place.git("switch", "-q", "main")
    place.git("merge", "-q", "--squash", "work")
    place.git("commit", "-q", "--no-edit")
    assert stale_reasons(place) == {}
    place.git("revert", "--no-edit", "HEAD")
    assert list(stale_reasons(place)) == ["a.md"]
    place.run("a")
    assert stale_reasons(place) == {}


def test_changes_to_owned_files_are_a_reason_if_enabled(done: Place) -> None:
    first = save(done, "a.txt", "by hand\n")
    assert stale_reasons(done) == {}
    settings(done, 'stale_on = ["owns"]')
    assert stale_reasons(done)["a.md"] == [f"what it owns was changed by {first[:12]}"]
    second = save(done, "a.txt", "by hand again\n")
    save(done, "other.txt", "not its own\n")
    assert stale_reasons(done)["a.md"] == [f"what it owns was changed by {second[:12]} and 1 more"]
    assert stale_reasons(done)["b.md"] == ["it builds on a.md, which is stale"]
    done.runr("acknowledge", "a", code=0)
    assert stale_reasons(done) == {}
    save(done, "a.txt", "and again\n")
    assert "a.md" in stale_reasons(done)
    done.run("a")
    assert "a.md" not in stale_reasons(done)


def test_a_task_enables_a_reason_in_its_header(place: Place) -> None:
    place.script("a.md", "echo a > a.txt", "owns: [a.txt]\nstale_on: owns")
    place.task("m.md", "type: manual\nowns: [m/]\nstale_on: [owns]")
    place.commit("Tasks")
    place.run("a")
    place.runr("complete-task", "m", "--reason", "did it", code=0)
    assert stale_reasons(place) == {}
    save(place, "m/x.txt", "1\n")
    assert list(stale_reasons(place)) == ["m.md"]
    save(place, "a.txt", "1\n")
    assert list(stale_reasons(place)) == ["a.md", "m.md"]
    edit(place, "m.md", "[owns]", "[own]")
    summary = place.runr("list-tasks", code=0).out
    assert "`stale_on` item 1 cannot be `own`: did you mean `owns`?" in summary


def test_an_acknowledgement_is_recorded_with_the_person(done: Place) -> None:
    edit(done, "a.md", "echo a", "echo  an")
    before = done.status("a.md")
    kept = done.runr("acknowledge", "a", "--reason", "a typo", "--by", "Grace", code=0)
    assert "✎ a.md: acknowledged by Grace" in kept.out
    assert stale_reasons(done) == {}
    after = done.status("a.md")
    same = ("status", "evidence", "completed_by", "completed_at", "checkpoint_sha", "run_count")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert after["acknowledged_by"] == "person:Grace"
    assert "acknowledged: by Grace on " in done.runr("why", "a", code=0).out
    report = done.runr("report", after["acknowledged_run"], code=0).out
    assert "still valid, acknowledged by Grace" in report
    assert "a typo" in report
    done.write(".runr/task-status.json", "x")
    done.runr("list-tasks", code=0)
    again = done.status("a.md")
    assert again["acknowledged_by"] == "person:Grace"
    assert stale_reasons(done) == {}
    edit(done, "a.md", "echo  an", "echo the")
    assert "+echo the" in explained(done, "a", "--diff")["diff"]


def test_only_a_stale_completion_can_be_acknowledged(done: Place) -> None:
    done.task("open.md")
    assert "is not completed" in done.runr("acknowledge", "open", code=2).err
    assert "nothing has changed since" in done.runr("acknowledge", "a", code=2).err
    edit(done, "a.md", "echo a", "echo an")
    assert "it builds on a.md" in done.runr("acknowledge", "b", code=2).err
    refused = done.runr("acknowledge", "a", code=2, env={"RUNR_RUN_ID": "20250101-000000-abcd"})
    assert "inside run" in refused.err


def test_a_stale_task_is_only_shown_unless_the_settings_say_that_it_is_run_again(
    done: Place,
) -> None:
    edit(done, "a.md", "echo a > a.txt", "echo A > a.txt")
    assert done.runr("--json", "run", "--all-ready", code=0).json["runs"] == []
    settings(done, 'stale = "rerun"')
    ready = done.runr("list-tasks", "--ready", "--json", code=0).json["tasks"]
    assert [row["path"][12:] for row in ready] == ["a.md"]
    ran = done.runr("--json", "run", "--all-ready", code=0).json["runs"]
    assert ran[0]["task_path"] == ".runr/tasks/a.md"
    assert done.read("a.txt") == "A\n"
    assert "a.md" not in stale_reasons(done)


def test_stale_reasons_can_be_ignored(done: Place) -> None:
    settings(done, 'stale = "ignore"')
    edit(done, "a.md", "echo a > a.txt", "echo A > a.txt")
    assert stale_reasons(done) == {}
    assert "already completed" in done.runr("run", "--task", "a", code=2).err


def test_invalid_settings_do_not_prevent_a_listing(done: Place) -> None:
    edit(done, "a.md", "echo a > a.txt", "echo A > a.txt")
    settings(done, 'stale = "sometimes"')
    assert "a.md" in stale_reasons(done)
    done.runr("why", "a", code=0)


def test_why_names_blockers_down_to_the_root_cause(place: Place) -> None:
    place.script("a.md", "exit 0", 'verify: ["false"]')
    place.task("b.md", "depends_on: [a]")
    place.task("c.md", "depends_on: [b]")
    place.commit("Tasks")
    place.run("a", code=4)
    answer = explained(place, "c")
    assert answer["lines"][0] == "c.md is pending: blocked by .runr/tasks/b.md"
    assert any(line.startswith("root cause: a.md: checks still fail") for line in answer["lines"])
    assert answer["next_steps"] == ["runr why a.md"]
    failed = explained(place, "a")
    assert failed["stop_reason"] == "verification_failed"
    assert any("stopped (verification_failed)" in line for line in failed["lines"])
    assert failed["next_steps"][0].startswith("runr resume ")
    assert explained(place, "b")["next_steps"] == ["runr why a.md"]


def test_why_has_at_most_ten_lines(place: Place) -> None:
    for number in range(20):
        place.task(f"{number}.md", body="x" * 300)
    place.task("z.md", f"depends_on: [{', '.join(map(str, range(20)))}]")
    answer = explained(place, "z")
    assert "more; --json has them all" in "\n".join(answer["lines"])
    assert len(answer["root_causes"]) == 20
    assert len(place.runr("why", "z", code=0).out.splitlines()) <= 10


def test_why_of_a_task_whose_work_waits_shows_how_to_land_it(place: Place) -> None:
    place.config(
        "[run]\nworker = 'script'\nlanding_attempts = 0\n[verify]\ntier1 = ['test -d .']\n"
    )
    place.script("a.md", "echo a > a.txt; while ! test -e ../../../go; do :; done")
    place.commit("Tasks")
    run = place.runr("run", "--task", "a", "--detach", "--json", code=0).json["id"]
    place.await_phase(run, "work")
    save(place, "a.txt", "in the way\n")
    place.write("go")
    assert place.await_end(run)["stop_reason"] == "merge_conflict"
    assert explained(place, "a")["next_steps"] == [f"runr land {run}"]


def test_a_clone_knows_an_edit_by_the_text_in_the_commit(done: Place) -> None:
    there = done.clone()
    there.runr("status", "--infer-from-git", "--apply", code=0)
    assert stale_reasons(there) == {}
    edit(there, "a.md", "echo a > a.txt", "echo A > a.txt")
    assert stale_reasons(there)["a.md"] == ["its text has changed since"]
    assert "+echo A > a.txt" in explained(there, "a", "--diff")["diff"]
    assert "inferred (0.85): its trailers name" in there.runr("why", "a", code=0).out
