from pathlib import Path

import pytest

from runr.errors import GitError
from runr.git import snapshot
from runr.git.checkpoint import Checkpoint, by_task, commit, find, move_head
from runr.git.commits import UnsignedError
from runr.git.repo import Repo
from runr.git.trailers import Trailers
from unit.git_trees import ODD_NAMES, git, install_hooks, listing, make, save, state, write

RUN = "20250108-143022-k7qf"
TASK = ".runr/tasks/00-setup.md"


def trailers(task: str = TASK, run_id: str = RUN) -> Trailers:
    return Trailers(run_id=run_id, task=task, worker="command", verified=("tier0", "task"))


class Run:
    """A run in `root` that has begun: it knows its base."""

    def __init__(self, root: Path, run_id: str = RUN) -> None:
        self.repo = Repo(root)
        self.run_id = run_id
        self.base = self.repo.head()
        self.base_tree = snapshot.take(self.repo)

    def commit(self, title: str = "Set things up", task: str = TASK) -> Checkpoint:
        return commit(
            self.repo,
            base=self.base,
            base_tree=self.base_tree,
            message=title,
            trailers=trailers(task, self.run_id),
        )


def test_the_commit_holds_what_the_run_changed_and_says_so(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1", "gone.txt": "1"})
    run = Run(root)
    write(root, {"a.txt": "2", "new/b.txt": "1"})
    (root / "gone.txt").unlink()
    made = run.commit()
    assert set(made.paths) == {"a.txt", "new/b.txt", "gone.txt"}
    assert git(root, "rev-parse", "main") == made.sha
    assert git(root, "rev-parse", "HEAD^") == run.base
    assert git(root, "log", "-1", "--format=%B").split("\n") == [
        "Set things up",
        "",
        f"Runr-Run-Id: {RUN}",
        f"Runr-Task: {TASK}",
        "Runr-Checkpoint: true",
        "Runr-Verified: tier0,task",
        "Runr-Worker: command",
        "",
    ]
    assert git(root, "diff-files", "--name-only") == ""
    assert git(root, "status", "--porcelain") == ""


def test_odd_names_links_bits_and_folders_in_place_of_files_are_committed(tmp_path: Path) -> None:
    names = dict.fromkeys(ODD_NAMES, "1")
    root = make(tmp_path / "repo", {"run.sh": "1", "link": "1", "file": "1", "dir/a": "1", **names})
    run = Run(root)
    (root / "run.sh").chmod(0o755)
    (root / "link").unlink()
    (root / "link").symlink_to("run.sh")
    (root / "file").unlink()
    (root / "dir" / "a").unlink()
    (root / "dir").rmdir()
    write(root, {"file/inside": "1", "dir": "1", **dict.fromkeys(ODD_NAMES, "2")})
    made = run.commit()
    assert git(root, "rev-parse", f"{made.sha}^{{tree}}") == snapshot.take(run.repo)
    assert set(ODD_NAMES) < set(made.paths)
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "ls-tree", made.sha, "run.sh").startswith("100755")
    assert git(root, "ls-tree", made.sha, "link").startswith("120000")


def test_staged_unstaged_and_untracked_changes_of_the_user_are_kept(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"mine.txt": "1", "half.txt": "1", "gone.txt": "1", "a": "1"})
    write(root, {"mine.txt": "unstaged", "half.txt": "staged", "added.txt": "staged"})
    git(root, "add", "half.txt", "added.txt")
    git(root, "rm", "-q", "--cached", "gone.txt")
    write(root, {"half.txt": "and unstaged", "untracked.txt": "1"})
    before = state(root)
    run = Run(root)
    write(root, {"a": "2", "b": "1"})
    made = run.commit()
    assert made.paths == ("a", "b")
    assert listing(root, made.sha) == {"mine.txt", "half.txt", "gone.txt", "a", "b"}
    assert git(root, "show", "HEAD:half.txt") == "1"
    after = state(root)
    assert after[1] == before[1]
    assert {e for e in after[0].split("\0") if not e.endswith(("\ta", "\tb"))} == {
        e for e in before[0].split("\0") if not e.endswith("\ta")
    }
    assert after[2] == before[2] | {"a": b"2", "b": b"1"}


def test_nothing_changed_is_an_empty_commit(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    write(root, {"a.txt": "the user's"})
    made = Run(root).commit()
    assert made.paths == ()
    assert git(root, "rev-parse", "HEAD^{tree}") == git(root, "rev-parse", "HEAD~1^{tree}")
    assert git(root, "status", "--porcelain") == " M a.txt"


def test_a_second_call_finds_the_first_ones_commit(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    run = Run(root)
    write(root, {"a.txt": "2"})
    made = run.commit()
    save(root, {"later.txt": "1"}, "the user goes on")
    write(root, {"a.txt": "3"})
    before = state(root)
    again = run.commit()
    assert again == made
    assert (made.parent, made.paths) == (run.base, ("a.txt",))
    assert state(root) == before


def test_a_call_that_was_killed_before_head_moved_is_made_again(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    run = Run(root)
    write(root, {"a.txt": "2", "b.txt": "1"})
    git(root, "add", "-A")  # the index goes first
    made = run.commit()
    assert set(made.paths) == {"a.txt", "b.txt"}
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "rev-list", "--count", "HEAD") == "2"


def test_the_commit_of_another_run_is_not_found(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    run = Run(root)
    other = Run(root, run_id="20250108-143022-zzzz").commit()
    assert run.commit().sha != other.sha


def test_a_commit_that_is_only_stamped_with_the_run_is_not_its_checkpoint(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    run = Run(root)
    stamped = save(root, {"a.txt": "2"}, f"stamped\n\nRunr-Run-Id: {RUN}\nRunr-Task: {TASK}")
    assert run.commit().sha != stamped


def test_a_worker_that_committed_by_itself_still_gets_a_checkpoint(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    run = Run(root)
    own = save(root, {"a.txt": "2", "temporary.txt": "1"}, "worker's own")
    (root / "temporary.txt").unlink()
    write(root, {"b.txt": "1"})
    made = run.commit()
    assert git(root, "rev-parse", "HEAD^") == own
    assert set(made.paths) == {"b.txt", "temporary.txt"}
    assert listing(root, made.sha) == {"a.txt", "b.txt"}
    assert git(root, "status", "--porcelain") == ""


def test_the_first_commit_of_a_repository_can_be_a_checkpoint(tmp_path: Path) -> None:
    root = make(tmp_path / "repo")
    write(root, {"mine.txt": "1", ".runr/tasks/a.md": "# a"})
    run = Run(root)
    write(root, {"a.txt": "1"})
    made = run.commit()
    assert listing(root, made.sha) == {"a.txt"}
    assert git(root, "rev-list", "--count", "main") == "1"
    assert run.commit() == made
    assert (made.parent, made.paths) == (None, ("a.txt",))


def test_a_detached_head_moves_and_no_branch_does(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    git(root, "checkout", "-q", "--detach")
    run = Run(root)
    write(root, {"a.txt": "2"})
    made = run.commit()
    assert git(root, "rev-parse", "HEAD") == made.sha
    assert git(root, "rev-parse", "main") == run.base


def test_in_a_linked_worktree_only_that_worktree_moves(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    write(root, {"a.txt": "the user's"})
    before = state(root)
    linked = tmp_path / "linked"
    git(root, "worktree", "add", "-q", "-b", "side", str(linked))
    run = Run(linked)
    write(linked, {"a.txt": "2"})
    made = run.commit()
    assert git(root, "rev-parse", "side") == made.sha
    assert git(root, "rev-parse", "main") == run.base
    assert git(linked, "status", "--porcelain") == ""
    assert state(root) == before


def test_runrs_own_files_are_not_committed(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1", ".runr/tasks/a.md": "# a"})
    run = Run(root)
    write(root, {".runr/tasks/a.md": "# changed", ".runr/task-status.json": "{}", "a.txt": "2"})
    assert run.commit().paths == ("a.txt",)


def test_a_submodule_that_moved_is_committed_as_a_link(tmp_path: Path) -> None:
    inner = make(tmp_path / "inner", {"in.txt": "1"})
    root = make(tmp_path / "repo", {"a.txt": "1"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    git(root, "commit", "-q", "-m", "submodule")
    run = Run(root)
    moved = save(root / "sub", {"in.txt": "2"})
    assert run.commit().paths == ("sub",)
    assert git(root, "rev-parse", "HEAD:sub") == moved


def test_a_checkpoint_that_cannot_be_signed_leaves_everything_as_it_was(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    git(root, "config", "commit.gpgSign", "true")
    git(root, "config", "gpg.program", "false")
    run = Run(root)
    write(root, {"a.txt": "2"})
    before = state(root)
    with pytest.raises(UnsignedError):
        run.commit()
    assert state(root) == before
    assert git(root, "rev-parse", "HEAD") == run.base


def test_no_hook_runs(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    mark = install_hooks(root)
    run = Run(root)
    write(root, {"a.txt": "2"})
    made = run.commit()
    assert [ref.sha for ref in find(run.repo)] == [made.sha]
    assert not mark.exists()


def test_a_signed_commit_is_listed_without_being_checked(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    made = Run(root).commit()
    signature = "-----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    header, body = git(root, "cat-file", "commit", made.sha).split("\n\n", 1)
    signed = f"{header}\ngpgsig {signature}\n\n{body}\n".encode()
    sha = git(root, "hash-object", "-t", "commit", "-w", "--stdin", stdin=signed)
    git(root, "update-ref", "HEAD", sha)
    checker = tmp_path / "gpg"
    checker.write_text("#!/bin/sh\necho 'gpg: no such key' >&2\nexit 1\n")
    checker.chmod(0o755)
    git(root, "config", "gpg.program", str(checker))
    git(root, "config", "log.showSignature", "true")
    assert [ref.sha for ref in find(Repo(root))] == [sha]


def test_the_users_encodings_change_neither_the_message_nor_what_is_read(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    git(root, "config", "i18n.commitEncoding", "ISO-8859-1")
    git(root, "config", "i18n.logOutputEncoding", "ISO-8859-1")
    made = Run(root).commit(title="Größe", task="größe.md")
    assert "\nencoding" not in git(root, "cat-file", "commit", made.sha)
    (ref,) = find(Repo(root))
    assert ref.tasks == ("größe.md",)


def test_without_an_identity_runr_commits_under_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(root, "config", "--remove-section", "user")
    git(root, "config", "user.useConfigOnly", "true")
    Run(root).commit()
    assert git(root, "log", "-1", "--format=%an <%ae> %cn <%ce>") == (
        "runr <runr@localhost> runr <runr@localhost>"
    )


def test_a_git_dir_in_the_environment_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make(tmp_path / "other", {"a.txt": "1"})
    root = make(tmp_path / "repo", {"a.txt": "1"})
    before = state(other)
    with monkeypatch.context() as patched:
        patched.setenv("GIT_DIR", str(other / ".git"))
        run = Run(root)
        write(root, {"a.txt": "2"})
        made = run.commit()
    assert git(root, "rev-parse", "HEAD") == made.sha
    assert state(other) == before


@pytest.mark.parametrize("name", [*ODD_NAMES, " lead and trail ", '"quoted"', "none", ""])
def test_a_task_of_any_name_is_found_again(tmp_path: Path, name: str) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    Run(root).commit(title=name, task=name)
    (ref,) = find(Repo(root))
    assert ref.tasks == (name,)
    assert ref.run_ids == (RUN,)
    (block,) = ref.blocks
    assert (block.checkpoint, block.verified) == (True, ("tier0", "task"))
    assert (block.get("Runr-Worker"), block.get("Runr-Session")) == ("command", None)
    assert git(root, "log", "-1", "--format=%(trailers:key=Runr-Run-Id,valueonly)").strip() == RUN
    assert not (root / "x").exists()


def test_a_body_cannot_forge_a_trailer(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    sha = git(root, "rev-parse", "HEAD")
    forged = "Runr-Task: forged.md\n"
    body = f"{forged}Squashed commit of the following:\n\ncommit {sha}\n\n    {forged}"
    Run(root).commit(title=f"Runr-Task: forged.md\n{body}")
    (ref,) = find(Repo(root))
    assert ref.tasks == (TASK,)


def test_every_trailer_of_a_squash_commit_counts_and_quoted_ones_do_not(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    body = (
        "Squash of two (#12)\n\n* First\n\n"
        f"{trailers('one.md', 'run-1').render()}Signed-off-by: Ada <a@example.invalid>\n"
        "\n* Second\n\n"
        "Runr-Run-Id: run-2\nRuner-Task: no.md\nRunr-Task: two.md\nRunr-Checkpoint: true\n"
        "Runr-Verified: none\n\n"
        "> Runr-Task: quoted.md\n    Runr-Task: indented.md\nrunr-task: small.md\n\n"
        "Co-authored-by: Grace <g@example.invalid>\n"
    )
    git(root, "commit", "-q", "--allow-empty", "-F", "-", stdin=body.encode())
    (ref,) = find(Repo(root))
    assert ref.tasks == ("one.md", "two.md")
    assert ref.run_ids == ("run-1", "run-2")
    found = by_task(Repo(root), "HEAD")
    for task, run, verified in (("one.md", "run-1", ("tier0", "task")), ("two.md", "run-2", ())):
        (own,) = found[task]
        assert own.run_ids == (run,)
        assert [block.verified for block in own.blocks] == [verified]


def test_what_git_merge_squash_collects_counts(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    git(root, "checkout", "-q", "-b", "side")
    for number in "12":
        run = Run(root, run_id=f"run-{number}")
        write(root, {f"{number}.txt": number})
        run.commit(task=f"{number}.md", title="> nothing\n\n    Runr-Task: quoted.md")
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--squash", "side")
    git(root, "commit", "-q", "--no-edit")
    (ref,) = find(Repo(root))
    assert set(ref.tasks) == {"1.md", "2.md"}
    assert [own.run_ids for own in by_task(Repo(root), "HEAD")["1.md"]] == [("run-1",)]


def test_only_the_range_that_was_asked_for_is_listed_newest_first(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    first = Run(root, run_id="run-1").commit()
    save(root, {"b.txt": "1"}, "no run\n\nmentions Runr-Task: x in passing")
    second = Run(root, run_id="run-2").commit()
    repo = Repo(root)
    assert [ref.sha for ref in find(repo)] == [second.sha, first.sha]
    assert [ref.sha for ref in find(repo, f"{first.sha}..HEAD")] == [second.sha]
    assert [ref.sha for ref in by_task(repo, "HEAD")[TASK]] == [second.sha, first.sha]


def test_a_repository_without_commits_has_no_checkpoints(tmp_path: Path) -> None:
    assert find(Repo(make(tmp_path / "repo"))) == ()
    assert by_task(Repo(tmp_path / "repo"), "HEAD") == {}


def test_a_commit_that_names_a_task_without_being_a_checkpoint_is_none_of_the_tasks(
    tmp_path: Path,
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    stamped = f"work in progress\n\nRunr-Run-Id: {RUN}\nRunr-Task: {TASK}\n"
    git(root, "commit", "-q", "--allow-empty", "-m", stamped)
    (ref,) = find(Repo(root))
    assert (ref.tasks, ref.checkpoint) == ((TASK,), False)
    assert by_task(Repo(root), "HEAD") == {}


def test_a_foreign_message_in_another_encoding_is_read(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    text = f"grüße\n\nRunr-Run-Id: {RUN}\nRunr-Task: grüße.md\n".encode("latin-1")
    options = ("-c", "i18n.commitEncoding=ISO-8859-1")
    git(root, *options, "commit", "-q", "--allow-empty", "-F", "-", stdin=text)
    (ref,) = find(Repo(root))
    assert ref.tasks == ("grüße.md",)


def test_head_moves_only_from_where_it_was_seen(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    seen = git(root, "rev-parse", "HEAD")
    mine = git(root, "commit-tree", "-p", seen, "-m", "mine", "HEAD^{tree}")
    git(root, "commit", "-q", "--allow-empty", "-m", "theirs")
    theirs = git(root, "rev-parse", "HEAD")
    with pytest.raises(GitError, match="moved while"):
        move_head(Repo(root), mine, seen, "note")
    with pytest.raises(GitError, match="moved while"):
        move_head(Repo(root), mine, None, "note")
    assert git(root, "rev-parse", "HEAD") == theirs


def test_what_a_refused_commit_had_staged_is_taken_back(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1", "gone.txt": "1", "mine.txt": "1"})
    write(root, {"mine.txt": "2"})
    git(root, "add", "mine.txt")
    run = Run(root)
    write(root, {"a.txt": "2", "new/b.txt": "1"})
    (root / "gone.txt").unlink()
    before = git(root, "status", "--porcelain")
    lock = root / ".git/refs/heads/main.lock"
    lock.touch()
    with pytest.raises(GitError, match=f"rm {lock}$"):
        run.commit()
    assert git(root, "status", "--porcelain") == before
    lock.unlink()
    made = run.commit()
    assert set(made.paths) == {"a.txt", "new/b.txt", "gone.txt"}
    assert git(root, "status", "--porcelain") == "M  mine.txt"
