"""Every next step is run in the situation in which it is printed, ordinary or rare."""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import Place, Result
from fakes.marks import also_long

#: What a command ends with that was not taken: wrong usage, damaged state.
_REFUSED = (2, 10)

#: Names that a shell would read as something else.
ODD = '-it\'s a "task" $(here).md'

Print = Callable[[Place], Result]


def kept(place: Place, step: str, **how: object) -> Result:
    """Run a step and put the repository back as it was, so that the next one finds it so."""
    aside = place.root.with_name("aside")
    shutil.copytree(place.root, aside, symlinks=True)
    try:
        return place.paste(step, **how)  # type: ignore[arg-type] # where and with what variables
    finally:
        shutil.rmtree(place.root)
        aside.rename(place.root)


def accepted(step: str, result: Result) -> None:
    """Fail unless the command exists, has these options, and could do something."""
    wrong = ("internal error", "no such option", "unknown command", "fatal: ")
    assert result.code not in (*_REFUSED, 126, 129), (step, result)
    assert not any(word in result.err for word in wrong), (step, result)
    if not re.match(r"runr |git (-C \S+ )?merge |command -v ", step):
        assert result.code == 0, (step, result)


def each_works(place: Place, printed: Result, **how: object) -> list[str]:
    """Run each printed step by itself, and return all of them."""
    assert printed.steps, printed
    for step in printed.steps:
        accepted(step, kept(place, step, **how))
    return printed.steps


def all_work(place: Place, printed: Result, **how: object) -> list[str]:
    """Run the printed steps one after the other, and return them."""
    assert printed.steps, printed
    for step in printed.steps:
        result = place.paste(step, **how)  # type: ignore[arg-type] # as in `kept`
        accepted(step, result)
        assert result.code == 0, (step, result)
    return printed.steps


# What a run leaves behind.


def ran(script: str, header: str = "verify: ['test -d .']", name: str = "a.md") -> Print:
    """Return what runs a task that does this."""

    def run(place: Place) -> Result:
        place.script(name, script, header)
        place.commit("Task")
        return place.runr("run", "--task", f"./{name}")

    return run


def abandoned(place: Place) -> Result:
    place.task("a.md", "verify: ['test -d .']")
    place.commit("Task")
    session = {"CLAUDE_CODE_SESSION_ID": "5a4b0f6e-0000-4000-8000-000000000001"}
    place.runr("run", "--task", "a", "--worker", "session", env=session, code=0)
    return place.runr("stop", "latest", code=0)


def rejected(place: Place) -> Result:
    place.script("a.md", "echo 1 > a.txt", "type: hybrid\nverify: ['test -d .']")
    place.commit("Task")
    run = place.run("a", code=9)
    return place.runr("reject", run["id"], "--reason", "no", code=0)


def unavailable(place: Place) -> Result:
    place.config('[run]\nworker = "gone"\n[workers.gone]\ncommand = ["no-such-program"]\n')
    place.task("a.md", "verify: ['test -d .']")
    place.commit("Task")
    return place.runr("run", "--task", "a", code=7)


def conflicting(place: Place) -> Result:
    return place.run_into_conflict()


def dirty(place: Place) -> Result:
    place.script("a.md", "echo theirs > README.md", "verify: ['test -d .']")
    place.commit("Task")
    place.write("README.md", "mine\n")
    return place.runr("run", "--task", "a", code=11)


STOPS: dict[str, Print] = {
    "checks failed": ran("echo 1 > a.txt", "verify: ['false']"),
    "out of scope": ran("echo 1 > a.txt", "owns: [src/]\nverify: ['test -d .']"),
    "worker failed": ran("exit 3"),
    "time limit": ran("sleep 60", "timeout: 1s\nverify: ['test -d .']"),
    "needs human": ran("echo 1 > a.txt", "type: hybrid\nverify: ['test -d .']"),
    "odd name": ran("echo 1 > a.txt", "type: hybrid\nverify: ['test -d .']", name=ODD),
    "abandoned": abandoned,
    "rejected": rejected,
    "worker unavailable": unavailable,
    "conflict": conflicting,
    "dirty tree": dirty,
}


@pytest.mark.parametrize("make", STOPS.values(), ids=STOPS)
def test_after_a_run_each_step_works_by_itself(place: Place, make: Print) -> None:
    each_works(place, make(place))


def test_work_that_waits_lands_and_the_users_changes_are_kept(place: Place) -> None:
    *_, land = dirty(place).steps
    assert place.paste(land).code == 11
    assert place.read("README.md") == "mine\n"
    place.git("stash", "-q")
    assert place.paste(land).code == 0
    assert place.read("README.md") == "theirs\n"
    assert "mine" in place.git("stash", "list", "-p")


def test_during_a_merge_the_work_waits_and_lands_later(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt", "verify: ['test -d .']")
    merging(place)
    waits = place.runr("run", "--task", "a", code=11)
    *_, land = each_works(place, waits)
    place.git("merge", "--abort")
    assert place.paste(land).code == 0
    assert place.read("a.txt") == "1\n"


@pytest.mark.parametrize("name", ["a.md", ODD])
def test_from_a_folder_below_and_from_outside_too(place: Place, name: str) -> None:
    ran("echo 1 > a.txt", "owns: [src/]\nverify: ['test -d .']", name=name)(place)
    below = place.write("docs/x.md").parent
    shown = place.runr("task-status", f"./{name}", cwd=below)
    assert "--repo" not in " ".join(each_works(place, shown, cwd=below))
    outside = place.home / "out side"
    outside.mkdir()
    for repo in (str(place.root), os.path.relpath(place.root, outside)):
        shown = place.runr("--repo", repo, "task-status", f"./{name}", cwd=outside)
        each_works(place, shown, cwd=outside)


def test_a_worktree_that_was_removed_by_hand_is_not_looked_into(place: Place) -> None:
    ran("echo 1 > a.txt", "verify: ['false']")(place)
    run = place.status("a.md")["last_run_id"]
    shutil.rmtree(place.root / ".runr" / "worktrees" / run)
    steps = each_works(place, place.runr("task-status", "a"))
    assert steps == [f"runr report {run}", f"runr resume {run}"]


def test_work_whose_worktree_is_gone_is_shown_from_its_commit(place: Place) -> None:
    STOPS["needs human"](place)
    shutil.rmtree(place.root / ".runr" / "worktrees")
    look, approve, _ = each_works(place, place.runr("task-status", "a"))
    assert look.startswith("git log -p ")
    assert place.paste(approve).code == 0


# What a look at tasks says.


def blocked(place: Place) -> Result:
    place.task("a.md", "type: manual")
    place.task("b.md", "depends_on: [a]")
    return place.runr("run", "--task", "b", code=3)


def stale(place: Place) -> Result:
    ran("echo 1 > a.txt")(place)
    place.script("a.md", "echo 2 > a.txt", "verify: ['test -d .']")
    place.commit("Change")
    return place.runr("task-status", "a")


def orphaned(place: Place) -> Result:
    ran("echo 1 > a.txt")(place)
    (place.root / ".runr/tasks/a.md").unlink()
    place.runr("list-tasks", code=0)
    return place.runr("task-status", "a", code=2)


def damaged_status(place: Place) -> Result:
    ran("echo 1 > a.txt")(place)
    place.write(".runr/task-status.json", "{")
    return place.runr("doctor")


def broken_file(place: Place) -> Result:
    place.task("a.md", "type: [")
    return place.runr("task-status", "a")


def manual(place: Place) -> Result:
    place.task(ODD, "type: manual")
    return place.runr("run", "--task", f"./{ODD}", code=9)


def two_names(place: Place) -> Result:
    place.task("a.md")
    return place.runr("run", "a", "--all-ready", code=2)


def unknown_run(place: Place) -> Result:
    place.task("a.md")
    return place.runr("report", "20200101-000000-aaaa", code=2)


def nothing_at_all(place: Place) -> Result:
    return place.runr("list-tasks", code=0)


def filtered_away(*words: str, code: int = 0) -> Print:
    def look(place: Place) -> Result:
        place.task("a.md")
        return place.runr(*words, code=code)

    return look


LOOKS: dict[str, Print] = {
    "blocked": blocked,
    "stale": stale,
    "orphan": orphaned,
    "damaged status": damaged_status,
    "broken file": broken_file,
    "manual": manual,
    "names and all": two_names,
    "unknown run": unknown_run,
    "no tasks": nothing_at_all,
    "empty filter": filtered_away("list-tasks", "--type", "manual"),
    "empty filter of next": filtered_away("next", "type:manual"),
    "empty filter of graph": filtered_away("graph", "--type", "manual"),
    "empty filter of run": filtered_away("run", "--all-ready", "--type", "manual"),
    "no runs": filtered_away("runs"),
    "no stop": filtered_away("resume"),
    "which task": filtered_away("run", code=2),
    "templates": filtered_away("new", "--list-templates"),
    "no template": filtered_away("new", "b", "--template", "featur", code=2),
    "unknown option": filtered_away("run", "--tsk", "a", code=2),
    "unknown worker": filtered_away("workers", "remove", code=2),
}


@pytest.mark.parametrize("make", LOOKS.values(), ids=LOOKS)
def test_after_a_look_each_step_works_by_itself(place: Place, make: Print) -> None:
    each_works(place, make(place))


@pytest.mark.parametrize(
    "words", [["run", "--all-ready", "--tag", "zz"], ["next", "tag:zz"], ["list-tasks", "tag:zz"]]
)
def test_a_filter_that_nothing_matches_leads_to_all_tasks(place: Place, words: list[str]) -> None:
    place.task("a.md")
    result = place.runr(*words, code=0)
    assert result.steps == ["runr list-tasks"]
    if words[0] != "list-tasks":
        assert "no task matches the filter" in result.out.lower()


def test_where_nothing_is_open_no_blocked_tasks_are_looked_for(place: Place) -> None:
    place.task("a.md", "type: manual")
    place.runr("complete-task", "a", "--reason", "done", code=0)
    result = place.runr("next", code=0)
    assert (result.steps, "nothing is open" in result.out) == (["runr list-tasks"], True)


def test_a_status_file_that_is_locked_is_waited_for(place: Place) -> None:
    ran("echo 1 > a.txt")(place)
    with (place.root / ".runr/locks/status").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert place.runr("list-tasks", code=0).out


# What a preview says.

_IMPORTED = {"tasks": [{"id": 1, "title": 'It\'s "one"', "status": "pending"}]}


def previewed_import(place: Place) -> Result:
    place.write("my tasks/tasks.json", json.dumps(_IMPORTED))
    return place.runr("import", "my tasks/tasks.json", "--preview", code=0)


def cleaned(place: Place) -> Result:
    STOPS["needs human"](place)
    run = place.status("a.md")["last_run_id"]
    place.git("merge", "-q", f"runr/a-{run}")
    return place.runr("clean", "--dry-run", "--older-than", "0s", code=0)


def rebuilt(place: Place) -> Result:
    ran("echo 1 > a.txt")(place)
    (place.root / ".runr/task-status.json").unlink()
    return place.runr("rebuild", "--dry-run", code=0)


def submitted(place: Place) -> Result:
    STOPS["needs human"](place)
    return place.runr("submit", "latest", "--to", "main", "--force", "--dry-run", code=0)


def resumed(place: Place) -> Result:
    place.script("a.md", "test -e ../../ok || exit 3; echo 1 > a.txt", "verify: ['test -d .']")
    place.commit("Task")
    place.run("a", code=1)
    place.write(".runr/ok")
    return place.runr("resume", "--preview", code=0)


PREVIEWS: dict[str, Print] = {
    "import": previewed_import,
    "init": lambda place: place.runr("init", "--dry-run", code=0),
    "clean": cleaned,
    "rebuild": rebuilt,
    "submit": submitted,
    "resume": resumed,
    "install": lambda place: place.runr("install", "claude", "--print", code=0),
    "install hooks": lambda place: place.runr("install", "git-hooks", "--print", code=0),
    "install driver": lambda place: place.runr("install", "merge-driver", "--print", code=0),
}


@pytest.mark.parametrize("make", PREVIEWS.values(), ids=PREVIEWS)
def test_the_last_step_of_a_preview_does_what_was_shown(place: Place, make: Print) -> None:
    printed = make(place)
    each_works(place, printed)
    before = state(place)
    assert place.paste(printed.steps[-1]).code == 0
    assert state(place) != before


def state(place: Place) -> dict[str, bytes]:
    files = (path for path in place.root.rglob("*") if path.is_file())
    kept_by_git = {str(path): path.read_bytes() for path in files if "/objects/" not in str(path)}
    return {path: text for path, text in kept_by_git.items() if ".sqlite" not in path}


# What setting up says.


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away git's name and address."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("EMAIL", "")


@pytest.mark.parametrize("where", ["", "a folder"])
def test_the_steps_after_init_commit_the_files(bare: Place, where: str) -> None:
    folder = bare.root / where
    folder.mkdir(exist_ok=True)
    steps = all_work(bare, bare.runr("init", cwd=folder, code=0), cwd=folder)
    assert steps[-2:] == ["runr doctor", "runr install claude"]
    assert bare.git("ls-files", ".runr").split()
    assert bare.runr("init").steps == ["runr doctor"]


def test_they_do_for_a_repository_elsewhere(bare: Place) -> None:
    outside = bare.home / "out side"
    outside.mkdir()
    all_work(bare, bare.runr("--repo", str(bare.root), "init", cwd=outside, code=0), cwd=outside)
    assert bare.git("ls-files", ".runr").split()


@pytest.mark.usefixtures("nameless")
def test_they_do_where_git_does_not_know_the_user(bare: Place) -> None:
    steps = all_work(bare, bare.runr("init", code=0))
    name = "git config user.name 'Your Name'"
    assert steps[0] == f"{name} && git config user.email you@example.com"
    assert bare.git("log", "-1", "--format=%an") == "Your Name\n"


def test_an_import_is_committed_where_git_does_not_know_the_user(
    bare: Place, nameless: None
) -> None:
    del nameless
    bare.write("tasks.json", json.dumps(_IMPORTED))
    all_work(bare, bare.runr("import", "tasks.json", "--yes", code=0))
    assert "Import 1 task" in bare.git("log", "-1", "--format=%s")


def test_nothing_is_committed_in_the_middle_of_a_merge(place: Place) -> None:
    merging(place)
    shutil.rmtree(place.root / ".runr")
    steps = each_works(place, place.runr("init", code=0))
    assert not [step for step in steps if step.startswith("git ")]


def test_a_task_with_an_odd_name_is_shown_and_run(place: Place) -> None:
    each_works(place, place.runr("new", "--", ODD.removesuffix(".md"), code=0))
    each_works(place, place.runr("new", "b c", "--type", "manual", code=0))


# What an odd repository says.


def merging(place: Place) -> None:
    """Leave a merge with a conflict in progress."""
    place.commit("Here")
    place.diverge()
    assert place.paste("git merge other").code == 1


def rebasing(place: Place) -> None:
    """Leave a rebase with a conflict in progress."""
    merging(place)
    place.git("merge", "--abort")
    assert place.paste("git rebase other").code == 1


def detached(place: Place) -> None:
    place.git("checkout", "-q", "--detach")


def called_bare(place: Place) -> None:
    place.git("config", "core.bare", "true")


ODDITIES: dict[str, Callable[[Place], None]] = {
    "merge": merging,
    "rebase": rebasing,
    "detached": detached,
    "core.bare": called_bare,
}

_WORDS = (
    ("run", "--task", "a"),
    ("doctor",),
    ("intervene", "--reason", "mine"),
    ("init",),
    ("list-tasks",),
    ("complete-task", "a"),
    ("status", "--infer-from-git"),
)


@pytest.mark.parametrize("oddity", ["merge", "core.bare", *also_long("rebase", "detached")])
def test_in_an_odd_repository_each_step_works(place: Place, oddity: str) -> None:
    place.script("a.md", "echo 1 > a.txt", "verify: ['test -d .']")
    place.commit("Task")
    ODDITIES[oddity](place)
    for words in _WORDS:
        for step in kept(place, f"runr {' '.join(words)}").steps:
            result = kept_after(place, words, step)
            if "core.bare is true" not in result.err:  # that refusal has the remedy
                accepted(step, result)


def kept_after(place: Place, words: tuple[str, ...], step: str) -> Result:
    """Repeat a command, run a step after it, and put the repository back."""
    aside = place.root.with_name("before")
    shutil.copytree(place.root, aside, symlinks=True)
    try:
        repeated = place.runr(*words)
        same = [new for new in repeated.steps if new.split()[:2] == step.split()[:2]]
        return place.paste(same[0] if same else step)
    finally:
        shutil.rmtree(place.root)
        aside.rename(place.root)


def given_away(place: Place) -> None:
    """Give the repository to another user."""
    for folder, names, files in os.walk(place.root):
        for name in (".", *names, *files):
            os.chown(Path(folder, name), 12345, 12345)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("words", [("run", "--task", "a"), ("doctor",)])
def test_a_repository_of_another_user_is_used_after_the_printed_step(
    place: Place, words: tuple[str, ...]
) -> None:
    place.task("a.md", "verify: ['test -d .']")
    given_away(place)
    refused = place.runr(*words)
    assert "dubious ownership" in refused.err + refused.out
    all_work(place, refused)
    assert "dubious ownership" not in place.runr(*words).err


@pytest.mark.parametrize("words", [("status",), ("next",)])
@pytest.mark.parametrize(
    ("refuse", "remedy"),
    [
        (called_bare, "git config core.bare false"),
        pytest.param(
            given_away,
            "git config --global --add safe.directory",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away"),
        ),
    ],
)
def test_where_git_does_not_work_its_remedy_is_the_first_step(
    place: Place, refuse: Callable[[Place], None], remedy: str, words: tuple[str, ...]
) -> None:
    place.script("a.md", "echo 1 > a.txt", "verify: ['test -d .']")
    place.commit("Task")
    refuse(place)
    printed = place.runr(*words, code=0)
    assert printed.steps[0].startswith(remedy)
    all_work(place, printed)


def test_outside_of_any_repository_the_step_makes_one(place: Place) -> None:
    outside = place.home / "no repository"
    outside.mkdir()
    there = Place(outside, place.home)
    all_work(there, there.runr("list-tasks", code=2))
    assert there.runr("list-tasks", code=0).steps
    elsewhere = place.home / "neither"
    elsewhere.mkdir()
    all_work(there, there.runr("--repo", str(elsewhere), "list-tasks", code=2))
    assert (elsewhere / ".git").is_dir()


def test_a_repository_without_commits_gets_its_first(bare: Place) -> None:
    bare.config('[run]\nworker = "script"\n[verify]\ntier1 = ["test -d ."]\n')
    bare.script("a.md", "echo 1 > a.txt")
    all_work(bare, bare.runr("run", "--task", "a", code=2))
    bare.run("a")
