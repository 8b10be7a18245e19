"""What a job waits for outside of it: the runs of others, which end, and people, who may not."""

import shlex
from typing import Any

from cli.terminal import Place
from cli.test_jobs import ended, finished, started, statuses
from fakes.project_kit import until

_AWAIT = 'for n in $(seq 600); do [ -e "{0}" ] && break; sleep 0.1; done; [ -e "{0}" ]'


def task_of(answer: Any, name: str) -> Any:
    """Return a task of a job run."""
    return next(each for each in answer["tasks"] if each["path"].endswith(f"/{name}.md"))


def shown(place: Place, job_run: str, name: str, key: str) -> Any:
    """Wait until a task of a running job has a value, and return the task."""
    return until(
        lambda: (found := task_of(ended(place, "status", job_run), name)).get(key) and found,
        f"{key} of {name}",
    )


def test_a_job_waits_for_a_run_of_what_a_task_depends_on_and_builds_on_it(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"{_AWAIT.format(go)}; echo a > a.txt")
    place.script("b.md", "cat a.txt > b.txt", "depends_on: [a]")
    place.commit("Tasks")
    run_id = place.runr("run", "--task", "a", "--detach", "--json", code=0).json["id"]
    job_run = started(place, "--all-ready")
    waits = shown(place, job_run, "b", "awaited_run_id")
    assert waits["awaited_run_id"] == run_id
    assert waits["reason"] == f"run {run_id} works on a.md"
    assert "What needs a person" not in place.runr("job", "receipt", job_run, code=0).out
    go.touch()
    done = finished(place, job_run)
    assert (done["status"], statuses(done)) == ("completed", {"b": "completed"})
    assert place.git("show", f"{done['branch']}:b.txt") == "a\n"


def test_a_wait_for_a_run_ends_with_the_job(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"{_AWAIT.format(go)}; echo a > a.txt")
    place.write(".runr/jobs/night.yaml", "limits: {time: 1h}\ntracks: {t: [a]}\n")
    place.commit("Tasks")
    place.runr("run", "--task", "a", "--detach", code=0)
    job_run = started(place, "night")
    shown(place, job_run, "a", "awaited_run_id")
    place.runr("job", "stop", job_run, code=0)
    stopped = finished(place, job_run)
    go.touch()
    assert (stopped["status"], stopped["exit_code"]) == ("stopped", 8)
    assert statuses(ended(place, "resume", job_run)) == {"a": "completed"}


def test_manual_tasks_belong_to_all_that_is_ready_and_so_does_what_is_behind_them(
    place: Place,
) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"{_AWAIT.format(go)}; echo a > a.txt")
    place.task("sign.md", "type: manual")
    place.script("next.md", "cat sign.txt > next.txt", "depends_on: [sign]")
    place.task("late.md", "type: manual")
    place.script("last.md", "test -d .", "depends_on: [late]")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    assert shown(place, job_run, "sign", "needs_human")["reason"].startswith("it is manual")
    place.write("sign.txt", "signed\n")
    place.commit("Signed")
    place.runr("complete-task", "sign", "--reason", "done", code=0)
    until(
        lambda: statuses(ended(place, "status", job_run))["next"] == "completed",
        "the task behind the manual one",
    )
    go.touch()
    paused = finished(place, job_run)
    assert (paused["status"], paused["exit_code"]) == ("paused", 9)
    assert paused["reason"] == "late.md: it is manual: a person does it"
    assert place.git("show", f"{paused['branch']}:next.txt") == "signed\n"
    page = place.runr("job", "receipt", job_run, code=0).out
    assert "late.md: it is manual" in page.split("## What needs a person")[1].split("##")[0]
    assert page.split("## Not started\n\n")[1].split("\n\n")[0] == "- last.md: late.md comes first"


def test_a_job_that_does_without_manual_tasks_leaves_them_out(place: Place) -> None:
    place.task("mail.md", "type: manual")
    place.script("after.md", "echo after > after.txt")
    place.script("behind.md", "echo behind > behind.txt", "depends_on: [mail]")
    text = "on_manual: skip\ntracks: {t: [{task: mail}, {tasks: [after, behind]}]}\n"
    place.write(".runr/jobs/night.yaml", text)
    place.write(".runr/jobs/no.yaml", "on_manual: skip\ntracks: {t: [mail]}\n")
    place.commit("Tasks")
    assert "only manual tasks are left" in place.runr("job", "run", "no", code=2).err
    reason = {".runr/tasks/behind.md": "it depends on mail.md, which is left out"}
    assert ended(place, "run", "night", "--dry-run", code=0)["not_started"] == reason
    paused = ended(place, "run", "night", code=9)
    assert statuses(paused) == {"mail": "left_out", "after": "completed", "behind": "waiting"}
    assert paused["reason"] == "behind.md: it depends on mail.md, which is left out"
    page = place.runr("job", "receipt", code=0).out
    assert "1 of 2 tasks completed, 1 left out; behind.md: it depends on mail.md" in page
    assert "runr complete-task mail.md --reason" in page.split("## What needs a person")[1]
    assert "runr list-tasks --waiting" in paused["next_steps"]
    place.runr("complete-task", "mail", "--reason", "sent", code=0)
    assert set(statuses(ended(place, "resume")).values()) == {"completed"}


def test_what_a_job_stopped_at_its_end_is_not_stopped_by_a_user(place: Place) -> None:
    place.script("slow.md", f"{_AWAIT.format('/none')}")
    place.script("next.md", "echo b > b.txt")
    text = "limits: {time: 1s}\ntracks: {t: [slow, next]}\n"
    place.write(".runr/jobs/night.yaml", text)
    place.commit("Tasks")
    failed = ended(place, "run", "night", code=6)
    over = "the time of the job, 1.0s, is over"
    stopped = f"stopped by the job night: {over}"
    assert (failed["reason"], task_of(failed, "slow")["reason"]) == (over, stopped)
    page = place.runr("job", "receipt", code=0).out
    assert "What needs a person" not in page
    assert f"## Started, not completed\n\n- slow.md: {stopped}\n" in page
    assert "## Not started\n\n- next.md: the step t/1 comes first\n" in page
    assert "by the job night: the time of the job" in place.runr("task-status", "slow", code=0).out


def test_a_failed_task_whose_run_a_person_has_resumed_counts_when_the_job_is_resumed(
    place: Place,
) -> None:
    right = place.root / ".runr" / "right"
    place.script("a.md", f"[ -e {right} ] && echo a > a.txt")
    place.script("b.md", "cat a.txt > b.txt", "depends_on: [a]")
    place.commit("Tasks")
    failed = ended(place, "run", "--all-ready", code=1)
    assert statuses(failed) == {"a": "failed", "b": "skipped"}
    right.touch()
    place.runr("resume", task_of(failed, "a")["run_id"], code=0)
    now = ended(place, "status")
    since = "completed since, and counts when the job is resumed"
    assert (task_of(now, "a")["reason"], now["reason"]) == (since, f"a.md: {since}")
    steps = now["next_steps"]
    assert f"runr job resume {now['id']}" in steps
    assert "retry" not in str(steps)
    assert statuses(ended(place, "resume")) == {"a": "completed", "b": "completed"}


def test_a_completion_by_a_person_that_is_reset_does_not_complete_the_job(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"{_AWAIT.format(go)}; echo a > a.txt")
    place.task("sign.md", "type: manual")
    place.write(".runr/jobs/night.yaml", "tracks: {t: [{tasks: [a, sign]}]}\n")
    place.commit("Tasks")
    job_run = started(place, "night")
    place.runr("complete-task", "sign", "--reason", "done", code=0)
    shown(place, job_run, "sign", "ended_at")
    place.runr("reset", "sign", "--reason", "by mistake", code=0)
    go.touch()
    paused = finished(place, job_run)
    assert (paused["status"], statuses(paused)["sign"]) == ("paused", "waiting")


def test_the_receipt_begins_with_the_command_that_a_person_needs(place: Place) -> None:
    place.script("unchanged.md", "test -d .", "verify: ['test -d .']")
    place.script("broken.md", "exit 1")
    place.task("sign.md", "type: manual")
    place.write(
        ".runr/jobs/night.yaml",
        "on_failure: continue\ntracks: {t: [{tasks: [unchanged, broken, sign]}]}\n",
    )
    place.commit("Tasks")
    ended(place, "run", "night", code=1)
    tasks = place.runr("job", "receipt", "--json", code=0).json["tasks"]
    first = {each["path"][12:-3]: each["next_steps"][0].split()[1] for each in tasks}
    assert first == {"unchanged": "approve", "broken": "resume", "sign": "complete-task"}
    sign = next(each for each in tasks if each["path"].endswith("sign.md"))
    assert place.paste(sign["next_steps"][0]).code == 0


def test_the_plan_of_all_that_is_ready_leaves_out_what_has_stopped_as_the_run_does(
    place: Place,
) -> None:
    place.write("lands.txt", "0\n")
    place.script("lands.md", "echo run > lands.txt", "verify: ['test -d .']")
    place.script("after.md", "echo a > a.txt", "depends_on: [lands]\nverify: ['test -d .']")
    place.script("broken.md", "exit 3", "verify: ['test -d .']")
    place.script("fresh.md", "echo f > f.txt", "verify: ['test -d .']")
    place.commit("Tasks")
    place.write("lands.txt", "mine\n")
    place.runr("run", "lands", code=11)
    place.runr("run", "broken", code=1)
    plan = place.runr("run", "--all-ready", "--dry-run", "--json", code=0).json
    assert [each["path"][12:-3] for each in plan["tasks"]] == ["fresh"]
    assert {path[12:-3]: why for path, why in plan["not_started"].items()} == {
        "lands": "its verified work waits to land",
        "after": "it waits for lands.md",
        "broken": "its run has stopped",
    }
    # A job tries again what has stopped, and leaves out what only has to land.
    job = ended(place, "run", "--all-ready", "--dry-run")
    assert [each["path"][12:-3] for each in job["tasks"]] == ["broken", "fresh"]
    before = place.status("lands.md")["last_run_id"]
    ran = place.runr("run", "--all-ready", "--json", code=0).json
    assert [each["task_path"][12:-3] for each in ran["runs"]] == ["fresh"]
    assert place.status("lands.md")["last_run_id"] == before


def test_pending_tasks_that_are_not_ready_are_named_with_the_reason(place: Place) -> None:
    place.script("ok.md", "echo o > o.txt")
    place.task("bad.md", "type: autmated")
    place.task("dep.md", "depends_on: [bad]")
    place.task("lone.md", "depends_on: [nothere]")
    place.task("c1.md", "depends_on: [c2]")
    place.task("c2.md", "depends_on: [c1]")
    place.commit("Tasks")
    plan = ended(place, "run", "--all-ready", "--dry-run")["not_started"]
    reasons = {path[12:-3]: why for path, why in plan.items()}
    assert reasons.pop("bad").startswith("its task file is broken: `type` cannot be `autmated`")
    assert reasons == {
        "dep": "it waits for bad.md",
        "lone": "it depends on nothere (no such task)",
        "c1": "cycle: c1.md → c2.md → c1.md",
        "c2": "cycle: c1.md → c2.md → c1.md",
    }
    done = ended(place, "run", "--all-ready")
    assert (done["status"], done["not_ready"]) == ("completed", plan)
    page = place.runr("job", "receipt", code=0).out
    assert page.startswith("# ready: 1 task completed, 5 not ready\n")
    assert "- dep.md, not ready: it waits for bad.md\n" in page.split("## Not started")[1]
    assert "not ready: bad.md" in place.runr("job", "run", "--all-ready", code=2).err


def test_work_that_the_branch_of_the_user_has_lost_is_not_waited_for_as_if_it_came_with_it(
    place: Place,
) -> None:
    place.script("x.md", "echo x > x.txt", "owns: [x.txt]")
    place.script("first.md", "echo f > shared.txt")
    place.script("b.md", "cat x.txt > b.txt", "depends_on: [x]")
    place.task("hand.md", "type: manual")
    place.write(".runr/jobs/night.yaml", "tracks: {t: [first, hand], u: [b]}\n")
    place.commit("Tasks")
    paused = ended(place, "run", "night", code=9)["id"]
    place.run("x")
    # So the branch of the user does not merge into that of the job.
    place.write("shared.txt", "theirs\n")
    place.commit("Theirs")
    where = "it waits for x.md, whose commit is on main, "
    waiting = task_of(ended(place, "resume", paused, code=9), "b")["reason"]
    assert waiting == f"{where}which does not merge into the branch of the job"
    place.git("rm", "-q", "x.txt")
    place.git("commit", "-q", "-m", "Less")
    by = place.git("rev-parse", "--short=12", "HEAD").strip()
    waiting = task_of(ended(place, "resume", paused, code=9), "b")["reason"]
    assert waiting == f"{where}and its work was undone by {by}"


def test_a_step_for_failures_is_left_out_of_a_job_without_any(place: Place) -> None:
    for name in ("good", "repair", "next"):
        place.script(f"{name}.md", f"echo {name} > {name}.txt")
    steps = "[good, {task: repair, when: failed}, next]"
    place.write(".runr/jobs/night.yaml", f"tracks: {{t: {steps}}}\n")
    place.commit("Tasks")
    done = ended(place, "run", "night")
    assert (done["status"], done["exit_code"]) == ("completed", 0)
    assert statuses(done) == {"good": "completed", "repair": "left_out", "next": "completed"}
    page = place.runr("job", "receipt", code=0).out
    assert page.startswith("# night: all 2 tasks completed, 1 left out\n")


def test_a_limit_behind_which_another_worker_took_over_is_met_once(place: Place) -> None:
    asked = place.root / ".runr" / "asked"
    command = f"echo x >> {asked}; echo usage limit reached; exit 1"
    settings = "[verify]\ntier1 = ['test -d .']\n"
    place.config(f"{settings}[workers.limited]\ncommand = ['sh', '-c', '{command}']\n")
    for name in ("a", "b", "c"):
        place.script(f"{name}.md", f"echo {name} > {name}.txt")
    steps = "[{tasks: [a, b, c], workers: [limited, script]}]"
    settings = "max_parallel: 1\non_usage_limit: fallback\n"
    place.write(".runr/jobs/night.yaml", f"{settings}tracks: {{t: {steps}}}\n")
    place.commit("Tasks")
    done = ended(place, "run", "night")
    assert statuses(done) == dict.fromkeys("abc", "completed")
    assert asked.read_text(encoding="utf-8") == "x\n"


def test_what_a_person_is_asked_to_type_works_where_the_task_builds_on_the_job(
    place: Place,
) -> None:
    place.script("a.md", "echo a > a.txt")
    place.task("sign.md", "type: manual\ndepends_on: [a]")
    place.commit("Tasks")
    paused = ended(place, "run", "--all-ready", code=9)
    receipt = place.runr("job", "receipt", "--json", code=0).json
    (sign,) = [each for each in receipt["tasks"] if each["path"].endswith("/sign.md")]
    land, attest = (shlex.split(step)[1:] for step in sign["next_steps"])
    place.runr(*land, code=0)
    place.runr(*attest, code=0)
    assert set(statuses(ended(place, "resume", paused["id"])).values()) == {"completed"}


def test_a_task_whose_file_is_gone_stays_skipped_when_the_job_is_resumed(place: Place) -> None:
    right = place.root / ".runr" / "right"
    place.script("a.md", f"[ -e {right} ] && echo a > a.txt")
    place.script("b.md", "echo b > b.txt", "depends_on: [a]")
    place.commit("Tasks")
    failed = ended(place, "run", "--all-ready", code=1)
    right.touch()
    place.runr("resume", task_of(failed, "a")["run_id"], code=0)
    (place.root / ".runr/tasks/b.md").unlink()
    place.runr("job", "resume")
    now = ended(place, "status")
    assert statuses(now) == {"a": "completed", "b": "skipped"}
    assert task_of(now, "b")["reason"] == "its task file is gone"
