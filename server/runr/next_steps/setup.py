"""Decide what comes after a repository was set up, or something was added to it.

Pure.
"""

from collections.abc import Sequence
from typing import NamedTuple

from runr.next_steps import commands
from runr.next_steps.step import NextStep, operand, quoted

_FIRST_START = (
    "start `claude` here and type: /runr status; at the first start, choose to trust the folder"
    " and to use the server `runr`, as the refusing answers are preselected"
)


class CommitFacts(NamedTuple):
    """What decides about how new files are committed.

    `paths` are relative to the root of the repository. `possible` is false where
    git ignores or has them, or is in the middle of a merge or the like; `unnamed` are
    the settings that say who commits and are missing.
    """

    paths: Sequence[str]
    message: str
    possible: bool = True
    unnamed: Sequence[str] = ()


def commit(files: CommitFacts) -> tuple[NextStep, ...]:
    """Return how new files are committed; nothing where they cannot be."""
    if not files.paths or not files.possible:
        return ()
    add = commands.git("add", *map(operand, files.paths), at_root=True)
    save = commands.git("commit", "-m", files.message, "--", *files.paths, at_root=True)
    identity = (set_identity(files.unnamed),) if files.unnamed else ()
    return (*identity, add, save)


_EXAMPLES = {"user.name": "Your Name", "user.email": "you@example.com"}


def set_identity(missing: Sequence[str]) -> NextStep:
    """Return how the missing settings that say who commits are set."""
    first, *others = (("config", name, _EXAMPLES[name]) for name in missing)
    step = commands.git(*first)
    for words in others:
        step = step.then_git(*words)
    return step


def after_init(
    files: CommitFacts, *, dry_run: Sequence[str] | None, has_claude: bool
) -> tuple[NextStep, ...]:
    """Return what to do in a repository that was set up, or would be with the options `dry_run`."""
    if dry_run is not None:
        return (commands.init(*dry_run),)
    claude = () if has_claude else (commands.install("claude"),)
    return (*commit(files), commands.doctor(), *claude)


def after_clean_preview(
    *, older_than: int | None, records: bool, superseded: bool = False, force: Sequence[str]
) -> tuple[NextStep, ...]:
    """Return how what was listed is removed; `older_than` is in seconds."""
    age = () if older_than is None else ("--older-than", f"{older_than}s")
    forced = [word for run in force for word in ("--force", run)]
    also = [*(["--runs"] if records else []), *(["--superseded"] if superseded else [])]
    return (commands.clean(*age, *also, *forced),)


def after_rebuild(*, dry_run: bool, changes: bool) -> tuple[NextStep, ...]:
    """Return what comes after the status file was written anew, or would be."""
    if dry_run:
        return (commands.rebuild(),) if changes else ()
    return (commands.list_tasks(),)


def after_install_preview(
    what: str, *, force: bool, where: str | None, required: bool
) -> tuple[NextStep, ...]:
    """Return how what was shown is installed."""
    options = {f"--{where}": where, "--force": force, "--required": required}
    return (commands.install(what, *(name for name, given in options.items() if given)),)


def after_new(task: str, *, manual: bool) -> tuple[NextStep, ...]:
    """Return what to do with a new task."""
    do = commands.attest(task) if manual else commands.run(task)
    return (commands.status(task), do)


def after_install(*, has_tasks: bool) -> tuple[NextStep, ...]:
    """Return what to do once Claude Code is set up for this repository."""
    begin = () if has_tasks else (commands.init(),)
    return (*begin, NextStep(text=_FIRST_START))


def after_user_install() -> tuple[NextStep, ...]:
    """Return what to do once Claude Code is set up for the user."""
    text = "start `claude` in any repository with tasks and type: /runr status"
    return (NextStep(text=text),)


def first_commit() -> NextStep:
    """Return how a repository without commits gets one, with the files that are there."""
    add = commands.git("add", "--all", at_root=True)
    save = add.then_git("commit", "--allow-empty", "-m", "Start")
    return save.in_words("commit the files that are there")


def commit_before_runs(steps: Sequence[NextStep], unnamed: Sequence[str]) -> tuple[NextStep, ...]:
    """Return the steps in a repository without commits: a run starts from a commit.

    `unnamed` are the settings that say who commits and are missing.
    """
    if not any(map(starts_run, steps)):
        return tuple(steps)
    why = "A run starts from a commit, and there is none yet"
    return (*before_first_commit(unnamed), first_commit().because(why), *steps)


def before_first_commit(unnamed: Sequence[str]) -> tuple[NextStep, ...]:
    """Return how git learns who commits, where it does not know that."""
    return (set_identity(unnamed).because("Say who commits"),) if unnamed else ()


def repaired_first(
    steps: Sequence[NextStep], refused: str, repair: Sequence[NextStep]
) -> tuple[NextStep, ...]:
    """Return the steps behind those that make git work here; `refused` says why it does not."""
    first, *others = repair or (commands.doctor(),)
    return (first.because(refused), *others, *steps)


def needs_git(step: NextStep) -> bool:
    """Tell whether a step fails where git does not work."""
    return step.argv[:2] in (("runr", "run"), ("runr", "resume"), ("runr", "land"))


def starts_run(step: NextStep) -> bool:
    """Tell whether a step starts a run."""
    return step.argv[:2] == ("runr", "run")


def untrack_runs() -> NextStep:
    """Return how the records of runs are taken out of git; the files stay."""
    out = commands.git("rm", "-r", "--cached", ".runr/runs", at_root=True)
    return out.then_git("commit", "-m", "Take the records of runs out of git")


def untrack(path: str) -> NextStep:
    """Return how a cache is taken out of git and removed."""
    out = commands.git("rm", "-r", "-q", "-f", "--", path, at_root=True)
    return out.then_git("commit", "-m", "Take a cache of runr out of git")


def signing() -> tuple[NextStep, ...]:
    """Return how to find out why git cannot sign, and how to do without."""
    try_it = commands.git("commit-tree", "-S", "-m", "test", "HEAD^{tree}")
    return (try_it, commands.git("config", "commit.gpgsign", "false"))


def export_path(folder: str) -> NextStep:
    """Return how a shell finds the programs of a folder first."""
    return NextStep(script=f"export PATH={quoted(folder)}:$PATH")
