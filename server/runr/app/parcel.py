"""What a run has to submit, whether it is verified, and where it is to go."""

from runr.core import stops
from runr.core.near import closest
from runr.core.runstate import RunState
from runr.core.stops import quoted
from runr.errors import NeedsHumanError, UnknownNameError, UsageError, VerificationError
from runr.git import delivery, history
from runr.git.delivery import Parcel
from runr.git.repo import Repo


def wanted_branch(repo: Repo, name: str) -> str:
    """Return the branch that `name` names; UnknownNameError offers the near match."""
    target = name.removeprefix("refs/heads/")
    if repo.resolve(f"refs/heads/{target}") is None:
        near = closest(target, branches(repo))
        offer = f"; did you mean {near!r}?" if near else ""
        raise UnknownNameError(f"there is no branch {name!r}{offer}", next_steps=["git branch"])
    return target


def branches(repo: Repo) -> list[str]:
    """Return the names of all local branches."""
    return repo.text("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split("\n")


def parcel(repo: Repo, state: RunState) -> Parcel:
    """Return all commits of a run: its branch, or those whose trailers name it."""
    start = state.start
    if start.branch is not None and repo.resolve(start.base_sha):
        tip = repo.resolve(f"refs/heads/{start.branch}") or _checkpoint(repo, state)
        found = delivery.since(repo, start.base_sha, tip) if tip else None
        if found and found.commits:
            return found
    commits = _by_trailer(repo, state)
    if not commits:
        raise UsageError(
            f"run {state.id} has no commit: there is nothing to submit",
            next_steps=[f"runr report {state.id}"],
        )
    return Parcel(commits=commits, whole=frozenset(commits))


def _checkpoint(repo: Repo, state: RunState) -> str | None:
    return repo.resolve(state.checkpoint_sha) if state.checkpoint_sha else None


def _by_trailer(repo: Repo, state: RunState) -> tuple[str, ...]:
    base, made = state.start.base_sha, _checkpoint(repo, state)
    places = [f"{base}..{made}"] if made and repo.resolve(base) else []
    for span in [*places, "HEAD", *(f"refs/heads/{name}" for name in branches(repo))]:
        commits = history.read(repo, span) if ".." in span or repo.resolve(span) else ()
        own = [
            each.sha
            for each in reversed(commits)
            if state.id in each.run_ids and len(each.parents) == 1
        ]
        if own:
            return tuple(own)
    return ()


def doubt(state: RunState, load: Parcel, target: str, *, force: bool) -> str | None:
    """Refuse work that is not verified; return what `force` went past."""
    forced = f"runr submit {state.id} --to {quoted(target)} --force"
    name = quoted(state.start.task.removeprefix(".runr/tasks/"))
    if state.ended != "completed":
        why = stops.find(state.stop or "error").meaning
        waits = state.stop in stops.FOR_A_PERSON
    elif state.verification == "failed":
        why, waits = "it was completed against failing checks", False
    elif state.start.branch and state.checkpoint_sha != load.commits[-1]:
        why, waits = "its branch has commits that came after its checkpoint", False
    else:
        return None
    if force:
        return why
    report = f"runr report {state.id}"
    if waits:
        raise NeedsHumanError(
            f"run {state.id} waits for a person ({why}); --force submits it all the same",
            next_steps=[report, f"runr complete-task {name} --reason 'I looked at it'"],
        )
    raise VerificationError(
        f"run {state.id} is not verified: {why}; --force submits it all the same",
        next_steps=[report, forced],
    )


def subjects(repo: Repo, load: Parcel) -> list[str]:
    """Return one line for each commit, oldest first."""
    text = "".join(f"{sha}\n" for sha in load.commits).encode()
    out = repo.run("log", "--no-walk=unsorted", "--stdin", "--format=%h %s", stdin=text)
    return out.decode(errors="replace").splitlines()
