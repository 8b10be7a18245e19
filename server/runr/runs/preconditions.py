"""The preconditions of a run: which problems the facts of a repository amount to. Pure."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An unmet precondition; where it `blocks`, no run can complete.

    `topic` groups problems. `may_force` is set where `force` overrides the
    problem, because the task itself may solve it.
    """

    topic: str
    message: str
    next_steps: tuple[str, ...] = ()
    blocks: bool = False
    may_force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter of git's whose program is missing; `path` is a file that needs it."""

    name: str
    program: str
    required: bool
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts that preconditions depend on.

    `missing_tools` are checks, each with its missing program. `absent`
    are submodules that are not checked out, `unfetched` those without their
    commit, `ignored` paths that a run is to change. `signs` tells whether commits
    are signed, `unsigned` why they cannot be, `wants_signatures` whether git
    merges only what is signed.
    """

    is_named: bool = True
    is_bare: bool = False
    operation: str | None = None
    stale_locks: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    lacks_lfs: bool = False
    absent: tuple[str, ...] = ()
    unfetched: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    missing_tools: tuple[tuple[str, str], ...] = ()
    unsigned: str | None = None
    wants_signatures: bool = False
    signs: bool = False


def problems(facts: Facts) -> tuple[Problem, ...]:
    """Return the unmet preconditions, blocking ones first."""
    parts = (_of_tree, _of_content, _of_scope, _of_checks, _of_commits)
    found = [each for part in parts for each in part(facts)]
    return tuple(sorted(found, key=lambda each: not each.blocks))


def _of_tree(facts: Facts) -> Iterator[Problem]:
    if facts.is_bare:
        yield Problem(
            topic="working tree",
            message="core.bare is true, so git does not touch the files of this working tree",
            next_steps=("git config core.bare false",),
            blocks=True,
        )
    if facts.operation:
        yield Problem(
            topic="working tree",
            message=f"a {facts.operation} is in progress: until it is finished, "
            "the result of a run stays on the run's branch",
            next_steps=("git status",),
        )
    for lock in facts.stale_locks:
        yield Problem(
            topic="locks",
            message=f"{lock} was left by a git that was killed: "
            "while it is there, the result of a run stays on the run's branch",
            next_steps=(f"rm {shlex.quote(lock)}",),
        )


def _of_content(facts: Facts) -> Iterator[Problem]:
    for each in facts.filters:
        steps = ("git lfs install",) if each.name == "lfs" else ()
        yield Problem(
            topic="filters",
            message=f"{each.path} needs git's filter {each.name}, "
            f"and its program {each.program} is not on PATH",
            next_steps=(f"command -v {shlex.quote(each.program)}", *steps),
            blocks=each.required,
        )
    if facts.lacks_lfs:
        yield Problem(
            topic="filters",
            message=".gitattributes names Git LFS, which is not set up here: "
            "a worker sees pointers in the place of files",
            next_steps=("git lfs install && git lfs pull",),
        )
    for path in facts.unfetched:
        yield Problem(
            topic="submodules",
            message=f"the commit of submodule {path} is not here: a run could not check it out",
            next_steps=(f"git submodule update --init {shlex.quote(path)}",),
            blocks=True,
        )
    if facts.absent:
        yield Problem(
            topic="submodules",
            message=f"not checked out, and empty for a run, too: {', '.join(facts.absent)}",
            next_steps=("git submodule update --init",),
        )


def _of_scope(facts: Facts) -> Iterator[Problem]:
    if facts.ignored:
        names = ", ".join(facts.ignored)
        yield Problem(
            topic="scope",
            message=f"git ignores {names}: what a run makes of it is in no commit",
            next_steps=(f"git check-ignore -v {' '.join(map(shlex.quote, facts.ignored))}",),
        )


def _of_checks(facts: Facts) -> Iterator[Problem]:
    for command, tool in facts.missing_tools:
        yield Problem(
            topic="checks",
            message=f"the check `{command}` cannot pass: {tool} is not on PATH",
            next_steps=(f"command -v {shlex.quote(tool)}",),
            blocks=True,
            may_force=True,
        )


def _of_commits(facts: Facts) -> Iterator[Problem]:
    if not facts.is_named:
        yield Problem(
            topic="identity",
            message="git knows no name and address: checkpoints are committed as runr",
            next_steps=(
                "git config user.name 'Your Name'",
                "git config user.email you@example.com",
            ),
        )
    if facts.unsigned:
        yield Problem(
            topic="signing",
            message=facts.unsigned,
            next_steps=(
                "git commit-tree -S -m test 'HEAD^{tree}'",
                "git config commit.gpgsign false",
            ),
            blocks=True,
        )
    if facts.wants_signatures and not facts.signs:
        yield Problem(
            topic="signing",
            message="merge.verifySignatures is set, and checkpoints are not signed: "
            "the result of a run stays on the run's branch",
            next_steps=("git config commit.gpgsign true",),
        )
