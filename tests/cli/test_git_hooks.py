"""The git hooks that add provenance to commits."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.terminal import Place, Result, typed

SESSION = {"CLAUDE_CODE_SESSION_ID": "5e551017-aaaa"}
OTHER = {"CLAUDE_CODE_SESSION_ID": "07e12345-bbbb"}
STAMP = "Runr-Session: 5e551017-aaaa"
#: Writes down the hook's name, its arguments and its input, and ends as its environment says.
SPY = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$SPIED"
case $0 in *push|*rewrite) cat >> "$SPIED" ;; esac
exit "${SPY_CODE:-0}"
"""


def do(place: Place, *words: str, env: Mapping[str, str] | None = None, code: int = 0) -> Result:
    """Run git with this environment."""
    done = typed(["git", *words], place.root, env or {})
    assert done.code == code, done
    return done


def save(place: Place, name: str, *words: str, env: Mapping[str, str] | None = None) -> str:
    """Commit a new file and return the message."""
    place.write(name, name)
    do(place, "add", "--", name)
    said = () if {"-m", "-F"} & set(words) else ("-m", f"Add {name}")
    do(place, "commit", "-q", *said, *words, env=env)
    return message(place)


def message(place: Place, commit: str = "HEAD") -> str:
    return place.git("log", "-1", "--format=%B", commit).strip()


def everything(place: Place) -> dict[str, tuple[bytes, int]]:
    """Return every byte and mode in the tree and git's folder, but for what moves by itself."""
    moved = {"index", "COMMIT_EDITMSG", "HEAD", "ORIG_HEAD", "valid-settings"}
    return {
        str(path.relative_to(place.root)): (path.read_bytes(), path.lstat().st_mode)
        for path in place.root.rglob("*")
        if path.is_file()
        and not {"objects", "logs", "refs"} & set(path.relative_to(place.root).parts)
        and path.name not in moved
    }


def spy(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(SPY, encoding="utf-8")
        (folder / name).chmod(0o755)


@pytest.fixture
def hooked(place: Place) -> Place:
    """Return a repository with the hooks in it."""
    place.runr("install", "git-hooks", code=0)
    return place


def test_a_commit_in_a_session_names_it_and_another_one_says_nothing(hooked: Place) -> None:
    assert save(hooked, "a", env=SESSION) == f"Add a\n\n{STAMP}"
    assert save(hooked, "b") == "Add b"
    answer = hooked.runr("audit", "--range", "HEAD~2..", "--json", code=0).json
    assert (answer["counts"]["attributed"], answer["counts"]["unattributed"]) == (1, 1)


@pytest.mark.parametrize("no_verify", [(), ("--no-verify",)])
def test_message_files_trailers_and_odd_texts_stay_whole(
    hooked: Place, no_verify: tuple[str, ...]
) -> None:
    text = "Say `$(touch owned)` \"'\n\n---\nbody\n\nSigned-off-by: A <a@b>\n"
    hooked.write("../text", text)
    got = save(hooked, "a", "-F", "../text", *no_verify, env=SESSION)
    assert got == f"{text}{STAMP}"
    assert not (hooked.root / "owned").exists()


@pytest.mark.parametrize("odd", ["a b", "x\ny", "$(touch owned)", "-n", ""])
def test_a_session_with_an_odd_name_is_none(hooked: Place, odd: str) -> None:
    assert "Runr" not in save(hooked, "a", env={"CLAUDE_CODE_SESSION_ID": odd}).replace(
        "Runr-Session: -n", ""
    )
    assert not (hooked.root / "owned").exists()


def test_an_amended_commit_has_each_trailer_once(hooked: Place) -> None:
    save(hooked, "a", env=SESSION)
    do(hooked, "commit", "-q", "--amend", "--no-edit", env=SESSION)
    assert message(hooked) == f"Add a\n\n{STAMP}"
    do(hooked, "commit", "-q", "--amend", "--no-edit", env=OTHER)
    assert message(hooked) == f"Add a\n\n{STAMP}\nRunr-Session: 07e12345-bbbb"


def test_rebased_and_cherry_picked_commits_keep_their_trailers(hooked: Place) -> None:
    save(hooked, "a", env=SESSION)
    save(hooked, "b")
    do(hooked, "switch", "-q", "-c", "side", "HEAD~2")
    save(hooked, "c")
    do(hooked, "cherry-pick", "main~1", env=OTHER)
    assert message(hooked) == f"Add a\n\n{STAMP}"
    do(hooked, "cherry-pick", "main", env=OTHER)
    assert message(hooked) == "Add b"
    do(hooked, "rebase", "-q", "--no-ff", "HEAD~3", env=OTHER)
    assert [message(hooked, f"HEAD~{n}") for n in range(3)] == [
        "Add b",
        f"Add a\n\n{STAMP}",
        "Add c",
    ]
    todo = {"GIT_SEQUENCE_EDITOR": "sed -i '2s/pick/fixup/'", **OTHER}
    do(hooked, "rebase", "-q", "-i", "HEAD~3", env=todo)
    assert message(hooked, "HEAD~1") == "Add c"


def test_a_commit_made_where_a_rebase_has_stopped_is_new(hooked: Place) -> None:
    save(hooked, "a")
    save(hooked, "b")
    do(
        hooked,
        "rebase",
        "-q",
        "-i",
        "HEAD~2",
        env={"GIT_SEQUENCE_EDITOR": "sed -i '1s/pick/edit/'"},
    )
    assert save(hooked, "c", env=SESSION) == f"Add c\n\n{STAMP}"
    do(hooked, "rebase", "--continue", env=SESSION)
    assert message(hooked) == "Add b"


def test_merges_squashes_and_reverts_are_made_by_the_session(hooked: Place) -> None:
    do(hooked, "switch", "-q", "-c", "side")
    save(hooked, "a", env=OTHER)
    do(hooked, "switch", "-q", "main")
    save(hooked, "b")
    do(hooked, "merge", "-q", "--no-edit", "side", env=SESSION)
    assert message(hooked) == f"Merge branch 'side'\n\n{STAMP}"
    do(hooked, "reset", "-q", "--hard", "HEAD~1")
    do(hooked, "merge", "-q", "--squash", "side")
    do(hooked, "commit", "-q", "--no-edit", env=SESSION)
    assert message(hooked).endswith(f"\n\n{STAMP}")
    do(hooked, "revert", "--no-edit", "HEAD", env=SESSION)
    assert message(hooked).endswith(f"\n\n{STAMP}")
    counts = hooked.runr("audit", "--range", "HEAD~2..", "--json").json["counts"]
    assert counts["attributed"] == 2


@pytest.mark.parametrize("verbose", [(), ("-v",)])
def test_a_message_from_the_editor_gets_trailers_and_an_empty_one_aborts(
    hooked: Place, verbose: tuple[str, ...]
) -> None:
    editor = {"GIT_EDITOR": "sed -i '1s/^/Written by hand/'", **SESSION}
    hooked.write("a", "1")
    do(hooked, "add", "a")
    do(hooked, "commit", "-q", *verbose, env=editor)
    assert message(hooked) == f"Written by hand\n\n{STAMP}"
    hooked.write("a", "more")
    before = hooked.git("rev-parse", "HEAD")
    do(hooked, "commit", "-q", "-a", *verbose, env={"GIT_EDITOR": "true", **SESSION}, code=1)
    hooked.write(".template", "Fill me in\n")
    do(hooked, "config", "commit.template", ".template")
    do(hooked, "commit", "-q", "-a", *verbose, env={"GIT_EDITOR": "true", **SESSION}, code=1)
    assert hooked.git("rev-parse", "HEAD") == before


def test_a_run_that_this_session_has_open_is_named(hooked: Place) -> None:
    hooked.task("a.md")
    opened = hooked.runr("--json", "run", "--task", "a", "--worker", "session", env=SESSION, code=0)
    run_id = opened.json["run"]["id"]
    assert save(hooked, "x", env=SESSION) == f"Add x\n\nRunr-Run-Id: {run_id}\n{STAMP}"
    assert "Runr-Run-Id" not in save(hooked, "y", env=OTHER)
    # A person who works in the tree works on what is open there.
    assert save(hooked, "z") == f"Add z\n\nRunr-Run-Id: {run_id}"
    hooked.runr("stop", run_id, code=0)
    assert save(hooked, "w", env=SESSION) == f"Add w\n\n{STAMP}"


def test_a_run_of_another_repository_is_not_named(hooked: Place) -> None:
    foreign = {"RUNR_RUN_ID": "20250108-143022-k7qf"}
    assert save(hooked, "a", env=foreign) == "Add a"


def test_linked_worktrees_have_the_hooks_too(hooked: Place) -> None:
    there = Place(hooked.root.with_name("linked"), hooked.home)
    there.root.rmdir()
    do(hooked, "worktree", "add", "-q", str(there.root))
    assert save(there, "a", env=SESSION) == f"Add a\n\n{STAMP}"


def test_a_commit_in_a_linked_worktree_names_the_run_that_is_open_there(hooked: Place) -> None:
    hooked.task("t.md")
    there = Place(hooked.root.with_name("linked"), hooked.home)
    there.root.rmdir()
    do(hooked, "worktree", "add", "-q", str(there.root))
    opened = there.runr("run", "--task", "t", "--worker", "session", "--json", env=SESSION, code=0)
    run = opened.json["run"]["id"]
    assert save(there, "a", env=SESSION) == f"Add a\n\nRunr-Run-Id: {run}\n{STAMP}"
    assert save(hooked, "b", env=SESSION) == f"Add b\n\n{STAMP}"


def test_without_runr_a_commit_is_made_as_before(hooked: Place) -> None:
    hooked.config("[provenance]\nenforce = true\n")
    for name in ("prepare-commit-msg", "commit-msg"):
        hook = hooked.root / ".git/hooks" / name
        text = hook.read_text(encoding="utf-8")
        python = next(line.split()[2] for line in text.splitlines() if "if [ -x /" in line)
        hook.write_text(text.replace(python, "/nowhere/python"), encoding="utf-8")
    assert save(hooked, "a", env={"PATH": "/usr/bin:/bin"}) == "Add a"


def test_enforced_provenance_refuses_unattributed_commits_with_the_next_step(hooked: Place) -> None:
    hooked.config("[provenance]\nenforce = true\n")
    do(hooked, "commit", "-q", "--no-verify", "-a", "-m", "Keep a ledger")
    hooked.write("a", "1")
    do(hooked, "add", "a")
    refused = do(hooked, "commit", "-m", "No author", code=1)
    assert refused.err.startswith("runr: this commit names neither a run nor a session")
    assert "Traceback" not in refused.err
    hooked.paste(refused.steps[0].partition("   ")[0])
    assert "Runr-Intervention: true" in message(hooked)
    assert save(hooked, "b", env=SESSION).endswith(STAMP)
    said = "Mine\n\nRunr-Intervention: true"
    assert save(hooked, "c", "-m", said) == said
    assert save(hooked, "d", "--no-verify", "-m", "Anyway") == "Anyway"
    do(hooked, "switch", "-q", "-c", "side", "HEAD~1")
    do(hooked, "cherry-pick", "main")
    save(hooked, "e", env=SESSION)
    do(hooked, "merge", "-q", "--no-edit", "main")
    do(hooked, "rebase", "-q", "--no-ff", "HEAD~1")


def test_a_broken_configuration_does_not_prevent_commits(hooked: Place) -> None:
    hooked.config("[provenance]\nenforced = true\n")
    assert save(hooked, "a") == "Add a"


# The hooks of others


def test_existing_hooks_run_first_and_are_restored(place: Place, tmp_path: Path) -> None:
    spied = {"SPIED": str(tmp_path / "spied")}
    spy(place.root / ".git/hooks", "prepare-commit-msg", "commit-msg", "pre-commit")
    before = everything(place)
    place.runr("install", "git-hooks", code=0)
    assert save(place, "a", env={**SESSION, **spied}) == f"Add a\n\n{STAMP}"
    said = (tmp_path / "spied").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0].removesuffix(".before-runr") for line in said] == [
        "pre-commit",
        "prepare-commit-msg",
        "commit-msg",
    ]
    assert said[1].endswith(" .git/COMMIT_EDITMSG message")
    place.write("b", "1")
    do(place, "add", "b")
    do(place, "commit", "-m", "No", env={**SESSION, **spied, "SPY_CODE": "3"}, code=1)
    do(place, "rm", "-q", "--cached", "b")
    (place.root / "b").unlink()
    place.runr("install", "git-hooks", "--uninstall", code=0)
    assert everything(place) == before | {"a": everything(place)["a"]}


@pytest.mark.parametrize("name", ["prepare-commit-msg", "commit-msg"])
def test_a_message_hook_that_refuses_a_commit_still_refuses_it(
    place: Place, tmp_path: Path, name: str
) -> None:
    spied = {"SPIED": str(tmp_path / "spied"), "SPY_CODE": "3"}
    spy(place.root / ".git/hooks", name)
    place.runr("install", "git-hooks", code=0)
    place.write("a", "1")
    do(place, "add", "a")
    do(place, "commit", "-m", "No", env={**SESSION, **spied}, code=1)
    assert place.git("ls-tree", "--name-only", "HEAD", "a") == ""


@pytest.mark.parametrize("scope", ["local", "global"])
def test_a_configured_folder_is_passed_on_to_with_input_and_exit_code(
    place: Place, tmp_path: Path, scope: str
) -> None:
    spied = {"SPIED": str(tmp_path / "spied")}
    folder = place.root / ".husky/_" if scope == "local" else place.home / "hooks"
    spy(folder, "pre-commit", "commit-msg", "pre-push", "post-rewrite", "post-checkout")
    value = ".husky/_" if scope == "local" else "~/hooks"
    place.git("config", f"--{scope}", "core.hooksPath", value)
    place.git("init", "-q", "--bare", "../there.git")
    settings, hooks = (place.root / ".git/config").read_bytes(), everything(place)
    place.runr("install", "git-hooks", code=0)
    assert save(place, "a", env={**SESSION, **spied}) == f"Add a\n\n{STAMP}"
    do(place, "commit", "-q", "--amend", "-m", "Again", env=spied)
    do(place, "push", "-q", "../there.git", "main", env=spied)
    said = (tmp_path / "spied").read_text(encoding="utf-8")
    assert "pre-commit" in said
    assert "post-rewrite amend\n" in said
    assert "pre-push ../there.git ../there.git\nrefs/heads/main " in said
    place.write("b", "1")
    do(place, "add", "b")
    do(place, "commit", "-m", "No", env={**spied, "SPY_CODE": "3"}, code=1)
    do(place, "rm", "-qf", "b")
    assert place.runr("install", "git-hooks", code=0).out.startswith("Nothing to do.")
    place.runr("install", "git-hooks", "--uninstall", code=0)
    assert (place.root / ".git/config").read_bytes() == settings
    assert everything(place) == hooks | {"a": everything(place)["a"]}


def test_git_settings_that_were_edited_since_keep_the_edits(place: Place) -> None:
    place.git("config", "core.hooksPath", ".husky/_")
    place.runr("install", "git-hooks", code=0)
    place.git("config", "user.name", "Grace")
    place.runr("install", "git-hooks", "--uninstall", code=0)
    assert place.git("config", "--local", "core.hooksPath").strip() == ".husky/_"
    assert place.git("config", "--local", "user.name").strip() == "Grace"
    assert not (place.root / ".git/runr").exists()


def test_installing_twice_changes_nothing_and_so_does_printing(place: Place) -> None:
    before = everything(place)
    shown = place.runr("install", "git-hooks", "--print", code=0).out
    assert "# .git/hooks/prepare-commit-msg\n#!/bin/sh\n" in shown
    assert everything(place) == before
    first = place.runr("install", "git-hooks", "--json", code=0).json
    assert first["changed"] == [".git/hooks/prepare-commit-msg", ".git/hooks/commit-msg"]
    after = everything(place)
    assert place.runr("install", "git-hooks", "--json", code=0).json["changed"] == []
    assert everything(place) == after
    place.runr("install", "git-hooks", "--uninstall", code=0)
    assert everything(place) == before
    again = place.runr("install", "git-hooks", "--uninstall", code=0)
    assert "no git hooks were installed here" in again.out


def test_a_hook_of_ours_that_was_edited_is_kept(hooked: Place) -> None:
    hook = hooked.root / ".git/hooks/commit-msg"
    hook.write_text(hook.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    edited = hook.read_bytes()
    for words in ((), ("--uninstall",)):
        summary = hooked.runr("install", "git-hooks", *words, code=0)
        assert ".git/hooks/commit-msg was edited and is kept" in summary.out
    assert hook.read_bytes() == edited
    assert not (hooked.root / ".git/hooks/prepare-commit-msg").exists()


def test_a_tool_that_replaces_the_hook_later_is_left_alone(hooked: Place) -> None:
    hooks = hooked.root / ".git/hooks"
    (hooks / "commit-msg").rename(hooks / "commit-msg.legacy")
    theirs = '#!/bin/sh\nexec "$0.legacy" "$@"\n'
    (hooks / "commit-msg").write_text(theirs, encoding="utf-8")
    (hooks / "commit-msg").chmod(0o755)
    assert hooked.runr("install", "git-hooks", "--json", code=0).json["changed"] == []
    assert save(hooked, "a", env=SESSION) == f"Add a\n\n{STAMP}"
    hooked.runr("install", "git-hooks", "--uninstall", code=0)
    assert sorted(path.name for path in hooks.glob("*[!e]") if "runr" in path.read_text()) == []
    assert (hooks / "commit-msg").read_text(encoding="utf-8") == theirs


def test_the_hook_barely_slows_down_a_commit(hooked: Place) -> None:
    # Nothing of Python is loaded where there is neither a run nor a ledger.
    traced = {**SESSION, "PYTHONPROFILEIMPORTTIME": "1"}
    hooked.write("a", "1")
    do(hooked, "add", "a")
    assert "import time" not in do(hooked, "commit", "-q", "-m", "A", env=traced).err


def test_the_script_is_one_that_every_shell_reads(hooked: Place) -> None:
    for shell in ("sh", "dash", "bash", "zsh"):
        for name in ("prepare-commit-msg", "commit-msg"):
            words = [shell, "-n", str(hooked.root / ".git/hooks" / name)]
            try:
                done = subprocess.run(words, capture_output=True, check=False, env=os.environ)
            except FileNotFoundError:
                continue
            assert (done.returncode, done.stderr) == (0, b"")


def test_the_hook_of_a_run_s_worker_names_run_and_task_s_repository_only(place: Place) -> None:
    place.script(
        "a.md",
        "echo 1 > a; git add a; git commit -qm Mine\n"
        "for there in ../../../../elsewhere ../elsewhere inside; do\n"
        "git init -q $there; (cd $there; git commit -q --allow-empty -m There)\n"
        "git -C $there log -1 --format=%B >> ../../../../there; rm -rf $there; done",
    )
    run = place.run("a")
    assert message(place, f"{run['checkpoint_sha']}~1") == f"Mine\n\nRunr-Run-Id: {run['id']}"
    assert (place.root.parent / "there").read_text(encoding="utf-8").split() == 3 * ["There"]
    assert place.git("config", "--default", "none", "--get", "core.hooksPath").strip() == "none"


_GIVEN = ("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


def begun(place: Place, *, code: int = 0) -> Mapping[str, str]:
    """Let a session start, and return what its commands get from it."""
    exports = place.root.parent / "exports.sh"
    exports.write_text("export KEPT=1\n", encoding="utf-8")
    done = typed(
        ["sh", "-c", 'echo "{}" | runr hook SessionStart'],
        place.root,
        {**SESSION, "CLAUDE_ENV_FILE": str(exports)},
    )
    assert done.code == code, done
    shown = typed(["sh", "-c", f". {exports}; env -0"], place.root, SESSION)
    added = (line.split("=", 1) for line in shown.out.split("\0") if line.startswith(_GIVEN))
    return SESSION | dict(added)


def test_a_session_s_shell_adds_trailers_without_an_installation(place: Place) -> None:
    place.task("a.md")
    place.commit("Start")
    spy(place.root / ".git/hooks", "pre-commit", "commit-msg")
    spied = place.root.parent / "spied"
    shell = begun(place)
    assert STAMP in save(place, "a", env={**shell, "SPIED": str(spied)})
    assert [line.split()[0] for line in spied.read_text().splitlines()] == [
        "pre-commit",
        "commit-msg",
    ]
    assert STAMP not in save(place, "b")
    done = place.runr("install", "claude", "--uninstall", code=0)
    assert ".git/runr/" in done.out
    assert not (place.root / ".git/runr").exists()


def test_a_session_s_shell_is_left_alone_where_the_settings_say_so(place: Place) -> None:
    place.config("[provenance]\ninject = false\n")
    place.task("a.md")
    place.commit("Start")
    assert begun(place) == SESSION
    assert not (place.root / ".git/runr").exists()


def test_where_the_hooks_are_installed_a_session_needs_none_of_its_own(place: Place) -> None:
    place.task("a.md")
    place.commit("Start")
    place.runr("install", "git-hooks", code=0)
    before = everything(place)
    assert begun(place) == SESSION
    assert {name for name in everything(place) if ".git/" in name} == {
        name for name in before if ".git/" in name
    }
    assert STAMP in save(place, "a", env=SESSION)
