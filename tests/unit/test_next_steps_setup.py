"""The next steps after a repository was set up, or something in it was changed."""

from collections.abc import Iterable

import pytest

from runr.next_steps import commands, setup
from runr.next_steps.setup import CommitFacts
from runr.next_steps.step import NextStep, Surface

BELOW = Surface(is_shell=True).seen_from("/repo/src", "/repo").location


def typed(steps: Iterable[NextStep]) -> list[str]:
    return [str(step) for step in steps]


def test_new_files_are_committed_from_any_folder() -> None:
    steps = setup.commit(CommitFacts(["-a", "b c"], "Set up"))
    assert [step.shell(BELOW) for step in steps] == [
        "git -C /repo add ./-a 'b c'",
        "git -C /repo commit -m 'Set up' -- -a 'b c'",
    ]
    assert setup.commit(CommitFacts([], "Set up")) == ()


def test_whoever_commits_is_named_in_one_line() -> None:
    both = setup.set_identity(["user.name", "user.email"])
    assert str(both) == (
        "git config user.name 'Your Name' && git config user.email you@example.com"
    )


def test_after_init_the_files_are_committed_the_setup_checked_and_claude_installed() -> None:
    files = CommitFacts(["x"], "Set up")
    checked = ["git add x", "git commit -m 'Set up' -- x", "runr doctor"]
    assert typed(setup.after_init(files, dry_run=None, has_claude=True)) == checked
    assert typed(setup.after_init(files, dry_run=None, has_claude=False)) == [
        *checked,
        "runr install claude",
    ]
    assert typed(setup.after_init(files, dry_run=[], has_claude=False)) == ["runr init"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (
            setup.after_clean_preview(older_than=None, records=False, force=[]),
            ["runr clean"],
        ),
        (
            setup.after_clean_preview(older_than=0, records=True, force=["r", "s"]),
            ["runr clean --older-than 0s --runs --force r --force s"],
        ),
        (
            setup.after_clean_preview(older_than=None, records=False, superseded=True, force=[]),
            ["runr clean --superseded"],
        ),
        (setup.after_rebuild(dry_run=True, changes=True), ["runr rebuild"]),
        (setup.after_rebuild(dry_run=True, changes=False), []),
        (setup.after_rebuild(dry_run=False, changes=True), ["runr list-tasks"]),
        (
            setup.after_install_preview("claude", force=False, where=None, required=False),
            ["runr install claude"],
        ),
        (
            setup.after_install_preview("claude", force=True, where="user", required=False),
            ["runr install claude --user --force"],
        ),
        (
            setup.after_new("a.md", manual=False),
            ["runr task-status a.md", "runr run --task a.md"],
        ),
        (
            setup.after_new("a.md", manual=True),
            ["runr task-status a.md", "runr complete-task a.md --reason 'what was done'"],
        ),
        ([commands.unset_bare()], ["git config core.bare false"]),
        (setup.signing()[1:], ["git config commit.gpgsign false"]),
        ([setup.export_path("/a b")], ["export PATH='/a b':$PATH"]),
    ],
)
def test_what_was_shown_is_done_with_the_same_options(
    steps: Iterable[NextStep], expected: list[str]
) -> None:
    assert typed(steps) == expected


def test_claude_is_started_where_there_are_tasks() -> None:
    assert typed(setup.after_install(has_tasks=False))[:-1] == ["runr init"]
    (start,) = setup.after_install(has_tasks=True)
    assert not start.is_command
    assert "trust the folder" in str(start)
    (anywhere,) = setup.after_user_install()
    assert "in any repository" in str(anywhere)


def test_before_a_run_a_repository_without_commits_gets_one() -> None:
    run, look = commands.run("a.md"), commands.status("a.md")
    assert setup.commit_before_runs([look], ["user.name"]) == (look,)
    first = "git add --all && git commit --allow-empty -m Start"
    assert typed(setup.commit_before_runs([look, run], [])) == [first, str(look), str(run)]
    assert typed(setup.commit_before_runs([run], ["user.name"])) == [
        "git config user.name 'Your Name'",
        first,
        str(run),
    ]
    assert setup.first_commit().shell(BELOW).startswith("git -C /repo add --all && git -C /repo ")
    assert setup.starts_run(run)
    assert not setup.starts_run(commands.runs())
    assert not setup.starts_run(commands.git("run"))
