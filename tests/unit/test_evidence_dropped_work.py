"""Work that a merge left out, asked for again when the branch has moved: real repositories."""

from pathlib import Path

from runr.evidence.dropped_work import Walked, find_dropped
from runr.evidence.on_branch import Reached
from runr.git import file_changes
from runr.git.file_changes import Part
from runr.git.repo import Repo
from unit.git_trees import git, make, save


def test_what_is_known_of_a_history_is_forgotten_where_the_branch_goes_back(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "a\n"})
    base = git(root, "rev-parse", "HEAD")
    git(root, "switch", "-q", "-c", "other")
    work = save(root, {"work.txt": "work\n"})
    repo, walked, reached = Repo(root), Walked(), Reached()
    parts = {work: Part(work, file_changes.of_commits(repo, [work], {})[work])}
    assert find_dropped(repo, work, parts, walked) == {}
    reached.keep(work, frozenset({work}))
    git(root, "switch", "-q", "main")
    save(root, {"b.txt": "b\n"})
    git(root, "merge", "-q", "-s", "ours", "--no-edit", "other")
    merge = git(root, "rev-parse", "HEAD")
    after = save(root, {"c.txt": "c\n"})
    for tip in (merge, after):
        assert find_dropped(repo, tip, parts, walked) == {work: merge}
        assert reached.known(repo, tip) == {work}
    git(root, "switch", "-q", "other")
    apart = save(root, {"work.txt": "more\n"})
    assert find_dropped(repo, apart, parts, walked) == {}
    assert reached.known(repo, base) == frozenset()
