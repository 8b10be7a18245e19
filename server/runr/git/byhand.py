"""Committing what a person changed, with trailers that name the record of it."""

from dataclasses import dataclass

from runr.git import snapshot
from runr.git.checkpoint import move_head, stage
from runr.git.repo import Repo
from runr.git.snapshot import Change
from runr.git.trailers import ByHand, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A commit that could be made on top of `head`."""

    head: str | None
    tree: str
    changes: tuple[Change, ...]


def draft(repo: Repo, *, everything: bool) -> Draft:
    """Return what is staged, or all that git does not ignore but runr's own; changes nothing."""
    head = repo.head()
    tree = snapshot.take(repo) if everything else repo.text("write-tree")
    changes = snapshot.changed(repo, head or snapshot.empty_tree(repo), tree)
    return Draft(head=head, tree=tree, changes=changes)


def is_unmerged(repo: Repo) -> bool:
    """Tell whether a conflict waits in the index."""
    return bool(repo.run("ls-files", "--unmerged"))


def commit(repo: Repo, wanted: Draft, trailers: ByHand) -> str:
    """Commit exactly the draft, if nobody has committed meanwhile."""
    subject, _, body = trailers.reason.partition("\n")
    text = message(subject, body, trailers).encode()
    parents = ("-p", wanted.head) if wanted.head else ()
    sha = repo.text("commit-tree", wanted.tree, *parents, stdin=text, env=repo.identity())
    stage(repo, wanted.changes)
    move_head(repo, sha, wanted.head, f"runr: manual work {trailers.run_id}")
    return sha
