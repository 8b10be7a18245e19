"""Check the preconditions of a run, before a worker costs anything and in `runr doctor`."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runr.errors import RepositoryError
from runr.git import commits, recovery, submodules
from runr.git.commits import is_on
from runr.git.repo import Repo, split
from runr.next_steps.step import Surface
from runr.runs.model import RunSpec
from runr.runs.preconditions import Facts, Filter, problems
from runr.scope.patterns import matches

_SETTINGS = (
    r"^(user|author|committer)\.(name|email)$|^commit\.gpgsign$|^merge\.verifysignatures$"
    r"|^core\.bare$|^filter\..*\.(process|smudge|clean|required)$"
)

#: A lock that is younger, in seconds, is that of a running git.
_STALE_LOCK_S = 60

# The first word of a command, where it is a program's bare name: one with a slash, a variable or
# a pattern in it may mean something else where the check runs.
_SCRIPT = re.compile(
    r"\s*(?:(?:sh|bash|zsh|python3?|node|ruby|perl)\s+)?(?:\./)?"
    r"((?<=\./)[\w][\w./+-]*|(?<=\s)[\w][\w./+-]*\.(?:sh|py|js|mjs|rb|pl))(?=\s|$)"
)
_PLAIN = re.compile(r"\s*([A-Za-z0-9_][\w.+-]*)(?=\s|$)")


def ensure_ready(
    repo: Repo,
    environment: Mapping[str, str],
    spec: RunSpec,
    *,
    own_tree: bool,
    force: bool,
    warn: Callable[[str], None],
    surface: Surface,
) -> str | None:
    """Raise RepositoryError for unmet preconditions; pass those that do not block to `warn`.

    Returns what `force` overrides.
    """
    commands = [check.command for check in spec.checks]
    found = problems(gather(repo, environment, commands, spec.owns, own_tree=own_tree))
    blocking = [each for each in found if each.blocks and not (force and each.may_force)]
    if blocking:
        steps = dict.fromkeys(step for each in blocking for step in each.next_steps)
        raise RepositoryError("; ".join(each.message for each in blocking), next_steps=tuple(steps))
    for each in found:
        advice = f" ({surface.inline(each.next_steps[0])})" if each.next_steps else ""
        warn(f"{each.message}{advice}")
    passed = [each.message for each in found if each.blocks]
    return "; ".join(passed) or None


def gather(
    repo: Repo,
    environment: Mapping[str, str],
    commands: Iterable[str],
    owns: Iterable[str],
    *,
    own_tree: bool = True,
    signing_s: float = commits.SIGNING_S,
) -> Facts:
    """Return the facts; `commands` are the checks, `owns` the paths that are to be changed."""
    commands, owns = tuple(dict.fromkeys(commands)), tuple(owns)
    settings = repo.settings(_SETTINGS)
    path = environment.get("PATH")
    absent, unfetched = _submodules(repo) if own_tree else ((), ())
    signs = is_on(settings, "commit.gpgsign")
    locks = recovery.locks_in_the_way(repo, repo.branch(), time.time() - _STALE_LOCK_S)
    return Facts(
        in_place=not own_tree,
        unnamed=repo.missing_identity(settings),
        is_bare=is_on(settings, "core.bare") and repo.git_dir() == repo.common_dir(),
        lacks_room=own_tree and _lacks_room(repo.common_dir()),
        operation=repo.operation(),
        stale_locks=tuple(map(str, locks)),
        filters=tuple(_filters(repo, settings, path)),
        lacks_lfs=_lacks_lfs(repo, settings),
        absent=absent,
        unfetched=unfetched,
        ignored=_ignored(repo, owns),
        missing_tools=tuple(missing_tools(commands, environment)),
        uncommitted_scripts=tuple(_uncommitted_scripts(repo, commands, owns)),
        signs=signs,
        wants_signatures=is_on(settings, "merge.verifysignatures"),
        unsigned=commits.why_unsigned(repo, signing_s) if signs else None,
    )


def _lacks_room(git_dir: Path) -> bool:
    """Tell whether a branch is called `runr`; its file says so without a git process."""
    with suppress(OSError):
        packed = (git_dir / "packed-refs").read_bytes()
        if b" refs/heads/runr\n" in packed:
            return True
    return (git_dir / "refs/heads/runr").is_file()


def _ignored(repo: Repo, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that git ignores; a pattern is no path, and what is tracked is not."""
    plain = sorted({path.strip().removeprefix("./") for path in paths if not set(path) & set("*?")})
    names = [path for path in plain if path not in ("", ".") and not path.startswith(("/", ".."))]
    if not names:
        return ()
    stdin = "".join(f"{name}\0" for name in names).encode(errors="surrogateescape")
    # For a path in a submodule, or beyond a symlink, git fails; it counts as not ignored.
    return split(repo.attempt("check-ignore", "-z", "--stdin", stdin=stdin).out)


def missing_tools(
    commands: Iterable[str], environment: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the checks of which the program is missing for certain, and its name."""
    for command in dict.fromkeys(commands):
        found = _PLAIN.match(command)
        if found and not is_command(found[1], environment):
            yield command, found[1]


def script_of(command: str) -> str | None:
    """Return the path of the script that a command runs, where it plainly is one."""
    found = _SCRIPT.match(command)
    return found[1] if found else None


def _uncommitted_scripts(
    repo: Repo, commands: Iterable[str], owns: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield the checks that run a script of the working tree which is in no commit.

    One that the task owns may be its work.
    """
    scripts = {command: found for command in commands if (found := script_of(command))}
    there = {path for path in scripts.values() if (repo.path / path).is_file()}
    open_ = sorted(path for path in there if not matches(path, owns))
    if not open_ or repo.head() is None:
        return
    committed = set(repo.fields("ls-tree", "-r", "-z", "--name-only", "HEAD", "--", *open_))
    for command, path in scripts.items():
        if path in open_ and path not in committed:
            yield command, path


def is_command(word: str, environment: Mapping[str, str]) -> bool:
    """Return whether a shell knows `word` as a program or as its own command."""
    if shutil.which(word, path=environment.get("PATH")):
        return True
    # Builtins are known only to the shell itself.
    lookup = ["sh", "-c", 'command -v "$1"', "sh", word]
    found = subprocess.run(lookup, env=dict(environment), capture_output=True, check=False)
    return found.returncode == 0


def _submodules(repo: Repo) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = submodules.find_submodules(repo)
    here = [module for module in found if submodules.is_checked_out(repo, module)]
    absent = tuple(module.path for module in found if module not in here)
    return absent, tuple(m.path for m in here if not submodules.has_commit(repo, m))


def _filters(repo: Repo, settings: Mapping[str, str | None], path: str | None) -> Iterator[Filter]:
    keys = (key for key in settings if key.startswith("filter."))
    for name in dict.fromkeys(key.split(".", 1)[1].rpartition(".")[0] for key in keys):
        program = _program(settings, name)
        if program is None or shutil.which(program, path=path):
            continue
        using = repo.fields("ls-files", "-z", "--", f":(top,attr:filter={name})")
        if using:
            required = is_on(settings, f"filter.{name}.required")
            yield Filter(name=name, program=program, required=required, path=using[0])


def _program(settings: Mapping[str, str | None], name: str) -> str | None:
    """Return the bare name of the program that a filter runs, None where it is no such name."""
    commands = (settings.get(f"filter.{name}.{what}") for what in ("process", "smudge", "clean"))
    found = _PLAIN.match(next((command for command in commands if command), ""))
    return found[1] if found else None


def _lacks_lfs(repo: Repo, settings: Mapping[str, str | None]) -> bool:
    if any(key.startswith("filter.lfs.") for key in settings):
        return False
    try:
        with (repo.path / ".gitattributes").open("rb") as attributes:
            return b"filter=lfs" in attributes.read(1 << 20)
    except OSError:
        return False
