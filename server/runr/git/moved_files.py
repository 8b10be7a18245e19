"""Which new files of a run come from one that the user had changed before it."""

from collections.abc import Collection, Iterable, Mapping

from runr.git import snapshot
from runr.git.merge_entry import Entry, new_side, old_side
from runr.git.repo import Repo
from runr.git.snapshot import Change


def origins(
    repo: Repo,
    before: Mapping[str, Change],
    changes: Collection[Change],
    heads: Mapping[str, Entry | None],
) -> dict[str, str]:
    """Return each new file of the run with the one that it was moved or copied from.

    `before` are the user's changes, `heads` what HEAD has where the snapshot differs. Of a
    file that git did not know, only the hash is known: it is found where it was moved as it was.
    """
    added = [each for each in changes if old_side(each) is None and each.path not in before]
    known = [each for path, each in before.items() if path in heads and old_side(each)]
    if not added or not before:
        return {}
    there = {each.path for each in changes if new_side(each)}
    gone = [each for path, each in before.items() if path not in heads and not old_side(each)]
    whole = {each.object_id: each.path for each in gone}
    moved = {each.path: whole[each.object_id] for each in added if each.object_id in whole}
    known = [each for each in known if new_side(each)]
    if known:
        left = [each for each in known if each.path in there]
        moved |= _copied(repo, _tree(repo, known), _tree(repo, [*left, *added]))
    return moved


def _tree(repo: Repo, changes: Iterable[Change]) -> str:
    with snapshot.scratch_index(repo) as env:
        repo.run("update-index", "-z", "--index-info", stdin=snapshot.entries(changes), env=env)
        return repo.text("write-tree", "--missing-ok", env=env)


def _copied(repo: Repo, old: str, new: str) -> dict[str, str]:
    flags = ("-r", "-z", "-C", "--find-copies-harder", "--diff-filter=RC", "--name-status")
    fields = iter(repo.fields("diff-tree", *flags, old, new))
    return {
        new_path: old_path for _, old_path, new_path in zip(fields, fields, fields, strict=True)
    }
