"""The preconditions of a run: which problems the facts of a repository amount to. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from runr.next_steps import commands, setup
from runr.next_steps.step import NextStep, operand
from runr.text import join_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An unmet precondition; where it `blocks`, no run can complete.

    `topic` groups problems. `may_force` is set where `force` overrides the
    problem, because the task itself may solve it.
    """

    topic: str
    message: str
    next_steps: tuple[NextStep, ...] = ()
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

    `in_place` tells whether the run works in the user's own working tree. `unnamed` are
    the settings that say who commits and are missing; `missing_tools` are checks, each
    with its missing program, `uncommitted_scripts` checks with the script that they run
    and that is in no commit. `lacks_room` tells whether a branch stands where those of runs
    would. `absent` are submodules that are not checked out, `unfetched` those without their
    commit, `ignored` paths that a run is to change. `signs` tells whether commits are signed,
    `unsigned` why they cannot be, `wants_signatures` whether git merges only what is signed.
    """

    in_place: bool = False
    unnamed: tuple[str, ...] = ()
    is_bare: bool = False
    lacks_room: bool = False
    operation: str | None = None
    stale_locks: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    lacks_lfs: bool = False
    absent: tuple[str, ...] = ()
    unfetched: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    missing_tools: tuple[tuple[str, str], ...] = ()
    uncommitted_scripts: tuple[tuple[str, str], ...] = ()
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
            next_steps=(commands.unset_bare(),),
            blocks=True,
        )
    if facts.lacks_room:
        yield Problem(
            topic="branches",
            message="the branch `runr` leaves no room for the branches of runs, below runr/",
            next_steps=(commands.git("branch", "-m", "runr", "runr-old"),),
            blocks=True,
        )
    effect = "the result of a run stays on the run's branch"
    if facts.in_place:
        effect = "a run that works in it cannot commit"
    if facts.operation:
        yield Problem(
            topic="working tree",
            message=f"a {facts.operation} is in progress: until it is finished, {effect}",
            next_steps=(commands.git("status"),),
            blocks=facts.in_place,
        )
    for lock in facts.stale_locks:
        yield Problem(
            topic="locks",
            message=f"{lock} was left by a git that was killed: while it is there, {effect}",
            next_steps=(commands.program("rm", lock),),
            blocks=facts.in_place,
        )


def _of_content(facts: Facts) -> Iterator[Problem]:
    for each in facts.filters:
        steps = (commands.git("lfs", "install"),) if each.name == "lfs" else ()
        yield Problem(
            topic="filters",
            message=f"{each.path} needs git's filter {each.name}, "
            f"and its program {each.program} is not on PATH",
            next_steps=(commands.which(each.program), *steps),
            blocks=each.required,
        )
    if facts.lacks_lfs:
        yield Problem(
            topic="filters",
            message=".gitattributes names Git LFS, which is not set up here: "
            "a worker sees pointers in the place of files",
            next_steps=(commands.git("lfs", "install"), commands.git("lfs", "pull")),
        )
    for path in facts.unfetched:
        yield Problem(
            topic="submodules",
            message=f"the commit of submodule {path} is not here: a run could not check it out",
            next_steps=(_at_root("submodule", "update", "--init", operand(path)),),
            blocks=True,
        )
    if facts.absent:
        yield Problem(
            topic="submodules",
            message=f"not checked out, and empty for a run, too: {', '.join(facts.absent)}",
            next_steps=(_at_root("submodule", "update", "--init"),),
        )


def _of_scope(facts: Facts) -> Iterator[Problem]:
    if facts.ignored:
        names = join_names(facts.ignored)
        yield Problem(
            topic="scope",
            message=f"git ignores {names}: what a run makes of it is in no commit",
            next_steps=(_at_root("check-ignore", "-v", *map(operand, facts.ignored)),),
        )


def _of_checks(facts: Facts) -> Iterator[Problem]:
    for command, tool in facts.missing_tools:
        yield Problem(
            topic="checks",
            message=f"the check `{command}` cannot pass: {tool} is not on PATH",
            next_steps=(commands.which(tool),),
            blocks=True,
            may_force=True,
        )

    for command, script in facts.uncommitted_scripts:
        yield Problem(
            topic="checks",
            message=f"the check `{command}` cannot pass: {script} is in no commit",
            next_steps=(_commit(script),),
            blocks=True,
            may_force=True,
        )


def _of_commits(facts: Facts) -> Iterator[Problem]:
    if facts.unnamed:
        yield Problem(
            topic="identity",
            message=f"git has no {' and no '.join(facts.unnamed)}: "
            "checkpoints are committed as runr",
            next_steps=(setup.set_identity(facts.unnamed),),
        )
    if facts.unsigned:
        yield Problem(
            topic="signing",
            message=facts.unsigned,
            next_steps=setup.signing(),
            blocks=True,
        )
    if facts.wants_signatures and not facts.signs:
        yield Problem(
            topic="signing",
            message="merge.verifySignatures is set, and checkpoints are not signed: "
            "the result of a run stays on the run's branch",
            next_steps=(commands.git("config", "commit.gpgsign", "true"),),
        )


def _commit(path: str) -> NextStep:
    add = _at_root("add", "--force", operand(path))
    return add.then_git("commit", "-m", f"Add {path}", "--", path)


def _at_root(*words: str) -> NextStep:
    return commands.git(*words, at_root=True)
