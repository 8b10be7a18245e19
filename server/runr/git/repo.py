"""A git repository, and the only place that starts git."""

import errno
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from runr.errors import GitError, RepositoryError
from runr.git import failures, folders

# Of the variables that steer git, those that say who the user is and how git is set up.
# The rest (GIT_DIR, GIT_INDEX_FILE, ...) would send a command to another repository.
_KEPT = re.compile(
    r"GIT_(SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS"
    r"|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)"
    r"|(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE))"
)

# Nothing of the user's may run, prompt or go on in the background while runr uses git, and
# nothing in the user's settings may change what git prints.
_SETTINGS = (
    *("-c", "core.quotePath=false", "-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "i18n.commitEncoding=UTF-8", "-c", "i18n.logOutputEncoding=UTF-8"),
    *("-c", "log.showSignature=false", "-c", "advice.graftFileDeprecated=false"),
)

#: For a git that may overwrite files of the user's: with settings for shared file systems, one that
#: was changed and got its size and its time back would pass for unchanged.
EVERY_STAT = ("-c", "core.trustctime=true", "-c", "core.checkStat=default")

_BRANCHES = "refs/heads/"

#: The settings that say who commits.
IDENTITY = r"^(user|author|committer)\.(name|email)$"

#: How git says that a branch has no commit, and that nothing else is wrong.
_UNBORN = "does not have any commits yet"

_BEGUN = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}


#: What a git says that looks at all worktrees while another makes or removes one. It has done
#: nothing yet, so it can be repeated.
_UNFINISHED = re.compile(r"failed to read \S*worktrees/.*/commondir")
_PAUSES_S = (0.01, 0.03, 0.1)

#: Seconds after which every git of this process is ended; none for what a user starts and can stop.
_limit_s: list[float] = []


def limit_processes(seconds: float | None) -> None:
    """Let no git of this process take longer than this: it is ended, with a GitError."""
    _limit_s[:] = [] if seconds is None else [seconds]


def environment(inherited: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return the environment in which git runs at `path`."""
    kept = {k: v for k, v in inherited.items() if not k.startswith("GIT_") or _KEPT.fullmatch(k)}
    # Without the ceiling, a worktree that lost its `.git` would become the repository around it.
    return kept | {
        "GIT_CEILING_DIRECTORIES": str(path.absolute().parent),
        # A commit is what its id says, not what `git replace` or a graft puts in its place.
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


#: What git says of a full disk; of a file that was only begun it does not say why.
_FULL = re.compile(r"No space left on device|Disk quota exceeded|unable to write .*|write error.*")


# Tuples, not dataclasses: a hook of Claude Code, which a tool call waits for, uses them too.
class Output(NamedTuple):
    """What a git command ended with."""

    ok: bool
    code: int
    out: bytes
    err: str


class Checkout(NamedTuple):
    """The commit that is checked out, and its tree."""

    commit: str
    tree: str


class Repo(NamedTuple):
    """A working tree; git never looks for a repository above `path`.

    `variables` are added to the environment of every git.
    """

    path: Path
    variables: tuple[tuple[str, str], ...] = ()

    def attempt(
        self,
        *args: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Output:
        """Run git with `args` and return what it ended with; `env` is added to the environment.

        After `timeout_s` it is killed with all that it started: a TimeoutError. A
        full disk is an OSError, as it is wherever else something is written.
        """
        for pause in _PAUSES_S:
            done = self._once(args, stdin, env, timeout_s)
            if done.ok or not _UNFINISHED.search(done.err):
                return done
            time.sleep(pause)
        return self._once(args, stdin, env, timeout_s)

    def _once(
        self,
        args: Sequence[str],
        stdin: bytes,
        env: Mapping[str, str] | None,
        timeout_s: float | None,
    ) -> Output:
        limit = timeout_s if timeout_s is not None else next(iter(_limit_s), None)
        with _git_on_path():
            git = subprocess.Popen(
                _command(self.path, args),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(os.environ, self.path) | dict(self.variables) | dict(env or {}),
                start_new_session=limit is not None,
            )
        with git:
            try:
                out, err = git.communicate(stdin, limit)
            except subprocess.TimeoutExpired:
                os.killpg(git.pid, signal.SIGKILL)
                git.communicate()
                if timeout_s is None:
                    raise failures.unending(self.path, args, limit or 0) from None
                raise TimeoutError(f"git {args[0]} did not end within {timeout_s:g} s") from None
            except BaseException:
                git.kill()
                raise
        return self._output(git.returncode, out, err)

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run git with `args`; a failure is a GitError in git's own words."""
        done = self.attempt(*args, stdin=stdin, env=env)
        if not done.ok:
            raise failures.describe(self.path, args, done.err)
        return done.out

    def answer(self, *args: str, env: Mapping[str, str] | None = None) -> bytes | None:
        """Return what git prints, None where it answers no, which is its exit code 1.

        Only for questions that git does answer with 1; anything else is a GitError.
        """
        done = self.attempt(*args, env=env)
        if done.code == 1:
            return None
        if not done.ok:
            raise failures.describe(self.path, args, done.err)
        return done.out

    def unless_gone(self, *args: str, needs: Sequence[str]) -> bytes | None:
        """Return what `run` would, None where one of the commits that it `needs` is not here."""
        done = self.attempt(*args)
        if done.ok:
            return done.out
        if any(self.resolve(rev) is None for rev in needs):
            return None
        raise failures.describe(self.path, args, done.err)

    def records(self, *args: str, stdin: bytes = b"") -> Iterator[bytes]:
        """Yield the fields that git ends with NUL while it prints them; GitError at the end."""
        # It loads as long as a short git runs, and few need it.
        from tempfile import TemporaryFile  # noqa: PLC0415 - see above

        # Files, not pipes: these need no reader or writer while the answer is being read.
        with TemporaryFile() as given, TemporaryFile() as complaints:
            given.write(stdin)
            given.seek(0)
            with self._started(args, stdin=given, stderr=complaints) as git:
                try:
                    yield from _pieces(git.stdout)
                except BaseException as error:
                    _kill(git)
                    if isinstance(error, TimeoutError):
                        raise failures.unending(self.path, args, _limit_s[0]) from None
                    raise
            self._refuse_failed(args, git, complaints)

    def pipe(
        self, args: Sequence[str], then: Sequence[str], *, stdin: bytes, outside: "Repo"
    ) -> None:
        """Pipe the output of git `args` into git `then`, run in `outside`; GitError of either."""
        from tempfile import TemporaryFile  # noqa: PLC0415 - as above

        with TemporaryFile() as given, TemporaryFile() as first, TemporaryFile() as second:
            given.write(stdin)
            given.seek(0)
            with (
                self._started(args, stdin=given, stderr=first) as writer,
                self._started(then, stdin=writer.stdout, stderr=second, repo=outside) as reader,
            ):
                if writer.stdout is not None:
                    writer.stdout.close()  # or the writer would never see that the reader died
                reader.communicate()
            if writer.returncode > 0:  # where it was killed by a signal, the reader ended first
                self._refuse_failed(args, writer, first)
            self._refuse_failed(then, reader, second)

    def text(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Return what `run` prints, as one line of text."""
        return _line(self.run(*args, stdin=stdin, env=env))

    def fields(self, *args: str, env: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Return what `run` prints, where git ends every field with NUL."""
        return split(self.run(*args, env=env))

    def head(self) -> str | None:
        """Return the commit that is checked out, None before the first one."""
        found = self.answer("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if found is None:
            self._refuse_unless_unborn()
            return None
        return _line(found)

    def checkout(self) -> Checkout | None:
        """Return what is checked out, None before the first commit."""
        # HEAD is read once: another git may move it at any moment.
        args = ("log", "-1", "--format=%H %T", "HEAD", "--")
        found = self.attempt(*args)
        if found.ok:
            return Checkout(*_line(found.out).split(" "))
        if self.head() is None:
            return None
        raise failures.describe(self.path, args, found.err)

    def tip_of(self, branch: str) -> Checkout | None:
        """Return the last commit of a branch; None where it does not exist."""
        commit = self.resolve(f"{_BRANCHES}{branch}")
        return Checkout(commit, self.text("rev-parse", f"{commit}^{{tree}}")) if commit else None

    def branch(self) -> str | None:
        """Return the branch that is checked out, None where HEAD is detached."""
        ref = None if self.variables else folders.head_ref(self.path)
        if ref is not None:
            return ref.removeprefix(_BRANCHES)
        found = self.answer("symbolic-ref", "--quiet", "HEAD")
        return None if found is None else _line(found).removeprefix(_BRANCHES)

    def resolve(self, rev: str) -> str | None:
        """Return the commit that `rev` names, None where there is none."""
        if rev.startswith("-"):
            return None
        if rev.startswith("refs/"):
            return self.refs(rev).get(rev)
        args = ("rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
        found = self.attempt(*args)
        # Of a reflog that is too short git says nothing at all, and ends with 128.
        if found.code == 1 or (not found.ok and not found.err):
            return None
        if not found.ok:
            raise failures.describe(self.path, args, found.err)
        return _line(found.out)

    def refs(self, *names: str) -> dict[str, str]:
        """Return those of the refs that exist, with their objects; see `tips`."""
        return {ref: sha for ref, (sha, *_) in self.tips(*names).items()}

    def tips(self, *names: str) -> dict[str, list[str]]:
        """Return those of the refs that exist, each with its object and the parents of that."""
        # That the type is asked for makes git look for the object; it warns where there is none.
        fields = "%(objectname) %(objecttype) %(refname) %(parent)"
        args = ("for-each-ref", f"--format={fields}", *names)
        found = self.attempt(*args)
        if _broken(found.err, names):
            # One that is deleted at the same moment looks broken, once.
            found = self.attempt(*args)
        if not found.ok or _broken(found.err, names):
            raise failures.describe(
                self.path, ("for-each-ref", *names), found.err.replace("warning:", "error:")
            )
        rows = (line.rstrip(" ").split(" ") for line in os.fsdecode(found.out).split("\n") if line)
        return {ref: [sha, *parents] for sha, _, ref, *parents in rows if ref in names}

    def is_ancestor(self, old: str, new: str) -> bool:
        """Say whether `new` contains `old`; a commit that is not here contains nothing."""
        args = ("merge-base", "--is-ancestor", old, new)
        done = self.attempt(*args)
        if not done.ok and done.code != 1 and self.resolve(old) and self.resolve(new):
            raise failures.describe(self.path, args, done.err)
        return done.ok

    def dirty(self) -> tuple[str, ...]:
        """Return every path that is staged, changed or untracked, both sides of a rename."""
        flags = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return tuple(field[3:] for field in self.fields("status", *flags))

    def git_dir(self) -> Path:
        """Return this working tree's own git directory; GitError where there is none."""
        return folders.git_dir(self.path) or Path(self.text("rev-parse", "--absolute-git-dir"))

    def common_dir(self) -> Path:
        """Return the git directory that all worktrees of the repository share."""
        found = folders.common_dir(self.path)
        return found or (self.path / self.text("rev-parse", "--git-common-dir")).resolve()

    def refusal(self) -> GitError | None:
        """Return why git does not work in this working tree, with what to do about it."""
        words = ("rev-parse", "--is-inside-work-tree")
        looked = self.attempt(*words)
        if not looked.ok:
            return failures.describe(self.path, words, looked.err)
        return None if looked.out == b"true\n" else failures.called_bare(self.path)

    def operation(self) -> str | None:
        """Return the operation that is in progress here, such as `rebase`."""
        folder = self.git_dir()
        return next((name for mark, name in _BEGUN.items() if (folder / mark).exists()), None)

    def user(self) -> str | None:
        """Return the name of the person whose git this is."""
        found = self.attempt("var", "GIT_COMMITTER_IDENT")
        message = found.out if found.ok else self.answer("config", "--get", "user.name") or b""
        return message.decode(errors="replace").partition(" <")[0].strip() or None

    def settings(self, pattern: str) -> dict[str, str | None]:
        """Return the settings whose name matches; None is the value of one without `=`."""
        found = self.answer("config", "-z", "--get-regexp", pattern)
        pairs = (field.partition("\n") for field in split(found or b""))
        return {key: value if is_set else None for key, is_set, value in pairs}

    def identity(self, known: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return variables that name runr where git knows no author or committer.

        `known` are the `settings` with `IDENTITY`, where they were asked for already.
        """
        known = self.settings(IDENTITY) if known is None else known
        return {
            f"GIT_{role}_{field}": value
            for role in ("AUTHOR", "COMMITTER")
            if self._missing_fields(role, known)
            for field, value in (("NAME", "runr"), ("EMAIL", "runr@localhost"))
        }

    def missing_identity(self, known: Mapping[str, str | None] | None = None) -> tuple[str, ...]:
        """Return the settings that git needs to commit and lacks; `known` as in `identity`."""
        known = self.settings(IDENTITY) if known is None else known
        missing = {
            field for role in ("AUTHOR", "COMMITTER") for field in self._missing_fields(role, known)
        }
        return tuple(f"user.{field}" for field in ("name", "email") if field in missing)

    def _started(
        self,
        args: Sequence[str],
        *,
        stdin: IO[bytes] | None,
        stderr: IO[bytes],
        repo: "Repo | None" = None,
    ) -> subprocess.Popen[bytes]:
        where = repo or self
        with _git_on_path():
            return subprocess.Popen(
                _command(where.path, args),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment(os.environ, where.path) | dict(where.variables),
                start_new_session=bool(_limit_s),
            )

    def _output(self, code: int, out: bytes, err: bytes) -> Output:
        message = err.decode(errors="replace")
        full = _FULL.search(message) if code else None
        if full:
            raise OSError(errno.ENOSPC, full[0], str(self.path))
        return Output(ok=code == 0, code=code, out=out, err=message)

    def _refuse_failed(
        self, args: Sequence[str], git: subprocess.Popen[bytes], complaints: IO[bytes]
    ) -> None:
        complaints.seek(0)
        done = self._output(git.returncode, b"", complaints.read())
        if not done.ok:
            raise failures.describe(self.path, args, done.err)

    def _missing_fields(self, role: str, known: Mapping[str, str | None]) -> list[str]:
        given = dict(os.environ) | dict(self.variables)
        missing = [
            field
            for field in ("name", "email")
            if not given.get(f"GIT_{role}_{field.upper()}")
            and not known.get(f"{role.lower()}.{field}")
            and not known.get(f"user.{field}")
        ]
        # What is not written down anywhere, git may still make up from the machine's own name.
        return [] if not missing or self.attempt("var", f"GIT_{role}_IDENT").ok else missing

    def _refuse_unless_unborn(self) -> None:
        """Raise GitError unless HEAD is a branch without commits."""
        looked = self.attempt("log", "-1", "--format=%H")
        if _UNBORN not in looked.err:
            raise failures.describe(self.path, ("log", "-1"), looked.err)


def _command(path: Path, args: Sequence[str]) -> list[str]:
    return ["git", "--no-optional-locks", "-C", str(path), *_SETTINGS, *args]


@contextmanager
def _git_on_path() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise RepositoryError("git is not on PATH", next_steps=("install git",)) from None


def _kill(git: subprocess.Popen[bytes]) -> None:
    """Kill a git, with all that it started where it has a session of its own."""
    if _limit_s:
        os.killpg(git.pid, signal.SIGKILL)
    git.kill()


def _pieces(stream: IO[bytes] | None) -> Iterator[bytes]:
    rest = b""
    end = time.monotonic() + _limit_s[0] if _limit_s else None
    while stream is not None and (read := _read(stream, end)):
        *whole, rest = (rest + read).split(b"\0")
        yield from whole


def _read(stream: IO[bytes], end: float | None) -> bytes:
    """Return what is there to read, empty at the end; TimeoutError if nothing comes until `end`."""
    left = None if end is None else max(0.0, end - time.monotonic())
    if not select.select([stream], [], [], left)[0]:
        raise TimeoutError
    return os.read(stream.fileno(), 1 << 16)


def split(out: bytes) -> tuple[str, ...]:
    """Return the fields of output in which NUL ends every field."""
    return tuple(os.fsdecode(out).split("\0")[:-1])


def _broken(err: str, names: Sequence[str]) -> bool:
    """Tell whether git complains of one of these refs; those below them are not asked for."""
    return any(re.search(rf"broken ref {re.escape(name)}$", err, re.MULTILINE) for name in names)


def _line(out: bytes) -> str:
    return os.fsdecode(out).removesuffix("\n")
