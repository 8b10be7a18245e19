"""The next steps of runs, tasks and setups: one decision, written for a shell and for an agent."""

import re
import shlex
from dataclasses import dataclass
from typing import Any

import pytest

from runr.next_steps import commands
from runr.next_steps.imports import ImportCommand
from runr.next_steps.runs import RunFacts, after_run, decision_first
from runr.next_steps.setup import CommitFacts, after_init, commit
from runr.next_steps.step import (
    CLI,
    HERE,
    MCP,
    Line,
    Location,
    NextStep,
    Surface,
    UserStep,
    as_steps,
)
from runr.next_steps.tasks import (
    CompletionFacts,
    ListFacts,
    NextFacts,
    TaskFacts,
    after_choice,
    after_completion,
    after_list,
    for_explanation,
    for_task,
)
from runr.query.encoding import to_plain, to_sparse
from runr.runs.stop_reasons import FOR_A_PERSON, STOPS

TASK = ".runr/tasks/it's odd.md"
RUN = "20250108-143022-k7qf"
#: How a command for a shell begins, and what only such a command has.
SHELL = re.compile(r"`|\b(runr|git|claude) [a-z-]|--[a-z]")


def stopped(code: str, **facts: Any) -> RunFacts:
    given = {"result": "stopped", "workdir": "/my repo", "base": "0" * 40, "branch": "b"}
    return RunFacts(RUN, TASK, actions=STOPS[code].next, **{**given, **facts})


def typed(steps: tuple[NextStep, ...]) -> list[str]:
    return [str(step) for step in steps]


def verbs(steps: tuple[NextStep, ...]) -> list[str]:
    return [step.argv[1] for step in steps]


def test_a_run_that_goes_on_can_be_followed_and_stopped() -> None:
    assert typed(after_run(RunFacts(RUN, TASK))) == [f"runr follow {RUN}", f"runr stop {RUN}"]


def test_after_a_stop_there_are_three_steps_quoted_for_a_shell() -> None:
    first, *others = typed(after_run(stopped("no_checks")))
    assert first == "git -C '/my repo' status"
    assert others[0].startswith("runr approve 'it'\"'\"'s odd.md' --reason ")
    assert others[1].startswith("runr reject ")


def test_a_person_decides_before_anything_else_where_a_decision_is_wanted() -> None:
    steps = decision_first(after_run(stopped("no_checks")))
    assert verbs(steps) == ["approve", "-C", "reject"]


def test_a_refused_attestation_is_repeated_not_resumed() -> None:
    refused = stopped("verification_failed", worker="person")
    assert verbs(after_run(refused)) == ["task-status", "complete-task"]


def test_a_completed_run_leaves_no_step_and_work_that_waits_is_landed() -> None:
    assert after_run(RunFacts(RUN, TASK, result="completed")) == ()
    there = {"workdir": "/w", "target": "main"}
    assert typed(after_run(stopped("merge_conflict", **there))) == [
        f"runr report {RUN}",
        "git -C /w merge main",
        f"runr land {RUN}",
    ]
    assert typed(after_run(stopped("land_blocked")))[1:] == ["git status", f"runr land {RUN}"]


@pytest.mark.parametrize(
    ("facts", "person", "agent"),
    [
        ({"status": "pending"}, ["run"], ["run"]),
        ({"status": "pending", "manual": True}, ["complete-task"], ["complete-task"]),
        ({"status": "pending", "cause": "a.md"}, ["why"], ["why"]),
        ({"status": "pending", "problem": "no title"}, ["lint"], ["lint"]),
        ({"status": "in_progress", "run": RUN}, ["follow", "stop"], ["task-status"]),
        (
            {"status": "in_progress", "run": RUN, "by_session": True},
            ["complete-task"],
            ["run", "complete-task"],
        ),
        ({"status": "completed"}, [], []),
        ({"status": "completed", "unmerged": True, "checkpoint_sha": "1"}, ["merge"], ["merge"]),
        (
            {"status": "completed", "stale": True},
            ["why", "acknowledge", "run"],
            ["acknowledge", "run"],
        ),
        (
            {"status": "completed", "stale": True, "manual": True},
            ["why", "acknowledge"],
            ["acknowledge"],
        ),
    ],
)
def test_the_steps_of_a_task_follow_from_its_state(
    facts: dict[str, Any], person: list[str], agent: list[str]
) -> None:
    assert verbs(for_task(TaskFacts(TASK, **facts))) == person
    assert verbs(for_task(TaskFacts(TASK, **facts), agent=True)) == agent


def test_a_stopped_run_leaves_a_person_the_choice_and_an_agent_the_likeliest() -> None:
    facts = TaskFacts(TASK, "stopped", run=RUN, run_steps=after_run(stopped("time_limit")))
    assert verbs(for_task(facts)) == ["report", "-C", "resume"]
    assert verbs(for_task(facts, agent=True)) == ["resume"]
    waits = facts._replace(for_person=True)
    assert verbs(for_task(waits, agent=True)) == ["approve", "reject"]


@pytest.mark.parametrize(
    ("code", "explained"),
    [
        ("no_checks", ["approve", "reject"]),
        ("needs_human", ["approve", "reject"]),
        ("review_failed", ["approve", "resume"]),
        ("time_limit", ["resume"]),
        ("error", ["run"]),
    ],
)
def test_an_explanation_offers_the_decision_or_what_continues_the_run(
    code: str, explained: list[str]
) -> None:
    facts = TaskFacts(
        TASK,
        "stopped",
        run=RUN,
        for_person=code in FOR_A_PERSON,
        run_steps=after_run(stopped(code)),
    )
    assert verbs(for_explanation(facts)) == explained


@pytest.mark.parametrize(
    ("facts", "command", "sentence"),
    [
        (ListFacts(0, 0), "runr new first-task", "There are no tasks yet; task files are"),
        (ListFacts(0, 3), "runr list-tasks", "No task matches the filter. All tasks: list-tasks."),
        (ListFacts(2, 3), "runr next --explain", "Nothing here is ready to run: "),
        (
            ListFacts(2, 3, first="a.md", kind="in_progress", alike=1),
            "runr task-status a.md",
            "1 is in progress. The first: task-status 'a.md'.",
        ),
        (
            ListFacts(2, 3, first="a.md", kind="stale", alike=2),
            "runr why a.md --diff",
            "2 are stale. Why: task-status 'a.md'.",
        ),
        (
            ListFacts(2, 3, first="a.md", kind="orphaned", alike=2),
            "runr lint",
            "2 are recorded without a task file. For the user, in a terminal: `runr lint`",
        ),
        (
            ListFacts(2, 3, first="a.md", kind="completed", alike=2),
            "runr next",
            "All of these are completed. What can be started: list-tasks with ready=true.",
        ),
        (ListFacts(2, 3, 2), "runr next", "2 can be started. The first by priority: "),
        (ListFacts(2, 3, 1, 1, "a.md"), "runr run --task a.md", "1 can be started. Next: run-task"),
        (
            ListFacts(2, 3, 0, 1, "a.md"),
            "runr task-status a.md",
            "Nothing here is ready to run, 1 waits for a person: task-status 'a.md'.",
        ),
        (
            ListFacts(2, 3, 0, 2, "a.md", manual=True),
            "runr complete-task a.md --reason 'what was done'",
            "Nothing here is ready to run, 2 wait for a person: complete-task 'a.md'",
        ),
    ],
)
def test_a_list_leads_to_the_first_task_or_to_another_list(
    facts: ListFacts, command: str, sentence: str
) -> None:
    assert CLI.lines(after_list(facts)) == [command]
    (line,) = MCP.lines(after_list(facts))
    assert str(line).startswith(sentence)


def test_where_nothing_can_be_done_next_the_tasks_in_the_way_are_listed() -> None:
    assert typed(after_choice(NextFacts(None, waiting=1))) == ["runr list-tasks --waiting"]
    assert typed(after_choice(NextFacts(None, blocked=1))) == ["runr list-tasks --blocked"]
    assert typed(after_choice(NextFacts(None))) == ["runr list-tasks"]
    assert verbs(after_choice(NextFacts("a.md", RUN))) == ["task-status", "resume"]


def test_a_run_that_stopped_is_resumed_and_one_that_only_has_to_land_lands() -> None:
    listed = ListFacts(1, 1, 1, first="a.md", stopped="R")
    assert typed(after_list(listed)) == ["runr resume R"]
    assert typed(after_list(ListFacts(1, 1, landing=("R",)))) == ["runr land R"]
    both = listed._replace(landing=("R", "S"))
    assert typed(after_list(both)) == ["runr resume R", "runr land --all"]
    chosen = NextFacts("a.md", stopped="R")
    assert typed(after_choice(chosen))[-1] == "runr resume R"
    assert typed(after_choice(NextFacts(None, landing=("R",)))) == ["runr land R"]


def test_work_that_is_only_elsewhere_is_looked_at() -> None:
    assert typed(after_list(ListFacts(1, 1, unmerged=("a.md",)))) == ["runr task-status a.md"]
    two = ListFacts(2, 2, unmerged=("a.md", "b.md"))
    assert typed(after_list(two)) == ["runr list-tasks --unmerged"]


def test_a_completion_that_failed_is_tried_again_after_what_was_asked_for() -> None:
    failed = CompletionFacts(TASK, RUN, completed=False, running=True)
    (line,) = MCP.lines(after_completion(failed._replace(violations=("x.py",)), agent=True))
    assert str(line).startswith(
        "Undo what is outside of the task's scope: x.py. Then again: complete-"
    )
    (line,) = MCP.lines(after_completion(failed._replace(asks_changes=True), agent=True))
    assert str(line).startswith("Do what the reviewer asks for, then again: ")
    assert verbs(after_completion(failed)) == ["complete-task", "report"]


def test_new_files_are_committed_only_where_git_can_and_under_a_name() -> None:
    files = CommitFacts([".runr"], "Set up")
    assert verbs(commit(files)) == ["add", "commit"]
    assert commit(files._replace(possible=False)) == ()
    assert verbs(commit(files._replace(unnamed=("user.name", "user.email")))) == [
        "config",
        "add",
        "commit",
    ]
    assert str(commit(files._replace(unnamed=("user.email",)))[0]) == (
        "git config user.email you@example.com"
    )
    again = after_init(files, dry_run=["--shared"], has_claude=False)
    assert typed(again) == ["runr init --shared"]


def test_an_agent_gets_the_call_of_a_tool_where_there_is_one() -> None:
    assert MCP.inline(commands.run(TASK)) == 'run-task "it\'s odd.md"'
    assert MCP.inline(commands.take_over("a.md")) == (
        "run-task 'a.md' with worker session and force"
    )
    assert MCP.inline(commands.resume(RUN)) == f"run-task '{RUN}' with action=resume"
    assert MCP.inline(commands.resume()) == "run-task with action=resume"
    assert MCP.inline(commands.resume(RUN, accept_changes=True)).startswith("for the user: `runr ")
    assert MCP.inline(commands.land(RUN)) == f"run-task '{RUN}' with action=land"
    assert MCP.inline(commands.job_land(RUN)) == f"run-task with job='{RUN}' and action=land"
    assert MCP.inline(commands.list_tasks("--ready")) == "list-tasks with ready=true"
    assert MCP.inline(commands.list_tasks("--waiting")) == "list-tasks with waiting=true"
    assert CLI.inline(commands.run("a.md")) == "`runr run --task a.md`"


def test_an_agent_gets_a_command_only_for_its_user_and_where_it_is_explained() -> None:
    look, doctor = commands.git("status"), commands.doctor()
    merge = commands.git("merge", "x").in_words("merge x in /w").because("Resolve it there")
    accept = commands.resume(RUN, accept_changes=True).because("Take it as it is")
    assert MCP.lines([look, commands.resume(RUN), merge, accept]) == [
        f"run-task '{RUN}' with action=resume",
        "Resolve it there: merge x in /w.",
        UserStep(f"runr resume {RUN} --accept-changes", "Take it as it is"),
    ]
    assert MCP.lines([doctor]) == [UserStep("runr doctor")]
    assert MCP.line(doctor) == "For the user, in a terminal: `runr doctor`"
    assert CLI.lines([look, doctor, accept])[:2] == ["git status", "runr doctor"]


@pytest.mark.parametrize("code", STOPS)
def test_no_text_about_a_stop_is_a_command_for_an_agent(code: str) -> None:
    merging = {"target": "main", "has_markers": False}
    for facts in ({}, merging, {**merging, "merging": "open"}, {**merging, "has_markers": True}):
        steps = after_run(stopped(code, worker="claude-code", checkpoint="0" * 40, **facts))
        lines = MCP.lines(steps)
        commands_in = [each for each in lines if isinstance(each, str) and SHELL.search(each)]
        assert lines
        assert not commands_in


def test_what_an_answer_leaves_to_the_user_is_marked_in_it() -> None:
    @dataclass(frozen=True)
    class Answer:
        next_steps: list[Line]

    steps = MCP.lines([commands.doctor(), commands.git("gc").because("Why"), commands.run("a.md")])
    for encode in (to_sparse, to_plain):
        assert encode(Answer(steps)) == {
            "next_steps": [{"for_user": "git gc", "why": "Why"}, "run-task 'a.md'"]
        }


def test_whoever_writes_a_file_gets_the_text_of_a_new_task() -> None:
    new = "To create a task, write .runr/tasks/NAME.md:\n# Title"
    ready = ListFacts(2, 3, 2, 0, template="# Title")
    assert MCP.lines(after_list(ready))[1:] == [new]
    assert MCP.lines(after_list(ListFacts(0, 0, template="# Title"))) == [new]


def test_a_sentence_is_shown_as_it_is() -> None:
    assert CLI.lines([NextStep(text="Wait.")]) == MCP.lines([NextStep(text="Wait.")]) == ["Wait."]


@pytest.mark.parametrize("name", ["it's $(here).md", "-x.md", "a b.md", "#1.md", "a\\b.md"])
def test_a_shell_reads_every_name_as_it_was_meant(name: str) -> None:
    for step in (commands.run(name), commands.why(name), commands.approve(name)):
        words = shlex.split(str(step))
        assert tuple(words) == step.argv
        assert words[-1 if step.argv[1] == "run" else 2] == (
            f"./{name}" if name[0] == "-" else name
        )


def test_a_value_that_begins_with_a_hyphen_is_no_option() -> None:
    step = ImportCommand("-a.json", by="-me", tags=("-t",)).step()
    assert step.argv == ("runr", "import", "./-a.json", "--tag=-t", "--by=-me")


def test_a_command_that_is_read_elsewhere_names_its_repository() -> None:
    there = Location(repo="my repo", root="/my repo")
    assert commands.runs().shell(there) == "runr --repo 'my repo' runs"
    assert commands.git("status").shell(there) == "git -C 'my repo' status"
    assert commands.git("add", ".", at_root=True).shell(there) == "git -C '/my repo' add ."
    assert commands.git("-C", "w", "status").shell(there) == "git -C w status"
    assert NextStep(script="git merge b").shell(there) == "git -C 'my repo' merge b"
    stash = NextStep(script="git stash push && git merge b")
    assert stash.shell(there) == "git -C 'my repo' stash push && git -C 'my repo' merge b"
    both = commands.git("switch", "b").then_git("merge", "c")
    assert both.shell(there) == "git -C 'my repo' switch b && git -C 'my repo' merge c"
    assert commands.doctor().at(there).argv == ("runr", "--repo", "my repo", "doctor")


def test_from_a_folder_inside_only_paths_need_the_root() -> None:
    below = Surface(is_shell=True).seen_from("/repo/src", "/repo").location
    assert commands.runs().shell(below) == "runr runs"
    assert commands.git("status").shell(below) == "git status"
    assert commands.git("add", ".", at_root=True).shell(below) == "git -C /repo add ."
    assert NextStep(("git", "status")).shell(below) == "git status"


def test_a_step_that_was_located_stays_as_it_is() -> None:
    there = Location(repo="my repo", root="/my repo")
    for step in (commands.git("add", ".", at_root=True), commands.git("status"), commands.runs()):
        for first in (HERE, there):
            once = step.at(first)
            assert once.at(Location(root="/elsewhere")) == once


def test_a_sentence_among_steps_is_a_step_without_a_command() -> None:
    assert as_steps(["Wait.", commands.runs()]) == (NextStep(text="Wait."), commands.runs())
