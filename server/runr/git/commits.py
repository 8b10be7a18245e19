"""Commit objects, made without `git commit`: no hook runs, and no branch moves.

They are signed where the user has git sign commits.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from runr.errors import GitError
from runr.git import folders, quarantine
from runr.git.repo import Checkout, Repo
from runr.next_steps import setup


class UnsignedError(GitError):
    """A commit is to be signed, and cannot be."""


#: The settings that say who commits, and whether with a signature.
SETTINGS = r"^(user|author|committer)\.(name|email)$|^commit\.gpgsign$"

#: How long signing may take: a program that waits for a passphrase waits in vain.
SIGNING_S = 30.0

_DRAFT = {"NAME": "runr", "EMAIL": "runr@localhost"}

_FALSE = {"", "false", "no", "off", "0"}

#: What was checked out when git last said so, by the path of the working tree.
_checked_out: dict[Path, Checkout] = {}


def checked_out(repo: Repo) -> Checkout | None:
    """Return what is checked out; git is asked only where that is another commit than before."""
    known = _checked_out.get(repo.path)
    if known is not None and folders.head_commit(repo.path) == known.commit:
        return known
    found = repo.checkout()
    if found is not None:
        _checked_out[repo.path] = found
    return found


def is_on(settings: Mapping[str, str | None], key: str) -> bool:
    """Tell whether a setting is on; one that is only named is, too."""
    if key not in settings:
        return False
    value = settings[key]
    return value is None or value.lower() not in _FALSE


def create(
    repo: Repo,
    tree: str,
    parents: Sequence[str],
    message: bytes,
    *,
    env: Mapping[str, str] | None = None,
    may_sign: bool = True,
) -> str:
    """Make a commit and return it; `env` names, say, the author of one that is made again.

    One that is only a step on the way is not signed. UnsignedError where the
    user wants a signature and there is none to be had.
    """
    settings = repo.settings(SETTINGS)
    flags = [word for parent in parents for word in ("-p", parent)]
    args = ("commit-tree", tree, *flags)
    who = repo.identity(settings) | dict(env or {})
    if may_sign and is_on(settings, "commit.gpgsign"):
        return _signed(repo, args, message, who, SIGNING_S)
    return repo.text(*args, stdin=message, env=who)


def create_draft(repo: Repo, tree: str, parents: Sequence[str], message: bytes) -> str:
    """Make a commit that will not be kept, in the name of runr and without a signature."""
    flags = [word for parent in parents for word in ("-p", parent)]
    roles = ("AUTHOR", "COMMITTER")
    who = {f"GIT_{role}_{key}": value for role in roles for key, value in _DRAFT.items()}
    return repo.text("commit-tree", tree, *flags, stdin=message, env=who)


def why_unsigned(repo: Repo, timeout_s: float) -> str | None:
    """Try to sign a commit that goes; return what git says where that does not work."""
    with quarantine.temporary(repo) as scratch:
        args = ("commit-tree", scratch.text("hash-object", "-t", "tree", "--stdin"))
        try:
            _signed(scratch, args, b"A try to sign\n", repo.identity(), timeout_s)
        except UnsignedError as error:
            return error.message
    return None


def _signed(
    repo: Repo, args: Sequence[str], message: bytes, who: Mapping[str, str], timeout_s: float
) -> str:
    command, *rest = args
    try:
        done = repo.attempt(command, "-S", *rest, stdin=message, env=who, timeout_s=timeout_s)
    except TimeoutError as error:
        why = f"{error}; it may have waited for a passphrase"
    else:
        if done.ok:
            return done.out.decode().strip()
        why = _reason(done.err)
    raise UnsignedError(
        f"commit.gpgsign is set, and a commit cannot be signed: {why}",
        next_steps=setup.signing(),
    )


def _reason(err: str) -> str:
    """Return what the signing program said, or git where it said nothing."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(("[GNUPG:]", "fatal: failed to write"))]
    return " ".join(own[:3]) or "git gave no reason"
