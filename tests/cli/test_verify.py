"""`runr verify`: a completion passes where records and commits prove it, and is named where not."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from cli.terminal import Place, Prepare

STATUS = ".runr/task-status.json"
A, B = ".runr/tasks/a.md", ".runr/tasks/b.md"


@pytest.fixture
def done(prepared: Prepare) -> Place:
    """Return a repository with a verified task, an attested one, and two open ones."""
    return prepared(_done)


def _done(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt", 'verify: ["test -f a.txt", "test ! -f broken"]')
    place.script("b.md", "echo 1 > b.txt", 'verify: ["test -f b.txt"]')
    place.task("c.md", "type: manual\ndepends_on: [b]\nverify: ['test ! -f bad']")
    place.task("m.md", "type: manual")
    place.commit("Tasks")
    place.run("a")
    place.runr("complete-task", "m", "--reason", "did it", "--by", "Grace", code=0)


def _proofs(place: Place, *words: str, code: int) -> dict[str, Any]:
    answer = place.runr("verify", *words, "--json", code=code).json
    return {row["task_path"].removeprefix(".runr/tasks/"): row for row in answer["completions"]}


def _codes(row: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in row["problems"]]


def test_completions_that_records_and_commits_prove_pass(done: Place) -> None:
    shown = done.runr("verify", code=0)
    assert shown.out == "✓ 2 completions: 1 verified, 1 attested\n"
    proofs = _proofs(done, code=0)
    assert {name: row["proved"] for name, row in proofs.items()} == {
        "a.md": "verified",
        "m.md": "attested",
    }
    weak = done.runr("verify", "--at-least", "verified", code=1)
    assert "m.md: proved as attested, which is too weak" in weak.out
    assert "does not hold" not in weak.out
    assert "it is only attested, and verified is asked for" in weak.out


def test_no_step_is_offered_that_cannot_lead_to_the_evidence_asked_for(place: Place) -> None:
    place.task("m.md", "type: manual")
    place.commit("Task")
    place.runr("complete-task", "m", "--reason", "looked at it", code=0)
    weak = place.runr("verify", "--at-least", "verified", code=1)
    assert "it is only attested, and verified is asked for: a person completes it" in weak.out
    assert weak.steps == []
    assert "next:" not in weak.out


def test_a_task_that_is_named_and_not_completed_is_no_success(done: Place) -> None:
    assert "✗ b.md is not completed" in done.runr("verify", "a", "b", code=1).out
    done.runr("verify", "--path", "b", code=0)


def _entry(place: Place, **changes: object) -> None:
    known = json.loads(place.read(STATUS))
    known["tasks"][B] = {**known["tasks"][A], **changes}
    place.write(STATUS, json.dumps(known))


def _unknown_run(place: Place) -> None:
    _entry(place, last_run_id="20260101-000000-zzzz", completed_by="run:20260101-000000-zzzz")


def _no_record(place: Place) -> None:
    _entry(place, last_run_id=None, checkpoint_sha=None, completed_by=None)


def _attested_by_hand(place: Place) -> None:
    _entry(place, evidence="attested", completed_by="person:Ada", reason="x", last_run_id=None)


def _copied_run(place: Place) -> None:
    run = place.status("a.md")["last_run_id"]
    copy = f"{run[:-4]}copy"
    shutil.copytree(place.run_folder(run), place.run_folder(copy))
    # As if it had the seals of this clone.
    place.rewrite(copy, lambda line: line.replace(A, B).replace(run, copy))
    _entry(place, last_run_id=copy, completed_by=f"run:{copy}")


def _forced_past_a_dependency(place: Place) -> None:
    place.runr("complete-task", "c", "--force", "--reason", "x", code=0)


def _forced_past_a_check(place: Place) -> None:
    place.write("bad")
    place.runr("complete-task", "c", "--force", "--reason", "x", code=0)


def _taken_off_the_branch(place: Place) -> None:
    place.git("reset", "-q", "--hard", "HEAD~1")


def _pruned(place: Place) -> None:
    _taken_off_the_branch(place)
    place.git("reflog", "expire", "--expire=now", "--all")
    place.git("gc", "-q", "--prune=now")


def _other_text(place: Place) -> None:
    known = json.loads(place.read(STATUS))
    known["tasks"][A]["task_sha256"] = "0" * 64
    place.write(STATUS, json.dumps(known))


@pytest.mark.parametrize(
    ("change", "name", "codes"),
    [
        (_unknown_run, "b.md", ["record"]),
        (_entry, "b.md", ["commit", "task"]),
        (_no_record, "b.md", ["record"]),
        (_attested_by_hand, "b.md", ["record"]),
        (_copied_run, "b.md", ["commit"]),
        (_forced_past_a_dependency, "c.md", ["dependencies"]),
        (_forced_past_a_check, "c.md", ["checks", "dependencies"]),
        (_taken_off_the_branch, "a.md", ["branch"]),
        (_pruned, "a.md", ["commit"]),
        (_other_text, "a.md", ["text"]),
    ],
)
def test_a_completion_that_does_not_hold_is_named_with_the_reason(
    done: Place, change: Callable[[Place], None], name: str, codes: list[str]
) -> None:
    change(done)
    row = _proofs(done, code=1)[name]
    assert (row["proved"], sorted(_codes(row))) == (None, codes)
    shown = done.runr("verify", code=1)
    assert f"✗ {name}: recorded as {row['recorded']}, and that does not hold" in shown.out
    assert f"    next: runr why {name}" in shown.out
    assert _proofs(done, "m", code=0)["m.md"]["proved"] == "attested"


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        (".runr/config.toml", "x", "settings"),
        (".runr/config.toml", "[run]\nattemps = 1\n", "settings"),
        (STATUS, "{", "status"),
        (STATUS, '{"schema_version": 99, "tasks": {}}', "status"),
    ],
)
def test_broken_settings_and_a_broken_status_file_are_no_success(
    done: Place, path: str, content: str, code: str
) -> None:
    done.write(path, content)
    answer = done.runr("verify", "--json", code=1).json
    assert [problem["code"] for problem in answer["problems"]] == [code]
    assert done.read(path) == content
    assert "✗" in done.runr("verify", code=1).out


def test_a_damaged_journal_is_no_success(done: Place) -> None:
    run = done.status("a.md")["last_run_id"]
    done.write(f".runr/runs/{run}/timeline.jsonl", "x\n")
    answer = done.runr("verify", "--json", code=1).json
    assert [problem["code"] for problem in answer["problems"]] == ["journal"]
    assert _codes(answer["completions"][0]) == ["record"]


def test_without_the_runs_a_completion_is_proved_by_its_commit_only_as_inferred(
    done: Place,
) -> None:
    done.git("add", "-f", STATUS)
    done.commit("Take the status along")
    clone = done.clone()
    proofs = _proofs(clone, code=1)
    assert (proofs["a.md"]["recorded"], proofs["a.md"]["proved"]) == ("verified", "inferred")
    assert proofs["m.md"]["proved"] is None
    assert "≈ a.md: recorded as verified, proved as inferred" in clone.runr("verify", code=1).out
    clone.runr("verify", "a", code=0)
    clone.runr("verify", "a", "--at-least", "verified", code=1)


def test_an_import_of_completions_whose_commits_are_elsewhere_proves_nothing(
    done: Place,
) -> None:
    other = Place(done.root.with_name("other"), done.home)
    other.git("init", "-q")
    other.commit("Start")
    done.runr("export", "--output", str(other.root / "all.json"), code=0)
    other.runr("import", "all.json", "--yes", code=0)
    assert _codes(_proofs(other, code=1)["a.md"]) == ["commit"]


def test_a_rewritten_commit_is_weaker_evidence_unless_its_tree_is_the_same(done: Place) -> None:
    done.git("commit", "-q", "--amend", "-m", "Another message")
    assert _proofs(done, code=0)["a.md"]["proved"] == "verified"
    done.git("reset", "-q", "--hard", "HEAD~1")
    done.write("other.txt")
    done.commit("Meanwhile")
    done.git("cherry-pick", "-x", done.status("a.md")["checkpoint_sha"])
    assert _proofs(done, code=0)["a.md"]["proved"] == "inferred"


def test_every_output_counts_a_rewritten_commit_as_verify_does(done: Place) -> None:
    def counted(command: str) -> dict[str, int]:
        counts = done.runr(command, "--json", code=0).json["counts"]
        return {level: counts.get(level, 0) for level in ("verified", "attested", "inferred")}

    before = counted("verify")
    assert before["verified"]
    assert counted("status") == counted("list-tasks") == before
    done.git("checkout", "-q", "-b", "other", f"{done.status('a.md')['checkpoint_sha']}^")
    done.write("other.txt", "1")
    done.commit("Other")
    done.git("rebase", "-q", "other", "main")
    after = counted("verify")
    assert after["verified"] < before["verified"]
    assert counted("status") == counted("list-tasks") == after
    period = done.runr("report", "--since", "yesterday", "--json", code=0).json
    assert period["completed_by_evidence"] == {
        name: count for name, count in after.items() if count
    }
    assert [each["evidence"] for each in period["completions"]].count("inferred") == after[
        "inferred"
    ]


def test_a_commit_that_cannot_be_checked_out_does_not_end_the_recheck(done: Place) -> None:
    sha = done.status("a.md")["checkpoint_sha"]
    path = done.git("show", "--format=", "--name-only", sha).split()[0]
    name = done.git("rev-parse", f"{sha}:{path}").strip()
    (done.root / ".git/objects" / name[:2] / name[2:]).unlink()
    again = _proofs(done, "--recheck", "--all", code=1)["a.md"]["rechecked"]
    assert not again["passed"]
    assert "could not be checked out, so its checks were not run again" in again["message"]


def test_a_recheck_runs_the_recorded_checks_on_the_recorded_or_the_current_commit(
    done: Place,
) -> None:
    assert "needs a task" in done.runr("verify", "--recheck", code=2).err
    done.write("broken")
    before = done.snapshot()
    first = done.runr("verify", "a", "--recheck", code=0)
    assert "✓ a.md: verified\n    its checks passed again on " in first.out
    assert done.snapshot() == before
    done.commit("Break what a did")
    assert _proofs(done, "--recheck", "--all", code=0)["a.md"]["rechecked"]["passed"]
    now = _proofs(done, "--recheck", "--since", "1h", "--on", "current", code=1)["a.md"]
    assert (now["proved"], _codes(now)) == (None, ["recheck"])
    assert now["rechecked"]["failed_command"] == "test ! -f broken"
    assert now["rechecked"]["commit_sha"] == done.git("rev-parse", "HEAD").strip()
    assert not list((done.root / ".runr/runs").glob("*recheck*"))


def test_a_recheck_goes_on_where_one_commit_is_not_here(done: Place) -> None:
    done.run("b")
    done.runr("complete-task", "c", "--reason", "did it", "--by", "Grace", code=0)
    gone = done.status("b.md")["checkpoint_sha"][:12]
    done.git("reset", "--quiet", "--hard", "HEAD~1")
    done.git("reflog", "expire", "--expire=now", "--all")
    done.git("gc", "--quiet", "--prune=now")
    proofs = _proofs(done, "--recheck", "--all", code=1)
    assert proofs["a.md"]["rechecked"]["passed"]
    assert proofs["b.md"]["proved"] is None
    shown = done.runr("verify", "--recheck", "b", "c", code=1).out
    assert shown.count(f"{gone} is not here, so its checks cannot be run again") == 2


def test_a_clone_without_records_passes_only_once_they_are_rebuilt(done: Place) -> None:
    done.commit("Tasks")
    clone = done.clone()
    refused = clone.runr("verify", code=1)
    assert "no completion is recorded here, and commits show some" in refused.out
    assert "runr rebuild" in refused.out
    clone.runr("rebuild", code=0)
    assert "inferred" in clone.runr("verify", code=0).out


def test_a_recheck_names_a_completion_of_which_no_check_is_known(place: Place) -> None:
    place.task("m.md", "type: manual")
    place.commit("A task")
    place.runr("complete-task", "m", "--reason", "seen", "--by", "Ada", code=0)
    shown = place.runr("verify", "--recheck", "--all", code=0).out
    assert "m.md: attested" in shown
    assert "no check of it is known, so none was run again" in shown
